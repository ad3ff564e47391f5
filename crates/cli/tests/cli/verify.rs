//! `minibatch verify`.

use crate::world::World;
use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Settings, Trainer};

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --epochs 3 --seed 5 --checkpoint run.ckpt";

#[test]
fn a_recorded_run_can_be_repeated_anywhere() {
    let world = World::new();
    let hash = world.json(TRAIN).last().unwrap()["weight_hash"].clone();
    for isa in Isa::fused() {
        for threads in [1, 2, 3] {
            let verified =
                &world.json(&format!("verify run.ckpt --data set --isa {isa} --threads {threads}"))[0];
            assert_eq!((&verified["agree"], &verified["epochs"]), (&true.into(), &3.into()));
            assert_eq!(
                (&verified["replayed_weight_hash"], &verified["recorded_weight_hash"]),
                (&hash, &hash)
            );
        }
    }
    let text = world.run("verify run.ckpt --data set");
    assert!(
        text.succeeded().ends_with("\n\nThe bits agree: weights, biases and history.\n"),
        "{}",
        text.stdout
    );
    let other_class = world.run("verify run.ckpt --data set --isa matrixmultiply");
    assert_eq!((other_class.code, &*other_class.stdout), (Some(2), ""));
}

/// The file's checksums are right, so only training again can find the change.
#[test]
fn what_was_not_trained_so_is_found_out() {
    let world = World::new();
    world.run(TRAIN).succeeded();
    let path = world.path("run.ckpt");
    let recorded = Checkpoint::load(&path).unwrap();

    let mut forged = recorded.clone();
    let weight = forged.network.layers()[1].weight(0, 0);
    forged.network.layers_mut()[1].set_weight(0, 0, f32::from_bits(weight.to_bits() ^ 1));
    forged.save(&path).unwrap();
    let run = world.run("verify run.ckpt --data set");
    assert_eq!((run.code, &*run.stderr), (Some(1), "error: run.ckpt: the run could not be repeated"));
    assert!(run.stdout.ends_with("\nThe bits differ: the weights or biases.\n"), "{}", run.stdout);

    let mut forged = recorded.clone();
    forged.history[1].cost *= 0.5;
    forged.save(&path).unwrap();
    let run = world.run("verify run.ckpt --data set");
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("\nThe bits differ: epoch 2 had cost "), "{}", run.stdout);
}

#[test]
fn weights_set_by_hand_have_no_start_to_repeat() {
    let world = World::new();
    world.run(TRAIN).succeeded();
    let mut recorded = Checkpoint::load(&world.path("run.ckpt")).unwrap();
    recorded.origin = None;
    recorded.save(&world.path("run.ckpt")).unwrap();
    let run = world.run("verify run.ckpt --data set");
    assert_eq!((run.code, &*run.stdout), (Some(1), ""));
    assert!(
        run.stderr.starts_with("error: the checkpoint doesn't say what drew its first weights"),
        "{}",
        run.stderr
    );
    // The run still goes on.
    let plan = world.run("train --data set --resume run.ckpt --epochs 4");
    assert!(plan.succeeded().contains("\ninitial values    from elsewhere\n"), "{}", plan.stdout);
}

/// A run of the library, which evaluates nothing, goes on under the command.
#[test]
fn a_library_s_run_is_taken_over() {
    let world = World::new();
    let folder = world.path("set");
    let data = Dataset::map(&folder.join("train-images-idx3-ubyte"), &folder.join("train-labels-idx1-ubyte"))
        .unwrap();
    let pool = Pool::new(Isa::detect(), 1).unwrap();
    let network = Network::builder(20).layer(5).layer(3).seed(1).build().unwrap();
    let mut trainer =
        Trainer::new(&pool, &data, network, Settings { epochs: 2, ..Settings::default() }).unwrap();
    trainer.epoch().unwrap();
    trainer.save(&world.path("run.ckpt")).unwrap();
    trainer.advance(5).unwrap();
    trainer.save(&world.path("later.ckpt")).unwrap();
    for (file, steps) in [("run.ckpt", 0), ("later.ckpt", 5)] {
        let verified = &world.json(&format!("verify {file} --data set"))[0];
        assert_eq!(
            (&verified["agree"], &verified["epochs"], &verified["steps"]),
            (&true.into(), &1.into(), &steps.into())
        );
    }
    let events = world.json("train --data set --resume run.ckpt");
    assert_eq!((events.len(), &events[1]["epoch"]), (3, &2.into()));
    assert!(
        Checkpoint::load(&world.path("run.ckpt")).unwrap().history.iter().all(|epoch| epoch.test.is_some())
    );
}
