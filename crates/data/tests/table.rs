//! Tables and their preparation, from text to inputs and targets.

use std::path::Path;

use minibatch_data::preparation::{ColumnFault, InputKind, TargetColumns};
use minibatch_data::{Missing, Preparation, Row, Scale, Table, TableOptions, TargetKind, Targets, Text};
use proptest::prelude::*;

fn options(targets: &[&str]) -> TableOptions {
    TableOptions {
        targets: targets.iter().map(|name| (*name).to_owned()).collect(),
        ..TableOptions::default()
    }
}

fn read(text: &str, options: &TableOptions) -> Table {
    Table::from_reader(Path::new("table"), text.as_bytes(), options).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str, options: &TableOptions) -> String {
    Table::from_reader(Path::new("table"), text.as_bytes(), options).expect_err("refused").to_string()
}

fn learn(table: &Table, kind: TargetKind) -> Preparation {
    let rows: Vec<u32> = (0..table.rows() as u32).collect();
    Preparation::learn(table, kind, &rows, Scale::None).unwrap_or_else(|error| panic!("{error}")).0
}

fn inputs(preparation: &Preparation, table: &Table) -> Vec<Vec<f32>> {
    preparation.rows(table).inputs.chunks(preparation.inputs()).map(<[f32]>::to_vec).collect()
}

#[test]
fn quotes_line_feeds_byte_order_marks_and_carriage_returns() {
    let text = "\u{feff}\"a\",\"b, and c\"\r\n1,\"x\ny\"\r\n2,\"say \"\"z\"\"\"\r\n\r\n 3 , x\ny \r\n";
    // The last row's second cell isn't quoted, so its line feed ends the row.
    assert!(refused(text, &options(&["a"])).starts_with("table: line 7: expected 2 cells"));
    let table = read(&text.replace(" x\ny ", "\"x\ny\""), &options(&["b, and c"]));
    let texts: Vec<&str> = table.columns()[1].texts().unwrap().iter().map(Text::as_str).collect();
    assert_eq!(texts, ["say \"z\"", "x\ny"]);
    assert_eq!((table.rows(), table.row(2)), (3, &[3.0, 1.0][..]));
}

#[test]
fn delimiters_decimal_commas_and_headers() {
    let comma = TableOptions { decimal_comma: true, ..options(&["y"]) };
    let table = read("x;y\n1,5;2\n-2,5;3\n", &comma);
    assert_eq!((table.delimiter(), table.row(0)[0], table.row(1)[0]), (b';', 1.5, -2.5));
    let table = read("1\t2\n3\t4\n", &options(&["2"]));
    assert_eq!((table.has_header(), table.rows(), table.columns()[0].name()), (false, 2, "1"));
    // A header of numbers is one where it is said to be.
    let years = TableOptions { header: Some(true), ..options(&["2025"]) };
    assert_eq!(read("2024,2025\n3,4\n", &years).rows(), 1);
}

/// A column of more than 100 numbers is read as indices at first.
#[test]
fn long_columns_of_numbers_are_the_numbers() {
    let rows: String = (0..9000).map(|i| format!("{},{},{}\n", i as f64 * 0.37, i % 7, i % 3)).collect();
    let table = read(&format!("a,b,t\n{rows}"), &options(&["t"]));
    for i in 0..9000 {
        assert_eq!(table.row(i)[..2], [(i as f64 * 0.37) as f32, (i % 7) as f32], "row {i}");
    }
    assert!(table.columns()[..2].iter().all(|column| column.texts().is_none()));
}

