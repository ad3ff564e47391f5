//! A step of the default network against the machine's ceilings, product by product, with the zeros left out: of four examples
//! at a time in what is computed, of the whole minibatch in what is moved, since weights that one group needs stay in the
//! first-level cache for the next.

use crate::machine::Machine;
use minibatch::Dataset;
use minibatch_benches::digits;
use minibatch_data::{Row, Shuffle};
use minibatch_kernels::{CompactInputs, Isa};
use std::fmt::Write;

/// B, n_0, n_1, n_2 of the default job.
const B: usize = 16;
const SIZES: [usize; 3] = [784, 32, 10];

/// Examples whose zeros are left out together.
const GROUP: usize = 4;

/// The table, one line for each part of a step: µs of arithmetic at the FMA peak, µs of the weights' way from the
/// second-level cache; the longer of the two is the least the part can take on one core.
pub(crate) fn table(machine: &Machine) -> String {
    let (sets, what) = digits();
    let (active, of_group) = (active(&sets.train, B), active(&sets.train, GROUP));
    let [inputs, hidden, outputs] = SIZES.map(|n| n as f64);
    let first = |bandwidth: f64| {
        let flops = 2.0 * B as f64 * of_group * hidden;
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
        "a step of 784-32-10 at B = 16 on {what}: of {inputs:.0} inputs, {active:.0} are not 0 throughout a minibatch, {of_group:.0} throughout a group of four\n"
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

/// Mean number of inputs that are not 0 in all of `examples` that follow one another in an epoch.
fn active(data: &Dataset, examples: usize) -> f64 {
    let mut shuffle = Shuffle::new(data.len(), 0).expect("a dataset has examples");
    shuffle.begin_epoch();
    let mut inputs = CompactInputs::new(data.input_len(), examples);
    let (mut sum, mut count) = (0, 0);
    for first in (0..data.len() - examples).step_by(examples) {
        let indices = shuffle.minibatch(first, examples);
        inputs.gather_bytes(Isa::detect(), examples, |row| match data.input(indices[row] as usize) {
            Row::Bytes(bytes) => bytes,
            Row::Floats(_) => &[],
        });
        sum += inputs.active().len();
        count += 1;
    }
    sum as f64 / f64::from(count)
}
