//! The definitions by worked numbers, and names.

use super::*;
use crate::network::Layer;
use crate::network::activation::Sigmoid;
use minibatch_kernels::{Isa, Mat, MatMut, Solo, descend};

/// p after two steps from 1 with gradients 0.5 and −1, η = 0.1.
fn two_steps(name: &str) -> f64 {
    let optimizer: Optimizer = name.parse().expect("an optimiser");
    let (mut p, mut moments, mut scalars) = (1.0, vec![0.0; optimizer.moments()], optimizer.scalars());
    for g in [0.5, -1.0] {
        optimizer.advance(&mut scalars, None);
        let at = At { learning_rate: 0.1, momentum: None, scalars: &scalars, is_weight: true };
        optimizer.exact(at, &mut p, &mut moments, g);
    }
    p
}

#[test]
fn definitions_by_hand() {
    // m̂ and v̂ of Adam with β₁ = ½, β₂ = ¾: ½ and ¼, then (½·¼ − ½)/(1 − ¼) = −½ and (¾·¼·¼ + ¼)/(1 − 9/16) = 19/28.
    let adam = 1.0 - 0.1 * 0.5 / 0.75 - 0.1 * -0.5 / ((19.0_f64 / 28.0).sqrt() + 0.25);
    let decayed = 0.98 * (0.98 - 0.1 * 0.5 / 0.75) - 0.1 * -0.5 / ((19.0_f64 / 28.0).sqrt() + 0.25);
    // Means of squares with α = ¾: 1/16, then ¾/16 + ¼; of gradients: ⅛, then 3/32 − ¼.
    let rmsprop = 1.0 - 0.1 * 0.5 / 0.5 + 0.1 / ((19.0_f64 / 64.0).sqrt() + 0.25);
    let spreads = [(1.0_f64 / 16.0 - 1.0 / 64.0).sqrt(), (19.0_f64 / 64.0 - 25.0 / 1024.0).sqrt()];
    let centred = 1.0 - 0.1 * 0.5 / (spreads[0] + 0.25) + 0.1 / (spreads[1] + 0.25);
    let adagrad = 1.0 - 0.1 * 0.5 / 0.75 + 0.1 / (1.25_f64.sqrt() + 0.25);
    // NAdam with ψ = 0: μ is ¼ at every step, and Π ¼, 1/16, 1/64.
    let [d1, d2] = [0.5 + 0.25, (19.0_f64 / 28.0).sqrt() + 0.25];
    let first = 1.0 - 0.1 * (0.75 / 0.75) * 0.5 / d1 - 0.1 * (0.25 / (15.0 / 16.0)) * 0.25 / d1;
    let nadam = first + 0.1 * (0.75 / (15.0 / 16.0)) / d2 + 0.1 * (0.25 / (63.0 / 64.0)) * 0.375 / d2;
    for (name, p) in [
        ("sgd", 1.0 - 0.05 + 0.1),
        ("momentum(0.5)", 1.0 - 0.05 + 0.075),
        ("nesterov(0.5)", 1.0 - 0.1 * (0.5 + 0.25) - 0.1 * (-1.0 + 0.5 * -0.75)),
        ("adam(0.5,0.75,0.25)", adam),
        ("adamw(0.5,0.75,0.25,0.2)", decayed),
        ("rmsprop(0.75,0.25)", rmsprop),
        ("centred-rmsprop(0.75,0.25)", centred),
        ("adagrad(0.25)", adagrad),
        ("nadam(0.5,0.75,0.25,0)", nadam),
    ] {
        let found = two_steps(name);
        assert!((found - p).abs() < 1e-15, "{name}: {found}, expected {p}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for optimizer in Optimizer::all() {
        assert_eq!(optimizer.to_string().parse(), Ok(optimizer.clone()));
        assert_eq!(optimizer.name().parse(), Ok(optimizer));
    }
    for (given, written) in [
        ("momentum", "momentum(0.9)"),
        ("nesterov(0)", "nesterov(0.0)"),
        ("adam(0.8)", "adam(0.8,0.999,1e-8)"),
        ("adam(0.9, 0.99, 1e-6)", "adam(0.9,0.99,1e-6)"),
        ("adamw", "adamw(0.9,0.999,1e-8,0.01)"),
    ] {
        assert_eq!(given.parse::<Optimizer>().expect(given).to_string(), written);
    }
}

#[test]
fn what_is_no_optimizer_is_refused_in_one_line() {
    for text in [
        "",
        "Adam",
        "rprop",
        "rmsprop(1)",
        "adagrad(0)",
        "nadam(0.9,0.9,0.1,2)",
        "sgd(1)",
        "sgd()",
        "momentum(",
        "momentum(0.9",
        "momentum()",
        "momentum(1)",
        "momentum(-0.1)",
        "momentum(0.5,0.5)",
        "momentum(NaN)",
        "nesterov(x)",
        "nesterov(0.99999999999)",
        "adam(1)",
        "adam(0.9,1)",
        "adam(0.9,0.9,0)",
        "adam(0.9,0.9,1e-13)",
        "adam(0.9,0.9,2)",
        "adam(0.9,0.9,0.1,0)",
        "adamw(0.9,0.9,0.1,-1)",
        "adamw(0.9,0.9,0.1,inf)",
        "adam(0.9)(0.9)",
    ] {
        let error = text.parse::<Optimizer>().expect_err(text).to_string();
        assert!(error.contains("expected") && !error.contains('\n'), "{text}: {error}");
    }
}

/// Checks that the definition of a step lies within the bounds of f32 and of the intervals.
#[test]
fn errors_and_ranges_hold_the_definition() {
    for optimizer in Optimizer::all() {
        let groups = Groups::default();
        let (mut p, mut scalars) = (0.75, optimizer.scalars());
        let mut moments = vec![0.0; optimizer.moments()];
        let (mut single, mut single_moments) = (0.75_f32, vec![0.0_f32; optimizer.moments()]);
        let mut state = OptimizerState::new(&optimizer, &[Layer::new(1, 1, Arc::new(Sigmoid))]);
        let mut growth = Growth::new(0.75, [0.0; MOST_MOMENTS]);
        for t in 0..50 {
            let g = f64::from(libm::sin(f64::from(t)) as f32);
            optimizer.advance(&mut scalars, None);
            let at = At { learning_rate: 0.01, momentum: None, scalars: &scalars, is_weight: true };
            let exact = Bounded::exact(single);
            let (mut bounded, mut bounded_moments) = (exact, Vec::new());
            bounded_moments.extend(single_moments.iter().map(|&m| Bounded::exact(m)));
            optimizer.bounded(at, &mut bounded, &mut bounded_moments, Bounded::exact(g as f32));
            let rates = Rates {
                learning_rate: 0.01,
                momentum: None,
                groups: &groups,
                scaling: None,
                penalties: Penalties::default(),
            };
            let step = optimizer.step(rates, 1.0, true, &mut state).of_layer(1, &state);
            growth = step.grown(growth, g.abs());
            state.took();
            optimizer.exact(at, &mut p, &mut moments, g);
            let row = |x| MatMut::row_major(x, 1, 1);
            let mut views: Vec<_> = single_moments.iter_mut().map(|m| row(std::slice::from_mut(m))).collect();
            let LayerStep::Rule(RuleStep { of_weights, .. }) = step else { panic!("a formula") };
            let g = [g as f32];
            let after = &mut row(std::slice::from_mut(&mut single));
            Solo::new(()).run(Isa::PORTABLE, |team, ()| {
                descend(team, of_weights, after, &mut views, Mat::row_major(&g, 1, 1));
            });
            bounded.check(single, || format!("{optimizer}: p of step {t}"));
            for (bounded, &m) in bounded_moments.iter().zip(&single_moments) {
                bounded.check(m, || format!("{optimizer}: a moment of step {t}"));
            }
            assert!(growth.parameters >= p.abs() && growth.is_within(1e30), "{optimizer}: {growth:?}");
            assert!(growth.moments.iter().zip(&moments).all(|(bound, m)| *bound >= m.abs()), "{optimizer}");
        }
        assert_eq!(state.scalars, scalars, "{optimizer}");
        assert!((p - f64::from(single)).abs() < 1e-4, "{optimizer}: {p}, {single}");
    }
}

/// A checkpoint holds each moment under its name.
#[test]
fn moments_have_names_of_their_own() {
    for optimizer in Optimizer::all() {
        let mut names: Vec<_> = optimizer.moment_names().iter().map(|moment| moment.name).collect();
        assert!(names.iter().all(|name| minibatch_checkpoint::is_segment(name)), "{optimizer}: {names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), optimizer.moments(), "{optimizer}: {names:?}");
    }
}