#[test]
fn targets_are_found_by_looking() {
    let kind = |text: &str, asked| {
        let table = read(text, &options(&["t"]));
        (table.target_kind(asked).map_err(|error| error.to_string()), table)
    };
    let many: String = (0..25).map(|i| format!("1,{i}\n")).collect();
    for (rows, expected) in [
        ("1,a\n2,b\n", TargetKind::Classes),
        ("1,true\n2,false\n", TargetKind::Classes),
        ("1,0\n2,1\n", TargetKind::Classes),
        ("1,3\n2,-1\n", TargetKind::Classes),
        ("1,0.5\n2,1\n", TargetKind::Values),
        ("1,1.0\n2,2.0\n", TargetKind::Values),
        (&*many, TargetKind::Values),
    ] {
        assert_eq!(kind(&format!("x,t\n{rows}"), TargetKind::Look).0, Ok(expected), "{rows}");
    }
    for (rows, expected) in [
        ("1,0,yes\n2,1,No\n", Ok(TargetKind::Labels)),
        ("1,0,false\n2,1,true\n", Ok(TargetKind::Labels)),
        ("1,0,2\n2,1,1\n", Ok(TargetKind::Values)),
    ] {
        let options =
            TableOptions { targets: vec!["a".to_owned(), "b".to_owned()], ..TableOptions::default() };
        let text = format!("x,a,b\n{rows}");
        let table = Table::from_reader("t".as_ref(), text.as_bytes(), &options).unwrap();
        assert_eq!(
            table.target_kind(TargetKind::Look).map_err(|error| error.to_string()),
            expected,
            "{rows}"
        );
        if expected == Ok(TargetKind::Labels) {
            let preparation = learn(&table, TargetKind::Look);
            assert!(preparation.has_labels() && preparation.outputs() == 2);
            let targets = preparation.dataset(table).unwrap().dataset.targets().clone();
            let Targets::Labels { data, width: 2 } = targets else { panic!("labels") };
            assert_eq!(data[2..], [1.0, f32::from(u8::from(rows.contains("true")))]);
        } else {
            let error = table.target_kind(TargetKind::Labels).unwrap_err().to_string();
            assert!(error.contains("expected 0 or 1, no or yes, false or true, found '2'"), "{error}");
        }
    }
    let (asked, table) = kind("x,t\n1,10\n2,9\n3,10\n", TargetKind::Values);
    assert_eq!(asked, Ok(TargetKind::Values));
    let preparation = learn(&table, TargetKind::Values);
    let TargetColumns::Values(columns) = preparation.targets() else { panic!("values") };
    let data = preparation.dataset(table).unwrap().dataset;
    let Targets::Values { data: outputs, width: 1 } = data.targets() else { panic!("a value each") };
    let values: Vec<f64> = outputs.iter().map(|&output| columns[0].value(output)).collect();
    assert!(values.iter().zip([10.0, 9.0, 10.0]).all(|(x, y)| (x - y).abs() < 1e-6), "{values:?}");
    // Classes are in the order of numbers, not of texts.
    let preparation = learn(&kind("x,t\n1,10\n2,9\n3,10\n", TargetKind::Look).1, TargetKind::Look);
    assert_eq!(preparation.classes().unwrap(), ["9", "10"]);
}

#[test]
fn categories_become_one_hot_and_two_become_one_input() {
    let table = read("a,b,t\nx,u,1\ny,v,2\nz,u,1\n", &options(&["t"]));
    let preparation = learn(&table, TargetKind::Look);
    assert_eq!(inputs(&preparation, &table), [[1., 0., 0., -1.], [0., 1., 0., 1.], [0., 0., 1., -1.]]);
    let other = preparation.read_inputs(Path::new("other"), "b,a\nv,z\nw,q\n".as_bytes()).unwrap();
    assert_eq!(inputs(&preparation, &other), [[0., 0., 1., 1.], [0.; 4]]);
    let unknown: Vec<_> =
        preparation.rows(&other).unknown.into_iter().map(|it| (it.column, it.example)).collect();
    assert_eq!(unknown, [("a".to_owned(), "q".to_owned()), ("b".to_owned(), "w".to_owned())]);
}

#[test]
fn missing_values_are_filled_or_their_rows_left_out() {
    let text = "a,b,t\n1,x,p\n,y,q\n5,NA,p\n3,x,q\n";
    let with = |missing| TableOptions { missing, ..options(&["t"]) };
    assert!(
        refused(text, &with(Missing::Refuse))
            .starts_with("table: line 3, column 'a': expected a value, found nothing")
    );
    let table = read(text, &with(Missing::Median));
    let preparation = learn(&table, TargetKind::Look);
    assert_eq!(inputs(&preparation, &table), [[1., 0., -1.], [3., 1., 1.], [5., 0., 0.], [3., 0., -1.]]);
    let table = read(text, &with(Missing::Drop));
    assert_eq!((table.rows(), table.dropped()), (2, 2));
    assert_eq!(inputs(&learn(&table, TargetKind::Look), &table), [[1.], [3.]].map(|[a]| [a, 1.0]));
}

/// Rows that are tested on change nothing.
#[test]
fn a_preparation_learns_from_the_training_rows_alone() {
    let text = |last: &str| format!("a,b,t\n1,x,p\n2,y,q\n3,x,p\n{last}\n");
    let learned = |last: &str| {
        let table = read(&text(last), &options(&["t"]));
        Preparation::learn(&table, TargetKind::Look, &[0, 1, 2], Scale::Standard).unwrap().0
    };
    assert_eq!(learned("900,z,q"), learned("2,y,q"));
    let InputKind::Categories { categories, .. } = learned("900,z,q").columns()[1].kind.clone() else {
        panic!("categories")
    };
    assert_eq!(categories, ["x", "y"]);
}

#[test]
fn columns_that_tell_nothing_or_everything_are_noted() {
    let rows: String = (0..12)
        .map(|i| format!("{i},7,{},{},{}\n", i % 3, ["no", "yes"][i % 2], ["p", "q"][i % 2]))
        .collect();
    let table = read(&format!("id,same,good,copy,t\n{rows}"), &options(&["t"]));
    let all: Vec<u32> = (0..12).collect();
    let (_, notes) = Preparation::learn(&table, TargetKind::Look, &all, Scale::Standard).unwrap();
    let found: Vec<_> = notes.iter().map(|note| (&*note.column, note.fault)).collect();
    let expected = [
        ("id", ColumnFault::Identifier),
        ("same", ColumnFault::Constant),
        ("copy", ColumnFault::CopyOfTarget),
    ];
    assert_eq!(found, expected);
}

