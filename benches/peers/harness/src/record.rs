//! The tables, for the terminal and as a dated file.

use std::fmt::Write;

use xtask_tools::{Machine, Summary, Table, three_digits};

use crate::catalog::{OWN, SHAPES, Workload};
use crate::jobs::Job;
use crate::measure::Row;
use crate::products::{self, Products};

const HOW: &str = "Every peer trains the same network on minibatches of the same size, reshuffled every epoch, with the \
gathering of the rows in its time. Each is a process that stays, loaded and warm; they take turns within a run, and \
all but the one whose turn it is are stopped. Figures are the median of the rounds, with the least and the most. A \
ratio is Minibatch's median to that of the fastest f32 peer of the same table. Each peer has shown that it learns, \
else its row says FAILED. What the peers are, and what each does in its own way, is in ../peers/README.md.";

/// The measurements of one workload with one number of threads.
pub(crate) fn group(workload: &Workload, threads: usize, data: &str, rows: &[Row]) -> String {
    let mut text =
        format!("### {}, {}, data {data}\n\n{}\n\n", workload.name, threads_of(threads), workload.title);
    let best = fastest(rows, |row| Summary::of(&row.train));
    let mut table =
        Table::new(&["trainer", "version", "thousand samples/s", "of the fastest f32 peer", "test accuracy"]);
    for row in by_speed(rows, |row| Summary::of(&row.train)) {
        let rate = summary_or_reason(Summary::of(&row.train), &row.failed, |rate| rate.show(1e3));
        let ratio = relative(Summary::of(&row.train), best, row.failed.is_some());
        table.row(vec![row.name.clone(), row.version.clone(), rate, ratio, percent(row.accuracy)]);
    }
    let _ = writeln!(text, "{}", table.show());
    let notes: Vec<_> = rows.iter().filter_map(|row| Some((&row.name, row.differs.as_ref()?))).collect();
    for (name, differs) in &notes {
        let _ = writeln!(text, "- {name}: {differs}.");
    }
    if !notes.is_empty() {
        text.push('\n');
    }
    text + &inference(rows)
}

/// The forward pass alone: microseconds for one image, thousand images a second in batches of 10,000.
fn inference(rows: &[Row]) -> String {
    let of =
        |row: &Row, which: usize| row.inference.first().and_then(|first| Summary::of(&first.rates[which]));
    let best = [0, 1].map(|which| fastest(rows, |row| of(row, which)));
    let mut table = Table::new(&[
        "inference",
        "input",
        "µs, batch of 1",
        "ratio",
        "thousand images/s, batch of 10,000",
        "ratio",
    ]);
    for row in by_speed(rows, |row| of(row, 0)).into_iter().filter(|row| row.failed.is_none()) {
        for inference in &row.inference {
            let [single, many] = [0, 1].map(|which| Summary::of(&inference.rates[which]));
            if single.is_none() && many.is_none() {
                continue;
            }
            let dash = || "–".to_owned();
            let duration = |rate: Summary| {
                let micros = |rate: f64| 1e6 / rate;
                let (least, most) = (micros(rate.most), micros(rate.least));
                Summary { median: micros(rate.median), least, most }.show(1.0)
            };
            table.row(vec![
                row.name.clone(),
                inference.input.to_owned(),
                single.map_or_else(dash, duration),
                relative(single, best[0], false),
                many.map_or_else(dash, |rate| rate.show(1e3)),
                relative(many, best[1], false),
            ]);
        }
    }
    if table.is_empty() { String::new() } else { table.show() + "\n" }
}

/// Whole jobs with one number of threads.
pub(crate) fn jobs(workload: &Workload, threads: usize, epochs: usize, jobs: &[Job]) -> String {
    let mut text = format!(
        "### The whole {} job, {}: process start to exit, {epochs} epochs, the test set after each\n\n",
        workload.name,
        threads_of(threads)
    );
    // These are speeds, so that more is better here too.
    let speed = |job: &Job| {
        let speeds: Vec<_> = job.seconds.iter().map(|seconds| 1.0 / seconds).collect();
        Summary::of(&speeds)
    };
    let medians = jobs.iter().filter(|job| job.reference && job.failed.is_none()).filter_map(speed);
    let best = medians.map(|summary| summary.median).max_by(f64::total_cmp);
    let mut table = Table::new(&["trainer", "seconds", "of the fastest f32 peer", "test accuracy"]);
    for job in jobs {
        let seconds = summary_or_reason(Summary::of(&job.seconds), &job.failed, |seconds| seconds.show(1.0));
        let ratio = relative(speed(job), best, job.failed.is_some());
        let name = if job.peer == OWN { "minibatch train".to_owned() } else { job.peer.to_owned() };
        table.row(vec![name, seconds, ratio, percent(job.accuracy)]);
    }
    let _ = writeln!(text, "{}", table.show());
    text
}

