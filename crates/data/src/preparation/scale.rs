//! How the numbers of a column are scaled.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the numbers of a column are scaled for a network, which learns best from numbers of about 1 in size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// To mean 0 and standard deviation 1: scikit-learn's `StandardScaler`.
    #[default]
    Standard,
    /// To median 0 and distance of the quartiles 1, and then x/√(1 + (x/3)²), which keeps all between −3 and 3. Outliers move
    /// neither. (Holzmüller, Grinsztajn and Steinwart, "Better by default", 2024.)
    Robust,
    /// To the range from 0 to 1: scikit-learn's `MinMaxScaler`.
    MinMax,
    /// Not at all.
    None,
}

impl Scale {
    /// All of them.
    pub const ALL: [Scale; 4] = [Scale::Standard, Scale::Robust, Scale::MinMax, Scale::None];

    /// The name, as the command line takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scale::Standard => "standard",
            Scale::Robust => "robust",
            Scale::MinMax => "minmax",
            Scale::None => "none",
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Scale, String> {
        let names = || Scale::ALL.map(Scale::name).join(", ");
        Scale::ALL
            .into_iter()
            .find(|scale| scale.name() == text)
            .ok_or_else(|| format!("expected one of {}", names()))
    }
}

/// The scaling of a column: (x − offset)·factor, then perhaps x/√(1 + (x/3)²).
///
/// The arithmetic is f64, rounded to f32 once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    /// The number that becomes 0.
    pub offset: f64,
    /// 0 if all numbers of the training rows were equal.
    pub factor: f64,
    /// Whether large numbers are drawn in smoothly.
    pub draws_in: bool,
}

impl Scaler {
    /// Leaves numbers as they are.
    pub const IDENTITY: Scaler = Scaler { offset: 0.0, factor: 1.0, draws_in: false };

    /// The scaled number.
    #[inline]
    #[must_use]
    pub fn scale(&self, x: f32) -> f32 {
        let x = (f64::from(x) - self.offset) * self.factor;
        (if self.draws_in { x / (1.0 + (x / 3.0) * (x / 3.0)).sqrt() } else { x }) as f32
    }
}
