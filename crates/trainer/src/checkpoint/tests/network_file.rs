//! Networks in files without a run.

use super::parts::Parts;
use super::real::real_by;
use crate::checkpoint::{Checkpoint, Error, FormatError, load_networks, save_networks};
use crate::{Initializer, Network};
use minibatch_checkpoint::{CARRIED, OPTIONAL};
use std::collections::BTreeMap;
use std::fs;

fn network(seed: u64) -> Network {
    let builder = Network::builder(3).layer(4).layer(2).initializer(Initializer::HeNormal);
    builder.seed(seed).build().expect("a network")
}

fn format(error: Error) -> FormatError {
    match error {
        Error::Format { source, .. } => source,
        other => panic!("another error: {other}"),
    }
}

#[test]
fn a_network_is_kept_without_a_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("network.ckpt");
    let drawn = network(7);
    drawn.save(&path).expect("it is written");
    let read = Network::load(&path).expect("it is read");
    assert_eq!((read.weight_hash(), read.origin), (drawn.weight_hash(), drawn.origin));
    assert_eq!(format(Checkpoint::load(&path).expect_err("no run")), FormatError::NoRun);
    // Weights that were changed have no origin.
    let mut changed = network(7);
    changed.layers_mut()[0].set_weight(0, 0, 9.0);
    changed.save(&path).expect("it is written");
    let read = Network::load(&path).expect("it is read");
    assert_eq!((read.weight_hash(), read.origin), (changed.weight_hash(), None));
}

#[test]
fn a_zero_output_layer_is_recorded() {
    const ZERO: &str = "network/main/zero-output-layer";
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("network.ckpt");
    let builder = Network::builder(3).layer(4).layer(2).seed(7).zero_output_layer(true);
    let zero = builder.build().expect("a network");
    zero.save(&path).expect("it is written");
    let file = fs::read(&path).expect("a file");
    assert_eq!(Network::load(&path).expect("it is read").origin, zero.origin);
    assert!(Parts::of(&file).names(|name| name == ZERO).len() == 1);
    network(7).save(&path).expect("it is written");
    let drawn = fs::read(&path).expect("a file");
    assert!(Parts::of(&drawn).names(|name| name == ZERO).is_empty());
    // It stands beside an origin, and says true, or is absent.
    let mut forged = [Parts::of(&file), Parts::of(&file)];
    forged[0].put(ZERO, &false);
    forged[1].remove("network/main/origin");
    for forged in forged {
        let error = Network::decode(&forged.encode()).expect_err("impossible").to_string();
        assert!(error.contains(ZERO) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn the_network_of_a_run_is_read_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("run.ckpt");
    fs::write(&path, real_by("adam")).expect("it is written");
    let (run, network) = (Checkpoint::load(&path).expect("a run"), Network::load(&path).expect("a network"));
    assert_eq!(network.weight_hash(), run.network.weight_hash());
    assert!(run.origin.is_some() && network.origin.is_none(), "a trained network isn't as it was drawn");
    assert_eq!(load_networks(&path).expect("networks").into_keys().collect::<Vec<_>>(), ["main"]);
}

#[test]
fn networks_stand_beside_one_another() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("networks.ckpt");
    let wide = Network::builder(1).layer(5).build().expect("a network");
    let names = ["0", "a", "a-b", "main"];
    let networks: BTreeMap<String, Network> = names
        .iter()
        .zip([network(1), wide, network(2), network(3)])
        .map(|(name, n)| (name.to_string(), n))
        .collect();
    save_networks(&path, &networks).expect("they are written");
    let read = load_networks(&path).expect("they are read");
    assert!(read.keys().eq(networks.keys()));
    assert!(read.iter().all(|(name, network)| network.weight_hash() == networks[name].weight_hash()));
    assert_eq!(Network::load(&path).expect("it is read").weight_hash(), networks["main"].weight_hash());
    for name in ["", "A", "a/b", "a b"] {
        let networks = BTreeMap::from([(name.to_owned(), network(1))]);
        assert!(matches!(format(save_networks(&path, &networks).expect_err(name)), FormatError::Name { .. }));
    }
    // Unknown entries follow their flags, and each network needs all of its own.
    let file = fs::read(&path).expect("a file");
    let load = |change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::of(&file);
        change(&mut parts);
        fs::write(&path, parts.encode()).expect("it is written");
        load_networks(&path).map(|networks| networks.len()).map_err(|error| format(error).to_string())
    };
    assert_eq!(load(&|p| p.put_with("network/a/classes", OPTIONAL | CARRIED, "x")), Ok(4));
    assert!(load(&|p| p.put("network/a/dropout", "x")).unwrap_err().contains("network/a/dropout is unknown"));
    assert!(load(&|p| p.put("network/a", "x")).unwrap_err().contains("network/a is unknown"));
    assert_eq!(load(&|p| p.remove("network/a/cost")).unwrap_err(), "entry network/a/cost is missing");
    assert!(
        load(&|p| p.numbers("network/a-b/parameters", |x| x[3] = f32::NAN)).unwrap_err().contains("number 3")
    );
}
