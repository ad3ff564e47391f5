//! Inputs without zeros for a product of one register of columns: four examples at a time share a list of inputs.
//!
//! A list holds the inputs that aren't 0 in at least one of its four examples. The sums of the four examples stay in registers from
//! the first input to the last.
//!
//! [Quads](super::quads) are slower here. With one register of columns a quad's entry is four multiply-adds that wait for one another and
//! for the sums of the list before, and lists are short. Groups do a third more multiply-adds in 10 to 15% less time. They
//! need the rows of W that four examples use to fit the first-level cache ([`is_swept`]).

use super::examples::Examples;
use super::expected::{Expected, Upcoming};
use crate::matrix::{LINE, Mat};
use crate::product::{GROUPED_ROWS, is_swept};
use crate::simd::{Isa, Kernel, Vector, math};

/// Examples that share a list of inputs.
pub(super) const GROUP: usize = 4;

/// Values that are written at once, and so past the last one.
const SLACK: usize = 16;

/// Inputs of some examples, in groups of four, each without the inputs that are 0 in the whole group.
#[derive(Clone, Debug)]
pub(crate) struct GroupedInputs {
    /// Whose registers they are for.
    isa: Isa,
    /// n_0
    inputs: usize,
    /// Columns of the products that they are for: a register of them, at most.
    outputs: usize,
    /// Examples there is room for.
    capacity: usize,
    /// Those of the examples taken in last.
    groups: Vec<Group>,
    /// Active inputs, group after group, ascending in each.
    indices: Vec<u32>,
    /// The values of each active input in the group's examples. Values past the last example are of no use.
    values: Vec<[f32; GROUP]>,
    /// Their bytes.
    bytes: Vec<[u8; GROUP]>,
}

/// Up to four examples, and where their active inputs lie.
#[derive(Clone, Copy, Debug)]
struct Group {
    examples: usize,
    start: usize,
    end: usize,
}

impl GroupedInputs {
    /// Room for up to `examples` examples, if that is the way for a layer of this shape: a register of outputs, and weights of
    /// which the first-level cache has room for half.
    pub(crate) fn for_layer(
        isa: Isa,
        inputs: usize,
        outputs: usize,
        examples: usize,
    ) -> Option<GroupedInputs> {
        // Without outputs there is no panel to read.
        if outputs == 0 || outputs > isa.run(Lanes) || !is_swept(inputs) || examples > GROUPED_ROWS {
            return None;
        }
        let active = examples.div_ceil(GROUP) * inputs + SLACK;
        Some(GroupedInputs {
            isa,
            inputs,
            outputs,
            capacity: examples,
            groups: Vec::with_capacity(examples.div_ceil(GROUP)),
            indices: vec![0; active],
            values: vec![[0.0; GROUP]; active],
            bytes: vec![[0; GROUP]; active],
        })
    }

    /// Checks that a product with `cols` columns by `isa` is what they are for.
    pub(crate) fn assert_for(&self, isa: Isa, cols: usize) {
        assert!(isa == self.isa, "inputs for {}, a team with {isa}", self.isa);
        assert_eq!(cols, self.outputs, "inputs for a layer of another size");
    }

    /// Takes in `examples` examples.
    ///
    /// # Panics
    ///
    /// If there is no room for the examples, or one hasn't n_0 inputs.
    pub(crate) fn gather(&mut self, isa: Isa, examples: usize, from: Examples<'_>) {
        assert!(examples <= self.capacity, "{examples} examples, room for {}", self.capacity);
        self.groups.clear();
        match from {
            Examples::Bytes(row) => isa.run(GatherGroup { x: self, examples, row }),
            Examples::Floats(row) => self.gather_floats(examples, row),
        }
    }

