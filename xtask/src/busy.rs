//! `cargo xtask busy`: checks that two threads, which are the default, are never much slower than one. It measures beside other
//! processes that compute, at both ends of the scheduler's priorities, and in jobs of some milliseconds.
//!
//! Every measured process is a child of this process, so that the scheduler has all of them in one session. Pairs of turns, one
//! with one thread and one with the default, follow each other. A figure is the median of their ratios.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use xtask_tools::{CommandLine, Summary};

/// Train beside busy processes, and in very short jobs: is the default ever much slower than one thread?
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pairs of turns for each figure
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,

    /// Seconds of a turn; at low priority twice as many
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    turn: u64,

    /// Runs of each short job
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    jobs: u32,

    /// Compute for nothing, until killed: what the busy processes do
    #[arg(long, hide = true)]
    spin: bool,
}

/// The least part of one thread's speed that the default keeps beside busy processes.
const LEAST_BUSY: f64 = 0.8;

/// The least part of one thread's speed that a short job keeps on a quiet machine, in 19 of 20 runs of each.
const LEAST_SHORT: f64 = 0.9;

/// Two networks: members train one in shares, and share single products of the other.
const NETWORKS: [(&str, &str); 2] =
    [("shares", ""), ("phases", "--hidden 256 --optimizer adam --batch-size 128")];

/// Jobs of some milliseconds of training.
const JOBS: [(&str, &str); 4] = [
    ("784-32-10", "--epochs 1"),
    ("784-32-10", "--epochs 6"),
    ("784-32-10, B = 1000", "--batch-size 1000 --epochs 8"),
    ("784-256-10, Adam", "--hidden 256 --optimizer adam --batch-size 128 --epochs 1"),
];

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.spin {
        loop {
            std::hint::black_box(0);
        }
    }
    let root = xtask_tools::workspace_root();
    CommandLine::cargo("build --release -p minibatch-cli").run(&root)?;
    let folder = tempfile::tempdir().context("a folder for what the command prints")?;
    let trainer = Trainer {
        command: root.join("target/release").join(format!("minibatch{}", std::env::consts::EXE_SUFFIX)),
        output: folder.path().join("output.jsonl"),
    };
    let mut missed = short_jobs(&trainer, args)?;
    missed.extend(beside_busy_processes(&trainer, args)?);
    ensure!(missed.is_empty(), "slower than it may be: {}", missed.join("; "));
    println!("\nnone is slower than it may be");
    Ok(())
}

/// The command that trains, and the files for its output.
struct Trainer {
    command: PathBuf,
    output: PathBuf,
}

/// One thread, or the default of any machine.
const THREADS: [Option<&str>; 2] = [Some("1"), None];

impl Trainer {
    fn command(&self, nice: &str, images: &str, options: &str, threads: Option<&str>) -> Command {
        let mut command = Command::new("nice");
        command.args(["-n", nice]).arg(&self.command);
        command.args(["train", "--json", "--dataset", "synthetic", "--synthetic-size", images]);
        command.args(options.split_whitespace());
        command.args(threads.into_iter().flat_map(|threads| ["--threads", threads]));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The number of epochs that it trains in `time`.
    fn epochs(&self, nice: &str, options: &str, threads: Option<&str>, time: Duration) -> Result<f64> {
        let options = format!("{options} --epochs 1000000");
        let mut command = self.command(nice, "512,20", &options, threads);
        let child = command.stdout(File::create(&self.output)?).spawn().context("nice minibatch train")?;
        let mut child = Killed(child);
        std::thread::sleep(time);
        ensure!(child.0.try_wait()?.is_none(), "{command:?} ended by itself");
        drop(child);
        Ok(epochs_in(&std::fs::read_to_string(&self.output)?).count() as f64)
    }

    /// Samples a second of a short job, whose output goes into a pipe or a file.
    fn rate(&self, options: &str, threads: Option<&str>, pipe: bool) -> Result<f64> {
        const IMAGES: usize = 8192;
        let mut command = self.command("0", &format!("{IMAGES},100"), options, threads);
        let text = if pipe {
            String::from_utf8(command.output()?.stdout)?
        } else {
            ensure!(command.stdout(File::create(&self.output)?).status()?.success(), "{command:?} failed");
            std::fs::read_to_string(&self.output)?
        };
        let seconds = |epoch: serde_json::Value| epoch["training_seconds"].as_f64().context("no time");
        let seconds: Vec<f64> = epochs_in(&text).map(seconds).collect::<Result<_>>()?;
        ensure!(!seconds.is_empty(), "{command:?} trained no epoch");
        Ok((IMAGES * seconds.len()) as f64 / seconds.iter().sum::<f64>())
    }
}

/// The events of epochs in the command's output.
fn epochs_in(output: &str) -> impl Iterator<Item = serde_json::Value> + '_ {
    let events = output.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    events.filter(|event| event["event"] == "epoch")
}

