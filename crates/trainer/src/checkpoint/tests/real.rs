//! The checkpoint of a small run: every damage to its bytes, and contents that no run writes under right checksums.

use crate::checkpoint::wire::{
    ClassSection, EpochSection, EvaluationSection, OptimizerSection, OriginSection, ProgressSection,
    ScoreSection, SettingsSection, StepsSection, TimeSection,
};
use crate::checkpoint::{Checkpoint, DataIdentity, FormatError, Progress, Tag, decode, encode_into};
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

/// The content of a file, to be changed at will.
struct Parts {
    settings: SettingsSection,
    parameters: Vec<f32>,
    optimizer: Option<Vec<f32>>,
    steps: Option<StepsSection>,
    progress: ProgressSection,
    history: Vec<EpochSection>,
    time: Option<TimeSection>,
}

impl Parts {
    fn real() -> Parts {
        Parts::of(&real())
    }

    fn of(bytes: &[u8]) -> Parts {
        let sections = decode(bytes).expect("intact");
        let mut parameters = vec![0.0; 3 * 4 + 4 + 4 * 2 + 2];
        let mut blocks = sections.f32_blocks(Tag::Parameters, parameters.len() as u64).expect("as many");
        blocks.read_into(&mut parameters).expect("finite");
        Parts {
            settings: sections.value(Tag::Settings).expect("settings"),
            parameters,
            optimizer: sections
                .get(Tag::Optimizer)
                .map(|bytes| bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect()),
            steps: sections.value(Tag::Steps).ok(),
            progress: sections.value(Tag::Progress).expect("progress"),
            history: sections.value(Tag::History).expect("history"),
            time: sections.value(Tag::Time).ok(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut tags = vec![Tag::Settings, Tag::Parameters, Tag::Progress, Tag::History];
        tags.extend(self.optimizer.as_ref().map(|_| Tag::Optimizer));
        tags.extend(self.steps.as_ref().map(|_| Tag::Steps));
        tags.extend(self.time.as_ref().map(|_| Tag::Time));
        let mut bytes = Vec::new();
        encode_into(&mut bytes, &tags, |tag, payload| match tag {
            Tag::Settings => payload.put_value(&self.settings),
            Tag::Parameters => {
                payload.put_f32s(&self.parameters);
                Ok(())
            }
            Tag::Optimizer => {
                payload.put_f32s(self.optimizer.as_deref().unwrap_or_default());
                Ok(())
            }
            Tag::Steps => payload.put_value(self.steps.as_ref().expect("in the tags")),
            Tag::Progress => payload.put_value(&self.progress),
            Tag::History => payload.put_value(&self.history),
            Tag::Time => payload.put_value(self.time.as_ref().expect("in the tags")),
        })
        .expect("it encodes");
        bytes
    }
}

/// A change of the content, and the message it must meet.
type Forgery = (&'static str, fn(&mut Parts));

const SETTINGS: &[Forgery] = &[
    ("a network needs at least one layer", |p| {
        p.settings.sizes = vec![3];
        p.settings.activations.clear();
        p.parameters.clear();
    }),
    ("0 layer sizes for 0 activations", |p| {
        p.settings.sizes.clear();
        p.settings.activations.clear();
    }),
    ("3 layer sizes for 3 activations", |p| p.settings.activations.push("sigmoid".to_owned())),
    ("layer 1 has no neurons", |p| {
        p.settings.sizes[1] = 0;
        p.parameters.truncate(2);
    }),
    ("layer 0 has no neurons", |p| {
        p.settings.sizes[0] = 0;
        p.parameters.truncate(14);
    }),
    ("too large", |p| p.settings.sizes[0] = u64::MAX),
    ("too large", |p| p.settings.sizes[1] = u64::MAX / 2),
    ("section PARM holds 104 bytes, expected ", |p| p.settings.sizes[1] = 1 << 40),
    ("layer 1 has no neurons", |p| {
        // No parameter at all, but a first layer beyond all memory.
        p.settings.sizes = vec![1 << 62, 0, 0];
        p.parameters.clear();
    }),
    ("section PARM holds 104 bytes, expected 56", |p| p.settings.sizes[1] = 2),
    ("unknown activation 'no-such'", |p| p.settings.activations[0] = "no-such".to_owned()),
    ("unknown activation 'leaky-relu(NaN)'", |p| p.settings.activations[0] = "leaky-relu(NaN)".to_owned()),
    ("unknown activation 'a\\nb\\u{7f}'", |p| p.settings.activations[0] = "a\nb\u{7f}".to_owned()),
    ("activation 'leaky-relu(0.010)' isn't written so", |p| {
        p.settings.activations[0] = "leaky-relu(0.010)".to_owned();
    }),
    ("activation 'leaky-relu' isn't written so", |p| p.settings.activations[0] = "leaky-relu".to_owned()),
    ("cost 'huber(5e-1)' isn't written so", |p| p.settings.cost = "huber(5e-1)".to_owned()),
    ("unknown cost '\\r'", |p| p.settings.cost = "\r".to_owned()),
    ("unknown optimiser '\\t'", |p| named(p, "\t")),
    ("unknown activation ''", |p| p.settings.activations[1].clear()),
    ("layer 1 can't be softmax", |p| p.settings.activations[0] = "softmax".to_owned()),
    ("unknown cost 'sigmoid'", |p| p.settings.cost = "sigmoid".to_owned()),
    ("unknown initializer 'dice'", |p| {
        p.settings.origin = Some(OriginSection { initializer: "dice".to_owned(), seed: 0 });
    }),
    ("batch size is 0", |p| p.settings.batch_size = 0),
    ("batch size is 8", |p| p.settings.batch_size = 8),
    ("batch size is 2: expected 1 to 0", |p| p.settings.data.examples = 0),
    ("learning rate is NaN", |p| p.settings.optimizer = OptimizerSection::Sgd { learning_rate: f64::NAN }),
    ("learning rate is inf", |p| {
        p.settings.optimizer = OptimizerSection::Sgd { learning_rate: f64::INFINITY }
    }),
    ("learning rate is -0.5", |p| p.settings.optimizer = OptimizerSection::Sgd { learning_rate: -0.5 }),
    ("learning rate is ", |p| p.settings.optimizer = OptimizerSection::Sgd { learning_rate: 1e300 }),
];

const NUMBERS: &[Forgery] = &[
    ("section PARM: number 5 is NaN", |p| p.parameters[5] = f32::NAN),
    ("section PARM: number 25 is -inf", |p| p.parameters[25] = f32::NEG_INFINITY),
    ("section PARM holds 100 bytes, expected 104", |p| p.parameters.truncate(25)),
    ("section PARM holds 108 bytes, expected 104", |p| p.parameters.push(0.0)),
    ("section OPTM holds 4 bytes, expected 0", |p| p.optimizer = Some(vec![1.0])),
    ("section STEP is intact but its content is not valid: sgd counts no steps", |p| {
        p.steps = Some(StepsSection { steps: 5, powers: vec![] });
    }),
];

/// Sets the powers of Adam.
fn powers(p: &mut Parts, powers: &[f64]) {
    p.steps.as_mut().expect("of Adam").powers = powers.to_vec();
}

fn named(p: &mut Parts, name: &str) {
    p.settings.optimizer = OptimizerSection::Named { learning_rate: 0.5, name: name.to_owned() };
}

/// Forgeries of a run by Adam with 26 parameters and 5 steps.
const ADAM: &[Forgery] = &[
    ("unknown optimiser 'adam2': if it is one of your own", |p| named(p, "adam2")),
    ("optimiser 'adam(1,0.999,1e-8)': expected adam(β₁", |p| named(p, "adam(1,0.999,1e-8)")),
    ("optimiser 'adam' isn't written so", |p| named(p, "adam")),
    ("optimiser 'sgd' isn't written so", |p| named(p, "sgd")),
    ("learning rate is 0.5: expected below 1/λ", |p| named(p, "adamw(0.9,0.999,1e-8,2.0)")),
    ("learning rate is -1", |p| {
        let name = "adam(0.9,0.999,1e-8)".to_owned();
        p.settings.optimizer = OptimizerSection::Named { learning_rate: -1.0, name };
    }),
    ("section OPTM holds 208 bytes, expected 104", |p| named(p, "momentum(0.9)")),
    ("section OPTM is missing", |p| p.optimizer = None),
    ("section OPTM holds 204 bytes, expected 208", |p| {
        p.optimizer.as_mut().expect("of Adam").pop();
    }),
    ("section OPTM: number 0 is NaN", |p| p.optimizer.as_mut().expect("of Adam")[0] = f32::NAN),
    ("section OPTM: number 51 is inf", |p| p.optimizer.as_mut().expect("of Adam")[51] = f32::INFINITY),
    ("a mean or sum of squares of -1", |p| p.optimizer.as_mut().expect("of Adam")[26] = -1.0),
    ("section STEP is missing", |p| p.steps = None),
    ("6 steps, but 5 by history", |p| p.steps.as_mut().expect("of Adam").steps = 6),
    // 2 · 2⁶³ steps and more.
    ("5 steps, but 18446744073709551618 by history", |p| {
        p.settings.batch_size = 1;
        p.settings.data.examples = 1 << 63;
        p.history.push(EpochSection { cost: 1.0, test: None });
    }),
    ("powers [] of adam", |p| powers(p, &[])),
    ("powers [0.5, 1.5] of adam", |p| powers(p, &[0.5, 1.5])),
    ("powers [NaN, 0.5] of adam", |p| powers(p, &[f64::NAN, 0.5])),
    ("powers [0.5, -0.5] of adam", |p| powers(p, &[0.5, -0.5])),
];

const PROGRESS: &[Forgery] = &[
    ("position 7 in an epoch of 7", |p| p.progress.progress.position = 7),
    ("position 18446744073709551615", |p| p.progress.progress.position = u64::MAX),
    ("position 1 in an epoch of 7 examples in steps of 2", |p| p.progress.progress.position = 1),
    ("a summed cost of NaN", |p| p.progress.progress.cost_sum = f64::NAN),
    ("at position 0", |p| {
        p.progress.progress.position = 0;
        p.history.push(EpochSection { cost: 1.0, test: None });
    }),
    ("2 epochs begun, but 1 by history", |p| {
        p.progress.progress.position = 0;
        p.progress.progress.cost_sum = 0.0;
    }),
    ("2 epochs begun, but 3 by history", |p| p.history.push(EpochSection { cost: 1.0, test: None })),
    ("a generator state with a bit set", |p| {
        // The wire of a shuffle's state: four words of the generator, and the epoch.
        let zeros = ([0_u64; 4], 2_u64, p.progress.progress.position, p.progress.progress.cost_sum);
        let mut bytes = Vec::new();
        encode_into(&mut bytes, &[Tag::Progress], |_, payload| payload.put_value(&zeros))
            .expect("it encodes");
        p.progress.progress =
            decode(&bytes).and_then(|file| file.value::<Progress>(Tag::Progress)).expect("it decodes");
    }),
    ("evaluations without a test set", |p| p.progress.tested_on = None),
    ("a test set without evaluations", |p| p.history[0].test = None),
    ("a test set of 8 examples, but 7 evaluated", |p| {
        p.progress.tested_on = Some(DataIdentity { examples: 8, fingerprint: 0 });
    }),
];

const HISTORY: &[Forgery] = &[
    ("epoch 1 has cost NaN", |p| p.history[0].cost = f64::NAN),
    ("epoch 1 has cost inf", |p| p.history[0].cost = f64::INFINITY),
    ("with Classes { correct: 8 } of 7 examples", |p| {
        p.history[0].test =
            Some(EvaluationSection { cost: 0.5, examples: 7, score: ScoreSection::Classes { correct: 8 } });
    }),
    ("an evaluation of cost NaN", |p| {
        p.history[0].test = Some(EvaluationSection {
            cost: f64::NAN,
            examples: 7,
            score: ScoreSection::Classes { correct: 1 },
        });
    }),
    ("with Values", |p| {
        let score = ScoreSection::Values { rmse: 0.5, mae: -0.5, r_squared: 0.5 };
        p.history[0].test = Some(EvaluationSection { cost: 0.5, examples: 7, score });
    }),
    ("with Values", |p| {
        let score = ScoreSection::Values { rmse: 0.5, mae: 0.5, r_squared: f64::NEG_INFINITY };
        p.history[0].test = Some(EvaluationSection { cost: 0.5, examples: 7, score });
    }),
    ("a time of -1 seconds", |p| {
        p.time = Some(TimeSection { version: String::new(), seconds: vec![-1.0], elapsed: 0.0 });
    }),
    ("a time of NaN seconds", |p| {
        p.time = Some(TimeSection { version: String::new(), seconds: vec![], elapsed: f64::NAN });
    }),
    ("a time of 1", |p| {
        p.time = Some(TimeSection { version: String::new(), seconds: vec![], elapsed: 1e300 });
    }),
];

#[test]
fn contents_that_no_run_writes_are_refused() {
    let (plain, adam) = (real(), real_by("adam"));
    let of_plain =
        [SETTINGS, NUMBERS, PROGRESS, HISTORY].into_iter().flatten().map(|forgery| (&plain, forgery));
    let of_adam = ADAM.iter().map(|forgery| (&adam, forgery));
    for (real, (message, forge)) in of_plain.chain(of_adam) {
        assert!(Checkpoint::decode(&Parts::of(real).encode()).is_ok());
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

/// Variants that this version doesn't have, lengths that the section hasn't, bytes left over.
#[test]
fn values_that_are_none_are_refused() {
    let with = |tag: Tag, value: &dyn Fn(&mut Vec<u8>)| {
        let bytes = real();
        let sections = decode(&bytes).expect("intact");
        let mut payload = sections.require(tag).expect("there").to_vec();
        value(&mut payload);
        let tags = [Tag::Settings, Tag::Parameters, Tag::Progress, Tag::History, Tag::Time];
        let mut out = Vec::new();
        encode_into(&mut out, &tags, |each, to| {
            let bytes = if each == tag { &payload[..] } else { sections.require(each)? };
            bytes.iter().try_for_each(|byte| to.put_value(byte))
        })
        .expect("it encodes");
        Checkpoint::decode(&out)
    };
    for tag in [Tag::Settings, Tag::Progress, Tag::History, Tag::Time] {
        assert!(with(tag, &|_| ()).is_ok());
        for (what, change) in [
            ("empty", (|bytes: &mut Vec<u8>| bytes.clear()) as fn(&mut Vec<u8>)),
            ("cut", |bytes| bytes.truncate(bytes.len() - 1)),
            ("too long", |bytes| bytes.push(0)),
            ("of endless length", |bytes| bytes[..8].fill(0xff)),
        ] {
            // A generator may have any state.
            if (tag, what) != (Tag::Progress, "of endless length") {
                let error = with(tag, &change).expect_err(what);
                assert!(matches!(error, FormatError::Value { .. }), "{tag:?} {what}: {error}");
            }
        }
    }
    // The variant of the optimiser, that of the class, and the flag of an option.
    let settings = Parts::real().settings;
    assert!(matches!(settings.class, ClassSection::Fused | ClassSection::Matrixmultiply));
    let mut before = 8 + 3 * 8 + 8 + settings.activations.iter().map(|name| 8 + name.len()).sum::<usize>();
    before += 8 + settings.cost.len();
    let origin = settings.origin.map_or(0, |origin| 8 + origin.initializer.len() + 8);
    for at in [before, before + 1 + origin, before + 1 + origin + 4 + 8 + 24] {
        let error = with(Tag::Settings, &|bytes| bytes[at] = 77).expect_err("an unknown variant");
        assert!(matches!(error, FormatError::Value { .. }), "byte {at}: {error}");
    }
}

#[test]
fn weights_that_are_not_finite_are_not_written() {
    let mut checkpoint = Checkpoint::decode(&real()).expect("intact");
    checkpoint.network.layers_mut()[1].biases_mut()[1] = f32::INFINITY;
    let error = checkpoint.compared_hash().expect_err("an infinite bias");
    assert_eq!(error.to_string(), "section PARM: number 25 is inf, expected a finite one");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.ckpt");
    assert!(checkpoint.save(&path).is_err() && !path.exists());
}
