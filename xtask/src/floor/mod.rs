//! `cargo xtask floor`: every product of the networks C1 to C4, and squares, as a share of the register peak, held against the
//! committed floors of this machine's kind of cache.

mod cells;
mod floors;
mod measure;
mod record;

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use xtask_tools::{CommandLine, Machine, Outcome, free_name, invocation, write_whole};

use cells::{Cell, Direction, Product, Storage, Strides};
use floors::Floors;
use measure::{Libraries, Look, Own};

/// Measure every product of C1 to C4, and squares, as a share of the register peak, and name what fell below its floor
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the floors of this machine's kind of cache, and a record into benches/record
    #[arg(long, conflicts_with = "only")]
    record: bool,

    /// Measure only the products whose line contains this, such as `update 2048` or `avx2, 1 thread`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Without MKL and oneDNN, even if the environment of `cargo xtask peers` is there
    #[arg(long)]
    no_peers: bool,

    /// Stop after so long
    #[arg(long, value_name = "MINUTES", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=120))]
    minutes: u64,
}

/// Turns of a product in a look. One that seems to have fallen gets three times as many.
const TURNS: usize = 5;

/// Turns of the register peak where nothing else is asked: a second of them.
const PEAK_TURNS: usize = 100;

/// Looks at each product for a record, spread over the run, if there is time. Floors are from the least share.
const LOOKS: usize = 3;

/// The looks at a product in one way.
pub(super) struct Entry {
    cell: Cell,
    looks: Vec<Look>,
}

impl Entry {
    /// The best look. `None` before the first.
    fn best(&self) -> Option<Look> {
        self.looks.iter().copied().max_by(|a, b| a.share().total_cmp(&b.share()))
    }

    fn least_share(&self) -> f64 {
        self.looks.iter().map(Look::share).fold(f64::INFINITY, f64::min)
    }
}

/// The better of MKL and oneDNN, in FLOP/s.
pub(super) struct Theirs {
    product: Product,
    strides: Strides,
    threads: usize,
    rate: Option<f64>,
}

/// Measures, prints, compares, and records if asked to.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let started = Instant::now();
    let deadline = started + Duration::from_secs(60 * args.minutes);
    let machine = Machine::ask(&root);
    let kind = floors::kind();
    let floors = match &kind {
        Some(kind) => Floors::read(&root, kind)?,
        None => None,
    };
    ensure!(
        !args.record || kind.is_some(),
        "this system doesn't tell its caches, so there is nothing to record floors for"
    );
    say_what_is_held_against(kind.as_deref(), floors.is_some());
    warn_if_busy(&machine);

    let mut own = Own::start(&root)?;
    let isas = own.isas()?;
    let threads: Vec<usize> = (1..=machine.cores.min(2)).collect();
    let mut libraries = if args.no_peers { None } else { Some(Libraries::find(&root, &threads)) };
    let is_wanted = |cell: &Cell| args.only.as_ref().is_none_or(|only| cell.to_string().contains(only));
    let mut entries: Vec<Entry> = Vec::new();
    for product in cells::products() {
        let cells = cells::cells(product, &isas, &threads).into_iter().filter(is_wanted);
        entries.extend(cells.map(|cell| Entry { cell, looks: Vec::new() }));
    }
    ensure!(!entries.is_empty(), "no product's line contains `{}`", args.only.as_deref().unwrap_or_default());

    let mut theirs = Vec::new();
    for look in 0..if args.record { LOOKS } else { 1 } {
        let libraries = libraries.as_mut().filter(|_| look == 0);
        if !look_at_all(&mut own, &mut entries, libraries, &mut theirs, deadline)? {
            break;
        }
    }
    let missed = entries.iter().filter(|entry| entry.looks.is_empty()).count();
    let fallen = match &floors {
        Some(floors) => fallen(&mut entries, floors, deadline, |cell, turns| own.look(cell, turns))?,
        None => Vec::new(),
    };

    let sections = record::sections(&entries, &theirs);
    println!("\n{}", sections.join("\n"));
    let looks = entries.iter().map(|entry| entry.looks.len()).min().unwrap_or(0);
    let how = format!(
        "{} products and ways, {looks} or more looks of {TURNS} turns at each; {:.0} minutes",
        entries.len(),
        started.elapsed().as_secs_f64() / 60.0
    );
    println!("{how}");
    if args.record {
        ensure!(
            looks > 0,
            "{} minutes were too few: nothing is recorded; `--minutes` gives more",
            args.minutes
        );
        for line in &fallen {
            println!("below the floors before: {line}");
        }
        let notes = libraries.map(|libraries| libraries.notes).unwrap_or_default();
        return write(
            &root,
            &machine,
            kind.as_deref().unwrap_or_default(),
            &how,
            &notes,
            &entries,
            &sections,
        );
    }
    if missed > 0 {
        println!("{missed} products and ways weren't measured in {} minutes", args.minutes);
    }
    verdict(&entries, floors.as_ref(), &fallen)
}

