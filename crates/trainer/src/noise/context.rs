//! The place of activations in a run, from which noise draws.

use super::Noise;
use crate::draws::Draws;
use minibatch_kernels::Isa;

/// The place of a part of A_l in a run: its layer, rows and columns, and the step of training.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    step: Draws<'a>,
    /// The instruction set that draws. It changes no number.
    isa: Isa,
    layer: usize,
    /// The part's first row in the minibatch, and its first column in A_l.
    first: (usize, usize),
}

impl Context<'_> {
    /// The number of the step in the run, counted from 0.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step.number
    }

    /// l, the layer whose activations are changed; 0 for the inputs.
    #[must_use]
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// The index in the training set of the example in `row` of the part.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn index(&self, row: usize) -> u32 {
        self.step.indices[self.first.0 + row]
    }

    /// The unit of the layer that is in column `col` of the part.
    #[must_use]
    pub fn unit(&self, col: usize) -> usize {
        self.first.1 + col
    }

    /// Four random numbers for `row` of the part. They are a function of the run's seed, the step, the layer, the row's example and
    /// `nth`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn draw(&self, row: usize, nth: u32) -> [u32; 4] {
        self.step.draw(self.first.0 + row, nth, self.step.word(self.layer))
    }

    /// Calls `f` with each of `values`, a row of the part, and a random number for it. The number is that of the unit, in whatever
    /// parts A_l is cut.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[inline]
    pub fn for_each(&self, row: usize, values: &mut [f32], f: impl Fn(&mut f32, u32)) {
        /// Numbers that are drawn at a time.
        const NUMBERS: usize = 256;
        let mut numbers = [0; NUMBERS];
        let (mut unit, mut values) = (self.unit(0), values);
        while !values.is_empty() {
            // A draw has the numbers of four units.
            let of_others = unit % 4;
            let count = values.len().min(NUMBERS - of_others);
            let numbers = &mut numbers[..of_others + count];
            let (nth, word) = ((unit / 4) as u32, self.step.word(self.layer));
            self.step.draws(self.isa, self.first.0 + row, nth, word, numbers);
            let (now, later) = values.split_at_mut(count);
            now.iter_mut().zip(&numbers[of_others..]).for_each(|(value, &number)| f(value, number));
            (unit, values) = (unit + count, later);
        }
    }

    /// The part of this part that begins at (row, col).
    pub(crate) fn part(self, row: usize, col: usize) -> Self {
        Context { first: (self.first.0 + row, self.first.1 + col), ..self }
    }
}

/// The noise of all layers in a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noises<'a> {
    /// The noise of the layers 0, 1, …
    layers: &'a [Option<Noise>],
    step: Draws<'a>,
    isa: Isa,
}

impl<'a> Noises<'a> {
    /// No noise, outside training.
    pub(crate) const NONE: Noises<'static> = Noises { layers: &[], step: Draws::NONE, isa: Isa::PORTABLE };

    /// The noise of the step of this number on these examples.
    pub(crate) fn new(
        isa: Isa,
        layers: &'a [Option<Noise>],
        seed: u64,
        number: u64,
        indices: &'a [u32],
    ) -> Noises<'a> {
        if layers.is_empty() {
            return Noises::NONE;
        }
        Noises { layers, step: Draws::new(seed, *b"noise\0\0\0", number, indices), isa }
    }

    /// The noise of layer l, and the place of A_l.
    pub(crate) fn of_layer(&self, l: usize) -> Option<(&'a Noise, Context<'a>)> {
        let noise = self.layers.get(l)?.as_ref()?;
        Some((noise, Context { step: self.step, isa: self.isa, layer: l, first: (0, 0) }))
    }
}