/// Matrix products with one number of threads.
pub(crate) fn products(threads: usize, products: &Products) -> String {
    let mut text = format!("### Matrix products, {}\n\n", threads_of(threads));
    text.push_str(
        "GFLOP/s, single precision, row-major: C ← A·B with C m × n and depth k; an update is C ← C + Aᵀ·B, A stored k × m.\n\n",
    );
    let header = ["m × n × k"].into_iter().chain(products.ways.iter().copied());
    let header: Vec<&str> = header.chain(["of the better library", "of the FMA peak"]).collect();
    let mut table = Table::new(&header);
    for (shape, rates) in SHAPES.iter().zip(&products.rates) {
        let summaries: Vec<_> = rates.iter().map(|rates| Summary::of(rates)).collect();
        let best = |range: &[Option<Summary>]| {
            range.iter().flatten().map(|summary| summary.median).max_by(f64::total_cmp)
        };
        let (own, others) = summaries.split_at(products.others.min(summaries.len()));
        let peak = products.peaks[0].map(|peak| peak * 1e9 * threads as f64);
        let of_peak = best(own).zip(peak).map(|(own, peak)| format!("{:.0}%", 100.0 * own / peak));
        let of_better =
            best(own).zip(best(others)).map(|(own, better)| format!("{} ×", three_digits(own / better)));
        let dash = || "–".to_owned();
        let cells = summaries.iter().map(|summary| summary.map_or_else(dash, |rate| rate.show(1e9)));
        let row = [products::name(shape)].into_iter().chain(cells);
        table.row(row.chain([of_better.unwrap_or_else(dash), of_peak.unwrap_or_else(dash)]).collect());
    }
    let _ = writeln!(text, "{}", table.show());
    for note in &products.notes {
        let _ = writeln!(text, "- {note}.");
    }
    let lanes = [16, 8].into_iter().zip(products.peaks);
    for (lanes, peak) in lanes.filter_map(|(lanes, peak)| Some((lanes, peak?))) {
        let _ =
            writeln!(text, "- FMA peak of one thread, {lanes} lanes, measured before: {peak:.0} GFLOP/s.");
    }
    let _ = writeln!(
        text,
        "- The last columns are of Minibatch's faster way with its fastest instruction set.\n"
    );
    text
}

