//! A minibatch's inputs and targets, to change.

use crate::draws::Draws;
use crate::smoothing::class_targets;
use minibatch_data::{Dataset, Row, Targets};
use minibatch_kernels::Matrix;

/// A minibatch's inputs (B × n_0) and targets (B × n_L), which an [`Augmentation`](super::Augmentation) changes.
#[derive(Debug)]
pub struct Minibatch<'a> {
    data: &'a Dataset,
    step: Draws<'a>,
    inputs: &'a mut Matrix,
    targets: &'a mut Matrix,
    label_smoothing: f64,
}

impl<'a> Minibatch<'a> {
    /// The examples `indices` of `data`, which stand in the first rows of `inputs` and `targets`, in the step of this number.
    pub(crate) fn new(
        data: &'a Dataset,
        indices: &'a [u32],
        seed: u64,
        label_smoothing: f64,
        number: u64,
        inputs: &'a mut Matrix,
        targets: &'a mut Matrix,
    ) -> Minibatch<'a> {
        let step = Draws::new(seed, *b"augment\0", number, indices);
        Minibatch { data, step, inputs, targets, label_smoothing }
    }

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
        self.inputs.row_mut(row)
    }

    /// The targets of `row`, to change. A class is a row of zeros with a 1.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn targets(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows(), "a row of the minibatch");
        self.targets.row_mut(row)
    }

    /// Inputs and targets of `row` become `share` of what they are, and 1 − `share` of those that the example in row `other` has in
    /// the data. Each number is rounded twice.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn mix(&mut self, row: usize, other: usize, share: f32) {
        let (data, index, rest) = (self.data, self.index(other) as usize, 1.0 - share);
        let smoothing = self.label_smoothing;
        let mixed = |x: &mut f32, y: f32| *x = share.mul_add(*x, rest * y);
        let inputs = self.inputs(row);
        match data.input(index) {
            Row::Bytes(bytes) => {
                inputs.iter_mut().zip(bytes).for_each(|(x, &byte)| mixed(x, f32::from(byte) / 255.0));
            }
            Row::Floats(floats) => inputs.iter_mut().zip(floats).for_each(|(x, &y)| mixed(x, y)),
        }
        let targets = self.targets(row);
        match data.targets() {
            Targets::Values { data, width } => {
                targets.iter_mut().zip(&data[index * width..][..*width]).for_each(|(x, &y)| mixed(x, y));
            }
            Targets::Classes { labels, .. } => {
                let class = labels[index] as usize;
                let [off, on] = class_targets(smoothing, targets.len());
                targets.iter_mut().enumerate().for_each(|(j, x)| mixed(x, if j == class { on } else { off }));
            }
            _ => unreachable!("targets are classes or values"),
        }
    }

    /// Four random numbers: a function of the run's seed, the step, the example in `row` and `nth`.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn draw(&self, row: usize, nth: u32) -> [u32; 4] {
        self.step.draw(row, nth, self.step.upper())
    }
}
