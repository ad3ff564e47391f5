//! The checkpoint of a small run: every damage to its bytes, and contents that no run writes under right checksums.

use super::parts::Parts;
use crate::checkpoint::history::{EvaluationValue, ScoreValue};
use crate::checkpoint::networks::Layers;
use crate::checkpoint::{Checkpoint, DataIdentity, FormatError};
use crate::network::activation::LeakyRelu;
use crate::{Dataset, Isa, Network, Pool, Settings, Trainer};

/// The checkpoint after one epoch and a step: 3-4-2, 7 examples, minibatches of 2.
fn real() -> Vec<u8> {
    real_by("sgd")
}

/// The same checkpoint by another optimiser.
pub(super) fn real_by(optimizer: &str) -> Vec<u8> {
    let inputs: Vec<f32> = (0..21).map(|i| (i * 5 % 13) as f32 / 13.0).collect();
    let data = Dataset::from_classes(inputs, &[3], vec![0, 1, 0, 1, 1, 0, 1]).expect("a dataset");
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let network =
        Network::builder(3).layer_with(4, LeakyRelu::default()).layer(2).build().expect("a network");
    let optimizer = optimizer.parse().expect("an optimiser");
    let settings =
        Settings { optimizer, batch_size: 2, epochs: 3, learning_rate: 0.5, seed: 8, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &data, network, settings).expect("a trainer");
    // Correct answers are counted, though the set is never evaluated.
    trainer.set_validation(&data).expect("a validation set");
    trainer.epoch().expect("an epoch");
    let evaluation = trainer.evaluate(&data).expect("an evaluation");
    trainer.record(&data, evaluation).expect("an epoch has ended");
    trainer.advance(1).expect("a step");
    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes).expect("it encodes");
    bytes
}

#[test]
fn every_single_byte_change_is_refused() {
    for file in [real(), real_by("adamw")] {
        assert!(Checkpoint::decode(&file).is_ok());
        let mut changed = file.clone();
        for at in 0..file.len() {
            for change in 1..=255 {
                changed[at] = file[at] ^ change;
                let error = Checkpoint::decode(&changed).expect_err("a changed byte").to_string();
                assert!(!error.is_empty() && !error.contains('\n'), "byte {at}: {error}");
            }
            changed[at] = file[at];
        }
    }
}

#[test]
fn every_truncation_and_addition_is_refused() {
    for mut file in [real(), real_by("nesterov")] {
        for length in 0..file.len() {
            assert!(Checkpoint::decode(&file[..length]).is_err(), "{length} bytes");
        }
        for byte in 0..=255 {
            file.push(byte);
            let error = Checkpoint::decode(&file).expect_err("a byte too many");
            assert!(matches!(error, FormatError::TrailingBytes { .. }), "{error}");
            file.pop();
        }
    }
}

