//! Learning a preparation from the training rows of a table.

use std::collections::HashMap;
use std::fmt;

use super::statistics::{moments, quantile};
use super::{InputColumn, InputKind, Preparation, Scale, Scaler, TargetColumns, ValueColumn};
use crate::error::{Error, TableFault, list_item};
use crate::split::{TEST, VALIDATION, split_rows};
use crate::table::{Column, Table, Text};

/// Integers of a target that are taken for classes, at most.
const MOST_INTEGER_CLASSES: usize = 20;

/// The kinds of targets of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetKind {
    /// Found by looking: texts are classes, and so are integers of at most 20 different values. Other numbers are values. Several
    /// columns of yes and no are labels.
    #[default]
    Look,
    /// Classes.
    Classes,
    /// Values.
    Values,
    /// Labels, each yes or no: 0 or 1, false or true, no or yes.
    Labels,
}

/// A fault of a column, with which a table can be trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNote {
    /// The name of the column.
    pub column: String,
    /// The fault.
    pub fault: ColumnFault,
}

/// A fault of a column, with which a table can be trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnFault {
    /// All cells of the training rows are the same.
    Constant,
    /// The cells number the rows.
    Identifier,
    /// The cells tell the target.
    CopyOfTarget,
}

impl fmt::Display for ColumnNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ColumnNote { column, fault } = self;
        match fault {
            ColumnFault::Constant => {
                write!(f, "column '{column}' is the same in all training rows and tells nothing")
            }
            ColumnFault::Identifier => write!(
                f,
                "column '{column}' numbers the rows; a network learns nothing from it that holds for others"
            ),
            ColumnFault::CopyOfTarget => {
                write!(f, "column '{column}' is a copy of the target; new rows won't have it")
            }
        }
    }
}

impl Table {
    /// The kind of the targets, in the light of what is asked for. Several are labels, or values.
    ///
    /// # Errors
    /// [`Error::Table`] if they can't be that.
    pub fn target_kind(&self, asked: TargetKind) -> Result<TargetKind, Error> {
        let targets = self.target_columns();
        let column = |index: usize| &self.columns[index];
        let text =
            |index: &usize| column(*index).texts.as_ref()?.iter().find(|text| self.number(text).is_none());
        let kind = match (&*targets, asked) {
            ([_, _, ..], TargetKind::Classes) => {
                return Err(self.refused(
                    &column(targets[1]).name,
                    TableFault::new("one target, for classes", targets.len().to_string(), ""),
                ));
            }
            ([one], TargetKind::Look) => match &column(*one).texts {
                Some(texts) if text(one).is_some() => TargetKind::Classes,
                Some(texts) if texts.len() <= MOST_INTEGER_CLASSES && texts.iter().all(is_integer) => {
                    TargetKind::Classes
                }
                _ => TargetKind::Values,
            },
            (several, TargetKind::Look) => {
                let is_label = |index: &usize| {
                    column(*index)
                        .texts
                        .as_ref()
                        .is_some_and(|texts| texts.iter().all(|text| yes_or_no(text).is_some()))
                };
                if several.iter().all(is_label) { TargetKind::Labels } else { TargetKind::Values }
            }
            (_, asked) => asked,
        };
        for index in &targets {
            let Column { name, texts, .. } = column(*index);
            if let (TargetKind::Classes, Some([one])) = (kind, texts.as_deref()) {
                let found = format!("'{}' alone", one.text);
                return Err(self.refused(name, TableFault::new("at least two classes", found, "")));
            }
            if kind == TargetKind::Classes && texts.is_none() {
                let help = format!(
                    "leave out --task classification, or take every number as a class with --categorical '{}'",
                    list_item(name)
                );
                return Err(self.refused(name, TableFault::new("classes", "more than 100 numbers", help)));
            }
            if kind == TargetKind::Labels {
                let wrong = texts.iter().flatten().find(|text| yes_or_no(text).is_none());
                let help = "leave out --task multi-label";
                if let Some(text) = wrong {
                    let fault = TableFault::new(YES_OR_NO, format!("'{}'", text.text), help);
                    return Err(self.refused(name, fault.at_line(text.line)));
                }
                if texts.is_none() {
                    let fault = TableFault::new(YES_OR_NO, "more than 100 numbers", help);
                    return Err(self.refused(name, fault));
                }
            }
            if kind == TargetKind::Values
                && let Some(text) = text(index)
            {
                let help = "a column of texts can be the only target: its texts are classes";
                let fault = TableFault::new("a number", format!("'{}'", text.text), help).at_line(text.line);
                return Err(self.refused(name, fault));
            }
        }
        Ok(kind)
    }