/// FLOP/s of multiply-adds that stay in registers, with the fastest instruction set on so many threads.
pub(crate) fn register_peak(root: &Path, threads: usize) -> Result<f64> {
    let mut own = Own::start(root)?;
    let isa = own.isas()?.into_iter().next().context("no instruction set with fused multiply-add")?;
    let product = Product { direction: Direction::Forward, m: 512, n: 512, k: 512 };
    let cell = Cell { product, strides: Strides::Odd, storage: Storage::Panels, isa, threads };
    Ok(own.look(&cell, PEAK_TURNS)?.peak)
}

/// Runs the short form, as a step of `cargo xtask ci`.
pub(crate) fn short(root: &Path) -> Result<Outcome> {
    CommandLine::cargo("run --release --quiet --package minibatch-floor -- --short").run(root)
}

fn say_what_is_held_against(kind: Option<&str>, is_known: bool) {
    match kind {
        Some(kind) if is_known => println!("kind of cache: {kind}; floors are committed"),
        Some(kind) => println!(
            "kind of cache: {kind}, unknown: no floors are committed, nothing can fall; `--record` writes them"
        ),
        None => println!("kind of cache: unknown, as this system doesn't tell it; nothing can fall"),
    }
}

fn warn_if_busy(machine: &Machine) {
    if machine.load.parse::<f64>().is_ok_and(|load| load > 0.5) {
        println!(
            "other processes are running (load {}): what two threads do may seem to have fallen",
            machine.load
        );
    }
}

/// Looks at each product in each way, and at the libraries if they are given, and prints a line for each product. False if the
/// time was over before the end.
fn look_at_all(
    own: &mut Own,
    entries: &mut [Entry],
    mut libraries: Option<&mut Libraries>,
    theirs: &mut Vec<Theirs>,
    deadline: Instant,
) -> Result<bool> {
    let of_product = |a: &Entry, b: &Entry| a.cell.product == b.cell.product;
    let products = entries.chunk_by(of_product).count();
    for (number, entries) in entries.chunk_by_mut(of_product).enumerate() {
        let product = entries[0].cell.product;
        print!("{:3}/{products}  {:28}", number + 1, product.to_string());
        std::io::stdout().flush().context("stdout")?;
        for entry in entries.iter_mut() {
            if Instant::now() > deadline {
                println!();
                return Ok(false);
            }
            entry.looks.push(own.look(&entry.cell, TURNS)?);
        }
        let fastest = entries[0].cell.isa.clone();
        for pair in entries.chunk_by(|a, b| (&a.cell.isa, a.cell.threads) == (&b.cell.isa, b.cell.threads)) {
            let shares = pair.iter().filter_map(Entry::best).map(|look| look.share());
            let (least, most) =
                shares.fold((f64::INFINITY, 0.0_f64), |(a, b), share| (a.min(share), b.max(share)));
            let Cell { isa, threads, .. } = &pair[0].cell;
            print!("  {isa}×{threads} {:.0}–{:.0}%", 100.0 * least, 100.0 * most);
            let Some(libraries) = libraries.as_mut().filter(|_| *isa == fastest) else { continue };
            for strides in Strides::ALL {
                let rate = libraries.best(&product, strides, *threads, TURNS);
                theirs.push(Theirs { product, strides, threads: *threads, rate });
            }
        }
        println!();
    }
    Ok(true)
}

/// The products that are below their floor, a line each. A product that seems to be gets a second look, three times as long. A
/// neighbour's noise goes away in it, a slow product stays.
fn fallen(
    entries: &mut [Entry],
    floors: &Floors,
    deadline: Instant,
    mut look: impl FnMut(&Cell, usize) -> Result<Look>,
) -> Result<Vec<String>> {
    let mut fallen = Vec::new();
    for entry in entries {
        let (Some(floor), Some(mut best)) = (floors.of(&entry.cell), entry.best()) else { continue };
        if best.share() < floor && Instant::now() < deadline {
            println!("below its floor, a longer look: {}", entry.cell);
            let longer = look(&entry.cell, 3 * TURNS)?;
            entry.looks.push(longer);
            best = if longer.share() > best.share() { longer } else { best };
        }
        if best.share() < floor {
            let (share, rate) = (best.share(), best.product * 1e-9);
            fallen.push(format!(
                "{}: {share:.2} of the peak ({rate:.1} GFLOP/s), floor {floor:.2}",
                entry.cell
            ));
        }
    }
    Ok(fallen)
}

/// Prints the products that fell, and the number of those that weren't compared.
fn verdict(entries: &[Entry], floors: Option<&Floors>, fallen: &[String]) -> Result<()> {
    let Some(floors) = floors else {
        println!("nothing to compare with");
        return Ok(());
    };
    let unknown = entries.iter().filter(|entry| floors.of(&entry.cell).is_none()).count();
    if unknown > 0 {
        println!("{unknown} products and ways have no floor; `--record` writes one");
    }
    if !fallen.is_empty() {
        bail!("{} of {} products and ways fell:\n{}", fallen.len(), entries.len(), fallen.join("\n"));
    }
    println!("nothing fell");
    Ok(())
}

