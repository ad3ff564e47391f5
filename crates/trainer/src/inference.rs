//! The forward pass alone: outputs for rows of inputs.
//!
//! Examples don't know of one another, so members share them out in blocks, each of which one thread takes from the
//! first layer to the last. In the first layer of images the zeros are left out ([`sparse_gemm`]).

use crate::activation::Range as Values;
use crate::backprop::Activate;
use crate::error::Error;
use crate::network::{Layer, Network};
use crate::workspace::with_examples;
use minibatch_data::Dataset;
use minibatch_kernels::{
    ArithmeticClass, Epilogue, Examples, Mat, MatMut, Matrix, Pool, Solo, SparseInputs, Start, Store, Team,
    argmax, footprint, gemm, sparse_gemm,
};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Examples that a member takes at a time: enough for the products to be efficient. A cost is summed block by block, so
/// another number would change its last bits.
pub(crate) const BLOCK: usize = 256;

/// Values of the widest layer that go through the layers at a time: they should stay in the second-level cache.
const VALUES: usize = 1 << 16;

/// Examples whose zeros are left out at a time: as many as share the lists of a block.
const SPARSE_ROWS: usize = 64;

/// Multiply-adds that are worth waking another thread for.
const WORK_PER_MEMBER: usize = 1_000_000;

