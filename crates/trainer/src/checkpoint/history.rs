//! The history of a run: the entries `run/history/…`, a column each, and the times.

use super::entries::Drafts;
use super::settings::invalid;
use super::state::DataIdentity;
use crate::epoch::Epoch;
use crate::infer::{Evaluation, Fit, Score};
use minibatch_checkpoint::{Entries, FormatError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const TRAINING: &str = "run/history/training";
const TEST: &str = "run/history/test";
const TEST_DATA: &str = "run/test-data";
const CORRECT: &str = "run/history/training-score";
const LEARNING_RATE: &str = "run/history/learning-rate";
const VALIDATION: &str = "run/history/validation";
const VALIDATION_DATA: &str = "run/validation-data";
const TIMES: &str = "run/times";

/// An evaluation as it stands in a file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct EvaluationValue {
    pub(super) cost: f64,
    pub(super) examples: u64,
    pub(super) score: ScoreValue,
}

/// The score of an evaluation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum ScoreValue {
    Classes { correct: u64 },
    Values { rmse: f64, mae: f64, r_squared: f64 },
}

/// The times: the program's version, the seconds of training in each finished epoch and in the current one.
pub(super) type Times = (String, Vec<f64>, f64);

/// The history as a file has it.
pub(super) struct Recorded {
    pub(super) history: Vec<Epoch>,
    /// The data of the last evaluation on a test set.
    pub(super) tested_on: Option<DataIdentity>,
    pub(super) validated_on: Option<DataIdentity>,
    /// The time spent in the current epoch.
    pub(super) elapsed: Duration,
}

/// A column of evaluations, with the data that they were made on.
struct Column {
    name: &'static str,
    data: &'static str,
    /// The set in words.
    set: &'static str,
    evaluation: fn(&Epoch) -> Option<Evaluation>,
}

const TESTS: Column = Column { name: TEST, data: TEST_DATA, set: "test", evaluation: |epoch| epoch.test };
const VALIDATIONS: Column = Column {
    name: VALIDATION,
    data: VALIDATION_DATA,
    set: "validation",
    evaluation: |epoch| epoch.validation,
};

/// Puts the columns and the times. `tested_on` has the data of the last evaluation.
pub(super) fn put(
    drafts: &mut Drafts<'_>,
    history: &[Epoch],
    tested_on: Option<DataIdentity>,
    validated_on: Option<DataIdentity>,
    elapsed: Duration,
) -> Result<(), FormatError> {
    drafts.put(TRAINING, &history.iter().map(|epoch| epoch.cost).collect::<Vec<_>>())?;
    let correct = history.iter().map(|epoch| epoch.correct.map(|correct| correct as u64));
    put_column(drafts, CORRECT, correct)?;
    put_column(drafts, LEARNING_RATE, history.iter().map(|epoch| epoch.learning_rate))?;
    for (column, data) in [(TESTS, tested_on), (VALIDATIONS, validated_on)] {
        let evaluations = history.iter().map(column.evaluation);
        put_column(drafts, column.name, evaluations.map(|one| one.map(EvaluationValue::from)))?;
        if let Some(data) = data {
            drafts.put(column.data, &data)?;
        }
    }
    let seconds = history.iter().map(|epoch| epoch.seconds).collect();
    let times: Times = (env!("CARGO_PKG_VERSION").to_owned(), seconds, elapsed.as_secs_f64());
    drafts.put(TIMES, &times)
}

/// Puts a column, if it has a value at all.
fn put_column<T: Serialize>(
    drafts: &mut Drafts<'_>,
    name: &'static str,
    values: impl Iterator<Item = Option<T>>,
) -> Result<(), FormatError> {
    let values: Vec<_> = values.collect();
    if values.iter().all(Option::is_none) { Ok(()) } else { drafts.put(name, &values) }
}

/// Reads a column, which has a line for each epoch, and a value at all. If the file has none, all values are missing.
fn read_column<T: DeserializeOwned>(
    entries: &Entries<'_>,
    name: &str,
    epochs: usize,
    values: &str,
) -> Result<Vec<Option<T>>, FormatError> {
    let Some(column) = entries.optional::<Vec<Option<T>>>(name)? else {
        return Ok((0..epochs).map(|_| None).collect());
    };
    if column.len() != epochs {
        return Err(FormatError::value(name, format!("{} lines for {epochs} epochs", column.len())));
    }
    if column.iter().all(Option::is_none) {
        return Err(FormatError::value(name, format!("no {values} in it")));
    }
    Ok(column)
}

