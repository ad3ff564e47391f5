//! The golden runs of reference/: numpy's float64, one example at a time, against whole minibatches in f32.
//!
//! The tolerance is the error bound of f32 arithmetic itself, computed for each number by [`minibatch::gradcheck::bounds`]. The
//! reference prints 12 significant digits; [`PRINTED`] allows for the 13th.

use minibatch::gradcheck::Bounded;
use minibatch::gradcheck::bounds::{LayerBounds, Moments, Parameters, backpropagate};
use minibatch::optimizer::OptimizerState;
use minibatch::{Dataset, Gradients, Isa, Mat, Network, Optimizer, Pool, Settings, Trainer};
use serde_json::Value;
use std::path::Path;

/// Relative difference between two f64 computations of one number, one of them rounded to 12 digits.
const PRINTED: f64 = 1e-11;

/// One file of reference/golden.
struct Golden {
    name: String,
    /// The network with the initial weights.
    network: Network,
    optimizer: Optimizer,
    learning_rate: f64,
    x: Vec<Vec<f32>>,
    y: Vec<Vec<f32>>,
    minibatches: Vec<Vec<usize>>,
    document: Value,
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().expect("a list").iter().map(item).collect()
}

fn row(value: &Value) -> Vec<f64> {
    list(value, number)
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    list(value, row)
}

/// Rows of f32 written exactly, as f64 that serde_json reads to about the last bit.
fn exact_rows(value: &Value) -> Vec<Vec<f32>> {
    let exact = |value: &Value| {
        let (wide, narrow) = (number(value), number(value) as f32);
        assert!((f64::from(narrow) - wide).abs() <= 1e-15 * wide.abs(), "{wide} isn't an f32");
        narrow
    };
    list(value, |row| list(row, exact))
}

fn index(value: &Value) -> usize {
    value.as_u64().expect("an index") as usize
}

impl Golden {
    fn load(path: &Path) -> Golden {
        let text = std::fs::read_to_string(path).expect("a golden run");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        for (field, known) in [("activation", "sigmoid"), ("cost", "quadratic")] {
            assert_eq!(document[field], known, "{}: {field}", path.display());
        }
        let parameters: Vec<String> = ["momentum", "alpha", "beta1", "beta2", "epsilon", "decay", "psi"]
            .iter()
            .filter_map(|&name| Some(document["optimiser"].get(name)?.to_string()))
            .collect();
        let name = document["optimiser"]["name"].as_str().expect("a name");
        let optimizer = match parameters.is_empty() {
            true => name.parse(),
            false => format!("{name}({})", parameters.join(",")).parse(),
        };
        let sizes = list(&document["sizes"], index);
        let builder = Network::builder(sizes[0]);
        let mut network = sizes[1..].iter().fold(builder, |b, &n| b.layer(n)).build().expect("a network");
        let biases = exact_rows(&document["initial"]["b"]);
        for ((layer, w), b) in
            network.layers_mut().iter_mut().zip(list(&document["initial"]["w"], exact_rows)).zip(biases)
        {
            for (j, row) in w.iter().enumerate() {
                row.iter().enumerate().for_each(|(k, &w)| layer.set_weight(j, k, w));
            }
            layer.biases_mut().copy_from_slice(&b);
        }
        Golden {
            name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
            network,
            optimizer: optimizer.expect("an optimiser"),
            learning_rate: number(&document["optimiser"]["learning_rate"]),
            x: exact_rows(&document["x"]),
            y: exact_rows(&document["y"]),
            minibatches: list(&document["minibatches"], |step| list(step, index)),
            document,
        }
    }

