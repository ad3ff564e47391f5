//! Every built-in activation on every instruction set: its values and derivatives against definitions written here, NaN, ±0,
//! denormals, extremes.

use minibatch::activation::{self, Elu, LeakyRelu};
use minibatch::{Activation, ArithmeticClass, Isa, Mat, MatMut};
use minibatch_kernels::reference::ulps;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An activation's definition with its derivative, and what is documented: the most that values stray, in ulp, between two
/// arguments.
struct Definition {
    name: &'static str,
    value: fn(f64) -> f64,
    derivative: fn(f64) -> f64,
    from: f32,
    to: f32,
    bound: f64,
}

const LINEAR: Definition =
    Definition { name: "identity", value: |z| z, derivative: |_| 1.0, from: -100.0, to: 100.0, bound: 0.0 };

/// From here down the sigmoid is constant.
const LOWEST: f32 = -87.0;

/// λ and α of SELU.
const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

/// All that are applied to elements.
const DEFINITIONS: [Definition; 13] = [
    LINEAR,
    Definition {
        name: "sigmoid",
        value: sigmoid,
        derivative: |z| sigmoid(z) * sigmoid(-z),
        from: LOWEST,
        to: 20.0,
        bound: 2.5,
    },
    Definition {
        name: "tanh",
        value: f64::tanh,
        derivative: |z| 1.0 / z.cosh().powi(2),
        from: -12.0,
        to: 12.0,
        bound: 3.5,
    },
    Definition {
        name: "lecun-tanh",
        value: |z| 1.7159 * (2.0 / 3.0 * z).tanh(),
        derivative: |z| 1.7159 * 2.0 / 3.0 / (2.0 / 3.0 * z).cosh().powi(2),
        from: -15.0,
        to: 15.0,
        bound: 5.0,
    },
    Definition {
        name: "relu",
        value: |z| if z < 0.0 { 0.0 } else { z },
        derivative: |z| if z > 0.0 { 1.0 } else { 0.0 },
        bound: 0.0,
        ..LINEAR
    },
    Definition {
        name: "leaky-relu",
        value: |z| if z > 0.0 { z } else { f64::from(0.01f32) * z },
        derivative: |z| if z > 0.0 { 1.0 } else { f64::from(0.01f32) },
        bound: 0.5,
        ..LINEAR
    },
    Definition {
        name: "elu",
        value: |z| if z > 0.0 { z } else { z.exp_m1() },
        derivative: |z| if z > 0.0 { 1.0 } else { z.exp() },
        from: -30.0,
        to: 100.0,
        bound: 1.5,
    },
    Definition {
        name: "selu",
        value: |z| SELU.0 * if z > 0.0 { z } else { SELU.1 * z.exp_m1() },
        derivative: |z| SELU.0 * if z > 0.0 { 1.0 } else { SELU.1 * z.exp() },
        from: -30.0,
        to: 100.0,
        bound: 3.0,
    },
    Definition {
        name: "silu",
        value: |z| z * sigmoid(z),
        derivative: |z| sigmoid(z) * (1.0 + z * sigmoid(-z)),
        from: LOWEST,
        to: 100.0,
        bound: 3.5,
    },
    Definition {
        name: "mish",
        value: |z| z * softplus(z).tanh(),
        derivative: |z| softplus(z).tanh() + z * sigmoid(z) / softplus(z).cosh().powi(2),
        from: LOWEST,
        to: 100.0,
        bound: 5.0,
    },
    GELU,
    Definition { from: -3.0, bound: 18.0, ..GELU },
    Definition {
        name: "softplus",
        value: softplus,
        derivative: sigmoid,
        from: LOWEST,
        to: 100.0,
        bound: 3.0,
    },
];

const GELU: Definition = Definition {
    name: "gelu",
    value: |z| z * sigmoid(gelu_argument(z)),
    derivative: |z| {
        let (v, slope) = (gelu_argument(z), 1.595_769_121_605_73 * (1.0 + 3.0 * 0.044715 * z * z));
        sigmoid(v) * (1.0 + z * slope * sigmoid(-v))
    },
    from: -9.9,
    to: 100.0,
    bound: 250.0,
};

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// 2·√(2/π)·(z + 0.044715·z³)
fn gelu_argument(z: f64) -> f64 {
    2.0 * (2.0 / std::f64::consts::PI).sqrt() * (z + 0.044715 * z * z * z)
}

impl Definition {
    fn activation(&self) -> Arc<dyn Activation> {
        let built_in = activation::built_in();
        built_in.into_iter().find(|known| known.name() == self.name).expect("a built-in activation")
    }
}

fn forward(activation: &dyn Activation, isa: Isa, z: &[f32]) -> Vec<f32> {
    let mut values = z.to_vec();
    activation.forward(isa, &mut MatMut::row_major(&mut values, 1, z.len()));
    values
}

