//! A preparation at work: the rows of a table as a network's inputs and targets.

use std::collections::HashMap;
use std::io::Read;
use std::mem;
use std::path::Path;

use super::learn::{YES_OR_NO, yes_or_no};
use super::{InputColumn, InputKind, Preparation, Scaler, TargetColumns, ValueColumn};
use crate::dataset::Dataset;
use crate::error::{Error, TableFault, listed};
use crate::table::{Column, Form, Hint, Need, OnMissing, Table, Text, Wanted, read, read_commas};

/// A table as a dataset.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The rows, in the order of the table.
    pub dataset: Dataset,
    /// The columns with categories that the training rows don't have.
    pub unknown: Vec<Unknown>,
}

/// The inputs of a table's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// (rows × [`Preparation::inputs`])
    pub inputs: Vec<f32>,
    /// The columns with categories that the training rows don't have.
    pub unknown: Vec<Unknown>,
}

/// The cells of a column whose category the training rows don't have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The name of the column.
    pub column: String,
    /// How many cells.
    pub cells: usize,
    /// One of the categories.
    pub example: String,
}

impl Preparation {
    /// Reads a table with the columns that become inputs, in any order. Others may be there, and aren't read. No row is left out. Errors
    /// call it `path`.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Table`] for a missing column, a missing value where the training rows had all, or what is no
    /// number in a column of numbers.
    pub fn read_inputs(&self, path: &Path, reader: impl Read) -> Result<Table, Error> {
        self.read(path, false, |wanted| read(path, reader, self.form(), wanted))
    }

    /// As [`read_inputs`](Self::read_inputs), with the targets. Rows that lack a value are left out if they were in training.
    ///
    /// # Errors
    /// As [`read_inputs`](Self::read_inputs).
    pub fn read_with_targets(&self, path: &Path, reader: impl Read) -> Result<Table, Error> {
        self.read(path, true, |wanted| read(path, reader, self.form(), wanted))
    }

    /// As [`read_inputs`](Self::read_inputs), or [`read_with_targets`](Self::read_with_targets), for text as
    /// [`Table::from_commas`] takes it.
    ///
    /// # Errors
    /// As [`read_inputs`](Self::read_inputs).
    pub fn read_commas(&self, path: &Path, reader: impl Read, with_targets: bool) -> Result<Table, Error> {
        self.read(path, with_targets, |wanted| read_commas(path, reader, true, wanted))
    }

    /// Whether a column with this name is needed.
    #[must_use]
    pub fn need(&self, name: &str, with_targets: bool) -> Need {
        let is_input = self.columns.iter().any(|column| column.name == name);
        let is_target = with_targets && self.target_names().contains(&name);
        if is_input || is_target { Need::Yes } else { Need::No }
    }

    fn form(&self) -> Form {
        Form {
            delimiter: self.delimiter,
            decimal_comma: self.has_decimal_comma,
            header: Some(self.has_header),
            is_decided: true,
        }
    }

    fn read(
        &self,
        path: &Path,
        with_targets: bool,
        read: impl FnOnce(&dyn Fn(&[String]) -> Result<Vec<Wanted>, Error>) -> Result<Table, Error>,
    ) -> Result<Table, Error> {
        let inputs = self.columns.iter().map(|column| match column.kind {
            InputKind::Numbers { fill, .. } => (&column.name, false, Hint::Numbers, fill.is_some()),
            InputKind::Categories { may_lack, .. } => (&column.name, false, Hint::Categories, may_lack),
        });
        let targets = match &self.targets {
            TargetColumns::Classes { name, .. } => vec![(name, true, Hint::Categories, false)],
            TargetColumns::Values(columns) => {
                columns.iter().map(|column| (&column.name, true, Hint::Numbers, false)).collect()
            }
            TargetColumns::Labels(names) => {
                names.iter().map(|name| (name, true, Hint::Categories, false)).collect()
            }
        };
        read(&|names| {
            let wanted = |(name, is_target, hint, may_lack): (&String, bool, Hint, bool)| {
                let index = names.iter().position(|found| found == name).ok_or_else(|| {
                    let found = listed(names.iter().map(|name| format!("'{name}'")));
                    TableFault::new(
                        format!("a column '{name}', as the network was trained with"),
                        format!("the columns {found}"),
                        "",
                    )
                    .in_file(path)
                })?;
                let missing = match may_lack {
                    true => OnMissing::Keep,
                    false if self.drops_rows && with_targets => OnMissing::DropRow,
                    false => OnMissing::Refuse,
                };
                Ok(Wanted { index, is_target, hint, missing })
            };
            let targets = targets.iter().copied().filter(|_| with_targets);
            inputs.clone().chain(targets).map(wanted).collect()
        })
    }

