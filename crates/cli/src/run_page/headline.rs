//! The result of a run, at the top of its page.

use super::{RunPage, Set};
use crate::draw::escaped;
use crate::page::{facts, figure, paragraph};
use crate::text::{duration, figure as four_digits, grouped, percent, samples_per_second};
use minibatch::{Evaluation, Fit, Measures};

/// The score, the time and the notes.
pub(super) fn html(page: &RunPage<'_>) -> String {
    let mut cells: Vec<(String, String)> = Vec::new();
    let found = page.judged.as_ref().map(|judged| (judged.set, judged.evaluation)).ok();
    if let Some((set, evaluation)) = found.or_else(|| page.recorded()) {
        cells.extend(scores(set, &evaluation));
    }
    if let Ok(judged) = &page.judged {
        cells.extend(measures(judged.measures));
    }
    let (epochs, of) = (page.history.len(), page.settings.epochs);
    let best = match (page.restored, page.best) {
        (Some(epoch), _) => small(&format!("the weights of epoch {epoch}, the best")),
        (None, Some(epoch)) => {
            format!("<small>the best was epoch {}</small>", figure("best-epoch", &epoch, &epoch.to_string()))
        }
        (None, None) => String::new(),
    };
    let shown =
        if epochs == of { grouped(epochs) } else { format!("{} of {}", grouped(epochs), grouped(of)) };
    cells.push(("Epochs".to_owned(), figure("epochs", &epochs, &shown) + &best));
    let (seconds, rate) = page.training();
    if epochs > 0 {
        let rate = figure("samples-per-second", &rate, &samples_per_second(rate));
        let training = figure("training-seconds", &seconds, &duration(seconds));
        cells.push(("Training time".to_owned(), format!("{training}<small>{rate}</small>")));
    }
    let notes: String =
        page.notes.iter().map(|note| format!("<li>{}</li>\n", escaped(capital(note)))).collect();
    let notes = if notes.is_empty() {
        notes
    } else {
        format!("<h2 class=\"hidden\">Notes</h2>\n<ul class=\"notes\">\n{notes}</ul>\n")
    };
    let cells = facts("headline", cells.iter().map(|(name, html)| (&**name, html.clone())));
    format!("{cells}{}{notes}", paragraph(&page.ending))
}

/// A note without the word that begins it on a terminal.
fn capital(note: &str) -> &str {
    note.strip_prefix("note: ").unwrap_or(note)
}

fn small(text: &str) -> String {
    format!("<small>{}</small>", escaped(text))
}

fn scores(set: Set, evaluation: &Evaluation) -> Vec<(String, String)> {
    let (word, examples) = (set.word(), grouped(evaluation.examples));
    let name = match set {
        Set::Test => "Test",
        Set::Validation => "Validation",
        Set::Named => "Data",
    };
    let cost = figure(&format!("{word}-cost"), &evaluation.cost, &four_digits(evaluation.cost));
    let cost = (format!("{name} cost"), cost);
    match (evaluation.accuracy().zip(evaluation.correct()), evaluation.fit()) {
        (Some((accuracy, correct)), _) => {
            let shown = figure(&format!("{word}-accuracy"), &accuracy, &percent(accuracy));
            let of = small(&format!("{} of {examples} right", grouped(correct)));
            vec![(format!("{name} accuracy"), shown + &of), cost]
        }
        (None, Some(Fit { rmse, mae, r_squared })) => {
            let one =
                |figure_name: &str, x: f64| figure(&format!("{word}-{figure_name}"), &x, &four_digits(x));
            vec![
                (format!("{name} RMSE"), one("rmse", rmse) + &small(&format!("on {examples} examples"))),
                ("MAE".to_owned(), one("mae", mae)),
                ("R²".to_owned(), one("r-squared", r_squared)),
            ]
        }
        (None, None) => vec![cost],
    }
}

/// Measures beside cost and score.
fn measures(measures: &Measures) -> Vec<(String, String)> {
    let cell = |name: &str, figure_name: &str, x: f64, shown: String| {
        (name.to_owned(), figure(figure_name, &x, &shown))
    };
    match measures {
        Measures::Classes(classes) => {
            let mean = classes.macro_mean.f1;
            let loss = classes.log_loss.map(|loss| cell("Log loss", "log-loss", loss, four_digits(loss)));
            std::iter::once(cell("Mean F1", "mean-f1", mean, percent(mean))).chain(loss).collect()
        }
        Measures::Labels(labels) => {
            let (micro, loss) = (labels.micro_mean.f1, labels.hamming_loss);
            vec![
                cell("Micro F1", "micro-f1", micro, percent(micro)),
                cell("Hamming loss", "hamming-loss", loss, four_digits(loss)),
            ]
        }
        _ => Vec::new(),
    }
}
