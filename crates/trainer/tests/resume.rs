//! A run that is interrupted, saved and gone on with, on other threads and another instruction set, ends with the bits
//! of one that isn't: weights, history and all else that a checkpoint compares.
#![allow(clippy::print_stdout, reason = "what the long forms did is worth knowing")]

mod common;

use common::Numbers;
use minibatch::{Checkpoint, Dataset, Isa, Network, Optimizer, Pool, Settings, Trainer, checkpoint};

/// Sizes, minibatch and examples of a run of two epochs and a half.
struct Shape {
    sizes: &'static [usize],
    batch_size: usize,
    examples: usize,
}

const SHAPES: [Shape; 3] = [
    // The default network.
    Shape { sizes: &[784, 32, 10], batch_size: 16, examples: 150 },
    Shape { sizes: &[50, 33, 17, 3], batch_size: 7, examples: 80 },
    // Wide enough to be shared by all threads.
    Shape { sizes: &[200, 256, 10], batch_size: 64, examples: 300 },
];

impl Shape {
    /// Random bytes, half of them 0, in random classes.
    fn data(&self) -> Dataset {
        let (inputs, classes) = (self.sizes[0], self.sizes[self.sizes.len() - 1]);
        let mut numbers = Numbers::new(29);
        let mut bytes = numbers.bytes(self.examples * inputs);
        bytes.iter_mut().filter(|byte| **byte < 128).for_each(|byte| *byte = 0);
        let labels = (0..self.examples).map(|_| numbers.below(classes) as u32).collect();
        Dataset::from_classes(bytes, &[inputs], labels)
            .and_then(|data| data.with_classes(classes))
            .expect("a dataset")
    }

    fn trainer(&self, pool: &Pool, data: &Dataset) -> Trainer {
        self.trainer_by(Optimizer::SGD, pool, data)
    }

    fn trainer_by(&self, optimizer: Optimizer, pool: &Pool, data: &Dataset) -> Trainer {
        let builder = Network::builder(self.sizes[0]).seed(9);
        let network = self.sizes[1..].iter().fold(builder, |builder, &n| builder.layer(n)).build();
        let (learning_rate, batch_size) = (optimizer.learning_rates().sigmoid, self.batch_size);
        let settings =
            Settings { optimizer, learning_rate, batch_size, epochs: 3, seed: 4, ..Settings::default() };
        Trainer::new(pool, data, network.expect("a network"), settings).expect("a trainer")
    }

    fn steps_per_epoch(&self) -> usize {
        self.examples.div_ceil(self.batch_size)
    }

    fn steps(&self) -> usize {
        2 * self.steps_per_epoch() + self.steps_per_epoch() / 2
    }
}

/// Trains to `step` of the run, evaluating after each epoch.
fn train(trainer: &mut Trainer, data: &Dataset, step: usize) {
    let per_epoch = trainer.steps_per_epoch();
    let done = |trainer: &Trainer| trainer.history().len() * per_epoch + trainer.step();
    while done(trainer) < step {
        if trainer.advance(step - done(trainer)).expect("steps").is_some() {
            let evaluation = trainer.evaluate(data).expect("an evaluation");
            trainer.record(data, evaluation).expect("an epoch has ended");
        }
    }
}

#[test]
fn a_checkpoint_that_stands_nowhere_is_refused() {
    let (shape, pool) = (&SHAPES[1], Pool::new(Isa::detect(), 2).expect("a pool"));
    let data = shape.data();
    let mut trainer = shape.trainer(&pool, &data);
    trainer.advance(3).expect("steps");
    for position in [1, 20, 80, 81, u64::MAX] {
        let mut checkpoint = trainer.checkpoint();
        checkpoint.progress.position = position;
        let refused = Trainer::resume(&pool, &data, checkpoint).expect_err("no place to be");
        assert!(refused.to_string().contains(&format!("position {position} in an epoch")), "{refused}");
    }
    let mut checkpoint = trainer.checkpoint();
    checkpoint.history.clear();
    checkpoint.progress.position = 0;
    assert!(Trainer::resume(&pool, &data, checkpoint).is_err(), "a cost from nowhere");
}

