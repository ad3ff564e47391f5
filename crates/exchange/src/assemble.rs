//! Networks out of named tensors.
//!
//! ```text
//! take the tensors whose names begin with the network's prefix
//! pair weights with biases by their names, in the natural order of the names
//! find the orientation of the weights: told, or the one in which the shapes are a chain
//! check the sizes and what they take of memory
//! read each tensor, check its numbers, and set the layer
//! ```
//!
//! No number is read before the shapes are known to be those of a network.

use crate::description::{Described, Description};
use crate::error::Error;
use crate::options::{Imported, Options, Orientation};
use minibatch::{Activation, Cost, Initializer, Mat, Network};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Tensors with names.
pub(crate) trait Tensors {
    /// The names and shapes of all.
    fn list(&mut self) -> Result<Vec<(String, Vec<usize>)>, Error>;

    /// The numbers of the tensor of that name, the last dimension fastest.
    fn read(&mut self, name: &str) -> Result<Vec<f32>, Error>;
}

/// The networks that `tensors` hold. The description of the file, if it has one, says how many there are.
pub(crate) fn networks(
    tensors: &mut dyn Tensors,
    description: Option<&Description>,
    options: &Options,
) -> Result<Imported, Error> {
    let all = tensors.list()?;
    let Some(description) = description else {
        let mut notes = Vec::new();
        let pairs = pairs(&all)?;
        let network = network(tensors, &pairs, None, options, &mut notes)?;
        return Ok(Imported::one(network, notes));
    };
    let mut groups: BTreeMap<String, Vec<(String, Vec<usize>)>> = BTreeMap::new();
    let are_several = description.networks.len() > 1;
    for (name, shape) in all {
        let of = name.split_once('.').filter(|_| are_several).map_or(String::new(), |(of, _)| of.to_owned());
        groups.entry(of).or_default().push((name, shape));
    }
    let mut networks = BTreeMap::new();
    for described in &description.networks {
        let group = if are_several { &described.name } else { "" };
        let own = groups.remove(group).unwrap_or_default();
        let pairs = pairs(&own)?;
        let network = network(tensors, &pairs, Some(described), options, &mut Vec::new())?;
        networks.insert(described.name.clone(), network);
    }
    match groups.values().flatten().next() {
        Some((name, _)) => {
            Err(Error::tensor(name, "tensors of the networks that the file describes", "another", ""))
        }
        None => Ok(Imported { networks, notes: Vec::new() }),
    }
}

/// A layer's tensors.
#[derive(Debug)]
struct Pair<'t> {
    weights: &'t str,
    shape: [usize; 2],
    biases: &'t str,
    length: usize,
    /// The orientation that the names suggest.
    usual: Option<Orientation>,
}

impl Pair<'_> {
    /// The layer's outputs and inputs.
    fn sizes(&self, orientation: Orientation) -> (usize, usize) {
        match (orientation, self.shape) {
            (Orientation::OutIn, [outputs, inputs]) | (Orientation::InOut, [inputs, outputs]) => {
                (outputs, inputs)
            }
        }
    }
}

/// The role that a tensor's name tells.
enum Role<'t> {
    /// Weights of the layer with this key.
    Weights(&'t str, Option<Orientation>),
    /// Its biases.
    Biases(&'t str),
}

/// The role of the tensor `name`.
fn role(name: &str) -> Option<Role<'_>> {
    // A network of several has its name before a point.
    let last = name.rsplit('.').next().unwrap_or(name);
    let numbered = |start: &str| last.strip_prefix(start).filter(|rest| rest.parse::<u32>().is_ok());
    if let Some(key) = numbered("coefs_") {
        return Some(Role::Weights(key, Some(Orientation::InOut)));
    }
    if let Some(key) = numbered("intercepts_") {
        return Some(Role::Biases(key));
    }
    let key_before = |ending: &str| {
        name.strip_suffix(ending).filter(|key| key.is_empty() || key.ends_with(['.', '/', '_']))
    };
    let kinds = [("weight", Some(Orientation::OutIn)), ("kernel", Some(Orientation::InOut))];
    let weights =
        kinds.into_iter().find_map(|(ending, usual)| Some(Role::Weights(key_before(ending)?, usual)));
    weights.or_else(|| key_before("bias").map(Role::Biases))
}