/// A change of the content, and the message it must meet.
type Forgery = (&'static str, fn(&mut Parts));

const LAYERS: &str = "network/main/layers";
const COST: &str = "network/main/cost";
const ORIGIN: &str = "network/main/origin";
const PARAMETERS: &str = "network/main/parameters";

fn layers(p: &mut Parts, change: impl FnOnce(&mut Layers)) {
    p.edit(LAYERS, change);
}

fn parameters(p: &mut Parts, change: impl FnOnce(&mut Vec<f32>)) {
    p.numbers(PARAMETERS, change);
}

fn activation(p: &mut Parts, layer: usize, name: &str) {
    layers(p, |(_, layers)| layers[layer].1 = name.to_owned());
}

const NETWORK: &[Forgery] = &[
    ("a network needs at least one layer", |p| {
        layers(p, |(_, layers)| layers.clear());
        parameters(p, Vec::clear);
    }),
    ("layer 1 has no neurons", |p| {
        layers(p, |(_, layers)| layers[0].0 = 0);
        parameters(p, |numbers| numbers.truncate(2));
    }),
    ("layer 0 has no neurons", |p| {
        layers(p, |(inputs, _)| *inputs = 0);
        parameters(p, |numbers| numbers.truncate(14));
    }),
    ("too large", |p| layers(p, |(inputs, _)| *inputs = u64::MAX)),
    ("too large", |p| layers(p, |(_, layers)| layers[0].0 = u64::MAX / 2)),
    ("entry network/main/parameters holds 104 bytes, expected ", |p| {
        layers(p, |(_, layers)| layers[0].0 = 1 << 40);
    }),
    ("layer 1 has no neurons", |p| {
        // No parameter at all, but a first layer beyond all memory.
        layers(p, |(inputs, layers)| {
            *inputs = 1 << 62;
            layers.iter_mut().for_each(|layer| layer.0 = 0);
        });
        parameters(p, Vec::clear);
    }),
    ("entry network/main/parameters holds 104 bytes, expected 56", |p| {
        layers(p, |(_, layers)| layers[0].0 = 2);
    }),
    ("entry network/main/layers is intact but its content is not valid: unknown activation 'no-such'", |p| {
        activation(p, 0, "no-such");
    }),
    ("unknown activation 'leaky-relu(NaN)'", |p| activation(p, 0, "leaky-relu(NaN)")),
    ("unknown activation 'a\\nb\\u{7f}'", |p| activation(p, 0, "a\nb\u{7f}")),
    ("'leaky-relu(0.010)' isn't written so", |p| activation(p, 0, "leaky-relu(0.010)")),
    ("'leaky-relu' isn't written so", |p| activation(p, 0, "leaky-relu")),
    ("unknown activation ''", |p| activation(p, 1, "")),
    ("layer 1 can't be softmax", |p| activation(p, 0, "softmax")),
    ("cost is intact but its content is not valid: 'huber(5e-1)' isn't written so", |p| {
        p.put(COST, "huber(5e-1)");
    }),
    ("unknown cost '\\r'", |p| p.put(COST, "\r")),
    ("unknown cost 'sigmoid'", |p| p.put(COST, "sigmoid")),
    ("unknown initializer 'dice'", |p| p.put(ORIGIN, &("dice", 0_u64))),
    ("parameters: number 5 is NaN", |p| parameters(p, |numbers| numbers[5] = f32::NAN)),
    ("parameters: number 25 is -inf", |p| parameters(p, |numbers| numbers[25] = f32::NEG_INFINITY)),
    ("parameters holds 100 bytes, expected 104", |p| parameters(p, |numbers| numbers.truncate(25))),
    ("parameters holds 108 bytes, expected 104", |p| parameters(p, |numbers| numbers.push(0.0))),
    ("entry network/main/parameters is missing", |p| p.remove(PARAMETERS)),
    ("entry network/main/layers is missing", |p| p.remove(LAYERS)),
    ("entry network/main/cost is missing", |p| p.remove(COST)),
    ("entry network/other/layers is unknown", |p| p.put("network/other/layers", &0_u64)),
];

const SETTINGS: &[Forgery] = &[
    ("unknown optimiser '\\t'", |p| p.put("run/optimizer", "\t")),
    ("batch size is 0", |p| p.put("run/batch-size", &0_u64)),
    ("entry run/batch-size is intact but its content is not valid: batch size is 8", |p| {
        p.put("run/batch-size", &8_u64);
    }),
    ("batch size is 2: expected 1 to 0", |p| p.put("run/data", &(0_u64, 0_u64))),
    ("entry run/learning-rate is intact but its content is not valid: learning rate is NaN", |p| {
        p.put("run/learning-rate", &f64::NAN);
    }),
    ("learning rate is inf", |p| p.put("run/learning-rate", &f64::INFINITY)),
    ("learning rate is -0.5", |p| p.put("run/learning-rate", &-0.5)),
    ("learning rate is ", |p| p.put("run/learning-rate", &1e300)),
    ("entry run/optimizer is intact but its content is not valid: the setting isn't written so", |p| {
        p.put("run/optimizer", "momentum");
    }),
    ("unknown arithmetic class 'Fused'", |p| p.put("run/arithmetic", "Fused")),
    ("run/moments/m is intact but its content is not valid: sgd has no such moment", |p| {
        p.put("run/moments/m", &1.0_f32);
    }),
    ("entry run/scalars is intact but its content is not valid: sgd counts no steps", |p| {
        p.put("run/scalars", &(5_u64, Vec::<f64>::new()));
    }),
    ("entry run/seed is missing", |p| p.remove("run/seed")),
    ("entry run/arithmetic is missing", |p| p.remove("run/arithmetic")),
    ("entry run/data is missing", |p| p.remove("run/data")),
    ("it holds networks but no run", |p| p.keep(|name| name.starts_with("network/"))),
];

/// Sets the scalars of Adam.
fn scalars(p: &mut Parts, scalars: &[f64]) {
    p.put("run/scalars", &(5_u64, scalars));
}

/// Forgeries of a run by Adam with 26 parameters and 5 steps.
const ADAM: &[Forgery] = &[
    ("unknown optimiser 'adam2': if it is one of your own", |p| p.put("run/optimizer", "adam2")),
    ("optimiser 'adam(1,0.999,1e-8)': expected adam(β₁", |p| p.put("run/optimizer", "adam(1,0.999,1e-8)")),
    ("the setting isn't written so", |p| p.put("run/optimizer", "adam")),
    ("entry run/moments/m is intact but its content is not valid: sgd has no such moment", |p| {
        p.put("run/optimizer", "sgd");
    }),
    ("learning rate is 0.5: expected below 1/λ", |p| p.put("run/optimizer", "adamw(0.9,0.999,1e-8,2.0)")),
    ("learning rate is -1", |p| p.put("run/learning-rate", &-1.0)),
    ("momentum(0.9) has no such moment", |p| p.put("run/optimizer", "momentum(0.9)")),
    ("entry run/moments/v is missing", |p| p.remove("run/moments/v")),
    ("entry run/moments/m holds 100 bytes, expected 104", |p| {
        p.numbers("run/moments/m", |numbers| numbers.truncate(25));
    }),
    ("entry run/moments/m: number 0 is NaN", |p| p.numbers("run/moments/m", |m| m[0] = f32::NAN)),
    ("entry run/moments/v: number 25 is inf", |p| p.numbers("run/moments/v", |v| v[25] = f32::INFINITY)),
    ("a mean or sum of squares of -1", |p| p.numbers("run/moments/v", |v| v[0] = -1.0)),
    ("entry run/scalars is missing", |p| p.remove("run/scalars")),
    ("6 steps, but 5 by history", |p| p.edit("run/scalars", |(steps, _): &mut (u64, Vec<f64>)| *steps = 6)),
    // 2 · 2⁶³ steps and more.
    ("5 steps, but 18446744073709551618 by history", |p| {
        p.put("run/batch-size", &1_u64);
        p.put("run/data", &(1_u64 << 63, 0_u64));
        epoch(p);
    }),
    ("scalars [] of adam", |p| scalars(p, &[])),
    ("scalars [0.5, 1.5] of adam", |p| scalars(p, &[0.5, 1.5])),
    ("scalars [NaN, 0.5] of adam", |p| scalars(p, &[f64::NAN, 0.5])),
    ("scalars [0.5, -0.5] of adam", |p| scalars(p, &[0.5, -0.5])),
];

/// A generator, epochs begun, position, summed cost.
type Progress = ([u64; 4], u64, u64, f64);

fn progress(p: &mut Parts, change: impl FnOnce(&mut Progress)) {
    p.edit("run/progress", change);
}

/// Adds an epoch without an evaluation to the history.
fn epoch(p: &mut Parts) {
    p.edit("run/history/training", |costs: &mut Vec<f64>| costs.push(1.0));
    p.edit("run/history/test", |tests: &mut Vec<Option<EvaluationValue>>| tests.push(None));
    p.edit("run/history/training-score", |correct: &mut Vec<Option<u64>>| correct.push(None));
    p.edit("run/history/learning-rate", |rates: &mut Vec<Option<f64>>| rates.push(None));
}

const PROGRESS: &[Forgery] = &[
    ("position 7 in an epoch of 7", |p| progress(p, |progress| progress.2 = 7)),
    ("position 18446744073709551615", |p| progress(p, |progress| progress.2 = u64::MAX)),
    ("position 1 in an epoch of 7 examples in steps of 2", |p| progress(p, |progress| progress.2 = 1)),
    ("a summed cost of NaN", |p| progress(p, |progress| progress.3 = f64::NAN)),
    ("at position 0", |p| {
        progress(p, |progress| progress.2 = 0);
        epoch(p);
    }),
    ("2 epochs begun, but 1 by history", |p| {
        progress(p, |progress| (progress.2, progress.3) = (0, 0.0));
    }),
    ("2 epochs begun, but 3 by history", epoch),
    ("a generator state with a bit set", |p| progress(p, |progress| progress.0 = [0; 4])),
    ("evaluations without a test set", |p| p.remove("run/test-data")),
    ("a test set without evaluations", |p| p.remove("run/history/test")),
    ("a test set of 8 examples, but 7 evaluated", |p| {
        p.put("run/test-data", &DataIdentity { examples: 8, fingerprint: 0 });
    }),
];

/// Puts an evaluation of 7 examples in the place of the one that there is.
fn evaluation(p: &mut Parts, cost: f64, score: ScoreValue) {
    p.put("run/history/test", &[Some(EvaluationValue { cost, examples: 7, score })].to_vec());
}

const HISTORY: &[Forgery] = &[
    ("epoch 1 has cost NaN", |p| p.put("run/history/training", &vec![f64::NAN])),
    ("epoch 1 has cost inf", |p| p.put("run/history/training", &vec![f64::INFINITY])),
    ("entry run/history/test is intact but its content is not valid: no evaluation", |p| {
        p.put("run/history/test", &vec![None::<EvaluationValue>]);
    }),
    ("1 lines for 2 epochs", |p| p.put("run/history/training", &vec![1.0, 1.0])),
    ("0 lines for 1 epochs", |p| p.put("run/history/test", &0_u64)),
    ("with Classes { correct: 8 } of 7 examples", |p| evaluation(p, 0.5, ScoreValue::Classes { correct: 8 })),
    ("an evaluation of cost NaN", |p| evaluation(p, f64::NAN, ScoreValue::Classes { correct: 1 })),
    ("with Values", |p| {
        evaluation(p, 0.5, ScoreValue::Values { rmse: 0.5, mae: -0.5, r_squared: 0.5 });
    }),
    ("with Values", |p| {
        evaluation(p, 0.5, ScoreValue::Values { rmse: 0.5, mae: 0.5, r_squared: f64::NEG_INFINITY });
    }),
    ("a time of -1 seconds", |p| p.put("run/times", &("", vec![-1.0], 0.0))),
    ("a time of NaN seconds", |p| p.put("run/times", &("", Vec::<f64>::new(), f64::NAN))),
    ("a time of 1", |p| p.put("run/times", &("", Vec::<f64>::new(), 1e300))),
];

#[test]
fn contents_that_no_run_writes_are_refused() {
    let (plain, adam) = (real(), real_by("adam"));
    let of_plain =
        [NETWORK, SETTINGS, PROGRESS, HISTORY].into_iter().flatten().map(|forgery| (&plain, forgery));
    let of_adam = ADAM.iter().map(|forgery| (&adam, forgery));
    for (real, (message, forge)) in of_plain.chain(of_adam) {
        assert_eq!(Parts::of(real).encode(), *real);
        let mut parts = Parts::of(real);
        forge(&mut parts);
        match Checkpoint::decode(&parts.encode()) {
            Ok(_) => panic!("accepted, expected '{message}'"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(message) && !error.contains('\n'), "expected '{message}': {error}");
            }
        }
    }
}

