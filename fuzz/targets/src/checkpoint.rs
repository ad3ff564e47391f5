//! Checkpoints. If the bytes decode, the run predicts, is resumed, trains and encodes, with the same bits on one thread and on
//! two.

use crate::next;
use minibatch::checkpoint::DataIdentity;
use minibatch::{
    ArithmeticClass, Checkpoint, Dataset, Error, Isa, Layer, Network, Pool, Predictor, Row, Trainer,
};
use minibatch_checkpoint::{CARRIED, FORMAT_VERSION, OPTIONAL, decode};
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_64;

/// Weights and biases of the largest network that is trained, and its longest layer.
const MOST_PARAMETERS: usize = 1 << 12;
const MOST_NEURONS: usize = 256;
/// The largest training set that is made.
const MOST_EXAMPLES: u64 = 40;
/// Minibatches that a resumed run takes.
const STEPS: usize = 3;

/// The target: a checkpoint's file, intact or not.
pub fn checkpoint(bytes: &[u8]) -> bool {
    let Some(checkpoint) = decoded(bytes) else { return false };
    let small = checkpoint.network.parameters() <= MOST_PARAMETERS
        && checkpoint.network.sizes().into_iter().all(|neurons| neurons <= MOST_NEURONS)
        && checkpoint.data.examples <= MOST_EXAMPLES
        && checkpoint.history.len() < 1_000;
    small && trained(checkpoint, xxh3_64(bytes))
}

/// The checkpoint, if the bytes are one. Checks all that must hold without knowing its data.
fn decoded(bytes: &[u8]) -> Option<Checkpoint> {
    let checkpoint = match Checkpoint::decode(bytes) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            one_line(error);
            return None;
        }
    };
    let entries = decode(bytes).expect("it has just been decoded");
    let again = checkpoint.compared_hash().expect("what was read can be written");
    // There is one file for a content: written again, all that is compared is the same, but for what is dropped.
    let is_dropped = |flags: u32| flags & OPTIONAL != 0 && flags & CARRIED == 0;
    let drops = entries.iter().any(|entry| is_dropped(entry.flags) && entry.name != "run/times");
    if entries.version() == FORMAT_VERSION && !drops {
        let compared = entries.compared_hash().expect("it has just been decoded");
        assert_eq!(again, compared, "written again, the compared part is another");
    }
    let parameters = if entries.version() < 3 { "PARM" } else { "network/main/parameters" };
    let parameters = &entries.require(parameters).expect("it has parameters").payload;
    assert_eq!(checkpoint.network.weight_hash(), xxh3_64(parameters));
    Some(checkpoint)
}

/// Resumes the run on a dataset that is made for it.
fn trained(mut checkpoint: Checkpoint, mut seed: u64) -> bool {
    let Some(data) = data(&checkpoint, &mut seed) else { return false };
    // The fingerprint is that of these data instead of the recorded one. Nothing else depends on it.
    checkpoint.data = DataIdentity::of(&data);
    predicted(&checkpoint.network, &data);
    let isas = match checkpoint.class {
        ArithmeticClass::Fused => &FUSED[..],
        ArithmeticClass::Matrixmultiply => &OTHER[..],
    };
    let run = |pools: &[Pool; 2], threads: usize| after_some_steps(&checkpoint, &data, &pools[threads - 1]);
    let (mut isas, Some(first)) = (isas.iter(), isas.first()) else { return false };
    let Some(one) = run(first, 1) else { return false };
    let pools = isas.nth(next(&mut seed) as usize % isas.len()).expect("there is one");
    let two = run(pools, 2).expect("it goes on with other threads, too");
    assert!(one == two, "the bits depend on the threads or on the instruction set: {one:?} and {two:?}");
    true
}

/// Pools of one and of two threads for each instruction set that agrees to the bit.
static FUSED: LazyLock<Vec<[Pool; 2]>> = LazyLock::new(|| Isa::fused().into_iter().map(pools).collect());

static OTHER: LazyLock<Vec<[Pool; 2]>> = LazyLock::new(|| vec![pools(Isa::MATRIXMULTIPLY)]);

fn pools(isa: Isa) -> [Pool; 2] {
    [1, 2].map(|threads| Pool::oversubscribed(isa, threads).expect("threads"))
}

/// A dataset of as many examples as the run has been trained on, with targets that its cost accepts.
fn data(checkpoint: &Checkpoint, seed: &mut u64) -> Option<Dataset> {
    let (network, examples) = (&checkpoint.network, checkpoint.data.examples as usize);
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let kind = next(seed);
    let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| number(next(seed))).collect() };
    let values = numbers(examples * outputs);
    let floats = numbers(examples * inputs);
    let accepted = values.chunks_exact(outputs).all(|y| network.cost().target_defect(y).is_none());
    let bytes = || floats.iter().map(|x| (x.abs() * 255.0) as u8).collect::<Vec<u8>>();
    let labels = || (0..examples).map(|i| (i % outputs) as u32).collect::<Vec<u32>>();
    let data = match (kind.is_multiple_of(2) && accepted, kind & 2 == 0) {
        (true, true) => Dataset::from_values(floats, &[inputs], values, outputs),
        (true, false) => Dataset::from_values(bytes(), &[inputs], values, outputs),
        (false, true) => Dataset::from_classes(floats, &[inputs], labels()),
        (false, false) => Dataset::from_classes(bytes(), &[inputs], labels()),
    };
    let data = data.ok()?;
    if data.classes().is_some() { data.with_classes(outputs).ok() } else { Some(data) }
}