/// Pairs weights with biases, layer by layer.
fn pairs(tensors: &[(String, Vec<usize>)]) -> Result<Vec<Pair<'_>>, Error> {
    if let Some(pairs) = numbered_pairs(tensors)? {
        return Ok(pairs);
    }
    let (mut weights, mut biases) = (Vec::new(), BTreeMap::new());
    for (name, shape) in tensors {
        match role(name) {
            Some(Role::Weights(key, usual)) => weights.push((key, name, matrix(name, shape)?, usual)),
            Some(Role::Biases(key)) => {
                if biases.insert(key, (name, vector(name, shape)?)).is_some() {
                    return Err(Error::tensor(name, "one tensor of biases for a layer", "two", ""));
                }
            }
            None => {
                return Err(Error::tensor(
                    name,
                    "weights and biases of fully connected layers (names that end with weight, kernel or bias, or coefs_0, \
                     intercepts_0 …)",
                    format!("another name, of shape {shape:?}"),
                    "leave it out of the file",
                ));
            }
        }
    }
    weights.sort_by(|(one, ..), (other, ..)| natural(one, other));
    let mut pairs = Vec::new();
    for (key, weights, shape, usual) in weights {
        let Some((biases, length)) = biases.remove(key) else {
            return Err(Error::tensor(
                weights,
                "a tensor of biases beside it",
                "none",
                "zeros stand for a layer without biases",
            ));
        };
        pairs.push(Pair { weights, shape, biases, length, usual });
    }
    if let Some((name, _)) = biases.into_values().next() {
        return Err(Error::tensor(name, "a tensor of weights beside it", "none", ""));
    }
    if pairs.is_empty() {
        return Err(Error::content("the file", "tensors of weights and biases", "none", ""));
    }
    Ok(pairs)
}

/// The pairs of a list of arrays without names, as `numpy.savez(*arrays)` writes it: weights and biases in turn. `None` for other names.
fn numbered_pairs(tensors: &[(String, Vec<usize>)]) -> Result<Option<Vec<Pair<'_>>>, Error> {
    let by_name: HashMap<&str, &(String, Vec<usize>)> = tensors.iter().map(|one| (&*one.0, one)).collect();
    let all: Option<Vec<_>> =
        (0..tensors.len()).map(|index| by_name.get(&*format!("arr_{index}")).copied()).collect();
    let Some(all) = all.filter(|all| !all.is_empty() && all.len().is_multiple_of(2)) else {
        return Ok(None);
    };
    let mut pairs = Vec::new();
    for two in all.chunks_exact(2) {
        let ((weights, shape), (biases, length)) = (two[0], two[1]);
        let (shape, length) = (matrix(weights, shape)?, vector(biases, length)?);
        pairs.push(Pair { weights, shape, biases, length, usual: None });
    }
    Ok(Some(pairs))
}

fn matrix(name: &str, shape: &[usize]) -> Result<[usize; 2], Error> {
    shape.try_into().map_err(|_| {
        Error::tensor(
            name,
            "weights of a fully connected layer, in two dimensions",
            format!("shape {shape:?}"),
            "",
        )
    })
}

fn vector(name: &str, shape: &[usize]) -> Result<usize, Error> {
    match *shape {
        [length] | [1, length] => Ok(length),
        _ => Err(Error::tensor(name, "biases, in one dimension", format!("shape {shape:?}"), "")),
    }
}

