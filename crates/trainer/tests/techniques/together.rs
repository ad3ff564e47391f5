//! All techniques there are, in twelve runs: their bits don't depend on threads, instruction sets, cuts and interruptions.

use super::SCHEDULES;
use super::common::{Numbers, bits};
use minibatch::activation::{Softmax, Tanh};
use minibatch::augment::Augment;
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::data::Order;
use minibatch::optimizer::Groups;
use minibatch::{
    Average, Checkpoint, ClassWeights, Clip, Dataset, EarlyStopping, Isa, Monitor, Network, Noise, Optimizer,
    Pool, Schedule, Settings, Trainer,
};
use std::collections::BTreeSet;

/// A run: its settings, its sets of pictures, and its network.
struct Run {
    settings: Settings,
    data: Dataset,
    validation: Option<Dataset>,
    network: Network,
}

/// The side of a picture, the hidden units, and B. The others are large enough to be shared.
type Size = (usize, usize, usize);
const SMALL: Size = (8, 16, 7);
const SIZES: [Size; 3] = [SMALL, (28, 32, 16), (28, 256, 16)];

/// The text's technique.
fn read<T: std::str::FromStr<Err = minibatch::LabelError>>(text: &str) -> T {
    text.parse().expect("a technique")
}

impl Run {
    /// One of twelve. Each has another schedule; the others come round.
    fn new(i: usize, (side, hidden, batch_size): Size) -> Run {
        let optimizer = Optimizer::all()[i % Optimizer::all().len()].clone();
        let noise: [Noise; 2] = ["gaussian(0.1)", "dropout(0.3)"].map(read);
        let augment = ["shift(1)", "mixup(0.4)", "affine(10,5,0.1,1)", "elastic(4,2,10,5,0.1,1)"];
        let stopping = EarlyStopping { patience: 2, ..EarlyStopping::default() };
        let last = EarlyStopping { monitor: Monitor::Accuracy, restore_best: false, ..stopping };
        let early_stopping = [None, Some(stopping), Some(last)][i / 2 % 3];
        let settings = Settings {
            learning_rate: if optimizer == Optimizer::SGD { 0.5 } else { 0.01 },
            optimizer,
            schedule: read(SCHEDULES[i]),
            groups: Groups { biases: 0.5, layers: vec![1.0; i % 2], fan_in: i % 4 == 1, ..Groups::default() },
            input_scaling: (i % 4 == 1).then_some(6.0),
            l2: 1e-3,
            // With L1 plain descent isn't a product that goes on from the weights.
            l1: if i.is_multiple_of(3) { 0.0 } else { 1e-4 },
            weight_decay: 1e-3,
            max_norm: (i % 4 != 1).then_some(1.0),
            label_smoothing: 0.1,
            average: [None, Some("ema(0.75)"), Some("swa(0.25)")][i % 3].map(read),
            clip: [None, Some("norm(0.1)"), Some("value(0.01)")][i / 3 % 3].map(read),
            noise: [i % 2, 1 - i % 2].map(|n| Some(noise[n].clone())).into(),
            augment: [i % 4, (i + 1) % 4].map(|n| read::<Augment>(augment[n])).into(),
            batch_size,
            epochs: 4,
            drop_last: i % 2 == 1,
            order: [Order::Shuffled, Order::InOrder, Order::WithReplacement][i % 3],
            early_stopping,
            class_weights: [
                ClassWeights::Balanced,
                ClassWeights::List(vec![0.5, 2.0, 1.0, 0.0]),
                ClassWeights::None,
            ][i % 3]
                .clone(),
            seed: i as u64 + 1,
        };
        let mut numbers = Numbers::new(31);
        let mut bytes = numbers.bytes(44 * side * side);
        bytes.iter_mut().filter(|byte| **byte < 128).for_each(|byte| *byte = 0);
        let labels = (0..44).map(|_| numbers.below(4) as u32).collect();
        let data = Dataset::from_classes(bytes, &[side, side], labels).expect("a dataset");
        let (data, validation) = data.split_stratified(0.25, 1).expect("two sets");
        let weights = (0..data.len()).map(|k| 1.0 + (k % 3) as f32).collect();
        let builder = Network::builder(side * side).layer_with(hidden, Tanh).layer_with(4, Softmax);
        let builder = builder.cost(CategoricalCrossEntropy).zero_output_layer(i % 2 == 1).seed(9);
        Run {
            data: if i % 4 < 2 { data.with_sample_weights(weights).expect("weights") } else { data },
            validation: (early_stopping.is_some() || i % 2 == 1).then_some(validation),
            network: builder.build().expect("a network"),
            settings,
        }
    }

    fn with_validation(&self, mut trainer: Trainer) -> Trainer {
        if let Some(validation) = &self.validation {
            trainer.set_validation(validation).expect("a validation set");
        }
        trainer
    }

