//! The lines of the script, and the figures of several seeds.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The trainers, as the script names them.
pub(super) const TRAINERS: [&str; 4] = [OURS, AUTHORS, "MLP", "HistGradientBoosting"];
pub(super) const OURS: &str = "Minibatch";
pub(super) const AUTHORS: &str = "pytabkit";

/// A line of the script.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Report {
    Versions { versions: BTreeMap<String, String> },
    Fit(Fit),
}

/// A trainer's result on one split of a set.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fit {
    pub(super) set: String,
    /// `values`, or the number of classes.
    pub(super) kind: String,
    pub(super) rows: usize,
    /// The columns of numbers, without the target.
    pub(super) numbers: usize,
    /// The columns of categories, without the target.
    pub(super) categories: usize,
    pub(super) seed: u32,
    pub(super) trainer: String,
    /// The rate of wrong classes, or the RMSE in standard deviations of the set's targets.
    pub(super) error: f64,
    /// Seconds of the fit; of Minibatch those of its process.
    pub(super) seconds: f64,
    /// Seconds that processors worked for it, those of all threads added.
    pub(super) processor_seconds: f64,
    /// Minibatch's seconds in steps.
    pub(super) training_seconds: Option<f64>,
}

/// All results of a set.
#[derive(Clone, Debug)]
pub(super) struct Set {
    /// In the order in which they came: by seed, then by trainer.
    fits: Vec<Fit>,
}

/// Everything that the script told.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// The versions in one line.
    pub(super) versions: String,
    pub(super) sets: Vec<Set>,
}

impl Rows {
    pub(super) fn take_versions(&mut self, versions: &BTreeMap<String, String>) {
        let words: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        self.versions = words.join(", ");
    }

    /// Adds a result. The results of a set come one after the other.
    pub(super) fn take(&mut self, fit: Fit) {
        match self.sets.last_mut() {
            Some(set) if set.fits[0].set == fit.set => set.fits.push(fit),
            _ => self.sets.push(Set { fits: vec![fit] }),
        }
    }
}

impl Set {
    /// A result, for what all results of a set have in common.
    pub(super) fn any(&self) -> &Fit {
        &self.fits[0]
    }

    /// The errors of `trainer`, by seed.
    fn errors(&self, trainer: &str) -> Vec<f64> {
        self.of(trainer).map(|fit| fit.error).collect()
    }

    fn of(&self, trainer: &str) -> impl Iterator<Item = &Fit> {
        self.fits.iter().filter(move |fit| fit.trainer == trainer)
    }

    /// The mean error of `trainer`. `None` if it did not run.
    pub(super) fn error(&self, trainer: &str) -> Option<Mean> {
        Mean::of(&self.errors(trainer))
    }

    /// The mean of the differences between the error of Minibatch and that of the authors' implementation on the same split.
    pub(super) fn difference(&self) -> Option<Mean> {
        let pairs = self.errors(OURS).into_iter().zip(self.errors(AUTHORS));
        Mean::of(&pairs.map(|(ours, authors)| ours - authors).collect::<Vec<_>>())
    }

    /// The least of the seconds of `trainer`: each split of a set takes as many steps, and another process only adds seconds.
    pub(super) fn seconds(&self, trainer: &str) -> Option<f64> {
        least(self.of(trainer).map(|fit| fit.seconds))
    }

    /// The least of the processors' seconds of `trainer`.
    pub(super) fn processor_seconds(&self, trainer: &str) -> Option<f64> {
        least(self.of(trainer).map(|fit| fit.processor_seconds))
    }

    /// The least of Minibatch's seconds in steps.
    pub(super) fn training_seconds(&self) -> Option<f64> {
        least(self.of(OURS).filter_map(|fit| fit.training_seconds))
    }

    /// How many times as many seconds as Minibatch's process the fit of the authors' implementation takes.
    pub(super) fn factor(&self) -> Option<f64> {
        Some(self.seconds(AUTHORS)? / self.seconds(OURS)?)
    }

    /// As [`Set::factor`], of the processors' seconds.
    pub(super) fn processor_factor(&self) -> Option<f64> {
        Some(self.processor_seconds(AUTHORS)? / self.processor_seconds(OURS)?)
    }
}

fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.min_by(f64::total_cmp)
}

/// A mean with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mean {
    pub(super) mean: f64,
    /// The standard deviation of the sample, divided by √n. `None` for one value.
    pub(super) standard_error: Option<f64>,
}

impl Mean {
    /// The mean of `values`. `None` if there are none.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n)?;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
        Some(Self { mean, standard_error })
    }

    /// The meaning of a mean difference of errors: within two standard errors of 0, it is noise of the seeds.
    pub(super) fn verdict(self) -> &'static str {
        match self.standard_error {
            None => "one seed",
            Some(error) if self.mean > 2.0 * error => "worse",
            Some(error) if self.mean < -2.0 * error => "better",
            Some(_) => "as good",
        }
    }

    /// In percent: `12.34 ± 0.05`.
    pub(super) fn show(self) -> String {
        let error = self.standard_error.map_or_else(String::new, |error| format!(" ± {:.2}", 100.0 * error));
        format!("{:.2}{error}", 100.0 * self.mean)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The results of a set whose seeds have these errors of Minibatch and of the authors' implementation.
    pub(in super::super) fn set(name: &str, errors: &[(f64, f64)]) -> Set {
        let mut rows = Rows::default();
        for (seed, &(ours, authors)) in errors.iter().enumerate() {
            for (trainer, error, seconds) in [(OURS, ours, 0.5), (AUTHORS, authors, 5.0)] {
                rows.take(Fit {
                    set: name.to_owned(),
                    kind: "2 classes".to_owned(),
                    rows: 100,
                    numbers: 3,
                    categories: 1,
                    seed: seed as u32,
                    trainer: trainer.to_owned(),
                    error,
                    seconds,
                    processor_seconds: 1.6 * seconds.powi(2),
                    training_seconds: (trainer == OURS).then_some(0.4),
                });
            }
        }
        rows.sets.remove(0)
    }

    #[test]
    fn lines_of_the_script() {
        let line = r#"{"set": "a", "kind": "values", "rows": 5, "numbers": 2, "categories": 0, "seed": 1,
            "trainer": "Minibatch", "error": 0.5, "seconds": 2.0, "processor_seconds": 3.5, "training_seconds": 1.5, "epoch": 9}"#;
        let Report::Fit(fit) = serde_json::from_str(line).unwrap() else { panic!("no fit") };
        assert_eq!((fit.error, fit.processor_seconds, fit.training_seconds), (0.5, 3.5, Some(1.5)));
        let Report::Versions { versions } = serde_json::from_str(r#"{"versions": {"torch": "2"}}"#).unwrap()
        else {
            panic!("no versions")
        };
        let mut rows = Rows::default();
        rows.take_versions(&versions);
        assert_eq!(rows.versions, "torch 2");
    }

    #[test]
    fn differences_are_of_the_same_split() {
        // The splits differ by far more than the trainers.
        let worse = set("a", &[(0.11, 0.10), (0.52, 0.50), (0.31, 0.30)]);
        assert_eq!(worse.difference().unwrap().verdict(), "worse");
        let better = set("a", &[(0.10, 0.11), (0.50, 0.52), (0.30, 0.31)]);
        assert_eq!(better.difference().unwrap().verdict(), "better");
        let noise = set("a", &[(0.10, 0.11), (0.52, 0.50), (0.30, 0.30)]);
        assert_eq!(noise.difference().unwrap().verdict(), "as good");
        let equal = set("a", &[(0.1, 0.1), (0.2, 0.2)]);
        assert_eq!(equal.difference().unwrap().verdict(), "as good");
        assert_eq!(set("a", &[(0.1, 0.2)]).difference().unwrap().verdict(), "one seed");
        assert_eq!(noise.factor(), Some(10.0));
        assert_eq!(noise.error("MLP"), None);
    }

    #[test]
    fn means_with_their_errors() {
        let mean = Mean::of(&[1.0, 2.0, 3.0]).unwrap();
        assert_eq!(mean.mean, 2.0);
        assert!((mean.standard_error.unwrap() - (1.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(mean.show(), "200.00 ± 57.74");
        assert_eq!(Mean::of(&[0.1]).unwrap().show(), "10.00");
        assert_eq!(Mean::of(&[]), None);
    }
}
