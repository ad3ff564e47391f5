//! The front of a file, read before the rest.

use super::parts::Parts;
use super::real::real_by;
use crate::checkpoint::{Checkpoint, Error, FormatError, Outline};
use minibatch_checkpoint::{Front, OPTIONAL, decode};
use std::fs;

#[test]
fn the_recipe_is_read_without_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    for (optimizer, moments) in [("sgd", 0), ("momentum(0.5)", 1), ("adam", 2)] {
        let mut file = real_by(optimizer);
        // Damage behind the outline goes unseen. Only a reader of the rest finds it.
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, &file).unwrap();
        let outline = Outline::read(&path).unwrap();
        assert_eq!(
            (outline.sizes(), outline.moments(), outline.bytes()),
            (&[3, 4, 2][..], moments, file.len() as u64)
        );
        assert!(matches!(Checkpoint::load(&path).unwrap_err(), Error::Format { .. }));
    }
}

#[test]
fn a_run_is_known_by_all_but_its_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let outline = |change: fn(&mut Checkpoint)| {
        let mut checkpoint = Checkpoint::decode(&real_by("sgd")).unwrap();
        change(&mut checkpoint);
        let _ = fs::remove_file(&path);
        checkpoint.save(&path).unwrap();
        Outline::read(&path).unwrap()
    };
    let own = outline(|_| {});
    let same: [fn(&mut Checkpoint); 3] =
        [|_| {}, |one| one.settings.epochs = 99, |one| one.network.layers_mut()[0].set_weight(0, 0, 9.0)];
    let others: [fn(&mut Checkpoint); 6] = [
        |one| one.settings.batch_size = 1,
        |one| one.settings.seed = 9,
        |one| one.settings.learning_rate = 0.25,
        |one| one.origin = None,
        |one| one.data.fingerprint ^= 1,
        |one| one.network.cost = std::sync::Arc::new(crate::network::cost::Mse),
    ];
    assert!(
        same.into_iter().all(|change| own.is_of_run(&outline(change)) && outline(change).is_of_run(&own))
    );
    assert!(others.into_iter().all(|change| !own.is_of_run(&outline(change))));
}

/// A setting that a later version adds decides too, though this version doesn't know it.
#[test]
fn an_unknown_setting_tells_runs_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let outline = |name: &str, text: &str| {
        let mut parts = Parts::of(&real_by("sgd"));
        parts.put_with(name, OPTIONAL, text);
        fs::write(&path, parts.encode()).unwrap();
        Outline::read(&path).unwrap()
    };
    let own = outline("run/decay", "0.1");
    assert!(own.is_of_run(&outline("run/decay", "0.1")));
    assert!(!own.is_of_run(&outline("run/decay", "0.2")) && !outline("run/clip", "1").is_of_run(&own));
    for name in ["run/history/rate", "run/schedule/state"] {
        let [first, second] = ["0.1", "0.2"].map(|text| outline(name, text));
        assert!(first.is_of_run(&second), "{name} is no setting");
    }
}

/// A damaged file is read only as far as the damage, and the error is that of decoding the whole.
#[test]
fn a_damaged_front_is_told_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (path, file) = (dir.path().join("run.ckpt"), real_by("adam"));
    fs::write(&path, &file).unwrap();
    let front = Front::open(&path).unwrap();
    let layers = front.records().iter().find(|record| record.name == "network/main/layers").unwrap();
    let (start, layers) = (front.records()[0].offset, layers.offset..layers.offset + layers.length);
    for at in (0..start).chain(layers) {
        let mut changed = file.clone();
        changed[at] ^= 0x20;
        fs::write(&path, &changed).unwrap();
        let expected = decode(&changed).unwrap_err();
        for error in [Outline::read(&path).unwrap_err(), Checkpoint::load(&path).unwrap_err()] {
            assert!(
                matches!(&error, Error::Format { source, .. } if *source == expected),
                "byte {at}: {error}"
            );
        }
        fs::write(&path, &file[..at]).unwrap();
        let expected = decode(&file[..at]).unwrap_err();
        let error = Outline::read(&path).unwrap_err();
        assert!(matches!(&error, Error::Format { source, .. } if *source == expected), "{at} bytes: {error}");
    }
    // A file of another kind isn't read to its end, which here would take all memory.
    let sparse = fs::File::create(&path).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let error = Checkpoint::load(&path).unwrap_err();
    assert!(matches!(error, Error::Format { source: FormatError::Magic { .. }, .. }), "{error}");
}
