//! Settings that were changed in the course of a run.

use super::parts::Parts;
use super::real::real_by;
use crate::change::{Change, Changed, Planned};
use crate::checkpoint::changes::{ChangedValue, PlannedValue, Value};
use crate::checkpoint::{Checkpoint, Outline};
use crate::schedule::{Course, Schedule};
use std::fs;

const CHANGES: &str = "run/history/changes";

fn rate(old: f64, new: f64) -> ChangedValue {
    ChangedValue::LearningRate { old, new }
}

fn schedule(old: (&str, Option<u64>), new: (&str, Option<u64>)) -> ChangedValue {
    let owned = |(text, total): (&str, _)| -> PlannedValue { (text.to_owned(), total) };
    ChangedValue::Schedule { old: owned(old), new: owned(new) }
}

fn with(changes: &Value) -> Vec<u8> {
    let mut parts = Parts::of(&real_by("adam"));
    parts.put(CHANGES, changes);
    parts.encode()
}

#[test]
fn impossible_changes_are_refused() {
    let legal = |changes: Value| Checkpoint::decode(&with(&changes)).map(|read| read.changes.len());
    let constant = ("constant", None);
    assert_eq!(legal(vec![(0, rate(3.0, 2.0)), (0, rate(2.0, 1.0))]), Ok(2));
    assert_eq!(legal(vec![(0, schedule(("cosine(0.0)", Some(9)), constant)), (2, rate(2.0, 1.0))]), Ok(2));
    let forged: Vec<Value> = vec![
        vec![],
        vec![(1, rate(3.0, 2.0)), (0, rate(2.0, 1.0))],
        vec![(u64::MAX, rate(3.0, 2.0))],
        vec![(0, rate(f64::NAN, 2.0))],
        vec![(0, rate(1.0, f64::INFINITY))],
        vec![(0, rate(0.0, 2.0))],
        vec![(0, rate(1.0, -2.0))],
        vec![(0, schedule(("cosine", Some(9)), constant))],
        vec![(0, schedule(("cosine(0.0,0.0)", Some(9)), constant))],
        vec![(0, schedule(("cosine(0.0)", None), constant))],
        vec![(0, schedule(constant, ("constant", Some(9))))],
        vec![(0, schedule(constant, ("cosine(2.0)", Some(9))))],
        vec![(0, schedule(constant, ("falling", Some(9))))],
    ];
    for changes in forged {
        let error = legal(changes).expect_err("impossible").to_string();
        assert!(error.contains(CHANGES) && !error.contains('\n'), "{error}");
    }
}

fn change_rate(one: &mut Checkpoint, new: f64) {
    let setting = Changed::LearningRate { old: one.settings.learning_rate, new };
    one.changes.push(Change { step: 1, setting });
    one.settings.learning_rate = new;
}

fn change_schedule(one: &mut Checkpoint, text: &str) {
    let new: Schedule = text.parse().unwrap();
    let old = Planned::new(one.settings.schedule.clone(), one.course.total);
    one.course = Course::new(&new, 30);
    one.settings.schedule = new.clone();
    let setting = Changed::Schedule { old, new: Planned::new(new, 30) };
    one.changes.push(Change { step: 1, setting });
}

/// A run whose settings were changed is still the same run: its files from before and after the change are of one.
#[test]
fn a_changed_run_is_known_by_what_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let outline = |change: fn(&mut Checkpoint)| {
        let mut checkpoint = Checkpoint::decode(&real_by("adam")).unwrap();
        change(&mut checkpoint);
        let _ = fs::remove_file(&path);
        checkpoint.save(&path).unwrap();
        Outline::read(&path).unwrap()
    };
    let own = outline(|_| {});
    let same: [fn(&mut Checkpoint); 4] = [
        |one| change_rate(one, 0.125),
        |one| {
            change_rate(one, 0.125);
            change_rate(one, 0.25);
        },
        |one| change_schedule(one, "cosine"),
        |one| {
            change_schedule(one, "plateau");
            change_rate(one, 0.125);
            change_schedule(one, "constant");
        },
    ];
    for change in same {
        let changed = outline(change);
        assert!(own.is_of_run(&changed) && changed.is_of_run(&own));
    }
    let begun_with_another: fn(&mut Checkpoint) = |one| {
        one.settings.learning_rate = 0.75;
        change_rate(one, 0.25);
    };
    assert!(!own.is_of_run(&outline(begun_with_another)));
}