    /// The inputs of the table's rows. The table has the columns of [`columns`](Self::columns).
    ///
    /// # Panics
    /// If a column isn't there.
    #[must_use]
    pub fn rows(&self, table: &Table) -> Rows {
        let mut plans = self.plans(table);
        let mut inputs = Vec::with_capacity(table.rows * self.inputs());
        (0..table.rows)
            .for_each(|row| plans.iter_mut().for_each(|plan| plan.push(table.row(row), &mut inputs)));
        Rows { inputs, unknown: unknown(plans) }
    }

    /// The table's rows as a dataset. The table is given back sheet by sheet as the dataset grows.
    ///
    /// # Errors
    /// [`Error::Table`] for a class that the network doesn't know, [`Error::Io`] if memory lacks.
    ///
    /// # Panics
    /// If a column isn't there.
    pub fn dataset(&self, mut table: Table) -> Result<Prepared, Error> {
        let (width, rows, sheets) = (self.inputs(), table.rows, mem::take(&mut table.sheets));
        let mut targets = TargetCells::new(self, &table)?;
        let mut plans = self.plans(&table);
        let mut inputs = Vec::new();
        inputs
            .try_reserve_exact(rows * width)
            .map_err(|error| Error::io(&table.path, "hold in memory")(error.into()))?;
        for sheet in sheets {
            for row in sheet.chunks_exact(table.columns.len()) {
                plans.iter_mut().for_each(|plan| plan.push(row, &mut inputs));
                targets.push(row);
            }
        }
        let dataset = match targets {
            TargetCells::Classes { labels, classes, .. } => {
                Dataset::from_classes(inputs, &[width], labels)?.with_classes(classes)?
            }
            TargetCells::Values { values, columns } => {
                Dataset::from_values(inputs, &[width], values, columns.len())?
            }
            TargetCells::Labels { labels, columns } => {
                Dataset::from_labels(inputs, &[width], &labels, columns.len())?
            }
        };
        Ok(Prepared { dataset, unknown: unknown(plans) })
    }

    fn plans<'a>(&'a self, table: &'a Table) -> Vec<Plan<'a>> {
        let plan = |column: &'a InputColumn| {
            let (cell, from) = find(table, &column.name);
            let work = match &column.kind {
                InputKind::Numbers { scaler, fill } => Work::Number { scaler: *scaler, fill: *fill },
                InputKind::Categories { categories, .. } => {
                    let places: HashMap<&str, usize> =
                        categories.iter().enumerate().map(|(place, text)| (&**text, place)).collect();
                    let texts = from.texts.iter().flatten();
                    Work::Category {
                        places: texts.map(|text| places.get(text.as_str()).copied()).collect(),
                        categories: categories.len(),
                    }
                }
            };
            Plan { column: from, cell, work, unknown: 0, example: None }
        };
        self.columns.iter().map(plan).collect()
    }
}

/// The index of the column of that name, and the column.
fn find<'t>(table: &'t Table, name: &str) -> (usize, &'t Column) {
    let mut columns = table.columns.iter().enumerate();
    columns
        .find(|(_, column)| column.name == name)
        .expect("the table was read with the preparation's columns")
}

/// The way from a cell to inputs.
struct Plan<'a> {
    column: &'a Column,
    /// The index of the column in the table.
    cell: usize,
    work: Work,
    /// Cells with unknown categories.
    unknown: usize,
    /// The index of the text of one of them.
    example: Option<usize>,
}

enum Work {
    Number {
        scaler: Scaler,
        fill: Option<f32>,
    },
    Category {
        /// The place of each of the table's texts among the preparation's categories.
        places: Vec<Option<usize>>,
        categories: usize,
    },
}

