//! The memory that a network takes, before it is asked for.

use minibatch_kernels::footprint;

/// True if the system gives so much memory at once. It then has the address space, and may still lack the memory to back it.
#[must_use]
pub fn is_available(bytes: u64) -> bool {
    let given = |bytes| std::hint::black_box(Vec::<u8>::new()).try_reserve_exact(bytes).is_ok();
    usize::try_from(bytes).is_ok_and(given)
}

/// A network of these layers, n_0, …, n_L: its weights and biases.
#[must_use]
pub fn network(sizes: &[usize]) -> u64 {
    sum(sizes.windows(2).map(|pair| footprint::matrix(pair[0], pair[1]).saturating_add(numbers(pair[1]))))
}

/// The bytes of so many numbers.
pub(crate) fn numbers(count: usize) -> u64 {
    (count as u64).saturating_mul(size_of::<f32>() as u64)
}

/// A sum that ends at `u64::MAX`.
pub(crate) fn sum(parts: impl IntoIterator<Item = u64>) -> u64 {
    parts.into_iter().fold(0, u64::saturating_add)
}
