//! The network after the best epoch, and contents that no run writes.

use super::parts::Parts;
use super::real::real_by;
use crate::checkpoint::networks::Layers;
use crate::checkpoint::{Checkpoint, Outline};
use crate::{Dataset, EarlyStopping, Isa, Network, Pool, Settings, Trainer};

const BEST: &str = "network/best/parameters";

/// The checkpoint of a run with early stopping, after two epochs and a step.
fn file() -> Vec<u8> {
    let inputs: Vec<f32> = (0..21).map(|i| (i * 5 % 13) as f32 / 13.0).collect();
    let data = Dataset::from_classes(inputs, &[3], vec![0, 1, 0, 1, 1, 0, 1]).expect("a dataset");
    let network = Network::builder(3).layer(4).layer(2).build().expect("a network");
    let early_stopping = Some(EarlyStopping { least_gain: 0.125, ..EarlyStopping::default() });
    let settings = Settings { batch_size: 2, epochs: 3, early_stopping, ..Settings::default() };
    let pool = Pool::new(Isa::detect(), 1).expect("a pool");
    let mut trainer = Trainer::new(&pool, &data, network, settings).expect("a trainer");
    trainer.set_validation(&data).expect("a validation set");
    for _ in 0..2 {
        trainer.epoch().expect("an epoch");
        trainer.validate().expect("a validation");
    }
    trainer.advance(1).expect("a step");
    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes).expect("it encodes");
    bytes
}

#[test]
fn it_is_read_as_it_was_written() {
    let file = file();
    let read = Checkpoint::decode(&file).expect("intact");
    assert_ne!(read.result().weight_hash(), read.network.weight_hash());
    let mut again = Vec::new();
    read.snapshot().encode_into(&mut again).expect("it encodes");
    assert!(again == file);
    assert_eq!(Parts::of(&file).names(|name| name.starts_with("network/best/")).len(), 4);
}

#[test]
fn forgeries_are_refused() {
    type Forgery = (&'static str, fn(&mut Parts));
    let forgeries: [Forgery; 10] = [
        ("network/best/layers", |p| p.keep(|name| !name.starts_with("network/best/"))),
        ("network/best/parameters", |p| p.remove(BEST)),
        ("not that of the run's network", |p| {
            p.edit("network/best/layers", |(_, layers): &mut Layers| layers[0].1 = "tanh".to_owned());
        }),
        ("not that of the run's network", |p| p.put("network/best/cost", "mse")),
        ("trained weights have no origin", |p| {
            let origin = p.bytes("network/main/origin").clone();
            p.put("network/best/origin", &0_u8);
            *p.bytes("network/best/origin") = origin;
        }),
        ("expected a finite one", |p| p.numbers(BEST, |numbers| numbers[0] = f32::NAN)),
        ("of which there is none", |p| {
            p.remove("run/early-stopping");
            p.remove("run/early-stopping/state");
        }),
        ("the setting isn't written so", |p| p.remove("run/early-stopping/state")),
        ("patience of at least 1", |p| p.put("run/early-stopping/state", &0_u64)),
        ("evaluations without a validation set", |p| p.remove("run/validation-data")),
    ];
    for (part, change) in forgeries {
        let mut parts = Parts::of(&file());
        change(&mut parts);
        let error = Checkpoint::decode(&parts.encode()).expect_err(part).to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{part}: {error}");
    }
    // Best weights of a run without early stopping.
    let mut parts = Parts::of(&real_by("sgd"));
    parts.put("network/best/cost", "quadratic");
    let error = Checkpoint::decode(&parts.encode()).expect_err("no early stopping").to_string();
    assert!(error.contains("of which there is none"), "{error}");
}

#[test]
fn a_run_is_the_same_with_other_patience_but_not_with_another_rule() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("run.ckpt");
    let outline = |change: fn(&mut EarlyStopping)| {
        let mut checkpoint = Checkpoint::decode(&file()).expect("intact");
        change(checkpoint.settings.early_stopping.as_mut().expect("early stopping"));
        let _ = std::fs::remove_file(&path);
        checkpoint.save(&path).expect("it is saved");
        Outline::read(&path).expect("an outline")
    };
    let own = outline(|_| {});
    assert_eq!(own.networks(), 2);
    assert!(own.is_of_run(&outline(|stopping| stopping.patience = 99)));
    assert!(!own.is_of_run(&outline(|stopping| stopping.least_gain = 0.25)));
}
