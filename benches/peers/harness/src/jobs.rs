//! Whole jobs: from the start of a process to its end, data loaded, every epoch trained and tested.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use xtask_tools::{built_command, shorten};

use crate::catalog::{OWN, Peer, Workload};
use crate::environment::Environment;
use crate::measure;

/// The most time of a job. The slowest takes a minute or two.
const LIMIT: Duration = Duration::from_secs(1_800);

/// A peer's whole jobs.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) peer: &'static str,
    pub(crate) reference: bool,
    /// The seconds of each round.
    pub(crate) seconds: Vec<f64>,
    /// The number of right answers after the last epoch, and of all answers.
    pub(crate) accuracy: Option<(u64, u64)>,
    pub(crate) failed: Option<String>,
}

/// Runs the job of `workload` with each of `peers`, taking turns, `rounds` times.
pub(crate) fn run(
    environment: &Environment,
    peers: &[&Peer],
    workload: &Workload,
    threads: usize,
    data: &Path,
    epochs: usize,
    rounds: usize,
) -> Vec<Job> {
    let row = |peer: &&Peer| {
        let (peer, reference) = (peer.name, peer.reference);
        Job { peer, reference, seconds: Vec::new(), accuracy: None, failed: None }
    };
    let mut jobs: Vec<Job> = peers.iter().map(row).collect();
    let own = peers.iter().any(|peer| peer.name == OWN).then(|| built_command(&environment.folder.root));
    let own = own.transpose().map_err(|error| format!("{error:#}"));
    for round in 0..rounds {
        for (peer, job) in peers.iter().zip(&mut jobs).filter(|(_, job)| job.failed.is_none()) {
            let command = match (&own, peer.name) {
                (Ok(Some(program)), OWN) => Ok(own_command(environment, program, threads, data, epochs)),
                (Err(error), OWN) => Err(error.clone()),
                _ => peer_command(environment, peer, workload, threads, data, epochs),
            };
            match command
                .and_then(|command| time(command, &environment.folder.log(peer.name, "job", threads)))
            {
                Ok((seconds, accuracy)) => {
                    job.seconds.push(seconds);
                    job.accuracy = Some(accuracy);
                }
                Err(error) => {
                    println!("  {}: FAILED, {error}", peer.name);
                    job.failed = Some(error);
                }
            }
        }
        println!("  round {} of {rounds}", round + 1);
    }
    // The floor is that of the check. A job has as many epochs as the check, or more.
    for job in &mut jobs {
        if let Some((correct, of)) = job.accuracy
            && correct * 10_000 < workload.floor * of
        {
            job.failed = Some(format!("does not learn: {correct} of {of} right"));
        }
    }
    jobs
}

/// Minibatch's own command line. Its defaults are the job.
fn own_command(
    environment: &Environment,
    program: &Path,
    threads: usize,
    data: &Path,
    epochs: usize,
) -> Command {
    let mut command = environment.folder.pinned(program, threads);
    command.args(["train", "--json", "--threads", &threads.to_string(), "--epochs", &epochs.to_string()]);
    command.arg("--data").arg(data);
    command
}

/// The peer's program with `job`.
fn peer_command(
    environment: &Environment,
    peer: &Peer,
    workload: &Workload,
    threads: usize,
    data: &Path,
    epochs: usize,
) -> Result<Command, String> {
    let mut command = environment.command(peer, threads)?;
    let setup = measure::setup(workload, threads, data).to_string();
    command.args(["job", &setup, &epochs.to_string()]);
    Ok(command)
}

/// The seconds from start to end, and the last accuracy that the command printed.
fn time(mut command: Command, log: &Path) -> Result<(f64, (u64, u64)), String> {
    let text = |error: std::io::Error| error.to_string();
    let stderr = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
    // The output is a file, as a pipe would have to be emptied meanwhile.
    let mut output = tempfile::tempfile().map_err(text)?;
    command.stdin(Stdio::null()).stdout(output.try_clone().map_err(text)?).stderr(stderr);
    let started = Instant::now();
    let mut child = command.spawn().map_err(text)?;
    let status = loop {
        // The pause is short against the measured time, and long enough not to disturb it.
        std::thread::sleep(Duration::from_millis(2));
        if let Some(status) = child.try_wait().map_err(text)? {
            break status;
        }
        if started.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("not done in {} s", LIMIT.as_secs()));
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        let log = std::fs::read_to_string(log).unwrap_or_default();
        return Err(format!("ended ({status}): {}", shorten(log.lines().last().unwrap_or_default())));
    }
    let mut printed = String::new();
    output.rewind().map_err(text)?;
    output.read_to_string(&mut printed).map_err(text)?;
    let accuracy = printed.lines().rev().find_map(accuracy).ok_or("it printed no accuracy")?;
    Ok((seconds, accuracy))
}

/// The accuracy in a peer's line `{"epoch":1,"correct":9000,"of":10000}`, or in Minibatch's, where `test` holds it.
fn accuracy(line: &str) -> Option<(u64, u64)> {
    let line: Value = serde_json::from_str(line).ok()?;
    match &line["test"] {
        Value::Null => Some((line["correct"].as_u64()?, line["of"].as_u64()?)),
        test => Some((test["correct"].as_u64()?, test["examples"].as_u64()?)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Result<(f64, (u64, u64)), String> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        time(command, &folder.path().join("log"))
    }

    #[test]
    fn the_last_accuracy_counts() {
        let script = r#"echo '{"epoch":1,"correct":1,"of":9}'; sleep 0.05; echo '{"epoch":2,"correct":2,"of":9}'; echo end"#;
        let (seconds, accuracy) = sh(script).unwrap();
        assert_eq!(accuracy, (2, 9));
        assert!((0.05..20.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn minibatch_prints_more() {
        let line = r#"{"event":"epoch","epoch":30,"test":{"cost":0.1,"accuracy":0.95,"correct":9500,"examples":10000}}"#;
        assert_eq!(accuracy(line), Some((9500, 10_000)));
        assert_eq!(accuracy(r#"{"event":"end","seconds":1.0}"#), None);
    }

    #[test]
    fn a_job_that_fails_says_why() {
        assert_eq!(sh("echo no luck >&2; exit 2").unwrap_err(), "ended (exit status: 2): no luck");
        assert_eq!(sh("echo done").unwrap_err(), "it printed no accuracy");
    }
}