    fn gather_floats<'a>(&mut self, examples: usize, row: impl Fn(usize) -> &'a [f32]) {
        let mut at = 0;
        for first in (0..examples).step_by(GROUP) {
            let count = GROUP.min(examples - first);
            let mut rows: [&[f32]; GROUP] = [&[]; GROUP];
            for (i, slot) in rows[..count].iter_mut().enumerate() {
                *slot = row(first + i);
                assert!(slot.len() == self.inputs, "an example of {} inputs", slot.len());
            }
            let start = at;
            for input in 0..self.inputs {
                let values = rows.map(|row| row.get(input).copied().unwrap_or(0.0));
                (self.indices[at], self.values[at]) = (input as u32, values);
                // Also where one is no number.
                at += usize::from(values.iter().fold(false, |any, &value| any | (value != 0.0)));
            }
            self.groups.push(Group { examples: count, start, end: at });
        }
    }
}

/// Lanes of a register.
struct Lanes;

impl Kernel for Lanes {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> usize {
        V::LANES
    }
}

/// [`GroupedInputs::gather`] of bytes.
struct GatherGroup<'x, R> {
    x: &'x mut GroupedInputs,
    examples: usize,
    row: R,
}

impl<'a, R: Fn(usize) -> &'a [u8]> Kernel for GatherGroup<'_, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GatherGroup { x, examples, row } = self;
        let mut start = 0;
        for first in (0..examples).step_by(GROUP) {
            let count = GROUP.min(examples - first);
            // Past the last example the first again: its sums aren't stored.
            let mut rows = [std::ptr::null(); GROUP];
            for (i, slot) in rows.iter_mut().enumerate() {
                let row = row(first + if i < count { i } else { 0 });
                assert!(row.len() == x.inputs, "an example of {} inputs", row.len());
                *slot = row.as_ptr();
            }
            // SAFETY: the rows have n_0 bytes; the groups so far end at `start`, for each of which there is room for n_0 active
            // inputs, and for `SLACK` more after the last.
            unsafe {
                let (indices, bytes) = (x.indices.as_mut_ptr().add(start), x.bytes.as_mut_ptr().add(start));
                let end = start + V::nonzero_columns(&rows, x.inputs, indices, bytes);
                let (from, to) = (x.bytes.as_ptr().cast::<u8>(), x.values.as_mut_ptr().cast::<f32>());
                for i in (start * GROUP..end * GROUP).step_by(V::LANES) {
                    math::unit_from_byte(V::load_bytes(from.add(i))).store(to.add(i));
                }
                x.groups.push(Group { examples: count, start, end });
                start = end;
            }
        }
    }
}

/// C ← bias + X·B, one register of columns. Without `bias` it goes on from C.
///
/// Running it needs B to be a panel with a row for each input, C to have a contiguous row for each example, valid to write and
/// touched by nobody else meanwhile, and `cols` to fit a register.
pub(crate) struct GroupedForward<'a> {
    pub(crate) x: &'a GroupedInputs,
    pub(crate) b: Mat<'a>,
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    pub(crate) cols: usize,
}

/// C ← C + Xᵀ·B, one register of columns.
///
/// Running it needs B's rows to be the examples, contiguous, and C to be a panel with a row for each input, valid to write and
/// touched by nobody else meanwhile.
pub(crate) struct GroupedUpdate<'a> {
    pub(crate) x: &'a GroupedInputs,
    pub(crate) b: Mat<'a>,
    pub(crate) c: *mut f32,
    /// The rows that the memory is asked for on the way.
    pub(crate) expected: &'a Expected,
}

/// A group's list, from some input on.
#[derive(Clone, Copy)]
struct GroupList<'a> {
    indices: &'a [u32],
    values: *const f32,
}

impl GroupedInputs {
    fn list(&self, group: Group) -> GroupList<'_> {
        let indices = &self.indices[group.start..group.end];
        GroupList { indices, values: self.values.as_ptr().wrapping_add(group.start).cast() }
    }
}

