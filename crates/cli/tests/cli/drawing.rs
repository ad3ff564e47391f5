//! The drawings of the command: `show`, `weights`, `eval --mistakes`, `compare`. The texts stand in `drawing.txt`.

use crate::world::{World, figure};
use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// A world with a set of pictures, two runs on it, a table and a run on that.
fn world() -> World {
    let world = World::new();
    for (name, options) in [("a", "--hidden 3 --seed 1"), ("b", "--hidden 4 --activation tanh --seed 2")] {
        world
            .run(&format!("train set --epochs 3 --threads 1 {options} --checkpoint {name}.ckpt"))
            .succeeded();
    }
    let mut table = String::from("size,colour,name,kind\n");
    for i in 0..40 {
        let colour = ["red", "green", ""][i % 3];
        table.push_str(&format!(
            "{},{colour},thing {i},{}\n",
            (i * 7) % 11,
            ["small", "large"][usize::from((i * 7) % 11 > 4)]
        ));
    }
    fs::write(world.path("things.csv"), table).unwrap();
    world
        .run("train things.csv --target kind --drop name --missing median --validation-split 0.2 --epochs 2 --threads 1 --checkpoint things.ckpt")
        .succeeded();
    world
}

/// The commands whose output is in `drawing.txt`, each with what the terminal can do.
const COMMANDS: [(&str, &str); 11] = [
    ("plain", "show set --count 3 --labels"),
    ("plain", "show set --index 0-1,7 --test"),
    ("256", "show set --count 1 --class 2"),
    ("true", "show set --count 1 --class 1"),
    ("plain", "show things.csv"),
    ("plain", "weights a.ckpt"),
    ("256", "weights b.ckpt --layer 2"),
    ("256", "eval a.ckpt set --mistakes 2"),
    ("plain", "eval a.ckpt set --mistakes 2"),
    ("plain", "eval things.ckpt things.csv --mistakes 2"),
    ("plain", "compare a.ckpt b.ckpt"),
];

