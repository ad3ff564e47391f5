//! A minibatch's inputs without their zeros, four neighbouring inputs at a time.
//!
//! A *quad* is four neighbouring inputs: in a row of pixels, four neighbours. Neighbouring pixels are nearly always 0 in the same
//! examples. Each quad has a list of its *entries*: the examples in which at least one of its four inputs isn't 0.
//!
//! ```text
//! lists    │ quad 12: examples 0,3,5 │ quad 13: examples 0,3 │ quad 15: example 5 │ …
//! entries  │ x₀ x₃ x₅                │ x₀ x₃                 │ x₅                 │     four values each
//! ```
//!
//! Both products walk through the lists once, for some columns of W at a time:
//!
//! ```text
//! for each list:
//!     load the quad's four rows of W into registers
//!     for each entry (example i, values x[0..4]):
//!         forward:  sums[i]  += x[0]·w[0] + x[1]·w[1] + x[2]·w[2] + x[3]·w[3]
//!         update:   w[0..4]  += x[0..4] · error[i]
//!     update: store the four rows
//! ```
//!
//! 1. W is read once, or read and written once, however many examples there are. Where no input is 0, the walk is as fast as the
//!    blocked product of [`gemm`](crate::gemm).
//! 2. Examples are taken 64 at a time at most, so that their sums, or errors, stay in the first-level cache.
//! 3. Four inputs share a list, because that leaves the fewest multiply-adds: an image of a digit has 150 inputs that aren't 0 among
//!    784, and its entries hold 221. Four examples that share a list of inputs would hold 306, and 16 examples 416.

mod gather;
mod products;

pub use products::sparse_gemm;
pub(crate) use products::{Forward, Gradient, STRIP, Update};

use super::examples::Examples;
use crate::matrix::Line;
use crate::simd::Isa;
use std::ops::Range;

/// Neighbouring inputs that share a list.
pub(crate) const QUAD: usize = 4;

/// Examples of a bundle, at most, each a bit of a word. Their sums in a strip of 64 columns take 16 KiB.
const BUNDLE: usize = 64;

/// Entries that are written at once, and so past the last one.
const SLACK: usize = 16;

/// Inputs X (m × k) of some examples, quad by quad, without what is 0.
///
/// ```
/// use minibatch_kernels::{Isa, Matrix, Panels, SparseInputs, Store, sparse_gemm};
///
/// let mut w = Panels::zeros(3, 2);
/// (0..3).for_each(|k| w.set(k, 1, k as f32));
/// let (isa, mut x, mut c) = (Isa::detect(), SparseInputs::new(3, 1), Matrix::zeros(1, 2));
/// x.gather_bytes(isa, 1, |_| &[0, 51, 255]);
/// sparse_gemm(isa, &x, &w, &[0.5, 0.0], &mut c.view_mut(), &Store);
/// assert_eq!(c.row(0), [0.5, 2.2]);
/// ```
#[derive(Clone, Debug)]
pub struct SparseInputs {
    /// n_0
    inputs: usize,
    /// Examples there is room for.
    capacity: usize,
    /// Examples of a bundle.
    bundle: usize,
    /// Examples taken in last; 0 while that has not been finished.
    examples: usize,
    /// The first `list_ends[last]` are the lists of quads with entries, bundle after bundle, quads ascending in each.
    lists: Vec<List>,
    /// Where the lists of each bundle end.
    list_ends: Vec<usize>,
    /// The four bytes of each entry.
    quads: Vec<[u8; QUAD]>,
    /// The four values of each entry, a quarter of a line.
    values: Vec<Line>,
}

/// The entries of a quad in a bundle: from the end of the list before.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    /// Inputs `QUAD · quad` and the next ones.
    quad: u32,
    end: u32,
    /// Bit i: example i of the bundle has an entry.
    examples: u64,
}

/// Bytes that a list takes, beside its entries.
pub(crate) const LIST_BYTES: usize = size_of::<List>();

/// The quads of `inputs`, which begin at a multiple of four, and end at one or with the last.
pub(crate) fn quads(inputs: &Range<usize>) -> Range<usize> {
    inputs.start / QUAD..inputs.end.div_ceil(QUAD)
}

impl SparseInputs {
    /// Room for up to `examples` examples of `inputs` inputs.
    ///
    /// # Panics
    ///
    /// If there are more than 2³¹ inputs, or more than [`most_examples`](Self::most_examples).
    #[must_use]
    pub fn new(inputs: usize, examples: usize) -> SparseInputs {
        SparseInputs::in_bundles(inputs, examples, BUNDLE)
    }

