//! A minibatch's inputs and targets, to change.

use super::changed::{Changed, Form, Maker, room};
use crate::draws::Draws;
use crate::examples::{bytes, floats};
use minibatch_data::{Dataset, Row};
use minibatch_kernels::{
    AffineMap, Canvas, Elastic, Examples, Isa, Mat, MatMut, Matrix, PictureShape, Smoothing, Team, mix,
};

/// The work that is worth another member, in nanoseconds: a phase takes one or two thousand.
const WORK_PER_MEMBER: f64 = 10_000.0;

/// A minibatch's inputs (B × n_0) and targets (B × n_L), which an [`Augmentation`](super::Augmentation) changes.
///
/// Changes of single examples go through [`for_each_example`](Self::for_each_example), which works on bytes where the data are bytes,
/// and on several threads. Others take [`inputs`](Self::inputs) and [`targets`](Self::targets) as numbers, or [`mix`](Self::mix) them.
#[derive(Debug)]
pub struct Minibatch<'a> {
    pub(super) team: &'a Team<'a>,
    pub(super) data: &'a Dataset,
    pub(super) step: Draws<'a>,
    pub(super) changed: &'a mut Changed,
    pub(super) targets: &'a mut Matrix,
    /// The augmentation's place in the list, and its work for an input in nanoseconds.
    pub(super) place: usize,
    pub(super) work: f64,
    /// How inputs stood before this augmentation took numbers, once it has.
    pub(super) mixes: Option<Form>,
    /// Whether the targets before this augmentation are kept.
    pub(super) keeps_targets: bool,
}

impl Minibatch<'_> {
    /// B, the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.step.indices.len()
    }

    /// The number of the step in the run, counted from 0.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step.number
    }

    /// The index in the training set of the example in `row`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn index(&self, row: usize) -> u32 {
        self.step.indices[row]
    }

    /// The shape of an example: rows and columns of a picture.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.data.example_shape()
    }

    /// The inputs of `row`, to change. Pixels are numbers from 0 to 1.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn inputs(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows(), "a row of the minibatch");
        self.take_numbers();
        let inputs = self.changed.inputs;
        &mut self.changed.numbers[row * inputs..][..inputs]
    }

    /// The targets of `row`, to change. A class is a row of zeros with a 1.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn targets(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows(), "a row of the minibatch");
        self.keep_targets();
        self.targets.row_mut(row)
    }

    /// Inputs and targets of `row` become `share` of what they are, and 1 − `share` of those that the example in row `other` had before
    /// this augmentation. Each number is rounded twice.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn mix(&mut self, row: usize, other: usize, share: f32) {
        assert!(row < self.rows() && other < self.rows(), "rows of the minibatch");
        let before = self.take_numbers();
        self.keep_targets();
        let (isa, index, width) = (self.team.isa(), self.index(other) as usize, self.targets.cols());
        let Changed { bytes: all_bytes, numbers, before: all_before, targets, row: kept, inputs, .. } =
            &mut *self.changed;
        let n = *inputs;
        let of_bytes = |bytes: &[u8], kept: &mut Vec<f32>| {
            room(kept, n);
            Examples::Bytes(&|_| bytes).copy_to(isa, &mut MatMut::row_major(kept, 1, n));
        };
        let from = match (before, self.data.input(index)) {
            (Form::Numbers, _) => &all_before[other * n..][..n],
            (Form::Data, Row::Floats(floats)) => floats,
            (Form::Data, Row::Bytes(bytes)) => {
                of_bytes(bytes, kept);
                &kept[..n]
            }
            (Form::Bytes, _) => {
                of_bytes(&all_bytes[other * n..][..n], kept);
                &kept[..n]
            }
        };
        let to = &mut MatMut::row_major(&mut numbers[row * n..][..n], 1, n);
        mix(isa, to, Mat::row_major(from, 1, n), share);
        let from = Mat::row_major(&targets[other * width..], 1, width);
        mix(isa, &mut self.targets.rows_mut(row..row + 1), from, share);
    }

    /// Four random numbers: a function of the run's seed, the step, the augmentation's place in the list, the example in `row` and
    /// `nth`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn draw(&self, row: usize, nth: u32) -> [u32; 4] {
        self.step.draw(row, nth, self.step.word(self.place))
    }

    /// Four random numbers that all rows share: a function of the run's seed, the step, the augmentation's place in the list and `nth`.
    #[must_use]
    pub fn draw_of_step(&self, nth: u32) -> [u32; 4] {
        self.step.draw_for_all(nth, self.step.word(self.place))
    }

    /// Calls `change` for every example, each by itself, in whatever order; members of the team share them.
    pub fn for_each_example(&mut self, change: impl Fn(&mut Change<'_>) + Sync) {
        let (rows, n, team, data, step) = (self.rows(), self.changed.inputs, self.team, self.data, self.step);
        let word = step.word(self.place);
        let worth = (self.work * (rows * n) as f64 / WORK_PER_MEMBER) as usize;
        let Changed { form, bytes: all_bytes, numbers, makers, .. } = &mut *self.changed;
        let input = |row: usize| data.input(step.indices[row] as usize);
        let of_bytes = matches!(input(0), Row::Bytes(_));
        let begins = *form == Form::Data;
        if *form == Form::Bytes || begins && of_bytes {
            room(all_bytes, rows * n);
            makers.iter_mut().filter(|_| !begins).for_each(|maker| room(&mut maker.bytes, n));
            team.share_slices(&mut all_bytes[..rows * n], n, makers, worth, |isa, row, to, maker| {
                let Maker { canvas, bytes: old, .. } = maker;
                let from = if begins { bytes(input(row)) } else { kept(old, to) };
                let values = Values::Bytes { from, to };
                change(&mut Change { isa, data, step, word, row, values, canvas: canvas.as_mut() });
            });
            *form = Form::Bytes;
        } else {
            room(numbers, rows * n);
            makers.iter_mut().filter(|_| !begins).for_each(|maker| room(&mut maker.numbers, n));
            team.share_slices(&mut numbers[..rows * n], n, makers, worth, |isa, row, to, maker| {
                let Maker { canvas, numbers: old, .. } = maker;
                let from = if begins { floats(input(row)) } else { kept(old, to) };
                let values = Values::Numbers { from, to };
                change(&mut Change { isa, data, step, word, row, values, canvas: canvas.as_mut() });
            });
            *form = Form::Numbers;
        }
    }

    /// Resamples every example, a picture, by the map that follows from its first two draws, and by fields of this α if there are any.
    /// They are drawn from the third on.
    pub(super) fn warp(
        &mut self,
        map: impl Fn([[u32; 4]; 2]) -> AffineMap + Sync,
        elastic: Option<(f32, &Smoothing)>,
    ) {
        let shape = PictureShape::new(self.shape()).expect("the trainer saw that they are pictures");
        self.changed.prepare(shape, elastic.map(|(_, smoothing)| smoothing));
        self.for_each_example(|example| {
            let map = map([example.draw(0), example.draw(1)]);
            let Change { isa, step, word, row, .. } = *example;
            let elastic = elastic.map(|(alpha, smoothing)| {
                let counter = step.counter(step.indices[row], 2, word);
                Elastic { alpha, smoothing, key: step.key, counter }
            });
            let canvas = example.canvas.as_mut().expect("a canvas");
            match &mut example.values {
                Values::Bytes { from, to } => canvas.warp(isa, &map, elastic.as_ref(), from, to),
                Values::Numbers { from, to } => canvas.warp(isa, &map, elastic.as_ref(), from, to),
            }
        });
    }

    /// Makes the inputs numbers, if this augmentation hasn't yet, and keeps what they were. Returns the form of that.
    fn take_numbers(&mut self) -> Form {
        if let Some(before) = self.mixes {
            return before;
        }
        let before = self.changed.form;
        if before == Form::Numbers {
            let len = self.rows() * self.changed.inputs;
            room(&mut self.changed.before, len);
            self.changed.before[..len].copy_from_slice(&self.changed.numbers[..len]);
        } else {
            self.changed.make_numbers(self.team.isa(), self.data, self.step.indices);
        }
        self.mixes = Some(before);
        before
    }

    /// Keeps the targets as they were before this augmentation.
    fn keep_targets(&mut self) {
        if !self.keeps_targets {
            let (rows, width) = (self.rows(), self.targets.cols());
            room(&mut self.changed.targets, rows * width);
            for (row, kept) in self.changed.targets.chunks_exact_mut(width).take(rows).enumerate() {
                kept.copy_from_slice(self.targets.row(row));
            }
            self.keeps_targets = true;
        }
    }
}