/// The history is there without evaluations, and without times.
#[test]
fn what_a_run_may_lack_is_not_missed() {
    let mut parts = Parts::of(&real());
    for name in ["run/history/test", "run/test-data", "run/times", ORIGIN] {
        parts.remove(name);
    }
    let read = Checkpoint::decode(&parts.encode()).expect("nothing is missing");
    assert!(read.origin.is_none() && read.tested_on.is_none() && read.history[0].seconds == 0.0);
}

/// Lengths that the entry hasn't, bytes left over, variants that this version doesn't have.
#[test]
fn values_that_are_none_are_refused() {
    let with = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut parts = Parts::of(&real_by("adam"));
        change(parts.bytes(name));
        Checkpoint::decode(&parts.encode())
    };
    let values =
        Parts::of(&real_by("adam")).names(|name| name != PARAMETERS && !name.starts_with("run/moments/"));
    assert_eq!(values.len(), 20);
    for name in &values {
        assert!(with(name, &|_| ()).is_ok());
        for (what, change) in [
            ("empty", (|bytes: &mut Vec<u8>| bytes.clear()) as fn(&mut Vec<u8>)),
            ("cut", |bytes| bytes.truncate(bytes.len() - 1)),
            ("too long", |bytes| bytes.push(0)),
        ] {
            let error = with(name, &change).expect_err(what);
            assert!(matches!(error, FormatError::Value { .. }), "{name} {what}: {error}");
        }
    }
    for name in [LAYERS, COST, ORIGIN, "run/optimizer", "run/arithmetic", "run/history/test", "run/times"] {
        let start = if name == LAYERS { 8 } else { 0 };
        let error = with(name, &|bytes| bytes[start..][..8].fill(0xff)).expect_err("a length without end");
        assert!(matches!(error, FormatError::Value { .. }), "{name}: {error}");
    }
    // The flag of an option, and the variant of a score.
    for at in [8, 8 + 1 + 16] {
        let error = with("run/history/test", &|bytes| bytes[at] = 77).expect_err("an unknown variant");
        assert!(matches!(error, FormatError::Value { .. }), "byte {at}: {error}");
    }
}

#[test]
fn weights_that_are_not_finite_are_not_written() {
    let mut checkpoint = Checkpoint::decode(&real()).expect("intact");
    checkpoint.network.layers_mut()[1].biases_mut()[1] = f32::INFINITY;
    let error = checkpoint.compared_hash().expect_err("an infinite bias");
    assert_eq!(error.to_string(), "entry network/main/parameters: number 25 is inf, expected a finite one");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.ckpt");
    assert!(checkpoint.save(&path).is_err() && !path.exists());
    assert!(checkpoint.network.save(&path).is_err() && !path.exists());
}
