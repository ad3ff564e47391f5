//! A trial step: what a step of the run would do to each layer, without taking it.

use super::activity::sample;
use super::workspace::Workspace;
use super::{backprop, whole};
use crate::error::{Divergence, Error};
use crate::examples::with_examples;
use crate::network::{Layer, Network};
use crate::noise::Noises;
use crate::optimizer::OptimizerState;
use crate::schedule::Course;
use crate::settings::Settings;
use minibatch_data::Dataset;
use minibatch_kernels::{Mat, Pool, TeamInputs};

/// What a step does to a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerTrial {
    /// ‖Δ_l‖/√B
    pub(crate) error: f64,
    /// ‖ΔW_l‖/‖W_l‖
    pub(crate) update: f64,
}

/// What step `number` of a run would do to the layers of `network`, on B examples of `data` that are evenly spaced. The step has the
/// settings' optimiser, rates, penalty and clipping, and neither noise nor augmentation. Network and state aren't changed.
pub(crate) fn trial(
    pool: &Pool,
    network: &Network,
    data: &Dataset,
    settings: &Settings,
    state: &OptimizerState,
    course: &Course,
    number: u64,
) -> Result<Vec<LayerTrial>, Error> {
    let refused = Error::Refused(Divergence::LearningRate { step: number });
    let rates = settings.rates(course, number, data.len()).ok_or(refused)?;
    let data = &sample(data, settings.batch_size)?;
    let (rows, count) = (data.len(), network.layers.len());
    let neurons = network.layers[0].outputs();
    let inputs = TeamInputs::to_accumulate(pool.isa(), network.inputs(), neurons, rows, pool.members());
    let mut workspace = Workspace::for_gradient(network, rows, inputs);
    let (mut layers, mut state) = (network.layers.clone(), state.clone());
    let step = settings.optimizer.step(rates, rows as f64, true, &mut state);
    let mut errors = Vec::new();
    pool.run(|team| {
        let isa = team.isa();
        with_examples(
            data,
            |row| row,
            |examples| backprop::forward(team, &layers, &mut workspace, examples, rows),
        );
        workspace.take_targets(data, settings.label_smoothing, rows, |row| row);
        backprop::output_error(isa, &layers, network.cost(), &mut workspace, rows);
        backprop::backward(team, Noises::NONE, &layers, &mut workspace, rows);
        errors = workspace.errors.iter().map(|error| norm(error.top(rows)) / (rows as f64).sqrt()).collect();
        (1..=count).for_each(|l| backprop::add_gradient(team, &mut workspace, rows, l, step.mean()));
        let gradient = workspace.gradient.as_mut().expect("a workspace for the whole gradient");
        let clip = settings.clip.as_ref();
        let Ok(()) =
            whole::descend(team, &mut layers, &mut state, gradient, clip, &step, |_, _, _, _| Ok(()))
        else {
            unreachable!("nothing is checked");
        };
    });
    let updates = network.layers.iter().zip(&layers).map(|(before, after)| change(before, after));
    Ok(errors.into_iter().zip(updates).map(|(error, update)| LayerTrial { error, update }).collect())
}

/// ‖X‖, the root of the sum of squares in f64, row by row.
fn norm(x: Mat<'_>) -> f64 {
    let squares = |row: usize| x.row(row).iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    (0..x.rows()).map(squares).sum::<f64>().sqrt()
}

/// ‖W′ − W‖/‖W‖ of a layer before and after a step. 0 if nothing changes.
fn change(before: &Layer, after: &Layer) -> f64 {
    let (mut changes, mut weights) = (0.0, 0.0);
    for k in 0..before.inputs() {
        for (old, new) in before.weights.row_slices(k).zip(after.weights.row_slices(k)) {
            for (&old, &new) in old.iter().zip(new) {
                let (old, new) = (f64::from(old), f64::from(new));
                changes += (new - old) * (new - old);
                weights += old * old;
            }
        }
    }
    if changes == 0.0 { 0.0 } else { (changes / weights).sqrt() }
}
