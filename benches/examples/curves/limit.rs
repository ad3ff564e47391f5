//! A step of the default network against the machine's ceilings, product by product, with the zeros left out. Arithmetic leaves
//! out four neighbouring inputs that are 0 in an example. Memory leaves out those that are 0 in the whole minibatch.

use crate::machine::Machine;
use minibatch::Dataset;
use minibatch_benches::digits;
use minibatch_data::{Row, Shuffle};
use minibatch_kernels::{Examples, Isa, SparseInputs};
use std::fmt::Write;

/// B, n_0, n_1, n_2 of the default job.
const B: usize = 16;
const SIZES: [usize; 3] = [784, 32, 10];

/// The table, one line for each part of a step: µs of arithmetic at the FMA peak, and µs of the weights' way from the
/// second-level cache. The longer of the two is the least that the part can take on one core.
pub(crate) fn table(machine: &Machine) -> String {
    let (sets, what) = digits();
    let (active, computed) = active(&sets.train);
    let [inputs, hidden, outputs] = SIZES.map(|n| n as f64);
    let first = |bandwidth: f64| {
        let flops = 2.0 * B as f64 * computed * hidden;
        (flops / machine.peak * 1e6, 4.0 * active * hidden / bandwidth * 1e6)
    };
    let product = |depth: f64, width: f64, bandwidth: f64| {
        let flops = 2.0 * B as f64 * depth * width;
        (flops / machine.peak * 1e6, 4.0 * depth * width / bandwidth * 1e6)
    };
    let (read, update) = (machine.l2_read, machine.l2_update);
    let rows = (0.0, B as f64 * machine.row * 1e6);
    let parts = [
        ("gather", rows),
        ("forward, layer 1", first(read)),
        ("forward, layer 2", product(hidden, outputs, read)),
        ("backward, layer 2", product(hidden, outputs, read)),
        ("update, layer 2", product(hidden, outputs, update)),
        ("update, layer 1", first(update)),
    ];
    let mut text = format!(
        "a step of 784-32-10 at B = 16 on {what}: of {inputs:.0} inputs, {active:.0} are in quads that are not 0 throughout a minibatch, {computed:.0} in those of one example\n"
    );
    let mut sum = 0.0;
    for (name, (arithmetic, way)) in parts {
        sum += arithmetic.max(way);
        // Writing into a string can't fail.
        let _ = writeln!(text, "{name}: {arithmetic:.2} µs of arithmetic, {way:.2} µs of memory");
    }
    let _ = writeln!(
        text,
        "together at least {sum:.2} µs on one core, {:.0} thousand samples/s",
        B as f64 / sum * 1e3
    );
    text
}

/// Mean number of inputs in quads that are not 0 throughout a minibatch, and in quads that are not 0 in an example.
fn active(data: &Dataset) -> (f64, f64) {
    let mut shuffle = Shuffle::new(data.len(), 0).expect("a dataset has examples");
    shuffle.begin_epoch();
    let mut inputs = SparseInputs::new(data.input_len(), B);
    let (mut lists, mut entries, mut count) = (0, 0, 0);
    for first in (0..data.len() - B).step_by(B) {
        let indices = shuffle.minibatch(first, B);
        let from = Examples::Bytes(&|row| match data.input(indices[row] as usize) {
            Row::Bytes(bytes) => bytes,
            Row::Floats(_) => &[],
        });
        inputs.gather(Isa::detect(), B, from);
        lists += inputs.lists();
        entries += inputs.entries();
        count += 1;
    }
    let inputs = |quads: usize, of: f64| 4.0 * quads as f64 / of;
    (inputs(lists, f64::from(count)), inputs(entries, f64::from(count) * B as f64))
}
