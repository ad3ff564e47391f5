//! `cargo xtask fuzz`: the fuzzers of `fuzz/`, one after the other, on the committed corpora and on the inputs found before.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use xtask_tools::CommandLine;

/// Fuzz IDX files, checkpoints, pictures, tables, arrays, the command's options and the kernels, under AddressSanitizer
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target is fuzzed
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,

    /// This target alone
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

const INSTALL_NIGHTLY: &str =
    "the fuzzers need Rust nightly: install it with `rustup toolchain install nightly`";
const INSTALL_CARGO_FUZZ: &str =
    "the fuzzers need cargo-fuzz: install it with `cargo install cargo-fuzz --version 0.13.2 --locked`";

/// Seconds that an input may take, and megabytes of memory.
const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=2048"];

/// libFuzzer's exit codes after an input that took too long, and after an interruption.
const TOOK_TOO_LONG: i32 = 70;
const INTERRUPTED: i32 = 72;

/// The result of fuzzing a target.
#[derive(Debug, Default, PartialEq)]
struct Total {
    target: String,
    /// Inputs that were run.
    executions: u64,
    /// Edges of the program's flow that were taken, and libFuzzer's count of features: edges and compared values.
    edges: u64,
    features: u64,
    /// Inputs that are kept, because each adds something.
    inputs: u64,
    time: Duration,
    findings: Vec<PathBuf>,
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Total { target, executions, edges, features, inputs, time, findings } = self;
        let (minutes, findings) = (time.as_secs_f64() / 60.0, findings.len());
        write!(
            f,
            "{target:<12}{minutes:>8.1}{executions:>13}{edges:>8}{features:>10}{inputs:>8}{findings:>10}"
        )
    }
}

/// Fuzzes. The error names the findings.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    ensure!(CommandLine::nightly("--version").probe(&root).is_ok(), "{INSTALL_NIGHTLY}");
    ensure!(CommandLine::nightly("fuzz --version").probe(&root).is_ok(), "{INSTALL_CARGO_FUZZ}");
    let mut targets = targets(&root)?;
    if let Some(only) = &args.target {
        let all = targets.join(", ");
        targets.retain(|target| target == only);
        ensure!(!targets.is_empty(), "--target {only}: expected one of {all}");
    }
    CommandLine::nightly("fuzz build --fuzz-dir fuzz").run(&root)?;
    let host = crate::asan::host(&root)?;
    let mut totals = Vec::new();
    for target in &targets {
        let binary = root.join("fuzz/target").join(&host).join("release").join(target);
        let fuzzer = Fuzzer { root: &root, binary, target };
        totals.push(fuzzer.fuzz(Duration::from_secs(60 * u64::from(args.minutes)))?);
    }
    println!("\ntarget       minutes   executions   edges  features  inputs  findings");
    totals.iter().for_each(|total| println!("{total}"));
    let findings: Vec<String> =
        totals.iter().flat_map(|total| &total.findings).map(|path| path.display().to_string()).collect();
    ensure!(findings.is_empty(), "{} findings: {}", findings.len(), findings.join(", "));
    Ok(())
}

/// The names of the targets, which are those that have a corpus.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/corpus");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut targets = names.collect::<Result<Vec<_>>>()?;
    targets.sort();
    Ok(targets)
}

struct Fuzzer<'a> {
    root: &'a Path,
    binary: PathBuf,
    target: &'a str,
}