fn encoded(trainer: &Trainer) -> Vec<u8> {
    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes).expect("a checkpoint");
    bytes
}

fn hash(trainer: &Trainer) -> u64 {
    trainer.checkpoint().compared_hash().expect("a checkpoint")
}

/// Interrupts runs so many times, on every instruction set with fused multiply-add and with so many threads. A run goes on with
/// the pool that follows. Returns the number of interruptions.
fn suite(threads: &[usize], interruptions: usize, shapes: &[Shape]) -> usize {
    let pools: Vec<Pool> = Isa::fused()
        .into_iter()
        .flat_map(|isa| threads.iter().map(move |&threads| Pool::new(isa, threads).expect("a pool")))
        .collect();
    let mut runs = 0;
    for shape in shapes {
        let data = shape.data();
        let mut whole = shape.trainer(&pools[0], &data);
        train(&mut whole, &data, shape.steps());
        let expected = hash(&whole);
        for (i, pool) in pools.iter().enumerate() {
            let mut uninterrupted = shape.trainer(pool, &data);
            train(&mut uninterrupted, &data, shape.steps());
            assert_eq!(hash(&uninterrupted), expected, "{:?} on {pool:?}", shape.sizes);
            for interruption in 0..interruptions {
                // The first interruption is at the start, the last at the end. No two pools have the same steps.
                let step = (shape.steps() * interruption / (interruptions - 1) + i % 2).min(shape.steps());
                let other = &pools[(i + interruption + 1) % pools.len()];
                let mut first = shape.trainer(pool, &data);
                train(&mut first, &data, step);
                let recorded = Checkpoint::decode(&encoded(&first)).expect("a checkpoint");
                let mut second = Trainer::resume(other, &data, recorded).expect("a resumed run");
                assert_eq!(hash(&second), hash(&first), "what was saved is what is gone on with");
                train(&mut second, &data, shape.steps());
                let place = format!("{:?} on {pool:?}, from step {step} on {other:?}", shape.sizes);
                assert_eq!(hash(&second), expected, "{place}");
                runs += 1;
            }
            let mut again =
                Trainer::replay(pool, &data, &uninterrupted.checkpoint()).expect("a run to repeat");
            train(&mut again, &data, shape.steps());
            assert_eq!(hash(&again), expected, "{:?} repeated on {pool:?}", shape.sizes);
        }
        println!("{:?}: compared hash {expected:016x} from {} pools", shape.sizes, pools.len());
    }
    runs
}

#[test]
fn an_interrupted_run_ends_with_the_same_bits() {
    assert!(suite(&[1, 3], 3, &SHAPES) >= 18);
}

/// The whole suite, for `cargo xtask determinism`.
#[test]
#[ignore = "takes a minute: cargo xtask determinism"]
fn the_whole_suite() {
    let runs = suite(&[1, 2, 3, 4, 7, 8], 7, &SHAPES);
    println!("{runs} interrupted runs, all with the bits of an uninterrupted one");
}

/// Runs by every optimiser are interrupted after every single step.
#[test]
fn every_step_is_a_place_to_stop() {
    let shape = Shape { sizes: &[6, 5, 3], batch_size: 4, examples: 18 };
    let data = shape.data();
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    for optimizer in Optimizer::all() {
        let mut whole = shape.trainer_by(optimizer.clone(), &pool, &data);
        train(&mut whole, &data, shape.steps());
        let mut cut = shape.trainer_by(optimizer.clone(), &pool, &data);
        for step in 0..=shape.steps() {
            train(&mut cut, &data, step);
            let recorded = Checkpoint::decode(&encoded(&cut)).expect("a checkpoint");
            assert_eq!(recorded.settings.optimizer, optimizer);
            cut = Trainer::resume(&pool, &data, recorded).expect("a resumed run");
        }
        assert_eq!(hash(&cut), hash(&whole), "{optimizer}");
        assert!(encoded(&whole) != encoded(&cut), "but for the time");
        let mut again = Trainer::replay(&pool, &data, &whole.checkpoint()).expect("a run to repeat");
        train(&mut again, &data, shape.steps());
        assert_eq!(hash(&again), hash(&whole), "{optimizer}, repeated");
    }
}

