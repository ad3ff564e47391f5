//! A minibatch's inputs for a team, in the form that its first layer's products want.

use crate::compact::CompactInputs;
use crate::gemm::sizes;
use crate::isa::{ArithmeticClass, Isa};
use crate::prefetch::Expected;
use crate::sparse::SparseInputs;

/// Where a minibatch's examples come from: a function from 0, 1, … to the inputs of that example.
#[derive(Clone, Copy)]
pub enum Examples<'a> {
    /// Bytes, taken as numbers in [0, 1]: the correctly rounded x/255.
    Bytes(&'a (dyn Fn(usize) -> &'a [u8] + Sync + 'a)),
    /// Numbers as they are.
    Floats(&'a (dyn Fn(usize) -> &'a [f32] + Sync + 'a)),
}

/// A minibatch's inputs for a team: a copy for each member.
///
/// Members gather redundantly, each its own copy in the phase in which it first needs it
/// ([`gather_gemm`](crate::gather_gemm)): fetching the converted inputs from another core's cache would cost more than
/// converting them.
#[derive(Clone, Debug)]
pub struct TeamInputs {
    pub(crate) copies: Vec<MemberInputs>,
    /// Members that share the current minibatch's products, and so have gathered it.
    pub(crate) sharing: usize,
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
    /// Without inputs that are 0 in the whole minibatch.
    Compact(CompactInputs),
    /// In groups of four examples, each without inputs that are 0 in the group.
    Sparse(SparseInputs),
}

impl TeamInputs {
    /// Room for minibatches of up to `examples` examples of `inputs` inputs, in a team of `members`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs, or no members.
    pub fn new(inputs: usize, examples: usize, members: usize) -> TeamInputs {
        TeamInputs::of(Form::Compact(CompactInputs::new(inputs, examples)), inputs, examples, members)
    }

    /// As [`new`](Self::new), for a layer of `outputs` neurons whose update is
    /// [`accumulate_gathered`](crate::accumulate_gathered) and nothing else. Then zeros can be left out of a few examples at a
    /// time rather than of the whole minibatch, which saves more of them.
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
        if examples > sizes::GATHERED_ROWS || isa.class() != ArithmeticClass::Fused {
            return TeamInputs::new(inputs, examples, members);
        }
        TeamInputs::of(Form::Sparse(SparseInputs::new(inputs, outputs, examples)), inputs, examples, members)
    }

    fn of(form: Form, inputs: usize, examples: usize, members: usize) -> TeamInputs {
        assert!(members > 0, "a team has members");
        let copy = MemberInputs { form, expected: Expected::new(inputs, examples) };
        TeamInputs { copies: vec![copy; members], sharing: 0 }
    }

    /// n_0.
    pub fn inputs(&self) -> usize {
        match &self.copies[0].form {
            Form::Compact(x) => x.inputs(),
            Form::Sparse(x) => x.inputs(),
        }
    }

    /// Examples in the current minibatch.
    pub fn examples(&self) -> usize {
        match &self.copies[0].form {
            Form::Compact(x) => x.examples(),
            Form::Sparse(x) => x.examples(),
        }
    }

    /// Tells which rows of n_0 bytes will be gathered next: the update of few examples asks the memory for them on its way. Never
    /// changes a result.
    pub fn expect<'r>(&mut self, rows: &(impl Iterator<Item = &'r [u8]> + Clone)) {
        for copy in &mut self.copies[..self.sharing] {
            copy.expected.take(rows.clone());
        }
    }

    /// The current minibatch, of inputs made by [`new`](Self::new).
    pub(crate) fn compact(&self, member: usize) -> &CompactInputs {
        match &self.copies[member].form {
            Form::Compact(x) => x,
            Form::Sparse(_) => panic!("inputs that are only to be accumulated"),
        }
    }
}

impl MemberInputs {
    /// Takes in `examples` examples.
    pub(crate) fn gather(&mut self, isa: Isa, examples: usize, from: Examples<'_>) {
        match &mut self.form {
            Form::Compact(x) => x.gather(isa, examples, from),
            Form::Sparse(x) => x.gather(isa, examples, from),
        }
    }
}