    fn all() -> Vec<Golden> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reference/golden");
        let entries = std::fs::read_dir(folder).expect("reference/golden");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        assert!(paths.len() >= 11, "only {} golden runs", paths.len());
        paths.iter().map(|path| Golden::load(path)).collect()
    }

    /// The optimiser's memory before the first step.
    fn state_before_training(&self) -> OptimizerState {
        let (x, y) = self.examples(&[0]);
        let (inputs, outputs) = (x[0].len(), y[0].len());
        let data = Dataset::from_values(x.concat(), &[inputs], y.concat(), outputs).expect("a dataset");
        let pool = Pool::new(Isa::detect(), 1).expect("a pool");
        let (optimizer, learning_rate) = (self.optimizer.clone(), self.learning_rate);
        let settings = Settings { optimizer, learning_rate, batch_size: 1, ..Settings::default() };
        let trainer = Trainer::new(&pool, &data, self.network.clone(), settings).expect("a trainer");
        trainer.checkpoint().optimizer
    }

    /// Inputs and targets of a minibatch.
    fn examples(&self, minibatch: &[usize]) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
        minibatch.iter().map(|&i| (self.x[i].clone(), self.y[i].clone())).unzip()
    }

    fn gradients(&self, network: &Network, pool: &Pool, minibatch: &[usize]) -> Gradients {
        let (x, y) = self.examples(minibatch);
        let (x, y) = (x.concat(), y.concat());
        let mat = |data| Mat::row_major(data, minibatch.len(), data.len() / minibatch.len());
        network.gradients(pool, mat(&x), mat(&y)).expect("gradients")
    }
}

/// A function that gives an element of one of the library's matrices.
type Element<'a> = &'a dyn Fn(usize, usize) -> f32;

/// Every pool the runs are checked on.
fn pools() -> impl Iterator<Item = Pool> {
    let sets = Isa::available().into_iter().flat_map(|isa| [(isa, 1), (isa, 2)]);
    sets.map(|(isa, threads)| Pool::new(isa, threads).expect("a pool"))
}

/// The reference's number with our bound on it. Checks first that the two f64 computations agree.
#[track_caller]
fn agreed(golden: f64, ours: Bounded) -> Bounded {
    let (off, printed) = ((golden - ours.value).abs(), PRINTED * golden.abs() + 1e-15);
    assert!(off <= printed, "the reference says {golden}, the oracle {}", ours.value);
    Bounded { value: golden, error: ours.error + printed }
}

