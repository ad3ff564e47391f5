//! Tables as data: their options, and the sets that a run makes of them.

use super::arrays::{Keys, Kind};
use super::columns::{ColumnList, names};
use super::tested::{Tested, refused};
use crate::failure::Failure;
use crate::memory;
use crate::task::Task;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use minibatch_data::preparation::{ColumnNote, Far, Unknown};
use minibatch_data::{
    Dataset, Missing, Need, Preparation, Row, Scale, Table, TableOptions, TargetKind, list_item, open_regular,
};
use serde::Serialize;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// How a table is trained on. A resumed run has its checkpoint's columns and scaling.
#[derive(Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Column of a table to learn, or several; a name with a comma stands in quotes, as in '"width, mm",height'
    #[arg(long, value_name = "COLUMN,…")]
    target: Vec<ColumnList>,

    /// Columns of a table to leave out
    #[arg(long, value_name = "COLUMN,…")]
    drop: Vec<ColumnList>,

    /// Columns of a table that are numbers, where looking would find categories
    #[arg(long, value_name = "COLUMN,…")]
    numeric: Vec<ColumnList>,

    /// Columns of a table that are categories, where looking would find numbers
    #[arg(long, value_name = "COLUMN,…")]
    categorical: Vec<ColumnList>,

    #[command(flatten)]
    pub(crate) tested: Tested,

    /// Scaling of a table's numbers: standard, robust, minmax, none [default: standard; robust for realmlp]
    #[arg(long, value_name = "NAME", ignore_case = true, value_parser = scale())]
    pub(crate) scale: Option<Scale>,

    /// Treatment of missing values of a table: refuse, median, drop [default: refuse]
    #[arg(long, value_name = "WAY", ignore_case = true)]
    missing: Option<Way>,

    #[command(flatten)]
    form: Form,
}

/// The form of a table's text.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[group(skip)]
pub(crate) struct Form {
    /// Character between two cells of a table [default: found by looking]
    #[arg(long, value_name = "C", value_parser = delimiter)]
    delimiter: Option<u8>,

    /// Numbers of the table are written as 1,5
    #[arg(long)]
    decimal_comma: bool,

    /// The table's first line has no names; columns are called 1, 2, …
    #[arg(long)]
    no_header: bool,
}

impl Form {
    /// The first of the options that was given.
    pub(crate) fn first_given(self) -> Option<&'static str> {
        let given = [
            ("--delimiter", self.delimiter.is_some()),
            ("--decimal-comma", self.decimal_comma),
            ("--no-header", self.no_header),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// Refuses the options for the file at `path`, if it is no text.
    fn check(self, path: &Path) -> Result<(), Failure> {
        match self.first_given() {
            Some(option) if is_parquet(path) => {
                let path = path.display();
                Err(Failure::usage(format!("{option} is for tables of text, and {path} is none")))
            }
            _ => Ok(()),
        }
    }

    fn options(self) -> TableOptions {
        let Form { delimiter, decimal_comma, no_header } = self;
        TableOptions {
            delimiter,
            decimal_comma,
            header: no_header.then_some(false),
            ..TableOptions::default()
        }
    }
}

/// Reads the table at `path` to look at its columns.
pub(crate) fn look(path: &Path, keys: &Keys, form: Form) -> Result<Table, Failure> {
    form.check(path)?;
    read(path, keys, &|_| Need::IfPossible, |name, text| match text {
        Source::Text(reader) => Table::look(name, reader, &form.options()),
        Source::Commas(reader) => Table::look_at_commas(name, reader),
    })
}

/// The treatments of missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    Refuse,
    Median,
    Drop,
}

fn scale() -> impl TypedValueParser<Value = Scale> {
    PossibleValuesParser::new(Scale::ALL.map(Scale::name))
        .map(|name: String| name.to_ascii_lowercase().parse().unwrap_or_default())
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] if !one.is_ascii_alphanumeric() => Ok(*one),
        b"\\t" | b"tab" => Ok(b'\t'),
        _ => Err("expected one character, such as ; or tab".to_owned()),
    }
}

/// The sets that a run makes of a table.
#[derive(Debug)]
pub(crate) struct TableSets {
    pub(crate) train: Dataset,
    pub(crate) validation: Option<Dataset>,
    pub(crate) test: Option<Dataset>,
    pub(crate) preparation: Preparation,
    pub(crate) notes: Vec<String>,
}

