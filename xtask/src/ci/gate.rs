//! The main job for a few epochs on real MNIST, and the accuracy that it must reach.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask_tools::{CommandLine, Outcome};

/// The command for three epochs of the default recipe.
const TRAIN: &str = "run --release -- train --epochs 3";
/// The accuracy that the epochs must reach on the test set, in percent.
const REQUIRED: f64 = 92.0;

pub(super) fn train(root: &Path) -> Result<Outcome> {
    let command = CommandLine::cargo(TRAIN);
    let output = command.run_and_read(root)?;
    let reached = check(&output, REQUIRED).with_context(|| format!("`{command}`"))?;
    println!("accuracy {reached:.2}%, required {REQUIRED}%");
    Ok(Outcome::Passed)
}

/// The last accuracy that `output` names, if it is at least `required` percent.
fn check(output: &str, required: f64) -> Result<f64> {
    let reached = output.lines().rev().find_map(accuracy);
    let reached = reached.context("no line of the output names an accuracy as `95.31% (9531/10000)`")?;
    ensure!(reached >= required, "test accuracy {reached:.2}%, required {required}%");
    Ok(reached)
}

/// The percentage in a line that contains `95.31% (9531/10000)`, recomputed from the count.
/// `None` if there is none or the two disagree.
fn accuracy(line: &str) -> Option<f64> {
    line.match_indices("% (").find_map(|(at, separator)| {
        let shown = line[..at].rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let shown: f64 = shown.parse().ok()?;
        let (count, _) = line[at + separator.len()..].split_once(')')?;
        let (hits, total) = count.split_once('/')?;
        let (hits, total): (u32, u32) = (hits.parse().ok()?, total.parse().ok()?);
        let exact = 100.0 * f64::from(hits) / f64::from(total);
        ((shown - exact).abs() <= 0.01 && hits <= total).then_some(exact)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_read_from_a_line() {
        assert_eq!(accuracy("epoch 3  cost 0.0512  95.31% (9531/10000)  1.9 M samples/s"), Some(95.31));
        assert_eq!(accuracy("12.5% (done) 100.00% (10/10)"), Some(100.0));
        assert_eq!(accuracy("33.33% (1/3)"), Some(100.0 / 3.0));
        for line in [
            "",
            "95.31%",
            "95.31% (9531)",
            "95.31% (9531/10000",
            "95.31% (a/b)",
            "95.31% (9431/10000)",
            "0.00% (0/0)",
            "NaN% (1/2)",
            "150.00% (3/2)",
            "é% (1/1)",
        ] {
            assert_eq!(accuracy(line), None, "{line}");
        }
    }

    #[test]
    fn the_last_epoch_counts() {
        let output = "epoch 1 95.00% (95/100)\nepoch 2 91.99% (9199/10000)\nsaved nothing\n";
        assert_eq!(check(output, 91.99).unwrap(), 91.99);
        assert_eq!(check(output, 92.0).unwrap_err().to_string(), "test accuracy 91.99%, required 92%");
        assert!(check("epoch 1\n", 1.0).is_err());
    }
}