impl Fuzzer<'_> {
    /// Fuzzes for so long. After a finding it goes on, up to the third.
    fn fuzz(&self, time: Duration) -> Result<Total> {
        let mut total = Total { target: self.target.to_owned(), ..Total::default() };
        let started = Instant::now();
        while let Some(left) = time.checked_sub(started.elapsed()).filter(|left| left.as_secs() > 0)
            && total.findings.len() < 3
        {
            let (code, log) = self.run(left, &mut total)?;
            if code == Some(0) {
                continue;
            }
            ensure!(code != Some(INTERRUPTED), "{} was stopped; what it found so far is kept", self.target);
            let Some(input) = artifact(&log) else {
                bail!("{} ended with {code:?} and names no input:\n{}", self.target, finding(&log));
            };
            let input = self.root.join(input);
            // A busy machine, or one where the fuzzer was stopped for a while, makes any input take long.
            if code == Some(TOOK_TOO_LONG) && self.passes(&input)? {
                println!("{}: {} took long once, and doesn't again", self.target, input.display());
                fs::remove_file(&input).with_context(|| input.display().to_string())?;
                continue;
            }
            println!("{}", finding(&log));
            total.findings.push(input);
        }
        total.time = started.elapsed();
        Ok(total)
    }

    /// Runs one process of the fuzzer. Returns its exit code and its log, whose numbers are added to `total`.
    fn run(&self, time: Duration, total: &mut Total) -> Result<(Option<i32>, String)> {
        let folder = |name: &str| self.root.join("fuzz").join(name).join(self.target);
        let [grown, artifacts] = ["grown", "artifacts"].map(folder);
        for folder in [&grown, &artifacts] {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let mut command = self.command();
        command.arg(format!("-max_total_time={}", time.as_secs())).arg("-print_final_stats=1");
        let words = self.root.join("fuzz/dictionaries").join(self.target);
        if words.exists() {
            command.arg(format!("-dict={}", words.display()));
        }
        // New inputs go into the first folder.
        command.arg(grown).arg(folder("corpus")).stderr(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().with_context(|| self.binary.display().to_string())?;
        println!(
            "── {}: process {}; `kill -STOP {1}` pauses it, `kill -CONT {1}` goes on",
            self.target,
            child.id()
        );
        let (mut log, mut shown) = (String::new(), Instant::now());
        let before = total.executions;
        for line in BufReader::new(child.stderr.take().context("no pipe")?).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            take_numbers(&line, before, total);
            if line.contains(" cov: ") && shown.elapsed() >= Duration::from_secs(60) {
                println!("{}: {line}", self.target);
                std::io::stdout().flush()?;
                shown = Instant::now();
            }
            log.push_str(&line);
            log.push('\n');
        }
        Ok((child.wait()?.code(), log))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        let artifacts = format!("-artifact_prefix=fuzz/artifacts/{}/", self.target);
        command.args(LIMITS).arg(artifacts).current_dir(self.root).stdin(Stdio::null());
        // The option that cargo-fuzz sets.
        command.env("ASAN_OPTIONS", "detect_odr_violation=0");
        command
    }

    /// Whether an input passes by itself.
    fn passes(&self, input: &Path) -> Result<bool> {
        let mut command = self.command();
        let output = command.arg(input).output().with_context(|| self.binary.display().to_string())?;
        Ok(output.status.success())
    }
}

/// Adds the numbers of a line of libFuzzer to `total`: `#4096 pulse cov: 512 ft: 900 corp: 35/11Kb …`, or at the end
/// `stat::number_of_executed_units: 8192`. `before`: the executions of earlier processes.
fn take_numbers(line: &str, before: u64, total: &mut Total) {
    let after = |key: &str| {
        let rest = line.split_once(key)?.1.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    if let (Some(executions), Some(edges)) = (after("#").filter(|_| line.starts_with('#')), after(" cov: ")) {
        total.executions = before + executions;
        total.edges = edges;
        total.features = after(" ft: ").unwrap_or(total.features);
        total.inputs = after(" corp: ").unwrap_or(total.inputs);
    }
    if let Some(executions) = after("stat::number_of_executed_units:") {
        total.executions = before + executions;
    }
}

/// The file that a finding was written to.
fn artifact(log: &str) -> Option<&str> {
    log.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path.trim())
}

/// The finding in a fuzzer's log: from its beginning on, or else the end of the log.
fn finding(log: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> = log.lines().collect();
    let begins = |line: &&str| line.contains(" panicked at ") || line.contains("ERROR: ");
    let from = lines.iter().position(begins).unwrap_or(lines.len().saturating_sub(LINES));
    lines[from..].iter().take(LINES).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_from_lines() {
        let mut total = Total::default();
        let log = "INFO: Seed: 17\n\
                   #2\tINITED cov: 510 ft: 511 corp: 1/1b exec/s: 0 rss: 40Mb\n\
                   #4096\tpulse  cov: 512 ft: 900 corp: 35/11Kb lim: 4096 exec/s: 2048 rss: 55Mb\n\
                   #8001\tDONE   cov: 600 ft: 1024 corp: 41/12Kb lim: 4096 exec/s: 2000 rss: 56Mb\n\
                   stat::number_of_executed_units: 8001\n\
                   stat::peak_rss_mb:              57\n";
        log.lines().for_each(|line| take_numbers(line, 100, &mut total));
        let expected = Total { executions: 8101, edges: 600, features: 1024, inputs: 41, ..Total::default() };
        assert_eq!(total, expected);
        assert_eq!(artifact(log), None);
    }

    #[test]
    fn a_finding_is_named_and_shown() {
        let log = "#7\tNEW    cov: 5 ft: 6 corp: 2/9b\nthread panicked at a.rs:1\nwhy\n\
                   artifact_prefix='fuzz/artifacts/idx/'; Test unit written to fuzz/artifacts/idx/crash-0a\nBase64: \n";
        assert_eq!(artifact(log), Some("fuzz/artifacts/idx/crash-0a"));
        assert!(finding(log).starts_with("thread panicked at a.rs:1\nwhy\n"));
        assert_eq!(finding(&"line\n".repeat(100)).lines().count(), 30);
    }

    #[test]
    fn targets_are_the_committed_corpora() {
        let targets = targets(&xtask_tools::workspace_root()).unwrap();
        assert!(targets.contains(&"kernels".to_owned()), "{targets:?}");
    }
}
