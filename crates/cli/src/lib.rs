//! The `minibatch` command, all but its `main`: trains networks and examines the results.
//!
//! The crate has no arithmetic of networks. It parses, calls the `minibatch` library and prints. Results go to standard output,
//! errors as one line to standard error. Exit codes: 0 success, 1 a run failed, 2 wrong usage, 129, 130 and 143 stopped by
//! SIGHUP, SIGINT and SIGTERM, 141 the reader of the output went away.
#![forbid(unsafe_code)]

mod compare;
mod dataset;
mod draw;
mod eval;
mod examples;
mod exchange;
mod failure;
mod gradcheck;
mod image;
mod info;
#[doc(hidden)]
pub mod inspect;
mod machine;
mod memory;
mod mistakes;
mod names;
mod numbers;
mod page;
mod predict;
mod progress;
mod recorded;
mod report;
mod report_page;
mod run_page;
mod shell;
mod show;
mod signals;
mod task;
mod text;
mod train;
mod verify;
mod weights;
mod whole_file;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;
use std::time::Instant;

/// Trains feed-forward neural networks on the CPU.
#[derive(Parser)]
#[command(name = "minibatch", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Look at data: pictures in a grid, the columns of a table
    #[command(after_help = examples::help(&examples::SHOW))]
    Show(Box<show::Args>),
    /// Train a network on images, pictures, a table or arrays, and report how good it is after every epoch
    #[command(after_help = examples::help(&examples::TRAIN))]
    Train(Box<train::Args>),
    /// Evaluate a checkpoint's network on a test set, a table, pictures or arrays
    #[command(after_help = examples::help(&examples::EVAL))]
    Eval(eval::Args),
    /// Show what a checkpoint holds: layers, settings, history, weight hash
    #[command(after_help = examples::help(&examples::INFO))]
    Info(info::Args),
    /// Name the classes that a checkpoint's network sees in pictures, rows of a table or arrays, or the values
    #[command(after_help = examples::help(&examples::PREDICT))]
    Predict(predict::Args),
    /// Write a page of all that is known of a run: curves, mistakes, weights, settings
    #[command(after_help = examples::help(&examples::REPORT))]
    Report(report_page::Args),
    /// Write a checkpoint's network as a file for other programs: ONNX, safetensors, NumPy, JSON
    #[command(after_help = examples::help(&examples::EXPORT))]
    Export(exchange::Export),
    /// Make a checkpoint of a network that was trained elsewhere
    #[command(after_help = examples::help(&examples::IMPORT))]
    Import(exchange::Import),
    /// Draw a layer's weights in colours: of the first layer a picture for each unit
    #[command(after_help = examples::help(&examples::WEIGHTS))]
    Weights(weights::Args),
    /// Compare runs: settings that differ, curves, results and times
    #[command(after_help = examples::help(&examples::COMPARE))]
    Compare(compare::Args),
    /// Train a checkpoint's run again from its start and say whether the bits agree
    #[command(after_help = examples::help(&examples::VERIFY))]
    Verify(verify::Args),
    /// Hold backpropagation against central differences for every pair of cost and output activation
    #[command(after_help = examples::help(&examples::GRADCHECK))]
    Gradcheck(gradcheck::Args),
}

const EXIT_CODES: &str = "Exit codes: 0 success, 1 the run failed, 2 wrong usage, 129, 130 and 143 stopped by SIGHUP, \
                          SIGINT and SIGTERM, 141 the output's reader went away.";

/// The command line, for the programs that write its manual. It isn't an interface of the command.
#[doc(hidden)]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that the process's arguments name.
pub fn main() -> ExitCode {
    let started = Instant::now();
    let prepared = signals::make_errors().map_err(Failure::from);
    match prepared.and_then(|()| parse()).and_then(|command| run(command, started)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Option<Command>, started: Instant) -> Result<(), Failure> {
    match command {
        None => Ok(()),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Train(args)) => train::run(&args, started),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Predict(args)) => predict::run(&args),
        Some(Command::Report(args)) => report_page::run(&args),
        Some(Command::Export(args)) => exchange::export(&args),
        Some(Command::Import(args)) => exchange::import(&args),
        Some(Command::Weights(args)) => weights::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Gradcheck(args)) => gradcheck::run(&args),
    }
}

/// The command, or nothing if clap has printed the help or the version.
fn parse() -> Result<Option<Command>, Failure> {
    let arguments = train::config::expanded(std::env::args_os().collect())?;
    match Cli::try_parse_from(&arguments) {
        Ok(mut cli) => {
            if let Command::Train(args) = &mut cli.command {
                args.configuration = train::config::text(&arguments);
                args.follow_recipe();
            }
            Ok(Some(cli.command))
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                error.print().map(|()| None).map_err(|error| Failure::output(&error))
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Err(Failure::usage("a command is missing; `minibatch --help` lists them"))
            }
            _ => Err(Failure::usage(one_line(&error.to_string()))),
        },
    }
}

/// clap's message without the usage that follows it, on one line.
fn one_line(message: &str) -> String {
    let parts: Vec<&str> = message
        .lines()
        .map(|line| line.trim().trim_start_matches("error: ").trim_matches(['[', ']']))
        .take_while(|line| !line.starts_with("Usage:"))
        // clap's tip to pass an option's name as a value helps nobody here.
        .filter(|line| !["For more information", "tip: to pass "].iter().any(|start| line.starts_with(start)))
        .filter(|line| !line.is_empty())
        .collect();
    format!("{}; see `--help`", parts.join("; ").replace(":; ", ": "))
}
