//! Minibatch and other trainers on the same jobs, side by side in one run. `cargo xtask peers` starts it.
//!
//! It makes the Python environment and the Rust programs of `benches/peers`, checks that each trainer learns, lets them
//! take turns, and writes a dated record into `benches/record`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod catalog;
mod environment;
mod jobs;
mod measure;
mod noise;
mod products;
mod record;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use xtask_tools::{CommandLine, Machine, PeerProcess, free_name};

use catalog::{OWN, PEERS, PRODUCTS, Peer, WORKLOADS, Workload};
use environment::Environment;
use measure::Plan;

/// Measure Minibatch and other trainers side by side, and write the table to benches/record
#[derive(Parser)]
#[command(name = "cargo xtask peers", bin_name = "cargo xtask peers")]
struct Args {
    /// Measure these alone
    #[arg(long, value_name = "NAME,…", value_delimiter = ',',
          value_parser = PossibleValuesParser::new(all_names()))]
    only: Vec<String>,

    /// The networks, which benches/peers/README.md describes, and `gemm`: matrix products beside MKL's and oneDNN's
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "C1,C2", ignore_case = true,
          value_parser = PossibleValuesParser::new(WORKLOADS.map(|workload| workload.name).into_iter().chain([GEMM])))]
    workloads: Vec<String>,

    /// Numbers of threads [default: one, and one for each processor]
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = positive)]
    threads: Vec<usize>,

    /// Turns of each trainer
    #[arg(long, value_name = "N", default_value = "7", value_parser = positive)]
    rounds: usize,

    /// Seconds of training in a turn; a turn ends with a slice of an epoch
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds)]
    seconds: f64,

    /// What to train on: noise has no zero byte, so that nothing gains from MNIST's black border
    #[arg(long, value_name = "SET", default_value = "mnist", value_parser = PossibleValuesParser::new(["mnist", "noise"]))]
    data: String,

    /// Run on these processors, the first of them for one thread (needs taskset)
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    cpus: Vec<usize>,

    /// Epochs of a whole job, from the start of a process to its end; 0 for no such jobs
    #[arg(long, value_name = "N", default_value = "30")]
    job_epochs: usize,

    /// Three short rounds and one short job, not recorded: to see that all is well, not to quote
    #[arg(long)]
    quick: bool,

    /// Measure nothing: check the peers' own sources, their format, with Clippy, and whether Python reads them
    #[arg(long, exclusive = true)]
    check: bool,

    /// Print the tables without writing them to benches/record
    #[arg(long)]
    no_record: bool,
}

/// The name of the matrix products among the workloads.
const GEMM: &str = "gemm";

/// The names that `--only` takes.
fn all_names() -> Vec<&'static str> {
    let products = PRODUCTS.iter().filter(|library| library.name != OWN);
    PEERS.iter().chain(products).map(|peer| peer.name).collect()
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints, records. A peer that fails has a row that says so. It is an error only if no peer can be measured.
fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    if args.check {
        return check(&root);
    }
    let started = Instant::now();
    let machine = Machine::ask(&root);
    let mnist = root.join("data/mnist");
    ensure!(
        mnist.join("train-images-idx3-ubyte").exists(),
        "data/mnist: expected the MNIST files, plain; `cargo xtask fetch-mnist` fetches them"
    );
    let named = |peer: &Peer| args.only.iter().any(|name| name == peer.name);
    let wanted = |peer: &Peer| args.only.is_empty() || named(peer);
    let with_products = args.workloads.iter().any(|name| name.eq_ignore_ascii_case(GEMM));
    let peers: Vec<&'static Peer> = PEERS.iter().filter(|peer| wanted(peer)).collect();
    let libraries = PRODUCTS.iter().filter(|library| with_products && wanted(library));
    let environment =
        Environment::prepare(&root, &peers.iter().copied().chain(libraries).collect::<Vec<_>>(), &args.cpus)?;
    let data = if args.data == "noise" { noise::make(&root.join("target/peers"))? } else { mnist.clone() };

    let (rounds, seconds) = if args.quick { (3, 0.2) } else { (args.rounds, args.seconds) };
    let plan = Plan { rounds, seconds, data: &data, check_data: &mnist };
    let mut sections = Vec::new();
    let mut measured = 0;
    let start = |peer: &Peer, threads, what: &str| {
        PeerProcess::start(
            environment.command(peer, threads)?,
            &environment.folder.log(peer.name, what, threads),
        )
    };
    for workload in chosen(&args.workloads) {
        let peers: Vec<&Peer> =
            peers.iter().copied().filter(|peer| peer.large || !workload.large || named(peer)).collect();
        for threads in threads(args) {
            println!("{} with {threads} threads, {rounds} rounds", workload.name);
            let rows =
                measure::group(&peers, workload, threads, &plan, |peer| start(peer, threads, workload.name));
            measured += rows.iter().filter(|row| row.failed.is_none()).count();
            let section = record::group(workload, threads, &args.data, &rows);
            println!("\n{section}");
            sections.push(section);
        }
    }
    for threads in threads(args).into_iter().filter(|_| with_products) {
        println!("matrix products with {threads} threads, {rounds} rounds");
        let is_wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
        // A product takes microseconds to milliseconds. A tenth of the time for training is enough.
        let products =
            products::run(is_wanted, threads, rounds, seconds / 10.0, |peer| start(peer, threads, GEMM));
        measured += products.ways.len();
        let section = record::products(threads, &products);
        println!("\n{section}");
        sections.push(section);
    }
    ensure!(measured > 0, "nothing could be measured; the tables say why");
    sections.extend(whole_jobs(args, &environment, &peers, &mnist));

    let command =
        std::iter::once("cargo xtask peers".to_owned()).chain(std::env::args().skip(1)).collect::<Vec<_>>();
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let how = format!("{rounds} rounds of {seconds} s a trainer; {minutes:.0} minutes in all");
    let document = record::document(&machine, &command.join(" "), &how, &sections);
    if args.no_record || args.quick {
        println!("not recorded");
        return Ok(());
    }
    let path = free_name(&root.join("benches/record"), &machine.slug(), "md");
    std::fs::write(&path, document).with_context(|| path.display().to_string())?;
    println!("recorded in {}", path.strip_prefix(&root).unwrap_or(&path).display());
    Ok(())
}

