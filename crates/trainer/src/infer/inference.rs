//! The forward pass alone: outputs for rows of inputs.
//!
//! Examples are independent of one another. So members share them out in tranches, and one thread takes a tranche from the first
//! layer to the last. The first layer leaves out the zeros of bytes ([`sparse_gemm`]).

use super::rows::Rows;
use crate::examples::with_examples;
use crate::network::{Layer, Network};
use crate::step::Activate;
use minibatch_kernels::{
    ArithmeticClass, Epilogue, Examples, Mat, MatMut, Matrix, SparseInputs, Start, Store, Team, footprint,
    gemm, sparse_gemm,
};
use std::ops::Range;

/// Examples of a tranche, which a member takes at a time. They are enough for efficient products. A cost is summed tranche by
/// tranche, so another number would change its last bits.
pub(crate) const TRANCHE: usize = 256;

/// Values of the widest layer that go through the layers at a time. They should stay in the second-level cache.
const VALUES: usize = 1 << 16;

/// Examples whose zeros are left out at a time. They share the lists of a bundle.
const SPARSE_ROWS: usize = 64;

/// The buffers of the first layer's inputs.
struct TrancheInputs {
    /// A_0 of bytes (up to `SPARSE_ROWS` × n_0)
    bytes: SparseInputs,
    /// A_0 of numbers that don't lie in one matrix (rows at a time × n_0). Empty until there are some
    floats: Matrix,
}

impl TrancheInputs {
    /// The first layer's product for `examples` of `x`, into as many rows of `output`.
    fn product(
        &mut self,
        team: &Team<'_>,
        layer: &Layer,
        x: Rows<'_>,
        examples: Range<usize>,
        output: &mut MatMut<'_>,
        epilogue: &dyn Epilogue,
    ) {
        let (n, first) = (layer.inputs(), examples.start);
        let mut dense = |x: Mat<'_>| {
            gemm(team, x, layer.weights.view(), output, Start::Bias(&layer.biases), epilogue);
        };
        match x {
            Rows::Floats(floats) => dense(Mat::row_major(&floats[first * n..], examples.len(), n)),
            Rows::Matrix(x) => {
                let part = x.part(examples, 0..n);
                if part.is_strided() { dense(part) } else { dense(part.to_matrix().view()) }
            }
            Rows::Bytes(bytes) => {
                let row = |i: usize| &bytes[(first + i) * n..][..n];
                self.gathered(team, layer, Examples::Bytes(&row), output, epilogue);
            }
            Rows::Dataset(data) => with_examples(
                data,
                |i| first + i,
                |examples| {
                    self.gathered(team, layer, examples, output, epilogue);
                },
            ),
        }
    }

    /// The first layer's product for examples that have to be gathered. The zeros of bytes are left out.
    fn gathered(
        &mut self,
        team: &Team<'_>,
        layer: &Layer,
        examples: Examples<'_>,
        output: &mut MatMut<'_>,
        epilogue: &dyn Epilogue,
    ) {
        let (isa, rows) = (team.isa(), output.rows());
        match examples {
            Examples::Bytes(row) if isa.class() == ArithmeticClass::Fused => {
                for first in (0..rows).step_by(SPARSE_ROWS) {
                    let end = rows.min(first + SPARSE_ROWS);
                    self.bytes.gather_bytes(isa, end - first, |i| row(first + i));
                    let output = &mut output.reborrow().rows_part(first..end);
                    sparse_gemm(isa, &self.bytes, &layer.weights, &layer.biases, output, epilogue);
                }
            }
            _ => {
                if self.floats.rows() < rows {
                    self.floats = Matrix::zeros(rows, layer.inputs());
                }
                examples.copy_to(isa, &mut self.floats.top_mut(rows));
                let (x, start) = (self.floats.top(rows), Start::Bias(&layer.biases));
                gemm(team, x, layer.weights.view(), output, start, epilogue);
            }
        }
    }
}

/// The buffers of one member that computes outputs.
pub(crate) struct Inference {
    inputs: TrancheInputs,
    /// A_l (rows at a time × n_l), l = 1, …, L − 1
    hidden: Vec<Matrix>,
    /// Z_L (rows × n_L), if the cost is computed from it
    pre_activations: Option<Matrix>,
    /// A_L (rows × n_L)
    outputs: Matrix,
    /// Examples that go through the layers at a time.
    rows_at_a_time: usize,
}

/// The number of examples that go through the layers of `network` at a time, at most `rows`.
fn rows_at_a_time(network: &Network, rows: usize) -> usize {
    let hidden = &network.layers[..network.layers.len() - 1];
    let widest = hidden.iter().map(Layer::outputs).max().unwrap_or(1);
    // A layer wider than `VALUES` goes through one bundle at a time, too.
    (VALUES / widest).max(1).next_multiple_of(SPARSE_ROWS).min(rows)
}

