//! The preparation of a table: how its rows become a network's inputs and targets.
//!
//! [`Preparation::learn`] takes it from the training rows alone. It belongs to the network that is trained on its outcome: the
//! network's file keeps it, and what is predicted later is prepared with it, to the same bits.
//!
//! | a column of | becomes |
//! |---|---|
//! | numbers | one input, [scaled](Scale) |
//! | numbers, of which some are missing | the same with the median in their place, and an input that is 1 where one is missing, else 0 |
//! | categories | an input for each, 1 for that of the row, else 0 (one-hot) |
//! | two categories | one input, −1 or 1 |
//!
//! A category that the training rows don't have, or a missing one, makes all of these inputs 0.

mod cells;
mod far;
#[cfg(feature = "table")]
mod learn;
#[cfg(feature = "table")]
mod rows;
mod scale;
#[cfg(feature = "table")]
mod statistics;

pub use far::Far;
#[cfg(feature = "table")]
pub use learn::{ColumnFault, ColumnNote, TargetKind};
#[cfg(feature = "table")]
pub use rows::{Prepared, Rows, Unknown};
pub use scale::{Scale, Scaler};

use serde::{Deserialize, Serialize};

/// How the rows of a table become a network's inputs and targets.
///
/// ```
/// use minibatch_data::{Preparation, Row, Scale, Table, TableOptions, Targets, TargetKind};
///
/// let text = "length,colour,species\n1,red,a\n2,white,b\n3,pink,b\n2,red,a\n";
/// let options = TableOptions { targets: vec!["species".to_owned()], ..TableOptions::default() };
/// let table = Table::from_reader("flowers".as_ref(), text.as_bytes(), &options)?;
///
/// // The first three rows are trained on.
/// let (preparation, notes) = Preparation::learn(&table, TargetKind::Look, &[0, 1, 2], Scale::MinMax)?;
/// assert!(notes.is_empty());
/// assert_eq!((preparation.inputs(), preparation.classes()), (4, Some(&["a".to_owned(), "b".to_owned()][..])));
/// let data = preparation.dataset(table)?.dataset;
/// assert_eq!(data.input(2), Row::Floats(&[1.0, 1.0, 0.0, 0.0]));
/// assert_eq!(data.targets(), &Targets::Classes { labels: vec![0, 1, 1, 0], classes: 2 });
///
/// // Another table has its columns in another order, and a colour that the training rows don't have.
/// let text = "colour,length\nblue,2\n";
/// let table = preparation.read_inputs("more".as_ref(), text.as_bytes())?;
/// let rows = preparation.rows(&table);
/// assert_eq!(rows.inputs, [0.5, 0.0, 0.0, 0.0]);
/// assert_eq!((rows.unknown[0].column.as_str(), rows.unknown[0].cells), ("colour", 1));
/// # Ok::<(), minibatch_data::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    columns: Vec<InputColumn>,
    targets: TargetColumns,
    scale: Scale,
    has_decimal_comma: bool,
    has_header: bool,
    /// Whether rows without a value were left out.
    drops_rows: bool,
    /// The character between two cells, if it was given.
    delimiter: Option<u8>,
}

/// A column that becomes inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputColumn {
    /// The name in the table; without a header the number of the column, from 1.
    pub name: String,
    /// The inputs that it becomes.
    pub kind: InputKind,
}

/// The inputs that a column becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InputKind {
    /// Numbers.
    Numbers {
        /// How they are scaled.
        scaler: Scaler,
        /// The number in the place of a missing one. `None` if none may be missing.
        fill: Option<f32>,
    },
    /// Categories.
    Categories {
        /// Their texts.
        categories: Vec<String>,
        /// Whether one may be missing.
        may_lack: bool,
    },
}

impl InputKind {
    /// The number of inputs that it becomes.
    #[must_use]
    pub fn inputs(&self) -> usize {
        match self {
            InputKind::Numbers { fill, .. } => 1 + usize::from(fill.is_some()),
            InputKind::Categories { categories, .. } if categories.len() == 2 => 1,
            InputKind::Categories { categories, .. } => categories.len(),
        }
    }
}

/// The columns that become targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum TargetColumns {
    /// The one column whose texts are the classes.
    Classes {
        /// Its name.
        name: String,
        /// The classes, in the order of a network's outputs.
        classes: Vec<String>,
    },
    /// Columns of numbers.
    Values(Vec<ValueColumn>),
    /// Columns of yes and no, by their names.
    Labels(Vec<String>),
}

/// A column of numbers to learn. A network learns (y − mean)/deviation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueColumn {
    /// The name.
    pub name: String,
    /// The mean of the training rows.
    pub mean: f64,
    /// Their standard deviation; 1 if all are equal.
    pub deviation: f64,
}

impl ValueColumn {
    /// The value that an output stands for.
    #[must_use]
    pub fn value(&self, output: f32) -> f64 {
        f64::from(output) * self.deviation + self.mean
    }

    /// The number that a network learns for the value `y`.
    #[must_use]
    pub fn output(&self, y: f32) -> f32 {
        ((f64::from(y) - self.mean) / self.deviation) as f32
    }
}