/// A table, as a run's plan tells it.
#[derive(Debug, Serialize)]
pub(crate) struct Columns {
    /// Columns of numbers and of categories, and the inputs that they become.
    pub(crate) numbers: usize,
    pub(crate) categories: usize,
    pub(crate) inputs: usize,
    /// Their names.
    pub(crate) names: Vec<String>,
    pub(crate) scale: Scale,
    /// The columns to learn.
    pub(crate) targets: Vec<String>,
    /// The names of the classes.
    pub(crate) class_names: Option<Vec<String>>,
    /// Whether each target is a label, yes or no.
    pub(crate) are_labels: bool,
}

impl Args {
    /// Options that say nothing but which rows are tested on.
    pub(crate) fn tested_on(tested: Tested) -> Args {
        Args { tested, ..Args::default() }
    }

    /// The first of the options that was given of those that a preparation follows from.
    pub(crate) fn first_of_preparation(&self) -> Option<&'static str> {
        let given = [
            ("--target", !self.target.is_empty()),
            ("--drop", !self.drop.is_empty()),
            ("--numeric", !self.numeric.is_empty()),
            ("--categorical", !self.categorical.is_empty()),
            ("--scale", self.scale.is_some()),
            ("--missing", self.missing.is_some()),
            ("--decimal-comma", self.form.decimal_comma),
            ("--no-header", self.form.no_header),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    /// The first of the options that was given.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let delimiter = self.form.delimiter.map(|_| "--delimiter");
        self.first_of_preparation().or(self.tested.first_given()).or(delimiter)
    }

    fn options(&self, task: Option<Task>, path: &Path, keys: &Keys) -> Result<TableOptions, Failure> {
        self.form.check(path)?;
        // An archive says which of its arrays has the targets.
        let targets = match keys.kind(path) {
            Some(Kind::Rows) if self.target.is_empty() => keys.targets(path)?,
            _ => names(&self.target),
        };
        // A class may be any number.
        let classes = (task == Some(Task::Classification)).then_some(targets.clone());
        Ok(TableOptions {
            targets,
            drop: names(&self.drop),
            numeric: names(&self.numeric),
            categorical: names(&self.categorical).into_iter().chain(classes.into_iter().flatten()).collect(),
            missing: match self.missing {
                None | Some(Way::Refuse) => Missing::Refuse,
                Some(Way::Median) => Missing::Median,
                Some(Way::Drop) => Missing::Drop,
            },
            ..self.form.options()
        })
    }

    /// Opens the table at `path`, and splits it. `known` is the preparation of the network that is trained, if it has one.
    pub(crate) fn open(
        &self,
        path: &Path,
        keys: &Keys,
        known: Option<&Preparation>,
        task: Option<Task>,
        validation_split: Option<f64>,
        seed: u64,
    ) -> Result<TableSets, Failure> {
        let validation_split = self.tested.validation_split(validation_split);
        let (table, kind) = match known {
            None => {
                let kind = match task {
                    Some(Task::Regression) => TargetKind::Values,
                    Some(Task::MultiLabel) => TargetKind::Labels,
                    _ => TargetKind::Look,
                };
                let options = self.options(task, path, keys)?;
                let table = read(path, keys, &|name| options.need(name), |name, text| match text {
                    Source::Text(reader) => Table::from_reader(name, reader, &options),
                    Source::Commas(reader) => Table::from_commas(name, reader, &options),
                })?;
                (table, kind)
            }
            Some(known) => {
                let kind = match known.classes() {
                    Some(_) => TargetKind::Classes,
                    None if known.has_labels() => TargetKind::Labels,
                    None => TargetKind::Values,
                };
                (with_targets(path, keys, known)?, kind)
            }
        };
        let kind = table.target_kind(kind)?;
        let all: Vec<u32> = (0..table.rows() as u32).collect();
        let (rest, test) = match self.tested.split() {
            None => (all, None),
            Some(fraction) => {
                let (rest, test) =
                    table.split_test(kind, fraction, seed).map_err(refused("--test-split", fraction))?;
                (rest, Some(test))
            }
        };
        let (training, validation) = match validation_split {
            None => (rest, None),
            Some(fraction) => {
                let parts = table.split_validation(&rest, kind, fraction, seed);
                let (training, validation) = parts.map_err(refused("--validation-split", fraction))?;
                (training, Some(validation))
            }
        };
        let mut notes = Vec::new();
        if table.dropped() > 0 {
            notes.push(format!(
                "note: {} rows with missing values are left out; --missing median keeps them",
                table.dropped()
            ));
        }
        let preparation = match known {
            Some(known) => known.clone(),
            None => {
                let scale = self.scale.unwrap_or_default();
                let (preparation, faults) = Preparation::learn(&table, kind, &training, scale)?;
                notes.extend(faults.iter().map(|fault: &ColumnNote| {
                    format!("note: {fault}; leave it out with --drop '{}'", list_item(&fault.column))
                }));
                preparation
            }
        };
        let bytes = 4 * (table.rows() as u64).saturating_mul(preparation.inputs() as u64);
        memory::check(format!("{}: its rows", path.display()), bytes, "leave columns out with --drop")
            .map_err(Failure::Run)?;
        let whole = preparation.dataset(table)?;
        notes.extend(whole.unknown.iter().map(of_unknown));
        let part = |rows: &Vec<u32>| whole.dataset.subset(rows);
        let mut sets = TableSets {
            train: part(&training)?,
            validation: validation.as_ref().map(part).transpose()?,
            test: test.as_ref().map(part).transpose()?,
            preparation,
            notes,
        };
        if let Some(other) = self.tested.file() {
            let (test, notes) = judged(other, keys, &sets.preparation)?;
            sets.test = Some(test);
            sets.notes.extend(notes);
        }
        Ok(sets)
    }
}

