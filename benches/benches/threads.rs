//! Whether more threads are ever slower: training with one thread and with two (or as many as there are processors), and with
//! four times too many, on networks and minibatches of all sizes. Each pair takes turns within a run. A figure is the median of
//! the turns' ratios.
//!
//! Neighbours distort it: two threads that wait for each other lose more to a neighbour than a thread by itself. If Linux groups
//! processes by session, `setsid -w sh -c 'echo -19 > /proc/self/autogroup; exec cargo bench --bench threads'` as root keeps them
//! off.
//!
//! `cargo bench --bench threads` prints the tables, `-- 784-32-10` those of that network alone. Without `--bench` it does
//! one turn, as a test.
#![allow(missing_docs, clippy::print_stdout)]

use minibatch_benches::pace::{CLASSES, median, noise, side_by_side};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hidden layers and inputs. The outputs are the classes.
const NETWORKS: [&[usize]; 8] = [
    &[8, 8],
    &[64, 32],
    &[784, 32],
    &[784, 100],
    &[784, 128, 64],
    &[784, 256],
    &[784, 512],
    &[784, 512, 512],
];

const EXAMPLES: usize = 4_096;

/// A comparison of `many` threads with `few`, at minibatches of these sizes. The ratio must never be below `least`.
#[derive(Clone, Copy)]
struct Comparison {
    few: usize,
    many: usize,
    batches: &'static [usize],
    least: f64,
    /// Threads that compute something else at the same time.
    strangers: usize,
    /// Seconds of a turn.
    seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let filter = arguments.iter().find(|argument| !argument.starts_with("--"));
    let cores = std::thread::available_parallelism().map_or(2, usize::from).max(2);
    let batches: &[usize] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    let undisturbed = Comparison { few: 1, many: cores, batches, least: 0.97, strangers: 0, seconds: 0.012 };
    let comparisons = [
        undisturbed,
        Comparison { few: cores, many: 4 * cores, batches: &[1, 16, 128, 1024], least: 0.4, ..undisturbed },
        // The turns are long: a team that is disturbed computes alone for up to a fifth of a second.
        Comparison { batches: &[1, 16, 128], least: 0.7, strangers: 1, seconds: 0.3, ..undisturbed },
    ];
    for comparison in &comparisons {
        let (rounds, seconds) = if is_bench { (9, comparison.seconds) } else { (1, 0.001) };
        let stop = AtomicBool::new(false);
        let missed = std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            for _ in 0..comparison.strangers {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        std::hint::black_box(0);
                    }
                });
            }
            compare(comparison, filter, rounds, seconds)
        });
        println!(
            "below {}: {}\n",
            comparison.least,
            if missed.is_empty() { "none".to_owned() } else { missed.join(", ") }
        );
        if !is_bench {
            break;
        }
    }
}

/// Stops the strangers in every case. Without it a panic would wait for them.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Prints a table, and returns the places where the speed falls short.
fn compare(comparison: &Comparison, filter: Option<&String>, rounds: usize, seconds: f64) -> Vec<String> {
    let &Comparison { few, many, batches, least, strangers, .. } = comparison;
    let disturbed = if strangers > 0 { ", beside one that computes something else" } else { "" };
    println!("speed with {many} threads, of that with {few}{disturbed}; B from left to right");
    print!("{:>16}", "");
    batches.iter().for_each(|batch| print!("{batch:>7}"));
    println!();
    let mut missed = Vec::new();
    for network in NETWORKS {
        let sizes: Vec<usize> = network.iter().copied().chain([CLASSES]).collect();
        let name = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        if filter.is_some_and(|filter| !name.contains(filter)) {
            continue;
        }
        print!("{name:>16}");
        let data = noise(sizes[0], EXAMPLES);
        for &batch in batches {
            let ratio = |rounds| {
                let paces = side_by_side(&data, &sizes, batch, &[few, many], rounds, seconds);
                let paces = paces.expect("noise is learnt in small steps");
                median(paces[1].iter().zip(&paces[0]).map(|(many, few)| many / few).collect())
            };
            let mut found = ratio(rounds);
            if found < least {
                // The cause may be a neighbour on this machine. Three times as many turns decide.
                found = ratio(3 * rounds);
            }
            print!("{found:>7.2}");
            // Shows the line on the terminal now.
            let _ = std::io::stdout().flush();
            if found < least {
                missed.push(format!("{name} at B = {batch} ({found:.2})"));
            }
        }
        println!();
    }
    missed
}
