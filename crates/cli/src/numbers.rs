//! Numbers as options take them.

use minibatch::ClassWeights;
use std::num::IntErrorKind;

/// A whole number from 1.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(format!("expected a whole number up to {}", usize::MAX))
        }
        _ => Err("expected a whole number from 1".to_owned()),
    }
}

/// A whole number from 1 in a list of them.
pub(crate) fn count_of_list(text: &str) -> Result<usize, String> {
    match count(text.trim()) {
        Err(_) => Err("expected whole numbers from 1, such as 128 or 128,64".to_owned()),
        count => count,
    }
}

/// A number between 0 and 1.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    let between = |fraction: &f64| *fraction > 0.0 && *fraction < 1.0;
    text.parse()
        .ok()
        .filter(between)
        .ok_or_else(|| "expected a number between 0 and 1, such as 0.1".to_owned())
}

/// A number from 0 to below 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let accept = |share: &f64| (0.0..1.0).contains(share);
    text.trim()
        .parse()
        .ok()
        .filter(accept)
        .ok_or_else(|| "expected a number from 0 to below 1, such as 0.1".to_owned())
}

/// A learning rate. It must also be above 0 and finite as an f32, because the steps are computed in f32.
pub(crate) fn learning_rate(text: &str) -> Result<f64, String> {
    let accept = |rate: &f64| (*rate as f32).is_finite() && *rate as f32 > 0.0;
    text.parse().ok().filter(accept).ok_or_else(|| "expected a finite number above 0, such as 3.0".to_owned())
}

/// A seed: any 64 bits.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// A finite number from 0.
pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    let accept = |number: &f64| *number >= 0.0 && number.is_finite();
    let number = text.trim().parse().ok().filter(accept);
    number.ok_or_else(|| "expected a finite number from 0, such as 0.001".to_owned())
}

/// Weights of classes.
pub(crate) fn class_weights(text: &str) -> Result<ClassWeights, String> {
    text.parse::<ClassWeights>().map_err(|error| match error {
        minibatch::Error::Setting { expected, .. } => format!("expected {expected}"),
        error => error.to_string(),
    })
}
