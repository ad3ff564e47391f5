//! Matrix products: Minibatch's beside MKL's and oneDNN's, each library in a process that stays, taking turns.

use std::time::Duration;

use serde_json::{Value, json};
use xtask_tools::PeerProcess;

use crate::catalog::{OWN, PRODUCTS, Peer, SHAPES, Shape};

/// The most time for starting a library, and for a turn beyond its time.
const LIMIT: Duration = Duration::from_secs(120);

/// A column of the table: a library, or a way of Minibatch's.
struct Way {
    peer: &'static str,
    name: &'static str,
    /// Whether the weights are in panels, for Minibatch alone.
    panels: bool,
    isa: Option<&'static str>,
}

impl Way {
    const fn new(peer: &'static str, name: &'static str) -> Self {
        Self { peer, name, panels: false, isa: None }
    }

    /// Whether this way takes `shape`. AVX2 is measured where the packing decides, not the edges.
    fn takes(&self, shape: &Shape) -> bool {
        self.isa.is_none() || (shape.m == shape.n && shape.n == shape.k)
    }
}

const WAYS: [Way; 5] = [
    Way::new(OWN, "minibatch"),
    Way { panels: true, ..Way::new(OWN, "minibatch, weights in panels") },
    Way { isa: Some("avx2"), ..Way::new(OWN, "minibatch, forced to AVX2") },
    Way::new("mkl", "MKL"),
    Way::new("onednn", "oneDNN"),
];

/// The measurements of the products with one number of threads.
pub(crate) struct Products {
    pub(crate) ways: Vec<&'static str>,
    /// For each shape, for each way, FLOP/s of each round.
    pub(crate) rates: Vec<Vec<Vec<f64>>>,
    /// The index of the first way of another library. The first two ways are Minibatch's with its fastest instruction set.
    pub(crate) others: usize,
    /// GFLOP/s of one thread's fused multiply-adds that stay in registers: 16 lanes, 8 lanes.
    pub(crate) peaks: [Option<f64>; 2],
    /// A note for each library: its own description, or the reason why it has no figures.
    pub(crate) notes: Vec<String>,
}

/// Measures the libraries among `PRODUCTS` that are `chosen`, with `threads` threads each. `start` starts one.
pub(crate) fn run(
    chosen: impl Fn(&str) -> bool,
    threads: usize,
    rounds: usize,
    seconds: f64,
    start: impl Fn(&Peer) -> Result<PeerProcess, String>,
) -> Products {
    let mut libraries: Vec<(&str, PeerProcess)> = Vec::new();
    let mut notes = Vec::new();
    for peer in PRODUCTS.iter().filter(|peer| chosen(peer.name)) {
        let started = start(peer).and_then(|mut process| {
            let about = process.ask(&json!({ "do": "about" }), LIMIT)?;
            process.pause();
            let text = |key: &str| about[key].as_str().unwrap_or_default().to_owned();
            Ok((process, format!("{}: {} {}", peer.name, text("name"), text("version"))))
        });
        match started {
            Ok((process, note)) => {
                libraries.push((peer.name, process));
                notes.push(note);
            }
            Err(error) => notes.push(format!("{}: FAILED, {error}", peer.name)),
        }
    }
    let peaks = [16, 8].map(|lanes| peak(&mut libraries, lanes));
    let present = |way: &&Way| libraries.iter().any(|(name, _)| *name == way.peer);
    let ways: Vec<&Way> = WAYS.iter().filter(present).collect();
    let mut rates = Vec::new();
    for shape in &SHAPES {
        let mut row = vec![Vec::new(); ways.len()];
        for round in 0..rounds {
            for turn in 0..ways.len() {
                let turn = (turn + round) % ways.len();
                let way = ways[turn];
                let Some((_, process)) = libraries.iter_mut().find(|(name, _)| *name == way.peer) else {
                    continue;
                };
                if !way.takes(shape) {
                    continue;
                }
                process.resume();
                let rate = repeat(process, way, shape, threads, seconds);
                process.pause();
                match rate {
                    Ok(rate) => row[turn].push(rate),
                    Err(error) => {
                        notes.push(format!("{} at {}: FAILED, {error}", way.name, name(shape)));
                        libraries.retain(|(name, _)| *name != way.peer);
                    }
                }
            }
        }
        println!("  {}", name(shape));
        rates.push(row);
    }
    Products {
        others: ways.iter().filter(|way| way.peer == OWN).count(),
        ways: ways.iter().map(|way| way.name).collect(),
        rates,
        peaks,
        notes,
    }
}

