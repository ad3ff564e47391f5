//! The short form: within one process, products whose rows are a power of two apart beside the same with rows a line further
//! apart, and both beside the register peak.
//!
//! It fails if a product has lost half of its speed, and never on noise:
//!
//! - The three that are compared take turns of a millisecond or two, so a change of the core's frequency meets all.
//! - A turn's time is CPU time of the one thread, so the core's time for other processes isn't in it.
//! - The best turn of each counts. As long as a comparison fails, it takes more turns, up to [`MOST`].

use crate::product::{Direction, LINE, Product, Shape, Storage, Strides};
use crate::turns::{Best, Peak, turn};
use minibatch_kernels::{Isa, Pool};
use std::time::Instant;

/// Turns of a comparison that passes, and of one that fails.
const LEAST: usize = 15;
const MOST: usize = 150;

/// The least seconds of a turn.
const TURN: f64 = 1e-3;

/// The least share of its twin's speed. A product has nearly all of it. Less than this is a halving.
const OF_TWIN: f64 = 0.5;

/// The least share of the register peak. Large products have 0.7 or more on every machine of benches/record. Less than this is a
/// halving.
const OF_PEAK: f64 = 0.35;

/// Two products that differ in the distance between rows of A.
struct Pair {
    shape: Shape,
    storage: Storage,
    /// Values from a row of A to the next, a power of two. In the twin it is a line more.
    apart: usize,
    /// Whether it is large enough to be held against the peak.
    is_large: bool,
}

const fn pair(direction: Direction, [m, n, k]: [usize; 3], storage: Storage, apart: usize) -> Pair {
    // A tile of fewer columns or rows than registers hold wastes lanes or chains.
    let is_large = m >= 64 && n >= 64;
    Pair { shape: Shape { direction, m, n, k }, storage, apart, is_large }
}

/// Rows 8 KiB apart, as C4's are (benches/peers/README.md says what C4 is), and 128 KiB, which fill few sets of any second-level
/// cache.
const PAIRS: [Pair; 9] = {
    use Direction::{Backward, Forward, Update};
    use Storage::{Panels, Rows};
    [
        pair(Forward, [128, 512, 512], Rows, 2_048),
        pair(Forward, [128, 512, 512], Panels, 32_768),
        pair(Forward, [256, 8, 2_048], Rows, 2_048),
        pair(Backward, [128, 512, 512], Rows, 2_048),
        pair(Backward, [128, 512, 512], Panels, 32_768),
        pair(Update, [192, 512, 512], Rows, 2_048),
        pair(Update, [192, 512, 512], Panels, 2_048),
        pair(Update, [192, 512, 128], Rows, 32_768),
        pair(Update, [192, 512, 128], Panels, 32_768),
    ]
};

/// The best rates of a pair and of the peak, in FLOP/s.
#[derive(Default)]
struct Rates {
    power: Best,
    odd: Best,
    peak: Best,
}

impl Rates {
    /// The share of the twin's rate.
    fn of_twin(&self) -> f64 {
        self.power.rate() / self.odd.rate()
    }

    /// The twin's share of the peak.
    fn of_peak(&self) -> f64 {
        self.odd.rate() / self.peak.rate()
    }

    fn passes(&self, is_large: bool) -> bool {
        self.of_twin() >= OF_TWIN && (!is_large || self.of_peak() >= OF_PEAK)
    }
}

/// Measures until the pair passes, or has had enough turns.
fn measure(pair: &Pair, pool: &Pool, peak: &Peak) -> Rates {
    let product = |further: usize| {
        let [_, b, c] = pair.shape.strides(Strides::Odd);
        Product::new(pair.shape, pair.storage, [pair.apart + further, b, c])
    };
    let (mut power, mut odd) = (product(0), product(LINE));
    let flop = pair.shape.flop();
    let mut rates = Rates::default();
    for turns in 1..=MOST {
        rates.peak.take(peak.turn(TURN));
        rates.power.take(turn(pool, &mut power, flop, TURN));
        rates.odd.take(turn(pool, &mut odd, flop, TURN));
        if turns >= LEAST && rates.passes(pair.is_large) {
            break;
        }
    }
    rates
}

/// Every vector instruction set of this machine. If it has none, the one it uses.
fn instruction_sets() -> Vec<Isa> {
    let vectors: Vec<Isa> = Isa::fused().into_iter().filter(|&isa| isa != Isa::PORTABLE).collect();
    if vectors.is_empty() { vec![Isa::detect()] } else { vectors }
}

/// Compares all pairs.
pub(crate) fn run() -> Result<(), String> {
    let started = Instant::now();
    let mut fallen = Vec::new();
    for isa in instruction_sets() {
        let pool = Pool::new(isa, 1).map_err(|error| error.to_string())?;
        let peak = Peak::new(isa, 1);
        for pair in &PAIRS {
            let rates = measure(pair, &pool, &peak);
            let storage = if pair.storage == Storage::Panels { "weights in panels" } else { "row-major" };
            let (of_twin, of_peak) = (rates.of_twin(), rates.of_peak());
            let kib = pair.apart * size_of::<f32>() / 1024;
            let line = format!(
                "{isa}, {}, {storage}: rows {kib} KiB apart {of_twin:.2} of a line further, which is {of_peak:.2} of the peak",
                pair.shape
            );
            println!("{line}");
            if !rates.passes(pair.is_large) {
                fallen.push(line);
            }
        }
    }
    println!("{:.1} s", started.elapsed().as_secs_f64());
    if fallen.is_empty() {
        return Ok(());
    }
    Err(format!(
        "half of the speed is lost (expected {OF_TWIN} and, of products of 64 rows and columns or more, {OF_PEAK} of the peak):\n{}",
        fallen.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(power: f64, odd: f64, peak: f64) -> Rates {
        let best = |rate| {
            let mut best = Best::default();
            best.take(rate);
            best
        };
        Rates { power: best(power), odd: best(odd), peak: best(peak) }
    }

    #[test]
    fn a_halving_fails_and_less_passes() {
        assert!(rates(60.0, 90.0, 100.0).passes(true));
        assert!(!rates(44.0, 90.0, 100.0).passes(true) && !rates(44.0, 90.0, 100.0).passes(false));
        assert!(!rates(34.0, 34.0, 100.0).passes(true), "both alike, but far below the peak");
        assert!(rates(34.0, 34.0, 100.0).passes(false));
    }
}
