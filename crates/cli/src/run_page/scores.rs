//! The confusion matrix, and tables of classes, labels or values.

use super::{Judged, RunPage};
use crate::page::{Cell, Table, Tint, paragraph};
use crate::report::Labels;
use crate::text::{figure, grouped, percent};
use minibatch::{ClassMean, ClassMetrics, ClassScore, Fit, LabelMetrics, Measures, ValueMetrics};

/// Classes of a matrix at most. Of more, a table has the most frequent mistakes.
const LARGEST_MATRIX: usize = 40;
/// Rows of a table of classes, labels or outputs at most. Of more it has the worst.
const MOST_ROWS: usize = 200;

/// The heading and the section.
pub(super) fn html(page: &RunPage<'_>, labels: &Labels) -> (&'static str, String) {
    let judged = match &page.judged {
        Ok(judged) => judged,
        Err(why) => return ("Scores in detail", paragraph(why)),
    };
    match judged.measures {
        Measures::Classes(classes) => {
            ("Classes", of_answers(classes, labels, judged) + &of_classes(classes, labels, judged))
        }
        Measures::Labels(all) => ("Labels", of_labels(all, labels, judged)),
        Measures::Values(values) => ("Values", of_values(values, labels, judged)),
        _ => ("Scores in detail", String::new()),
    }
}

/// The confusion matrix, or if it is too large the most frequent mistakes.
fn of_answers(classes: &ClassMetrics, labels: &Labels, judged: &Judged<'_>) -> String {
    let set = judged.set.words();
    let Some(matrix) = classes.confusion.as_deref().filter(|matrix| matrix.len() <= LARGEST_MATRIX) else {
        let title = format!("The most frequent mistakes on the {set}");
        let mut table = Table::new(title, ["class", "answer", "examples"]);
        for mistake in &classes.mistakes {
            let cells = [Cell::new(labels.name(mistake.answer)), Cell::new(grouped(mistake.examples))];
            table.row(labels.name(mistake.class), cells);
        }
        return table.html();
    };
    let heads =
        std::iter::once("class ↓ answer →".to_owned()).chain((0..matrix.len()).map(|j| labels.name(j)));
    let title = format!("Confusion matrix of the {set}: how often each class had each answer");
    let mut table = Table::new(title, heads).with_squares();
    let shares = |row: &[usize]| {
        let all = row.iter().sum::<usize>().max(1) as f64;
        row.iter().map(|&count| count as f64 / all).collect::<Vec<_>>()
    };
    // Mistakes are few. The most frequent one has the strongest colour.
    let wrong = matrix.iter().enumerate().flat_map(|(i, row)| {
        shares(row).into_iter().enumerate().filter(move |(j, _)| *j != i).map(|(_, share)| share)
    });
    let most = wrong.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    for (i, row) in matrix.iter().enumerate() {
        let cells = row.iter().zip(shares(row)).enumerate().map(|(j, (&count, share))| {
            let (tint, strength) =
                if i == j { (Tint::Good, share) } else { (Tint::Bad, (share / most).sqrt()) };
            Cell::new(grouped(count)).named(format!("confusion-{i}-{j}"), &count).tinted(tint, strength)
        });
        table.row(labels.name(i), cells);
    }
    table.html()
}

/// Precision, recall and F1 of each class, and their means.
fn of_classes(classes: &ClassMetrics, labels: &Labels, judged: &Judged<'_>) -> String {
    let means = [("macro mean", classes.macro_mean), ("weighted mean", classes.weighted_mean)];
    of_scores("class", &classes.by_class, |score| score.recall, "recall", &means, labels, judged)
}

/// Precision, recall and F1 of each label, and their means.
fn of_labels(all: &LabelMetrics, labels: &Labels, judged: &Judged<'_>) -> String {
    let means = [
        ("micro mean", all.micro_mean),
        ("macro mean", all.macro_mean),
        ("weighted mean", all.weighted_mean),
    ];
    of_scores("label", &all.by_label, |score| score.f1, "F1", &means, labels, judged)
}

/// A row of scores for each class or label. If there are too many, those for which `by`, which `measure` names, is lowest.
fn of_scores(
    kind: &str,
    all: &[ClassScore],
    by: impl Fn(&ClassScore) -> f64,
    measure: &str,
    means: &[(&str, ClassMean)],
    labels: &Labels,
    judged: &Judged<'_>,
) -> String {
    let mut shown: Vec<&ClassScore> = all.iter().collect();
    let set = judged.set.words();
    let mut title = format!("Precision, recall and F1 by {kind} on the {set}");
    if shown.len() > MOST_ROWS {
        shown.sort_by(|one, other| by(one).total_cmp(&by(other)));
        shown.truncate(MOST_ROWS);
        title.push_str(&format!(", the {MOST_ROWS} of the lowest {measure}"));
    }
    let mut table = Table::new(title, [kind, "precision", "recall", "F1", "examples"]);
    let share = |name: &str, of: &str, x: f64| Cell::new(percent(x)).named(format!("{name}-{of}"), &x);
    for ClassScore { class, precision, recall, f1, support, .. } in shown {
        let of = class.to_string();
        let cells = [("precision", precision), ("recall", recall), ("f1", f1)];
        let cells = cells.map(|(name, x)| share(name, &of, *x));
        let support = Cell::new(grouped(*support)).named(format!("support-{of}"), support);
        table.row(labels.name(*class), cells.into_iter().chain([support]));
    }
    let examples: usize = all.iter().map(|score| score.support).sum();
    for (name, ClassMean { precision, recall, f1, .. }) in means {
        let of = name.replace(' ', "-");
        let cells = [("precision", precision), ("recall", recall), ("f1", f1)];
        let cells = cells.map(|(name, x)| share(name, &of, *x));
        table.row(*name, cells.into_iter().chain([Cell::new(grouped(examples))]));
    }
    table.html()
}

/// The fit of each output, and the means.
fn of_values(values: &ValueMetrics, labels: &Labels, judged: &Judged<'_>) -> String {
    let mut shown: Vec<(usize, &Fit)> = values.by_output.iter().enumerate().collect();
    let mut title = format!("The fit of each value on the {}", judged.set.words());
    if shown.len() > MOST_ROWS {
        shown.sort_by(|(_, one), (_, other)| one.r_squared.total_cmp(&other.r_squared));
        shown.truncate(MOST_ROWS);
        title.push_str(&format!(", the {MOST_ROWS} of the lowest R²"));
    }
    let mut table = Table::new(title, ["value", "RMSE", "MAE", "R²"]);
    let cells = |of: &str, fit: &Fit| {
        let all = [("rmse", fit.rmse), ("mae", fit.mae), ("r-squared", fit.r_squared)];
        all.map(|(name, x)| Cell::new(figure(x)).named(format!("{name}-{of}"), &x))
    };
    for (output, fit) in shown {
        table.row(labels.name(output), cells(&output.to_string(), fit));
    }
    if values.by_output.len() > 1 {
        table.row("mean", cells("mean", &values.mean));
    }
    table.html()
}