/// Names in the order in which people number them: 2 before 10.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one, other);
    loop {
        let number = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        match (number(a), number(b)) {
            (0, _) | (_, 0) => {}
            (i, j) => {
                let (x, y) = (a[..i].trim_start_matches('0'), b[..j].trim_start_matches('0'));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
                if order.is_ne() {
                    return order;
                }
                (a, b) = (&a[i..], &b[j..]);
                continue;
            }
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (rest_a.as_str(), rest_b.as_str()),
            (x, y) => return x.cmp(&y).then_with(|| one.cmp(other)),
        }
    }
}

/// The orientation in which the shapes are a chain, and the sizes n_0, …, n_L.
fn orientation(pairs: &[Pair<'_>], told: Option<Orientation>) -> Result<(Orientation, Vec<usize>), Error> {
    let usual = pairs.iter().find_map(|pair| pair.usual);
    if let Some(told) = told {
        return chain(pairs, told).map(|sizes| (told, sizes));
    }
    let both = [Orientation::OutIn, Orientation::InOut].map(|way| chain(pairs, way));
    match (both, usual) {
        ([Ok(sizes), Err(_)], _) | ([Ok(sizes), Ok(_)], Some(Orientation::OutIn)) => {
            Ok((Orientation::OutIn, sizes))
        }
        ([Err(_), Ok(sizes)], _) | ([Ok(_), Ok(sizes)], Some(Orientation::InOut)) => {
            Ok((Orientation::InOut, sizes))
        }
        ([Ok(_), Ok(_)], None) => Err(Error::tensor(
            pairs[0].weights,
            "weights whose shapes tell rows of outputs from rows of inputs",
            "square ones in all layers",
            "tell which with --orientation",
        )),
        ([_, Err(error)], Some(Orientation::InOut)) | ([Err(error), _], _) => Err(error),
    }
}

/// The sizes n_0, …, n_L, if each layer takes what the one before it gives.
fn chain(pairs: &[Pair<'_>], way: Orientation) -> Result<Vec<usize>, Error> {
    let mut sizes: Vec<usize> = Vec::new();
    for (l, pair) in (1..).zip(pairs) {
        let (outputs, inputs) = pair.sizes(way);
        let before = *sizes.last().unwrap_or(&inputs);
        if sizes.is_empty() {
            sizes.push(inputs);
        }
        if (outputs, inputs) != (pair.length, before) {
            let expected = match way {
                Orientation::OutIn => [pair.length, before],
                Orientation::InOut => [before, pair.length],
            };
            let why = match l {
                1 => format!("shape {expected:?}, for the {} numbers of '{}'", pair.length, pair.biases),
                _ => format!(
                    "shape {expected:?}, for the {before} outputs of layer {} and the {} numbers of '{}'",
                    l - 1,
                    pair.length,
                    pair.biases
                ),
            };
            return Err(Error::tensor(pair.weights, why, format!("{:?}", pair.shape), ""));
        }
        sizes.push(outputs);
    }
    Ok(sizes)
}

/// Makes the network of these pairs.
fn network(
    tensors: &mut dyn Tensors,
    pairs: &[Pair<'_>],
    described: Option<&Described>,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Network, Error> {
    let (way, sizes) = orientation(pairs, options.orientation)?;
    if let Some(described) = described.filter(|described| described.sizes != sizes) {
        let (expected, found) = (shown(&described.sizes), shown(&sizes));
        return Err(Error::content(
            "the tensors",
            format!("a network {expected}, as the file says"),
            found,
            "",
        ));
    }
    let activations = match described {
        Some(described) => described.activations(options)?,
        None => told(pairs.len(), options)?,
    };
    let output = &activations[activations.len() - 1];
    let cost = match described {
        Some(described) => described.cost(options)?,
        None => {
            let (cost, is_told) = options.cost_after(&**output);
            if !is_told {
                notes.push(assumed(&*cost, &**output));
            }
            cost
        }
    };
    let mut network = built(&sizes, activations, cost, options)?;
    for (layer, pair) in network.layers_mut().iter_mut().zip(pairs) {
        let weights = numbers(tensors, pair.weights, pair.shape[0].saturating_mul(pair.shape[1]))?;
        let matrix = Mat::row_major(&weights, pair.shape[0], pair.shape[1]);
        layer.set_weights(if way == Orientation::OutIn { matrix } else { matrix.transposed() })?;
        layer.biases_mut().copy_from_slice(&numbers(tensors, pair.biases, pair.length)?);
    }
    if let Some(described) = described {
        described.complete(&mut network)?;
    }
    Ok(network)
}

/// The note on a cost that nobody named.
pub(crate) fn assumed(cost: &dyn Cost, output: &dyn Activation) -> String {
    let (cost, output) = (cost.label(), output.label());
    format!("the file names no cost; {cost} is taken, which goes with {output}; --cost names another")
}

/// A network of these sizes, whose weights are 0. `options` may say other sizes.
pub(crate) fn built(
    sizes: &[usize],
    activations: Vec<Arc<dyn Activation>>,
    cost: Arc<dyn Cost>,
    options: &Options,
) -> Result<Network, Error> {
    if let Some(layers) = options.layers.as_ref().filter(|layers| **layers != sizes) {
        let expected = format!("a network {}, as --layers says", shown(layers));
        return Err(Error::content("the file", expected, shown(sizes), ""));
    }
    let mut builder = Network::builder(sizes[0]).cost_named(cost).initializer(Initializer::Zeros);
    for (&outputs, activation) in sizes[1..].iter().zip(activations) {
        builder = builder.layer_named(outputs, activation);
    }
    let mut network = builder.build()?;
    // Its numbers are of no initialiser.
    network.layers_mut();
    Ok(network)
}

/// The activations that are told, for a file that names none.
fn told(layers: usize, options: &Options) -> Result<Vec<Arc<dyn Activation>>, Error> {
    let missing = |option: &str| {
        Error::content(
            "the file",
            "activations",
            "none, as weights alone don't tell them",
            &format!("tell them with {option}"),
        )
    };
    let Some(output) = &options.output_activation else {
        return Err(missing(if layers > 1 && options.activation.is_none() {
            "--activation and --output-activation"
        } else {
            "--output-activation"
        }));
    };
    let mut all = Vec::new();
    if layers > 1 {
        let hidden = options.activation.as_ref().ok_or_else(|| missing("--activation"))?;
        all = vec![Arc::clone(hidden); layers - 1];
    }
    all.push(Arc::clone(output));
    Ok(all)
}

/// The numbers of a tensor, of which there are `count`.
fn numbers(tensors: &mut dyn Tensors, name: &str, count: usize) -> Result<Vec<f32>, Error> {
    let numbers = tensors.read(name)?;
    if numbers.len() != count {
        return Err(Error::tensor(name, format!("{count} numbers"), numbers.len(), ""));
    }
    finite(name, numbers)
}

/// The numbers of a tensor if all are finite, with +0 in the place of −0.
pub(crate) fn finite(name: &str, mut numbers: Vec<f32>) -> Result<Vec<f32>, Error> {
    if let Some(at) = numbers.iter().position(|x| !x.is_finite()) {
        let found = format!("{} at index {at}", numbers[at]);
        return Err(Error::tensor(name, "finite numbers", found, ""));
    }
    numbers.iter_mut().for_each(|x| *x += 0.0);
    Ok(numbers)
}

/// Sizes as people write them: `784-32-10`.
pub(crate) fn shown(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// The tensors' names of layer `l`, counted from 0: those of an `nn.Sequential` in which an activation follows each layer.
pub(crate) fn torch_names(prefix: &str, l: usize) -> [String; 2] {
    ["weight", "bias"].map(|what| format!("{prefix}{}.{what}", 2 * l))
}