/// Reads the columns and the times of a run whose epochs have so many examples.
pub(super) fn read(entries: &Entries<'_>, examples: usize) -> Result<Recorded, FormatError> {
    let (_, mut seconds, elapsed): Times = entries.optional(TIMES)?.unwrap_or_default();
    if let Some(&wrong) = seconds.iter().chain([&elapsed]).find(|s| Duration::try_from_secs_f64(**s).is_err())
    {
        return Err(FormatError::value(TIMES, format!("a time of {wrong} seconds")));
    }
    let costs: Vec<f64> = entries.value(TRAINING)?;
    seconds.resize(costs.len(), 0.0);
    let tests = TESTS.read(entries, costs.len())?;
    let validations = VALIDATIONS.read(entries, costs.len())?;
    let correct: Vec<Option<u64>> = read_column(entries, CORRECT, costs.len(), "number")?;
    if let Some(wrong) = correct.iter().flatten().find(|correct| **correct > examples as u64) {
        return Err(FormatError::value(CORRECT, format!("{wrong} correct of {examples}")));
    }
    let rates: Vec<Option<f64>> = read_column(entries, LEARNING_RATE, costs.len(), "number")?;
    if let Some(wrong) = rates.iter().flatten().find(|rate| !(**rate >= 0.0 && rate.is_finite())) {
        return Err(FormatError::value(LEARNING_RATE, format!("a learning rate of {wrong}")));
    }
    let epoch = |(i, cost): (usize, f64)| {
        if !cost.is_finite() {
            return Err(FormatError::value(TRAINING, format!("epoch {} has cost {cost}", i + 1)));
        }
        let (validation, test) = (validations[i], tests[i]);
        let (correct, learning_rate) = (correct[i].map(|correct| correct as usize), rates[i]);
        Ok(Epoch { number: i + 1, cost, correct, learning_rate, validation, test, seconds: seconds[i] })
    };
    let history = costs.into_iter().enumerate().map(epoch).collect::<Result<Vec<_>, _>>()?;
    let tested_on = TESTS.read_data(entries, &history)?;
    let validated_on = VALIDATIONS.read_data(entries, &history)?;
    Ok(Recorded { history, tested_on, validated_on, elapsed: Duration::from_secs_f64(elapsed) })
}

impl Column {
    /// Reads the column, which has a line for each epoch, and an evaluation at all.
    fn read(&self, entries: &Entries<'_>, epochs: usize) -> Result<Vec<Option<Evaluation>>, FormatError> {
        let values: Vec<Option<EvaluationValue>> = read_column(entries, self.name, epochs, "evaluation")?;
        let checked =
            |value: Option<EvaluationValue>| value.map(|value| value.checked(self.name)).transpose();
        values.into_iter().map(checked).collect()
    }

    /// Reads the data of the last evaluation, which are recorded if, and only if, the history holds evaluations.
    fn read_data(
        &self,
        entries: &Entries<'_>,
        history: &[Epoch],
    ) -> Result<Option<DataIdentity>, FormatError> {
        let (data, set) = (entries.optional::<DataIdentity>(self.data)?, self.set);
        let last = history.iter().rev().find_map(self.evaluation);
        let cause = match (last, data) {
            (None, None) => return Ok(data),
            (Some(last), Some(found)) if last.examples as u64 == found.examples => return Ok(data),
            (Some(last), Some(found)) => {
                format!("a {set} set of {} examples, but {} evaluated", found.examples, last.examples)
            }
            (Some(_), None) => format!("evaluations without a {set} set"),
            (None, Some(_)) => format!("a {set} set without evaluations"),
        };
        Err(invalid(self.data, cause))
    }
}

impl From<Evaluation> for EvaluationValue {
    fn from(Evaluation { cost, examples, score }: Evaluation) -> EvaluationValue {
        let score = match score {
            Score::Classes { correct } => ScoreValue::Classes { correct: correct as u64 },
            Score::Values(Fit { rmse, mae, r_squared }) => ScoreValue::Values { rmse, mae, r_squared },
        };
        EvaluationValue { cost, examples: examples as u64, score }
    }
}

impl EvaluationValue {
    /// The evaluation, if its numbers are such.
    fn checked(self, column: &str) -> Result<Evaluation, FormatError> {
        let EvaluationValue { cost, examples, score } = self;
        let (score, valid) = match score {
            ScoreValue::Classes { correct } => {
                (Score::Classes { correct: correct as usize }, correct <= examples)
            }
            ScoreValue::Values { rmse, mae, r_squared } => {
                let finite = rmse.is_finite() && mae.is_finite() && r_squared.is_finite();
                (Score::Values(Fit { rmse, mae, r_squared }), finite && rmse >= 0.0 && mae >= 0.0)
            }
        };
        if !valid || !cost.is_finite() {
            let cause = format!("an evaluation of cost {cost} with {score:?} of {examples} examples");
            return Err(FormatError::value(column, cause));
        }
        Ok(Evaluation { cost, examples: examples as usize, score })
    }
}