/// `784 × 32 × 16, update`: rows, columns, depth.
pub(crate) fn name(shape: &Shape) -> String {
    let &Shape { m, n, k, update } = shape;
    format!("{m} × {n} × {k}{}", if update { ", update" } else { "" })
}

fn peak(libraries: &mut [(&str, PeerProcess)], lanes: usize) -> Option<f64> {
    let (_, process) = libraries.iter_mut().find(|(name, _)| *name != OWN)?;
    process.resume();
    let reply = process.ask(&json!({ "do": "peak", "lanes": lanes, "seconds": 0.3 }), LIMIT);
    process.pause();
    reply.ok()?["gflops"].as_f64()
}

/// FLOP/s of one turn.
fn repeat(
    process: &mut PeerProcess,
    way: &Way,
    shape: &Shape,
    threads: usize,
    seconds: f64,
) -> Result<f64, String> {
    let &Shape { m, n, k, update } = shape;
    let mut request =
        json!({ "do": "product", "m": m, "n": n, "k": k, "update": update, "seconds": seconds });
    if way.peer == OWN {
        let (panels, isa) = (way.panels, way.isa);
        let own = json!({ "threads": threads, "panels": panels, "isa": isa });
        if let (Value::Object(request), Value::Object(own)) = (&mut request, own) {
            request.extend(own);
        }
    }
    let reply = process.ask(&request, LIMIT)?;
    let expected = corners(shape);
    if reply["corners"] != json!(expected) {
        return Err(format!("wrong product: {} instead of {expected:?}", reply["corners"]));
    }
    match (reply["samples"].as_f64(), reply["seconds"].as_f64()) {
        (Some(calls), Some(elapsed)) if calls > 0.0 && elapsed > 0.0 => {
            Ok(2.0 * (m * n * k) as f64 * calls / elapsed)
        }
        _ => Err(format!("expected samples and seconds above 0, found {reply}")),
    }
}

/// Three elements of the product of the operands that every library makes. They are exact in every order of summation.
fn corners(&Shape { m, n, k, .. }: &Shape) -> [f64; 3] {
    let a = |i: usize, p: usize| ((7 * i + 13 * p) % 11) as f64 - 5.0;
    let b = |p: usize, j: usize| ((5 * p + 3 * j) % 13) as f64 - 6.0;
    [(0, 0), (m / 2, n / 3), (m - 1, n - 1)].map(|(i, j)| (0..k).map(|p| a(i, p) * b(p, j)).sum())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;

    /// A library that takes every product to be the first of `SHAPES`.
    fn fake(corners: &str) -> Result<PeerProcess, String> {
        const FAKE: &str = r#"
            while read line; do case $line in
                *'"about"'*) echo '{"name":"Fake","version":"1"}';;
                *'"peak"'*) echo '{"gflops":100.0}';;
                *'"product"'*) echo "{\"samples\":10,\"seconds\":1.0,\"corners\":$1}";;
            esac; done"#;
        let mut command = Command::new("sh");
        command.args(["-c", FAKE, "sh", corners]);
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        PeerProcess::start(command, &folder.path().join("log"))
    }

    #[test]
    fn a_wrong_product_is_no_figure() {
        let right = json!(corners(&SHAPES[0])).to_string();
        assert_eq!(right, "[22.0,-29.0,2.0]");
        let products = run(
            |name| name != "onednn",
            1,
            2,
            0.001,
            |peer| match peer.name {
                OWN => Err("is not built".to_owned()),
                _ => fake(&right),
            },
        );
        assert_eq!(products.ways, ["MKL"]);
        let rate = 2.0 * (16 * 32 * 784 * 10) as f64;
        assert_eq!(products.rates[0], [vec![rate, rate]]);
        // The second shape's first turn is wrong, and ends the library's turns.
        assert!(products.rates[1..].iter().all(|row| row[0].is_empty()));
        assert_eq!(products.peaks, [Some(100.0); 2]);
        assert_eq!(products.notes[..2], ["minibatch: FAILED, is not built", "mkl: Fake 1"]);
        assert!(products.notes[2].starts_with("MKL at 784 × 32 × 16, update: FAILED, wrong product"));
        assert_eq!(products.notes.len(), 3);
    }
}
