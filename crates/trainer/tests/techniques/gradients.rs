//! Gradients that stand by themselves: clipped, given, or of all data.

use super::common::bits;
use super::{EXAMPLES, data, gradients, network, pool, settings};
use minibatch::data::Order;
use minibatch::{Network, Objective, Optimizer, Settings, Trainer};

#[test]
fn clipping_bounds_the_gradient() {
    let data = data(20, false);
    for threads in [1, 2] {
        let run = |optimizer: &str, clip: Option<&str>| {
            let clip = clip.map(|clip| clip.parse().expect("clipping"));
            let settings = Settings { clip, ..settings(optimizer) };
            let pool = pool(threads);
            let mut trainer = Trainer::new(&pool, &data, network(&[20, 16, 4]), settings).expect("a trainer");
            trainer.advance(3).expect("steps");
            bits(trainer.network())
        };
        // A gradient that stands by itself has the bits of one that goes into the step chunk by chunk.
        for optimizer in ["adam", "momentum", "centred-rmsprop"] {
            assert_eq!(run(optimizer, None), run(optimizer, Some("norm(1e6)")), "{optimizer}");
            assert_ne!(run(optimizer, None), run(optimizer, Some("value(1e-4)")), "{optimizer}");
        }
        assert_ne!(run("sgd", Some("norm(1e6)")), run("sgd", Some("norm(1e-3)")));
    }
    // ‖ΔW, Δb‖ = η·most, where the gradient is longer.
    let settings = Settings { clip: Some("norm(0.01)".parse().expect("clipping")), ..settings("sgd") };
    let before = network(&[20, 16, 4]);
    let pool = pool(1);
    let mut trainer = Trainer::new(&pool, &data, before.clone(), settings).expect("a trainer");
    trainer.advance(1).expect("a step");
    let values = |network: &Network| bits(network).into_iter().map(f32::from_bits).collect::<Vec<f32>>();
    let moved = values(trainer.network())
        .iter()
        .zip(values(&before))
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum::<f64>();
    assert!((moved.sqrt() - 0.5 * 0.01).abs() < 1e-5, "{}", moved.sqrt());
}

#[test]
fn the_cost_of_a_dataset_is_a_function_of_the_parameters() {
    let data = data(20, false);
    let network = network(&[20, 16, 4]);
    let expected = gradients(&network, &data);
    let flat: Vec<f32> = (expected.layers.iter().zip(network.layers()))
        .flat_map(|(gradient, layer)| {
            let weights = (0..layer.inputs())
                .flat_map(move |k| (0..layer.outputs()).map(move |j| gradient.weight(j, k)));
            weights.chain(gradient.biases().iter().copied())
        })
        .collect();
    for (threads, tranche) in [(1, 48), (1, 7), (2, 16), (3, 1000)] {
        let pool = pool(threads);
        let mut objective = Objective::new(&pool, &data, network.clone(), tranche).expect("an objective");
        let (point, mut gradient) = (objective.parameters(), vec![0.0; objective.len()]);
        let cost = objective.evaluate(&point, &mut gradient).expect("a cost");
        assert_eq!(gradient, flat, "tranches of {tranche}");
        assert!((cost - expected.cost).abs() < 1e-12, "{cost}, {}", expected.cost);
        // A step along the gradient lowers the cost by about η‖g‖².
        let eta = 1e-2_f32;
        let moved: Vec<f32> = point.iter().zip(&flat).map(|(p, g)| p - eta * g).collect();
        let lower = objective.evaluate(&moved, &mut gradient).expect("a cost");
        let expected = f64::from(eta) * flat.iter().map(|g| f64::from(g * g)).sum::<f64>();
        assert!(
            ((cost - lower) / expected - 1.0).abs() < 0.05,
            "{cost} to {lower}, expected {expected:e} less"
        );
        assert_eq!(objective.parameters(), moved);
    }
}

#[test]
fn given_gradients_take_the_step_of_a_trainer() {
    let data = data(20, false);
    for optimizer in Optimizer::all() {
        let mut settings = settings(optimizer.name());
        settings.batch_size = EXAMPLES;
        // A limit that isn't reached: the gradient stands by itself.
        settings.clip = Some("norm(1e6)".parse().expect("clipping"));
        settings.order = Order::InOrder;
        let (pool, mut network) = (pool(1), network(&[20, 16, 4]));
        let mut trainer = Trainer::new(&pool, &data, network.clone(), settings.clone()).expect("a trainer");
        let mut state = optimizer.state(&network);
        for _ in 0..3 {
            trainer.advance(1).expect("a step");
            let gradients = gradients(&network, &data);
            optimizer
                .apply(&pool, &mut network, &mut state, &gradients, settings.learning_rate)
                .expect("a step");
        }
        assert_eq!(bits(trainer.network()), bits(&network), "{optimizer}");
        let mut wrong = gradients(&network, &data);
        wrong.layers[1].biases_mut()[2] = f32::NAN;
        let before = bits(&network);
        let refused = optimizer.apply(&pool, &mut network, &mut state, &wrong, 0.1);
        assert!(refused.expect_err("not finite").to_string().contains("layer 2"), "{optimizer}");
        assert_eq!((state.steps(), bits(&network)), (3, before));
        for (other, rate) in [("adagrad", 0.1), ("nadam", 0.1), ("rmsprop", 0.1), (optimizer.name(), -0.1)] {
            if other != optimizer.name() || rate < 0.0 {
                let other: Optimizer = other.parse().expect("an optimiser");
                let wrong = gradients(&network, &data);
                other.apply(&pool, &mut network, &mut state, &wrong, rate).expect_err("another's state");
            }
        }
    }
    // A step that is refused leaves the origin of the weights, too.
    let (mut fresh, optimizer) = (network(&[20, 16, 4]), Optimizer::SGD);
    let mut wrong = gradients(&fresh, &data);
    wrong.layers[0].biases_mut()[0] = f32::INFINITY;
    let mut state = optimizer.state(&fresh);
    optimizer.apply(&pool(1), &mut fresh, &mut state, &wrong, 0.1).expect_err("not finite");
    let trainer = Trainer::new(&pool(1), &data, fresh, settings("sgd")).expect("a trainer");
    assert!(trainer.origin().is_some());
}