/// A network wide enough to be shared goes on with other threads and another instruction set.
#[test]
fn what_an_optimizer_remembers_goes_on_anywhere() {
    let shape = &SHAPES[2];
    let data = shape.data();
    let pools: Vec<Pool> =
        Isa::fused().into_iter().zip([1, 3, 2]).map(|(isa, n)| Pool::new(isa, n).expect("a pool")).collect();
    for optimizer in Optimizer::all().into_iter().skip(1) {
        let mut whole = shape.trainer_by(optimizer.clone(), &pools[0], &data);
        train(&mut whole, &data, shape.steps());
        for (i, pool) in pools.iter().enumerate() {
            let mut first = shape.trainer_by(optimizer.clone(), pool, &data);
            train(&mut first, &data, 3 + i);
            let recorded = Checkpoint::decode(&encoded(&first)).expect("a checkpoint");
            let mut second =
                Trainer::resume(&pools[(i + 1) % pools.len()], &data, recorded).expect("a resumed run");
            assert_eq!(hash(&second), hash(&first), "what was saved is what is gone on with");
            train(&mut second, &data, shape.steps());
            assert_eq!(hash(&second), hash(&whole), "{optimizer} from {pool:?}");
        }
    }
}

#[test]
fn a_run_goes_on_with_its_own_optimizer_only() {
    let shape = Shape { sizes: &[6, 5, 3], batch_size: 4, examples: 18 };
    let (data, pool) = (shape.data(), Pool::new(Isa::detect(), 1).expect("a pool"));
    let mut checkpoint = shape.trainer(&pool, &data).checkpoint();
    checkpoint.settings.optimizer = "adam".parse().expect("an optimiser");
    let error = Trainer::resume(&pool, &data, checkpoint).expect_err("no moments").to_string();
    assert!(error.contains("another optimiser") && error.contains("adam(0.9,0.999,1e-8) here"), "{error}");
}

/// The checkpoint that every version must load, as `tests/golden/v1.ckpt`.
const GOLDEN: &[u8] = include_bytes!("golden/v1.ckpt");

fn golden_data() -> Dataset {
    let bytes = (0..60_u32).map(|i| (i * i % 251) as u8).collect::<Vec<u8>>();
    Dataset::from_classes(bytes, &[2, 3], vec![0, 1, 2, 0, 1, 2, 2, 1, 0, 0]).expect("a dataset")
}

#[test]
fn the_golden_checkpoint_loads() {
    let golden = Checkpoint::decode(GOLDEN).expect("the golden checkpoint");
    assert_eq!(golden.network.sizes(), [6, 4, 3]);
    let labels: Vec<String> =
        golden.network.layers().iter().map(|layer| layer.activation().label()).collect();
    assert_eq!(labels, ["leaky-relu(0.25)", "sigmoid"]);
    assert_eq!(golden.network.cost().label(), "quadratic");
    assert_eq!(
        golden.settings,
        Settings { learning_rate: 0.5, batch_size: 3, epochs: 3, seed: 11, ..Settings::default() }
    );
    assert_eq!(golden.origin.map(|origin| origin.seed), Some(7));
    assert_eq!((golden.history.len(), golden.progress.position), (2, 6));
    assert!(golden.history.iter().all(|epoch| epoch.test.is_some_and(|test| test.examples == 10)));
    // The content is encoded today as it was then.
    assert_eq!(format!("{:016x}", golden.compared_hash().expect("it encodes")), GOLDEN_HASH);
    let (pool, data) = (Pool::new(Isa::detect(), 1).expect("a pool"), golden_data());
    if pool.isa().class() == golden.class {
        let mut resumed = Trainer::resume(&pool, &data, golden).expect("a resumed run");
        assert_eq!(resumed.epoch().expect("its last epoch").number, 3);
    }
}

