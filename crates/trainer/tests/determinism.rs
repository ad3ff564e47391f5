//! The bits of the weights and moments depend on seeds and data, and on nothing else. The instruction set, the number of threads,
//! and the calls that a run is cut into don't change them.

mod common;

use common::{Numbers, bits};
use minibatch::{Dataset, Epoch, Isa, Network, Optimizer, Pool, Settings, Trainer};

/// A training run: sizes, minibatch, examples, steps.
struct Run {
    sizes: &'static [usize],
    batch_size: usize,
    examples: usize,
    steps: usize,
}

const RUNS: [Run; 5] = [
    Run { sizes: &[20, 16, 4], batch_size: 5, examples: 48, steps: 25 },
    Run { sizes: &[50, 33, 17, 3], batch_size: 7, examples: 38, steps: 14 },
    // The default network.
    Run { sizes: &[784, 32, 10], batch_size: 16, examples: 72, steps: 8 },
    // A layer whose outputs are shared.
    Run { sizes: &[784, 32], batch_size: 16, examples: 72, steps: 8 },
    // Wide enough to be shared by four threads: 2·64·256·200 operations in the first product.
    Run { sizes: &[200, 256, 10], batch_size: 64, examples: 150, steps: 6 },
];

impl Run {
    /// Random bytes, half of them 0, in random classes.
    fn data(&self) -> Dataset {
        let (inputs, classes) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let mut numbers = Numbers::new(23);
        let mut bytes = numbers.bytes(self.examples * inputs);
        bytes.iter_mut().filter(|byte| **byte < 128).for_each(|byte| *byte = 0);
        let labels = (0..self.examples).map(|_| numbers.below(classes) as u32).collect();
        Dataset::from_classes(bytes, &[inputs], labels)
            .and_then(|data| data.with_classes(classes))
            .expect("a dataset")
    }

    fn network(&self) -> Network {
        let builder = Network::builder(self.sizes[0]).seed(9);
        self.sizes[1..].iter().fold(builder, |builder, &n| builder.layer(n)).build().expect("a network")
    }

    fn trainer(&self, pool: &Pool, data: &Dataset, optimizer: Optimizer) -> Trainer {
        let (learning_rate, batch_size) = (optimizer.learning_rates().sigmoid, self.batch_size);
        let settings = Settings { optimizer, learning_rate, batch_size, seed: 4, ..Settings::default() };
        Trainer::new(pool, data, self.network(), settings).expect("a trainer")
    }

    /// The weights after all steps, the costs of the epochs ended on the way, and a hash of all that a checkpoint compares,
    /// moments too.
    fn train(&self, pool: &Pool, data: &Dataset, optimizer: Optimizer) -> (Vec<u32>, Vec<u64>, u64) {
        let mut trainer = self.trainer(pool, data, optimizer);
        let mut left = self.steps;
        while left > 0 {
            // Up to the end of the epoch.
            let to_come = (data.len() - trainer.position()).div_ceil(self.batch_size);
            trainer.advance(left).expect("steps");
            left -= to_come.min(left);
        }
        let costs = trainer.history().iter().map(|epoch| epoch.cost.to_bits()).collect();
        let hash = trainer.checkpoint().compared_hash().expect("a checkpoint");
        (bits(trainer.network()), costs, hash)
    }
}

#[test]
fn threads_and_instruction_sets_give_the_same_bits() {
    for run in RUNS {
        let data = run.data();
        for optimizer in Optimizer::all() {
            let mut first = None;
            for isa in Isa::fused() {
                for threads in [1, 2, 3, 4] {
                    let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                    let result = run.train(&pool, &data, optimizer.clone());
                    assert!(!result.1.is_empty(), "a run should span epochs");
                    assert_ne!(result.0, bits(&run.network()), "a run should train");
                    // The message of assert_eq would be two lists of thousands of weights.
                    let same = *first.get_or_insert(result.clone()) == result;
                    assert!(same, "{:?} by {optimizer} on {pool:?}", run.sizes);
                }
            }
        }
    }
}

/// This holds for the unfused set as well, whose sums have an order of their own.
#[test]
fn cutting_a_run_into_calls_changes_nothing() {
    for isa in Isa::available() {
        let pool = Pool::oversubscribed(isa, 2).expect("a pool");
        for (run, optimizer) in RUNS[..3].iter().zip(Optimizer::all().into_iter().rev()) {
            let data = run.data();
            let mut whole = run.trainer(&pool, &data, optimizer.clone());
            let mut single = run.trainer(&pool, &data, optimizer);
            for _ in 0..2 {
                let epoch = whole.epoch().expect("an epoch");
                let steps = data.len().div_ceil(run.batch_size);
                let last = (0..steps).map(|_| single.advance(1).expect("a step")).last().expect("a step");
                // Their wall-clock times differ.
                let last = last.map(|last| Epoch { seconds: epoch.seconds, ..last });
                assert_eq!(last, Some(epoch), "{:?} on {pool:?}", run.sizes);
            }
            assert!(bits(whole.network()) == bits(single.network()), "{:?} on {pool:?}", run.sizes);
        }
    }
}

/// Evaluating between steps reads the network and moves nothing.
#[test]
fn evaluating_changes_nothing() {
    let run = &RUNS[0];
    let (pool, data) = (Pool::oversubscribed(Isa::detect(), 2).expect("a pool"), run.data());
    let mut plain = run.trainer(&pool, &data, Optimizer::SGD);
    let mut evaluated = run.trainer(&pool, &data, Optimizer::SGD);
    for _ in 0..7 {
        plain.advance(3).expect("steps");
        evaluated.advance(3).expect("steps");
        evaluated.evaluate(&data).expect("an evaluation");
    }
    assert_eq!(bits(plain.network()), bits(evaluated.network()));
}