/// δ ⊙ σ′, from what the backward step reads.
fn backward(activation: &dyn Activation, isa: Isa, delta: f32, saved: &[f32]) -> Vec<f32> {
    let mut values = vec![delta; saved.len()];
    let delta = &mut MatMut::row_major(&mut values, 1, saved.len());
    activation.backward(isa, delta, Mat::row_major(saved, 1, saved.len()));
    values
}

fn assert_same_bits(a: &[f32], b: &[f32], what: &str) {
    assert!(a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()), "{what}: other bits");
}

#[test]
fn every_activation_has_a_definition() {
    let built_in = activation::built_in();
    let element_wise = built_in.iter().filter(|known| !known.is_row_wise()).map(|known| known.name());
    let defined = DEFINITIONS.iter().map(|definition| definition.name);
    assert_eq!(element_wise.collect::<BTreeSet<_>>(), defined.collect());
}

/// The library's own f64 is the definition, far beyond f32's precision.
#[test]
fn f64_is_the_definition() {
    for definition in DEFINITIONS {
        let activation = definition.activation();
        for z in (-4000..=4000).map(|i| f64::from(i) / 100.0 + 1e-4) {
            for (found, expected, from) in [
                (activation.value(z), (definition.value)(z), definition.from),
                (activation.derivative(z), (definition.derivative)(z), -100.0),
            ] {
                let off = (found - expected).abs();
                let allowed = if z > f64::from(from) { 1e-13 * expected.abs() } else { 0.0 };
                assert!(off <= allowed + 1e-15, "{}({z}): {found}, not {expected}", definition.name);
            }
        }
    }
}

/// Measures every `step`-th f32 of 2⁻³⁰ ≤ |z| in the definition's range, and gives the largest error in ulp. The fused sets must
/// agree to the bit.
fn largest_error(definition: &Definition, step: usize) -> f64 {
    let (activation, mut largest) = (definition.activation(), 0.0f64);
    for (sign, limit) in [(0u32, definition.to), (1 << 31, -definition.from)] {
        let mut bits = (sign | 2f32.powi(-30).to_bits()..=sign | limit.to_bits()).step_by(step);
        loop {
            let z: Vec<f32> = bits.by_ref().take(1 << 16).map(f32::from_bits).collect();
            if z.is_empty() {
                break;
            }
            let exact: Vec<f64> = z.iter().map(|&z| (definition.value)(z.into())).collect();
            let mut first: Option<Vec<f32>> = None;
            for isa in Isa::available() {
                let found = forward(&*activation, isa, &z);
                let errors = found.iter().zip(&exact).map(|(&found, &exact)| ulps(found, exact));
                largest = errors.fold(largest, f64::max);
                if isa.class() == ArithmeticClass::Fused {
                    let first = first.get_or_insert_with(|| found.clone());
                    assert_same_bits(&found, first, &format!("{} on {isa}", definition.name));
                }
            }
        }
    }
    largest
}

#[allow(clippy::print_stdout)]
fn assert_bounds(step: usize) {
    for definition in &DEFINITIONS {
        let Definition { name, from, bound, .. } = definition;
        let found = largest_error(definition, step);
        println!("{name} from {from}: at most {found:.4} ulp");
        assert!(found <= *bound, "{name} from {from}: {found} ulp");
    }
}

#[test]
fn errors_of_the_values() {
    assert_bounds(997);
}

#[test]
#[ignore = "every f32: takes minutes"]
fn errors_of_the_values_everywhere() {
    assert_bounds(1);
}

/// Derivatives lie around 1, and that is the measure of their errors: half an ulp of 1, 2⁻²⁴, counts as one. What is read
/// has been rounded to f32.
#[test]
fn errors_of_the_derivatives() {
    let zs: Vec<f64> = (-8000..=8000).map(|i| f64::from(i) / 800.0 + 1e-4).collect();
    for Definition { name, value, derivative, .. } in DEFINITIONS {
        let activation = Definition { name, ..LINEAR }.activation();
        let saved = |z: f64| if activation.needs_pre_activation() { z } else { value(z) };
        let saved: Vec<f32> = zs.iter().map(|&z| saved(z) as f32).collect();
        let mut first: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let found = backward(&*activation, isa, 1.0, &saved);
            for (&z, &found) in zs.iter().zip(&found) {
                let off = (f64::from(found) - derivative(z)).abs() * f64::from(1u32 << 24);
                assert!(off <= 16.0, "{name}′({z}) on {isa}: {found}, {off} off");
            }
            if isa.class() == ArithmeticClass::Fused {
                assert_same_bits(&found, first.get_or_insert_with(|| found.clone()), name);
            }
        }
    }
}

