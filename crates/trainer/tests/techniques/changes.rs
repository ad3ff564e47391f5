//! Settings that change in the course of a run.

use super::common::bits;
use super::{data, network, pool, settings};
use minibatch::{Changed, Checkpoint, Dataset, Schedule, Settings, Trainer};

fn schedule(text: &str) -> Schedule {
    text.parse().expect("a schedule")
}

fn start(data: &Dataset) -> Trainer {
    let settings = Settings { epochs: 5, batch_size: 10, ..settings("momentum") };
    Trainer::new(&pool(1), data, network(&[20, 16, 4]), settings).expect("a trainer")
}

fn hash(trainer: &Trainer) -> u64 {
    trainer.compared_hash().expect("a hash")
}

/// Changes the settings of a run after so many steps of it. An epoch has 5 steps. Evaluations are those of `test`.
fn change(trainer: &mut Trainer, step: usize) {
    match step {
        0 => trainer.set_learning_rate(0.02).expect("in range"),
        7 => {
            trainer.set_learning_rate(0.005).expect("in range");
            trainer.set_schedule(schedule("cosine")).expect("in range");
            trainer.set_learning_rate(0.03).expect("in range");
        }
        10 => trainer.set_schedule(schedule("plateau(0.5,0,0.9)")).expect("in range"),
        20 => trainer.set_schedule(Schedule::CONSTANT).expect("in range"),
        25 => trainer.set_learning_rate(0.04).expect("in range"),
        _ => (),
    }
}

/// The run with all its changes. `after_step` sees each of its states, and may put another trainer in its place.
fn changing(data: &Dataset, after_step: impl Fn(Trainer, usize) -> Trainer) -> Trainer {
    let mut trainer = start(data);
    change(&mut trainer, 0);
    for step in 1..=25 {
        let ended = trainer.advance(1).expect("a step").is_some();
        if ended {
            let evaluation = trainer.evaluate(data).expect("an evaluation");
            trainer.record(data, evaluation).expect("an epoch has ended");
        }
        change(&mut trainer, step);
        trainer = after_step(trainer, step);
    }
    trainer
}

#[test]
fn changes_are_recorded() {
    let data = data(20, false);
    let trainer = changing(&data, |trainer, _| trainer);
    let found: Vec<_> =
        trainer.changes().iter().map(|change| (change.step, change.setting.to_string())).collect();
    let expected = [
        (0, "learning rate 0.01 → 0.02"),
        (7, "learning rate 0.02 → 0.005"),
        (7, "schedule constant → cosine(0.0) over 25 steps"),
        (7, "learning rate 0.005 → 0.03"),
        (10, "schedule cosine(0.0) over 25 steps → plateau(0.5,0.0,0.9,0.0) over 25 steps"),
        (20, "schedule plateau(0.5,0.0,0.9,0.0) over 25 steps → constant"),
        (25, "learning rate 0.03 → 0.04"),
    ];
    assert_eq!(found, expected.map(|(step, change)| (step, change.to_owned())));
    let json = serde_json::to_string(&trainer.changes()[2]).expect("it serialises");
    assert_eq!(
        json,
        r#"{"step":7,"setting":"schedule","old":{"schedule":"constant","total":null},"new":{"schedule":"cosine(0.0)","total":25}}"#
    );
    // What changes nothing isn't recorded, and what is out of range changes nothing.
    let (mut trainer, before) = (trainer, hash(&changing(&data, |trainer, _| trainer)));
    trainer.set_learning_rate(0.04).expect("as it is");
    trainer.set_schedule(Schedule::CONSTANT).expect("as it is");
    for wrong in [f64::NAN, 0.0, -1.0, 1e60] {
        trainer.set_learning_rate(wrong).expect_err("out of range");
    }
    assert_eq!((hash(&trainer), trainer.changes().len()), (before, 7));
}

/// A file has the changes, at whatever step it is saved, and a run that repeats them comes to the same state.
#[test]
fn changes_are_saved_and_repeated() {
    let data = data(20, false);
    let whole = changing(&data, |trainer, _| trainer);
    let cut = changing(&data, |trainer, step| {
        let mut file = Vec::new();
        trainer.encode_into(&mut file).expect("a checkpoint");
        let read = Checkpoint::decode(&file).expect("a checkpoint");
        assert_eq!(read.changes, trainer.changes());
        for cut in [1, 4, 100] {
            let mut again = Trainer::replay(&pool(2), &data, &read).expect("the run again");
            for epoch in &read.history {
                while again.advance(cut).expect("steps").is_none() {}
                if epoch.test.is_some() {
                    let evaluation = again.evaluate(&data).expect("an evaluation");
                    again.record(&data, evaluation).expect("an epoch has ended");
                }
            }
            while again.step() < trainer.step() {
                again.advance(cut.min(trainer.step() - again.step())).expect("steps");
            }
            assert_eq!(
                (hash(&again), bits(again.network())),
                (hash(&trainer), bits(trainer.network())),
                "{step}"
            );
        }
        Trainer::resume(&pool(1), &data, read).expect("a resumed run")
    });
    assert_eq!((hash(&cut), bits(cut.network())), (hash(&whole), bits(whole.network())));
    let mut constant = start(&data);
    constant.fit(Some(&data), &mut ()).expect("epochs");
    assert_ne!(bits(constant.network()), bits(whole.network()));
}

/// A schedule that is set in the middle has the factors of the run's own steps, over the epochs that there are by then.
#[test]
fn a_new_schedule_is_planned_for_the_whole_run() {
    let data = data(20, false);
    let mut trainer = start(&data);
    trainer.set_schedule(schedule("linear(0)")).expect("in range");
    trainer.epoch().expect("an epoch");
    let mut longer = trainer.checkpoint();
    longer.settings.epochs = 8;
    let mut longer = Trainer::resume(&pool(1), &data, longer).expect("a resumed run");
    // The plan stays until the schedule is set anew.
    assert_eq!(longer.checkpoint().course.total, 25);
    longer.set_schedule(schedule("linear(0)")).expect("in range");
    assert_eq!(longer.checkpoint().course.total, 40);
    let Changed::Schedule { old, new } = &longer.changes()[1].setting else { panic!("a schedule") };
    assert_eq!((old.total, new.total), (Some(25), Some(40)));
    let mut by_hand = start(&data);
    for step in 0..15 {
        let total = if step < 5 { 25.0 } else { 40.0 };
        by_hand.set_learning_rate(0.01 * (1.0 - f64::from(step) / total)).expect("in range");
        by_hand.advance(1).expect("a step");
    }
    longer.epoch().expect("an epoch");
    longer.epoch().expect("an epoch");
    assert_eq!(bits(longer.network()), bits(by_hand.network()));
}
