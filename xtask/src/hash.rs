//! The weight hash of the default job. It is recorded in the repository, so that every other machine can compare its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xtask_tools::{CommandLine, Outcome};

/// The command that trains the default job.
const TRAIN: &str = "run --release -- train --json";
/// The file of its recorded result.
const RECORD: &str = "reference/default-job.json";
/// The command that records it anew.
const RERECORD: &str = "cargo xtask record-hash";

/// Train the default job and record its weight hash, which `cargo xtask ci` then demands
#[derive(clap::Args)]
pub(crate) struct Args {}

/// The result of the default job, on any machine with fused multiply-add.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    command: String,
    seed: u64,
    epochs: u64,
    last_test_accuracy: f64,
    weight_hash: String,
}

/// Records the result.
pub(crate) fn record(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let Some(record) = train(&root)? else {
        bail!("this machine has no fused multiply-add: the hash to record is that of those that have");
    };
    let path = root.join(RECORD);
    let text = serde_json::to_string_pretty(&record)? + "\n";
    fs::write(&path, text).with_context(|| path.display().to_string())?;
    println!("recorded {} in {RECORD}", record.weight_hash);
    Ok(())
}

/// Compares this machine's result with the recorded one.
pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let text =
        fs::read_to_string(root.join(RECORD)).with_context(|| format!("{RECORD}; {RERECORD} writes it"))?;
    let recorded: Record = serde_json::from_str(&text).context(RECORD)?;
    let Some(found) = train(root)? else {
        return Ok(Outcome::Skipped("no fused multiply-add here, so the bits are others".to_owned()));
    };
    ensure!(
        found == recorded,
        "the default job ends with {found:?}, recorded in {RECORD} is {recorded:?}; if the bits were meant to change, \
         {RERECORD} records the new ones"
    );
    println!("weight hash {} as recorded", found.weight_hash);
    Ok(Outcome::Passed)
}

/// Trains. `None` if this machine's arithmetic is of another class.
fn train(root: &Path) -> Result<Option<Record>> {
    let command = CommandLine::cargo(TRAIN);
    let output = command.run_and_read(root)?;
    parse(&output).with_context(|| format!("`{command}`"))
}

fn parse(output: &str) -> Result<Option<Record>> {
    let events = output.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let [plan, .., last, end] = &events[..] else {
        bail!("expected a plan, epochs and an end, found {output:?}")
    };
    if plan["isa"] == "matrixmultiply" {
        return Ok(None);
    }
    let missing = |name: &'static str| move || format!("no {name} in the output");
    Ok(Some(Record {
        command: "minibatch train".to_owned(),
        seed: plan["seed"].as_u64().with_context(missing("seed"))?,
        epochs: plan["epochs"].as_u64().with_context(missing("epochs"))?,
        last_test_accuracy: last["test"]["accuracy"].as_f64().with_context(missing("test accuracy"))?,
        weight_hash: end["weight_hash"].as_str().with_context(missing("weight hash"))?.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_read_from_the_output() {
        let output = |isa: &str| {
            format!(
                "{{\"event\":\"plan\",\"seed\":3,\"epochs\":2,\"isa\":\"{isa}\"}}\n\
                 {{\"event\":\"epoch\",\"test\":{{\"accuracy\":0.25}}}}\n\
                 {{\"event\":\"epoch\",\"test\":{{\"accuracy\":0.5}}}}\n\
                 {{\"event\":\"end\",\"weight_hash\":\"0123456789abcdef\"}}\n"
            )
        };
        let record = parse(&output("avx2")).unwrap().unwrap();
        let expected = Record {
            command: "minibatch train".to_owned(),
            seed: 3,
            epochs: 2,
            last_test_accuracy: 0.5,
            weight_hash: "0123456789abcdef".to_owned(),
        };
        assert_eq!(record, expected);
        assert_eq!(serde_json::from_str::<Record>(&serde_json::to_string(&record).unwrap()).unwrap(), record);
        assert_eq!(parse(&output("matrixmultiply")).unwrap(), None);
        assert!(parse("").is_err() && parse("{}\n{}\n{}\n").is_err());
    }
}
