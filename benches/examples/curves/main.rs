//! Samples a second against width, depth and size of the minibatch, with one thread and with two, beside the limits of the
//! machine's measured ceilings. A prediction for more cores follows. `cargo xtask curves` runs it.
//!
//!     cargo run --release -p minibatch-benches --example curves -- CSV FOLDER [--quick] [ABOUT]
//!
//! writes the table to the file CSV, with the line ABOUT before it, and the pictures into FOLDER.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it reports to the terminal")]

mod limit;
mod machine;
mod model;
mod picture;

use machine::Machine;
use minibatch_benches::pace::{CLASSES, median, noise, side_by_side};
use minibatch_benches::{THREADS, plural};
use model::Barrier;
use picture::{Curve, Kind, Picture};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

/// A sweep: at each x a network and a size of the minibatch.
struct Sweep {
    name: &'static str,
    title: &'static str,
    x: &'static str,
    points: Vec<(usize, Vec<usize>, usize)>,
}

fn sweeps(quick: bool) -> [Sweep; 4] {
    let powers = |first: u32, last: u32| {
        let step = if quick { 3 } else { 1 };
        (first..=last).step_by(step).map(|power| 1_usize << power)
    };
    let network = |hidden: &[usize]| [&[784], hidden, &[CLASSES]].concat();
    [
        Sweep {
            name: "width",
            title: "784-w-w-10, B = 128: samples a second against the width",
            x: "width w of the hidden layers",
            points: powers(4, 12).map(|w| (w, network(&[w, w]), 128)).collect(),
        },
        Sweep {
            name: "depth",
            title: "784-256-…-256-10, B = 128: samples a second against the depth",
            x: "hidden layers",
            points: (1..=8)
                .step_by(if quick { 3 } else { 1 })
                .map(|d| (d, network(&vec![256; d]), 128))
                .collect(),
        },
        Sweep {
            name: "batch-small",
            title: "784-32-10: samples a second against the minibatch",
            x: "minibatch size B",
            points: powers(0, 13).map(|b| (b, network(&[32]), b)).collect(),
        },
        Sweep {
            name: "batch-large",
            title: "784-512-512-10: samples a second against the minibatch",
            x: "minibatch size B",
            points: powers(0, 13).map(|b| (b, network(&[512, 512]), b)).collect(),
        },
    ]
}

/// A measured point: samples a second with each of `THREADS`.
struct Point {
    x: f64,
    sizes: Vec<usize>,
    batch: usize,
    paces: [f64; 2],
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let mut others = arguments.iter().filter(|argument| *argument != "--quick");
    let usage = "expected the name of the table and the folder of the pictures";
    let (csv, folder) = (others.next().ok_or(usage)?, Path::new(others.next().ok_or(usage)?));
    std::fs::create_dir_all(folder)?;

    println!("ceilings");
    let machine = Machine::measure();
    let ceilings = format!(
        "one core: FMA peak {:.0} GFLOP/s; second-level cache: reads {:.0} GB/s, updates in place {:.0} GB/s; beyond it: reads {:.1} GB/s; \
         a flag to another core and its answer back {:.2} µs; a random row of 784 bytes {:.0} ns",
        machine.peak * 1e-9,
        machine.l2_read * 1e-9,
        machine.l2_update * 1e-9,
        machine.memory_read * 1e-9,
        machine.barrier * 1e6,
        machine.row * 1e9,
    );
    println!("  {ceilings}");
    let mut table = String::new();
    if let Some(about) = others.next() {
        writeln!(table, "# {about}")?;
    }
    writeln!(table, "# {ceilings}")?;
    writeln!(table, "sweep,network,batch,threads,samples_per_s,gflop_per_s,model_samples_per_s")?;

    for line in limit::table(&machine).lines() {
        println!("  {line}");
        writeln!(table, "# {line}")?;
    }

    let data = noise(784, 8_192);
    let (rounds, seconds) = if quick { (2, 0.01) } else { (5, 0.03) };
    let mut everything = Vec::new();
    for sweep in sweeps(quick) {
        println!("{}", sweep.title);
        let mut measured = Vec::new();
        for (x, sizes, batch) in sweep.points {
            let paces = side_by_side(&data, &sizes, batch, &THREADS, rounds, seconds)?;
            let paces: Vec<f64> = paces.into_iter().map(median).collect();
            let name = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
            for (threads, pace) in THREADS.into_iter().zip(&paces) {
                let rate = pace / batch as f64 * model::flops(&sizes, batch) * 1e-9;
                let limit = batch as f64 / model::step(&machine, &sizes, batch, threads, Barrier::Flat);
                writeln!(table, "{},{name},{batch},{threads},{pace:.0},{rate:.1},{limit:.0}", sweep.name)?;
            }
            println!(
                "  {name}, B = {batch}: {:.1} | {:.1} thousand samples/s",
                paces[0] * 1e-3,
                paces[1] * 1e-3
            );
            measured.push(Point { x: x as f64, sizes, batch, paces: [paces[0], paces[1]] });
        }
        let picture = Picture {
            title: sweep.title,
            x: sweep.x,
            y: "thousand samples/s",
            curves: curves(&machine, &measured),
        };
        picture.draw(&folder.join(format!("{}.svg", sweep.name)))?;
        everything.extend(measured);
    }
    roofline(&machine, &everything).draw(&folder.join("roofline.svg"))?;
    let (cores, predicted) = prediction(&machine);
    writeln!(table, "# predicted samples a second on more such cores, barrier flat | tree")?;
    table.push_str(&predicted);
    cores.draw(&folder.join("cores.svg"))?;
    std::fs::write(csv, table)?;
    println!("{csv} and the pictures in {} are written", folder.display());
    Ok(())
}

