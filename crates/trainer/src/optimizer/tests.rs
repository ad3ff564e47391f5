//! The definitions by worked numbers, and names.

use super::*;

/// Two steps of p = 1 with gradients 0.5 and −1, η = 0.1.
fn two_steps(name: &str) -> Exact {
    let optimizer: Optimizer = name.parse().expect("an optimiser");
    let betas = optimizer.betas().unwrap_or([1.0; 2]);
    let first =
        Exact { p: 1.0, g: 0.5, learning_rate: 0.1, powers: betas, is_weight: true, ..Exact::default() };
    let second = optimizer.exact(first);
    optimizer.exact(Exact { g: -1.0, powers: betas.map(|beta| beta * beta), ..second })
}

#[test]
fn definitions_by_hand() {
    // m̂ and v̂ of Adam with β₁ = ½, β₂ = ¾: ½ and ¼, then (½·¼ − ½)/(1 − ¼) = −½ and (¾·¼·¼ + ¼)/(1 − 9/16) = 19/28.
    let adam = 1.0 - 0.1 * 0.5 / 0.75 - 0.1 * -0.5 / ((19.0_f64 / 28.0).sqrt() + 0.25);
    let decayed = 0.98 * (0.98 - 0.1 * 0.5 / 0.75) - 0.1 * -0.5 / ((19.0_f64 / 28.0).sqrt() + 0.25);
    for (name, p) in [
        ("sgd", 1.0 - 0.05 + 0.1),
        ("momentum(0.5)", 1.0 - 0.05 + 0.075),
        ("nesterov(0.5)", 1.0 - 0.1 * (0.5 + 0.25) - 0.1 * (-1.0 + 0.5 * -0.75)),
        ("adam(0.5,0.75,0.25)", adam),
        ("adamw(0.5,0.75,0.25,0.2)", decayed),
    ] {
        let found = two_steps(name).p;
        assert!((found - p).abs() < 1e-15, "{name}: {found}, expected {p}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for optimizer in Optimizer::all() {
        assert_eq!(optimizer.to_string().parse(), Ok(optimizer));
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
        "rmsprop",
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
