//! Frames with fixed data, held against the texts in `frames`. `UPDATE_SNAPSHOTS=1` writes these anew.

use super::frame;
use super::keys::Picture;
use super::shown::{FirstWeights, Shown};
use crate::draw::{Colors, Raster};
use crate::report::Inspected;
use minibatch::{Epoch, LayerInspection};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use serde_json::json;
use std::path::PathBuf;
use std::{env, fs};

fn history(epochs: usize) -> Vec<Epoch> {
    let epoch = |n: usize| {
        let evaluation = |off: f64| {
            let accuracy = 1.0 - (0.2 + off) / (n as f64 + 1.0);
            let correct = (10_000.0 * accuracy) as usize;
            json!({"cost": (0.3 + off) / n as f64, "correct": correct, "accuracy": correct as f64 / 1e4, "examples": 10_000})
        };
        let epoch = json!({"epoch": n, "cost": 0.3 / n as f64, "correct": 60_000 - 9000 / n, "learning_rate": 3.0 / n as f64,
                           "validation": evaluation(0.02), "test": evaluation(0.05),
                           "training_seconds": 0.05 + 0.001 * (n % 5) as f64});
        serde_json::from_value(epoch).unwrap()
    };
    (1..=epochs).map(epoch).collect()
}

fn inspected(epochs: usize) -> Vec<Inspected> {
    let layer = |n: usize, l: usize| -> LayerInspection {
        let layer = json!({"layer": l, "units": 320 / l, "examples": 1000, "flat": n as f64 / 40.0 / l as f64, "dead": n / 8,
                           "saturated": n / 2, "error": 0.1 / n as f64, "update": 1e-3 / (n * l) as f64});
        serde_json::from_value(layer).unwrap()
    };
    (1..=epochs).map(|n| Inspected { epoch: n, layers: (1..=3).map(|l| layer(n, l)).collect() }).collect()
}

fn weights() -> FirstWeights {
    let picture = |unit: usize| {
        let weight = |i: usize| ((i % 28) as f32 - 14.0) * ((i / 28) as f32 - 7.0 - unit as f32) / 300.0;
        let values: Vec<f32> = (0..784).map(weight).collect();
        Raster::of_signed(&values, 28, 28, 1.0).unwrap()
    };
    FirstWeights { pictures: (0..32).map(picture).collect(), units: 32, greatest: 1.25 }
}

/// A frame of a run in its 13th epoch.
fn terminal(size: (u16, u16), change: impl FnOnce(&mut Shown<'_>)) -> Terminal<TestBackend> {
    let (history, inspected, weights) = (history(12), inspected(12), weights());
    let mut shown = Shown {
        picture: Picture::Curves,
        colors: Colors::None,
        history: &history,
        examples: 60_000,
        epochs: 60,
        step: 1234,
        steps: 3750,
        elapsed: 12.3,
        left: 48.7,
        learning_rate: 0.25,
        samples_per_second: Some(1_234_567.0),
        threads: 2,
        isa: "avx512",
        kept: "run.ckpt, saved 0.42 s ago",
        message: None,
        inspected: &inspected,
        weights: Some(&weights),
        share: 0.0042,
    };
    change(&mut shown);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|it| frame::draw(it.buffer_mut(), &shown)).unwrap();
    terminal
}

fn lines(terminal: &Terminal<TestBackend>) -> Vec<String> {
    let buffer = terminal.backend().buffer();
    let line = |cells: &[ratatui::buffer::Cell]| {
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
    };
    buffer.content.chunks(buffer.area.width.into()).map(line).collect()
}

#[test]
fn every_picture_is_as_recorded() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/train/dashboard/frames");
    let pictures = [
        ("curves", Picture::Curves),
        ("layers", Picture::Layers),
        ("weights", Picture::Weights),
        ("rates", Picture::Rates),
        ("help", Picture::Help),
    ];
    for (name, picture) in pictures {
        for (columns, rows) in [(80, 24), (60, 16)] {
            let found = lines(&terminal((columns, rows), |shown| shown.picture = picture)).join("\n") + "\n";
            let file = folder.join(format!("{name}-{columns}x{rows}.txt"));
            if env::var_os("UPDATE_SNAPSHOTS").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&file, &found).unwrap();
            }
            let expected = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(found, expected, "{}; UPDATE_SNAPSHOTS=1 writes it anew", file.display());
        }
    }
}

#[test]
fn odd_states_and_sizes_are_drawn() {
    for picture in [Picture::Curves, Picture::Layers, Picture::Weights, Picture::Rates, Picture::Help] {
        for size in [(1, 1), (59, 40), (60, 16), (61, 17), (300, 100)] {
            for colors in [Colors::None, Colors::Indexed, Colors::True] {
                let drawn = terminal(size, |shown| {
                    shown.picture = picture;
                    shown.colors = colors;
                    shown.history = &[];
                    shown.inspected = &[];
                    shown.weights = None;
                    shown.epochs = usize::MAX;
                    shown.left = f64::INFINITY;
                    shown.message = Some("saving run.ckpt");
                    shown.samples_per_second = None;
                });
                let text = lines(&drawn).join("\n");
                if size.0 >= 60 {
                    assert!(text.contains("saving run.ckpt") && text.contains("q stop"), "{text}");
                } else if size.0 > 1 {
                    assert!(text.contains("59×40 is too small"), "{text}");
                }
            }
        }
        terminal((300, 100), |shown| shown.picture = picture);
    }
}

#[test]
fn curves_and_weights_have_colours() {
    let colors = |picture, colors| {
        let drawn = terminal((80, 24), |shown| {
            shown.picture = picture;
            shown.colors = colors;
        });
        let mut found: Vec<Color> = drawn.backend().buffer().content.iter().map(|cell| cell.fg).collect();
        found.sort_unstable_by_key(|color| format!("{color:?}"));
        found.dedup();
        found
    };
    // Three curves, and what is in the terminal's own colour.
    assert_eq!(colors(Picture::Curves, Colors::True).len(), 4);
    assert!(colors(Picture::Curves, Colors::True).contains(&Color::Rgb(0xd5, 0x5e, 0)));
    assert!(colors(Picture::Weights, Colors::Indexed).len() > 10);
    assert_eq!(colors(Picture::Weights, Colors::None), [Color::Reset]);
}
