//! Peers side by side: each in a process that stays, taking turns.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use xtask_tools::PeerProcess;

use crate::catalog::{OWN, Peer, Workload};

/// The most time for loading a framework, reading the data and compiling.
const SETUP_LIMIT: Duration = Duration::from_secs(300);
/// The most time for a check. It takes an epoch or two, of the slowest peer on the largest network.
const CHECK_LIMIT: Duration = Duration::from_secs(900);
/// The most time that a turn may take beyond its own. A turn ends with a slice of an epoch.
const TURN_SLACK: Duration = Duration::from_secs(300);
/// Every peer begins with the same seed, though not all draw the same numbers from it.
const SEED: u64 = 1;
/// Examples of a batch for inference.
const BATCHES: [usize; 2] = [1, 10_000];

/// The way to measure.
pub(crate) struct Plan<'a> {
    pub(crate) rounds: usize,
    /// Seconds of training in a turn. Inference gets a fifth of them for each batch size.
    pub(crate) seconds: f64,
    /// The data that the peers train on.
    pub(crate) data: &'a Path,
    /// The data on which the peers show that they learn.
    pub(crate) check_data: &'a Path,
}

/// The measurements of a peer.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The peer's name for `--only`.
    pub(crate) peer: &'static str,
    /// The peer's name in the table.
    pub(crate) name: String,
    pub(crate) version: String,
    /// The job that the peer does instead, if it can't do the job itself.
    pub(crate) differs: Option<String>,
    pub(crate) reference: bool,
    /// The test examples classified correctly when the peer was checked, and the number of all.
    pub(crate) accuracy: Option<(u64, u64)>,
    /// Samples per second, one for each round.
    pub(crate) train: Vec<f64>,
    pub(crate) inference: Vec<Inference>,
    /// The reason why there are no figures.
    pub(crate) failed: Option<String>,
}

/// Inference from one kind of input.
#[derive(Clone, Debug)]
pub(crate) struct Inference {
    pub(crate) input: &'static str,
    /// Samples per second for each of `BATCHES`, one for each round.
    pub(crate) rates: [Vec<f64>; 2],
}

impl Row {
    fn new(peer: &Peer, inference: bool) -> Self {
        let inputs: &[_] = match (inference, peer.name) {
            (false, _) => &[],
            (true, OWN) => &["f32", "u8"],
            (true, _) => &["f32"],
        };
        Self {
            peer: peer.name,
            name: peer.name.to_owned(),
            version: String::new(),
            differs: None,
            reference: peer.reference,
            accuracy: None,
            train: Vec::new(),
            inference: inputs.iter().map(|&input| Inference { input, rates: Default::default() }).collect(),
            failed: None,
        }
    }
}

/// The request that sets a peer up. Whole jobs begin with it too.
pub(crate) fn setup(workload: &Workload, threads: usize, data: &Path) -> Value {
    json!({ "do": "setup", "workload": workload, "threads": threads, "data": data, "seed": SEED })
}

/// Measures `peers` with `threads` threads each. `start` starts one. It never fails: a row names what went wrong.
pub(crate) fn group(
    peers: &[&Peer],
    workload: &Workload,
    threads: usize,
    plan: &Plan<'_>,
    start: impl Fn(&Peer) -> Result<PeerProcess, String>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = peers.iter().map(|peer| Row::new(peer, workload.inference)).collect();
    let mut processes: Vec<Option<PeerProcess>> = Vec::new();
    for (peer, row) in peers.iter().zip(&mut rows) {
        let ready = start(peer).and_then(|mut process| {
            check(&mut process, row, workload, threads, plan)?;
            process.pause();
            Ok(process)
        });
        match &ready {
            Ok(_) => {
                let (correct, of) = row.accuracy.unwrap_or_default();
                println!("  {} {}: learns ({correct} of {of})", row.name, row.version);
            }
            Err(error) => println!("  {}: FAILED, {error}", row.name),
        }
        row.failed = ready.as_ref().err().cloned();
        processes.push(ready.ok());
    }
    let count = rows.len();
    for round in 0..plan.rounds {
        // The turns begin with another peer each round, so that none always follows the same neighbour's cold caches and clock
        // frequency.
        for turn in 0..count {
            let turn = (turn + round) % count;
            let Some(process) = &mut processes[turn] else { continue };
            process.resume();
            let outcome = take_turn(process, &mut rows[turn], plan.seconds);
            process.pause();
            if let Err(error) = outcome {
                println!("  {}: FAILED in round {}, {error}", rows[turn].name, round + 1);
                rows[turn].failed = Some(error);
                processes[turn] = None;
            }
        }
        println!("  round {} of {}", round + 1, plan.rounds);
    }
    rows
}

