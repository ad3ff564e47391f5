//! Schedules by worked numbers, and by the recurrences of PyTorch's schedulers.

use super::*;
use std::f64::consts::PI;

fn schedule(text: &str) -> Schedule {
    text.parse().expect("a schedule")
}

/// The factors of a run of `total` steps, and of two steps more. The epochs have four steps.
fn factors(text: &str, total: u64) -> Vec<f64> {
    let (schedule, state) = (schedule(text), []);
    let at = |step| Time { step, total, steps_per_epoch: 4, state: &state };
    (0..total + 2).map(|step| schedule.factor(at(step))).collect()
}

/// The factors of epochs, each of which is that of all four steps of the epoch.
fn by_epoch(text: &str, epochs: u64) -> Vec<f64> {
    let steps = factors(text, 4 * epochs);
    let epochs: Vec<&[f64]> = steps[..steps.len() - 2].chunks(4).collect();
    assert!(epochs.iter().all(|epoch| epoch.iter().all(|factor| factor == &epoch[0])), "{steps:?}");
    epochs.iter().map(|epoch| epoch[0]).collect()
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
    let at = |step| Time { step, total: 10, steps_per_epoch: 5, state: &[] };
    let found = [0, 1, 2, 9, 20].map(|step| one_cycle.factor(at(step)));
    assert_near(&found, &[0.25, 0.625, 1.0, 0.025, 0.025]);
    let momentum = [0, 1, 2, 9].map(|step| one_cycle.momentum(at(step)).expect("a momentum"));
    assert_near(&momentum, &[0.95, 0.9, 0.85, 0.95]);
}

/// Each expected factor comes from the one before, as PyTorch's `scheduler.step()` has it.
#[test]
fn factors_are_those_of_pytorch() {
    let chain = |epochs: u64, next: &dyn Fn(f64, u64) -> f64| -> Vec<f64> {
        let mut factor = 1.0;
        let later = (1..epochs).map(|epoch| {
            factor = next(factor, epoch);
            factor
        });
        [1.0].into_iter().chain(later).collect()
    };
    let step = chain(8, &|factor, epoch| if epoch % 3 == 0 { factor * 0.1 } else { factor });
    assert_near(&by_epoch("step(3)", 8), &step);
    let multi_step =
        chain(9, &|factor, epoch| if [2, 3, 7].contains(&epoch) { factor * 0.5 } else { factor });
    assert_near(&by_epoch("multi-step(0.5,2,3,7)", 9), &multi_step);
    assert_near(&by_epoch("exponential(0.8)", 9), &chain(9, &|factor, _| factor * 0.8));
    // PolynomialLR, stepped after every step: f ← f·((1 − t/T)/(1 − (t − 1)/T))^power.
    let polynomial =
        |factor: f64, t: u64| factor * ((1.0 - t as f64 / 9.0) / (1.0 - (t - 1) as f64 / 9.0)).powi(2);
    assert_near(&factors("polynomial(2)", 9)[..9], &chain(9, &polynomial));
    // CosineAnnealingWarmRestarts(T_0 = 1, T_mult = 2), stepped by parts of an epoch: T_cur and T_i as the class counts them.
    let (mut expected, mut t_cur, mut t_i) = (Vec::new(), 0.0, 1.0);
    for _ in 0..30 {
        expected.push(0.2 + 0.8 * (1.0 + (PI * t_cur / t_i).cos()) / 2.0);
        t_cur += 0.25;
        if t_cur >= t_i {
            (t_cur, t_i) = (t_cur - t_i, t_i * 2.0);
        }
    }
    assert_near(&factors("warm-restarts(1,2,0.2)", 28), &expected);
}

