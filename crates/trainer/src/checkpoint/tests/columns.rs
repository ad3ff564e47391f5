//! Columns of the history that earlier versions don't have, and contents of them that no run writes.

use super::parts::Parts;
use super::real::real_by;
use crate::checkpoint::Checkpoint;
use crate::{Dataset, Isa, Pool, Trainer};

const NEW: [&str; 3] = ["run/history/training-score", "run/history/learning-rate", "run/progress/correct"];

#[test]
fn a_file_without_them_is_of_the_same_run() {
    let file = real_by("sgd");
    let mut parts = Parts::of(&file);
    NEW.iter().for_each(|name| parts.remove(name));
    let (old, new) = (Checkpoint::decode(&parts.encode()), Checkpoint::decode(&file));
    let (old, new) = (old.expect("an older file"), new.expect("intact"));
    assert_eq!(old.compared_hash(), new.compared_hash());
    let figures = |one: &Checkpoint| (one.history[0].correct, one.history[0].learning_rate, one.correct);
    assert_eq!(figures(&old), (None, None, None));
    let (correct, rate, current) = figures(&new);
    assert!(correct.is_some_and(|correct| correct <= 7) && current.is_some_and(|current| current <= 2));
    assert_eq!(rate, Some(0.5));

    // What isn't known of an epoch's beginning isn't known of the epoch.
    let inputs: Vec<f32> = (0..21).map(|i| (i * 5 % 13) as f32 / 13.0).collect();
    let data = Dataset::from_classes(inputs, &[3], vec![0, 1, 0, 1, 1, 0, 1]).expect("a dataset");
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let mut trainer = Trainer::resume(&pool, &data, old).expect("the run");
    trainer.set_validation(&data).expect("a validation set");
    assert_eq!(trainer.epoch().expect("an epoch").correct, None);
    assert!(trainer.epoch().expect("an epoch").correct.is_some());
}

#[test]
fn forgeries_are_refused() {
    type Forgery = (&'static str, fn(&mut Parts));
    let forgeries: [Forgery; 8] = [
        ("8 correct of 7", |p| p.put(NEW[0], &vec![Some(8_u64)])),
        ("no number in it", |p| p.put(NEW[0], &vec![None::<u64>])),
        ("2 lines for 1 epochs", |p| p.put(NEW[0], &vec![Some(1_u64); 2])),
        ("a learning rate of -1", |p| p.put(NEW[1], &vec![Some(-1.0)])),
        ("a learning rate of NaN", |p| p.put(NEW[1], &vec![Some(f64::NAN)])),
        ("0 lines for 1 epochs", |p| p.put(NEW[1], &0_u64)),
        ("3 correct at position 2", |p| p.put(NEW[2], &3_u64)),
        ("correct at position 0", |p| {
            p.edit("run/progress", |progress: &mut ([u64; 4], u64, u64, f64)| {
                (progress.1, progress.2, progress.3) = (1, 0, 0.0);
            });
        }),
    ];
    for (part, change) in forgeries {
        let mut parts = Parts::of(&real_by("sgd"));
        change(&mut parts);
        let error = Checkpoint::decode(&parts.encode()).expect_err(part).to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{part}: {error}");
    }
}