/// The most bytes that a member's buffers take for outputs of up to `rows` examples.
pub(crate) fn footprint(network: &Network, rows: usize) -> u64 {
    let at_a_time = rows_at_a_time(network, rows);
    let sizes = network.sizes();
    let widest = sizes.iter().copied().max().unwrap_or_default();
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let numbers = sizes[..sizes.len() - 1].iter().map(|&n| footprint::matrix(at_a_time, n));
    [
        footprint::team_inputs(inputs, SPARSE_ROWS.min(at_a_time), 1),
        footprint::matrix(rows, outputs),
        footprint::packing(at_a_time, widest),
    ]
    .into_iter()
    .chain(numbers)
    .fold(0, u64::saturating_add)
}

impl Inference {
    /// Room for outputs of up to `rows` examples.
    pub(super) fn new(network: &Network, rows: usize) -> Inference {
        let hidden = &network.layers[..network.layers.len() - 1];
        let rows_at_a_time = rows_at_a_time(network, rows);
        Inference {
            inputs: TrancheInputs {
                bytes: SparseInputs::new(network.inputs(), SPARSE_ROWS.min(rows_at_a_time)),
                floats: Matrix::zeros(0, network.inputs()),
            },
            hidden: hidden.iter().map(|layer| Matrix::zeros(rows_at_a_time, layer.outputs())).collect(),
            pre_activations: None,
            outputs: Matrix::zeros(rows, network.outputs()),
            rows_at_a_time,
        }
    }

    /// Room for outputs of up to `rows` examples, and for Z_L if the cost is computed from it.
    pub(crate) fn for_cost(network: &Network, rows: usize) -> Inference {
        let needed = network.cost_needs_pre_activation();
        let pre_activations = needed.then(|| Matrix::zeros(rows, network.outputs()));
        Inference { pre_activations, ..Inference::new(network, rows) }
    }

    /// A_L of the examples last computed.
    pub(crate) fn outputs(&self) -> &Matrix {
        &self.outputs
    }

    /// Z_L of the examples last computed, if the cost needs it.
    pub(crate) fn pre_activations(&self) -> Option<&Matrix> {
        self.pre_activations.as_ref()
    }

    /// Computes the outputs for `examples` of `x`, on a team of one.
    pub(crate) fn forward(
        &mut self,
        team: &Team<'_>,
        network: &Network,
        x: Rows<'_>,
        examples: Range<usize>,
    ) {
        for first in examples.clone().step_by(self.rows_at_a_time) {
            let end = examples.end.min(first + self.rows_at_a_time);
            self.forward_part(team, network, x, first..end, first - examples.start);
        }
    }

    /// Computes the outputs for `examples` of `x` into rows from `at` on.
    fn forward_part(
        &mut self,
        team: &Team<'_>,
        network: &Network,
        x: Rows<'_>,
        examples: Range<usize>,
        at: usize,
    ) {
        let (rows, isa) = (examples.len(), team.isa());
        for (l, layer) in network.layers.iter().enumerate() {
            let activation = layer.activation();
            let (before, from) = self.hidden.split_at_mut(l);
            let is_last = from.is_empty();
            let (a, to) = match from.first_mut() {
                Some(hidden) => (hidden, 0..rows),
                None => (&mut self.outputs, at..at + rows),
            };
            let mut z = self.pre_activations.as_mut().filter(|_| is_last);
            // A row-wise activation needs whole rows, and a part of a product isn't one. Z that is kept must not become A.
            let afterwards = z.is_some() || activation.is_row_wise();
            let product = z.as_deref_mut().unwrap_or(a);
            let activate = Activate(activation);
            let epilogue: &dyn Epilogue = if afterwards { &Store } else { &activate };
            match before.last() {
                None => {
                    let output = &mut product.rows_mut(to.clone());
                    self.inputs.product(team, layer, x, examples.clone(), output, epilogue);
                }
                Some(input) => {
                    let start = Start::Bias(&layer.biases);
                    let output = &mut product.rows_mut(to.clone());
                    gemm(team, input.top(rows), layer.weights.view(), output, start, epilogue);
                }
            }
            if let Some(z) = z {
                let whole = z.view();
                let cols = 0..whole.cols();
                self.outputs.rows_mut(to.clone()).copy_from(whole.part(to.clone(), cols));
                activation.forward(isa, &mut self.outputs.rows_mut(to));
            } else if afterwards {
                activation.forward(isa, &mut self.outputs.rows_mut(to));
            }
        }
    }
}
