//! A minibatch's inputs for a team, in the form that its first layer's products want.

use super::examples::Examples;
use super::expected::Expected;
use super::groups::{GROUP, GroupedInputs};
use super::quads::{LIST_BYTES, QUAD, SparseInputs};
use crate::matrix::{LINE, Matrix};
use crate::simd::{ArithmeticClass, Isa};

/// A minibatch's inputs for a team: a copy for each member.
///
/// Every member gathers its own copy, in the phase in which it first needs it ([`gather_gemm`](crate::gather_gemm)). Fetching
/// converted inputs from another core's cache would cost more than converting them again.
#[derive(Clone, Debug)]
pub struct TeamInputs {
    pub(crate) copies: Vec<MemberInputs>,
    /// Members that share the current minibatch's products: each has gathered it. 0 before the first, and after a panic.
    pub(crate) sharing: usize,
    inputs: usize,
    /// In the current minibatch.
    pub(crate) examples: usize,
}

/// One member's copy. It fills pairs of cache lines, because a core fetches lines in pairs and must not take another member's.
#[derive(Clone, Debug)]
#[repr(align(128))]
pub(crate) struct MemberInputs {
    pub(crate) form: Form,
    pub(crate) expected: Expected,
}

/// How a minibatch's inputs are kept.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// In quads, without zeros.
    Sparse(SparseInputs),
    /// In groups of four examples, without inputs that are 0 in all of them: for one register of columns.
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
    #[must_use]
    pub fn new(isa: Isa, inputs: usize, outputs: usize, examples: usize, members: usize) -> TeamInputs {
        assert!(members > 0, "a team has members");
        let form = match isa.class() {
            ArithmeticClass::Matrixmultiply => Form::Dense(Matrix::zeros(examples, inputs)),
            // So narrow a layer is shared by examples, in whole bundles of them.
            ArithmeticClass::Fused if outputs < LINE * members => {
                let bundle = examples.div_ceil(members).next_multiple_of(LINE);
                Form::Sparse(SparseInputs::in_bundles(inputs, examples, bundle))
            }
            ArithmeticClass::Fused => Form::Sparse(SparseInputs::new(inputs, examples)),
        };
        TeamInputs::of(form, inputs, examples, members)
    }

    /// As [`new`](Self::new), for a layer whose update is [`accumulate_gathered`](crate::accumulate_gathered): where it has few
    /// neurons, that can be done faster.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[must_use]
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
    #[must_use]
    pub fn most_examples(inputs: usize) -> usize {
        SparseInputs::most_examples(inputs)
    }

    /// n_0.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Examples in the current minibatch.
    #[must_use]
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
            Form::Dense(x) => from.copy_to(isa, &mut x.top_mut(examples)),
        }
    }
}

/// The most bytes that the inputs of `examples` examples take in any of their forms.
pub(crate) fn footprint(inputs: usize, examples: usize) -> u64 {
    /// The fewest examples of a bundle, but for the last.
    const LEAST: usize = 16;
    let quads = inputs.div_ceil(QUAD) as u64;
    let lists = (examples.div_ceil(LEAST) as u64).saturating_mul(quads).saturating_mul(LIST_BYTES as u64);
    // An entry is four values and four bytes. Four examples that share a list have with each input its number as well.
    let entry = (QUAD * size_of::<f32>() + QUAD + QUAD * size_of::<u32>() / GROUP) as u64;
    let entries = (examples as u64).saturating_add(GROUP as u64).saturating_mul(quads);
    lists.saturating_add(entries.saturating_mul(entry)).saturating_add(4096)
}
