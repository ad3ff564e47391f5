//! Early stopping: the verdict on figures, the end of a run, the network that it answers with, and all of it across interruptions.

mod common;

use common::{Numbers, bits};
use minibatch::{
    Checkpoint, Dataset, EarlyStopping, Epoch, Error, Isa, Monitor, Network, Pool, Settings, Ties, Trainer,
};
use std::ops::ControlFlow;

/// Labels that are half chance: a network that learns the training set by heart gets worse on the validation set.
fn sets() -> (Dataset, Dataset) {
    let mut numbers = Numbers::new(11);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..120 {
        let row: Vec<f32> = (0..6).map(|_| numbers.signed()).collect();
        labels.push(if numbers.below(2) == 0 { u32::from(row[0] > 0.0) } else { numbers.below(2) as u32 });
        inputs.extend(row);
    }
    let data = Dataset::from_classes(inputs, &[6], labels).expect("a dataset");
    data.split_stratified(0.4, 3).expect("two sets")
}

fn settings(early_stopping: EarlyStopping) -> Settings {
    let early_stopping = Some(early_stopping);
    let optimizer = "adam".parse().expect("an optimiser");
    Settings {
        optimizer,
        learning_rate: 0.05,
        batch_size: 8,
        epochs: 60,
        early_stopping,
        ..Settings::default()
    }
}

fn pool(threads: usize) -> Pool {
    Pool::oversubscribed(Isa::detect(), threads).expect("a pool")
}

fn trainer(settings: Settings) -> Trainer {
    let (train, validation) = sets();
    let network = Network::builder(6).layer(12).layer(2).seed(4).build().expect("a network");
    let mut trainer = Trainer::new(&pool(1), &train, network, settings).expect("a trainer");
    trainer.set_validation(&validation).expect("a validation set");
    trainer
}

/// The trainer that goes on from `checkpoint` with the same sets.
fn resumed(checkpoint: Checkpoint) -> Trainer {
    let (train, validation) = sets();
    let mut trainer = Trainer::resume(&pool(2), &train, checkpoint).expect("the same run");
    trainer.set_validation(&validation).expect("the same validation set");
    trainer
}

/// The way through a file.
fn reread(trainer: &Trainer) -> Checkpoint {
    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes).expect("it encodes");
    Checkpoint::decode(&bytes).expect("it decodes")
}

/// All that two runs can agree in.
fn state(trainer: &Trainer) -> (u64, Vec<u32>, Option<usize>, bool) {
    let best = trainer.best().map(|best| best.epoch);
    (trainer.compared_hash().expect("a hash"), bits(trainer.result()), best, trainer.has_stopped())
}

/// The verdict by its definition, epoch by epoch: the best and the waited of `figures`.
fn by_definition(stopping: &EarlyStopping, figures: &[Option<f64>]) -> Option<(usize, usize)> {
    let sign = if stopping.monitor == Monitor::Cost { -1.0 } else { 1.0 };
    let scores: Vec<(usize, f64)> =
        (1..).zip(figures).filter_map(|(epoch, figure)| Some((epoch, sign * (*figure)?))).collect();
    let most = scores.iter().map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max);
    let mut equals = scores.iter().filter(|(_, score)| *score == most).map(|(epoch, _)| *epoch);
    let best = if stopping.ties == Ties::First { equals.next() } else { equals.next_back() }?;
    let (mut reference, mut waited) = (f64::NEG_INFINITY, 0);
    for (_, score) in scores {
        let gains = reference == f64::NEG_INFINITY || score - reference > stopping.least_gain;
        (reference, waited) = if gains { (score, 0) } else { (reference, waited + 1) };
    }
    Some((best, waited))
}

#[test]
fn verdicts_are_those_of_the_definition() {
    let mut numbers = Numbers::new(2);
    for case in 0..2_000 {
        let stopping = EarlyStopping {
            least_gain: [0.0, 0.125, 0.5][numbers.below(3)],
            monitor: [Monitor::Cost, Monitor::Accuracy][numbers.below(2)],
            ties: [Ties::First, Ties::Last][numbers.below(2)],
            ..EarlyStopping::default()
        };
        // Eighths, so that many are equal, and differences are exact.
        let mut figure = || (numbers.below(7) > 0).then(|| numbers.below(9) as f64 / 8.0);
        let figures: Vec<_> = (0..case % 12).map(|_| figure()).collect();
        let found = stopping.judge_figures(figures.iter().copied());
        assert_eq!(
            found.map(|verdict| (verdict.best, verdict.waited)),
            by_definition(&stopping, &figures),
            "{stopping:?} of {figures:?}"
        );
    }
}