/// Inputs of examples, n_0 to a row.
///
/// Made from slices of bytes or numbers, from a matrix, or from a dataset, whose targets don't matter.
#[derive(Clone, Copy)]
pub enum Rows<'a> {
    /// Row after row of bytes, taken as numbers in [0, 1]: the correctly rounded x/255.
    Bytes(&'a [u8]),
    /// Row after row of numbers, taken as they are.
    Floats(&'a [f32]),
    /// A matrix (B × n_0) of numbers, taken as they are.
    Matrix(Mat<'a>),
    /// A dataset's examples.
    Dataset(&'a Dataset),
}

/// Defines `From` for what can be taken as rows.
macro_rules! rows_from {
    ($([$($generics:tt)*] $from:ty => $variant:ident,)*) => {
        $(impl<$($generics)*> From<$from> for Rows<'a> {
            fn from(inputs: $from) -> Rows<'a> {
                Rows::$variant(inputs)
            }
        })*
    };
}

rows_from! {
    ['a] &'a [u8] => Bytes,
    ['a] &'a Vec<u8> => Bytes,
    ['a, const N: usize] &'a [u8; N] => Bytes,
    ['a] &'a [f32] => Floats,
    ['a] &'a Vec<f32> => Floats,
    ['a, const N: usize] &'a [f32; N] => Floats,
    ['a] Mat<'a> => Matrix,
    ['a] &'a Dataset => Dataset,
}

impl Rows<'_> {
    /// The number of rows, if they are whole rows of `inputs`.
    fn count(&self, inputs: usize) -> Result<usize, Error> {
        let whole = |len: usize| match len % inputs {
            0 => Ok(len / inputs),
            found => Err(Error::Shape { what: "inputs in the last row", expected: inputs, found }),
        };
        let (found, rows) = match *self {
            Rows::Bytes(bytes) => return whole(bytes.len()),
            Rows::Floats(floats) => return whole(floats.len()),
            Rows::Matrix(x) => (x.cols(), x.rows()),
            Rows::Dataset(data) => (data.input_len(), data.len()),
        };
        if found != inputs {
            return Err(Error::Shape { what: "inputs", expected: inputs, found });
        }
        Ok(rows)
    }
}

/// What the first layer needs.
struct Inputs {
    /// A_0 of bytes (up to `SPARSE_ROWS` × n_0)
    bytes: SparseInputs,
    /// A_0 of numbers that don't lie in one matrix (rows at a time × n_0); empty until there are some
    floats: Matrix,
}

impl Inputs {
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

    /// The same for examples that have to be gathered: of bytes without their zeros.
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
                examples.copy_to(isa, rows, &mut self.floats);
                let (x, start) = (self.floats.top(rows), Start::Bias(&layer.biases));
                gemm(team, x, layer.weights.view(), output, start, epilogue);
            }
        }
    }
}

/// What one member needs to compute outputs.
pub(crate) struct Inference {
    inputs: Inputs,
    /// A_l (rows at a time × n_l), l = 1, …, L − 1
    hidden: Vec<Matrix>,
    /// Z_L (rows × n_L), if the cost is computed from it
    pre_activations: Option<Matrix>,
    /// A_L (rows × n_L)
    outputs: Matrix,
    /// Examples that go through the layers at a time.
    rows_at_a_time: usize,
}

/// Examples that go through the layers of `network` at a time, where there are so many.
fn rows_at_a_time(network: &Network, rows: usize) -> usize {
    let hidden = &network.layers[..network.layers.len() - 1];
    let widest = hidden.iter().map(Layer::outputs).max().unwrap_or(1);
    // A layer wider than `VALUES` goes through one block at a time, too.
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
    fn new(network: &Network, rows: usize) -> Inference {
        let hidden = &network.layers[..network.layers.len() - 1];
        let rows_at_a_time = rows_at_a_time(network, rows);
        Inference {
            inputs: Inputs {
                bytes: SparseInputs::new(network.inputs(), SPARSE_ROWS.min(rows_at_a_time)),
                floats: Matrix::zeros(0, network.inputs()),
            },
            hidden: hidden.iter().map(|layer| Matrix::zeros(rows_at_a_time, layer.outputs())).collect(),
            pre_activations: None,
            outputs: Matrix::zeros(rows, network.outputs()),
            rows_at_a_time,
        }
    }

    /// Room for outputs of up to `rows` examples and for what the cost is computed from.
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
            // A part of a product isn't a row, and Z that is kept isn't to become A.
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

/// Examples in a block, so that `members` have something to do where that is worth it.
fn block_rows(network: &Network, rows: usize, members: usize) -> usize {
    let worth = (WORK_PER_MEMBER / network.parameters()).max(1);
    rows.div_ceil(members).max(worth).next_multiple_of(4).min(BLOCK)
}

impl Network {
    /// The outputs A_L (B × n_L) for the inputs `x`: a slice of bytes or numbers, n_0 to a row, or a matrix (B × n_0), or a
    /// dataset.
    ///
    /// The pool's members share the rows out. A [`Predictor`](crate::Predictor) answers for one row at a time sooner.
    ///
    /// ```
    /// use minibatch::{Isa, Mat, Network, Pool};
    ///
    /// let network = Network::builder(2).layer(3).layer(1).build()?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// let outputs = network.predict(&pool, Mat::row_major(&[0.0, 1.0, 1.0, 1.0], 2, 2))?;
    /// assert_eq!((outputs.rows(), outputs.cols()), (2, 1));
    /// // Bytes stand for x/255.
    /// assert_eq!(network.predict(&pool, &[0u8, 255, 255, 255])?, outputs);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `x` isn't rows of n_0.
    pub fn predict<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Matrix, Error> {
        let x = x.into();
        let mut outputs = Matrix::zeros(x.count(self.inputs())?, self.outputs());
        self.predict_into(pool, x, &mut outputs)?;
        Ok(outputs)
    }

    /// As [`predict`](Self::predict), into a matrix that is there already: who predicts again and again spares the system the
    /// making of new memory.
    ///
    /// # Errors
    ///
    /// If `x` isn't rows of n_0, or `outputs` isn't (B × n_L).
    pub fn predict_into<'a>(
        &self,
        pool: &Pool,
        x: impl Into<Rows<'a>>,
        outputs: &mut Matrix,
    ) -> Result<(), Error> {
        let x = x.into();
        let rows = x.count(self.inputs())?;
        for (what, expected, found) in
            [("rows of outputs", rows, outputs.rows()), ("outputs", self.outputs(), outputs.cols())]
        {
            if found != expected {
                return Err(Error::Shape { what, expected, found });
            }
        }
        if rows == 0 {
            return Ok(());
        }
        let block = block_rows(self, rows, pool.members());
        let parts: Vec<_> = outputs.row_blocks_mut(block).map(Mutex::new).collect();
        let solo = |_| Solo::new(Inference::new(self, block.min(rows)));
        let mut solos: Vec<_> = (0..pool.members().min(parts.len())).map(solo).collect();
        let work = |team: &Team<'_>, inference: &mut Inference, i: usize| {
            let first = i * block;
            inference.forward(team, self, x, first..rows.min(first + block));
            let mut part = parts[i].lock().unwrap_or_else(PoisonError::into_inner);
            let rows = part.rows();
            part.copy_from(inference.outputs().top(rows));
        };
        match &mut solos[..] {
            [one] => {
                one.run(pool.isa(), |team, inference| {
                    (0..parts.len()).for_each(|i| work(team, inference, i));
                });
            }
            solos => pool.run(|team| team.share_out(solos, parts.len(), work)),
        }
        Ok(())
    }

    /// The outputs for rows of n_0 inputs, row after row of n_L.
    ///
    /// ```
    /// use minibatch::{Isa, Network, Pool};
    ///
    /// let network = Network::builder(2).layer(3).layer(1).build()?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// assert_eq!(network.predict_rows(&pool, &[0.0, 1.0, 1.0, 1.0])?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If `x` isn't whole rows.
    pub fn predict_rows<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Vec<f32>, Error> {
        let outputs = self.predict(pool, x)?;
        let mut rows = Vec::with_capacity(outputs.rows() * outputs.cols());
        (0..outputs.rows()).for_each(|row| rows.extend_from_slice(outputs.row(row)));
        Ok(rows)
    }

    /// The class of each row of n_0 inputs: its largest output.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn predict_classes<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Vec<usize>, Error> {
        let outputs = self.predict(pool, x)?;
        Ok((0..outputs.rows()).map(|row| argmax(outputs.row(row))).collect())
    }

    /// The probabilities of the classes for rows of n_0 inputs, as [`predict_rows`](Self::predict_rows), from a network
    /// whose outputs are probabilities: softmax's sum to 1, sigmoids' are each for itself.
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict), and if the output activation doesn't give probabilities.
    pub fn predict_proba<'a>(&self, pool: &Pool, x: impl Into<Rows<'a>>) -> Result<Vec<f32>, Error> {
        let activation = self.layers()[self.layers().len() - 1].activation();
        if activation.range() < Values::Unit {
            return Err(Error::Setting {
                setting: "the output activation",
                expected: "one that gives probabilities: sigmoid, softmax".to_owned(),
                found: activation.label(),
            });
        }
        self.predict_rows(pool, x)
    }
}
