//! Kernels on views of every layout, in buffers of exactly their size: the bits of plain loops, or a refusal.
//!
//! A view is any part of any storage, transposed or not. A kernel may refuse one by a panic if its documentation says so. If it
//! doesn't, its result is that of the elements one by one, and nothing else is written. AddressSanitizer sees reads outside.

mod elementwise;
mod gathered;
mod products;
mod reductions;
mod refusals;
mod views;

use arbitrary::{Result, Unstructured};
use minibatch_kernels::{ArithmeticClass, Isa, Pool};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Once};

/// The target: `bytes` choose a kernel, shapes, layouts and a seed of the values.
pub fn kernels(bytes: &[u8]) -> bool {
    let choices = &mut Unstructured::new(bytes);
    one(choices).unwrap_or(false)
}

/// A function that runs a kernel on the machine that was chosen, and returns whether it came to its end.
type Kernel = fn(&mut Unstructured<'_>, &Machine) -> Result<bool>;

fn one(choices: &mut Unstructured<'_>) -> Result<bool> {
    let kernel: Kernel = *choices.choose(&[
        products::product as Kernel,
        products::descent,
        gathered::first_layer,
        gathered::sparse,
        gathered::row,
        elementwise::one_operand,
        elementwise::two_operands,
        elementwise::step,
        reductions::sums,
        reductions::rows,
        views::copies,
        refusals::refusals,
    ])?;
    let machine = choices.choose(&MACHINES)?;
    kernel(choices, machine)
}

/// An instruction set and a team.
struct Machine {
    isa: Isa,
    pool: Pool,
}

/// Every instruction set, with teams of one, two and three.
static MACHINES: LazyLock<Vec<Machine>> = LazyLock::new(|| {
    let teams = Isa::available().into_iter().flat_map(|isa| [1, 2, 3].map(|threads| (isa, threads)));
    teams
        .map(|(isa, threads)| Machine { isa, pool: Pool::oversubscribed(isa, threads).expect("threads") })
        .collect()
});

impl Machine {
    /// Whether its results are those of the contract, to the bit.
    fn is_fused(&self) -> bool {
        self.isa.class() == ArithmeticClass::Fused
    }

    /// The set that computes the result of an element: of the same class, without registers.
    fn one_by_one(&self) -> Isa {
        if self.is_fused() { Isa::PORTABLE } else { self.isa }
    }
}

/// Sizes around the edges of registers, tiles, panels and bundles.
const EDGES: [u16; 48] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 24, 27, 28, 29, 31, 32, 33, 47, 48, 49, 56, 63, 64,
    65, 95, 96, 97, 111, 112, 113, 127, 128, 129, 160, 255, 256, 257, 511, 513, 1023, 1024, 1025,
];

/// A size up to `most`, more often than not one at an edge.
fn size(choices: &mut Unstructured<'_>, most: usize) -> Result<usize> {
    let at_edge = choices.ratio(3, 4)?;
    let size = if at_edge { usize::from(*choices.choose(&EDGES)?) } else { choices.int_in_range(0..=80)? };
    Ok(size.min(most))
}

/// The result of `work`. `None` if it panics, as it may.
fn attempt<R>(work: impl FnOnce() -> R) -> Option<R> {
    static EXPECTED: AtomicBool = AtomicBool::new(false);
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        // The fuzzer's hook ends the process.
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.load(Ordering::Relaxed) {
                before(panic);
            }
        }));
    });
    EXPECTED.store(true, Ordering::Relaxed);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.store(false, Ordering::Relaxed);
    outcome.ok()
}

/// Whether the numbers are equal to the bit. Any NaN is as good as another.
fn same(found: f32, expected: f32) -> bool {
    found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan()
}

/// The kind of numbers that a matrix holds.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    /// From −1 to 1, with an exact 0 in sixteen: the numbers that products are made of.
    Plain,
    /// The numbers of `Plain` without a sign.
    Positive,
    /// Numbers at an edge of an operation's range, and between.
    Special,
}

impl Numbers {
    fn next(self, seed: &mut u64) -> f32 {
        const SPECIAL: [f32; 18] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            2.0,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            1e-45,
            -1e-45,
            1e-40,
            1e-28,
            88.8,
            -104.0,
        ];
        let bits = crate::next(seed);
        let plain = if bits.is_multiple_of(16) { 0.0 } else { (bits >> 40) as f32 / (1 << 23) as f32 - 1.0 };
        match self {
            Numbers::Plain => plain,
            Numbers::Positive => plain.abs(),
            Numbers::Special if bits.is_multiple_of(3) => SPECIAL[(bits >> 32) as usize % SPECIAL.len()],
            Numbers::Special => 8.0 * plain,
        }
    }

    fn vec(self, count: usize, seed: &mut u64) -> Vec<f32> {
        (0..count).map(|_| self.next(seed)).collect()
    }
}