/// Opens the table at `path` to judge a network by it, which has this preparation. Notes are returned beside it.
pub(crate) fn judged(
    path: &Path,
    keys: &Keys,
    preparation: &Preparation,
) -> Result<(Dataset, Vec<String>), Failure> {
    let table = with_targets(path, keys, preparation)?;
    let prepared = preparation.dataset(table)?;
    let rows = (0..prepared.dataset.len()).filter_map(|row| match prepared.dataset.input(row) {
        Row::Floats(inputs) => Some(inputs),
        Row::Bytes(_) => None,
    });
    let far = preparation.far(rows);
    let notes = prepared.unknown.iter().map(of_unknown).chain(far.iter().map(of_far)).collect();
    Ok((prepared.dataset, notes))
}

/// Reads the table at `path` with the targets of a network that has this preparation.
fn with_targets(path: &Path, keys: &Keys, preparation: &Preparation) -> Result<Table, Failure> {
    read(path, keys, &|name| preparation.need(name, true), |name, text| match text {
        Source::Text(reader) => preparation.read_with_targets(name, reader),
        Source::Commas(reader) => preparation.read_commas(name, reader, true),
    })
}

/// The text of a table.
pub(crate) enum Source {
    /// Text of any form.
    Text(Box<dyn Read>),
    /// Text that is made of a Parquet file, as [`Table::from_commas`] takes it.
    Commas(Box<dyn Read>),
}

/// Calls `read` with the text of the file at `path`, or of standard input, and the name that errors call it. `need` says which columns
/// of a Parquet file are needed.
pub(crate) fn read<T>(
    path: &Path,
    keys: &Keys,
    need: &dyn Fn(&str) -> Need,
    read: impl FnOnce(&Path, Source) -> Result<T, minibatch_data::Error>,
) -> Result<T, Failure> {
    let name = shown_path(path);
    if path == Path::new(STANDARD_INPUT) {
        return Ok(read(name, Source::Text(Box::new(io::stdin().lock())))?);
    }
    if let Some(text) = parquet(path, need)? {
        return Ok(read(name, Source::Commas(text))?);
    }
    match keys.kind(path) {
        Some(kind) => Ok(read(name, Source::Text(Box::new(keys.text(path, kind)?)))?),
        None => Ok(read(name, Source::Text(Box::new(open_regular(path)?)))?),
    }
}

/// The text of the table in a Parquet file, if `path` is one.
#[cfg(feature = "parquet")]
fn parquet(path: &Path, need: &dyn Fn(&str) -> Need) -> Result<Option<Box<dyn Read>>, minibatch_data::Error> {
    use std::panic::{set_hook, take_hook};
    static HUSH: std::sync::Once = std::sync::Once::new();
    if !is_parquet(path) {
        return Ok(None);
    }
    // A damaged file can make the decoder panic. `ParquetText` makes an error of that, which is told in a line.
    HUSH.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !info.location().is_some_and(|place| place.file().contains("parquet-")) {
                usual(info);
            }
        }));
    });
    Ok(Some(Box::new(minibatch_data::ParquetText::open(path, need)?)))
}