#[test]
fn extremes_stay_finite_and_nan_comes_through() {
    let extremes = [f32::MAX, f32::MIN, 1e20, -1e20, 200.0, -200.0, 1e-45, -1e-45, 0.0, -0.0];
    for definition in DEFINITIONS {
        let (name, activation) = (definition.name, &*definition.activation());
        for isa in Isa::available() {
            for (z, a) in extremes.into_iter().zip(forward(activation, isa, &extremes)) {
                let expected = (definition.value)(f64::from(z));
                let off = (f64::from(a) - expected).abs();
                assert!(
                    off <= 1e-30 + 1e-6 * expected.abs() || a.is_infinite(),
                    "{name}({z:e}) on {isa}: {a:e}"
                );
                assert!(a.is_finite() || z.abs() == f32::MAX, "{name}({z:e}) on {isa}: {a:e}");
            }
            let nan = forward(activation, isa, &[f32::NAN, -f32::NAN]);
            assert!(nan.iter().all(|a| a.is_nan()), "{name}(NaN) on {isa}: {nan:?}");
            let saved = extremes.map(|z| match activation.needs_pre_activation() {
                true => z,
                false => (definition.value)(f64::from(z)) as f32,
            });
            let slopes = backward(activation, isa, 1.0, &saved);
            assert!(slopes.iter().all(|d| d.is_finite() && d.abs() < 3.0), "{name}′ on {isa}: {slopes:?}");
            let delta = backward(activation, isa, f32::NAN, &[0.5]);
            assert!(delta[0].is_nan(), "{name}′ on {isa}: {delta:?}");
        }
    }
}

/// The threshold below which errors become +0.
const FLUSH: f32 = f32::from_bits((127 - 96) << 23);

/// The largest f32 below it.
const BELOW: f32 = f32::from_bits(FLUSH.to_bits() - 1);

/// Values at which activations and derivatives have something special to do.
const SPECIAL: [f32; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    f32::NAN,
    -f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    1e-40,
    FLUSH,
    -FLUSH,
    BELOW,
    -BELOW,
    1e-28,
];

fn flushed(x: f32) -> f32 {
    if x.abs() < FLUSH { 0.0 } else { x }
}

/// Equal to the bit, but any NaN is as good as another.
fn assert_value(found: f32, expected: f32, what: &str) {
    let same = found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan());
    assert!(same, "{what}: {found:e}, expected {expected:e}");
}

/// Formulas without transcendentals give what scalar f32 arithmetic does.
#[test]
fn special_values() {
    let of = |name| Definition { name, ..LINEAR }.activation();
    let leaky: Arc<dyn Activation> = Arc::new(LeakyRelu::new(0.2).expect("a slope"));
    let elu: Arc<dyn Activation> = Arc::new(Elu::new(2.0).expect("an α"));
    type Scalar1 = fn(f32) -> f32;
    let values: [(_, Scalar1); 3] = [
        (of("relu"), |z| if z < 0.0 { 0.0 } else { z }),
        (Arc::clone(&leaky), |z| if z > 0.0 { z } else { 0.2 * z }),
        (of("identity"), |z| z),
    ];
    type Scalar2 = fn(f32, f32) -> f32;
    let errors: [(_, Scalar2); 8] = [
        (of("sigmoid"), |delta, a| flushed(delta * (a * (1.0 - a)))),
        (of("relu"), |delta, a| if a > 0.0 { flushed(delta) } else { 0.0 }),
        (of("tanh"), |delta, a| flushed(delta * ((1.0 - a) * (1.0 + a)))),
        (of("lecun-tanh"), |delta, a| {
            flushed(delta * ((1.7159 - a) * (1.7159 + a) * (2.0f32 / 3.0 / 1.7159)))
        }),
        (leaky, |delta, a| flushed(delta * if a > 0.0 { 1.0 } else { 0.2 })),
        (elu, |delta, a| flushed(delta * if a > 0.0 { 1.0 } else { a + 2.0 })),
        (of("selu"), |delta, a| {
            let (scale, alpha) = (SELU.0 as f32, SELU.1 as f32);
            flushed(delta * if a > 0.0 { scale } else { a + scale * alpha })
        }),
        (of("identity"), |delta, _| delta),
    ];
    for isa in Isa::available() {
        for (activation, expected) in &values {
            // At every lane of every register, the masked one too.
            for shift in 0..40 {
                let z: Vec<f32> = (0..40).map(|i| SPECIAL[(i + shift) % SPECIAL.len()]).collect();
                for (&z, found) in z.iter().zip(forward(&**activation, isa, &z)) {
                    assert_value(found, expected(z), &format!("{activation:?}({z:e}) on {isa}"));
                }
            }
        }
        for (activation, expected) in &errors {
            for delta in SPECIAL {
                for (&a, found) in SPECIAL.iter().zip(backward(&**activation, isa, delta, &SPECIAL)) {
                    let what = format!("{activation:?}: δ = {delta:e}, a = {a:e} on {isa}");
                    assert_value(found, expected(delta, a), &what);
                }
            }
        }
    }
}
