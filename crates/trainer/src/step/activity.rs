//! The activity of units on a sample of examples: which of them have stopped learning.

use super::backprop;
use super::workspace::Workspace;
use crate::error::Error;
use crate::examples::with_examples;
use crate::network::{Layer, Network};
use minibatch_data::Dataset;
use minibatch_kernels::{Isa, Pool, TeamInputs};
use serde::{Deserialize, Serialize};

/// Examples of a sample at most.
const SAMPLE: usize = 1000;

/// Examples that go through the layers at a time.
pub(crate) const ROWS: usize = 64;

/// A slope below which a unit hardly learns: the error behind it is hardly passed on.
const FLAT: f32 = 0.01;

/// The activity of a layer's units on a sample of examples. [`Network::activity`] measures it.
///
/// A unit learns by its slope σ′(z): BP1 and BP2 multiply its error by it. Here a slope is *flat* where |σ′(z)| < 0.01. The slope of a
/// softmax is a(1 − a), the element of its Jacobian's diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnitActivity {
    /// l, counted from 1.
    pub layer: usize,
    /// n_l, the number of units.
    pub units: usize,
    /// Examples of the sample.
    pub examples: usize,
    /// The fraction of all units × examples at which the slope is flat.
    pub flat: f64,
    /// Dead units: their output is 0, and their slope flat, for every example. A ReLU unit that is dead never learns again from
    /// such examples.
    pub dead: usize,
    /// Saturated units: the slope is flat for every example, and the unit isn't dead.
    pub saturated: usize,
}

/// What was seen of a layer.
struct Seen {
    /// For each unit, whether its output was another number than 0, and whether its slope was not flat.
    units: Vec<[bool; 2]>,
    /// Units × examples whose slope was flat.
    flat: usize,
}

impl Network {
    /// The activity of the layers 1, …, L on `data`. A dataset of more than 1,000 examples is represented by 1,000 of them, evenly
    /// spaced.
    ///
    /// ```
    /// use minibatch::activation::Relu;
    /// use minibatch::{Dataset, Network, Pool};
    ///
    /// let mut network = Network::builder(1).layer_with(2, Relu).layer(1).build()?;
    /// let hidden = &mut network.layers_mut()[0];
    /// // For inputs from 0 to 1, one unit is always active, and one never is.
    /// (hidden.set_weight(0, 0, 1.0), hidden.set_weight(1, 0, 1.0));
    /// hidden.biases_mut().copy_from_slice(&[0.5, -2.0]);
    /// let data = Dataset::from_values(vec![0.0f32, 0.5, 1.0], &[1], vec![0.0; 3], 1)?;
    /// let activity = network.activity(&Pool::detect()?, &data)?;
    /// assert_eq!((activity[0].units, activity[0].dead, activity[0].flat), (2, 1, 0.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn activity(&self, pool: &Pool, data: &Dataset) -> Result<Vec<UnitActivity>, Error> {
        self.check_shape(data)?;
        let data = &sample(data, SAMPLE)?;
        let (isa, layers, examples) = (pool.isa(), self.layers(), data.len());
        let at_a_time = ROWS.min(examples).min(TeamInputs::most_examples(self.inputs()));
        let inputs = TeamInputs::new(isa, self.inputs(), layers[0].outputs(), at_a_time, pool.members());
        let mut workspace = Workspace::plain(self, at_a_time, inputs);
        let unseen = |layer: &Layer| Seen { units: vec![[false; 2]; layer.outputs()], flat: 0 };
        let mut seen: Vec<Seen> = layers.iter().map(unseen).collect();
        pool.run(|team| {
            for first in (0..examples).step_by(at_a_time) {
                let rows = at_a_time.min(examples - first);
                with_examples(
                    data,
                    |row| first + row,
                    |examples| backprop::forward(team, layers, &mut workspace, examples, rows),
                );
                for (l, seen) in seen.iter_mut().enumerate() {
                    slopes(isa, &layers[l], &mut workspace, l, rows);
                    seen.look_at(&workspace, l, rows);
                }
            }
        });
        Ok((1..).zip(seen).map(|(layer, seen)| seen.activity(layer, examples)).collect())
    }
}

impl Seen {
    /// Looks at the outputs of layer l + 1 in the workspace, and at the slopes that stand there in place of its errors.
    fn look_at(&mut self, workspace: &Workspace, l: usize, rows: usize) {
        for row in 0..rows {
            let (outputs, slopes) = (workspace.activations[l].row(row), workspace.errors[l].row(row));
            for (([active, steep], &a), &slope) in self.units.iter_mut().zip(outputs).zip(slopes) {
                // A NaN is neither 0 nor flat.
                let is_flat = slope.abs() < FLAT;
                *active |= a != 0.0;
                *steep |= !is_flat;
                self.flat += usize::from(is_flat);
            }
        }
    }

    fn activity(&self, layer: usize, examples: usize) -> UnitActivity {
        let count = |active: bool| self.units.iter().filter(|unit| **unit == [active, false]).count();
        UnitActivity {
            layer,
            units: self.units.len(),
            examples,
            flat: self.flat as f64 / (self.units.len() * examples) as f64,
            dead: count(false),
            saturated: count(true),
        }
    }
}

/// Computes the slopes of `layer`, which is layer l + 1, into the place of its errors: the backward step of errors that are 1.
fn slopes(isa: Isa, layer: &Layer, workspace: &mut Workspace, l: usize, rows: usize) {
    let Workspace { activations, pre_activations, errors, .. } = workspace;
    let (activation, outputs) = (layer.activation(), activations[l].top(rows));
    for row in 0..rows {
        let slopes = errors[l].row_mut(row);
        match activation.is_row_wise() {
            true => slopes.iter_mut().zip(outputs.row(row)).for_each(|(slope, a)| *slope = a * (1.0 - a)),
            false => slopes.fill(1.0),
        }
    }
    if !activation.is_row_wise() {
        let saved = match &pre_activations[l] {
            Some(z) if activation.needs_pre_activation() => z.top(rows),
            _ => outputs,
        };
        activation.backward(isa, &mut errors[l].top_mut(rows), saved);
    }
}

/// At most so many examples of `data`, evenly spaced.
pub(super) fn sample(data: &Dataset, most: usize) -> Result<Dataset, Error> {
    if data.len() <= most {
        return Ok(data.clone());
    }
    let index = |i: usize| (i as u64 * data.len() as u64 / most as u64) as u32;
    Ok(data.subset(&(0..most).map(index).collect::<Vec<_>>())?)
}
