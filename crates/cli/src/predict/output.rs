//! Predictions, as they are printed.

use super::{Format, Name, Truth};
use crate::report::Labels;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};

/// The number of classes shown for each of several images.
const SHOWN_OF_MANY: usize = 3;

/// The outputs of a network for an image.
pub(super) struct Prediction {
    pub(super) name: Name,
    pub(super) outputs: Vec<f32>,
}

/// The part of a prediction that is shown.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    /// The likeliest classes, or as many as fit.
    Classes { top: Option<usize> },
    /// The outputs as they are.
    Values,
}

/// A class and the network's output for it.
#[derive(Clone, Serialize)]
struct Ranked {
    class: usize,
    /// The name of the class, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    output: f32,
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct ClassEvent<'a> {
    image: Cow<'a, str>,
    index: Option<usize>,
    label: Option<u32>,
    /// The class of the largest output.
    class: usize,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    output: f32,
    /// The largest outputs, largest first. Equal outputs are in the order of their classes.
    ranked: Vec<Ranked>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "prediction")]
struct ValueEvent<'a> {
    image: Cow<'a, str>,
    index: Option<usize>,
    /// The values that the dataset has for the example.
    target: Option<&'a [f32]>,
    values: &'a [f32],
}

impl Prediction {
    /// The classes, largest output first. Equal outputs are in the order of their classes.
    fn ranked(&self, labels: &Labels) -> Vec<Ranked> {
        let named = |class| (!labels.are_numbers()).then(|| labels.name(class));
        let outputs = self.outputs.iter().enumerate();
        let ranked = outputs.map(|(class, &output)| Ranked { class, name: named(class), output });
        let mut ranked: Vec<Ranked> = ranked.collect();
        ranked.sort_by(|a, b| b.output.total_cmp(&a.output));
        ranked
    }
}

impl Name {
    /// The name for people: `nine.png`, `data/mnist[7]`.
    pub(super) fn shown(&self) -> String {
        match self.index {
            Some(index) => format!("{}[{index}]", self.image.display()),
            None => self.image.display().to_string(),
        }
    }

    fn label(&self) -> Option<u32> {
        match self.truth {
            Some(Truth::Label(label)) => Some(label),
            _ => None,
        }
    }

    fn target(&self) -> Option<&[f32]> {
        match &self.truth {
            Some(Truth::Values(values)) => Some(values),
            _ => None,
        }
    }
}

/// Writes `predictions` in `format`, or as text for people.
pub(super) fn write(
    out: &mut Vec<u8>,
    format: Option<Format>,
    shown: Shown,
    labels: &Labels,
    predictions: &[Prediction],
) -> io::Result<()> {
    match (format, predictions) {
        (Some(Format::Csv), _) => write_csv(out, shown, labels, predictions),
        (Some(Format::Jsonl), _) => {
            predictions.iter().try_for_each(|prediction| write_json(out, shown, labels, prediction))
        }
        (None, [one]) => write_one(out, shown, labels, one),
        (None, several) => {
            several.iter().try_for_each(|prediction| write_line(out, shown, labels, prediction))
        }
    }
}

/// Writes a table of a single image's outputs.
fn write_one(out: &mut Vec<u8>, shown: Shown, labels: &Labels, prediction: &Prediction) -> io::Result<()> {
    let name = prediction.name.shown();
    match shown {
        Shown::Classes { top } => {
            let mut ranked = prediction.ranked(labels);
            let (class, width) = (labels.name(ranked[0].class), labels.width(5));
            ranked.truncate(top.unwrap_or(usize::MAX));
            writeln!(
                out,
                "{name}: {class}{}\n\n{:>width$}  output",
                labelled(&prediction.name, labels),
                "class"
            )?;
            ranked.iter().try_for_each(|Ranked { class, output, .. }| {
                writeln!(out, "{:>width$}  {output:.6}", labels.name(*class))
            })
        }
        Shown::Values if prediction.outputs.len() == 1 => write_line(out, shown, labels, prediction),
        Shown::Values => {
            let target = prediction.name.target();
            writeln!(
                out,
                "{name}\n\n output       value{}",
                if target.is_some() { "      target" } else { "" }
            )?;
            for (i, value) in prediction.outputs.iter().enumerate() {
                write!(out, "{i:>7}  {value:>10.6}")?;
                // A set whose examples have fewer values has no target for this output.
                if let Some(target) = target.and_then(|target| target.get(i)) {
                    write!(out, "  {target:>10.6}")?;
                }
                writeln!(out)?;
            }
            Ok(())
        }
    }
}