    /// Sets a random `fraction` of the rows aside to test on. Returns the indices of the other rows, and of these, ascending. Of
    /// each class the same share is set aside, as [`split_stratified`](crate::Dataset::split_stratified) does.
    ///
    /// # Errors
    /// [`Error::Argument`] unless 0 < `fraction` < 1 leaves at least one row on each side.
    pub fn split_test(
        &self,
        kind: TargetKind,
        fraction: f64,
        seed: u64,
    ) -> Result<(Vec<u32>, Vec<u32>), Error> {
        let rows: Vec<u32> = (0..self.rows as u32).collect();
        self.split(&rows, kind, fraction, seed, TEST)
    }

    /// As [`split_test`](Self::split_test), of `rows` that are left, to validate on.
    ///
    /// # Errors
    /// As [`split_test`](Self::split_test).
    pub fn split_validation(
        &self,
        rows: &[u32],
        kind: TargetKind,
        fraction: f64,
        seed: u64,
    ) -> Result<(Vec<u32>, Vec<u32>), Error> {
        self.split(rows, kind, fraction, seed, VALIDATION)
    }

    fn split(
        &self,
        rows: &[u32],
        kind: TargetKind,
        fraction: f64,
        seed: u64,
        purpose: [u8; 8],
    ) -> Result<(Vec<u32>, Vec<u32>), Error> {
        let target = self.target_columns().first().copied().filter(|_| kind == TargetKind::Classes);
        let classes = target.and_then(|target| Some((target, self.columns[target].texts.as_ref()?.len())));
        let (kept, aside) = match classes {
            None => split_rows(rows.len(), None, fraction, seed, purpose)?,
            Some((target, classes)) => {
                let labels: Vec<u32> =
                    rows.iter().map(|&row| self.row(row as usize)[target] as u32).collect();
                split_rows(rows.len(), Some((&labels, classes)), fraction, seed, purpose)?
            }
        };
        let of_rows = |places: Vec<u32>| places.into_iter().map(|place| rows[place as usize]).collect();
        Ok((of_rows(kept), of_rows(aside)))
    }

    /// The number that a text is.
    pub(super) fn number(&self, text: &Text) -> Option<f32> {
        crate::table::number(text.text.as_bytes(), self.has_decimal_comma)
    }

    /// The error for a column that can't be used.
    pub(super) fn refused(&self, column: &str, fault: TableFault) -> Error {
        fault.in_column(column).in_file(&self.path)
    }
}

/// The texts of labels, in words.
pub(super) const YES_OR_NO: &str = "0 or 1, no or yes, false or true";

/// The label that a text is: 0, no and false aren't, 1, yes and true are.
pub(super) fn yes_or_no(text: &Text) -> Option<bool> {
    match &*text.text.to_ascii_lowercase() {
        "0" | "no" | "false" => Some(false),
        "1" | "yes" | "true" => Some(true),
        _ => None,
    }
}

fn is_integer(text: &Text) -> bool {
    text.text.parse::<i64>().is_ok()
}

impl Preparation {
    /// Learns the preparation of a table that was read to train on it. `training` are the indices of the rows that count, ascending;
    /// no other row enters, but for the names of the classes. Faults of columns are returned beside it.
    ///
    /// # Errors
    /// [`Error::Table`] if the targets aren't what `kind` asks for, or a column has no value in any training row.
    pub fn learn(
        table: &Table,
        kind: TargetKind,
        training: &[u32],
        scale: Scale,
    ) -> Result<(Preparation, Vec<ColumnNote>), Error> {
        if training.is_empty() {
            return Err(Error::argument("training rows", "at least 1", 0));
        }
        let kind = table.target_kind(kind)?;
        let mut learning = Learning { table, kind, training, numbers: Vec::new() };
        let (mut columns, mut notes) = (Vec::new(), Vec::new());
        for (index, column) in table.columns.iter().enumerate().filter(|(_, column)| !column.is_target) {
            let (kind, fault) = learning.input(index, column, scale)?;
            notes.extend(fault.map(|fault| ColumnNote { column: column.name.clone(), fault }));
            columns.push(InputColumn { name: column.name.clone(), kind });
        }
        let targets = table.target_columns();
        let targets = match (kind, &*targets) {
            (TargetKind::Classes, &[target, ..]) => {
                let Column { name, texts, .. } = &table.columns[target];
                let classes = texts.iter().flatten().map(|text| text.text.clone()).collect();
                TargetColumns::Classes { name: name.clone(), classes }
            }
            (TargetKind::Labels, targets) => TargetColumns::Labels(
                targets.iter().map(|&target| table.columns[target].name.clone()).collect(),
            ),
            (_, targets) => {
                TargetColumns::Values(targets.iter().map(|&target| learning.values(target)).collect())
            }
        };
        Ok((
            Preparation {
                columns,
                targets,
                scale,
                has_decimal_comma: table.has_decimal_comma,
                has_header: table.has_header,
                drops_rows: table.drops_rows,
                delimiter: table.given_delimiter,
            },
            notes,
        ))
    }
}

