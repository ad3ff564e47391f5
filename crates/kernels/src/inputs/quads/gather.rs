//! Taking in a minibatch: from rows of bytes or numbers to lists of entries.

use super::{BUNDLE, List, QUAD, SLACK, SparseInputs};
use crate::matrix::LINE;
use crate::simd::{Isa, Kernel, Vector, math, prefetch_line};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Examples whose quads are transposed together.
const TALL: usize = 16;

/// Quads that are transposed together: a cache line of bytes.
const WIDE: usize = 16;

/// Bytes of these.
pub(super) const CHUNK: usize = WIDE * QUAD;

impl SparseInputs {
    /// Takes in bytes; asks the memory for what lies `ahead` bytes after what it reads.
    pub(super) fn gather_from_bytes<'a>(
        &mut self,
        isa: Isa,
        examples: usize,
        ahead: usize,
        row: impl Fn(usize) -> &'a [u8],
    ) {
        self.begin(examples);
        if self.quads.is_empty() {
            self.quads = vec![[0; QUAD]; self.values.len() * LINE / QUAD];
        }
        isa.run(GatherBytes { x: self, examples, ahead, row });
        self.examples = examples;
    }

    /// Takes in numbers as they are.
    pub(super) fn gather_floats<'a>(&mut self, isa: Isa, examples: usize, row: impl Fn(usize) -> &'a [f32]) {
        self.begin(examples);
        isa.run(GatherFloats { x: self, examples, row });
        self.examples = examples;
    }

    /// There are no examples until all have been taken in: `row` may panic.
    fn begin(&mut self, examples: usize) {
        assert!(examples <= self.capacity, "{examples} examples, room for {}", self.capacity);
        self.examples = 0;
        self.list_ends.clear();
    }

    /// The rows of some examples, at most a bundle.
    #[inline(always)]
    fn rows_of<'a, T: 'a>(
        &self,
        examples: Range<usize>,
        row: &impl Fn(usize) -> &'a [T],
    ) -> [*const T; BUNDLE] {
        let mut rows = [std::ptr::null(); BUNDLE];
        for (at, example) in examples.enumerate() {
            let row = row(example);
            assert!(row.len() == self.inputs, "an example of {} inputs", row.len());
            rows[at] = row.as_ptr();
        }
        rows
    }
}

/// [`SparseInputs::gather_bytes`].
struct GatherBytes<'x, R> {
    x: &'x mut SparseInputs,
    examples: usize,
    ahead: usize,
    row: R,
}

/// The row that examples past the last one are read from.
static NOTHING: [u8; CHUNK] = [0; CHUNK];

/// The bytes of a few quads' entries, side by side, of a bundle that is transposed 16 examples at a time.
type Stage = Aligned<[[[u8; QUAD]; BUNDLE + SLACK]; WIDE]>;

/// On cache lines: a register that crosses from one to the next takes two accesses.
#[repr(C, align(64))]
struct Aligned<T>(T);

impl<'a, R: Fn(usize) -> &'a [u8]> Kernel for GatherBytes<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherBytes { x, examples: all, ahead, row } = self;
        // Written before it is read, as far as it is.
        let mut stage = MaybeUninit::<Stage>::uninit();
        let (mut at, mut list) = (0, 0);
        for start in (0..all).step_by(x.bundle) {
            let bundle = start..all.min(start + x.bundle);
            let (examples, begin) = (bundle.len(), at);
            let rows = x.rows_of(bundle, &row);
            for first in (0..x.inputs).step_by(CHUNK) {
                let bytes = CHUNK.min(x.inputs - first);
                let (quad, quads) = (first / QUAD, bytes.div_ceil(QUAD));
                // SAFETY: a row has `bytes` bytes from `first` on. There is room for as many entries as examples have quads, and for
                // `SLACK` more; the stage has room for a bundle's, and as many more.
                unsafe {
                    let (to, lists) = (x.quads.as_mut_ptr(), x.lists.as_mut_ptr());
                    let mut end_list = |q: usize, at: usize, examples: u64| {
                        lists.add(list).write(List { quad: (quad + q) as u32, end: at as u32, examples });
                        list += usize::from(examples != 0);
                    };
                    if examples <= TALL {
                        let transposed = transposed_quads::<V>(&rows, 0..examples, first, bytes, ahead);
                        for q in 0..quads {
                            let found = V::nonzero_quads(&transposed.0[q], to.add(at));
                            at += found.count_ones() as usize;
                            end_list(q, at, u64::from(found));
                        }
                    } else {
                        let stage = stage.as_mut_ptr().cast::<[[u8; QUAD]; BUNDLE + SLACK]>();
                        let mut found = [0u64; WIDE];
                        for tall in (0..examples).step_by(TALL) {
                            let some = tall..examples.min(tall + TALL);
                            let transposed = transposed_quads::<V>(&rows, some, first, bytes, ahead);
                            for q in 0..quads {
                                let to =
                                    stage.add(q).cast::<[u8; QUAD]>().add(found[q].count_ones() as usize);
                                found[q] |= u64::from(V::nonzero_quads(&transposed.0[q], to)) << tall;
                            }
                        }
                        for q in 0..quads {
                            let (from, count) =
                                (stage.add(q).cast::<[u8; QUAD]>(), found[q].count_ones() as usize);
                            for i in (0..count).step_by(SLACK) {
                                let line = from.add(i).cast::<[MaybeUninit<[u8; QUAD]>; SLACK]>().read();
                                to.add(at + i).cast::<[MaybeUninit<[u8; QUAD]>; SLACK]>().write(line);
                            }
                            at += count;
                            end_list(q, at, found[q]);
                        }
                    }
                }
            }
            // Whole lines: the first may convert again what ends the bundle before.
            let (from, to) = (x.quads.as_ptr().cast::<u8>(), x.values.as_mut_ptr().cast::<f32>());
            for i in (begin * QUAD / LINE * LINE..at * QUAD).step_by(V::LANES) {
                // SAFETY: an entry has four bytes and room for four values; there is room for `SLACK` entries more.
                unsafe { math::unit_from_byte(V::load_bytes(from.add(i))).store(to.add(i)) };
            }
            x.list_ends.push(list);
        }
    }
}