#[test]
fn texts_are_those_of_the_snapshot() {
    let world = world();
    let mut found = String::new();
    for (colors, arguments) in COMMANDS {
        let mut command = world.command(arguments);
        command.env_remove("NO_COLOR").env_remove("COLORTERM").env("TERM", "xterm-256color");
        match colors {
            "256" => _ = command.env("CLICOLOR_FORCE", "1"),
            "true" => _ = command.env("CLICOLOR_FORCE", "1").env("COLORTERM", "truecolor"),
            _ => {}
        }
        let run = crate::world::Run::new(command.output().unwrap());
        let text = run.succeeded().replace('\u{1b}', "␛");
        assert!((colors == "plain") != text.contains('␛'), "{arguments}");
        found.push_str(&format!("$ minibatch {arguments}  # {colors}\n"));
        // Times differ from run to run.
        for line in
            text.lines().filter(|line| !line.starts_with("training time") && !line.starts_with("samples/s"))
        {
            found.push_str(&format!("{line}\n"));
        }
        found.push('\n');
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/drawing.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(path, found).unwrap();
        return;
    }
    let expected = include_str!("drawing.txt");
    for (number, (expected, found)) in (1..).zip(expected.lines().zip(found.lines())) {
        assert_eq!(found, expected, "line {number} of drawing.txt");
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// The size and the colours of a PNG.
fn png(path: &Path) -> ([u32; 2], BTreeSet<[u8; 3]>) {
    let mut reader = png::Decoder::new(Cursor::new(fs::read(path).unwrap())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    ([info.width, info.height], bytes.chunks_exact(3).map(|rgb| [rgb[0], rgb[1], rgb[2]]).collect())
}

#[test]
fn pictures_are_files_of_either_format() {
    let world = world();
    for (arguments, begins, tiles) in [
        ("show set --count 4 --labels", "Drew set: 4 of 205 training images of 4×5 into ", 4),
        ("weights a.ckpt", "Drew weights of layer 1: 3 units of 20 inputs into ", 3),
        ("eval a.ckpt set --mistakes 2", "Drew the 2 most confident mistakes of 60 examples into ", 2),
    ] {
        for ending in ["png", "svg"] {
            let run = world.run(&format!("{arguments} --output drawn.{ending}"));
            let said = run.succeeded();
            assert!(
                said.lines()
                    .any(|line| line.starts_with(begins) && line.contains(&format!("drawn.{ending}"))),
                "{said}"
            );
        }
        let ([width, height], colors) = png(&world.path("drawn.png"));
        assert!(width >= 100 && height >= 100, "{width}×{height}");
        assert!(
            colors.contains(&[255; 3]) && colors.contains(&[0x22; 3]) && colors.len() > 20,
            "{arguments}"
        );
        let svg = fs::read_to_string(world.path("drawn.svg")).unwrap();
        let legend = usize::from(arguments.starts_with("weights"));
        assert_eq!(svg.matches("<image ").count(), tiles + legend, "{arguments}");
        assert_eq!(svg.matches("<image ").count(), svg.matches("data:image/png;base64,").count());
        assert!(svg.starts_with("<svg role=\"img\" aria-label=") && svg.ends_with("</svg>\n"));
        assert!(
            fs::read_dir(world.path("")).unwrap().all(|entry| entry
                .unwrap()
                .path()
                .extension()
                .is_none_or(|end| end != "tmp"))
        );
    }
}

#[test]
fn mistakes_are_those_of_the_predictions() {
    let world = world();
    let evaluation = &world.json("eval a.ckpt set --mistakes 1000")[0];
    let wrong = evaluation["mistakes"]["classes"].as_array().unwrap();
    let right = evaluation["test"]["correct"].as_u64().unwrap() as usize;
    assert_eq!(wrong.len(), 60 - right);
    assert!(wrong.windows(2).all(|two| two[0]["confidence"].as_f64() >= two[1]["confidence"].as_f64()));
    let predictions = world.json("predict a.ckpt --data set --index 0-59");
    for mistake in wrong {
        let predicted = &predictions[mistake["example"].as_u64().unwrap() as usize];
        assert_eq!(predicted["label"], mistake["class"]);
        assert_eq!(predicted["ranked"][0]["class"], mistake["answer"]);
    }
}

#[test]
fn the_mistakes_of_a_table_tell_its_cells() {
    let world = world();
    let run = world.run("eval things.ckpt things.csv --mistakes 3");
    let lines: Vec<&str> = run.succeeded().lines().skip_while(|line| !line.starts_with("the ")).collect();
    assert_eq!(lines[0], "the 3 most confident mistakes of 40 examples");
    let table = fs::read_to_string(world.path("things.csv")).unwrap();
    for two in lines[1..].chunks(2) {
        let row: usize = two[0].strip_prefix("row ").unwrap().split(':').next().unwrap().parse().unwrap();
        let cells: Vec<&str> = table.lines().nth(row).unwrap().split(',').collect();
        let colour = if cells[1].is_empty() { "–" } else { cells[1] };
        assert_eq!(two[1], format!("    size {}, colour {colour}", cells[0]));
        assert!(two[0].contains(&format!(": {}, answered ", cells[3])), "{two:?}");
    }
}

#[test]
fn columns_as_json_hold_what_the_text_tells() {
    let world = world();
    let columns = world.json("show things.csv");
    assert_eq!(columns.len(), 4);
    assert_eq!(columns[0]["kind"], "numbers");
    assert_eq!((&columns[0]["least"], &columns[0]["greatest"]), (&0.0.into(), &10.0.into()));
    assert_eq!(
        columns[0]["histogram"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>(),
        40
    );
    assert_eq!(
        (&columns[1]["missing"], &columns[1]["texts"][0]),
        (&13.into(), &serde_json::json!(["red", 14]))
    );
    assert_eq!(columns[2]["distinct"], 40);
    let run = world.run("show things.csv");
    assert!(run.succeeded().contains(&figure(&columns[0]["mean"])));
}

#[test]
fn a_comparison_has_the_figures_of_the_runs() {
    let world = world();
    let comparison = &world.json("compare a.ckpt b.ckpt")[0];
    let differing: Vec<&str> = comparison["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert!(
        ["network", "activations", "learning rate η", "seed"].iter().all(|name| differing.contains(name)),
        "{differing:?}"
    );
    assert!(!differing.contains(&"minibatch size B") && !differing.contains(&"training data"));
    for (place, name) in ["a.ckpt", "b.ckpt"].iter().enumerate() {
        let (run, info) = (&comparison["runs"][place], &world.json(&format!("info {name}"))[0]);
        let last = &info["history"][2];
        assert_eq!((&run["cost"], &run["test"]), (&last["cost"], &last["test"]));
        assert_eq!(run["weight_hash"], info["weight_hash"]);
    }
    world.run("compare a.ckpt b.ckpt --output both.svg").succeeded();
    let svg = fs::read_to_string(world.path("both.svg")).unwrap();
    assert!(svg.contains(">Training cost<") && svg.contains(">Test accuracy<") && svg.contains(">a.ckpt<"));
    world.run("compare a.ckpt a.ckpt b.ckpt --output all.html").succeeded();
    let page = fs::read_to_string(world.path("all.html")).unwrap();
    assert!(page.contains("3 runs compared") && page.contains("learning rate η"));
    assert!(world.run("compare a.ckpt a.ckpt").succeeded().starts_with("all settings are equal\n"));
}