    fn start(&self, pool: &Pool) -> Trainer {
        let trainer = Trainer::new(pool, &self.data, self.network.clone(), self.settings.clone());
        self.with_validation(trainer.expect("a trainer"))
    }

    /// All that a checkpoint compares, and the answer.
    fn end(
        &self,
        mut trainer: Trainer,
        cut: usize,
        mut between: impl FnMut(Trainer) -> Trainer,
    ) -> (u64, Vec<u32>) {
        while trainer.history().len() < self.settings.epochs && !trainer.has_stopped() {
            if trainer.advance(cut).expect("steps").is_some() {
                trainer.validate().expect("a validation");
            }
            trainer = between(trainer);
        }
        (trainer.compared_hash().expect("a hash"), bits(trainer.result()))
    }
}

fn pools() -> Vec<Pool> {
    let all = Isa::fused().into_iter().flat_map(|isa| [1, 2, 3].map(|threads| (isa, threads)));
    all.map(|(isa, threads)| Pool::oversubscribed(isa, threads).expect("a pool")).collect()
}

/// A setting or a technique that is new must be in one of the runs.
#[test]
fn no_technique_is_left_out() {
    let runs: Vec<Run> = (0..12).map(|i| Run::new(i, SMALL)).collect();
    let json = |settings: &Settings| serde_json::to_value(settings).expect("JSON");
    let usual = json(&Settings::default());
    for (name, usual) in usual.as_object().expect("fields") {
        assert!(runs.iter().any(|run| json(&run.settings)[name] != *usual), "{name} is as usual in all runs");
    }
    let name = |text: String| text.split('(').next().expect("a name").to_owned();
    let used = |texts: &dyn Fn(&Settings) -> Vec<String>| -> BTreeSet<String> {
        runs.iter().flat_map(|run| texts(&run.settings)).map(name).collect()
    };
    let known = |texts: Vec<String>| -> BTreeSet<String> { texts.into_iter().map(name).collect() };
    fn texts<T: ToString>(all: &[T]) -> Vec<String> {
        all.iter().map(T::to_string).collect()
    }
    assert_eq!(used(&|s| vec![s.optimizer.to_string()]), known(texts(&Optimizer::all())));
    assert_eq!(used(&|s| vec![s.schedule.to_string()]), known(texts(&Schedule::all())));
    assert_eq!(used(&|s| texts(s.average.as_slice())), known(texts(&Average::all())));
    assert_eq!(used(&|s| texts(s.clip.as_slice())), known(texts(&Clip::all())));
    assert_eq!(used(&|s| texts(&s.augment)), known(texts(&Augment::all())));
    let noises: Vec<Noise> = Noise::all();
    assert_eq!(used(&|s| s.noise.iter().flatten().map(Noise::to_string).collect()), known(texts(&noises)));
}

#[test]
fn every_technique_is_repeatable() {
    let (pools, mut ways) = (pools(), BTreeSet::new());
    for size in SIZES {
        for i in 0..12 {
            let run = Run::new(i, size);
            let mut first = None;
            // Large networks take every second pool: still each set, and each number of threads.
            for (at, pool) in pools.iter().enumerate().step_by(if size == SMALL { 1 } else { 2 }) {
                let trainer = run.start(pool);
                let crew = format!("{trainer:?}");
                ways.extend(["Alone(", "Phases(", "Shares("].into_iter().find(|way| crew.contains(way)));
                let end = run.end(trainer, [20, 3, 1][at % 3], |trainer| trainer);
                let same = *first.get_or_insert_with(|| end.clone()) == end;
                assert!(same, "run {i} of {size:?} on {pool:?}: {:?}", run.settings);
            }
        }
    }
    assert_eq!(ways.len(), 3, "all ways of training: {ways:?}");
}

/// Each run goes on from a file after every second step, on another pool, and is repeated from its last file.
#[test]
fn every_technique_is_saved() {
    let pools = pools();
    for i in 0..12 {
        let run = Run::new(i, SMALL);
        let whole = run.end(run.start(&pools[0]), 20, |trainer| trainer);
        let (mut at, mut last) = (0, None);
        let cut = run.end(run.start(&pools[0]), 2, |trainer| {
            let mut file = Vec::new();
            trainer.encode_into(&mut file).expect("a checkpoint");
            let read = Checkpoint::decode(&file).expect("a checkpoint");
            assert_eq!(read.settings, run.settings);
            at += 1;
            last = Some(read.clone());
            let resumed = Trainer::resume(&pools[at % pools.len()], &run.data, read);
            run.with_validation(resumed.expect("a resumed run"))
        });
        assert!(cut == whole, "run {i}, resumed: {:?}", run.settings);
        let last = last.expect("a checkpoint");
        let replay = Trainer::replay(&pools[1], &run.data, &last).expect("a run to repeat");
        let again = run.end(run.with_validation(replay), 20, |trainer| trainer);
        assert!(again == whole, "run {i}, repeated: {:?}", run.settings);
    }
}
