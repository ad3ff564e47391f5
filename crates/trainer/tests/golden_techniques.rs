//! The golden runs of reference/techniques.py: every optimiser with every schedule, and each of both with every further technique.
//!
//! # The tolerance
//!
//! Two things part a run in f32 from the reference in f64. Each step rounds each parameter, up to [`ROUNDINGS`] times: in the
//! update, in decay, in max-norm, in an average. A rounding is at most half a unit in the last place, u = 2⁻²⁴ of the number. Over ten
//! steps that is `10·ROUNDINGS·u` of the largest parameter. The other are errors of the gradient, and what the optimiser and later
//! steps make of them. They depend on the run: on cancellations, and on divisions by small √v. So the reference takes each run in numpy's
//! float32 as well, with six orders of sums. The most that these are off is the case's `spread`. Ours is another order of the same
//! sums, with other functions for tanh and exp that are as exact: [`SPREADS`] times the most of six draws is allowed.
//!
//! A tolerance proves something only if it is much smaller than what a technique does. So each case is also run without each of
//! its techniques: that must be [`EFFECT`] times as far from the reference.

mod common;

use common::weights;
use minibatch::activation::{Relu, Softmax, Tanh};
use minibatch::cost::CategoricalCrossEntropy;
use minibatch::{Average, Clip, Dataset, Isa, Network, Optimizer, Pool, Schedule, Settings, Trainer};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Steps of a run.
const STEPS: usize = 10;
/// Roundings of a parameter in a step.
const ROUNDINGS: f64 = 2.0;
/// How many times the spread of numpy's float32 is allowed.
const SPREADS: f64 = 3.0;
/// How many tolerances a technique moves the result at least.
const EFFECT: f64 = 50.0;
/// The unit of the reference's numbers.
const UNIT: f64 = 1e-8;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    #[serde(rename = "made_by")]
    _made_by: String,
    sizes: Vec<usize>,
    x: Vec<Vec<f32>>,
    labels: Vec<u32>,
    sample_weights: Vec<f32>,
    /// The settings that all cases share.
    settings: Map<String, Value>,
    /// Each layer's weights, row after row, then its biases.
    initial: Vec<f32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    settings: Map<String, Value>,
    #[serde(default)]
    sample_weights: bool,
    spread: f64,
    #[serde(rename = "final")]
    last: Vec<f64>,
    average: Option<Vec<f64>>,
}

impl Golden {
    fn load() -> Golden {
        let text = include_str!("../../../reference/golden-techniques.json");
        serde_json::from_str(text).expect("golden runs")
    }

    fn network(&self) -> Network {
        let [inputs, first, second, outputs] = self.sizes[..] else { panic!("four sizes") };
        let builder = Network::builder(inputs).layer_with(first, Tanh).layer_with(second, Relu);
        let builder = builder.layer_with(outputs, Softmax).cost(CategoricalCrossEntropy);
        let mut network = builder.build().expect("a network");
        let mut left = &self.initial[..];
        for layer in network.layers_mut() {
            let (w, rest) = left.split_at(layer.inputs() * layer.outputs());
            for (at, w) in w.iter().enumerate() {
                layer.set_weight(at / layer.inputs(), at % layer.inputs(), *w);
            }
            let (b, rest) = rest.split_at(layer.outputs());
            layer.biases_mut().copy_from_slice(b);
            left = rest;
        }
        assert!(left.is_empty());
        network
    }

    fn data(&self, weighted: bool) -> Dataset {
        let data = Dataset::from_classes(self.x.concat(), &[self.sizes[0]], self.labels.clone())
            .and_then(|data| data.with_classes(self.sizes[3]))
            .expect("a dataset");
        if !weighted {
            return data;
        }
        data.with_sample_weights(self.sample_weights.clone()).expect("weights")
    }

    fn settings(&self, own: &Map<String, Value>) -> Settings {
        let all = self.settings.clone().into_iter().chain(own.clone()).collect();
        serde_json::from_value(Value::Object(all)).expect("settings")
    }

    /// The parameters at the end, and those that the run answers with.
    fn train(&self, pool: &Pool, settings: Settings, weighted: bool) -> [Vec<f64>; 2] {
        let data = self.data(weighted);
        assert_eq!(settings.epochs * settings.epoch_steps(data.len()), STEPS);
        let mut trainer = Trainer::new(pool, &data, self.network(), settings).expect("a trainer");
        trainer.fit(None, &mut ()).expect("epochs");
        [trainer.network(), trainer.result()].map(parameters)
    }
}

/// In the order of the reference.
fn parameters(network: &Network) -> Vec<f64> {
    let of_layer = |layer| [weights(layer).concat(), layer.biases().to_vec()].concat();
    network.layers().iter().flat_map(of_layer).map(f64::from).collect()
}

/// The largest difference of two lists.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

impl Case {
    fn name(&self) -> String {
        let weighted = if self.sample_weights { ", weights of examples" } else { "" };
        format!("{}{weighted}", serde_json::to_string(&self.settings).expect("JSON"))
    }

