//! The numbers that a graph takes, and how they become a network's inputs.
//!
//! | the network was trained on | the graph takes |
//! |---|---|
//! | pixels as bytes | `pixels`: bytes from 0 to 255, in the shape of an example |
//! | a table | `columns`: a number for each column that becomes inputs. A category is its place in the column's list, from 0 |
//! | other numbers, or it isn't known | `inputs`: the network's inputs |
//!
//! The scaling of a column is f64 and rounded to f32 once, as in the library.

use super::graph::{Graph, int};
use super::proto::tensor_proto::DataType;
use minibatch::Network;
use minibatch::data::Preparation;
use minibatch::data::preparation::{InputKind, Scaler};

/// Adds the way to the network's inputs. Returns their name. What the graph doesn't do is added to `notes`.
pub(super) fn put(graph: &mut Graph, network: &Network, notes: &mut Vec<String>) -> String {
    if let Some(preparation) = network.preparation() {
        return columns(graph, preparation, notes);
    }
    let profile = network.profile();
    if profile.is_some_and(|profile| profile.is_transposed) {
        notes.push(
            "rows and columns of the pictures were exchanged before training; the graph takes them exchanged"
                .to_owned(),
        );
    }
    match profile.filter(|profile| profile.are_bytes) {
        Some(profile) => {
            let shape = &profile.example_shape;
            if shape.len() > 1 {
                let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
                notes.push(format!(
                    "the graph takes pictures of {shape} pixels as the training set has them; cutting, centring and resizing others is \
                     left to the caller"
                ));
            }
            graph.input("pixels", DataType::Uint8, shape, "pixels from 0 to 255");
            let numbers = graph.cast("pixels", DataType::Float, "pixels.numbers");
            let white = graph.constant(255.0);
            let scaled = graph.node("Div", &[&numbers, &white], "pixels.scaled");
            match shape.len() {
                1 => scaled,
                _ => graph.node_with("Flatten", &[&scaled], "pixels.flat", vec![int("axis", 1)]),
            }
        }
        None => {
            graph.input("inputs", DataType::Float, &[network.inputs()], "the network's inputs");
            "inputs".to_owned()
        }
    }
}

/// Inputs that are made together, and their places among the network's inputs.
struct Piece {
    name: String,
    places: Vec<usize>,
}

/// A column of numbers.
#[derive(Clone, Copy)]
struct Number {
    column: usize,
    /// The place of its input.
    place: usize,
    scaler: Scaler,
    fill: Option<f32>,
}

/// The way from the columns of a table.
fn columns(graph: &mut Graph, preparation: &Preparation, notes: &mut Vec<String>) -> String {
    let columns = preparation.columns();
    graph.input(
        "columns",
        DataType::Float,
        &[columns.len()],
        "a number for each column; the metadata have their names",
    );
    let mut numbers: [Vec<Number>; 2] = [Vec::new(), Vec::new()];
    let (mut missing, mut pairs, mut hot) = (Vec::new(), Vec::new(), Vec::new());
    let mut place = 0;
    for (column, described) in columns.iter().enumerate() {
        match &described.kind {
            InputKind::Numbers { scaler, fill } => {
                numbers[usize::from(scaler.draws_in)].push(Number {
                    column,
                    place,
                    scaler: *scaler,
                    fill: *fill,
                });
                if fill.is_some() {
                    missing.push((column, place + 1));
                }
            }
            InputKind::Categories { categories, .. } => {
                let name = &described.name;
                notes.push(format!(
                    "column '{name}' has categories: the graph takes the place of each in its list, from 0, and any other number for an \
                     unknown or missing one"
                ));
                match categories.len() {
                    2 => pairs.push((column, place)),
                    count => hot.extend((0..count).map(|index| (column, place + index, index as f32))),
                }
            }
            _ => notes.push(format!("column '{}' is of a kind that the graph doesn't know", described.name)),
        }
        place += described.kind.inputs();
    }
    let mut pieces = Vec::new();
    for (group, name) in numbers.iter().zip(["numbers", "drawn"]) {
        if !group.is_empty() {
            pieces.push(scaled(graph, group, name));
        }
    }
    if !missing.is_empty() {
        let taken = gather(graph, "missing", missing.iter().map(|(column, _)| *column));
        let lacks = graph.node("IsNaN", &[&taken], "missing.lacks");
        let name = graph.cast(&lacks, DataType::Float, "missing.inputs");
        pieces.push(Piece { name, places: missing.iter().map(|(_, place)| *place).collect() });
    }
    if !pairs.is_empty() {
        let taken = gather(graph, "pairs", pairs.iter().map(|(column, _)| *column));
        let [first, second] = [0.0, 1.0].map(|index| {
            let constant = graph.constant(index);
            let is = graph.node("Equal", &[&taken, &constant], &format!("pairs.is.{index}"));
            graph.cast(&is, DataType::Float, &format!("pairs.{index}"))
        });
        let name = graph.node("Sub", &[&second, &first], "pairs.inputs");
        pieces.push(Piece { name, places: pairs.iter().map(|(_, place)| *place).collect() });
    }
    if !hot.is_empty() {
        let taken = gather(graph, "categories", hot.iter().map(|(column, ..)| *column));
        let indices = graph.floats("categories.indices", &[hot.len()], hot.iter().map(|(.., index)| *index));
        let is = graph.node("Equal", &[&taken, &indices], "categories.is");
        let name = graph.cast(&is, DataType::Float, "categories.inputs");
        pieces.push(Piece { name, places: hot.iter().map(|(_, place, _)| *place).collect() });
    }
    joined(graph, &pieces)
}