/// Many small gains are one large gain, after which the count begins anew.
#[test]
fn small_gains_add_up() {
    let stopping = EarlyStopping { patience: 3, least_gain: 0.25, ..EarlyStopping::default() };
    let verdict = stopping.judge_figures([1.0, 0.875, 0.75, 0.625, 0.5, 0.5].map(Some)).expect("figures");
    assert_eq!((verdict.best, verdict.gain, verdict.waited), (5, 4, 2));
    assert!(!stopping.stops(verdict));
}

#[test]
fn a_run_ends_after_its_patience_and_answers_with_its_best_epoch() {
    for (monitor, ties) in [(Monitor::Cost, Ties::First), (Monitor::Accuracy, Ties::Last)] {
        let stopping = EarlyStopping { patience: 4, monitor, ties, ..EarlyStopping::default() };
        let mut trainer = trainer(settings(stopping));
        // The networks after all epochs, of the same run without early stopping.
        let mut alone = self::trainer(Settings { early_stopping: None, ..settings(stopping) });
        let mut networks = Vec::new();
        trainer.fit(None, &mut ()).expect("a fit");
        let epochs = trainer.history().len();
        for _ in 0..epochs {
            alone.epoch().expect("an epoch");
            networks.push(bits(alone.network()));
        }
        let verdict = trainer.verdict().expect("epochs");
        assert!(trainer.has_stopped() && epochs < 60, "{epochs} epochs");
        assert_eq!((verdict.waited, verdict.gain + 4), (4, epochs), "no epoch too many");
        assert!(verdict.best < epochs, "the best isn't the last");
        assert_eq!(bits(trainer.network()), networks[epochs - 1], "watching changes nothing");
        assert_eq!(bits(trainer.result()), networks[verdict.best - 1]);
        assert_eq!(trainer.best().map(|best| best.epoch), Some(verdict.best));
        let figure = |epoch: &Epoch| epoch.figure(monitor).expect("validated");
        let (_, validation) = sets();
        let evaluation = trainer.result().evaluate(&pool(1), &validation).expect("an evaluation");
        assert_eq!(trainer.history()[verdict.best - 1].validation, Some(evaluation));
        let figures: Vec<f64> = trainer.history().iter().map(figure).collect();
        assert!(figures.iter().all(|one| match monitor {
            Monitor::Cost => *one >= figures[verdict.best - 1],
            Monitor::Accuracy => *one <= figures[verdict.best - 1],
        }));
        assert_eq!(bits(reread(&trainer).result()), bits(trainer.result()));
        assert_eq!(bits(&trainer.into_result()), networks[verdict.best - 1]);
    }
}

#[test]
fn without_restoring_the_last_weights_are_the_answer() {
    let stopping = EarlyStopping { patience: 4, restore_best: false, ..EarlyStopping::default() };
    let mut trainer = trainer(settings(stopping));
    trainer.fit(None, &mut ()).expect("a fit");
    assert!(trainer.has_stopped() && trainer.best().is_none() && reread(&trainer).best.is_none());
    assert_eq!(bits(trainer.result()), bits(trainer.network()));
}