/// None. The reader of text refuses a Parquet file, and names the feature.
#[cfg(not(feature = "parquet"))]
fn parquet(_: &Path, _: &dyn Fn(&str) -> Need) -> Result<Option<Box<dyn Read>>, minibatch_data::Error> {
    Ok(None)
}

/// Whether the file at `path` can be read, and begins as a Parquet file does.
fn is_parquet(path: &Path) -> bool {
    minibatch_data::is_parquet(path).unwrap_or(false)
}

/// The name that messages call a table.
pub(crate) fn shown_path(path: &Path) -> &Path {
    if path == Path::new(STANDARD_INPUT) { Path::new("standard input") } else { path }
}

/// Whether `path` is a table, by its name or its content.
pub(crate) fn is_table(path: &Path, keys: &Keys) -> bool {
    if path == Path::new(STANDARD_INPUT) {
        return true;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if [".csv", ".tsv", ".txt", ".data"].iter().any(|end| name.ends_with(end)) {
        return fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir());
    }
    if is_parquet(path) || keys.kind(path).is_some_and(|kind| kind != Kind::Images) {
        return true;
    }
    let mut start = Vec::new();
    let is_read = open_regular(path).is_ok_and(|file| file.take(512).read_to_end(&mut start).is_ok());
    is_read
        && !start.is_empty()
        && !start.contains(&0)
        && std::str::from_utf8(&start).map_or_else(|error| error.valid_up_to() + 4 > start.len(), |_| true)
}

/// The note that a column lies far from the rows that the network was trained on.
pub(crate) fn of_far(Far { column, distance, .. }: &Far) -> String {
    format!("note: column '{column}': the mean is {distance}; check that its unit is the same")
}

/// The note that a category isn't among those that the network was trained with.
pub(crate) fn of_unknown(Unknown { column, cells, example, .. }: &Unknown) -> String {
    let s = if *cells == 1 { "" } else { "s" };
    format!(
        "note: column '{column}': {cells} cell{s} with a category that the training rows don't have, such as '{example}'; \
         it counts as none; check its spelling, or train on rows that have it"
    )
}

impl Columns {
    pub(crate) fn of(preparation: &Preparation) -> Columns {
        use minibatch_data::preparation::InputKind;
        let numbers = preparation.columns().iter();
        let numbers = numbers.filter(|column| matches!(column.kind, InputKind::Numbers { .. })).count();
        Columns {
            numbers,
            categories: preparation.columns().len() - numbers,
            inputs: preparation.inputs(),
            names: preparation.columns().iter().map(|column| column.name.clone()).collect(),
            scale: preparation.scale(),
            targets: preparation.target_names().into_iter().map(str::to_owned).collect(),
            class_names: preparation.classes().map(<[String]>::to_vec),
            are_labels: preparation.has_labels(),
        }
    }

    /// The columns in words.
    pub(crate) fn words(&self) -> String {
        let kind = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let kinds: Vec<String> = [
            kind(self.numbers, "column of numbers", "columns of numbers"),
            kind(self.categories, "column of categories", "columns of categories"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let scale = match self.scale {
            Scale::None => "not scaled".to_owned(),
            scale => format!("scaling {scale}"),
        };
        let verb = if self.names.len() == 1 { "becomes" } else { "become" };
        let inputs = if self.inputs == 1 { "1 input".to_owned() } else { format!("{} inputs", self.inputs) };
        format!("{} {verb} {inputs}, {scale}", kinds.join(" and "))
    }

    /// The targets in words.
    pub(crate) fn of_targets(&self) -> String {
        /// Names of classes that are told.
        const MOST: usize = 12;
        let targets = self.targets.join(", ");
        match &self.class_names {
            None if self.are_labels => format!("{targets}: each yes or no"),
            None if self.targets.len() == 1 => {
                format!("{targets}, standardised for training; costs and errors are told in its own units")
            }
            None => format!(
                "{targets}, standardised for training; errors are told in their own units, costs aren't"
            ),
            Some(names) => {
                let more = if names.len() > MOST { ", …" } else { "" };
                let first: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
                format!("{targets}: {}{more}", first.join(", "))
            }
        }
    }
}
