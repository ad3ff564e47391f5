//! The peak of the arithmetic units: multiply-adds that never wait for memory. Benches hold products against it.

use super::isa::Isa;
use super::vector::{Kernel, Vector};
use std::hint::black_box;

/// Chains of multiply-adds: more than a unit's latency times the units needs, and with their two factors no more than AVX2 has
/// registers.
const CHAINS: usize = 12;

/// Does `steps` multiply-adds in each of twelve chains that stay in registers. Returns the number of floating-point operations. The
/// time that it takes gives the peak of `isa` on one thread.
///
/// ```
/// use minibatch_kernels::{Isa, multiply_adds};
///
/// let isa = Isa::detect();
/// let started = std::time::Instant::now();
/// let flop = multiply_adds(isa, 20_000);
/// println!("{isa}: {:.0} GFLOP/s", flop as f64 / started.elapsed().as_secs_f64() * 1e-9);
/// assert!(flop >= 2 * 12 * 20_000);
/// ```
pub fn multiply_adds(isa: Isa, steps: usize) -> usize {
    struct MultiplyAdds(usize);
    impl Kernel for MultiplyAdds {
        type Output = usize;

        #[inline(always)]
        unsafe fn run<V: Vector>(self) -> usize {
            // SAFETY: the caller vouches for the instruction set; `lanes` holds a register of any.
            unsafe {
                // Not known to the compiler, which would leave out a chain that begins at its fixed point. They go there all.
                let (factor, summand) = (V::splat(black_box(0.999)), V::splat(black_box(1e-3)));
                let mut chains = [summand; CHAINS];
                for i in 0..CHAINS {
                    chains[i] = V::splat(black_box(i as f32));
                }
                for _ in 0..self.0 {
                    for i in 0..CHAINS {
                        chains[i] = chains[i].fma(factor, summand);
                    }
                }
                for chain in chains {
                    let mut lanes = [0.0_f32; 16];
                    chain.store(lanes.as_mut_ptr());
                    black_box(lanes);
                }
            }
            2 * V::LANES * CHAINS * self.0
        }
    }
    isa.run(MultiplyAdds(steps))
}
