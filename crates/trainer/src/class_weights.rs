//! Weights of classes in training.

use crate::error::Error;
use minibatch_data::{Dataset, Targets};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The weights of the classes in training: the cost and the gradient of an example are multiplied by its class's, and divided by
/// the minibatch's sum of weights instead of B, as those of PyTorch's `CrossEntropyLoss(weight=…)` are.
///
/// An example that has a [weight of its own](Dataset::with_sample_weights) has the product of both. Evaluations count every
/// example once.
///
/// As a text it is `none`, `balanced`, or the weights with commas between them.
///
/// ```
/// use minibatch::{ClassWeights, Dataset};
///
/// let data = Dataset::from_classes(vec![0.0f32; 4], &[1], vec![0, 0, 0, 1])?;
/// assert_eq!(ClassWeights::Balanced.of_classes(&data)?, Some(vec![4.0 / 6.0, 2.0]));
/// assert_eq!("1,2.5".parse::<ClassWeights>()?, ClassWeights::List(vec![1.0, 2.5]));
/// # Ok::<(), minibatch::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// All classes count the same.
    #[default]
    None,
    /// n/(K·n_k) for a class with n_k of the n examples, where K classes have examples: scikit-learn's `balanced`. Weights of
    /// examples don't enter.
    Balanced,
    /// One for each class, each 0 or from 10⁻⁶ to 10⁶, and not all 0.
    List(Vec<f64>),
}

impl ClassWeights {
    /// The weights of the classes of `data`, one for each. `None` if all count the same. A class without examples has 0 where the
    /// weights are balanced.
    ///
    /// # Errors
    ///
    /// If the targets are values, or there isn't one weight for each class.
    pub fn of_classes(&self, data: &Dataset) -> Result<Option<Vec<f64>>, Error> {
        if *self == ClassWeights::None {
            return Ok(None);
        }
        let Targets::Classes { labels, classes } = data.targets() else {
            let found = if data.targets().are_values() { "for values" } else { "for labels" };
            return Err(refused("targets that are classes".to_owned(), found.to_owned()));
        };
        let weights = match self {
            ClassWeights::List(weights) => {
                if weights.len() != *classes {
                    return Err(refused(
                        format!("one for each of {classes} classes"),
                        weights.len().to_string(),
                    ));
                }
                weights.clone()
            }
            _ => {
                let mut counts = vec![0_usize; *classes];
                labels.iter().for_each(|&label| counts[label as usize] += 1);
                let present = counts.iter().filter(|count| **count > 0).count();
                let weight = |count: usize| labels.len() as f64 / (present * count) as f64;
                counts.into_iter().map(|count| if count > 0 { weight(count) } else { 0.0 }).collect()
            }
        };
        Ok(Some(weights))
    }

    /// `data` with the weights of its classes on top of those of its examples.
    pub(crate) fn apply(&self, data: &Dataset) -> Result<Dataset, Error> {
        let (Some(weights), Targets::Classes { labels, .. }) = (self.of_classes(data)?, data.targets())
        else {
            return Ok(data.clone());
        };
        let own = |index: usize| data.sample_weights().map_or(1.0, |weights| f64::from(weights[index]));
        let product = |(index, &label): (usize, &u32)| (own(index) * weights[label as usize]) as f32;
        let products = labels.iter().enumerate().map(product).collect();
        Ok(data.clone().with_sample_weights(products)?)
    }

    /// Checks that the weights are in range, for at most so many classes.
    pub(crate) fn check(&self, classes: usize) -> Result<(), Error> {
        let ClassWeights::List(weights) = self else { return Ok(()) };
        if weights.len() > classes {
            return Err(refused(format!("one for each of {classes} classes"), weights.len().to_string()));
        }
        let in_range = |weight: &f64| *weight == 0.0 || (1e-6..=1e6).contains(weight);
        if let Some(wrong) = weights.iter().find(|weight| !in_range(weight)) {
            return Err(refused("numbers from 1e-6 to 1e6, or 0".to_owned(), wrong.to_string()));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(refused("one that isn't 0".to_owned(), "zeros".to_owned()));
        }
        Ok(())
    }
}

fn refused(expected: String, found: String) -> Error {
    Error::Setting { setting: "class weights", expected, found }
}

impl FromStr for ClassWeights {
    type Err = Error;

    fn from_str(text: &str) -> Result<ClassWeights, Error> {
        match text {
            "none" => Ok(ClassWeights::None),
            "balanced" => Ok(ClassWeights::Balanced),
            list => {
                let number = |word: &str| word.trim().parse::<f64>();
                let Ok(weights) = list.split(',').map(number).collect::<Result<Vec<_>, _>>() else {
                    let expected = "balanced, or a number for each class, such as 1,2.5,1".to_owned();
                    return Err(refused(expected, format!("'{text}'")));
                };
                let weights = ClassWeights::List(weights);
                weights.check(usize::MAX)?;
                Ok(weights)
            }
        }
    }
}

impl std::fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClassWeights::None => f.write_str("none"),
            ClassWeights::Balanced => f.write_str("balanced"),
            ClassWeights::List(weights) => {
                let words: Vec<_> = weights.iter().map(f64::to_string).collect();
                f.write_str(&words.join(","))
            }
        }
    }
}
