//! The history of a run: the entries `run/history/…`, a column each, and the times.

use super::entries::Drafts;
use super::settings::invalid;
use super::state::DataIdentity;
use crate::epoch::Epoch;
use crate::infer::{Evaluation, Fit, Score};
use minibatch_checkpoint::{Entries, FormatError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const TRAINING: &str = "run/history/training";
const TEST: &str = "run/history/test";
const TEST_DATA: &str = "run/test-data";
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

/// Puts the columns and the times. `tested_on` has the data of the last evaluation.
pub(super) fn put(
    drafts: &mut Drafts<'_>,
    history: &[Epoch],
    tested_on: Option<DataIdentity>,
    elapsed: Duration,
) -> Result<(), FormatError> {
    drafts.put(TRAINING, &history.iter().map(|epoch| epoch.cost).collect::<Vec<_>>())?;
    if history.iter().any(|epoch| epoch.test.is_some()) {
        let tests: Vec<_> = history.iter().map(|epoch| epoch.test.map(EvaluationValue::from)).collect();
        drafts.put(TEST, &tests)?;
    }
    if let Some(data) = tested_on {
        drafts.put(TEST_DATA, &data)?;
    }
    let seconds = history.iter().map(|epoch| epoch.seconds).collect();
    let times: Times = (env!("CARGO_PKG_VERSION").to_owned(), seconds, elapsed.as_secs_f64());
    drafts.put(TIMES, &times)
}

/// Reads the columns and the times: the history, the data of its last evaluation, and the time spent in the current epoch.
pub(super) fn read(
    entries: &Entries<'_>,
) -> Result<(Vec<Epoch>, Option<DataIdentity>, Duration), FormatError> {
    let (_, mut seconds, elapsed): Times = entries.optional(TIMES)?.unwrap_or_default();
    if let Some(&wrong) = seconds.iter().chain([&elapsed]).find(|s| Duration::try_from_secs_f64(**s).is_err())
    {
        return Err(FormatError::value(TIMES, format!("a time of {wrong} seconds")));
    }
    let costs: Vec<f64> = entries.value(TRAINING)?;
    seconds.resize(costs.len(), 0.0);
    let tests: Vec<Option<EvaluationValue>> = match entries.optional(TEST)? {
        None => vec![None; costs.len()],
        Some(tests) => check_column(tests, costs.len())?,
    };
    let epoch = |(i, ((cost, test), seconds)): (usize, ((f64, Option<EvaluationValue>), f64))| {
        if !cost.is_finite() {
            return Err(FormatError::value(TRAINING, format!("epoch {} has cost {cost}", i + 1)));
        }
        let test = test.map(EvaluationValue::checked).transpose()?;
        Ok(Epoch { number: i + 1, cost, test, seconds })
    };
    let columns = costs.into_iter().zip(tests).zip(seconds);
    let history = columns.enumerate().map(epoch).collect::<Result<Vec<_>, _>>()?;
    let tested_on = entries.optional(TEST_DATA)?;
    check_test_set(tested_on, &history).map_err(|cause| invalid(TEST_DATA, cause))?;
    Ok((history, tested_on, Duration::from_secs_f64(elapsed)))
}

/// Checks that the column of evaluations has a line for each epoch, and an evaluation at all.
fn check_column(
    tests: Vec<Option<EvaluationValue>>,
    epochs: usize,
) -> Result<Vec<Option<EvaluationValue>>, FormatError> {
    if tests.len() != epochs {
        return Err(FormatError::value(TEST, format!("{} lines for {epochs} epochs", tests.len())));
    }
    if tests.iter().all(Option::is_none) {
        return Err(FormatError::value(TEST, "no evaluation in it"));
    }
    Ok(tests)
}

/// Checks that a test set is recorded if, and only if, the history holds evaluations.
fn check_test_set(tested_on: Option<DataIdentity>, history: &[Epoch]) -> Result<(), String> {
    let tested = history.iter().rev().find_map(|epoch| epoch.test);
    match (tested, tested_on) {
        (None, None) => Ok(()),
        (Some(test), Some(data)) if test.examples as u64 == data.examples => Ok(()),
        (Some(test), Some(data)) => {
            Err(format!("a test set of {} examples, but {} evaluated", data.examples, test.examples))
        }
        (Some(_), None) => Err("evaluations without a test set".to_owned()),
        (None, Some(_)) => Err("a test set without evaluations".to_owned()),
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
    fn checked(self) -> Result<Evaluation, FormatError> {
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
            return Err(FormatError::value(TEST, cause));
        }
        Ok(Evaluation { cost, examples: examples as usize, score })
    }
}