/// A preparation while it is learned.
struct Learning<'t> {
    table: &'t Table,
    /// The kind of the targets.
    kind: TargetKind,
    training: &'t [u32],
    /// The numbers of one column in the training rows, without missing ones.
    numbers: Vec<f32>,
}

impl Learning<'_> {
    /// Collects the cells of a column in the training rows that have a value. Returns whether one has none.
    fn collect(&mut self, column: usize) -> bool {
        self.numbers.clear();
        let cells = self.training.iter().map(|&row| self.table.row(row as usize)[column]);
        self.numbers.extend(cells.filter(|cell| !cell.is_nan()));
        self.numbers.len() < self.training.len()
    }

    /// The inputs that a column becomes, and its fault if it has one.
    fn input(
        &mut self,
        index: usize,
        column: &Column,
        scale: Scale,
    ) -> Result<(InputKind, Option<ColumnFault>), Error> {
        let lacks = self.collect(index);
        // A row that isn't trained on may lack a value, too.
        let may_lack = lacks || column.missing > 0;
        let Some(&first) = self.numbers.first() else {
            let help = format!("leave the column out with --drop '{}'", list_item(&column.name));
            return Err(self
                .table
                .refused(&column.name, TableFault::new("a value in a training row", "none", help)));
        };
        let fault = match () {
            () if !lacks && self.numbers.iter().all(|&number| number == first) => Some(ColumnFault::Constant),
            () if self.is_copy_of_target(index) => Some(ColumnFault::CopyOfTarget),
            () if column.texts.is_none() && self.numbers_rows(index) => Some(ColumnFault::Identifier),
            () => None,
        };
        if let Some(texts) = &column.texts {
            let mut occurs = vec![false; texts.len()];
            self.numbers.iter().for_each(|&index| occurs[index as usize] = true);
            let categories =
                texts.iter().zip(occurs).filter(|(_, occurs)| *occurs).map(|(text, _)| text.text.clone());
            return Ok((InputKind::Categories { categories: categories.collect(), may_lack }, fault));
        }
        let middle = (self.numbers.len() - 1) as f64 * 0.5;
        let fill = may_lack.then(|| quantile(&mut self.numbers, middle) as f32);
        Ok((InputKind::Numbers { scaler: Scaler::learn(scale, &mut self.numbers), fill }, fault))
    }

    /// Whether a column counts the rows up by one.
    fn numbers_rows(&self, column: usize) -> bool {
        /// Fewer rows may well be in order by chance.
        const LEAST: usize = 10;
        let mut cells = self.table.cells(column);
        let Some(first) = cells.next().filter(|first| first.fract() == 0.0) else { return false };
        self.table.rows >= LEAST && cells.enumerate().all(|(i, cell)| cell == first + (i + 1) as f32)
    }

    /// Whether a column has one value for each class and no value for two, or the numbers of a target of values.
    fn is_copy_of_target(&self, column: usize) -> bool {
        let is_copy = |target: usize| {
            let pairs = || self.table.cells(column).zip(self.table.cells(target));
            match &self.table.columns[target].texts {
                Some(texts) if self.kind != TargetKind::Values => {
                    let (mut of_target, mut of_cell) = (HashMap::new(), HashMap::new());
                    let is_paired = |(cell, target): (f32, f32)| {
                        let (cell, target) = (cell.to_bits(), target.to_bits());
                        *of_target.entry(target).or_insert(cell) == cell
                            && *of_cell.entry(cell).or_insert(target) == target
                    };
                    texts.len() > 1 && pairs().all(is_paired)
                }
                Some(texts) => {
                    let numbers: Vec<Option<f32>> =
                        texts.iter().map(|text| self.table.number(text)).collect();
                    pairs().all(|(cell, target)| numbers[target as usize] == Some(cell))
                }
                None => pairs().all(|(cell, target)| cell == target),
            }
        };
        self.table.target_columns().into_iter().any(is_copy)
    }

    /// The scaling of a target.
    fn values(&mut self, target: usize) -> ValueColumn {
        let column = &self.table.columns[target];
        self.collect(target);
        if let Some(texts) = &column.texts {
            let numbers: Vec<f32> = texts.iter().filter_map(|text| self.table.number(text)).collect();
            self.numbers.iter_mut().for_each(|cell| *cell = numbers[*cell as usize]);
        }
        let (mean, deviation) = moments(&self.numbers);
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        ValueColumn { name: column.name.clone(), mean, deviation }
    }
}