/// The whole record.
pub(crate) fn document(machine: &Machine, command: &str, plan: &str, sections: &[String]) -> String {
    let cores = machine.cores;
    let mut text = format!("# Peers, {}, {}\n\n", machine.date, machine.cpu);
    let lines = [
        ("processor", format!("{}, {cores} cores, {}", machine.cpu, machine.caches)),
        ("instruction sets", machine.instruction_sets.clone()),
        ("system", format!("{}, {}, {}", machine.system, machine.rustc, machine.python)),
        ("commit", machine.commit.clone()),
        ("command", format!("`{command}`")),
        ("measured", plan.to_owned()),
        ("load before", machine.load.clone()),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = write!(text, "\n{HOW}\n\n{}", sections.concat());
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn threads_of(threads: usize) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

/// The best median among the peers that count as references.
fn fastest(rows: &[Row], of: impl Fn(&Row) -> Option<Summary>) -> Option<f64> {
    let rows = rows.iter().filter(|row| row.reference && row.failed.is_none());
    rows.filter_map(of).map(|summary| summary.median).max_by(f64::total_cmp)
}

/// The rows in order: Minibatch first, then the faster first, then those without figures.
fn by_speed(rows: &[Row], of: impl Fn(&Row) -> Option<Summary>) -> Vec<&Row> {
    let mut rows: Vec<_> = rows.iter().collect();
    let speed = |row: &Row| of(row).filter(|_| row.failed.is_none()).map_or(0.0, |summary| summary.median);
    let key = |row: &Row| (row.peer != OWN, -speed(row));
    rows.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    rows
}

fn summary_or_reason(
    summary: Option<Summary>,
    failed: &Option<String>,
    show: impl Fn(Summary) -> String,
) -> String {
    match (failed, summary) {
        (Some(reason), _) => format!("FAILED: {reason}"),
        (None, Some(summary)) => show(summary),
        (None, None) => "–".to_owned(),
    }
}

fn relative(summary: Option<Summary>, best: Option<f64>, failed: bool) -> String {
    match (summary, best) {
        (Some(summary), Some(best)) if !failed => format!("{} ×", three_digits(summary.median / best)),
        _ => "–".to_owned(),
    }
}

fn percent(accuracy: Option<(u64, u64)>) -> String {
    accuracy
        .map_or_else(|| "–".to_owned(), |(correct, of)| format!("{:.2}%", 100.0 * correct as f64 / of as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::WORKLOADS;
    use crate::measure::Inference;

    fn row(peer: &'static str, reference: bool, train: &[f64]) -> Row {
        Row {
            peer,
            name: peer.to_owned(),
            version: "1.0".to_owned(),
            differs: None,
            reference,
            accuracy: Some((9_512, 10_000)),
            train: train.to_vec(),
            inference: Vec::new(),
            failed: None,
        }
    }

    #[test]
    fn ratios_are_to_the_fastest_f32_peer() {
        let mut broken = row("jax", true, &[9e9]);
        broken.failed = Some("ended".to_owned());
        let mut slow = row("numpy", true, &[1e5, 2e5, 3e5]);
        slow.differs = Some("float64".to_owned());
        slow.inference = vec![
            Inference { input: "f32", rates: [vec![1e5, 2e5, 4e5], vec![1e6]] },
            Inference { input: "u8", rates: [vec![], vec![]] },
        ];
        let rows = [row("torch-bf16", false, &[5e5]), slow, broken, row(OWN, false, &[2e6])];
        let text = group(&WORKLOADS[0], 2, "mnist", &rows);
        let expected = "\
### C1, 2 threads, data mnist

784-32-10 sigmoid, quadratic cost, SGD with η = 3, B = 16

| trainer    | version | thousand samples/s | of the fastest f32 peer | test accuracy |
|------------|---------|--------------------|-------------------------|---------------|
| minibatch  | 1.0     | 2000 (2000–2000)   | 10.0 ×                  | 95.12%        |
| torch-bf16 | 1.0     | 500 (500–500)      | 2.50 ×                  | 95.12%        |
| numpy      | 1.0     | 200 (100–300)      | 1.00 ×                  | 95.12%        |
| jax        | 1.0     | FAILED: ended      | –                       | 95.12%        |

- numpy: float64.

| inference | input | µs, batch of 1   | ratio  | thousand images/s, batch of 10,000 | ratio  |
|-----------|-------|------------------|--------|------------------------------------|--------|
| numpy     | f32   | 5.00 (2.50–10.0) | 1.00 × | 1000 (1000–1000)                   | 1.00 × |

";
        assert_eq!(text, expected);
    }

    #[test]
    fn jobs_are_compared_by_their_speed() {
        let job = |peer, reference, seconds: &[f64]| {
            let seconds = seconds.to_vec();
            Job { peer, reference, seconds, accuracy: Some((1, 2)), failed: None }
        };
        let text =
            jobs(&WORKLOADS[0], 1, 30, &[job(OWN, false, &[0.5]), job("numpy", true, &[5.0, 6.0, 5.0])]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[4].starts_with("| minibatch train | 0.500 (0.500–0.500) | 10.0 ×"), "{text}");
        assert!(lines[5].starts_with("| numpy           | 5.00 (5.00–6.00)    | 1.00 ×"), "{text}");
    }

    #[test]
    fn a_record_says_where_it_comes_from() {
        let machine = Machine::ask(&xtask_tools::workspace_root());
        let sections = ["### A\n\n".to_owned(), "### B\n\n".to_owned()];
        let text = document(&machine, "cargo xtask peers --quick", "3 rounds", &sections);
        for part in [
            "- command: `cargo xtask peers --quick`\n",
            "- measured: 3 rounds\n",
            "- commit: ",
            "\n### A\n\n### B\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.starts_with("# Peers, 2") && text.ends_with("### B\n"));
    }
}
