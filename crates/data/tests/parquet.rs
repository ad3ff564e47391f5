//! Parquet files, written here with the crate's writer: the same table as the CSV file of the same rows.
#![cfg(feature = "parquet")]

use minibatch_data::{Error, Missing, Preparation, Scale, Table, TableOptions, TargetKind};
use parquet::basic::Compression;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// The values of a column, with a null where there is none.
enum Cells {
    Truth(Vec<Option<bool>>),
    Whole(Vec<Option<i32>>),
    Long(Vec<Option<i64>>),
    Single(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Writes columns, in groups of `group` rows. The schema's fields are in the order of the columns.
fn write(
    path: &Path,
    fields: &str,
    columns: &[Cells],
    rows: usize,
    group: usize,
    packed: Compression,
    dictionary: bool,
) {
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {fields} }}")).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(packed)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(700)
        .set_write_batch_size(100)
        .build();
    let mut writer =
        SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    for start in (0..rows).step_by(group) {
        let end = rows.min(start + group);
        let mut rows = writer.next_row_group().unwrap();
        for cells in columns {
            let mut column = rows.next_column().unwrap().unwrap();
            match cells {
                Cells::Truth(all) => put::<BoolType, _>(&mut column, &all[start..end], |x| *x),
                Cells::Whole(all) => put::<Int32Type, _>(&mut column, &all[start..end], |x| *x),
                Cells::Long(all) => put::<Int64Type, _>(&mut column, &all[start..end], |x| *x),
                Cells::Single(all) => put::<FloatType, _>(&mut column, &all[start..end], |x| *x),
                Cells::Double(all) => put::<DoubleType, _>(&mut column, &all[start..end], |x| *x),
                Cells::Text(all) => {
                    put::<ByteArrayType, _>(&mut column, &all[start..end], |x| ByteArray::from(&**x));
                }
            }
            column.close().unwrap();
        }
        rows.close().unwrap();
    }
    writer.close().unwrap();
}

fn put<T: DataType, C>(
    column: &mut SerializedColumnWriter<'_>,
    cells: &[Option<C>],
    value: impl Fn(&C) -> T::T,
) {
    let values: Vec<T::T> = cells.iter().flatten().map(value).collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None).unwrap();
}

/// Random numbers, the same for each test.
fn numbers() -> impl FnMut() -> u64 {
    let mut state = 7_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^ state >> 29
    }
}

const FIELDS: &str = "optional boolean flag; optional int32 whole; optional int64 long; optional int32 small (UINT_8);
    optional int64 large (UINT_64); optional float single; optional double double; optional binary colour (UTF8);
    required binary species (STRING);";

/// Columns of every kind, and the lines of the CSV file with the same rows. One cell of `missing` is null, if it isn't 0.
fn columns(rows: usize, missing: u64) -> (Vec<Cells>, String) {
    let mut next = numbers();
    let mut is_there = move || missing == 0 || !next().is_multiple_of(missing);
    let mut next = numbers();
    let mut text = String::from("flag,whole,long,small,large,single,double,colour,species\n");
    let (mut flag, mut whole, mut long, mut small, mut large) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut single, mut double, mut colour, mut species) = (vec![], vec![], vec![], vec![]);
    for row in 0..rows {
        let mut line = Vec::new();
        macro_rules! cell {
            ($to:ident, $value:expr, $shown:expr) => {{
                let value = is_there().then_some($value);
                line.push(value.as_ref().map_or_else(String::new, $shown));
                $to.push(value);
            }};
        }
        cell!(flag, next().is_multiple_of(3), ToString::to_string);
        cell!(whole, next() as i32 % 1000, ToString::to_string);
        cell!(long, next() as i64 >> 4, ToString::to_string);
        cell!(small, (next() % 256) as i32, ToString::to_string);
        cell!(large, next() as i64, |x| x.cast_unsigned().to_string());
        cell!(single, (next() % 1_000_003) as f32 / 7.0, ToString::to_string);
        // Every third one is half way between two f32, or next to that.
        let bits = (1.0 + (next() % 1000) as f64).to_bits() & !0x1fff_ffff | 0x1000_0000;
        let half = f64::from_bits(bits + row as u64 % 3 - 1);
        cell!(double, if row.is_multiple_of(3) { half } else { next() as f64 / 1e15 }, ToString::to_string);
        cell!(colour, ["red", "white", "a \"b\", c", "NA-no"][next() as usize % 4].to_owned(), |x| {
            format!("\"{}\"", x.replace('"', "\"\""))
        });
        let class = ["rose", "tulip", "iris"][next() as usize % 3].to_owned();
        line.push(class.clone());
        species.push(Some(class));
        text += &(line.join(",") + "\n");
    }
    let columns = vec![
        Cells::Truth(flag),
        Cells::Whole(whole),
        Cells::Long(long),
        Cells::Whole(small),
        Cells::Long(large),
        Cells::Single(single),
        Cells::Double(double),
        Cells::Text(colour),
        Cells::Text(species),
    ];
    (columns, text)
}

