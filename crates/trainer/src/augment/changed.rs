//! The memory in which a minibatch's inputs and targets are changed before a step.
//!
//! Inputs have one of three forms. They are the dataset's own rows until something changes them. A change of single examples makes
//! bytes of bytes, so that the usual gather follows, and numbers of numbers. Whatever wants numbers makes numbers of bytes.

use crate::examples::with_examples;
use minibatch_data::Dataset;
use minibatch_kernels::{Canvas, Examples, Isa, Mat, MatMut, PictureShape, Smoothing};

/// How the inputs of a minibatch stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the dataset, unchanged.
    Data,
    /// As bytes, of the dataset's kind.
    Bytes,
    /// As numbers.
    Numbers,
}

/// The inputs of a minibatch, with the memory in which they are changed. It grows in the first step.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(super) form: Form,
    /// A_0 (B × n_0) as bytes
    pub(super) bytes: Vec<u8>,
    /// A_0 (B × n_0) as numbers
    pub(super) numbers: Vec<f32>,
    /// The numbers before the augmentation that mixes them.
    pub(super) before: Vec<f32>,
    /// Y (B × n_L) before that.
    pub(super) targets: Vec<f32>,
    /// One input (n_0) as numbers.
    pub(super) row: Vec<f32>,
    /// For each member of the team.
    pub(super) makers: Vec<Maker>,
    /// n_0
    pub(super) inputs: usize,
}

/// What a member needs to change an example. It begins on a pair of cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Maker {
    pub(super) canvas: Option<Canvas>,
    /// The example before the change, if what was there isn't in the dataset.
    pub(super) bytes: Vec<u8>,
    pub(super) numbers: Vec<f32>,
}

impl Changed {
    /// No minibatch yet, for a team of so many members and examples of n_0 `inputs`.
    pub(crate) fn new(inputs: usize, members: usize) -> Changed {
        Changed {
            form: Form::Data,
            bytes: Vec::new(),
            numbers: Vec::new(),
            before: Vec::new(),
            targets: Vec::new(),
            row: Vec::new(),
            makers: (0..members).map(|_| Maker::default()).collect(),
            inputs,
        }
    }

    /// Begins with a minibatch that nothing has changed.
    pub(crate) fn begin(&mut self) {
        self.form = Form::Data;
    }

    /// How the inputs stand.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The bytes of the example in `row`, if inputs are [bytes](Form::Bytes).
    pub(crate) fn bytes(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.inputs..][..self.inputs]
    }

    /// The numbers of the example in `row`, if inputs are [numbers](Form::Numbers).
    pub(crate) fn numbers(&self, row: usize) -> &[f32] {
        &self.numbers[row * self.inputs..][..self.inputs]
    }

    /// All numbers (rows × n_0), if inputs are numbers.
    pub(crate) fn all_numbers(&self, rows: usize) -> Option<Mat<'_>> {
        (self.form == Form::Numbers).then(|| Mat::row_major(&self.numbers, rows, self.inputs))
    }

    /// The inputs as numbers (rows × n_0), to change.
    pub(crate) fn make_numbers(&mut self, isa: Isa, data: &Dataset, indices: &[u32]) -> MatMut<'_> {
        let (rows, inputs) = (indices.len(), self.inputs);
        room(&mut self.numbers, rows * inputs);
        let numbers = &mut MatMut::row_major(&mut self.numbers, rows, inputs);
        match self.form {
            Form::Numbers => {}
            Form::Bytes => {
                Examples::Bytes(&|row| &self.bytes[row * inputs..][..inputs]).copy_to(isa, numbers);
            }
            Form::Data => {
                with_examples(data, |row| indices[row] as usize, |examples| examples.copy_to(isa, numbers));
            }
        }
        self.form = Form::Numbers;
        MatMut::row_major(&mut self.numbers, rows, inputs)
    }

    /// Gives every member what it needs to resample pictures.
    pub(super) fn prepare(&mut self, shape: PictureShape, smoothing: Option<&Smoothing>) {
        for maker in &mut self.makers {
            let canvas = maker.canvas.get_or_insert_with(|| Canvas::new(shape));
            if let Some(smoothing) = smoothing {
                canvas.reserve(smoothing);
            }
        }
    }
}

/// Makes `buffer` at least so long. Allocates only when it grows.
pub(super) fn room<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}