/// A copy of what is about to be changed.
fn kept<'a, T: Copy>(old: &'a mut [T], now: &[T]) -> &'a [T] {
    let old = &mut old[..now.len()];
    old.copy_from_slice(now);
    old
}

/// An example of a minibatch, to be changed by itself.
#[derive(Debug)]
pub struct Change<'a> {
    isa: Isa,
    data: &'a Dataset,
    step: Draws<'a>,
    /// The last word of its draws' counter.
    word: u32,
    row: usize,
    values: Values<'a>,
    canvas: Option<&'a mut Canvas>,
}

/// The inputs of an example (n_0): as they are, and room for what they become. The room holds anything at first.
#[derive(Debug)]
pub enum Values<'a> {
    /// Pixels, 0 to 255.
    Bytes {
        /// The inputs as they are.
        from: &'a [u8],
        /// The inputs as they become.
        to: &'a mut [u8],
    },
    /// Numbers.
    Numbers {
        /// The inputs as they are.
        from: &'a [f32],
        /// The inputs as they become.
        to: &'a mut [f32],
    },
}

impl Change<'_> {
    /// The index of the example in the training set.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.step.indices[self.row]
    }

    /// The shape of the example: rows and columns of a picture.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.data.example_shape()
    }

    /// Four random numbers, as [`Minibatch::draw`] has them.
    #[must_use]
    pub fn draw(&self, nth: u32) -> [u32; 4] {
        self.step.draw(self.row, nth, self.word)
    }

    /// The inputs as they are, and as they become. All that they become is to be written.
    pub fn values(&mut self) -> Values<'_> {
        match &mut self.values {
            Values::Bytes { from, to } => Values::Bytes { from, to },
            Values::Numbers { from, to } => Values::Numbers { from, to },
        }
    }
}
