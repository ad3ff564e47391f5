//! Initial weights: their spread, and their bits.

use minibatch::{Initializer, Network};

/// xxh3-64 of a 5-4-3 network's weights and biases from seed 7. Other bits would make every recorded run another.
const GOLDEN: [(Initializer, u64); 10] = [
    (Initializer::StandardNormal, 0xdc04_27e8_8830_7dee),
    (Initializer::FanInNormal, 0xcb58_f49d_4944_0032),
    (Initializer::GlorotNormal, 0x2826_a9b8_f866_2cb8),
    (Initializer::GlorotUniform, 0x3b40_a7b3_15ef_ccf5),
    (Initializer::GlorotSigmoid, 0x86fb_f957_2584_e08b),
    (Initializer::HeNormal, 0x850b_6380_077a_d4ff),
    (Initializer::HeUniform, 0x31e0_294d_0fa4_e7d4),
    (Initializer::LecunNormal, 0x5515_b273_295e_dfa4),
    (Initializer::LecunUniform, 0x72eb_c2d3_46d9_d40a),
    (Initializer::Zeros, 0xb93c_5cdb_f77e_b50f),
];

#[test]
fn the_bits_stay() {
    for (initializer, golden) in GOLDEN {
        let network = Network::builder(5).layer(4).layer(3).initializer(initializer).seed(7);
        let hash = network.build().expect("a network").weight_hash();
        assert_eq!(hash, golden, "{}: {hash:#018x}", initializer.name());
    }
}

#[test]
fn a_zero_output_layer_leaves_the_others_as_they_are() {
    for (initializer, _) in GOLDEN {
        let build = |zero| {
            let builder = Network::builder(5).layer(4).layer(3).initializer(initializer).seed(7);
            builder.zero_output_layer(zero).build().expect("a network")
        };
        let (drawn, zero) = (build(false), build(true));
        let [hidden, output] = zero.layers() else { panic!("two layers") };
        assert_eq!(
            (hidden.weights(), hidden.biases()),
            (drawn.layers()[0].weights(), drawn.layers()[0].biases())
        );
        assert!((0..3).all(|j| output.biases()[j] == 0.0 && (0..4).all(|k| output.weight(j, k) == 0.0)));
    }
}

#[test]
fn names_go_back_and_forth() {
    for initializer in Initializer::ALL {
        assert_eq!(Initializer::by_name(initializer.name()), Some(initializer));
    }
    assert_eq!(Initializer::by_name("he"), None);
    assert_eq!(Initializer::ALL.len(), GOLDEN.len());
}

/// 300 × 200 weights. The variance is that of the table to within five standard errors, and no uniform weight is beyond its
/// limit.
#[test]
fn the_spread_is_the_documented_one() {
    let (inputs, outputs) = (300, 200);
    for (initializer, variance, bias) in [
        (Initializer::StandardNormal, 1.0, 1.0),
        (Initializer::FanInNormal, 1.0 / 300.0, 1.0),
        (Initializer::GlorotNormal, 2.0 / 500.0, 0.0),
        (Initializer::GlorotUniform, 2.0 / 500.0, 0.0),
        // Of the last layer, which follows none.
        (Initializer::GlorotSigmoid, 8.0 / 500.0, 0.0),
        (Initializer::HeNormal, 2.0 / 300.0, 0.0),
        (Initializer::HeUniform, 2.0 / 300.0, 0.0),
        (Initializer::LecunNormal, 1.0 / 300.0, 0.0),
        (Initializer::LecunUniform, 1.0 / 300.0, 0.0),
        (Initializer::Zeros, 0.0, 0.0),
    ] {
        let network = Network::builder(inputs).layer(outputs).initializer(initializer).seed(3);
        let network = network.build().expect("a network");
        let layer = &network.layers()[0];
        let weights: Vec<f64> =
            (0..outputs).flat_map(|j| (0..inputs).map(move |k| f64::from(layer.weight(j, k)))).collect();
        let n = weights.len() as f64;
        let mean = weights.iter().sum::<f64>() / n;
        let found = weights.iter().map(|w| w * w).sum::<f64>() / n;
        let name = initializer.name();
        assert!(mean.abs() <= 5.0 * (variance / n).sqrt(), "{name}: mean {mean}");
        // A square's own variance is 2σ⁴ for the normal distribution, less for the uniform one.
        assert!((found - variance).abs() <= 5.0 * variance * (2.0 / n).sqrt(), "{name}: variance {found}");
        if name.ends_with("uniform") {
            let limit = (3.0f64 * variance).sqrt() * 1.000_001;
            assert!(weights.iter().all(|w| w.abs() <= limit), "{name}");
        }
        let spread = layer.biases().iter().map(|&b| f64::from(b * b)).sum::<f64>() / outputs as f64;
        assert!(
            (spread - bias).abs() <= 5.0 * bias * (2.0 / outputs as f64).sqrt(),
            "{name}: biases {spread}"
        );
    }
}

/// A hidden layer of sigmoids has 16 times Glorot's variance, and biases that take inputs of ½ to 0.
#[test]
fn sigmoids_begin_as_tangents_do() {
    let network = Network::builder(300).layer(200).layer(100).layer(9).seed(3);
    let network = network.initializer(Initializer::GlorotSigmoid).build().expect("a network");
    let [first, hidden, last] = network.layers() else { panic!("three layers") };
    for (layer, variance) in [(first, 32.0 / 500.0), (hidden, 32.0 / 300.0), (last, 8.0 / 109.0)] {
        let weights = |j: usize| (0..layer.inputs()).map(move |k| f64::from(layer.weight(j, k)));
        let n = (layer.inputs() * layer.outputs()) as f64;
        let found = (0..layer.outputs()).flat_map(weights).map(|w| w * w).sum::<f64>() / n;
        assert!((found - variance).abs() <= 5.0 * variance * (2.0 / n).sqrt(), "{found}, {variance}");
        for (j, bias) in layer.biases().iter().enumerate() {
            let expected = if layer.inputs() == 300 { 0.0 } else { -0.5 * weights(j).sum::<f64>() };
            assert!((f64::from(*bias) - expected).abs() < 1e-5, "{bias}, {expected}");
        }
    }
}
