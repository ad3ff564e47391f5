//! Code that the Rust peers share: the protocol of `cargo xtask peers`, the data, the shuffle, the first weights.
//!
//! A request is one JSON object on a line of standard input. Its reply is one on a line of standard output. The end of the input
//! ends the process. `benches/peers/README.md` lists the requests.
#![forbid(unsafe_code)]

mod data;
mod random;

pub use data::{CLASSES, Data};
pub use random::Random;

use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;

/// Examples of inference between two looks at the clock.
const LOOK_EVERY: usize = 500;

/// The workload to train, as the harness describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Workload {
    /// n_0, …, n_L.
    pub sizes: Vec<usize>,
    /// Activation of the hidden layers: `sigmoid` or `relu`.
    pub hidden: String,
    /// Cost: `quadratic` or `binary-cross-entropy` (sigmoid outputs), or `softmax-cross-entropy`.
    pub cost: String,
    /// First weights: `standard-normal`; `fan-in`, N(0, 1/n_in) with biases N(0, 1); `he`, N(0, 2/n_in) with biases 0.
    pub init: String,
    /// `sgd` or `adam`.
    pub optimizer: String,
    /// η.
    pub eta: f64,
    /// B.
    pub batch: usize,
    /// Examples trained between two looks at the clock.
    pub slice: usize,
}

impl Workload {
    /// Initial weights (inputs × outputs, row-major) and biases of each layer.
    pub fn layers(&self, random: &mut Random) -> Vec<(Vec<f32>, Vec<f32>)> {
        let layer = |pair: &[usize]| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let (weight, bias) = match self.init.as_str() {
                "standard-normal" => (1.0, 1.0),
                "fan-in" => ((inputs as f32).sqrt().recip(), 1.0),
                _ => ((2.0 / inputs as f32).sqrt(), 0.0),
            };
            (random.normal(inputs * outputs, weight), random.normal(outputs, bias))
        };
        self.sizes.windows(2).map(layer).collect()
    }
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Request {
    Setup { workload: Workload, threads: usize, data: PathBuf, seed: u64 },
    Train { epochs: Option<usize>, seconds: Option<f64> },
    Accuracy,
    Infer { batch: usize, input: String, seconds: f64 },
}

/// The peer's description of itself.
pub struct About {
    pub name: &'static str,
    pub version: String,
    /// The job that the peer does instead, if it can't do the job itself.
    pub differs: Option<String>,
}

/// A trainer under measurement.
pub trait Peer: Sized {
    /// Loads everything that training needs. After this, only training takes time.
    fn setup(workload: &Workload, threads: usize, data: Data, seed: u64) -> Result<Self, String>;

    /// The peer's description. Valid after setup.
    fn about(&self) -> About;

    /// Trains on the next examples, at least `examples` of them unless the epoch ends before. Returns the number of examples.
    fn train(&mut self, examples: usize) -> Result<usize, String>;

    /// Test examples classified as labelled.
    fn correct(&mut self) -> Result<usize, String>;

    /// Runs the test examples `rows` through the network as one batch, from `input` (`f32` or `u8`).
    fn infer(&mut self, rows: Range<usize>, input: &str) -> Result<(), String>;
}

/// The order of the examples, reshuffled every epoch.
pub struct Order {
    rows: Vec<u32>,
    position: usize,
    random: Random,
}

impl Order {
    pub fn new(examples: usize, random: Random) -> Order {
        Order { rows: (0..examples as u32).collect(), position: examples, random }
    }

    /// The next minibatch: `batch` examples, or the rest of the epoch. A new epoch begins when one has ended.
    pub fn minibatch(&mut self, batch: usize) -> &[u32] {
        if self.position >= self.rows.len() {
            self.random.shuffle(&mut self.rows);
            self.position = 0;
        }
        let first = self.position;
        self.position = (first + batch).min(self.rows.len());
        &self.rows[first..self.position]
    }
}

/// The peer's whole main function.
///
/// If its arguments are `job REQUEST`, it does a whole job instead, as one process: setup, then for `epochs` epochs train and
/// test, one line each.
pub fn main<P: Peer>() {
    let arguments: Vec<String> = std::env::args().collect();
    let outcome = match arguments.get(1).map(String::as_str) {
        Some("job") => job::<P>(&arguments[2], arguments[3].parse().expect("a number of epochs")),
        _ => {
            let mut session: Option<Session<P>> = None;
            serve(|line| answer(&mut session, line))
        }
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

/// Answers each line of standard input with one of standard output, until the input ends. An error of `answer` is a reply too.
pub fn serve(mut answer: impl FnMut(&str) -> Result<Value, String>) -> Result<(), String> {
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let reply = answer(&line).unwrap_or_else(|error| json!({ "error": error }));
        println!("{reply}");
        std::io::stdout().flush().map_err(|error| error.to_string())?;
    }
    Ok(())
}

struct Session<P> {
    peer: P,
    slice: usize,
    examples: usize,
    test_examples: usize,
}

fn answer<P: Peer>(session: &mut Option<Session<P>>, line: &str) -> Result<Value, String> {
    let request = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if let Request::Setup { workload, threads, data, seed } = request {
        // Two data sets at once would be one too many.
        *session = None;
        let data = Data::read(&data)?;
        let (examples, test_examples) = (data.train_labels.len(), data.test_labels.len());
        let peer = P::setup(&workload, threads, data, seed)?;
        let About { name, version, differs } = peer.about();
        *session = Some(Session { peer, slice: workload.slice, examples, test_examples });
        return Ok(json!({ "name": name, "version": version, "differs": differs }));
    }
    let Session { peer, slice, examples, test_examples } = session.as_mut().ok_or("setup comes first")?;
    let started = Instant::now();
    let mut samples = 0;
    Ok(match request {
        Request::Train { epochs, seconds } => {
            let (most, limit) = match (epochs, seconds) {
                (Some(epochs), _) => (epochs * *examples, f64::INFINITY),
                (None, seconds) => (usize::MAX, seconds.unwrap_or(0.0)),
            };
            while samples < most {
                samples += peer.train(*slice)?;
                if started.elapsed().as_secs_f64() >= limit {
                    break;
                }
            }
            json!({ "samples": samples, "seconds": started.elapsed().as_secs_f64() })
        }
        Request::Accuracy => json!({ "correct": peer.correct()?, "of": test_examples }),
        Request::Infer { batch, input, seconds } => {
            let (mut first, end) = (0, *test_examples / batch * batch);
            while samples == 0 || started.elapsed().as_secs_f64() < seconds {
                for _ in 0..(LOOK_EVERY / batch).max(1) {
                    peer.infer(first..first + batch, &input)?;
                    first = (first + batch) % end;
                    samples += batch;
                }
            }
            json!({ "samples": samples, "seconds": started.elapsed().as_secs_f64() })
        }
        Request::Setup { .. } => unreachable!("handled above"),
    })
}

fn job<P: Peer>(setup: &str, epochs: usize) -> Result<(), String> {
    let mut session = None;
    answer::<P>(&mut session, setup)?;
    for epoch in 1..=epochs {
        answer(&mut session, r#"{"do":"train","epochs":1}"#)?;
        let accuracy = answer(&mut session, r#"{"do":"accuracy"}"#)?;
        println!("{}", json!({ "epoch": epoch, "correct": accuracy["correct"], "of": accuracy["of"] }));
    }
    Ok(())
}