/// Family and model of the processor. The processor's name alone may not tell them.
fn model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |name: &str| {
        let line = info.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
        line.and_then(|line| line.split(':').nth(1)).map_or("unknown", str::trim).to_owned()
    };
    format!("family {} model {}", of("cpu family"), of("model"))
}

/// Writes the floors and the record.
fn write(
    root: &Path,
    machine: &Machine,
    kind: &str,
    how: &str,
    notes: &[String],
    entries: &[Entry],
    sections: &[String],
) -> Result<()> {
    let about = record::about(machine, kind, &model(), &format!("`{}`", invocation()), how);
    let lines: Vec<String> = about.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let path = floors::path(root, kind);
    write_whole(
        &path,
        &floors::text(&lines, entries.iter().map(|entry| (&entry.cell, entry.least_share()))),
    )?;
    let document = record::document(machine, &about, notes, sections);
    let record = free_name(&root.join("benches/record"), &format!("{}-floor", machine.slug()), "md");
    write_whole(&record, &document)?;
    for path in [path, record] {
        println!("written: {}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(m: usize, looks: &[f64]) -> Entry {
        let product = Product { direction: Direction::Update, m, n: 32, k: 16 };
        let (strides, storage) = (Strides::Odd, Storage::Rows);
        let cell = Cell { product, strides, storage, isa: "avx2".to_owned(), threads: 1 };
        Entry { cell, looks: looks.iter().map(|&share| Look { product: share * 1e11, peak: 1e11 }).collect() }
    }

    /// Floors of products that had a share of 0.8.
    fn floors(of: &[usize]) -> Floors {
        let entries: Vec<Entry> = of.iter().map(|&m| entry(m, &[])).collect();
        Floors::parse(&floors::text(&[], entries.iter().map(|entry| (&entry.cell, 0.8))), "f.csv").unwrap()
    }

    #[test]
    fn what_stays_below_its_floor_has_fallen() {
        let mut entries =
            [entry(1, &[0.7]), entry(2, &[0.3]), entry(3, &[0.3]), entry(4, &[0.1]), entry(5, &[])];
        let later = Instant::now() + Duration::from_secs(60);
        let look = |cell: &Cell, turns| {
            assert_eq!(turns, 15, "a longer look");
            let share = if cell.product.m == 2 { 0.75 } else { 0.35 };
            Ok(Look { product: share * 1e11, peak: 1e11 })
        };
        let fallen = fallen(&mut entries, &floors(&[1, 2, 3, 5]), later, look).unwrap();
        let expected =
            "update 3 × 32 × 16, odd, rows, avx2, 1 thread: 0.35 of the peak (35.0 GFLOP/s), floor 0.68";
        assert_eq!(fallen, [expected], "2 was disturbed, 4 has no floor, 5 was not measured");
        let error = verdict(&entries, Some(&floors(&[3])), &fallen).unwrap_err().to_string();
        assert_eq!(error, format!("1 of 5 products and ways fell:\n{expected}"));
        assert!(verdict(&entries, Some(&floors(&[1])), &[]).is_ok() && verdict(&entries, None, &[]).is_ok());
    }

    #[test]
    fn without_time_there_is_no_longer_look() {
        let mut entries = [entry(1, &[0.3])];
        let fallen = fallen(&mut entries, &floors(&[1]), Instant::now(), |_, _| bail!("no time")).unwrap();
        assert_eq!(fallen.len(), 1);
    }

    #[test]
    fn floors_are_from_the_least_look_and_tables_show_the_best() {
        let entries = [entry(1, &[0.5, 0.9, 0.7]), entry(2, &[])];
        assert_eq!(entries[0].least_share(), 0.5);
        let theirs = [(Strides::Odd, Some(0.8e11)), (Strides::Powers, None)].map(|(strides, rate)| Theirs {
            product: entries[0].cell.product,
            strides,
            threads: 1,
            rate,
        });
        let expected = "\
### avx2, 1 thread: peak 100 GFLOP/s

| m × n × k          | powers, rows | powers, panels | odd, rows | odd, panels | MKL or oneDNN, powers | MKL or oneDNN, odd |
|--------------------|--------------|----------------|-----------|-------------|-----------------------|--------------------|
| update 1 × 32 × 16 | –            | –              | 90%       | –           | –                     | 80%                |
| update 2 × 32 × 16 | –            | –              | –         | –           | –                     | –                  |

";
        assert_eq!(record::sections(&entries, &theirs), [expected]);
        let text = record::sections(&entries, &[]).concat();
        assert!(!text.contains("MKL"), "{text}");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.csv");
        write_whole(&path, "1\n").unwrap();
        write_whole(&path, "2\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2\n");
        assert_eq!(path.parent().unwrap().read_dir().unwrap().count(), 1);
    }
}
