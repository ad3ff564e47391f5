//! Minibatch's products and those of MKL and oneDNN, each in a process that stays.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use xtask_tools::{CommandLine, PeerFolder, PeerProcess};

use super::cells::{Cell, Direction, Product, Strides};

/// The most time that a request may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Libraries of matrix products among the peers, as their script names them.
const LIBRARIES: [&str; 2] = ["mkl", "onednn"];

/// The least seconds of a turn.
const TURN: f64 = 0.004;

/// The best turn of a product and of the peak beside it, in FLOP/s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) product: f64,
    pub(super) peak: f64,
}

impl Look {
    /// The share of the peak.
    pub(super) fn share(&self) -> f64 {
        self.product / self.peak
    }
}

/// `minibatch-floor`, built and running.
pub(super) struct Own(PeerProcess);

impl Own {
    pub(super) fn start(root: &Path) -> Result<Self> {
        CommandLine::cargo("build --release --package minibatch-floor").run(root)?;
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["run", "--release", "--quiet", "--package", "minibatch-floor"]).current_dir(root);
        let folder = root.join("target/floor");
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        PeerProcess::start(command, &folder.join("log")).map(Self).map_err(|error| anyhow!(error))
    }

    /// The names of this machine's instruction sets, fastest first.
    pub(super) fn isas(&mut self) -> Result<Vec<String>> {
        let reply = self.0.ask(&json!({ "do": "about" }), LIMIT).map_err(|error| anyhow!(error))?;
        let names = reply["isas"].as_array().context("minibatch-floor names no instruction sets")?;
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The best of some turns.
    pub(super) fn look(&mut self, cell: &Cell, turns: usize) -> Result<Look> {
        let mut request = serde_json::to_value(cell)?;
        let how = json!({ "do": "measure", "turns": turns, "seconds": TURN });
        if let (Value::Object(request), Value::Object(how)) = (&mut request, how) {
            request.extend(how);
        }
        let reply = self.0.ask(&request, LIMIT).map_err(|error| anyhow!("{cell}: {error}"))?;
        match (reply["product"].as_f64(), reply["peak"].as_f64()) {
            (Some(product), Some(peak)) if product > 0.0 && peak > 0.0 => Ok(Look { product, peak }),
            _ => Err(anyhow!("{cell}: expected rates above 0, found {reply}")),
        }
    }
}

/// The libraries of the peers' environment, a process for each and for each number of threads. All but the one that is asked are
/// stopped.
pub(super) struct Libraries {
    running: Vec<(&'static str, usize, PeerProcess)>,
    /// A note for each library: its own description, or why it isn't there.
    pub(super) notes: Vec<String>,
}

impl Libraries {
    /// Starts the libraries that are there. Nothing is installed.
    pub(super) fn find(root: &Path, threads: &[usize]) -> Self {
        let mut libraries = Self { running: Vec::new(), notes: Vec::new() };
        let folder = PeerFolder::of(root, &[]);
        if !folder.has_python() {
            libraries
                .notes
                .push("without MKL and oneDNN: `cargo xtask peers` makes their environment".to_owned());
            return libraries;
        }
        for name in LIBRARIES {
            for &threads in threads {
                let start = || {
                    let command = folder.script("gemm_peer.py", name, threads);
                    let mut process = PeerProcess::start(command, &folder.log(name, "floor", threads))?;
                    let about = process.ask(&json!({ "do": "about" }), LIMIT)?;
                    process.pause();
                    let text = |key: &str| about[key].as_str().unwrap_or_default().to_owned();
                    Ok::<_, String>((process, format!("{} {}", text("name"), text("version"))))
                };
                let note = match start() {
                    Ok((process, note)) => {
                        libraries.running.push((name, threads, process));
                        note
                    }
                    Err(error) => format!("without {name}: {error}"),
                };
                if !libraries.notes.contains(&note) {
                    libraries.notes.push(note);
                }
            }
        }
        libraries
    }

    /// FLOP/s of the faster library, the best of some turns each. `None` if no library is there.
    pub(super) fn best(
        &mut self,
        product: &Product,
        strides: Strides,
        threads: usize,
        turns: usize,
    ) -> Option<f64> {
        let &Product { direction, m, n, k } = product;
        let request = json!({
            "do": "product", "m": m, "n": n, "k": k, "seconds": TURN, "strides": strides.of(product),
            "update": direction == Direction::Update, "backward": direction == Direction::Backward,
        });
        let mut best = None;
        let mut gone = Vec::new();
        for (name, _, process) in self.running.iter_mut().filter(|(_, of, _)| *of == threads) {
            process.resume();
            for _ in 0..turns {
                let calls = process.ask(&request, LIMIT).and_then(|reply| {
                    match (reply["samples"].as_f64(), reply["seconds"].as_f64()) {
                        (Some(calls), Some(seconds)) if calls > 0.0 && seconds > 0.0 => Ok(calls / seconds),
                        _ => Err(format!("expected samples and seconds above 0, found {reply}")),
                    }
                });
                match calls {
                    Ok(calls) => best = Some(best.unwrap_or(0.0_f64).max(2.0 * (m * n * k) as f64 * calls)),
                    Err(error) => {
                        gone.push((*name, error));
                        break;
                    }
                }
            }
            process.pause();
        }
        for (gone, error) in gone {
            self.notes.push(format!("{gone} at {product}: {error}"));
            self.running.retain(|(name, of, _)| (*name, *of) != (gone, threads));
        }
        best
    }
}
