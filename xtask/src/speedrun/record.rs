//! The table, for the terminal and as a dated file.

use xtask_tools::{Machine, Table, head, three_digits};

use super::figures::Figures;
use super::presets::Preset;

const HOW: &str = "Each preset of ../presets on MNIST: 60,000 training examples, and the accuracy on the 10,000 of the test set after the last \
epoch, whose number was fixed beforehand. *training*: the median of the seconds in steps, with the least and the most. *process*: the median of the seconds of the \
whole process, which reads the data and evaluates the test set after each epoch. *goal*: the seconds of training that are aimed at on two cores of 240 GFLOP/s each, in \
proportion to the register peak measured here. *waiting*: the part of the time in which some process waited for a core, as Linux tells it. \
Where it isn't near 0, other processes used the cores, and times are upper bounds. A row of JAX is the same recipe in \
../peers/python/jax_speedrun.py, in turns with the row before it; compiling isn't in its training.";

/// A preset's figures, with the circumstances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) preset: Preset,
    /// The other trainer that trained it, if one did.
    pub(super) trainer: Option<&'static str>,
    pub(super) figures: Figures,
    /// The part of the time in which some process waited for a core, if the system tells it.
    pub(super) waiting: Option<f64>,
}

impl Row {
    /// What the preset reached of its goals, for a machine of `peak` FLOP/s.
    pub(super) fn verdict(&self, peak: f64) -> String {
        let is_accurate = self.figures.mean >= self.preset.accuracy;
        let is_fast = self.preset.goal(peak).is_none_or(|goal| self.figures.training.median <= goal);
        match (is_accurate, is_fast) {
            (true, true) => "reached",
            (true, false) => "too slow",
            (false, true) => "too low",
            (false, false) => "too low, too slow",
        }
        .to_owned()
    }
}

/// The table of `rows`, for a machine of `peak` FLOP/s.
pub(super) fn table(rows: &[Row], peak: f64) -> String {
    let header = [
        "preset",
        "to reach",
        "mean ± deviation",
        "range",
        "seeds",
        "training, s",
        "goal, s",
        "process, s",
        "waiting",
        "verdict",
    ];
    let mut table = Table::new(&header);
    for row in rows {
        let Row { preset, trainer, figures, waiting } = row;
        let Figures { mean, deviation, accuracy, training, process, runs } = figures;
        table.row(vec![
            format!(
                "mnist-{}{}",
                preset.name,
                trainer.map_or_else(String::new, |trainer| format!(", {trainer}"))
            ),
            format!("{:.1}%", 100.0 * preset.accuracy),
            format!("{:.2}% ± {:.2}", 100.0 * mean, 100.0 * deviation),
            format!("{:.2}–{:.2}%", 100.0 * accuracy.least, 100.0 * accuracy.most),
            runs.to_string(),
            training.show(1.0),
            preset.goal(peak).map_or_else(|| "–".to_owned(), three_digits),
            three_digits(process.median),
            waiting.map_or_else(|| "–".to_owned(), |waiting| format!("{:.0}%", 100.0 * waiting)),
            row.verdict(peak),
        ]);
    }
    table.show()
}

/// The whole record. `measured` says how.
pub(super) fn document(machine: &Machine, command: &str, measured: &str, peak: f64, rows: &[Row]) -> String {
    let head = head(&format!("Speedrun, {}, {}", machine.date, machine.cpu), machine, command, measured);
    format!("{head}\n{HOW}\n\n{}", table(rows, peak))
}

#[cfg(test)]
mod tests {
    use super::super::figures::Run;
    use super::super::presets::PRESETS;
    use super::*;

    fn row(preset: Preset, accuracy: f64, training: f64) -> Row {
        let run = |accuracy| Run { accuracy, training, process: 4.0 * training };
        Row {
            preset,
            trainer: None,
            figures: Figures::of(&[run(accuracy), run(accuracy + 0.002)]).unwrap(),
            waiting: None,
        }
    }

    #[test]
    fn a_row_for_each_preset() {
        let rows = [
            row(PRESETS[0], 0.9705, 0.15),
            Row { waiting: Some(0.254), ..row(PRESETS[1], 0.9785, 0.7) },
            row(PRESETS[5], 0.9885, 100.0),
        ];
        let expected = "\
| preset        | to reach | mean ± deviation | range        | seeds | training, s         | goal, s | process, s | waiting | verdict           |
|---------------|----------|------------------|--------------|-------|---------------------|---------|------------|---------|-------------------|
| mnist-97      | 97.0%    | 97.15% ± 0.14    | 97.05–97.25% | 2     | 0.150 (0.150–0.150) | 0.160   | 0.600      | –       | reached           |
| mnist-98      | 98.0%    | 97.95% ± 0.14    | 97.85–98.05% | 2     | 0.700 (0.700–0.700) | 0.600   | 2.80       | 25%     | too low, too slow |
| mnist-dropout | 98.9%    | 98.95% ± 0.14    | 98.85–99.05% | 2     | 100 (100–100)       | –       | 400        | –       | reached           |
";
        assert_eq!(table(&rows, 240e9), expected);
    }

    #[test]
    fn verdicts() {
        let verdict = |accuracy, training| row(PRESETS[0], accuracy, training).verdict(480e9);
        assert_eq!(verdict(0.9701, 0.07), "reached");
        assert_eq!(verdict(0.9701, 0.09), "too slow");
        assert_eq!(verdict(0.968, 0.07), "too low");
    }
}
