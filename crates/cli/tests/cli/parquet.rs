//! Parquet files as tables: train, eval, predict, verify, and the refusals.

use crate::world::World;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs::{self, File};
use std::sync::Arc;

/// A plant: its length, if it is known, and its colour, the time it was seen, and its species.
type Plant = (Option<f64>, &'static str, i64, &'static str);

fn plants(count: usize) -> Vec<Plant> {
    let plant = |i: usize| {
        let length = (!i.is_multiple_of(11)).then_some((i * 37 % 100) as f64 / 7.0);
        let is_long = length.unwrap_or_default() > 6.0;
        (length, ["red", "white"][i % 2], 1_700_000_000 + i as i64, if is_long { "rose" } else { "tulip" })
    };
    (0..count).map(plant).collect()
}

/// Writes plants as `NAME.parquet`, and as `NAME.csv` without the time.
fn write(world: &World, name: &str, plants: &[Plant]) {
    let schema = "message plants { optional double length; required binary colour (UTF8); \
                  required int64 seen (TIMESTAMP(MICROS,true)); required binary species (UTF8); }";
    let file = File::create(world.path(&format!("{name}.parquet"))).unwrap();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let lengths: Vec<f64> = plants.iter().filter_map(|plant| plant.0).collect();
    let levels: Vec<i16> = plants.iter().map(|plant| i16::from(plant.0.is_some())).collect();
    column.typed::<DoubleType>().write_batch(&lengths, Some(&levels), None).unwrap();
    column.close().unwrap();
    let texts = |text: fn(&Plant) -> &'static str| {
        plants.iter().map(|plant| ByteArray::from(text(plant))).collect::<Vec<_>>()
    };
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(|plant| plant.1), None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let times: Vec<i64> = plants.iter().map(|plant| plant.2).collect();
    column.typed::<Int64Type>().write_batch(&times, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(|plant| plant.3), None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let line = |(length, colour, _, species): &Plant| {
        format!("{},{colour},{species}\n", length.map_or_else(String::new, |x| x.to_string()))
    };
    let text: String = plants.iter().map(line).collect();
    fs::write(world.path(&format!("{name}.csv")), format!("length,colour,species\n{text}")).unwrap();
}

fn hash(world: &World, arguments: &str) -> String {
    world.json(arguments).last().unwrap()["weight_hash"].as_str().unwrap().to_owned()
}

#[test]
fn a_parquet_file_gives_the_bits_of_the_csv_file() {
    let world = World::empty();
    write(&world, "plants", &plants(150));
    write(&world, "others", &plants(40));
    let run = |end: &str| {
        let drop = if end == "parquet" { " --drop seen" } else { "" };
        format!("train plants.{end} --target species --missing median --test others.{end} --epochs 3{drop}")
    };
    let expected = hash(&world, &format!("{} --checkpoint csv.ckpt", run("csv")));
    assert_eq!(hash(&world, &format!("{} --checkpoint run.ckpt", run("parquet"))), expected);
    // The network takes either file from now on. The column that it doesn't need isn't read, and is empty in the answer.
    let accuracy = |arguments: &str| world.json(arguments)[0]["test"]["accuracy"].clone();
    assert_eq!(accuracy("eval run.ckpt others.parquet"), accuracy("eval csv.ckpt others.csv"));
    assert_eq!(accuracy("eval csv.ckpt others.parquet"), accuracy("eval run.ckpt others.csv"));
    let [parquet, csv] = ["parquet", "csv"].map(|end| {
        let run = world.run(&format!("predict run.ckpt others.{end}"));
        run.succeeded().lines().map(str::to_owned).collect::<Vec<_>>()
    });
    assert!(parquet[0].starts_with("length,colour,seen,species,predicted_species,"), "{}", parquet[0]);
    assert_eq!(parquet.len(), 41);
    let answer = |line: &String| line.split(',').rev().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert!(parquet.iter().map(answer).eq(csv.iter().map(answer)));
    let resumed = world.run("train plants.parquet --test others.parquet --resume run.ckpt --epochs 4");
    resumed.succeeded();
    let verified = world.run("verify run.ckpt plants.parquet --test others.parquet");
    assert!(verified.succeeded().contains("The bits agree"));
}

/// Each message is one line.
#[test]
fn bad_parquet_files_are_refused() {
    let world = World::empty();
    write(&world, "plants", &plants(30));
    let good = fs::read(world.path("plants.parquet")).unwrap();
    fs::write(world.path("cut.parquet"), &good[..good.len() - 20]).unwrap();
    fs::write(world.path("short.csv"), b"PAR1").unwrap();
    for (arguments, code, expected) in [
        (
            "train plants.parquet --target species",
            1,
            "plants.parquet: column 'seen': expected truth values, numbers or texts, found dates or times; leave it out with --drop \
             'seen', or write it as numbers or texts",
        ),
        (
            "train plants.parquet --target species --drop seen",
            1,
            "plants.parquet: line 2, column 'length': expected a value, found nothing; fill in medians with --missing median, or drop \
             such rows with --missing drop",
        ),
        (
            "train plants.parquet --target kind --drop seen",
            1,
            "plants.parquet: expected a column 'kind', found the columns 'length', 'colour', 'seen', 'species'",
        ),
        (
            "train plants.parquet --target species --no-header",
            2,
            "--no-header is for tables of text, and plants.parquet is none",
        ),
    ] {
        let run = world.run(arguments);
        assert_eq!((run.code, run.stderr), (Some(code), format!("error: {expected}")), "{arguments}");
    }
    for name in ["cut.parquet", "short.csv"] {
        let run = world.run(&format!("train {name} --target species"));
        let start = format!("error: {name}: expected a Parquet file, found ");
        assert!(run.stderr.starts_with(&start) && run.stderr.lines().count() == 1, "{}", run.stderr);
        assert_eq!(run.code, Some(1));
    }
    let piped = world.shell(&world.program("train - --target species < plants.parquet")).output().unwrap();
    let expected = "error: standard input: expected a table as text (CSV or TSV), found a Parquet file; name the file itself, unpacked, \
                    as it is read at several places\n";
    assert!(String::from_utf8_lossy(&piped.stderr).ends_with(expected), "{piped:?}");
}
