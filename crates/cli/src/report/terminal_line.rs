//! The line of an epoch on a terminal.

use crate::draw::color::{RIGHT, Rgb};
use crate::draw::{Terminal, sparkline};
use crate::text::{figure, percent, short_rate};
use minibatch::{Epoch, Evaluation};

/// The columns of a line at most.
const COLUMNS: usize = 80;

/// The costs in a sparkline at most.
pub(crate) const COSTS: usize = 8;

/// The additions to the epoch's own figures in a line on a terminal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OnTerminal {
    pub(crate) terminal: Terminal,
    /// The training costs of the last epochs, this one included.
    costs: Vec<f64>,
    /// Whether the epoch is the best so far.
    is_best: bool,
    /// Whether η moves in this run.
    rate_moves: bool,
}

/// Figures of an epoch that its record doesn't have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Derived {
    /// The last epoch's number.
    pub(crate) epochs: usize,
    /// The training accuracy.
    pub(crate) accuracy: Option<f64>,
    pub(crate) samples_per_second: f64,
}

/// The parts that a line may leave out.
#[derive(Clone, Copy)]
struct Parts {
    costs: usize,
    rate: bool,
    training: bool,
    validation: bool,
    speed: bool,
}

/// The choices of parts, from all of them to the fewest. A line has the first that fits.
const CHOICES: [Parts; 7] = {
    let all = Parts { costs: COSTS, rate: true, training: true, validation: true, speed: true };
    let no_speed = Parts { speed: false, ..all };
    let few_costs = Parts { costs: COSTS / 2, ..no_speed };
    let no_costs = Parts { costs: 0, ..no_speed };
    let no_rate = Parts { rate: false, ..no_costs };
    let no_training = Parts { training: false, ..no_rate };
    [all, no_speed, few_costs, no_costs, no_rate, no_training, Parts { validation: false, ..no_training }]
};

impl OnTerminal {
    /// The look of an epoch's line. `costs` are the training costs up to this epoch, of which the last ones are shown. `rate_moves` is
    /// true if the run's η isn't constant.
    pub(crate) fn new(
        terminal: Terminal,
        costs: impl IntoIterator<Item = f64>,
        is_best: bool,
        rate_moves: bool,
    ) -> OnTerminal {
        OnTerminal { terminal, costs: costs.into_iter().collect(), is_best, rate_moves }
    }

    /// The line.
    pub(crate) fn line(&self, epoch: &Epoch, derived: &Derived) -> String {
        let most = self.terminal.columns.min(COLUMNS);
        let lines = CHOICES.map(|parts| self.spans(epoch, derived, parts));
        let width = |spans: &[Span]| spans.iter().map(|(text, _)| text.chars().count()).sum::<usize>();
        let [.., last] = &lines;
        let spans = lines.iter().find(|spans| width(spans) <= most).unwrap_or(last);
        let painted = spans.iter().map(|(text, color)| match color {
            Some(color) => self.terminal.paint(text, *color),
            None => text.clone(),
        });
        painted.collect::<String>().trim_end().to_owned()
    }

    fn spans(&self, epoch: &Epoch, derived: &Derived, parts: Parts) -> Vec<Span> {
        let width = derived.epochs.to_string().len();
        let mut spans = vec![
            (format!("{:>width$}/{}", epoch.number, derived.epochs), None),
            (format!("  cost {:<7}", figure(epoch.cost)), None),
        ];
        if parts.costs > 0 {
            let from = self.costs.len().saturating_sub(parts.costs);
            let bars = sparkline(&self.costs[from..]);
            spans.push((
                format!(" {bars:<columns$}", columns = parts.costs),
                Some(crate::draw::Chart::color(0)),
            ));
        }
        if let Some(accuracy) = derived.accuracy.filter(|_| parts.training) {
            spans.push((format!("  train {:>6}", percent(accuracy)), None));
        }
        let best = self.is_best.then_some(RIGHT);
        // The validation set judges where there is one.
        let judged = if epoch.validation.is_some() { [best, None] } else { [None, best] };
        let sets = [("val", epoch.validation.filter(|_| parts.validation)), ("test", epoch.test)];
        for ((name, evaluation), color) in sets.into_iter().zip(judged) {
            if let Some(evaluation) = evaluation {
                spans.push((format!("  {name}"), None));
                spans.push((score(&evaluation), color));
            }
        }
        if let Some(rate) = epoch.learning_rate.filter(|_| self.rate_moves && parts.rate) {
            spans.push((format!("  η {rate:.1e}"), None));
        }
        if parts.speed {
            spans.push((format!("  {:>8}", short_rate(derived.samples_per_second)), None));
        }
        spans
    }
}