#[test]
fn factors_of_other_libraries() {
    // scikit-learn's invscaling, η/(t + 1)^0.5, with t in epochs.
    assert_near(&by_epoch("inverse-scaling", 4), &[1.0, 1.0 / 2_f64.sqrt(), 1.0 / 3_f64.sqrt(), 0.5]);
    // Keras's PolynomialDecay ends at its end_learning_rate.
    assert_near(&factors("polynomial(2,0.2)", 4), &[1.0, 0.65, 0.4, 0.25, 0.2, 0.2]);
    // Two steps of ten lead up, eight down.
    let linear = [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0, 0.0];
    assert_near(&factors("linear", 10), &linear);
    assert_near(&factors("linear(0,0.5)", 4), &[1.0, 0.875, 0.75, 0.625, 0.5, 0.5]);
    // Keras's CosineDecay with warmup_steps = 2, from 0.
    let cosine = [0.0, 0.5, 1.0, 0.75, 0.5, 0.5];
    assert_near(&factors("cosine(0.5,0.5)", 4), &cosine);
    // RealMLP: four waves. Their peaks are at log₂(1 + 15x) = ½, 1½, 2½, 3½, their ends at 1, 2, 3, 4.
    let coslog4 = schedule("coslog4");
    let at = |step| coslog4.factor(Time { step, total: 15 * 1024, steps_per_epoch: 7, state: &[] });
    assert_near(&[0, 1, 3, 7, 15].map(|step| at(step * 1024)), &[0.0; 5]);
    let peak = ((2_f64.powf(3.5) - 1.0) * 1024.0).round() as u64;
    assert!(at(peak) > 0.999_999 && at(20_000) < 1e-12);
    let x = 0.3_f64;
    let found = coslog4.factor(Time { step: 3, total: 10, steps_per_epoch: 7, state: &[] });
    assert_near(&[found], &[0.5 * (1.0 - (2.0 * PI * (1.0 + 15.0 * x).log2()).cos())]);
}

#[test]
fn epochs_become_whole_steps() {
    let at = |step| Time { step, total: 100, steps_per_epoch: 10, state: &[] };
    assert_eq!([0, 9, 10, 25].map(|step| at(step).epochs()), [0, 0, 1, 2]);
    assert_eq!([0.01, 0.1, 0.26, 1.0, 2.5].map(|epochs| at(0).steps(epochs)), [1, 1, 3, 10, 25]);
    assert_eq!(at(0).steps(1e300), u64::MAX);
    let halves = schedule("step(0.3,0.5)");
    let found: Vec<f64> = (0..8).map(|step| halves.factor(at(step))).collect();
    assert_near(&found, &[1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]);
    let once = schedule("multi-step(0.5,0.75)");
    assert_near(&[7, 8, 90].map(|step| once.factor(at(step))), &[1.0, 0.5, 0.5]);
    // A cycle may be shorter than an epoch.
    let restarts = schedule("warm-restarts(0.2)");
    assert_near(&[0, 1, 2, 3, 4].map(|step| restarts.factor(at(step))), &[1.0, 0.5, 1.0, 0.5, 1.0]);
}

/// Files of before the warm-up have `cosine(0.0)`, and their runs go on with the same bits.
#[test]
fn a_cosine_without_warm_up_is_as_it_was() {
    for text in ["cosine(0.0)", "cosine(0.25)"] {
        assert_eq!(schedule(text).to_string(), text);
    }
    assert_eq!(schedule("cosine(0.25,0)"), schedule("cosine(0.25)"));
    assert_eq!(schedule("cosine(0,0.1)").to_string(), "cosine(0.0,0.1)");
    for step in 0..40 {
        let at = Time { step, total: 37, steps_per_epoch: 5, state: &[] };
        let expected = half_wave(1.0, 0.25, at.progress());
        assert_eq!(schedule("cosine(0.25)").factor(at).to_bits(), expected.to_bits());
    }
}

/// The factors of epochs of these costs.
fn on_plateau(text: &str, costs: &[f64]) -> Vec<f64> {
    let schedule = schedule(text);
    let mut course = Course::new(&schedule, 1000);
    let mut factors = Vec::new();
    for cost in costs {
        factors.push(schedule.factor(course.at(4 * factors.len() as u64, 4)));
        course.after_epoch(&schedule, *cost);
        assert!(course.fits(&schedule));
    }
    factors.push(schedule.factor(course.at(4 * costs.len() as u64, 4)));
    factors
}

