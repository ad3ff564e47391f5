//! A minibatch's inputs for a team, in the form that its first layer's products want.

use crate::isa::{ArithmeticClass, Isa};
use crate::matrix::Matrix;
use crate::prefetch::Expected;
use crate::sparse::groups::GroupedInputs;
use crate::sparse::{SparseInputs, fractions_of};
use crate::storage::LINE;

/// Where a minibatch's examples come from: a function from 0, 1, … to the inputs of that example.
#[derive(Clone, Copy)]
pub enum Examples<'a> {
    /// Bytes, taken as numbers in [0, 1]: the correctly rounded x/255.
    Bytes(&'a (dyn Fn(usize) -> &'a [u8] + Sync + 'a)),
    /// Numbers as they are.
    Floats(&'a (dyn Fn(usize) -> &'a [f32] + Sync + 'a)),
}

impl Examples<'_> {
    /// Copies the first examples to rows of `to`, as many as it has.
    ///
    /// # Panics
    ///
    /// If an example's length isn't the number of columns.
    pub fn copy_to(self, isa: Isa, rows: usize, to: &mut Matrix) {
        for row in 0..rows {
            match self {
                Examples::Bytes(from) => {
                    let example = from(row);
                    assert!(example.len() == to.cols(), "an example of {} inputs", example.len());
                    fractions_of(isa, example, to.row_mut(row));
                }
                Examples::Floats(from) => {
                    let example = from(row);
                    assert!(example.len() == to.cols(), "an example of {} inputs", example.len());
                    to.row_mut(row).copy_from_slice(example);
                }
            }
        }
    }
}

/// A minibatch's inputs for a team: a copy for each member.
///
/// Members gather redundantly, each its own copy in the phase in which it first needs it
/// ([`gather_gemm`](crate::gather_gemm)): fetching the converted inputs from another core's cache would cost more than
/// converting them.
#[derive(Clone, Debug)]
pub struct TeamInputs {
    pub(crate) copies: Vec<MemberInputs>,
    /// Members that share the current minibatch's products, and so have gathered it. 0 before, and where one of them panicked.
    pub(crate) sharing: usize,
    inputs: usize,
    /// In the current minibatch.
    pub(crate) examples: usize,
}

/// One member's copy. Two cache lines: a core fetches them in pairs, and must not take another member's along.
#[derive(Clone, Debug)]
#[repr(align(128))]
pub(crate) struct MemberInputs {
    pub(crate) form: Form,
    pub(crate) expected: Expected,
}

/// How a minibatch's inputs are kept.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Without what is 0.
    Sparse(SparseInputs),
    /// Without what is 0 in all of four examples: for one register of columns.
    Grouped(GroupedInputs),
    /// All of them (B × n_0), for products by the matrixmultiply crate.
    Dense(Matrix),
}

impl TeamInputs {
    /// Room for minibatches of up to `examples` examples of `inputs` inputs, for a layer of `outputs` neurons that a team of
    /// `members` computes with the arithmetic of `isa`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs, more than [`most_examples`](Self::most_examples), or no members.
    pub fn new(isa: Isa, inputs: usize, outputs: usize, examples: usize, members: usize) -> TeamInputs {
        assert!(members > 0, "a team has members");
        let form = match isa.class() {
            ArithmeticClass::Matrixmultiply => Form::Dense(Matrix::zeros(examples, inputs)),
            // So narrow a layer is shared by examples, in whole blocks of them.
            ArithmeticClass::Fused if outputs < LINE * members => {
                let block = examples.div_ceil(members).next_multiple_of(LINE);
                Form::Sparse(SparseInputs::in_blocks(inputs, examples, block))
            }
            ArithmeticClass::Fused => Form::Sparse(SparseInputs::new(inputs, examples)),
        };
        TeamInputs::of(form, inputs, examples, members)
    }

    /// As [`new`](Self::new), for a layer whose update is [`accumulate_gathered`](crate::accumulate_gathered) and nothing else:
    /// where it has few neurons, that can be done faster.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn to_accumulate(
        isa: Isa,
        inputs: usize,
        outputs: usize,
        examples: usize,
        members: usize,
    ) -> TeamInputs {
        let fused = members == 1 && isa.class() == ArithmeticClass::Fused;
        match fused.then(|| GroupedInputs::for_layer(isa, inputs, outputs, examples)).flatten() {
            Some(grouped) => TeamInputs::of(Form::Grouped(grouped), inputs, examples, members),
            None => TeamInputs::new(isa, inputs, outputs, examples, members),
        }
    }

    fn of(form: Form, inputs: usize, examples: usize, members: usize) -> TeamInputs {
        let copy = MemberInputs { form, expected: Expected::new(inputs, examples) };
        TeamInputs { copies: vec![copy; members], sharing: 0, inputs, examples: 0 }
    }

    /// The most examples of `inputs` inputs that there can be room for.
    pub fn most_examples(inputs: usize) -> usize {
        SparseInputs::most_examples(inputs)
    }

    /// n_0.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Examples in the current minibatch.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Tells which rows of n_0 bytes will be gathered next: the update asks the memory for them on its way. Never changes a
    /// result.
    pub fn expect<'r>(&mut self, rows: &(impl Iterator<Item = &'r [u8]> + Clone)) {
        for copy in &mut self.copies[..self.sharing] {
            copy.expected.take(rows.clone());
        }
    }
}

impl MemberInputs {
    /// Takes in `examples` examples.
    pub(crate) fn gather(&mut self, isa: Isa, examples: usize, from: Examples<'_>) {
        match &mut self.form {
            Form::Sparse(x) => x.gather(isa, examples, from),
            Form::Grouped(x) => x.gather(isa, examples, from),
            Form::Dense(x) => from.copy_to(isa, examples, x),
        }
    }
}
