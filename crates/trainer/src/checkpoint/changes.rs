//! The changes of settings in the course of a run: the entry `run/history/changes`.

use super::entries::{CHANGES, Drafts, TOTAL};
use super::settings::{LEARNING_RATE, SCHEDULE, invalid, technique};
use crate::change::{Change, Changed, Planned};
use crate::registry::Registry;
use crate::settings::Settings;
use minibatch_checkpoint::{Entries, Entry, FormatError, Record};
use serde::{Deserialize, Serialize};

/// The changes as they stand in a file: each with the steps before it.
pub(super) type Value = Vec<(u64, ChangedValue)>;

/// A change as it stands in a file.
#[derive(Serialize, Deserialize)]
pub(super) enum ChangedValue {
    LearningRate { old: f64, new: f64 },
    Schedule { old: PlannedValue, new: PlannedValue },
}

/// A schedule's text, and its planned steps unless it is constant.
pub(super) type PlannedValue = (String, Option<u64>);

/// Puts the changes, if there are any. Returns the length of their value.
pub(super) fn put(drafts: &mut Drafts<'_>, changes: &[Change]) -> Result<u64, FormatError> {
    if changes.is_empty() {
        return Ok(0);
    }
    let planned = |planned: &Planned| (planned.schedule.to_string(), planned.total);
    let value = |change: &Change| {
        let setting = match &change.setting {
            Changed::LearningRate { old, new } => ChangedValue::LearningRate { old: *old, new: *new },
            Changed::Schedule { old, new } => ChangedValue::Schedule { old: planned(old), new: planned(new) },
        };
        (change.step, setting)
    };
    let entry = Entry::of_value(CHANGES, 0, &changes.iter().map(value).collect::<Value>())?;
    let bytes = entry.payload.len() as u64;
    drafts.push(entry);
    Ok(bytes)
}

/// Reads the changes of a run that stands after so many `steps`, with these `settings`. Each must have been possible.
pub(super) fn read(
    entries: &Entries<'_>,
    registry: &Registry,
    settings: &Settings,
    steps: u128,
    check: impl Fn(&Settings) -> Result<(), FormatError>,
) -> Result<Vec<Change>, FormatError> {
    let impossible = |cause: String| invalid(CHANGES, cause);
    let planned = |(text, total): PlannedValue| {
        let schedule = technique(CHANGES, registry, &text, Registry::schedule)?;
        if text != schedule.to_string() || total.is_some() == schedule.is_constant() {
            return Err(impossible(format!("the schedule '{text}' of {total:?} steps isn't written so")));
        }
        Ok(Planned { schedule, total })
    };
    let change = |(step, value)| {
        let setting = match value {
            ChangedValue::LearningRate { old, new } => Changed::LearningRate { old, new },
            ChangedValue::Schedule { old, new } => {
                Changed::Schedule { old: planned(old)?, new: planned(new)? }
            }
        };
        Ok(Change { step, setting })
    };
    let Some(values) = entries.optional::<Value>(CHANGES)? else { return Ok(Vec::new()) };
    let changes = values.into_iter().map(change).collect::<Result<Vec<Change>, FormatError>>()?;
    let ascending = changes.is_sorted_by_key(|change| change.step);
    let last = changes.last().map(|change| change.step);
    if !ascending || last.is_none_or(|last| u128::from(last) > steps) {
        return Err(impossible(format!("changes that end after {last:?} of {steps} steps, or don't ascend")));
    }
    let mut before = settings.clone();
    for change in changes.iter().rev() {
        change.setting.apply(&mut before);
        check(&before)?;
        change.setting.undo(&mut before);
        check(&before)?;
    }
    Ok(changes)
}

/// Gives the settings among the lines of a directory the values that they had before the first change.
pub(super) fn undo(changes: &Value, records: &mut Vec<Record>) -> Result<(), FormatError> {
    let mut put = |name: &'static str, entry: Option<Entry<'_>>| {
        records.retain(|record| record.name != name);
        records.extend(entry.map(|entry| entry.record()));
    };
    for (_, change) in changes.iter().rev() {
        match change {
            ChangedValue::LearningRate { old, .. } => {
                put(LEARNING_RATE, Some(Entry::of_value(LEARNING_RATE, 0, old)?));
            }
            ChangedValue::Schedule { old: (text, total), .. } => {
                let total = total.map(|total| Entry::of_value(TOTAL, 0, &total)).transpose()?;
                let schedule = total.is_some().then(|| Entry::of_value(SCHEDULE, 0, text)).transpose()?;
                put(TOTAL, total);
                put(SCHEDULE, schedule);
            }
        }
    }
    Ok(())
}
