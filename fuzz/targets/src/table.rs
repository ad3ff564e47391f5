//! Tables: read, prepared, and prepared again row by row to the same bits.

use minibatch::data::{
    Error, Missing, Preparation, Row, Scale, Table, TableOptions, TargetKind, Targets, preparation,
};
use std::path::Path;

/// The first byte chooses the options, and the rest is the file. The target is the column that the header calls `t`, or the first.
pub fn table(bytes: &[u8]) -> bool {
    let Some((&choice, file)) = bytes.split_first() else { return false };
    let targets = if choice & 1 == 0 { "t" } else { "1" };
    let options = TableOptions {
        targets: vec![targets.to_owned()],
        missing: [Missing::Refuse, Missing::Median, Missing::Drop, Missing::Median]
            [usize::from(choice >> 1 & 3)],
        decimal_comma: choice & 8 != 0,
        header: (choice & 16 != 0).then_some(choice & 1 == 0),
        ..TableOptions::default()
    };
    let scale = Scale::ALL[usize::from(choice >> 5 & 3)];
    let Some(table) = taken(Table::from_reader(path(), file, &options)) else { return false };
    assert!(table.rows() > 0);
    let rows: Vec<u32> = (0..table.rows() as u32).collect();
    for (row, width) in rows.iter().map(|&row| (table.row(row as usize), table.columns().len())) {
        assert_eq!(row.len(), width);
    }
    let Some((preparation, _)) = taken(Preparation::learn(&table, TargetKind::Look, &rows, scale)) else {
        return false;
    };
    assert_eq!(preparation.defect(preparation.inputs(), preparation.outputs()), None);
    let Some(preparation::Prepared { dataset, unknown, .. }) = taken(preparation.dataset(table)) else {
        return false;
    };
    // Every row was learned from.
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!((dataset.len(), dataset.input_len()), (rows.len(), preparation.inputs()));
    if let Targets::Classes { labels, classes } = dataset.targets() {
        assert!(labels.iter().all(|&label| (label as usize) < *classes));
    }
    if options.missing == Missing::Drop {
        return true;
    }
    let again = taken(preparation.read_inputs(path(), file)).expect("a table that was read before");
    let inputs = preparation.rows(&again).inputs;
    assert_eq!(inputs.len(), rows.len() * preparation.inputs());
    for (row, inputs) in inputs.chunks(preparation.inputs()).enumerate() {
        let Row::Floats(expected) = dataset.input(row) else { panic!("numbers") };
        assert!(inputs.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "row {row}");
    }
    true
}

fn path() -> &'static Path {
    Path::new("table")
}

/// The value that was made, or nothing if it was refused in one line.
fn taken<T>(outcome: Result<T, Error>) -> Option<T> {
    outcome
        .map_err(|error| {
            let line = error.to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "an error is one line: {line:?}");
        })
        .ok()
}