/// The compared hash of the golden checkpoint.
const GOLDEN_HASH: &str = "8f2fd3e3a53e7f00";

/// The golden checkpoint of version 2, by AdamW.
const GOLDEN_2: &[u8] = include_bytes!("golden/v2.ckpt");

#[test]
fn the_golden_checkpoint_of_version_2_loads() {
    let golden = Checkpoint::decode(GOLDEN_2).expect("the golden checkpoint");
    assert_eq!(golden.settings.optimizer.to_string(), "adamw(0.9,0.99,1e-6,0.01)");
    assert_eq!((golden.optimizer.steps(), golden.settings.learning_rate), (10, 0.5));
    assert_eq!(format!("{:016x}", golden.compared_hash().expect("it encodes")), GOLDEN_2_HASH);
    let (pool, data) = (Pool::new(Isa::detect(), 1).expect("a pool"), golden_data());
    if pool.isa().class() == golden.class {
        let mut again = Trainer::replay(&pool, &data, &golden).expect("a run to repeat");
        train(&mut again, &data, 2 * 4 + 2);
        assert_eq!(format!("{:016x}", hash(&again)), GOLDEN_2_HASH);
    }
}

/// The compared hash of the golden checkpoint of version 2.
const GOLDEN_2_HASH: &str = "ccdd8884edfbde27";

/// The golden checkpoint of version 3, by NAdam, with an entry that is unknown and carried over.
const GOLDEN_3: &[u8] = include_bytes!("golden/v3.ckpt");
/// The golden networks of version 3, with entries that are unknown.
const GOLDEN_3_NETWORKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v3-networks.ckpt");
/// The entry that is carried over.
const CLASSES: &str = "network/main/classes";

/// The entries of a file but for some, by name.
fn entries(bytes: &[u8], besides: &[&str]) -> Vec<(String, u32, Vec<u8>)> {
    let decoded = minibatch_checkpoint::decode(bytes).expect("intact");
    let kept = decoded.iter().filter(|entry| !besides.contains(&&*entry.name));
    kept.map(|entry| (entry.name.to_string(), entry.flags, entry.payload.to_vec())).collect()
}

#[test]
fn the_golden_checkpoint_of_version_3_loads() {
    let golden = Checkpoint::decode(GOLDEN_3).expect("the golden checkpoint");
    assert_eq!(golden.settings.optimizer.to_string(), "nadam(0.9,0.99,1e-6,0.004)");
    assert_eq!((golden.optimizer.steps(), golden.settings.learning_rate), (10, 0.01));
    assert_eq!((golden.origin.map(|origin| origin.seed), golden.progress.position), (Some(7), 6));
    let hash_of =
        |checkpoint: &Checkpoint| format!("{:016x}", checkpoint.compared_hash().expect("it encodes"));
    assert_eq!(hash_of(&golden), GOLDEN_3_HASH);
    // It is written today as it was then: only the times name the version of the program.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("again.ckpt");
    golden.save(&path).expect("it is written");
    let again = std::fs::read(&path).expect("a file");
    assert!(entries(&again, &["run/times"]) == entries(GOLDEN_3, &["run/times"]));
    assert!(entries(&again, &[]).iter().any(|(name, ..)| name == CLASSES));
    let (pool, data) = (Pool::new(Isa::detect(), 1).expect("a pool"), golden_data());
    if pool.isa().class() == golden.class {
        let mut again = Trainer::replay(&pool, &data, &golden).expect("a run to repeat");
        train(&mut again, &data, 2 * 4 + 2);
        assert_eq!(format!("{:016x}", hash(&again)), GOLDEN_3_HASH);
        assert_eq!(again.compared_hash().expect("it encodes"), hash(&again));
    }
}