impl Kernel for GroupedForward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GroupedForward { x, b, bias, c, c_row, cols } = self;
        // SAFETY: active inputs are rows of B; the groups' examples are rows of C, masked past the last column.
        unsafe {
            let mask = V::mask(cols);
            let mut row = 0;
            for pair in x.groups.chunks(2) {
                // One group's four chains alone would wait for each multiply-add to end.
                let lists = [x.list(pair[0]), x.list(pair[pair.len() - 1])];
                let counts = [pair[0].examples, if pair.len() == 2 { pair[1].examples } else { 0 }];
                let mut sums = [[V::splat(0.0); GROUP]; 2];
                let at = |group: usize, i: usize| c.add((row + group * GROUP + i) * c_row);
                for group in 0..2 {
                    for i in 0..counts[group] {
                        let from = bias.map_or(at(group, i).cast_const(), <[f32]>::as_ptr);
                        sums[group][i] = V::load_masked(from, mask);
                    }
                }
                let [first, second] = &mut sums;
                let both =
                    if pair.len() == 2 { lists[0].indices.len().min(lists[1].indices.len()) } else { 0 };
                for i in 0..both {
                    add_input(lists[0], i, b.data, first);
                    add_input(lists[1], i, b.data, second);
                }
                for i in both..lists[0].indices.len() {
                    add_input(lists[0], i, b.data, first);
                }
                if pair.len() == 2 {
                    for i in both..lists[1].indices.len() {
                        add_input(lists[1], i, b.data, second);
                    }
                }
                for group in 0..2 {
                    for i in 0..counts[group] {
                        sums[group][i].store_masked(at(group, i), mask);
                    }
                }
                row += counts[0] + counts[1];
            }
        }
    }
}

/// Adds the multiples of the i-th active input's row of W to the four sums.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`, and there must be such an input, and a row of W for it.
#[inline(always)]
unsafe fn add_input<V: Vector>(list: GroupList<'_>, i: usize, w: *const f32, sums: &mut [V; GROUP]) {
    // SAFETY: as the caller's.
    unsafe {
        let w = V::load(w.add(*list.indices.get_unchecked(i) as usize * LINE));
        for (example, sum) in sums.iter_mut().enumerate() {
            *sum = V::splat(*list.values.add(i * GROUP + example)).fma(w, *sum);
        }
    }
}

/// Rows of W between two looks at the upcoming lines: the loop's own instructions compete with the multiply-adds.
const STEPS: usize = 4;

impl Kernel for GroupedUpdate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let GroupedUpdate { x, b, c, expected } = self;
        let active = x.groups.last().map_or(0, |group| group.end);
        let mut upcoming = expected.upcoming(active / STEPS);
        let mut row = 0;
        for &group in &x.groups {
            let list = x.list(group);
            // SAFETY: the group's examples are rows of B, masked past the last column; active inputs are rows of C, which has whole
            // lines.
            unsafe {
                let mask = V::mask(b.cols);
                let mut errors = [V::splat(0.0); GROUP];
                for i in 0..group.examples {
                    errors[i] = V::load_masked(b.data.add((row + i) * b.row_stride), mask);
                }
                match group.examples {
                    1 => add_outer_products::<V, 1>(list, c, errors, &mut upcoming),
                    2 => add_outer_products::<V, 2>(list, c, errors, &mut upcoming),
                    3 => add_outer_products::<V, 3>(list, c, errors, &mut upcoming),
                    _ => add_outer_products::<V, GROUP>(list, c, errors, &mut upcoming),
                }
            }
            row += group.examples;
        }
    }
}

/// Adds what `COUNT` examples give to the rows of W of a list.
///
/// # Safety
///
/// The CPU must have the instruction set of `V`; the list's inputs must be rows of W, valid to write.
#[inline(always)]
unsafe fn add_outer_products<V: Vector, const COUNT: usize>(
    list: GroupList<'_>,
    w: *mut f32,
    errors: [V; GROUP],
    upcoming: &mut Upcoming<'_>,
) {
    // SAFETY: as the caller's.
    unsafe {
        for (i, &input) in list.indices.iter().enumerate() {
            let row = w.add(input as usize * LINE);
            let mut weights = V::load(row);
            for example in 0..COUNT {
                weights = V::splat(*list.values.add(i * GROUP + example)).fma(errors[example], weights);
            }
            weights.store(row);
            if i % STEPS == 0 {
                upcoming.prefetch();
            }
        }
    }
}
