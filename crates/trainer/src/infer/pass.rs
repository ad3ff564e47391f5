//! One pass over a dataset, tranche by tranche, for all that is measured on outputs and targets.

use super::inference::{Inference, TRANCHE};
use super::rows::Rows;
use crate::error::Error;
use crate::network::Network;
use crate::network::cost::Outputs;
use crate::target_rows::TargetRows;
use minibatch_data::{Dataset, Targets};
use minibatch_kernels::{Isa, Matrix, Pool, Solo};
use std::ops::Range;

/// The buffers and results of one member in a pass.
struct Worker<T> {
    inference: Inference,
    /// Y of a tranche (TRANCHE × n_L)
    targets: Matrix,
    /// The tranches that the member took, with their results.
    results: Vec<(usize, T)>,
}

impl<T> Worker<T> {
    fn new(network: &Network, data: &Dataset) -> Worker<T> {
        let rows = TRANCHE.min(data.len());
        Worker {
            inference: Inference::for_cost(network, rows),
            targets: Matrix::zeros(rows, network.outputs()),
            results: Vec::with_capacity(data.len().div_ceil(TRANCHE)),
        }
    }

    /// The output layer for `examples` of `data`, whose outputs were just computed.
    fn outputs<'a>(
        &'a mut self,
        isa: Isa,
        network: &'a Network,
        data: &Dataset,
        examples: Range<usize>,
    ) -> Outputs<'a> {
        let rows = examples.len();
        let targets = TargetRows::new(data.targets(), network.outputs(), 0.0);
        examples.enumerate().for_each(|(row, example)| targets.write(example, self.targets.row_mut(row)));
        Outputs {
            isa,
            activation: network.layers[network.layers.len() - 1].activation(),
            z: self.inference.pre_activations().map(|z| z.top(rows)),
            a: self.inference.outputs().top(rows),
            y: self.targets.top(rows),
        }
    }
}

/// Computes the outputs for all of `data` and calls `measure` with each tranche of examples and its output layer. Returns the
/// results in the order of the tranches.
///
/// The pool's members share the tranches out. A result is made of one tranche alone, so it doesn't depend on the member.
pub(super) fn pass<T: Send>(
    network: &Network,
    pool: &Pool,
    data: &Dataset,
    measure: impl Fn(Range<usize>, Outputs<'_>) -> T + Sync,
) -> Vec<T> {
    let tranches = data.len().div_ceil(TRANCHE);
    let solo = |_| Solo::new(Worker::new(network, data));
    let mut solos: Vec<_> = (0..pool.members().min(tranches)).map(solo).collect();
    pool.run(|team| {
        team.share_out(&mut solos, tranches, |team, worker, tranche| {
            let examples = tranche * TRANCHE..data.len().min((tranche + 1) * TRANCHE);
            worker.inference.forward(team, network, Rows::Dataset(data), examples.clone());
            let outputs = worker.outputs(team.isa(), network, data, examples.clone());
            let result = measure(examples, outputs);
            worker.results.push((tranche, result));
        });
    });
    let mut results: Vec<_> = solos.into_iter().flat_map(|solo| solo.into_state().results).collect();
    results.sort_unstable_by_key(|&(tranche, _)| tranche);
    results.into_iter().map(|(_, result)| result).collect()
}

impl Network {
    /// Whether `data` have this network's inputs, no more than its outputs, and targets that its cost takes.
    pub(crate) fn check_shape(&self, data: &Dataset) -> Result<(), Error> {
        if data.input_len() != self.inputs() {
            return Err(Error::Shape { what: "inputs", expected: self.inputs(), found: data.input_len() });
        }
        let (width, outputs) = (data.targets().width(), self.outputs());
        // A test set may lack the last classes, and one output tells two. Labels and values must fit exactly.
        let fits = match data.classes() {
            Some(classes) => classes <= outputs || (classes, outputs) == (2, 1),
            None => width == outputs,
        };
        if !fits {
            return Err(Error::Shape { what: "outputs", expected: outputs, found: width });
        }
        if let Targets::Values { data, .. } = data.targets() {
            for (i, y) in data.chunks_exact(outputs).enumerate() {
                if let Some(expected) = self.cost.target_defect(y) {
                    let cost = self.cost.label();
                    return Err(Error::Targets { cost, example: i, expected, found: y.to_vec() });
                }
            }
        }
        Ok(())
    }
}
