//! The table, for the terminal and as a dated file.

use xtask_tools::{Machine, Table, head, three_digits};

use super::factors::Row;

const HOW: &str = "Each row names its choices; everything else is left to the recipe (../../docs/recipes.md). \
Every two values of any two columns stand together in a row of the whole table. \
*accuracies*: on 10,000 rows held out of MNIST's training set after five epochs, one for each seed; 0 where the run diverged. \
*floor*: the accuracy that the least of them is held against; `train` warns about choices without one. \
*seconds*: of all seeds, the reading of the data included.";

/// A row, with its accuracies.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) row: Row,
    /// Validation accuracies after the last epoch, one for each seed. 0 for a run that diverged.
    pub(super) accuracies: Vec<f64>,
    pub(super) seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Reached,
    Below,
    /// `train` warns about the choices.
    Told,
}

impl Verdict {
    pub(super) fn name(self) -> &'static str {
        match self {
            Verdict::Reached => "reached",
            Verdict::Below => "below",
            Verdict::Told => "told",
        }
    }
}

impl Measured {
    /// The verdict. The least of the seeds counts.
    pub(super) fn verdict(&self) -> Verdict {
        match self.row.floor() {
            None => Verdict::Told,
            Some(floor) if self.accuracies.iter().all(|accuracy| *accuracy >= floor) => Verdict::Reached,
            Some(_) => Verdict::Below,
        }
    }

    /// The accuracies in percent.
    fn percents(&self) -> String {
        self.accuracies
            .iter()
            .map(|accuracy| format!("{:.2}", 100.0 * accuracy))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn floor(&self) -> String {
        self.row.floor().map_or_else(|| "–".to_owned(), |floor| format!("{:.0}", 100.0 * floor))
    }

    /// One line, without the options.
    pub(super) fn line(&self) -> String {
        let (percents, seconds) = (self.percents(), three_digits(self.seconds));
        match self.verdict() {
            Verdict::Told => format!("{percents}%  {seconds} s  told"),
            verdict => format!("{percents}%  {seconds} s  {} {}%", verdict.name(), self.floor()),
        }
    }
}

/// The numbers of rows that reached their floor, that are below it, and that have none; then the rows below.
pub(super) fn summary(rows: &[Measured]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
    let [reached, below, told] = [Verdict::Reached, Verdict::Below, Verdict::Told].map(count);
    let mut lines = vec![format!(
        "{} rows: {reached} reached their floor, {below} are below it, {told} have none",
        rows.len()
    )];
    let below = rows.iter().filter(|row| row.verdict() == Verdict::Below);
    lines.extend(below.map(|Measured { row, accuracies, .. }| {
        let least = accuracies.iter().copied().fold(f64::INFINITY, f64::min);
        format!("  below: {} {}  {:.2}%", row.number, row.options().join(" "), 100.0 * least)
    }));
    lines.join("\n")
}

fn table(rows: &[Measured]) -> String {
    let mut table = Table::new(&["row", "options", "accuracies, %", "floor, %", "seconds", "verdict"]);
    for measured in rows {
        table.row(vec![
            measured.row.number.to_string(),
            format!("`{}`", measured.row.options().join(" ")),
            measured.percents(),
            measured.floor(),
            three_digits(measured.seconds),
            measured.verdict().name().to_owned(),
        ]);
    }
    table.show()
}

/// The whole record. `measured` says how.
pub(super) fn document(machine: &Machine, command: &str, measured: &str, rows: &[Measured]) -> String {
    let head = head(&format!("Recipes, {}, {}", machine.date, machine.cpu), machine, command, measured);
    let count = summary(rows);
    let count = count.lines().next().unwrap_or_default();
    format!("{head}\n{HOW}\n\n{count}.\n\n{}", table(rows))
}

#[cfg(test)]
mod tests {
    use super::super::factors;
    use super::*;

    fn measured(floor: Option<f64>, accuracies: &[f64]) -> Measured {
        let row = factors::rows().into_iter().find(|row| row.floor() == floor).unwrap();
        Measured { row, accuracies: accuracies.to_vec(), seconds: 1.5 }
    }

    #[test]
    fn the_least_of_the_seeds_counts() {
        assert_eq!(measured(Some(0.93), &[0.93, 0.96]).verdict(), Verdict::Reached);
        assert_eq!(measured(Some(0.93), &[0.96, 0.9299]).verdict(), Verdict::Below);
        assert_eq!(measured(Some(0.91), &[0.92, 0.0]).verdict(), Verdict::Below);
        assert_eq!(measured(None, &[0.1]).verdict(), Verdict::Told);
    }

    #[test]
    fn lines_and_the_summary() {
        let rows =
            [measured(Some(0.93), &[0.95, 0.96]), measured(Some(0.91), &[0.9]), measured(None, &[0.1])];
        assert_eq!(rows[0].line(), "95.00 96.00%  1.50 s  reached 93%");
        assert_eq!(rows[1].line(), "90.00%  1.50 s  below 91%");
        assert_eq!(rows[2].line(), "10.00%  1.50 s  told");
        let summary = summary(&rows);
        let below = format!("  below: {} {}  90.00%", rows[1].row.number, rows[1].row.options().join(" "));
        assert_eq!(summary, format!("3 rows: 1 reached their floor, 1 are below it, 1 have none\n{below}"));
        assert_eq!(table(&rows).lines().count(), 5);
    }
}