impl Plan<'_> {
    /// Pushes the inputs that the column's cell in `row` becomes.
    #[inline]
    fn push(&mut self, row: &[f32], inputs: &mut Vec<f32>) {
        let cell = row[self.cell];
        match &self.work {
            Work::Number { scaler, fill: None } => inputs.push(scaler.scale(cell)),
            Work::Number { scaler, fill: Some(fill) } => {
                let lacks = cell.is_nan();
                inputs.extend([scaler.scale(if lacks { *fill } else { cell }), f32::from(u8::from(lacks))]);
            }
            Work::Category { places, categories } => {
                let text = (!cell.is_nan()).then_some(cell as usize);
                let place = text.and_then(|text| places[text]);
                if let (Some(text), None) = (text, place) {
                    self.unknown += 1;
                    self.example.get_or_insert(text);
                }
                if *categories == 2 {
                    inputs.push(place.map_or(0.0, |place| if place == 0 { -1.0 } else { 1.0 }));
                } else {
                    let start = inputs.len();
                    inputs.resize(start + categories, 0.0);
                    if let Some(place) = place {
                        inputs[start + place] = 1.0;
                    }
                }
            }
        }
    }
}

/// The columns with unknown categories.
fn unknown(plans: Vec<Plan<'_>>) -> Vec<Unknown> {
    let of_plan = |plan: Plan<'_>| {
        let example = plan.column.texts.as_ref()?[plan.example?].text.clone();
        Some(Unknown { column: plan.column.name.clone(), cells: plan.unknown, example })
    };
    plans.into_iter().filter_map(of_plan).collect()
}

/// The targets, as the rows go by.
enum TargetCells {
    Classes {
        cell: usize,
        /// The class of each of the table's texts.
        places: Vec<u32>,
        labels: Vec<u32>,
        classes: usize,
    },
    Values {
        /// The index of each column in the table, its scaling, and the numbers that its texts are.
        columns: Vec<(usize, ValueColumn, Option<Vec<f32>>)>,
        values: Vec<f32>,
    },
    Labels {
        /// The index of each column in the table, and the label of each of its texts.
        columns: Vec<(usize, Vec<bool>)>,
        labels: Vec<bool>,
    },
}

impl TargetCells {
    fn new(preparation: &Preparation, table: &Table) -> Result<TargetCells, Error> {
        match &preparation.targets {
            TargetColumns::Classes { name, classes } => {
                let (cell, column) = find(table, name);
                let place = |text: &Text| {
                    let place = classes.iter().position(|class| *class == text.text);
                    place.map(|place| place as u32).ok_or_else(|| {
                        let known = listed(classes.iter().cloned());
                        let expected = format!("a class that the network knows, {known}");
                        let fault = TableFault::new(expected, format!("'{}'", text.text), "");
                        fault.at_line(text.line).in_column(name).in_file(&table.path)
                    })
                };
                Ok(TargetCells::Classes {
                    cell,
                    places: column.texts.iter().flatten().map(place).collect::<Result<_, _>>()?,
                    labels: Vec::with_capacity(table.rows),
                    classes: classes.len(),
                })
            }
            TargetColumns::Values(columns) => {
                let column = |scaled: &ValueColumn| {
                    let (cell, column) = find(table, &scaled.name);
                    let number = |text| table.number(text).unwrap_or(f32::NAN);
                    let numbers = column.texts.as_ref().map(|texts| texts.iter().map(number).collect());
                    (cell, scaled.clone(), numbers)
                };
                Ok(TargetCells::Values {
                    columns: columns.iter().map(column).collect(),
                    values: Vec::with_capacity(table.rows * columns.len()),
                })
            }
            TargetColumns::Labels(names) => {
                let column = |name: &String| {
                    let (cell, column) = find(table, name);
                    let label = |text: &Text| {
                        yes_or_no(text).ok_or_else(|| {
                            let found = format!("'{}'", text.text);
                            let fault = TableFault::new(YES_OR_NO, found, "");
                            fault.at_line(text.line).in_column(name).in_file(&table.path)
                        })
                    };
                    let labels = column.texts.iter().flatten().map(label).collect::<Result<Vec<_>, _>>()?;
                    Ok((cell, labels))
                };
                Ok(TargetCells::Labels {
                    columns: names.iter().map(column).collect::<Result<_, Error>>()?,
                    labels: Vec::with_capacity(table.rows * names.len()),
                })
            }
        }
    }

    fn push(&mut self, row: &[f32]) {
        match self {
            TargetCells::Classes { cell, places, labels, .. } => labels.push(places[row[*cell] as usize]),
            TargetCells::Values { columns, values } => {
                values.extend(columns.iter().map(|(cell, scaled, numbers)| {
                    let cell = row[*cell];
                    scaled.output(numbers.as_ref().map_or(cell, |numbers| numbers[cell as usize]))
                }));
            }
            TargetCells::Labels { columns, labels } => {
                labels.extend(columns.iter().map(|(cell, of_texts)| of_texts[row[*cell] as usize]));
            }
        }
    }
}