/// The chunk of `bytes` from `first` on of up to 16 rows, `some` of them, and zeros elsewhere: quad q of row i to lane i of
/// line q. Asks the memory for what lies `ahead` bytes after each.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the rows must have so many bytes.
#[inline(always)]
unsafe fn transposed_quads<V: Vector>(
    rows: &[*const u8; BUNDLE],
    some: Range<usize>,
    first: usize,
    bytes: usize,
    ahead: usize,
) -> Aligned<[[u32; TALL]; WIDE]> {
    /// What rows shorter than a chunk are copied by.
    const COPIED: usize = 16;
    let mut pointers = [NOTHING.as_ptr(); TALL];
    let mut short: [[u8; CHUNK]; TALL];
    let mut transposed = MaybeUninit::<Aligned<[[u32; TALL]; WIDE]>>::uninit();
    // SAFETY: as the caller's; what a row hasn't is read from a copy.
    unsafe {
        for (i, row) in rows[some.clone()].iter().enumerate() {
            pointers[i] = row.add(first);
            prefetch_line(row.wrapping_add(first + ahead));
        }
        if bytes < CHUNK {
            short = [[0; CHUNK]; TALL];
            for (from, to) in pointers[..some.len()].iter_mut().zip(&mut short) {
                let whole = bytes / COPIED * COPIED;
                for at in (0..whole).step_by(COPIED) {
                    let copied = from.add(at).cast::<[u8; COPIED]>().read();
                    to.as_mut_ptr().add(at).cast::<[u8; COPIED]>().write(copied);
                }
                (whole..bytes).for_each(|at| to[at] = *from.add(at));
                *from = to.as_ptr();
            }
        }
        V::transpose_quads(&pointers, transposed.as_mut_ptr().cast());
        transposed.assume_init()
    }
}

/// [`SparseInputs::gather_floats`].
struct GatherFloats<'x, R> {
    x: &'x mut SparseInputs,
    examples: usize,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [f32]> Kernel for GatherFloats<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherFloats { x, examples: all, row } = self;
        let (mut at, mut list) = (0, 0);
        for start in (0..all).step_by(x.bundle) {
            let bundle = start..all.min(start + x.bundle);
            let examples = bundle.len();
            let rows = x.rows_of(bundle, &row);
            for quad in 0..x.inputs.div_ceil(QUAD) {
                let (first, mut bits) = (quad * QUAD, 0);
                let count = QUAD.min(x.inputs - first);
                for (member, row) in rows[..examples].iter().enumerate() {
                    let mut values = [0.0; QUAD];
                    // SAFETY: a row has `count` values from `first` on.
                    unsafe {
                        if count == QUAD {
                            values = row.add(first).cast::<[f32; QUAD]>().read_unaligned();
                        } else {
                            (0..count).for_each(|k| values[k] = *row.add(first + k));
                        }
                    }
                    x.values[at * QUAD / LINE].0[at * QUAD % LINE..][..QUAD].copy_from_slice(&values);
                    // Also where one is no number.
                    let any = values.iter().fold(false, |any, &value| any | (value != 0.0));
                    bits |= u64::from(any) << member;
                    at += usize::from(any);
                }
                x.lists[list] = List { quad: quad as u32, end: at as u32, examples: bits };
                list += usize::from(bits != 0);
            }
            x.list_ends.push(list);
        }
    }
}
