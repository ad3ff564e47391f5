//! The front of a file, read before the rest.

use super::real::real_by;
use crate::checkpoint::{Checkpoint, Error, FormatError, Recipe, Tag, decode};
use std::fs;

#[test]
fn the_recipe_is_read_without_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    for (optimizer, moments) in [("sgd", 0), ("momentum(0.5)", 1), ("adam", 2)] {
        let mut file = real_by(optimizer);
        // Damage behind the recipe goes unseen. Only a reader of the rest finds it.
        *file.last_mut().unwrap() ^= 1;
        fs::write(&path, &file).unwrap();
        let recipe = Recipe::read(&path).unwrap();
        assert_eq!(
            (recipe.sizes(), recipe.moments(), recipe.bytes()),
            (&[3, 4, 2][..], moments, file.len() as u64)
        );
        assert!(matches!(Checkpoint::load(&path).unwrap_err(), Error::Format { .. }));
    }
}

#[test]
fn a_run_is_known_by_all_but_its_epochs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.ckpt");
    let recipe = |change: fn(&mut Checkpoint)| {
        let mut checkpoint = Checkpoint::decode(&real_by("sgd")).unwrap();
        change(&mut checkpoint);
        let _ = fs::remove_file(&path);
        checkpoint.save(&path).unwrap();
        Recipe::read(&path).unwrap()
    };
    let own = recipe(|_| {});
    let same: [fn(&mut Checkpoint); 3] =
        [|_| {}, |one| one.settings.epochs = 99, |one| one.network.layers_mut()[0].set_weight(0, 0, 9.0)];
    let others: [fn(&mut Checkpoint); 5] = [
        |one| one.settings.seed = 9,
        |one| one.settings.learning_rate = 0.25,
        |one| one.origin = None,
        |one| one.data.fingerprint ^= 1,
        |one| one.network.cost = std::sync::Arc::new(crate::network::cost::Mse),
    ];
    assert!(same.into_iter().all(|change| own.is_of_run(&recipe(change)) && recipe(change).is_of_run(&own)));
    assert!(others.into_iter().all(|change| !own.is_of_run(&recipe(change))));
}

/// A damaged file is read only as far as the damage, and the error is that of decoding the whole.
#[test]
fn a_damaged_front_is_told_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (path, file) = (dir.path().join("run.ckpt"), real_by("adam"));
    let start = file.len() - decode(&file).unwrap().entries().iter().map(|entry| entry.length).sum::<usize>();
    let settings = decode(&file).unwrap().get(Tag::Settings).unwrap().len();
    for at in 0..start + settings {
        let mut changed = file.clone();
        changed[at] ^= 0x20;
        fs::write(&path, &changed).unwrap();
        let expected = decode(&changed).unwrap_err();
        for error in [Recipe::read(&path).unwrap_err(), Checkpoint::load(&path).unwrap_err()] {
            assert!(
                matches!(&error, Error::Format { source, .. } if *source == expected),
                "byte {at}: {error}"
            );
        }
        fs::write(&path, &file[..at]).unwrap();
        let expected = decode(&file[..at]).unwrap_err();
        let error = Recipe::read(&path).unwrap_err();
        assert!(matches!(&error, Error::Format { source, .. } if *source == expected), "{at} bytes: {error}");
    }
    // A file of another kind isn't read to its end, which here would take all memory.
    let sparse = fs::File::create(&path).unwrap();
    sparse.set_len(1 << 40).unwrap();
    let error = Checkpoint::load(&path).unwrap_err();
    assert!(matches!(error, Error::Format { source: FormatError::Magic { .. }, .. }), "{error}");
}