impl Preparation {
    /// The columns that become inputs, in the order of the inputs.
    #[must_use]
    pub fn columns(&self) -> &[InputColumn] {
        &self.columns
    }

    /// The columns that become targets.
    #[must_use]
    pub fn targets(&self) -> &TargetColumns {
        &self.targets
    }

    /// How numbers are scaled.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Whether the table's numbers are written as `1,5`.
    #[must_use]
    pub fn has_decimal_comma(&self) -> bool {
        self.has_decimal_comma
    }

    /// The number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.columns.iter().map(|column| column.kind.inputs()).sum()
    }

    /// The number of outputs that a network needs. For two classes one output is enough: that of the second.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match &self.targets {
            TargetColumns::Classes { classes, .. } => classes.len(),
            TargetColumns::Values(columns) => columns.len(),
            TargetColumns::Labels(names) => names.len(),
        }
    }

    /// The names of the classes, if the target is one of classes.
    #[must_use]
    pub fn classes(&self) -> Option<&[String]> {
        match &self.targets {
            TargetColumns::Classes { classes, .. } => Some(classes),
            TargetColumns::Values(_) | TargetColumns::Labels(_) => None,
        }
    }

    /// The names of the columns that become targets.
    #[must_use]
    pub fn target_names(&self) -> Vec<&str> {
        match &self.targets {
            TargetColumns::Classes { name, .. } => vec![name],
            TargetColumns::Values(columns) => columns.iter().map(|column| &*column.name).collect(),
            TargetColumns::Labels(names) => names.iter().map(String::as_str).collect(),
        }
    }

    /// The columns of values, if the targets are values.
    #[must_use]
    pub fn values(&self) -> Option<&[ValueColumn]> {
        match &self.targets {
            TargetColumns::Classes { .. } | TargetColumns::Labels(_) => None,
            TargetColumns::Values(columns) => Some(columns),
        }
    }

    /// Whether the targets are columns of yes and no.
    #[must_use]
    pub fn has_labels(&self) -> bool {
        matches!(self.targets, TargetColumns::Labels(_))
    }

    /// The most bytes that it takes in a network's file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        /// A text's length, and the numbers of a column.
        const REST: usize = 64;
        let text = |text: &String| (text.len() + REST) as u64;
        let of_column = |InputColumn { name, kind }: &InputColumn| match kind {
            InputKind::Numbers { .. } => text(name),
            InputKind::Categories { categories, .. } => text(name) + categories.iter().map(text).sum::<u64>(),
        };
        let targets = match &self.targets {
            TargetColumns::Classes { name, classes } => text(name) + classes.iter().map(text).sum::<u64>(),
            TargetColumns::Values(columns) => columns.iter().map(|column| text(&column.name)).sum(),
            TargetColumns::Labels(names) => names.iter().map(text).sum(),
        };
        self.columns.iter().map(of_column).sum::<u64>() + targets + REST as u64
    }

    /// The reason why this is no preparation of a network with so many inputs and outputs, if there is one. What a file holds isn't
    /// believed before it is checked.
    #[must_use]
    pub fn defect(&self, inputs: usize, outputs: usize) -> Option<String> {
        let is_number = |x: f64| x.is_finite();
        for InputColumn { name, kind } in &self.columns {
            match kind {
                InputKind::Numbers { scaler: Scaler { offset, factor, .. }, fill } => {
                    if !is_number(*offset)
                        || !is_number(*factor)
                        || fill.is_some_and(|fill| !fill.is_finite())
                    {
                        return Some(format!("the scaling of column '{name}' isn't finite"));
                    }
                }
                InputKind::Categories { categories, .. } => {
                    if has_twins(categories.iter().map(String::as_str)) {
                        return Some(format!("column '{name}' has a category twice"));
                    }
                }
            }
        }
        match &self.targets {
            TargetColumns::Classes { name, classes } => {
                if has_twins(classes.iter().map(String::as_str)) {
                    return Some(format!("target '{name}' has a class twice"));
                }
            }
            TargetColumns::Values(columns) => {
                let is_wrong = |column: &&ValueColumn| {
                    !is_number(column.mean) || !is_number(column.deviation) || column.deviation <= 0.0
                };
                if let Some(column) = columns.iter().find(is_wrong) {
                    return Some(format!("the scaling of target '{}' isn't possible", column.name));
                }
            }
            TargetColumns::Labels(_) => {}
        }
        let names = self.columns.iter().map(|column| &*column.name).chain(self.target_names());
        if has_twins(names) {
            return Some("a column is there twice".to_owned());
        }
        // Counted without a sum that could be too large.
        let found =
            self.columns.iter().try_fold(0_usize, |sum, column| sum.checked_add(column.kind.inputs()));
        let one_for_two = outputs == 1 && self.classes().is_some_and(|classes| classes.len() == 2);
        if found != Some(inputs) || !(self.outputs() == outputs || one_for_two) {
            return Some(format!(
                "it makes {} inputs and {} targets, for a network of {inputs} inputs and {outputs} outputs",
                found.map_or_else(|| "too many".to_owned(), |found| found.to_string()),
                self.outputs()
            ));
        }
        None
    }
}

/// Whether two of these texts are equal.
fn has_twins<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let mut sorted: Vec<&str> = texts.collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
