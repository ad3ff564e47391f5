//! A run's results, and the figures of several runs.

use anyhow::{Context, Result};
use xtask_tools::Summary;

use crate::trained::Trained;

/// The results of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    /// Accuracy on the test set after the last epoch.
    pub(super) accuracy: f64,
    /// Seconds in steps.
    pub(super) training: f64,
    /// Seconds of the whole process.
    pub(super) process: f64,
}

impl Run {
    /// The run whose `train --json` printed `output`, on so many threads, in a process of so many seconds.
    pub(super) fn read(output: &str, threads: usize, process: f64) -> Result<Self> {
        let Trained { last, end } = Trained::read(output, threads)?;
        let accuracy = last["test"]["accuracy"].as_f64().context("no test accuracy in the last epoch")?;
        let training = end["training_seconds"].as_f64().context("no training seconds at the end")?;
        Ok(Self { accuracy, training, process })
    }
}

/// The figures of a preset's runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) runs: usize,
    /// The mean accuracy.
    pub(super) mean: f64,
    /// The standard deviation of the accuracies, that of a sample: divided by n − 1. 0 for one run.
    pub(super) deviation: f64,
    pub(super) accuracy: Summary,
    pub(super) training: Summary,
    pub(super) process: Summary,
}

impl Figures {
    /// The figures of `runs`. `None` if there are none.
    pub(super) fn of(runs: &[Run]) -> Option<Self> {
        let of = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<_>>();
        let accuracies = of(|run| run.accuracy);
        let mean = accuracies.iter().sum::<f64>() / runs.len() as f64;
        let squares: f64 = accuracies.iter().map(|accuracy| (accuracy - mean).powi(2)).sum();
        Some(Self {
            runs: runs.len(),
            mean,
            deviation: (squares / runs.len().saturating_sub(1).max(1) as f64).sqrt(),
            accuracy: Summary::of(&accuracies)?,
            training: Summary::of(&of(|run| run.training))?,
            process: Summary::of(&of(|run| run.process))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(threads: usize, epoch: usize) -> String {
        format!(
            "{{\"event\":\"plan\",\"epochs\":2,\"threads\":{threads}}}\n\
             {{\"event\":\"epoch\",\"epoch\":1,\"test\":{{\"accuracy\":0.99}}}}\n\
             {{\"event\":\"epoch\",\"epoch\":{epoch},\"test\":{{\"accuracy\":0.5}}}}\n\
             {{\"event\":\"end\",\"training_seconds\":0.25}}\n"
        )
    }

    #[test]
    fn the_last_epoch_counts_not_the_best() {
        let run = Run::read(&output(2, 2), 2, 3.0).unwrap();
        assert_eq!(run, Run { accuracy: 0.5, training: 0.25, process: 3.0 });
    }

    #[test]
    fn other_threads_and_runs_that_end_early_are_refused() {
        for output in [output(1, 2), output(2, 1), String::new(), "{}\n{}\n{}\n".to_owned()] {
            assert!(Run::read(&output, 2, 3.0).is_err(), "{output}");
        }
    }

    #[test]
    fn figures_of_some_runs() {
        let run = |accuracy, training| Run { accuracy, training, process: 2.0 * training };
        let figures = Figures::of(&[run(0.5, 1.0), run(0.75, 9.0), run(1.0, 2.0), run(0.75, 3.0)]).unwrap();
        assert_eq!((figures.runs, figures.mean), (4, 0.75));
        assert!((figures.deviation - (0.125_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!((figures.accuracy.least, figures.accuracy.most), (0.5, 1.0));
        assert_eq!((figures.training.median, figures.process.median), (2.5, 5.0));
        assert_eq!(Figures::of(&[run(0.5, 1.0)]).unwrap().deviation, 0.0);
        assert!(Figures::of(&[]).is_none());
    }
}
