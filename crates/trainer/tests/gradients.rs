//! Gradients against central differences of the cost's definition, in f64.

use minibatch::activation::Relu;
use minibatch::gradcheck::{self, Check};
use minibatch::{Activation, Isa, Mat, Network, Pool};

/// Every legal pair of cost and output activation with every hidden activation, in one, two and three layers.
#[test]
#[allow(clippy::print_stdout)]
fn every_pair() {
    for (seed, isa) in Isa::available().into_iter().enumerate() {
        let pool = Pool::new(isa, 1).expect("a pool");
        let checks = gradcheck::check_all(&pool, seed as u64).expect("checks");
        for depth in 1..=3 {
            assert!(checks.iter().any(|check| check.activations.len() == depth), "{depth} layers");
        }
        for check in &checks {
            let Check { activations, cost, failures, .. } = check;
            assert!(check.passed(), "{isa}: {activations:?}, {cost}: {failures:#?}");
        }
        let compared: usize = checks.iter().map(|check| check.compared).sum();
        let skipped: usize = checks.iter().map(|check| check.skipped).sum();
        assert!(skipped * 100 < compared, "{isa}: {skipped} skipped for {compared} compared");
        // Bounds that hold but are too wide would make this no test.
        let mut allowed: Vec<f64> = checks.iter().map(|check| check.largest_allowed).collect();
        allowed.sort_by(f64::total_cmp);
        let of = |share: usize| allowed[allowed.len() * share / 100];
        println!("{isa}: {} checks, {compared} compared, {skipped} skipped", checks.len());
        println!("  allowed: median {:e}, 95% {:e}, all {:e}", of(50), of(95), allowed[allowed.len() - 1]);
        assert!(of(50) < 1e-4 && of(95) < 1e-2, "{isa}: {:e} and {:e} allowed", of(50), of(95));
    }
}

/// At a kink the convention holds: σ′(0) of a rectifier is 0.
#[test]
fn the_rectifier_is_flat_at_zero() {
    for isa in Isa::available() {
        let pool = Pool::new(isa, 1).expect("a pool");
        let mut network = Network::builder(1).layer_with(1, Relu).build().expect("a network");
        network.layers_mut()[0].set_weight(0, 0, 1.0);
        network.layers_mut()[0].biases_mut()[0] = -1.0;
        let gradients = network
            .gradients(&pool, Mat::row_major(&[1.0], 1, 1), Mat::row_major(&[5.0], 1, 1))
            .expect("gradients");
        assert_eq!((gradients.layers[0].weight(0, 0), gradients.layers[0].biases()[0]), (0.0, 0.0));
        assert_eq!(gradients.cost, 12.5);
    }
}

/// A slope that is 1% off is found, wherever it stands.
#[test]
fn a_wrong_derivative_is_found() {
    #[derive(Debug)]
    struct Off;
    impl Activation for Off {
        fn name(&self) -> &'static str {
            "off"
        }
        fn value(&self, z: f64) -> f64 {
            z.sin()
        }
        fn derivative(&self, z: f64) -> f64 {
            1.01 * z.cos()
        }
    }
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let (x, y) = (Mat::row_major(&[0.3, -0.2], 1, 2), Mat::row_major(&[0.5], 1, 1));
    let builders = [
        Network::builder(2).layer_with(1, Off),
        Network::builder(2).layer_with(3, Off).layer(1),
        Network::builder(2).layer_with(3, Off).layer(2).layer(1),
    ];
    for builder in builders {
        let check = gradcheck::check(&pool, &builder.build().expect("a network"), x, y).expect("a check");
        assert!(!check.passed(), "{check:?}");
    }
}