#[test]
fn splits_are_stratified_seeded_and_disjoint() {
    let rows: String =
        (0..100).map(|i| format!("{i}.5,{}\n", if i % 10 == 0 { "rare" } else { "common" })).collect();
    let table = read(&format!("a,t\n{rows}"), &options(&["t"]));
    let (rest, test) = table.split_test(TargetKind::Classes, 0.2, 1).unwrap();
    let (training, validation) = table.split_validation(&rest, TargetKind::Classes, 0.25, 1).unwrap();
    let rare = |rows: &[u32]| rows.iter().filter(|&&row| row % 10 == 0).count();
    assert_eq!((test.len(), rare(&test)), (20, 2));
    assert_eq!((validation.len(), rare(&validation), training.len()), (20, 2, 60));
    let mut all = [test.clone(), validation, training].concat();
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<u32>>());
    assert_eq!(table.split_test(TargetKind::Classes, 0.2, 1).unwrap().1, test);
    assert_ne!(table.split_test(TargetKind::Classes, 0.2, 2).unwrap().1, test);
}

#[test]
fn a_preparation_that_a_file_got_wrong_is_found_out() {
    let table = read("a,b,t\n1,x,p\n2,y,q\n3,z,p\n", &options(&["t"]));
    let good = learn(&table, TargetKind::Look);
    assert_eq!(good.defect(4, 2), None);
    assert!(good.defect(5, 2).unwrap().contains("4 inputs and 2 targets"));
    let json = serde_json::to_string(&good).unwrap();
    for (from, to, expected) in [
        ("\"factor\":1.0", "\"factor\":1e999", None),
        ("\"x\",\"y\"", "\"x\",\"x\"", Some("column 'b' has a category twice")),
        ("\"p\",\"q\"", "\"p\",\"p\"", Some("target 't' has a class twice")),
        ("\"name\":\"b\"", "\"name\":\"a\"", Some("a column is there twice")),
    ] {
        assert!(json.contains(from), "{json}");
        let forged: Result<Preparation, _> = serde_json::from_str(&json.replace(from, to));
        assert_eq!(forged.ok().and_then(|forged| forged.defect(4, 2)).as_deref(), expected);
    }
}

/// A table of numbers, categories and missing values, as columns of texts.
fn table() -> impl Strategy<Value = (Vec<Vec<String>>, bool)> {
    let number = prop_oneof![
        4 => any::<f32>().prop_filter("finite", |x| x.is_finite()).prop_map(|x| format!("{x:e}")),
        2 => (-50_i32..50).prop_map(|x| x.to_string()),
        1 => Just("NA".to_owned()),
    ];
    let category = prop_oneof![
        8 => prop::sample::select(vec!["red", "green", "b,l\"ue", "  white", "ü"]).prop_map(str::to_owned),
        1 => Just(String::new()),
    ];
    (2_usize..40).prop_flat_map(move |rows| {
        let numbers = prop::collection::vec(prop::collection::vec(number.clone(), rows), 1..4);
        let categories = prop::collection::vec(prop::collection::vec(category.clone(), rows), 0..3);
        (numbers, categories, any::<bool>())
            .prop_map(|(numbers, categories, scaled)| ([numbers, categories].concat(), scaled))
    })
}

/// The text of these columns, in this order, with a target.
fn text(columns: &[Vec<String>], order: &[usize]) -> String {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let mut text = order.iter().map(|column| format!("c{column},")).collect::<String>() + "t\n";
    for row in 0..columns[0].len() {
        order.iter().for_each(|&column| text += &(quoted(&columns[column][row]) + ","));
        text += ["p\n", "q\n"][row % 2];
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A row becomes the same bits whether it was trained on or is predicted alone later, from columns in another order.
    #[test]
    fn training_and_prediction_prepare_the_same_bits((columns, scaled) in table()) {
        let order: Vec<usize> = (0..columns.len()).collect();
        let whole = text(&columns, &order);
        let numeric = order.iter().filter(|&&i| columns[i].iter().all(|cell| cell == "NA" || cell.parse::<f32>().is_ok()));
        let asked = TableOptions {
            missing: Missing::Median,
            header: Some(true),
            delimiter: Some(b','),
            numeric: numeric.map(|i| format!("c{i}")).collect(),
            ..options(&["t"])
        };
        let table = read(&whole, &asked);
        let rows: Vec<u32> = (0..table.rows() as u32).collect();
        let scale = if scaled { Scale::Robust } else { Scale::Standard };
        // A column without any value is refused.
        let Ok((preparation, _)) = Preparation::learn(&table, TargetKind::Look, &rows, scale) else { return Ok(()) };
        let Ok(prepared) = preparation.dataset(table) else { return Ok(()) };
        let reversed: Vec<usize> = order.iter().rev().copied().collect();
        for row in 0..rows.len() {
            let one: Vec<Vec<String>> = columns.iter().map(|column| vec![column[row].clone()]).collect();
            let alone = preparation.read_inputs(Path::new("one"), text(&one, &reversed).as_bytes()).unwrap();
            let found = preparation.rows(&alone).inputs;
            let Row::Floats(expected) = prepared.dataset.input(row) else { panic!("numbers") };
            let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&found), bits(expected));
        }
    }
}
