//! Bad tables: every case of `bad_tables.txt` is refused in one line, with the right exit code, and leaves no trace.

use crate::bad_input::check;
use crate::world::World;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;

#[test]
fn bad_tables_are_told_in_one_line_and_leave_no_trace() {
    check(&world(), "bad_tables.txt", include_str!("bad_tables.txt"), 60);
}

/// Without the feature, a Parquet file is refused in one line that names it.
#[cfg(not(feature = "parquet"))]
#[test]
fn a_parquet_file_needs_the_feature() {
    let world = world();
    for name in ["flowers.parquet", "flowers.csv"] {
        fs::write(world.path(name), b"PAR1\x15\x04\0\0PAR1").unwrap();
        let expected = format!(
            "error: {name}: expected a table as text (CSV or TSV), found a Parquet file; build minibatch with the feature \
             `parquet`, or export the file as CSV"
        );
        for command in ["train", "eval plants.ckpt", "predict plants.ckpt"] {
            let target = if command == "train" { "--target a" } else { "" };
            let run = world.run(&format!("{command} {name} {target}"));
            assert_eq!((run.code, &*run.stderr), (Some(1), &*expected), "{command}");
        }
    }
}

/// Tables by their names. `plants.csv` is good, the others have a fault each.
const TABLES: [(&str, &str); 35] = [
    ("nothing.csv", ""),
    ("blank.csv", "\n\n\n"),
    ("header.csv", "length,colour,species\n"),
    ("short-row.csv", "a,b,c\n1,2,3\n4,5\n"),
    ("long-row.csv", "a,b,c\n1,2,3\n\n4,5,6,7\n"),
    ("twins.csv", "a,b,a\n1,2,3\n"),
    ("numbered-twins.csv", "2,,b\n1,2,3\n"),
    ("one-column.csv", "a\n1\n2\n"),
    ("empty-cell.csv", "a,b\n1,x\n,y\n"),
    ("na.csv", "a,b\n1,x\nN/A,y\n"),
    ("null-target.csv", "a,b\n1,x\n2,null\n"),
    ("question.csv", "a,b,c\n1,?,x\n2,3,y\n"),
    ("all-missing.csv", "a,b,c\n1,?,x\n2,?,y\n1,?,x\n2,?,y\n1,?,x\n"),
    ("infinite.csv", "a,b\n1e39,x\n2,y\n"),
    ("minus-infinite.csv", "a,b\n-1e99,x\n2,y\n"),
    ("inf-word.csv", "a,b\ninf,1\n2,1\n"),
    ("quote.csv", "a,b\n\"1,x\n2,y\n"),
    ("latin1.csv", ""),
    ("latin1-name.csv", ""),
    ("utf16.csv", ""),
    ("sheet.csv", "PK\u{3}\u{4} and more"),
    ("binary.csv", "a,b\n1,\0\n"),
    ("comma.csv", "a;b\n1,5;x\n2,5;y\n3,5;x\n4,5;y\n5,5;x\n"),
    ("one-row.csv", "a,b\n1,x\n"),
    ("two-targets.csv", "a,b,c\n1,x,1\n2,y,2\n3,x,3\n4,x,3\n5,x,3\n"),
    ("text-row.csv", ""),
    ("free.csv", ""),
    ("names.csv", ""),
    ("typo.csv", ""),
    ("numbers.csv", ""),
    ("one-class.csv", "a,b\n1,x\n2,x\n3,x\n4,x\n5,x\n"),
    ("new-class.csv", "length,colour,species\n5.1,red,rose\n6.3,white,oak\n"),
    ("no-colour.csv", "length,species\n5.1,rose\n"),
    ("missing-later.csv", "length,colour\n5.1,red\nNA,white\n"),
    ("text-later.csv", "length,colour\n5.1,red\nlong,white\n"),
];

fn world() -> World {
    let world = World::new();
    let write = |name: &str, bytes: &[u8]| fs::write(world.path(name), bytes).unwrap();
    for (name, text) in TABLES {
        write(name, text.as_bytes());
    }
    write("latin1.csv", b"a,b\n1,caf\xe9\n2,tea\n");
    write("latin1-name.csv", b"a,caf\xe9\n1,2\n");
    write("utf16.csv", b"\xff\xfea\0,\0b\0\n\0");
    let rows = |row: &dyn Fn(usize) -> String| (0..150).map(row).collect::<String>();
    // Numbers for 120 rows, and then a text.
    let number = |i: usize| if i == 120 { "b\n".to_owned() } else { format!("{i}.5\n") };
    let text_row = rows(&|i| format!("{},x,{}", i % 3, number(i)));
    write("text-row.csv", format!("a,b,c\n{text_row}").as_bytes());
    write("free.csv", format!("a,note\n{}", rows(&|i| format!("{i}.25,remark {i}\n"))).as_bytes());
    let names: String = (0..12).map(|i| format!("{}.5,person{i}\n", i % 4)).collect();
    write("names.csv", format!("a,name\n{names}").as_bytes());
    let typo = |i: usize| if i == 7 { "1O\n".to_owned() } else { format!("{i}\n") };
    write("typo.csv", format!("a,b\n{}", rows(&|i| format!("{},{}", i % 2, typo(i)))).as_bytes());
    write("numbers.csv", format!("a,b\n{}", rows(&|i| format!("{i}.5,{}\n", i * 3))).as_bytes());
    let plants: String = (0..20)
        .map(|i| format!("{}.5,{},{}\n", i, ["red", "white"][i % 2], ["rose", "tulip"][i / 10]))
        .collect();
    let plants = format!("length,colour,species\n{plants}");
    write("plants.csv", plants.as_bytes());
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(plants.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    write("cut.csv.gz", &packed[..packed.len() / 2]);
    write("damaged.csv.gz", &[&packed[..20], &[0xff; 40]].concat());
    fs::create_dir(world.path("folder.csv")).unwrap();
    world
        .run("train plants.csv --target species --epochs 1 --seed 1 --threads 1 --checkpoint plants.ckpt")
        .succeeded();
    world
        .run("train --data set --epochs 1 --seed 1 --threads 1 --hidden 5 --checkpoint images.ckpt")
        .succeeded();
    world
}