/// The first minibatch's costs, activations, errors and gradients.
#[test]
fn first_minibatch() {
    for golden in Golden::all() {
        let first = &golden.minibatches[0];
        let (x, y) = golden.examples(first);
        let (cost, bounds) = backpropagate(&golden.network, &Parameters::of(&golden.network), &x, &y);
        let expected = &golden.document["first_minibatch"];
        for pool in pools() {
            let found = golden.gradients(&golden.network, &pool, first);
            let context = format!("{}, {pool:?}", golden.name);
            agreed(number(&expected["mean_cost"]), cost).check(found.cost, || format!("{context}: cost"));
            for (l, (found, bounds)) in found.layers.iter().zip(&bounds).enumerate() {
                let LayerBounds { a, delta, nabla_w, nabla_b, .. } = bounds;
                let matrices: [(&str, &Vec<Vec<Bounded>>, Element<'_>); 3] = [
                    ("a", a, &|x, j| found.activations().get(x, j)),
                    ("delta", delta, &|x, j| found.error().get(x, j)),
                    ("nabla_w", nabla_w, &|j, k| found.weight(j, k)),
                ];
                for (name, bounds, found) in matrices {
                    let expected = rows(&expected[name][l]);
                    assert_eq!(expected.len(), bounds.len(), "{context}: rows of {name}");
                    for (i, (expected, bounds)) in expected.iter().zip(bounds).enumerate() {
                        for (j, (&expected, &bound)) in expected.iter().zip(bounds).enumerate() {
                            let what = || format!("{context}: layer {}: {name} ({i}, {j})", l + 1);
                            agreed(expected, bound).check(found(i, j), what);
                        }
                    }
                }
                for (j, (expected, &bound)) in
                    row(&expected["nabla_b"][l]).into_iter().zip(nabla_b).enumerate()
                {
                    let what = || format!("{context}: layer {}: nabla_b ({j})", l + 1);
                    agreed(expected, bound).check(found.biases()[j], what);
                }
            }
        }
    }
}

/// Checks every weight and bias.
#[track_caller]
fn check_parameters(network: &Network, bounds: &[Parameters], context: &str) {
    for (l, (layer, bounds)) in network.layers().iter().zip(bounds).enumerate() {
        for j in 0..layer.outputs() {
            for k in 0..layer.inputs() {
                bounds.w[j][k]
                    .check(layer.weight(j, k), || format!("{context}: layer {}: w ({j}, {k})", l + 1));
            }
            bounds.b[j].check(layer.biases()[j], || format!("{context}: layer {}: b ({j})", l + 1));
        }
    }
}

/// Ten steps over the reference's own minibatches, the smaller ones included.
///
/// Each step must be right to the bound of one step, seen from the weights before it. The costs and the final weights must be the
/// reference's to the bound of all steps together, in which each step's error goes through the next.
///
/// A trainer draws its own order. So each step is an epoch of one minibatch, on a dataset of just its examples, and goes on from
/// the optimiser's memory. (The order of the examples within the minibatch changes the order of sums, which the bound allows.)
#[test]
fn ten_steps() {
    for golden in Golden::all() {
        let step = |parameters: &mut [Parameters], moments: &mut Moments, minibatch: &[usize]| {
            let (x, y) = golden.examples(minibatch);
            let (cost, gradients) = backpropagate(&golden.network, parameters, &x, &y);
            moments.step(&golden.optimizer, golden.learning_rate, parameters, &gradients, minibatch.len());
            cost
        };
        let fresh = golden.state_before_training();
        let (mut last, mut moments) = (Parameters::of(&golden.network), Moments::of(&fresh));
        let costs: Vec<Bounded> =
            golden.minibatches.iter().map(|minibatch| step(&mut last, &mut moments, minibatch)).collect();
        let expected_costs = row(&golden.document["step_costs"]);
        assert_eq!((costs.len(), expected_costs.len()), (10, 10));
        let costs: Vec<Bounded> =
            expected_costs.into_iter().zip(costs).map(|(e, ours)| agreed(e, ours)).collect();
        let expected_w = list(&golden.document["final"]["w"], rows);
        let expected_b = rows(&golden.document["final"]["b"]);
        for ((parameters, w), b) in last.iter_mut().zip(&expected_w).zip(&expected_b) {
            let ours = parameters.w.iter_mut().flatten().chain(&mut parameters.b);
            ours.zip(w.iter().flatten().chain(b)).for_each(|(ours, &expected)| {
                *ours = agreed(expected, *ours);
                assert!(ours.error < 0.02, "{}: a bound of {} tells nothing", golden.name, ours.error);
            });
        }

        for pool in pools() {
            let context = format!("{}, {pool:?}", golden.name);
            let (mut network, mut state) = (golden.network.clone(), fresh.clone());
            for (i, minibatch) in golden.minibatches.iter().enumerate() {
                let context = format!("{context}: step {}", i + 1);
                let (x, y) = golden.examples(minibatch);
                let (inputs, outputs) = (x[0].len(), y[0].len());
                let data =
                    Dataset::from_values(x.concat(), &[inputs], y.concat(), outputs).expect("a dataset");
                let settings = Settings {
                    optimizer: golden.optimizer.clone(),
                    learning_rate: golden.learning_rate,
                    batch_size: minibatch.len(),
                    seed: i as u64,
                    ..Settings::default()
                };
                let mut after = Parameters::of(&network);
                let cost = step(&mut after, &mut Moments::of(&state), minibatch);
                let first = Trainer::new(&pool, &data, network, settings).expect("a trainer");
                let mut start = first.checkpoint();
                start.optimizer = state;
                let mut trainer = Trainer::resume(&pool, &data, start).expect("a resumed run");
                let epoch = trainer.advance(1).expect("a step").expect("the whole epoch");
                state = trainer.checkpoint().optimizer;
                network = trainer.into_network();
                cost.check(epoch.cost, || format!("{context}: cost from the weights before it"));
                costs[i].check(epoch.cost, || format!("{context}: cost of the reference"));
                check_parameters(&network, &after, &context);
            }
            check_parameters(&network, &last, &format!("{context}: the reference's end"));
        }
    }
}
