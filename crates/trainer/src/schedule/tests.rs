//! Schedules by worked numbers, and by those of PyTorch.

use super::*;

fn factors(name: &str, total: u64) -> Vec<f64> {
    let schedule: Schedule = name.parse().expect("a schedule");
    (0..total + 2).map(|step| schedule.factor(Time { step, total, state: &[] })).collect()
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found:?}, expected {expected:?}");
    }
}

#[test]
fn factors_by_hand() {
    assert_eq!(factors("constant", 3), [1.0; 5]);
    // ½(1 + cos(π·t/4)), and the least factor from the last step on.
    let root = std::f64::consts::FRAC_1_SQRT_2;
    assert_near(&factors("cosine", 4), &[1.0, (1.0 + root) / 2.0, 0.5, (1.0 - root) / 2.0, 0.0, 0.0]);
    assert_near(&factors("cosine(0.5)", 2), &[1.0, 0.75, 0.5, 0.5]);
    // The first two of ten steps lead up: PyTorch puts the peak on step 0.3·10 − 1 = 2.
    let one_cycle: Schedule = "one-cycle(0.3,4,10)".parse().expect("a schedule");
    let at = |step| Time { step, total: 10, state: &[] };
    let found = [0, 1, 2, 9, 20].map(|step| one_cycle.factor(at(step)));
    assert_near(&found, &[0.25, 0.625, 1.0, 0.025, 0.025]);
    let momentum = [0, 1, 2, 9].map(|step| one_cycle.momentum(at(step)).expect("a momentum"));
    assert_near(&momentum, &[0.95, 0.9, 0.85, 0.95]);
}

#[test]
fn names_are_read_as_they_are_written() {
    for schedule in Schedule::all() {
        assert_eq!(schedule.to_string().parse(), Ok(schedule.clone()));
        assert_eq!(schedule.name().parse(), Ok(schedule));
    }
    for text in
        ["linear", "cosine(-0.1)", "cosine(0.1,2)", "constant(1)", "one-cycle(0.3,0.5)", "cosine(NaN)"]
    {
        text.parse::<Schedule>().expect_err(text);
    }
}

#[test]
fn factors_stay_between_0_and_the_peak() {
    for schedule in Schedule::all() {
        for total in [1, 2, 3, 100] {
            for step in 0..total + 3 {
                let factor = schedule.factor(Time { step, total, state: &[] });
                assert!(
                    (0.0..=schedule.peak()).contains(&factor),
                    "{schedule}: {factor} in {step} of {total}"
                );
                let momentum = schedule.momentum(Time { step, total, state: &[] });
                assert!(momentum.is_none_or(|momentum| (0.0..1.0).contains(&momentum)));
            }
        }
    }
}