/// Sets a peer up, trains it until it has learnt, and leaves it warm.
fn check(
    process: &mut PeerProcess,
    row: &mut Row,
    workload: &Workload,
    threads: usize,
    plan: &Plan<'_>,
) -> Result<(), String> {
    let about = process.ask(&setup(workload, threads, plan.check_data), SETUP_LIMIT)?;
    row.name = about["name"].as_str().ok_or("it did not say its name")?.to_owned();
    row.version = about["version"].as_str().unwrap_or_default().to_owned();
    row.differs = about["differs"].as_str().map(String::from);

    process.ask(&json!({ "do": "train", "epochs": workload.check_epochs }), CHECK_LIMIT)?;
    let accuracy = process.ask(&json!({ "do": "accuracy" }), TURN_SLACK)?;
    let (correct, of) = (count(&accuracy, "correct")?, count(&accuracy, "of")?);
    row.accuracy = Some((correct, of));
    // The floor is one of 10,000, for any size of the test set.
    if correct * 10_000 < workload.floor * of {
        let (epochs, floor) = (workload.check_epochs, workload.floor / 100);
        return Err(format!(
            "does not learn: {correct} of {of} right after {epochs} epochs, required {floor}%"
        ));
    }
    if plan.data != plan.check_data {
        process.ask(&setup(workload, threads, plan.data), SETUP_LIMIT)?;
        process.ask(&json!({ "do": "train", "seconds": 0.0 }), CHECK_LIMIT)?;
    }
    Ok(())
}

/// Training, then inference at each batch size.
fn take_turn(process: &mut PeerProcess, row: &mut Row, seconds: f64) -> Result<(), String> {
    let limit = TURN_SLACK + Duration::from_secs_f64(seconds);
    let trained = process.ask(&json!({ "do": "train", "seconds": seconds }), limit)?;
    row.train.push(rate(&trained)?);
    for Inference { input, rates } in &mut row.inference {
        for (batch, rates) in BATCHES.into_iter().zip(rates) {
            let request = json!({ "do": "infer", "batch": batch, "input": *input, "seconds": seconds / 5.0 });
            // Some peers have no inference from bytes. They say so, and train on.
            if let Ok(inferred) = process.ask(&request, limit) {
                rates.push(rate(&inferred)?);
            }
        }
    }
    Ok(())
}

/// Samples per second.
fn rate(reply: &Value) -> Result<f64, String> {
    let (samples, seconds) = (reply["samples"].as_f64(), reply["seconds"].as_f64());
    match (samples, seconds) {
        (Some(samples), Some(seconds)) if samples > 0.0 && seconds > 0.0 => Ok(samples / seconds),
        _ => Err(format!("expected samples and seconds above 0, found {reply}")),
    }
}

fn count(reply: &Value, what: &str) -> Result<u64, String> {
    reply[what].as_u64().ok_or_else(|| format!("expected a number `{what}`, found {reply}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::catalog::{PEERS, WORKLOADS};
    use std::process::Command;

    /// A program that answers as a peer does. `$1` is the number of right answers, `$2` is run for a turn's training.
    const FAKE: &str = r#"
        while read line; do case $line in
            *'"setup"'*) echo '{"name":"Fake","version":"1","differs":null}';;
            *'"epochs"'*) echo '{"samples":60000,"seconds":1.0}';;
            *'"accuracy"'*) echo "{\"correct\":$1,\"of\":10000}";;
            *'"train"'*) eval "$2";;
            *'"u8"'*) echo '{"error":"no bytes"}';;
            *'"infer"'*) echo '{"samples":100,"seconds":0.5}';;
        esac; done"#;

    fn fake(correct: &str, training: &str) -> Result<PeerProcess, String> {
        let mut command = Command::new("sh");
        command.args(["-c", FAKE, "sh", correct, training]);
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        PeerProcess::start(command, &folder.path().join("log"))
    }

    fn run(rounds: usize, start: impl Fn(&Peer) -> Result<PeerProcess, String>) -> Vec<Row> {
        let peers: Vec<&Peer> = PEERS.iter().take(4).collect();
        let (data, seconds) = (Path::new("data"), 0.001);
        group(&peers, &WORKLOADS[0], 1, &Plan { rounds, seconds, data, check_data: data }, start)
    }

    #[test]
    fn one_peer_that_fails_does_not_end_the_run() {
        const GOOD: &str = r#"echo '{"samples":500,"seconds":2.0}'"#;
        let rows = run(3, |peer| match peer.name {
            "minibatch" => fake("9500", GOOD),
            "jax" => fake("1000", GOOD),
            "numpy" => fake("9500", "exit 7"),
            _ => Err("is not installed".to_owned()),
        });
        assert_eq!(rows[0].train, [250.0; 3]);
        assert_eq!(rows[0].inference[0].rates, [vec![200.0; 3], vec![200.0; 3]]);
        assert_eq!(rows[0].inference[1].rates.concat().len(), 0);
        assert_eq!((rows[0].name.as_str(), &rows[0].failed), ("Fake", &None));
        let failed = |row: &Row| row.failed.clone().unwrap();
        assert_eq!(failed(&rows[1]), "does not learn: 1000 of 10000 right after 2 epochs, required 75%");
        assert_eq!(failed(&rows[2]), "ended (exit status: 7) during `train`");
        assert_eq!(failed(&rows[3]), "is not installed");
        assert!(rows[1..].iter().all(|row| row.train.is_empty()));
    }

    #[test]
    fn nonsense_is_no_rate() {
        assert_eq!(rate(&json!({ "samples": 10, "seconds": 4.0 })).unwrap(), 2.5);
        for reply in
            [json!({}), json!({ "samples": 0, "seconds": 1.0 }), json!({ "samples": 1, "seconds": 0.0 })]
        {
            assert!(rate(&reply).is_err(), "{reply}");
        }
    }
}