    /// The most examples of `inputs` inputs that there can be room for: with 2³² quads of four inputs.
    #[must_use]
    pub fn most_examples(inputs: usize) -> usize {
        let entries = u32::MAX - SLACK as u32;
        entries as usize / inputs.div_ceil(QUAD).max(1)
    }

    /// As [`new`](Self::new), in bundles of `bundle` examples, or of as many as a bundle can have.
    pub(crate) fn in_bundles(inputs: usize, examples: usize, bundle: usize) -> SparseInputs {
        assert!(inputs <= 1 << 31, "{inputs} inputs");
        assert!(examples <= Self::most_examples(inputs), "{examples} examples of {inputs} inputs");
        let bundle = bundle.min(BUNDLE).min(examples).max(1);
        let (quads, bundles) = (inputs.div_ceil(QUAD), examples.div_ceil(bundle));
        let entries = examples * quads + SLACK;
        SparseInputs {
            inputs,
            capacity: examples,
            bundle,
            examples: 0,
            lists: vec![List::default(); bundles * quads + 1],
            list_ends: Vec::with_capacity(bundles),
            // These are given room when there are bytes.
            quads: Vec::new(),
            values: vec![Line::ZERO; entries.div_ceil(Line::LEN / QUAD) + 1],
        }
    }

    /// n_0.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of examples.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// Number of entries: quads of an example that aren't 0.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries_before(self.lists())
    }

    /// Number of lists: quads of a bundle of examples that aren't 0 in all of it.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.bundles().checked_sub(1).map_or(0, |last| self.list_ends[last])
    }

    /// An input of an example; none where the products leave it out.
    ///
    /// # Panics
    ///
    /// If there is no such input or example.
    #[must_use]
    pub fn get(&self, example: usize, input: usize) -> Option<f32> {
        assert!(example < self.examples && input < self.inputs, "input {input} of example {example}");
        let mut lists = self.bundle_lists(example / self.bundle);
        let at = lists.find(|&at| self.lists[at].quad as usize == input / QUAD)?;
        let (examples, bit) = (self.lists[at].examples, 1 << (example % self.bundle));
        let entry = self.entries_before(at) + (examples & (bit - 1)).count_ones() as usize;
        let value = entry * QUAD + input % QUAD;
        (examples & bit != 0).then(|| self.values[value / Line::LEN].0[value % Line::LEN])
    }

    /// Takes in `examples` examples.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather(&mut self, isa: Isa, examples: usize, from: Examples<'_>) {
        match from {
            Examples::Bytes(row) => self.gather_from_bytes(isa, examples, gather::CHUNK, row),
            Examples::Floats(row) => self.gather_floats(isa, examples, row),
        }
    }

    /// Takes in `examples` examples of bytes, as numbers in [0, 1]: the correctly rounded x/255. `row(i)` is example i. Asks the
    /// memory for as many more, as if they followed in order; where they don't, [`gather`](Self::gather) is faster.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub fn gather_bytes<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [u8]) {
        self.gather_from_bytes(isa, examples, self.bundle * self.inputs, row);
    }

    /// Bundles of examples.
    pub(crate) fn bundles(&self) -> usize {
        self.examples.div_ceil(self.bundle)
    }

    /// The examples of a bundle.
    fn bundle_examples(&self, bundle: usize) -> Range<usize> {
        let first = bundle * self.bundle;
        first..self.examples.min(first + self.bundle)
    }

    /// The lists of a bundle.
    fn bundle_lists(&self, bundle: usize) -> Range<usize> {
        let start = if bundle == 0 { 0 } else { self.list_ends[bundle - 1] };
        start..self.list_ends[bundle]
    }

    /// The lists of a bundle whose quads lie in `quads`.
    fn lists_of(&self, bundle: usize, quads: Range<usize>) -> Range<usize> {
        let all = self.bundle_lists(bundle);
        if quads == (0..self.inputs.div_ceil(QUAD)) {
            return all;
        }
        let below =
            |quad| all.start + self.lists[all.clone()].partition_point(|list| (list.quad as usize) < quad);
        below(quads.start)..below(quads.end)
    }

    /// Entries of all lists before this one.
    fn entries_before(&self, list: usize) -> usize {
        if list == 0 { 0 } else { self.lists[list - 1].end as usize }
    }
}