    /// The reference's parameters at the end, and those that the run answers with.
    fn expected(&self) -> [Vec<f64>; 2] {
        let exact = |units: &Vec<f64>| units.iter().map(|unit| unit * UNIT).collect();
        [&self.last, self.average.as_ref().unwrap_or(&self.last)].map(exact)
    }

    fn tolerance(&self) -> f64 {
        let [last, answer] = self.expected();
        let largest = last.iter().chain(&answer).fold(0.0, |most: f64, p| most.max(p.abs()));
        let rounded = STEPS as f64 * ROUNDINGS * f64::from(f32::EPSILON) / 2.0 * largest;
        rounded + (SPREADS * self.spread + 0.5) * UNIT
    }

    /// The names of what is on besides optimiser and schedule.
    fn others(&self) -> Vec<String> {
        let besides = |name: &&String| !["optimizer", "learning_rate", "schedule"].contains(&name.as_str());
        let named = |name: &String| match self.settings[name].as_str() {
            Some(text) => format!("{name} {}", kind(text)),
            None => name.clone(),
        };
        let weighted = self.sample_weights.then(|| "sample_weights".to_owned());
        self.settings.keys().filter(besides).map(named).chain(weighted).collect()
    }
}

/// The name of a technique without its parameters.
fn kind(text: &str) -> &str {
    text.split('(').next().expect("a name")
}

/// Every case, on every instruction set with fused multiply-add, ends where the reference does.
#[test]
fn ten_steps_of_every_technique() {
    let golden = Golden::load();
    let pools: Vec<Pool> = Isa::fused()
        .into_iter()
        .flat_map(|isa| [1, 2].map(|threads| Pool::oversubscribed(isa, threads).expect("a pool")))
        .collect();
    let mut nearest: f64 = 0.0;
    for case in &golden.cases {
        let (expected, tolerance) = (case.expected(), case.tolerance());
        for pool in &pools {
            let found = golden.train(pool, golden.settings(&case.settings), case.sample_weights);
            for (found, expected) in found.iter().zip(&expected) {
                let off = distance(found, expected);
                nearest = nearest.max(off / tolerance);
                assert!(off <= tolerance, "{} on {pool:?}: off by {off:.2e} of {tolerance:.2e}", case.name());
            }
        }
    }
    // A tolerance that nothing comes near would be too wide to find much.
    assert!(nearest > 0.1, "{nearest}");
}

/// Each technique of each case moves the result by far more than the tolerance.
#[test]
fn every_technique_shows() {
    let golden = Golden::load();
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    for case in &golden.cases {
        let ([_, answer], least) = (case.expected(), EFFECT * case.tolerance());
        let check = |without: &str, own: &Map<String, Value>, weighted| {
            let [_, found] = golden.train(&pool, golden.settings(own), weighted);
            let moved = distance(&found, &answer);
            assert!(moved > least, "{} without {without}: moved {moved:.2e} of {least:.2e}", case.name());
        };
        for (name, value) in &case.settings {
            if name == "learning_rate" || ["sgd", "constant"].map(Value::from).contains(value) {
                continue;
            }
            let mut own = case.settings.clone();
            own.remove(name);
            check(name, &own, case.sample_weights);
        }
        if case.sample_weights {
            check("weights of examples", &case.settings, false);
        }
    }
}

/// The cases have every pair of an optimiser, a schedule and a further technique.
#[test]
fn every_pair_is_there() {
    let golden = Golden::load();
    let names = |all: Vec<String>| all.iter().map(|text| kind(text).to_owned()).collect::<Vec<_>>();
    let optimizers = names(Optimizer::all().iter().map(Optimizer::to_string).collect());
    let schedules = names(Schedule::all().iter().map(Schedule::to_string).collect());
    // Those that draw random numbers, and early stopping, have tests of their own.
    let fields = [
        "l2",
        "l1",
        "weight_decay",
        "max_norm",
        "label_smoothing",
        "groups",
        "class_weights",
        "input_scaling",
    ];
    let mut others = fields.map(str::to_owned).to_vec();
    others.push("sample_weights".to_owned());
    others.extend(Average::all().iter().map(|average| format!("average {}", kind(&average.to_string()))));
    others.extend(Clip::all().iter().map(|clip| format!("clip {}", kind(&clip.to_string()))));
    let mut found = BTreeSet::new();
    for case in &golden.cases {
        let of = |name: &str| kind(case.settings[name].as_str().expect("a text")).to_owned();
        let all = [vec![of("optimizer"), of("schedule")], case.others()].concat();
        for (i, one) in all.iter().enumerate() {
            found.extend(all[i + 1..].iter().map(|other| (one.clone(), other.clone())));
        }
    }
    let pairs = |ones: &[String], others: &[String]| {
        for one in ones {
            for other in others {
                assert!(found.contains(&(one.clone(), other.clone())), "{one} with {other}");
            }
        }
    };
    pairs(&optimizers, &schedules);
    pairs(&optimizers, &others);
    pairs(&schedules, &others);
}