/// A number from −1 to 1. A quarter of all are 0.
fn number(bits: u64) -> f32 {
    if bits.is_multiple_of(4) { 0.0 } else { (bits >> 40) as f32 / (1 << 23) as f32 - 1.0 }
}

/// Checks that all ways to predict agree.
fn predicted(network: &Network, data: &Dataset) {
    let [pool, other] = &FUSED[0];
    let all = network.predict(pool, data).expect("the shapes fit");
    assert_same_bits(&network.predict(other, data).expect("they fit"), &all, "two threads");
    let mut predictor = Predictor::new(network.clone(), pool.isa());
    for example in 0..data.len() {
        let outputs = match data.input(example) {
            Row::Bytes(bytes) => predictor.predict(bytes),
            Row::Floats(floats) => predictor.predict(floats),
        };
        let outputs = outputs.expect("they fit");
        assert!(
            same(outputs, all.row(example)),
            "example {example} alone: {outputs:?}, among others {:?}",
            all.row(example)
        );
    }
    match network.evaluate(pool, data) {
        Ok(evaluation) => {
            let two = network.evaluate(other, data).expect("as on one thread");
            assert!(evaluation.cost.to_bits() == two.cost.to_bits(), "{evaluation:?} and {two:?}");
        }
        Err(error) => one_line(error),
    }
}

fn assert_same_bits(found: &minibatch::Matrix, expected: &minibatch::Matrix, what: &str) {
    assert_eq!((found.rows(), found.cols()), (expected.rows(), expected.cols()));
    for row in 0..found.rows() {
        let (found, expected) = (found.row(row), expected.row(row));
        assert!(same(found, expected), "{what}: row {row} is {found:?}, expected {expected:?}");
    }
}

/// Whether the numbers are equal to the bit, but for two exceptions. Any NaN is as good as another: the promise is for finite
/// numbers. Either zero is as good as the other: a sum that is −0 keeps its sign only where a product with an input of 0 is left
/// out.
fn same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y || x.is_nan() && y.is_nan())
}

/// The outcome of a run.
#[derive(Debug)]
struct Outcome {
    compared_hash: u64,
    /// Weights and biases, layer by layer.
    parameters: Vec<f32>,
    cost_sum: f64,
    diverged: Option<String>,
}

impl PartialEq for Outcome {
    /// The same bits, or the same numbers where some are zeros of either sign. The sign of a sum which is −0 depends on which
    /// inputs of 0 are left out.
    fn eq(&self, other: &Outcome) -> bool {
        let bits = |outcome: &Outcome| outcome.parameters.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let same_numbers = self.parameters == other.parameters && self.cost_sum == other.cost_sum;
        let same = self.compared_hash == other.compared_hash || same_numbers && bits(self) != bits(other);
        same && self.diverged == other.diverged
    }
}

/// Weights and biases, layer by layer.
fn parameters(network: &Network) -> Vec<f32> {
    let weights = |layer: &Layer| -> Vec<f32> {
        let places = (0..layer.outputs()).flat_map(|j| (0..layer.inputs()).map(move |k| (j, k)));
        places.map(|(j, k)| layer.weight(j, k)).chain(layer.biases().iter().copied()).collect()
    };
    network.layers().iter().flat_map(weights).collect()
}

/// The outcome of some steps on `data`. `None` if no run can stand where this one does.
fn after_some_steps(checkpoint: &Checkpoint, data: &Dataset, pool: &Pool) -> Option<Outcome> {
    let mut trainer = match Trainer::resume(pool, data, checkpoint.clone()) {
        Ok(trainer) => trainer,
        Err(error) => {
            one_line(error);
            return None;
        }
    };
    assert_eq!(trainer.network().weight_hash(), checkpoint.network.weight_hash());
    let trained = trainer.advance(STEPS);
    if let Ok(Some(_)) = trained {
        match trainer.evaluate(data).and_then(|evaluation| trainer.record(data, evaluation)) {
            Ok(()) => {}
            Err(error) => one_line(error),
        }
    }
    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes).expect("a run is finite at any time");
    let again = Checkpoint::decode(&bytes).expect("what was written can be read");
    let compared_hash = decode(&bytes).and_then(|entries| entries.compared_hash()).expect("intact");
    let weight_hash = again.network.weight_hash();
    assert_eq!(weight_hash, trainer.network().weight_hash());
    assert_eq!(again.compared_hash().expect("it can be written again"), compared_hash);
    assert_eq!(again.history.len(), trainer.history().len());
    assert_eq!(again.progress.position, trainer.position() as u64);
    let diverged = match trained {
        Err(Error::Diverged { epoch, step, cause }) => Some(format!("epoch {epoch}, step {step}: {cause:?}")),
        Err(error) => panic!("training fails: {error}"),
        Ok(_) => None,
    };
    let (parameters, cost_sum) = (parameters(trainer.network()), again.progress.cost_sum);
    Some(Outcome { compared_hash, parameters, cost_sum, diverged })
}

fn one_line(error: impl std::fmt::Display) {
    let line = error.to_string();
    assert!(!line.is_empty() && !line.contains('\n'), "an error is one line: {line:?}");
}