/// Writes the line of one of several images.
fn write_line(out: &mut Vec<u8>, shown: Shown, labels: &Labels, prediction: &Prediction) -> io::Result<()> {
    let name = prediction.name.shown();
    match shown {
        Shown::Classes { top } => {
            let ranked = prediction.ranked(labels);
            let outputs = ranked.iter().take(top.unwrap_or(SHOWN_OF_MANY));
            let outputs =
                outputs.map(|Ranked { class, output, .. }| format!("{} {output:.4}", labels.name(*class)));
            let outputs = outputs.collect::<Vec<_>>().join(", ");
            let class = labels.name(ranked[0].class);
            writeln!(out, "{name}: {class}{}  [{outputs}]", labelled(&prediction.name, labels))
        }
        Shown::Values => {
            let listed = |values: &[f32]| {
                values.iter().map(|value| format!("{value:.6}")).collect::<Vec<_>>().join(", ")
            };
            let target = prediction.name.target();
            let target = target.map_or_else(String::new, |target| format!(" (target {})", listed(target)));
            writeln!(out, "{name}: {}{target}", listed(&prediction.outputs))
        }
    }
}

fn labelled(name: &Name, labels: &Labels) -> String {
    let label = name.label().map(|label| labels.name(label as usize));
    label.map_or_else(String::new, |label| format!(" (labelled {label})"))
}

fn write_json(out: &mut Vec<u8>, shown: Shown, labels: &Labels, prediction: &Prediction) -> io::Result<()> {
    let Prediction { name, outputs } = prediction;
    let (image, index) = (name.image.to_string_lossy(), name.index);
    match shown {
        Shown::Classes { top } => {
            let mut ranked = prediction.ranked(labels);
            let Ranked { class, name: called, output } = ranked[0].clone();
            ranked.truncate(top.unwrap_or(usize::MAX));
            let event = ClassEvent { image, index, label: name.label(), class, name: called, output, ranked };
            serde_json::to_writer(&mut *out, &event)?;
        }
        Shown::Values => {
            let event = ValueEvent { image, index, target: name.target(), values: outputs };
            serde_json::to_writer(&mut *out, &event)?;
        }
    }
    out.write_all(b"\n")
}

/// Writes a table of CSV (RFC 4180, lines ended by a line feed). The first columns are image and index. For classes, label, class
/// and the outputs of all classes in their order follow. For values, the targets follow, if they are known, then the values.
fn write_csv(out: &mut Vec<u8>, shown: Shown, labels: &Labels, predictions: &[Prediction]) -> io::Result<()> {
    let outputs = predictions.first().map_or(0, |prediction| prediction.outputs.len());
    let targets = predictions.first().and_then(|one| one.name.target()).map_or(0, <[f32]>::len);
    write!(out, "image,index")?;
    match shown {
        Shown::Classes { .. } => {
            write!(out, ",label,class")?;
            (0..outputs).try_for_each(|class| write!(out, ",output_{class}"))?;
        }
        Shown::Values => {
            (0..targets).try_for_each(|i| write!(out, ",target_{i}"))?;
            (0..outputs).try_for_each(|i| write!(out, ",value_{i}"))?;
        }
    }
    writeln!(out)?;
    for prediction in predictions {
        let Prediction { name, outputs } = prediction;
        let index = name.index.map(|index| index.to_string()).unwrap_or_default();
        write!(out, "{},{index}", field(&name.image.display().to_string()))?;
        match shown {
            Shown::Classes { .. } => {
                let label = name.label().map(|label| label.to_string()).unwrap_or_default();
                write!(out, ",{label},{}", labels.name(prediction.ranked(labels)[0].class))?;
            }
            Shown::Values => {
                name.target().into_iter().flatten().try_for_each(|target| write!(out, ",{target}"))?;
            }
        }
        outputs.iter().try_for_each(|output| write!(out, ",{output}"))?;
        writeln!(out)?;
    }
    Ok(())
}

/// A field of CSV, in quotes where it needs them.
fn field(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