fn options(missing: Missing) -> TableOptions {
    TableOptions { targets: vec!["species".to_owned()], missing, ..TableOptions::default() }
}

#[test]
fn a_parquet_file_is_the_table_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let [parquet, csv] = ["rows.parquet", "rows.csv"].map(|name| folder.path().join(name));
    for (rows, group, packed, dictionary, missing, way) in [
        (3000, 3000, Compression::SNAPPY, true, 0, Missing::Refuse),
        (3000, 1100, Compression::UNCOMPRESSED, false, 9, Missing::Median),
        (2500, 1024, Compression::GZIP(Default::default()), true, 40, Missing::Drop),
        (40, 7, Compression::SNAPPY, true, 5, Missing::Median),
    ] {
        let (columns, text) = columns(rows, missing);
        write(&parquet, FIELDS, &columns, rows, group, packed, dictionary);
        fs::write(&csv, text).unwrap();
        let [found, expected] = [&parquet, &csv].map(|path| Table::read(path, &options(way)).unwrap());
        assert_eq!((found.rows(), found.dropped()), (expected.rows(), expected.dropped()));
        assert_eq!(found.columns(), expected.columns());
        for row in 0..found.rows() {
            let bits = |table: &Table| table.row(row).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&found), bits(&expected), "row {row}");
        }
        let dataset = |table: Table| {
            let all: Vec<u32> = (0..table.rows() as u32).collect();
            let (preparation, _) =
                Preparation::learn(&table, TargetKind::Look, &all, Scale::Standard).unwrap();
            (preparation.dataset(table).unwrap().dataset.fingerprint(), preparation)
        };
        let (found, preparation) = dataset(found);
        assert_eq!(
            (found, &preparation),
            (dataset(expected).0, &dataset(Table::read(&csv, &options(way)).unwrap()).1)
        );
    }
}

fn message(path: &Path, options: &TableOptions) -> String {
    let message = Table::read(path, options).expect_err("a bad file").to_string();
    assert!(!message.contains('\n'), "{message}");
    message.strip_prefix(&format!("{}: ", path.display())).expect("the file's name").to_owned()
}

#[test]
fn columns_that_are_no_numbers_or_texts_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let species = || Cells::Text(["a", "b", "a"].map(|x| Some(x.to_owned())).to_vec());
    let whole = || Cells::Whole(vec![Some(1), Some(2), Some(3)]);
    let long = || Cells::Long(vec![Some(1), Some(2), Some(3)]);
    for (fields, columns, found) in [
        ("optional int32 t (DATE);", vec![whole()], "dates or times"),
        ("optional int64 t (TIMESTAMP(NANOS,true));", vec![long()], "dates or times"),
        ("optional int64 t (TIMESTAMP_MILLIS);", vec![long()], "dates or times"),
        ("optional int64 t (TIME(MICROS,false));", vec![long()], "dates or times"),
        ("optional int32 t (DECIMAL(6,2));", vec![whole()], "decimal numbers"),
        ("optional group t { optional int32 a; optional int32 b; }", vec![], "nested values"),
        (
            "optional group t (LIST) { repeated group list { optional int32 element; } }",
            vec![],
            "nested values",
        ),
        ("repeated int32 t;", vec![], "lists"),
    ] {
        let fields = format!("optional int32 a; {fields} optional binary species (UTF8);");
        // Nested columns are refused before their values are looked at: the file has no rows.
        let is_empty = columns.is_empty();
        let columns: Vec<Cells> = [whole()].into_iter().chain(columns).chain([species()]).collect();
        write(&path, &fields, &columns, if is_empty { 0 } else { 3 }, 3, Compression::SNAPPY, true);
        assert_eq!(
            message(&path, &options(Missing::Refuse)),
            format!(
                "column 't': expected truth values, numbers or texts, found {found}; leave it out with --drop 't', or write it as numbers or texts"
            ),
        );
        let options = TableOptions { drop: vec!["t".to_owned()], ..options(Missing::Refuse) };
        match is_empty {
            true => assert_eq!(message(&path, &options), "expected at least one row, found a header alone"),
            false => assert_eq!(Table::read(&path, &options).unwrap().row(1), [2.0, 1.0]),
        }
    }
}

