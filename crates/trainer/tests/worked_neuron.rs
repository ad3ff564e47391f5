//! The tutorial's worked neuron (docs/backprop.md): w = (2, −3), b = −3, x = (−1, −2), y = 1, C = ½(y − a)², η = 1.

use minibatch::{Dataset, Isa, Mat, Matrix, Network, Pool, Settings, Trainer};

const X: [f32; 2] = [-1.0, -2.0];
const Y: [f32; 1] = [1.0];

/// The numbers are given to six decimals. For values up to 4, rounded a few times, f32 adds less than two units of 10⁻⁷.
#[track_caller]
fn assert_close(found: impl Into<f64>, expected: f64, what: &str) {
    let found = found.into();
    assert!((found - expected).abs() < 0.5e-6 + 1e-6, "{what}: expected {expected}, found {found}");
}

fn neuron() -> Network {
    let mut network = Network::builder(2).layer(1).build().expect("a network");
    let layer = &mut network.layers_mut()[0];
    layer.set_weight(0, 0, 2.0);
    layer.set_weight(0, 1, -3.0);
    layer.biases_mut()[0] = -3.0;
    network
}

#[test]
fn gradients_of_the_worked_neuron() {
    for isa in Isa::available() {
        let pool = Pool::new(isa, 1).expect("a pool");
        let (network, y) = (neuron(), Mat::row_major(&Y, 1, 1));
        let gradients = network.gradients(&pool, Mat::row_major(&X, 1, 2), y).expect("gradients");
        let layer = &gradients.layers[0];
        let a = layer.activations().get(0, 0);
        assert_close(a, 0.731059, "a");
        assert_close(gradients.cost, 0.036165, "C");

        assert_close(network.cost().derivative(a.into(), Y[0].into()), -0.268941, "∂C/∂a");
        assert_close(network.layers()[0].activation().derivative(1.0), 0.196612, "σ′(z)");
        let mut slope = Matrix::from_fn(1, 1, |_, _| 1.0);
        network.layers()[0].activation().backward(isa, &mut slope.view_mut(), layer.activations());
        assert_close(slope.row(0)[0], 0.196612, "σ′ from a");

        assert_close(layer.error().get(0, 0), -0.052877, "∂C/∂z");
        assert_close(layer.biases()[0], -0.052877, "∂C/∂b");
        assert_close(layer.weight(0, 0), 0.052877, "∂C/∂w₁");
        assert_close(layer.weight(0, 1), 0.105754, "∂C/∂w₂");
    }
}

#[test]
fn one_step_of_the_worked_neuron() {
    for isa in Isa::available() {
        let pool = Pool::new(isa, 1).expect("a pool");
        let data = Dataset::from_values(X.to_vec(), &[2], Y.to_vec(), 1).expect("a dataset");
        let settings = Settings { learning_rate: 1.0, batch_size: 1, seed: 0, ..Settings::default() };
        let mut trainer = Trainer::new(&pool, &data, neuron(), settings).expect("a trainer");
        let epoch = trainer.advance(1).expect("a step").expect("the whole epoch");
        assert_close(epoch.cost, 0.036165, "C before the step");
        let layer = &trainer.network().layers()[0];
        assert_close(layer.weight(0, 0), 1.947123, "w₁");
        assert_close(layer.weight(0, 1), -3.105754, "w₂");
        assert_close(layer.biases()[0], -2.947123, "b");
        let outputs = trainer.network().predict(&pool, Mat::row_major(&X, 1, 2)).expect("outputs");
        assert_close(outputs.row(0)[0], 0.788726, "a after the step");
        assert_close(trainer.evaluate(&data).expect("an evaluation").cost, 0.022318, "C after the step");
    }
}