/// Text, and its colour if it has one.
type Span = (String, Option<Rgb>);

/// An evaluation's accuracy, or else its error.
fn score(evaluation: &Evaluation) -> String {
    match (evaluation.accuracy(), evaluation.fit()) {
        (Some(accuracy), _) => format!(" {:>6}", percent(accuracy)),
        (None, Some(fit)) => format!(" RMSE {:<7}", figure(fit.rmse)),
        (None, None) => format!(" cost {:<7}", figure(evaluation.cost)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Colors;
    use serde_json::{Value, json};

    fn terminal(colors: Colors, columns: usize) -> Terminal {
        Terminal { colors, columns, is_terminal: true }
    }

    fn evaluation(kind: &str) -> Value {
        match kind {
            "classes" => json!({"cost": 0.01, "correct": 9981, "accuracy": 0.9981, "examples": 10000}),
            "perfect" => json!({"cost": 1e-9, "correct": 10000, "accuracy": 1.0, "examples": 10000}),
            "values" => {
                json!({"cost": 0.1234, "rmse": 0.4968, "mae": 0.3, "r_squared": 0.9, "examples": 10000})
            }
            _ => {
                json!({"cost": 1e-300, "rmse": 1.2345e-101, "mae": 1e-101, "r_squared": 0.9, "examples": 10})
            }
        }
    }

    fn epoch(number: usize, cost: f64, validation: Option<&str>, test: Option<&str>) -> Epoch {
        let [validation, test] = [validation, test].map(|kind| kind.map(evaluation));
        let epoch = json!({"epoch": number, "cost": cost, "correct": 59000, "learning_rate": 0.1, "validation": validation,
                           "test": test, "training_seconds": 0.5});
        serde_json::from_value(epoch).unwrap()
    }

    /// Every kind of run, beside a terminal of 80 columns.
    #[test]
    fn every_line_stays_within_80_columns() {
        let mut widest = 0;
        for kind in ["classes", "perfect", "values", "tiny"] {
            for (validation, test) in [(true, true), (true, false), (false, true), (false, false)] {
                for (epochs, cost, rate_moves) in
                    [(9, 0.1234, false), (999, 0.1234, true), (99_999, -1.2345e-101, true)]
                {
                    let [validation, test] = [validation, test].map(|is| is.then_some(kind));
                    let costs = (1..10).map(|n| cost / f64::from(n));
                    let look = OnTerminal::new(terminal(Colors::True, 200), costs, true, rate_moves);
                    let is_of_classes = matches!(kind, "classes" | "perfect");
                    let accuracy = (is_of_classes && validation.is_some()).then_some(1.0);
                    let derived = Derived { epochs, accuracy, samples_per_second: 123_456_789.0 };
                    let last = epoch(epochs, cost, validation, test);
                    let line = look.line(&last, &derived);
                    let width = console::measure_text_width(&line);
                    assert!(width <= 80, "{width}: {line}");
                    widest = widest.max(width);
                    // What matters most is there.
                    let plain = console::strip_ansi_codes(&line).into_owned();
                    let shown = [Some("cost"), validation.map(|_| "val"), test.map(|_| "test")];
                    assert!(shown.into_iter().flatten().all(|word| plain.contains(word)), "{plain}");
                    if epochs < 1000 {
                        assert_eq!(plain.contains('η'), rate_moves, "{plain}");
                    }
                }
            }
        }
        assert!(widest > 70, "{widest}");
    }

    #[test]
    fn a_line_has_bars_and_the_best_in_colour() {
        let history: Vec<Epoch> =
            (1..=3).map(|n| epoch(n, 0.3 / n as f64, Some("classes"), Some("classes"))).collect();
        let derived = Derived { epochs: 30, accuracy: Some(0.98333), samples_per_second: 1_234_567.0 };
        let line = |colors, columns, is_best| {
            let costs = history.iter().map(|epoch| epoch.cost);
            OnTerminal::new(terminal(colors, columns), costs, is_best, false).line(&history[2], &derived)
        };
        let plain = " 3/30  cost 0.1000  █▃▁       train 98.33%  val 99.81%  test 99.81%  1.23 M/s";
        assert_eq!(line(Colors::None, 80, true), plain);
        assert_eq!(console::strip_ansi_codes(&line(Colors::True, 80, true)), plain);
        assert!(line(Colors::True, 80, true).contains("val\x1b[38;2;0;158;115m 99.81%\x1b[39m  test 99.81%"));
        assert!(!line(Colors::True, 80, false).contains("158;115m"));
        // A narrower terminal has less.
        assert_eq!(
            line(Colors::None, 60, true),
            " 3/30  cost 0.1000   train 98.33%  val 99.81%  test 99.81%"
        );
    }
}
