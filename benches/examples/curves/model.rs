//! The model of a training step's time: a roofline for each product, and a barrier between phases.

use crate::machine::Machine;

/// Bytes of a second-level cache. A core can keep so much of the weights.
const L2: f64 = 1.5 * 1024.0 * 1024.0;

/// f32 values in a cache line. Columns are shared out in whole lines.
const LINE: usize = 16;

/// The growth of a barrier's cost with the cores that meet at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Barrier {
    /// One driver looks at the flag of each worker in turn, as the team does: proportional to the workers.
    Flat,
    /// Cores meet in pairs, then pairs of pairs: proportional to the logarithm.
    Tree,
}

impl Barrier {
    fn seconds(self, machine: &Machine, cores: usize) -> f64 {
        let times = match self {
            Barrier::Flat => cores - 1,
            Barrier::Tree => cores.next_power_of_two().ilog2() as usize,
        };
        machine.barrier * times as f64
    }
}

/// Seconds of a step of plain gradient descent on inputs without zeros, on so many of the machine's cores that it is
/// fastest, at most `cores`.
///
/// Each product takes as long as its arithmetic at the peak or its weights' way from the cache, whichever is longer. It is shared
/// by as many cores as are worth their barrier. Rows that were prefetched cost a core its share of their way. The model leaves
/// out activations, costs, the errors' and activations' way, and edges of tiles.
pub(crate) fn step(machine: &Machine, sizes: &[usize], batch: usize, cores: usize, barrier: Barrier) -> f64 {
    let weights: usize = sizes.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let mut seconds = batch as f64 * machine.row;
    for (l, pair) in sizes.windows(2).enumerate() {
        let bytes = (4 * pair[0] * pair[1]) as f64;
        let flops = (2 * batch * pair[0] * pair[1]) as f64;
        let shares = pair[1].div_ceil(LINE).max(batch / LINE).max(1);
        let product = |rate: fn(&Machine) -> f64, beyond: f64| {
            let on = |used: usize| {
                let fits = 4.0 * weights as f64 / used as f64 <= L2;
                let bandwidth = if fits { rate(machine) } else { machine.memory_read / beyond };
                let own = (flops / machine.peak).max(bytes / bandwidth) / used as f64;
                own + barrier.seconds(machine, used)
            };
            (1..=cores.min(shares)).map(on).fold(f64::INFINITY, f64::min)
        };
        let read = |machine: &Machine| machine.l2_read;
        // Beyond the cache an update is a way there and a way back.
        seconds += product(read, 1.0) + product(|machine| machine.l2_update, 2.0);
        if l > 0 {
            seconds += product(read, 1.0);
        }
    }
    seconds
}

/// FLOP of a step.
pub(crate) fn flops(sizes: &[usize], batch: usize) -> f64 {
    let products = |(l, pair): (usize, &[usize])| if l == 0 { 2 } else { 3 } * pair[0] * pair[1];
    2.0 * batch as f64 * sizes.windows(2).enumerate().map(products).sum::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        peak: 200e9,
        l2_read: 200e9,
        l2_update: 50e9,
        memory_read: 20e9,
        barrier: 0.25e-6,
        row: 0.1e-6,
    };

    #[test]
    fn flops_of_the_default_step() {
        assert_eq!(flops(&[784, 32, 10], 16), 2.0 * 16.0 * (2.0 * 784.0 * 32.0 + 3.0 * 320.0));
    }

    #[test]
    fn more_cores_are_never_slower_and_in_the_end_not_faster() {
        for (sizes, batch) in
            [(&[784, 32, 10][..], 16), (&[784, 512, 512, 10], 128), (&[784, 2048, 2048, 10], 1024)]
        {
            for barrier in [Barrier::Flat, Barrier::Tree] {
                let times: Vec<f64> =
                    [1, 2, 16, 64].map(|cores| step(&MACHINE, sizes, batch, cores, barrier)).into();
                assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
                // Never below the arithmetic alone.
                assert!(times[3] * 64.0 * MACHINE.peak >= flops(sizes, batch));
            }
        }
        let small = |cores| step(&MACHINE, &[784, 32, 10], 16, cores, Barrier::Tree);
        assert_eq!(small(64), small(16), "two lines of columns are two cores' work");
    }
}