/// Runs the checks of a workspace that `cargo xtask ci` leaves alone, as its dependencies take minutes to build.
fn check(root: &Path) -> Result<()> {
    const MANIFEST: &str = "--manifest-path benches/peers/rust/Cargo.toml";
    const PARSE: &str = "import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]";
    CommandLine::cargo(&format!("fmt --all {MANIFEST} -- --check")).run(root)?;
    let clippy = format!(
        "clippy --quiet --locked --workspace --all-targets {MANIFEST} --target-dir target/peers/check"
    );
    CommandLine::cargo(&format!("{clippy} -- -D warnings")).run(root)?;
    let folder = root.join("benches/peers/python");
    let files = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut scripts = files.map(|file| Ok(file?.path())).collect::<std::io::Result<Vec<_>>>()?;
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "py"));
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let status = Command::new(python).args(["-c", PARSE]).args(&scripts).status().context("python3")?;
    ensure!(status.success(), "{}: Python cannot read them all", folder.display());
    println!("the peers' sources are in order");
    Ok(())
}

/// Runs C1 as whole processes, if it is among the workloads: it is the tutorial's job.
fn whole_jobs(args: &Args, environment: &Environment, peers: &[&'static Peer], data: &Path) -> Vec<String> {
    let workload = chosen(&args.workloads).next().filter(|workload| workload.name == "C1");
    let (epochs, rounds) =
        if args.quick { (args.job_epochs.min(2), 1) } else { (args.job_epochs, 3.min(args.rounds)) };
    let (Some(workload), true) = (workload, epochs > 0 && args.data == "mnist") else { return Vec::new() };
    let peers: Vec<&Peer> = peers.iter().copied().filter(|peer| peer.job).collect();
    let run = |threads| {
        println!("whole jobs with {threads} threads, {epochs} epochs, {rounds} rounds");
        let jobs = jobs::run(environment, &peers, workload, threads, data, epochs, rounds);
        let section = record::jobs(workload, threads, epochs, &jobs);
        println!("\n{section}");
        section
    };
    threads(args).into_iter().map(run).collect()
}

fn chosen(names: &[String]) -> impl Iterator<Item = &'static Workload> {
    WORKLOADS.iter().filter(|workload| names.iter().any(|name| name.eq_ignore_ascii_case(workload.name)))
}

fn threads(args: &Args) -> Vec<usize> {
    if !args.threads.is_empty() {
        return args.threads.clone();
    }
    let all = if args.cpus.is_empty() {
        std::thread::available_parallelism().map_or(1, usize::from)
    } else {
        args.cpus.len()
    };
    if all == 1 { vec![1] } else { vec![1, all] }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "expected a whole number above 0".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let in_range = |seconds: &f64| (0.01..=3_600.0).contains(seconds);
    text.parse().ok().filter(in_range).ok_or_else(|| "expected seconds, from 0.01 to 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Option<Args> {
        let arguments = std::iter::once("peers").chain(arguments.split_whitespace());
        Args::try_parse_from(arguments).ok()
    }

    #[test]
    fn workloads_and_threads_are_chosen() {
        let args = parse("--workloads c2,C1 --threads 1,4 --only jax,minibatch").unwrap();
        // The order is the table's, not the command line's.
        assert_eq!(chosen(&args.workloads).map(|workload| workload.name).collect::<Vec<_>>(), ["C1", "C2"]);
        assert_eq!(threads(&args), [1, 4]);
        assert_eq!(threads(&parse("--cpus 2,3,4").unwrap()), [1, 3]);
        for wrong in
            ["--only nobody", "--workloads C9", "--threads 0", "--rounds 0", "--seconds nan", "--data x"]
        {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
