//! Tables, from the bytes of a CSV file to a dataset: megabytes of text a second, on one core.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use minibatch::data::{Preparation, Scale, Table, TableOptions, TargetKind};
use minibatch_benches::random;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

const ROWS: usize = 50_000;
/// Columns of numbers with six digits. A column of categories, one of few integers, and the target stand beside them.
const NUMBERS: usize = 27;

/// The text of the table.
fn text() -> String {
    let numbers = random(ROWS, NUMBERS, 1);
    let mut text: String = (0..NUMBERS).map(|column| format!("x{column},")).collect();
    text.push_str("category,count,target\n");
    for (row, numbers) in (0..ROWS).map(|row| (row, numbers.row(row))) {
        numbers.iter().for_each(|x| write!(text, "{x:.6},").expect("memory"));
        let (category, target) = (["red", "green", "blue", "white"][row * 7 % 4], ["no", "yes"][row % 2]);
        writeln!(text, "{category},{},{target}", row * 31 % 50).expect("memory");
    }
    text
}

fn table(criterion: &mut Criterion) {
    let text = text();
    let options = TableOptions { targets: vec!["target".to_owned()], ..TableOptions::default() };
    let read = || Table::from_reader(Path::new("table"), text.as_bytes(), &options).expect("a good table");
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let mut group = criterion.benchmark_group("table");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10);
    group.bench_function("read", |bencher| bencher.iter(|| black_box(read().rows())));
    group.bench_function("dataset", |bencher| {
        bencher.iter(|| {
            let table = read();
            let learned = Preparation::learn(&table, TargetKind::Look, &rows, Scale::Standard);
            let (preparation, _) = learned.expect("a good table");
            black_box(preparation.dataset(table).expect("memory").dataset.len())
        });
    });
    group.finish();
}

criterion_group!(benches, table);
criterion_main!(benches);