/// The compared hash of the golden checkpoint of version 3.
const GOLDEN_3_HASH: &str = "13fe06dfa9f412d8";

#[test]
fn the_golden_networks_of_version_3_load() {
    let networks = checkpoint::load_networks(GOLDEN_3_NETWORKS.as_ref()).expect("the golden networks");
    let sizes: Vec<_> = networks.iter().map(|(name, network)| (&**name, network.sizes())).collect();
    assert_eq!(sizes, [("first", vec![3, 2]), ("main", vec![6, 4, 3])]);
    let main = Network::load(GOLDEN_3_NETWORKS.as_ref()).expect("the golden network");
    assert_eq!(main.weight_hash(), golden_network().weight_hash());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("again.ckpt");
    checkpoint::save_networks(&path, &networks).expect("they are written");
    let [golden, again] =
        [GOLDEN_3_NETWORKS, path.to_str().expect("a name")].map(|path| std::fs::read(path).expect("a file"));
    assert!(entries(&golden, &[CLASSES, "note"]) == entries(&again, &[]), "written as they were then");
    assert_eq!(entries(&golden, &[]).len(), entries(&again, &[]).len() + 2);
}

fn golden_network() -> Network {
    let leaky = minibatch::activation::LeakyRelu::new(0.25).expect("a slope");
    Network::builder(6).layer_with(4, leaky).layer(3).seed(7).build().expect("a network")
}

/// Writes the golden files once, for a new version of the format, and never again for an old one.
#[test]
#[ignore = "writes the newest golden files anew, with MINIBATCH_WRITE_GOLDEN=1"]
fn write_the_golden_files() {
    if std::env::var_os("MINIBATCH_WRITE_GOLDEN").is_none() {
        return;
    }
    let (pool, data) = (Pool::new(Isa::detect(), 1).expect("a pool"), golden_data());
    let optimizer = "nadam(0.9,0.99,1e-6,0.004)".parse().expect("an optimiser");
    let settings = Settings {
        optimizer,
        learning_rate: 0.01,
        batch_size: 3,
        epochs: 3,
        seed: 11,
        ..Settings::default()
    };
    let mut trainer = Trainer::new(&pool, &data, golden_network(), settings).expect("a trainer");
    train(&mut trainer, &data, 2 * 4 + 2);
    let run = with_more(&encoded(&trainer), &[(CLASSES, 5)]);
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v3.ckpt"), &run).expect("a file");
    let first = Network::builder(3).layer_with(2, minibatch::activation::Softmax).seed(1);
    let first = first.cost(minibatch::cost::CategoricalCrossEntropy).build().expect("a network");
    let networks = std::collections::BTreeMap::from([
        ("first".to_owned(), first),
        ("main".to_owned(), golden_network()),
    ]);
    checkpoint::save_networks(GOLDEN_3_NETWORKS.as_ref(), &networks).expect("a file");
    let networks = std::fs::read(GOLDEN_3_NETWORKS).expect("a file");
    std::fs::write(GOLDEN_3_NETWORKS, with_more(&networks, &[(CLASSES, 5), ("note", 3)])).expect("a file");
    let hash = Checkpoint::decode(&run).and_then(|run| run.compared_hash()).expect("a checkpoint");
    println!("compared hash {hash:016x}");
}

/// The file with further entries, each with its flags.
fn with_more(file: &[u8], more: &[(&str, u32)]) -> Vec<u8> {
    let mut all = entries(file, &[]);
    all.extend(more.iter().map(|(name, flags)| (name.to_string(), *flags, b"of a later version".to_vec())));
    all.sort();
    let names: Vec<_> = all.iter().map(|(name, flags, _)| (name, *flags)).collect();
    let mut out = Vec::new();
    minibatch_checkpoint::encode_into(&mut out, &names, |index, payload| {
        payload.put_bytes(&all[index].2);
        Ok(())
    })
    .expect("it encodes");
    out
}