/// Cuts after every third step, between an epoch's end and its validation, and between epochs.
#[test]
fn an_interrupted_run_ends_as_one_that_was_not() {
    let stopping = EarlyStopping { patience: 3, ..EarlyStopping::default() };
    let mut whole = trainer(settings(stopping));
    whole.fit(None, &mut ()).expect("a fit");
    let expected = state(&whole);
    assert!(expected.3);
    let steps = whole.history().len() * whole.steps_per_epoch();
    for cut in (0..=steps).step_by(3) {
        let mut trainer = trainer(settings(stopping));
        let (epochs, rest) = (cut / trainer.steps_per_epoch(), cut % trainer.steps_per_epoch());
        for epoch in 1..=epochs {
            trainer.epoch().expect("an epoch");
            // Every second time the last epoch isn't validated before the cut.
            if epoch < epochs || cut % 2 == 0 {
                trainer.validate().expect("a validation");
            } else {
                trainer = resumed(reread(&trainer));
                trainer.fit(None, &mut |_: &Epoch| ControlFlow::Break(())).expect("an epoch more");
                break;
            }
        }
        if trainer.position() == 0 && rest > 0 && trainer.history().len() == epochs && !trainer.has_stopped()
        {
            trainer.advance(rest).expect("steps");
        }
        let mut trainer = resumed(reread(&trainer));
        trainer.fit(None, &mut ()).expect("the rest");
        assert_eq!(state(&trainer), expected, "cut after {cut} steps");
    }
}

#[test]
fn a_run_that_has_stopped_goes_on_with_more_patience_only() {
    let stopping = |patience| EarlyStopping { patience, ..EarlyStopping::default() };
    let mut stopped = trainer(settings(stopping(2)));
    stopped.fit(None, &mut ()).expect("a fit");
    let before = state(&stopped);
    let mut again = resumed(reread(&stopped));
    again.fit(None, &mut |_: &Epoch| -> ControlFlow<()> { panic!("an epoch") }).expect("no epoch");
    assert_eq!(state(&again), before);

    let mut more = reread(&stopped);
    more.settings.early_stopping = Some(stopping(6));
    let mut more = resumed(more);
    more.fit(None, &mut ()).expect("the rest");
    let mut patient = trainer(settings(stopping(6)));
    patient.fit(None, &mut ()).expect("a fit");
    assert!(patient.history().len() > stopped.history().len());
    assert_eq!(state(&more), state(&patient));
}

#[test]
fn what_cannot_be_is_refused() {
    let (train, validation) = sets();
    let network = || Network::builder(6).layer(2).build().expect("a network");
    let with = |stopping| Trainer::new(&pool(1), &train, network(), settings(stopping));
    for (wrong, part) in [
        (EarlyStopping { patience: 0, ..EarlyStopping::default() }, "a patience of at least 1"),
        (EarlyStopping { least_gain: -0.5, ..EarlyStopping::default() }, "a finite least gain"),
        (EarlyStopping { least_gain: f64::NAN, ..EarlyStopping::default() }, "a finite least gain"),
    ] {
        let error = with(wrong).expect_err("a wrong rule").to_string();
        assert!(error.starts_with("early stopping is ") && error.contains(part), "{error}");
    }
    let mut trainer = with(EarlyStopping::default()).expect("a trainer");
    let error = trainer.fit(None, &mut ()).expect_err("no set").to_string();
    assert_eq!(error, "the validation set is missing: expected one for early stopping to look at");
    assert!(trainer.history().is_empty());

    trainer.set_validation(&validation).expect("a set");
    trainer.epoch().expect("an epoch");
    trainer.validate().expect("a validation");
    let other = validation.subset(&[0, 1, 2]).expect("a subset");
    let error = trainer.set_validation(&other).expect_err("another set");
    assert!(matches!(error, Error::Resume { what: "validation set", .. }), "{error}");
    let mut resumed = Trainer::resume(&pool(1), &train, reread(&trainer)).expect("the run");
    resumed.set_validation(&other).expect_err("another set");
    trainer.advance(1).expect("a step");
    assert!(matches!(trainer.validate(), Err(Error::NoEpoch)));

    // The best network is that of the history.
    let mut lost = reread(&trainer);
    lost.best = None;
    let error = Trainer::resume(&pool(1), &train, lost).expect_err("no best weights").to_string();
    assert!(error.contains("best weights"), "{error}");

    let values = Dataset::from_values(vec![0.5; 60], &[6], vec![0.25; 20], 2).expect("a dataset");
    let stopping = EarlyStopping { monitor: Monitor::Accuracy, ..EarlyStopping::default() };
    let mut trainer = Trainer::new(&pool(1), &values, network(), settings(stopping));
    let trainer = trainer.as_mut().expect("a trainer");
    trainer.set_validation(&values).expect_err("values have no accuracy");
}