/// Takes columns, in this order.
fn gather(graph: &mut Graph, name: &str, columns: impl Iterator<Item = usize>) -> String {
    let columns: Vec<usize> = columns.collect();
    let places = graph.integers(&format!("{name}.places"), &columns);
    graph.node_with("Gather", &["columns", &places], &format!("{name}.taken"), vec![int("axis", 1)])
}

/// Scaled columns of numbers, which are all drawn in or none.
fn scaled(graph: &mut Graph, group: &[Number], name: &str) -> Piece {
    let mut taken = gather(graph, name, group.iter().map(|number| number.column));
    let at = |part: &str| format!("{name}.{part}");
    let count = [group.len()];
    if group.iter().any(|number| number.fill.is_some()) {
        // A number that may not be missing stays NaN, as its outputs then are.
        let fills =
            graph.floats(&at("fills"), &count, group.iter().map(|number| number.fill.unwrap_or(f32::NAN)));
        let lacks = graph.node("IsNaN", &[&taken], &at("lacks"));
        taken = graph.node("Where", &[&lacks, &fills, &taken], &at("filled"));
    }
    let wide = graph.cast(&taken, DataType::Double, &at("wide"));
    let offsets = graph.doubles(&at("offsets"), &count, group.iter().map(|number| number.scaler.offset));
    let factors = graph.doubles(&at("factors"), &count, group.iter().map(|number| number.scaler.factor));
    let shifted = graph.node("Sub", &[&wide, &offsets], &at("shifted"));
    let mut scaled = graph.node("Mul", &[&shifted, &factors], &at("scaled"));
    if group[0].scaler.draws_in {
        let (three, one) = (graph.doubles(&at("three"), &[], [3.0]), graph.doubles(&at("one"), &[], [1.0]));
        let third = graph.node("Div", &[&scaled, &three], &at("third"));
        let square = graph.node("Mul", &[&third, &third], &at("square"));
        let sum = graph.node("Add", &[&square, &one], &at("sum"));
        let root = graph.node("Sqrt", &[&sum], &at("root"));
        scaled = graph.node("Div", &[&scaled, &root], &at("drawn"));
    }
    let name = graph.cast(&scaled, DataType::Float, &at("inputs"));
    Piece { name, places: group.iter().map(|number| number.place).collect() }
}

/// The pieces side by side, each input in its place.
fn joined(graph: &mut Graph, pieces: &[Piece]) -> String {
    let names: Vec<&str> = pieces.iter().map(|piece| &*piece.name).collect();
    let together = match *names {
        [one] => one.to_owned(),
        _ => graph.node_with("Concat", &names, "inputs.together", vec![int("axis", 1)]),
    };
    let places: Vec<usize> = pieces.iter().flat_map(|piece| piece.places.iter().copied()).collect();
    if places.is_sorted() {
        return together;
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by_key(|&at| places[at]);
    let order = graph.integers("inputs.order", &order);
    graph.node_with("Gather", &[&together, &order], "inputs.in-order", vec![int("axis", 1)])
}
