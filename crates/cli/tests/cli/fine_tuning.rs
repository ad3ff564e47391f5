//! `train --from`: a new run that begins with a trained network.

use crate::world::World;
use std::fs;

/// A run whose η is too small to change a weight shows the network that it began with.
#[test]
fn a_new_run_begins_with_the_weights_of_another() {
    let world = World::new();
    let end = world.json("train --data set --hidden 8 --epochs 3 --checkpoint first.ckpt").pop().unwrap();
    let still = "train --data set --from first.ckpt --epochs 1 --learning-rate 1e-30 --checkpoint still.ckpt";
    let events = world.json(still);
    assert_eq!(events.last().unwrap()["weight_hash"], end["weight_hash"]);
    assert_eq!(events[0]["layers"].to_string(), "[20,8,3]");
    // It is a run of its own: it counts its own epochs, and is repeated from the network that it began with.
    assert_eq!(world.json("info still.ckpt")[0]["history"].as_array().unwrap().len(), 1);
    let info = world.run("info still.ckpt");
    assert!(info.succeeded().contains("\ninitial values    the network of first.ckpt\n"), "{}", info.stdout);
}

#[test]
fn other_data_and_other_options_are_taken() {
    let world = World::new();
    world.write_set("other");
    fs::copy(world.path("set/t10k-images-idx3-ubyte"), world.path("other/train-images-idx3-ubyte")).unwrap();
    fs::copy(world.path("set/t10k-labels-idx1-ubyte"), world.path("other/train-labels-idx1-ubyte")).unwrap();
    world.run("train --data set --hidden 8 --epochs 2 --checkpoint first.ckpt").succeeded();
    let before = fs::read(world.path("first.ckpt")).unwrap();
    let tuned = "train --data other --from first.ckpt --optimizer adam --epochs 2 --batch-size 4";
    let plan = &world.json(&format!("{tuned} --checkpoint tuned.ckpt"))[0];
    assert_eq!((&plan["optimizer"], &plan["batch_size"]), (&"adam(0.9,0.999,1e-8)".into(), &4.into()));
    assert_eq!(plan["training_examples"], 60);
    assert_eq!(fs::read(world.path("first.ckpt")).unwrap(), before);
    // The same bits on any number of threads.
    let hashes = [1, 2, 3].map(|threads| {
        world.json(&format!("{tuned} --threads {threads}")).pop().unwrap()["weight_hash"].clone()
    });
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[test]
fn a_network_that_does_not_fit_is_refused() {
    let world = World::new();
    world.run("train --data set --hidden 8 --epochs 1 --checkpoint first.ckpt").succeeded();
    let refused = |options: &str, code: i32| {
        let run = world.run(&format!("train --from first.ckpt {options}"));
        assert_eq!((run.code, &*run.stdout), (Some(code), ""), "{options}");
        run.stderr
    };
    for option in ["--hidden 7", "--layers 20,7,3", "--activation relu", "--cost mse"] {
        let said = refused(&format!("--data set {option}"), 2);
        assert!(said.starts_with("error: the argument '--from <FILE>' cannot be used with '"), "{said}");
    }
    let said = refused("--dataset synthetic --synthetic-size 50,10", 1);
    assert!(said.starts_with("error: ") && said.contains("784") && said.contains("20"), "{said}");
}
