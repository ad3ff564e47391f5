//! `minibatch gradcheck`: every pair of cost and output activation against central differences.

use crate::failure::Failure;
use crate::report::{Event, Report};
use crate::text::grouped;
use crate::{machine, numbers};
use minibatch::gradcheck::{Check, check_all};
use serde::Serialize;
use std::io::{self, Write};

/// The options of `gradcheck`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Seed of the networks and examples
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = numbers::seed)]
    seed: u64,

    #[command(flatten)]
    machine: machine::Args,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The outcome.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "gradcheck")]
struct Checked {
    passed: bool,
    isa: &'static str,
    networks: usize,
    pairs: Vec<Pair>,
}

/// The checks of one cost with one output activation, in networks of one, two and three layers.
#[derive(Debug, Serialize)]
struct Pair {
    cost: String,
    output_activation: String,
    networks: usize,
    /// Weights and biases compared.
    compared: usize,
    /// Weights and biases left out, because a difference would have reached over a kink.
    skipped: usize,
    /// The largest error, relative to the largest gradient of its network.
    largest_error: f64,
    failures: Vec<String>,
}

impl Pair {
    fn add(&mut self, check: &Check) {
        self.networks += 1;
        self.compared += check.compared;
        self.skipped += check.skipped;
        self.largest_error = self.largest_error.max(check.largest_error);
        let network = check.activations.join(", ");
        self.failures.extend(check.failures.iter().map(|failure| format!("{network}: {failure}")));
    }
}

impl Event for Checked {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let header = ("cost", "output", "networks", "compared", "largest relative error");
        writeln!(out, "{:<26}{:<18}{:>8}{:>10}  {}", header.0, header.1, header.2, header.3, header.4)?;
        for Pair { cost, output_activation, networks, compared, largest_error, failures, .. } in &self.pairs {
            let compared = grouped(*compared);
            let wrong = if failures.is_empty() { "" } else { "  wrong" };
            writeln!(
                out,
                "{cost:<26}{output_activation:<18}{networks:>8}{compared:>10}  {largest_error:.1e}{wrong}"
            )?;
        }
        self.pairs
            .iter()
            .flat_map(|pair| &pair.failures)
            .try_for_each(|failure| writeln!(out, "{failure}"))?;
        if self.passed {
            let (networks, pairs, isa) = (grouped(self.networks), self.pairs.len(), self.isa);
            writeln!(
                out,
                "\n{networks} networks of 1, 2 and 3 layers, {pairs} pairs, on {isa}: the gradients are those of the costs."
            )?;
        }
        Ok(())
    }
}

/// Checks.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let pool = args.machine.pool()?;
    let mut pairs: Vec<Pair> = Vec::new();
    for check in check_all(&pool, args.seed)? {
        let output = check.activations.last().cloned().unwrap_or_default();
        let same = |pair: &Pair| (&pair.cost, &pair.output_activation) == (&check.cost, &output);
        if !pairs.last().is_some_and(same) {
            pairs.push(Pair {
                cost: check.cost.clone(),
                output_activation: output,
                networks: 0,
                compared: 0,
                skipped: 0,
                largest_error: 0.0,
                failures: Vec::new(),
            });
        }
        pairs.last_mut().expect("pushed if there was none").add(&check);
    }
    let wrong = pairs.iter().filter(|pair| !pair.failures.is_empty()).count();
    let networks = pairs.iter().map(|pair| pair.networks).sum();
    let checked = Checked { passed: wrong == 0, isa: pool.isa().name(), networks, pairs };
    Report::new(args.json).print(&checked)?;
    match wrong {
        0 => Ok(()),
        wrong => {
            let pairs = checked.pairs.len();
            Err(Failure::Run(format!("the gradients of {wrong} of {pairs} pairs are not those of the cost")))
        }
    }
}
