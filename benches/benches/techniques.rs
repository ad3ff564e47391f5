//! The cost of each technique in a step of 784-256-10 with ReLU, softmax and cross-entropy at B = 128 under Nesterov's momentum. The run
//! with the technique and the run without it take turns. A figure is the median of the turns' ratios.
//!
//! `cargo bench --bench techniques` prints the table, `-- dropout` that of techniques with this word alone. Without `--bench` it does
//! one short turn, as a test.
#![allow(missing_docs, clippy::print_stdout)]

use minibatch::activation::{Relu, Softmax};
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::{ClassWeights, Dataset, Error, Initializer, Isa, Network, Pool, Settings, Trainer};
use minibatch_benches::pace::{median, turns};
use minibatch_benches::{THREADS, digits, plural, pool};

/// A technique, and how it is chosen.
struct Technique {
    name: &'static str,
    choose: fn(&mut Settings),
}

fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a technique")
}

const TECHNIQUES: [Technique; 24] = [
    Technique { name: "nothing (the run beside itself)", choose: |_| {} },
    Technique { name: "schedule: one-cycle", choose: |s| s.schedule = parse("one-cycle") },
    Technique { name: "label smoothing", choose: |s| s.label_smoothing = 0.1 },
    Technique { name: "class weights", choose: |s| s.class_weights = ClassWeights::Balanced },
    Technique { name: "L2", choose: |s| s.l2 = 1e-4 },
    Technique { name: "L1", choose: |s| s.l1 = 1e-6 },
    Technique { name: "decoupled decay", choose: |s| s.weight_decay = 1e-3 },
    Technique { name: "factors of η by layer", choose: |s| s.groups.layers = vec![1.0, 0.5] },
    Technique { name: "factors of η by fan-in", choose: |s| s.groups.fan_in = true },
    Technique { name: "factors of the inputs", choose: |s| s.input_scaling = Some(6.0) },
    Technique { name: "max-norm", choose: |s| s.max_norm = Some(3.0) },
    Technique { name: "dropout", choose: |s| s.noise = vec![None, Some(parse("dropout(0.5)"))] },
    Technique { name: "dropout of inputs", choose: |s| s.noise = vec![Some(parse("dropout(0.2)"))] },
    Technique { name: "Gaussian noise on inputs", choose: |s| s.noise = vec![Some(parse("gaussian(0.1)"))] },
    Technique { name: "clipping by norm", choose: |s| s.clip = Some(parse("norm(1)")) },
    Technique { name: "clipping by value", choose: |s| s.clip = Some(parse("value(0.1)")) },
    Technique { name: "average: ema", choose: |s| s.average = Some(parse("ema(0.999)")) },
    Technique { name: "augmentation: shift", choose: |s| s.augment = vec![parse("shift(1)")] },
    Technique { name: "augmentation: affine", choose: |s| s.augment = vec![parse("affine")] },
    Technique { name: "augmentation: elastic", choose: |s| s.augment = vec![parse("elastic")] },
    Technique { name: "augmentation: mixup", choose: |s| s.augment = vec![parse("mixup")] },
    Technique { name: "optimiser: sgd", choose: |s| s.optimizer = parse("sgd") },
    Technique { name: "optimiser: adam", choose: |s| s.optimizer = parse("adam") },
    Technique { name: "optimiser: nadam", choose: |s| s.optimizer = parse("nadam") },
];

/// A trainer of the run, with `technique`.
fn trainer(pool: &Pool, data: &Dataset, technique: &Technique) -> Result<Trainer, Error> {
    let network = Network::builder(784).layer_with(256, Relu).layer_with(10, Softmax);
    let network =
        network.cost(CategoricalCrossEntropy).initializer(Initializer::HeNormal).build().expect("a network");
    let mut settings = Settings {
        optimizer: parse("nesterov"),
        learning_rate: 1e-3,
        batch_size: 128,
        // A schedule's end is far off.
        epochs: 100_000,
        ..Settings::default()
    };
    (technique.choose)(&mut settings);
    Trainer::new(pool, data, network, settings)
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let (rounds, seconds) = if is_bench { (15, 0.05) } else { (1, 0.0) };
    let (sets, what) = digits();
    println!(
        "784-256-10, B = 128, {what}, {}; time of a step beside one without the technique",
        Isa::detect()
    );
    println!("{:34} {:>10} {:>10}", "", "1 thread", "2 threads");
    let pools = THREADS.map(|threads| pool(Isa::detect(), threads));
    let mut microseconds = Vec::new();
    let is_wanted = |technique: &&Technique| filter.is_none_or(|word| technique.name.contains(word.as_str()));
    for technique in TECHNIQUES.iter().filter(is_wanted) {
        let mut ratios = Vec::new();
        for pool in &pools {
            let plain = trainer(pool, &sets.train, &TECHNIQUES[0])?;
            let paces = turns(&mut [plain, trainer(pool, &sets.train, technique)?], rounds, seconds)?;
            let ratio = median(paces[0].iter().zip(&paces[1]).map(|(plain, with)| plain / with).collect());
            ratios.push(format!("{ratio:.2} ×"));
            microseconds.push((pool.threads(), 128e6 / median(paces[0].clone())));
        }
        println!("{:34} {:>10} {:>10}", technique.name, ratios[0], ratios[1]);
    }
    if microseconds.is_empty() {
        println!("no technique has this word in its name");
        return Ok(());
    }
    for threads in THREADS {
        let own = microseconds.iter().filter(|(of, _)| *of == threads).map(|(_, time)| *time).collect();
        println!("a step without: {:.0} µs on {}", median(own), plural(threads));
    }
    Ok(())
}