#[test]
fn a_plateau_lowers_the_rate_at_the_eleventh_bad_epoch() {
    // One good epoch, then bad ones.
    let found = on_plateau("plateau", &[1.0; 24]);
    assert_near(&found[..12], &[1.0; 12]);
    // Then 11 more bad epochs: the count begins again.
    assert_near(&found[12..23], &[0.1; 11]);
    assert_near(&found[23..], &[0.01; 2]);
    // An improvement of less than 1 in 10⁴ of the best is none; one of more is, and the count begins again.
    let costs = [1.0, 0.99991, 0.9998, 0.9998, 0.9998, 0.5];
    assert_near(&on_plateau("plateau(0.5,1)", &costs), &[1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5]);
    // Patience 0: every bad epoch counts. The factor doesn't fall below the least.
    assert_near(&on_plateau("plateau(0.5,0,0,0.3)", &[1.0, 1.0, 2.0, 2.0]), &[1.0, 1.0, 0.5, 0.3, 0.3]);
    // best·(1 − threshold) is above a best below 0, as in PyTorch.
    assert_near(&on_plateau("plateau(0.5,0,0.1)", &[-1.0, -0.95, -0.5]), &[1.0, 1.0, 1.0, 0.5]);
}

#[test]
fn names_are_read_as_they_are_written() {
    for schedule in Schedule::all() {
        assert_eq!(schedule.to_string().parse(), Ok(schedule.clone()));
        assert_eq!(schedule.name().parse(), Ok(schedule));
    }
    let several = schedule("multi-step(0.2, 1.5, 3)");
    assert_eq!(
        (several.to_string(), several.parameters()),
        ("multi-step(0.2,1.5,3.0)".to_owned(), vec![0.2, 1.5, 3.0])
    );
    assert_eq!(schedule("multi-step(0.3)").parameters(), [0.3, 10.0, 20.0]);
    for text in [
        "triangle",
        "constant(1)",
        "step(0)",
        "step(-1)",
        "step(1,0)",
        "step(1,1.1)",
        "step(1,0.5,2)",
        "step(inf)",
        "multi-step()",
        "multi-step(0)",
        "multi-step(0.1,0)",
        "multi-step(0.1,3,3)",
        "multi-step(0.1,3,2)",
        "multi-step(0.1,3,NaN)",
        "exponential(0)",
        "exponential(1.01)",
        "exponential(0.9,1)",
        "inverse-scaling(0)",
        "inverse-scaling(inf)",
        "polynomial(0)",
        "polynomial(1,1.5)",
        "polynomial(1,0,0)",
        "linear(1)",
        "linear(-0.1)",
        "linear(0.5,2)",
        "cosine(-0.1)",
        "cosine(0.1,2)",
        "cosine(0.1,1)",
        "cosine(0.1,0.1,0.1)",
        "cosine(NaN)",
        "warm-restarts(0)",
        "warm-restarts(1,0)",
        "warm-restarts(1,1.5)",
        "warm-restarts(1,2,-1)",
        "one-cycle(0.3,0.5)",
        "coslog4(0)",
        "coslog4(2.5)",
        "coslog4(31)",
        "plateau(1)",
        "plateau(0.1,-1)",
        "plateau(0.1,1.5)",
        "plateau(0.1,10,1)",
        "plateau(0.1,10,0,2)",
    ] {
        let error = text.parse::<Schedule>().expect_err(text).to_string();
        assert!(error.contains("expected ") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn factors_stay_between_0_and_the_peak() {
    for schedule in Schedule::all() {
        for total in [0, 1, 2, 3, 100, u64::MAX] {
            for steps_per_epoch in [0, 1, 7, u64::MAX] {
                let course = Course::new(&schedule, total);
                for step in (0..total.min(100) + 3).chain([u64::MAX - 1, u64::MAX]) {
                    let at = course.at(step, steps_per_epoch);
                    let factor = schedule.factor(at);
                    assert!((0.0..=schedule.peak()).contains(&factor), "{schedule}: {factor} in {at:?}");
                    let momentum = schedule.momentum(at);
                    assert!(momentum.is_none_or(|momentum| (0.0..1.0).contains(&momentum)));
                    // Of all schedules only one-cycle moves the momentum.
                    assert_eq!(momentum.is_some(), schedule.name() == "one-cycle");
                }
            }
        }
    }
}