/// A process that is killed when it is no longer wanted, whatever happens.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Jobs that are over before a scheduler has found out how many threads there are.
fn short_jobs(trainer: &Trainer, args: &Args) -> Result<Vec<String>> {
    println!("\nShort jobs: of {} runs, the slowest but one in twenty, in thousand samples/s", args.jobs);
    println!("{:34} {:>8} {:>8} {:>7}", "", "1 thread", "default", "ratio");
    let mut missed = Vec::new();
    for (name, options) in JOBS {
        for (pipe, into) in [(true, "a pipe"), (false, "a file")] {
            let mut rates = [Vec::new(), Vec::new()];
            for _ in 0..args.jobs {
                for (rates, threads) in rates.iter_mut().zip(THREADS) {
                    rates.push(trainer.rate(options, threads, pipe)?);
                }
            }
            // One thread's own runs differ too, so the same place in both orders is compared.
            let [one, default] = rates.map(|mut rates| {
                rates.sort_by(f64::total_cmp);
                rates[rates.len() / 20]
            });
            let (ratio, what) = (default / one, format!("{name}, {options}, into {into}"));
            println!("{what:34} {:8.0} {:8.0} {ratio:7.2}", one / 1e3, default / 1e3);
            if ratio < LEAST_SHORT {
                missed.push(format!("{what} ({ratio:.2})"));
            }
        }
    }
    Ok(missed)
}

/// Runs of some seconds beside processes that compute something else.
fn beside_busy_processes(trainer: &Trainer, args: &Args) -> Result<Vec<String>> {
    println!("\nBeside busy processes: epochs a turn, and the median of {} pairs' ratios", args.pairs);
    println!("{:34} {:>8} {:>8} {:>18}", "", "1 thread", "default", "ratio");
    let mut missed = Vec::new();
    for processes in [2, 4] {
        let _busy = (0..processes).map(|_| spinner()).collect::<Result<Vec<_>>>()?;
        for (nice, turn) in [("0", args.turn), ("19", 2 * args.turn)] {
            for (network, options) in NETWORKS {
                let what = format!("{processes} processes, nice {nice}, {network}");
                let mut pairs = Vec::new();
                for _ in 0..args.pairs {
                    let turn = |threads| trainer.epochs(nice, options, threads, Duration::from_secs(turn));
                    pairs.push([turn(THREADS[0])?, turn(THREADS[1])?]);
                }
                if pairs.iter().any(|[_, default]| *default == 0.0) {
                    bail!("{what}: a turn without an epoch");
                }
                let of = |value: fn(&[f64; 2]) -> f64| -> Result<Summary> {
                    Summary::of(&pairs.iter().map(value).collect::<Vec<_>>()).context("no pairs")
                };
                let (one, default) = (of(|pair| pair[0])?.median, of(|pair| pair[1])?.median);
                let ratio = of(|pair| pair[1] / pair[0].max(1.0))?;
                println!("{what:34} {one:8.0} {default:8.0} {:>18}", ratio.show(1.0));
                if ratio.median < LEAST_BUSY {
                    missed.push(format!("{what} ({:.2})", ratio.median));
                }
            }
        }
    }
    Ok(missed)
}

fn spinner() -> Result<Killed> {
    let command = std::env::current_exe().context("this program's own path")?;
    Command::new(command).args(["busy", "--spin"]).spawn().map(Killed).context("a busy process")
}