/// The measured and the allowed curve for each number of threads.
fn curves(machine: &Machine, points: &[Point]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (which, threads) in THREADS.into_iter().enumerate() {
        let measured = points.iter().map(|point| (point.x, point.paces[which] * 1e-3)).collect();
        let limit = |point: &Point| {
            let seconds = model::step(machine, &point.sizes, point.batch, threads, Barrier::Flat);
            (point.x, point.batch as f64 / seconds * 1e-3)
        };
        let (name, colour) = (plural(threads), which);
        curves.push(Curve { name: name.clone(), colour, kind: Kind::Measured, points: measured });
        let name = format!("{name}, model");
        curves.push(Curve { name, colour, kind: Kind::Model, points: points.iter().map(limit).collect() });
    }
    curves
}

/// Every measured point over FLOP for each byte of the weights that a step moves, under the ceilings.
fn roofline<'a>(machine: &Machine, points: &[Point]) -> Picture<'a> {
    let intensity = |point: &Point| {
        // Weights are read forward, read backward but in the first layer, and read and written in the update.
        let moved = |(l, pair): (usize, &[usize])| pair[0] * pair[1] * if l == 0 { 3 } else { 4 };
        let bytes = 4 * point.sizes.windows(2).enumerate().map(moved).sum::<usize>();
        model::flops(&point.sizes, point.batch) / bytes as f64
    };
    let rate = |point: &Point, which: usize| {
        point.paces[which] / point.batch as f64 * model::flops(&point.sizes, point.batch) * 1e-9
    };
    let ceiling = |bandwidth: f64, threads: usize| {
        let at = |power: i32| {
            let x = 2_f64.powf(f64::from(power) / 4.0);
            (x, (x * bandwidth).min(machine.peak) * threads as f64 * 1e-9)
        };
        (-8..=44).map(at).collect()
    };
    let mut curves = Vec::new();
    for (which, threads) in THREADS.into_iter().enumerate() {
        let measured = points.iter().map(|point| (intensity(point), rate(point, which))).collect();
        curves.push(Curve { name: plural(threads), colour: which, kind: Kind::Points, points: measured });
        let roofs = [("second-level cache", machine.l2_read), ("memory", machine.memory_read)];
        for (number, (name, bandwidth)) in roofs.into_iter().enumerate() {
            let name = format!("{}: FMA peak and {name}", plural(threads));
            let colour = which + 2 * number;
            curves.push(Curve { name, colour, kind: Kind::Model, points: ceiling(bandwidth, threads) });
        }
    }
    Picture {
        title: "All points under the roofline",
        x: "FLOP for each byte of weights moved",
        y: "GFLOP/s",
        curves,
    }
}

/// The model's prediction for more cores: speed-up over one, and the samples a second as lines of the table.
fn prediction<'a>(machine: &Machine) -> (Picture<'a>, String) {
    let jobs: [(&str, &[usize], usize); 4] = [
        ("C1: 784-32-10, B = 16", &[784, 32, 10], 16),
        ("C2: 784-100-10, B = 10", &[784, 100, 10], 10),
        ("C3: 784-512-512-10, B = 128", &[784, 512, 512, 10], 128),
        ("C4: 784-2048-2048-2048-10, B = 1024", &[784, 2048, 2048, 2048, 10], 1024),
    ];
    let (mut curves, mut table) = (Vec::new(), String::new());
    for (colour, (name, sizes, batch)) in jobs.into_iter().enumerate() {
        let pace = |cores, barrier| batch as f64 / model::step(machine, sizes, batch, cores, barrier);
        for barrier in [Barrier::Flat, Barrier::Tree] {
            let speedup = |power: u32| (f64::from(1 << power), pace(1 << power, barrier) / pace(1, barrier));
            let (kind, how) = match barrier {
                Barrier::Flat => (Kind::Measured, "barrier as it is"),
                Barrier::Tree => (Kind::Model, "barrier as a tree"),
            };
            let points = (0..=6).map(speedup).collect();
            curves.push(Curve { name: format!("{name}, {how}"), colour, kind, points });
        }
        for cores in [1, 2, 4, 8, 16, 32, 64] {
            let [flat, tree] = [Barrier::Flat, Barrier::Tree].map(|barrier| pace(cores, barrier));
            // Writing into a string can't fail.
            let _ = writeln!(table, "# {name}; {cores} cores: {flat:.0} | {tree:.0}");
        }
    }
    let picture = Picture {
        title: "What the model predicts for more cores",
        x: "cores",
        y: "times as fast as one",
        curves,
    };
    (picture, table)
}
