//! Metrics as text: rows for a summary, tables, and the short form that ends a run.

use super::Labels;
use crate::draw::{Colors, Terminal, color};
use crate::text::{figure, grouped, percent};
use minibatch::{ClassMean, ClassMetrics, ClassScore, Fit, LabelMetrics, Measures, ValueMetrics};
use std::io::{self, Write};

/// Classes or outputs that a table shows at most. Of more it shows the worst.
const SHOWN: usize = 20;

/// The rows of a summary.
pub(crate) fn metric_rows(measures: &Measures) -> Vec<(&'static str, String)> {
    if let Measures::Labels(labels) = measures {
        return vec![("Hamming loss", figure(labels.hamming_loss))];
    }
    let Measures::Classes(classes) = measures else { return Vec::new() };
    let rows = [
        ("top-k accuracy", (!classes.top.is_empty()).then(|| top(classes))),
        ("log loss", classes.log_loss.map(figure)),
        ("calibration", classes.calibration_error.map(|error| format!("expected error {}", figure(error)))),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// `top-2 97.93%, top-3 99.01%`
fn top(classes: &ClassMetrics) -> String {
    let top = classes.top.iter().map(|top| format!("top-{} {}", top.k, percent(top.accuracy)));
    top.collect::<Vec<_>>().join(", ")
}

/// The short form, for the end of a run. `None` if it would say nothing new.
pub(crate) fn in_short(measures: &Measures, labels: &Labels) -> Option<String> {
    match measures {
        Measures::Classes(classes) => {
            let worst = classes.worst()?;
            let loss = classes.log_loss.map(|loss| format!("log loss {}", figure(loss)));
            let top = classes.top.first().map(|top| format!("top-{} {}", top.k, percent(top.accuracy)));
            let mean = Some(format!("mean F1 {}", percent(classes.macro_mean.f1)));
            let worst =
                format!("lowest recall {}, of class {}", percent(worst.recall), labels.name(worst.class));
            let figures = loss.into_iter().chain(top).chain(mean).collect::<Vec<_>>().join(", ");
            Some(format!("{figures}; {worst}"))
        }
        Measures::Labels(metrics) => {
            let [micro, macro_] = [metrics.micro_mean, metrics.macro_mean].map(|mean| percent(mean.f1));
            let worst = metrics.worst().map_or_else(String::new, |worst| {
                format!("; lowest F1 {}, of label {}", percent(worst.f1), labels.name(worst.class))
            });
            Some(format!("micro F1 {micro}, macro F1 {macro_}{worst}"))
        }
        Measures::Values(values) if values.by_output.len() > 1 => {
            let (output, fit) = values.worst();
            Some(format!(
                "lowest R² {}, of output {} (RMSE {})",
                figure(fit.r_squared),
                labels.name(output),
                figure(fit.rmse)
            ))
        }
        _ => None,
    }
}

/// Writes the tables.
pub(crate) fn write_tables(
    out: &mut Vec<u8>,
    measures: &Measures,
    labels: &Labels,
    terminal: &Terminal,
) -> io::Result<()> {
    match measures {
        Measures::Classes(classes) => {
            write_scores(out, classes, labels)?;
            write_confusion(out, classes, labels, terminal)
        }
        Measures::Labels(metrics) => write_labels(out, metrics, labels),
        Measures::Values(values) if values.by_output.len() > 1 => write_fits(out, values, labels),
        _ => Ok(()),
    }
}

/// Writes precision, recall and F1 of each class, and their means.
fn write_scores(out: &mut Vec<u8>, classes: &ClassMetrics, labels: &Labels) -> io::Result<()> {
    let mut shown: Vec<&ClassScore> = classes.by_class.iter().collect();
    if shown.len() > SHOWN {
        shown.retain(|score| score.support > 0);
        shown.sort_by(|one, other| one.recall.total_cmp(&other.recall));
        shown.truncate(SHOWN);
        let all = grouped(classes.by_class.len());
        writeln!(out, "\nthe {} of {all} classes with the lowest recall", shown.len())?;
    } else {
        writeln!(out)?;
    }
    let means = [("macro", classes.macro_mean), ("weighted", classes.weighted_mean)];
    let examples = classes.by_class.iter().map(|score| score.support).sum();
    write_rows_of_scores(out, "class", labels, &shown, examples, &means)
}

/// Writes the rows of scores, and below them their means over so many examples. `kind` is the kind of what is scored.
fn write_rows_of_scores(
    out: &mut Vec<u8>,
    kind: &str,
    labels: &Labels,
    shown: &[&ClassScore],
    examples: usize,
    means: &[(&str, ClassMean)],
) -> io::Result<()> {
    let width = labels.width(8);
    let mut line = |name: &str, figures: [String; 3], examples: String| {
        let [precision, recall, f1] = figures;
        writeln!(out, "{name:>width$}  {precision:>9}  {recall:>9}  {f1:>9}  {examples:>9}")
    };
    line(kind, ["precision", "recall", "F1"].map(str::to_owned), "examples".to_owned())?;
    for ClassScore { class, precision, recall, f1, support, .. } in shown {
        line(&labels.name(*class), [precision, recall, f1].map(|x| percent(*x)), grouped(*support))?;
    }
    for (name, ClassMean { precision, recall, f1, .. }) in means {
        line(name, [precision, recall, f1].map(|x| percent(*x)), grouped(examples))?;
    }
    Ok(())
}

/// Writes precision, recall and F1 of each label, and their means.
fn write_labels(out: &mut Vec<u8>, metrics: &LabelMetrics, labels: &Labels) -> io::Result<()> {
    let mut shown: Vec<&ClassScore> = metrics.by_label.iter().collect();
    if shown.len() > SHOWN {
        shown.sort_by(|one, other| one.f1.total_cmp(&other.f1));
        shown.truncate(SHOWN);
        let all = grouped(metrics.by_label.len());
        writeln!(out, "\nthe {SHOWN} of {all} labels with the lowest F1")?;
    } else {
        writeln!(out)?;
    }
    let means =
        [("micro", metrics.micro_mean), ("macro", metrics.macro_mean), ("weighted", metrics.weighted_mean)];
    let examples = metrics.by_label.iter().map(|score| score.support).sum();
    write_rows_of_scores(out, "label", labels, &shown, examples, &means)
}

/// Writes the confusion matrix, or if it is too large the most frequent mistakes.
fn write_confusion(
    out: &mut Vec<u8>,
    classes: &ClassMetrics,
    labels: &Labels,
    terminal: &Terminal,
) -> io::Result<()> {
    let names = labels.width(8);
    if let Some(matrix) = classes.confusion.as_deref().filter(|matrix| matrix.len() <= SHOWN) {
        let largest = matrix.iter().flatten().max().copied().unwrap_or_default();
        let width = 1 + largest.to_string().len().max(labels.width(2));
        let line = |name: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!("{cell:>width$}")).collect();
            format!("{name:>names$} {cells}")
        };
        writeln!(out, "\nclass ↓ answer →")?;
        writeln!(out, "{}", line("", (0..matrix.len()).map(|answer| labels.name(answer)).collect()))?;
        for (class, row) in matrix.iter().enumerate() {
            let examples = row.iter().sum::<usize>().max(1);
            let cell = |(answer, &count): (usize, &usize)| {
                let text = if count == 0 { "·".to_owned() } else { count.to_string() };
                let text = format!("{text:>width$}");
                if terminal.colors == Colors::None || count == 0 {
                    return text;
                }
                // A root, so that a few mistakes are seen beside many right answers.
                let share = (count as f64 / examples as f64).sqrt();
                let color = if answer == class { color::RIGHT } else { color::WRONG };
                terminal.paint_on(&text, color::DARK.mixed(color, share))
            };
            let cells: String = row.iter().enumerate().map(cell).collect();
            writeln!(out, "{:>names$} {cells}", labels.name(class))?;
        }
        return Ok(());
    }
    if !classes.mistakes.is_empty() {
        writeln!(
            out,
            "\nthe most frequent mistakes\n{:>names$}  {:>names$}  {:>9}",
            "class", "answer", "examples"
        )?;
    }
    classes.mistakes.iter().try_for_each(|mistake| {
        let (class, answer) = (labels.name(mistake.class), labels.name(mistake.answer));
        writeln!(out, "{class:>names$}  {answer:>names$}  {:>9}", grouped(mistake.examples))
    })
}

/// Writes the fit of each output, and the means.
fn write_fits(out: &mut Vec<u8>, values: &ValueMetrics, labels: &Labels) -> io::Result<()> {
    let width = labels.width(8);
    let mut shown: Vec<(usize, &Fit)> = values.by_output.iter().enumerate().collect();
    if shown.len() > SHOWN {
        shown.sort_by(|(_, one), (_, other)| one.r_squared.total_cmp(&other.r_squared));
        shown.truncate(SHOWN);
        let all = grouped(values.by_output.len());
        writeln!(out, "\nthe {SHOWN} of {all} outputs with the lowest R²")?;
    } else {
        writeln!(out)?;
    }
    writeln!(out, "{:>width$}  {:>12}  {:>12}  {:>12}", "output", "RMSE", "MAE", "R²")?;
    let shown = shown.into_iter().map(|(output, fit)| (labels.name(output), fit));
    for (name, Fit { rmse, mae, r_squared }) in shown.chain([("mean".to_owned(), &values.mean)]) {
        let [rmse, mae, r_squared] = [rmse, mae, r_squared].map(|x| figure(*x));
        writeln!(out, "{name:>width$}  {rmse:>12}  {mae:>12}  {r_squared:>12}")?;
    }
    Ok(())
}