#[test]
fn nulls_and_bad_options_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let fields = "optional double a; optional binary species (UTF8);";
    let species = || Cells::Text(["a", "b", "a"].map(|x| Some(x.to_owned())).to_vec());
    let write_a = |a: [Option<f64>; 3]| {
        write(&path, fields, &[Cells::Double(a.to_vec()), species()], 3, 3, Compression::SNAPPY, true);
    };
    write_a([Some(1.0), None, Some(2.0)]);
    let expected = "line 3, column 'a': expected a value, found nothing; fill in medians with --missing median, or drop such rows with --missing drop";
    assert_eq!(message(&path, &options(Missing::Refuse)), expected);
    assert_eq!(Table::read(&path, &options(Missing::Drop)).unwrap().rows(), 2);
    write_a([Some(1.0), Some(f64::NAN), Some(2.0)]);
    assert!(
        message(&path, &options(Missing::Refuse))
            .starts_with("line 3, column 'a': expected a value, found 'NaN'")
    );
    write_a([Some(1.0), Some(1e300), Some(2.0)]);
    assert!(
        message(&path, &options(Missing::Refuse))
            .starts_with("line 3, column 'a': expected a number within the range of f32")
    );
    let other = TableOptions { targets: vec!["kind".to_owned()], ..TableOptions::default() };
    assert_eq!(message(&path, &other), "expected a column 'kind', found the columns 'a', 'species'");
    // Names that are numbers, an empty one, and one that begins as a Parquet file does.
    let fields = "optional double PAR1; optional binary 2026 (UTF8);";
    let a = Cells::Double(vec![Some(1.0), Some(0.5), Some(2.0)]);
    write(&path, fields, &[a, species()], 3, 3, Compression::SNAPPY, true);
    let options = TableOptions { targets: vec!["2026".to_owned()], ..TableOptions::default() };
    let table = Table::read(&path, &options).unwrap();
    assert_eq!((table.rows(), table.columns()[0].name(), table.delimiter()), (3, "PAR1", b','));
}

/// A damaged file is refused in one line, or read.
#[test]
fn a_damaged_file_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let (columns, _) = columns(60, 7);
    let mut next = numbers();
    let mut refused = 0;
    // Some of these files make the decoder panic.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|place| place.file().contains("parquet-")) {
            usual(info);
        }
    }));
    for (packed, dictionary) in [(Compression::SNAPPY, true), (Compression::UNCOMPRESSED, false)] {
        write(&path, FIELDS, &columns, 60, 40, packed, dictionary);
        let good = fs::read(&path).unwrap();
        for round in 0..400 {
            let mut bytes = good.clone();
            match round % 4 {
                0 => bytes.truncate(4 + next() as usize % (good.len() - 4)),
                _ => (0..1 + round % 3).for_each(|_| {
                    let at = 4 + next() as usize % (good.len() - 4);
                    bytes[at] = next() as u8;
                }),
            }
            fs::write(&path, bytes).unwrap();
            if let Err(error) = Table::read(&path, &options(Missing::Median)) {
                let line = error.to_string();
                assert!(!line.contains('\n') && line.contains("rows.parquet"), "{line}");
                assert!(matches!(error, Error::Io { .. } | Error::Table { .. }), "{line}");
                refused += 1;
            }
        }
    }
    assert!(refused > 300, "{refused}");
}
