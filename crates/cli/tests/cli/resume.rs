//! `train --resume`, `--checkpoint-every` and `--keep`.

use crate::world::{TRAINING, World};
use minibatch::activation::Identity;
use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Settings, Trainer};
use std::fs;

const TRAIN: &str = "train --data set --recipe tutorial --hidden 8 --epochs 3 --seed 5";
/// Steps of an epoch. The last of its minibatches of 16 is a smaller one.
const STEPS: u64 = TRAINING.div_ceil(16) as u64;

/// The hash that two runs share if they agree in everything but time, and the number of steps done.
fn compared(world: &World, file: &str) -> (String, u64) {
    let info = &world.json(&format!("info {file}"))[0];
    let epochs = info["history"].as_array().unwrap().len() as u64;
    let steps = epochs * STEPS + info["position"].as_u64().unwrap().div_ceil(16);
    (info["compared_hash"].as_str().unwrap().to_owned(), steps)
}

#[test]
fn a_resumed_run_ends_as_an_uninterrupted_one() {
    let world = World::new();
    // The network is so large that a step takes longer than a save. If snapshots come faster, some aren't saved.
    let train = TRAIN.replace("--hidden 8", "--hidden 400,300");
    world.run(&format!("{train} --checkpoint whole.ckpt")).succeeded();
    let whole = compared(&world, "whole.ckpt");
    let save = "--checkpoint cut.ckpt --checkpoint-every 5steps --keep 60 --isa portable --threads 1";
    world.run(&format!("{train} {save}")).succeeded();
    assert_eq!(compared(&world, "cut.ckpt"), whole);

    let kept: Vec<String> =
        (1..60).map(|age| format!("cut.ckpt.{age}")).filter(|file| world.path(file).exists()).collect();
    assert!(!kept.is_empty());
    let mut isas = Isa::fused().into_iter().cycle();
    let mut within_an_epoch = 0;
    for (age, file) in kept.iter().enumerate() {
        let (_, steps) = compared(&world, file);
        // A checkpoint is made at the steps asked for, or as the best after an epoch.
        assert!(steps.is_multiple_of(5) || steps.is_multiple_of(STEPS), "{file}: {steps} steps");
        within_an_epoch += usize::from(!steps.is_multiple_of(STEPS));
        let (threads, isa) = (1 + age % 3, isas.next().unwrap());
        let go_on = format!(
            "train --data set --resume {file} --checkpoint on.ckpt --overwrite --threads {threads} --isa {isa}"
        );
        let events = world.json(&go_on);
        let done = (steps / STEPS, events[0]["resumed"]["epochs"].as_u64().unwrap());
        assert_eq!(
            (done.0, events.len() as u64),
            (done.1, 2 + 3 - done.0),
            "the plan, the epochs left, the end"
        );
        assert_eq!(compared(&world, "on.ckpt"), whole, "{go_on}");
    }
    assert!(within_an_epoch > 0, "{kept:?}");
}

#[test]
fn an_extended_run_is_one_started_with_more_epochs() {
    let world = World::new();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt")).succeeded();
    let first = compared(&world, "run.ckpt");
    let longer = TRAIN.replace("--epochs 3", "--epochs 5");
    world.run(&format!("{longer} --checkpoint whole.ckpt")).succeeded();
    let resumed = world.run("train --data set --resume run.ckpt --epochs 5");
    assert!(
        resumed.succeeded().contains("\nresumed           run.ckpt as of the end of epoch 3\n"),
        "{}",
        resumed.stdout
    );
    assert!(resumed.stdout.contains("\nepochs            5\n"));
    assert!(!resumed.stdout.contains("epoch 3/5") && resumed.stdout.contains("\nepoch 4/5"));
    assert_eq!(compared(&world, "run.ckpt"), compared(&world, "whole.ckpt"));
    assert_ne!(compared(&world, "run.ckpt"), first);
}

#[test]
fn a_finished_run_is_left_as_it_is() {
    let world = World::new();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt")).succeeded();
    let before = fs::read(world.path("run.ckpt")).unwrap();
    let events = world.json("train --data set --resume run.ckpt --keep 3");
    assert_eq!((events.len(), &events[1]["event"]), (2, &"end".into()));
    assert_eq!(fs::read(world.path("run.ckpt")).unwrap(), before);
    assert!(!world.path("run.ckpt.1").exists());
    // A run that is kept in another file is a copy.
    world.run("train --data set --resume run.ckpt --checkpoint copy.ckpt").succeeded();
    assert_eq!(fs::read(world.path("copy.ckpt")).unwrap(), before);
}

#[test]
fn what_contradicts_the_recorded_run_is_refused() {
    let world = World::new();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt")).succeeded();
    let before = fs::read(world.path("run.ckpt")).unwrap();
    for (options, message) in [
        (
            "--hidden 9",
            "run.ckpt can't go on with other settings: --hidden is recorded as 8, asked for is 9; leave them out, or start a new run",
        ),
        (
            "--hidden 8,8",
            "run.ckpt can't go on with other settings: --hidden is recorded as 8, asked for is 8,8; leave them out, or start a new run",
        ),
        (
            "--learning-rate 0.5 --batch-size 8 --seed 6",
            "run.ckpt can't go on with other settings: --learning-rate is recorded as 3, asked for is 0.5; \
             --batch-size is recorded as 16, asked for is 8; --seed is recorded as 5, asked for is 6; leave them out, \
             or start a new run; --change-settings sets learning rate and schedule for the rest of the run",
        ),
        ("--epochs 2", "--epochs 2: run.ckpt is in epoch 3 already"),
    ] {
        let run = world.run(&format!("train --data set --resume run.ckpt {options}"));
        assert_eq!(
            (run.code, &*run.stdout, run.stderr),
            (Some(2), "", format!("error: {message}")),
            "{options}"
        );
    }
    let run = world.run("train --data set --resume run.ckpt --isa matrixmultiply");
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .starts_with("error: --isa matrixmultiply: the recorded run's arithmetic is another, that of "),
        "{}",
        run.stderr
    );
    assert_eq!(fs::read(world.path("run.ckpt")).unwrap(), before);
    // The recorded settings, said again, contradict nothing.
    world
        .run("train --data set --resume run.ckpt --hidden 8 --learning-rate 3 --batch-size 16 --seed 5")
        .succeeded();
}

/// A changed run says so, is repeated with its changes, and is still the same run.
#[test]
fn settings_change_where_that_is_asked_for() {
    let world = World::new();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt --keep 2")).succeeded();
    let refused = world.run("train --data set --resume run.ckpt --epochs 4 --schedule step(1)");
    let message = "error: run.ckpt can't go on with other settings: --schedule is recorded as constant, asked for is \
                   step(1.0,0.1); leave them out, or start a new run; --change-settings sets learning rate and schedule \
                   for the rest of the run";
    assert_eq!((refused.code, &*refused.stderr), (Some(2), message));
    let changed =
        world.run("train --data set --resume run.ckpt --keep 2 --epochs 5 --change-settings --learning-rate 0.5 --schedule linear(0)");
    let rows = "\nchanged           learning rate 3 → 0.5 at the end of epoch 3\n\
                changed           schedule constant → linear(0.0,0.0) over 65 steps at the end of epoch 3\n";
    assert!(changed.succeeded().contains(rows), "{}", changed.stdout);
    assert!(changed.stdout.contains("\nlearning rate η   0.5\n"), "{}", changed.stdout);
    assert!(changed.stdout.contains("\nschedule of η     linear(0.0,0.0)\n"), "{}", changed.stdout);
    // Within an epoch too.
    let folder = world.path("set");
    let data = Dataset::map(&folder.join("train-images-idx3-ubyte"), &folder.join("train-labels-idx1-ubyte"))
        .unwrap();
    let mut recorded = Checkpoint::load(&world.path("run.ckpt")).unwrap();
    recorded.settings.epochs = 6;
    let mut trainer = Trainer::resume(&Pool::new(Isa::detect(), 1).unwrap(), &data, recorded).unwrap();
    trainer.advance(4).unwrap();
    trainer.save(&world.path("within.ckpt")).unwrap();
    let change = "--change-settings --learning-rate 0.25";
    world.run(&format!("train --data set --resume within.ckpt --checkpoint on.ckpt {change}")).succeeded();
    for file in ["run.ckpt", "run.ckpt.1", "on.ckpt"] {
        world.run(&format!("verify {file} --data set --threads 2")).succeeded();
    }
    let info = world.run("info on.ckpt");
    assert!(info.succeeded().contains(rows), "{}", info.stdout);
    assert!(
        info.stdout.contains("\nchanged           learning rate 0.5 → 0.25 at step 4 of epoch 6\n"),
        "{}",
        info.stdout
    );
    let changes = &world.json("info on.ckpt")[0]["changes"];
    assert_eq!(changes[0].to_string(), r#"{"new":0.5,"old":3.0,"setting":"learning-rate","step":39}"#);
    // A change alone is saved, though no step follows it.
    let before = compared(&world, "run.ckpt");
    world.run("train --data set --resume run.ckpt --change-settings --learning-rate 0.75").succeeded();
    assert_ne!(compared(&world, "run.ckpt"), before);
    world.run("verify run.ckpt --data set").succeeded();
    // What changes nothing is none.
    let plan = &world.json("train --data set --resume run.ckpt --change-settings --learning-rate 0.75")[0];
    assert_eq!(plan["changes"].as_array().unwrap().len(), 3);
}

#[test]
fn other_data_are_refused() {
    let world = World::new();
    world.run(&format!("{TRAIN} --checkpoint run.ckpt")).succeeded();
    for (name, message) in [
        (
            "train-images-idx3-ubyte",
            "other: expected the training set of run.ckpt (205 examples, fingerprint ",
        ),
        (
            "train-labels-idx1-ubyte",
            "other: expected the training set of run.ckpt (205 examples, fingerprint ",
        ),
        ("t10k-images-idx3-ubyte", "other: expected the test set of run.ckpt (60 examples, fingerprint "),
    ] {
        world.write_set("other");
        let file = world.path(&format!("other/{name}"));
        let mut bytes = fs::read(&file).unwrap();
        // The last label becomes another label.
        let last = bytes.last_mut().unwrap();
        *last = if name.contains("labels") { (*last + 1) % 3 } else { *last ^ 1 };
        fs::write(&file, bytes).unwrap();
        for command in ["train --epochs 4 --resume", "verify"] {
            let run = world.run(&format!("{command} run.ckpt --data other"));
            assert_eq!((run.code, &*run.stdout), (Some(1), ""), "{name}");
            assert!(run.stderr.starts_with(&format!("error: {message}")), "{}", run.stderr);
        }
    }
    // The same data elsewhere are the same data.
    world.write_set("moved");
    world.run("train --resume run.ckpt --data moved --epochs 4").succeeded();
}

#[test]
fn the_second_opinion_goes_on_as_such() {
    let world = World::new();
    world.run(&format!("{TRAIN} --isa matrixmultiply --checkpoint run.ckpt")).succeeded();
    let plan = &world.json("train --data set --resume run.ckpt --epochs 4")[0];
    assert_eq!(plan["isa"], "matrixmultiply");
}

#[test]
fn older_ones_and_the_best_are_kept() {
    let world = World::new();
    // The training takes two runs. In one run the checkpoints come so fast that the writer may leave out all but the last.
    let mut events = world.json(&format!("{TRAIN} --learning-rate 30 --checkpoint run.ckpt --keep 2"));
    events.truncate(4);
    events.extend(world.json("train --data set --resume run.ckpt --epochs 9 --keep 2").split_off(1));
    let accuracies: Vec<f64> =
        events[1..10].iter().map(|epoch| epoch["test"]["accuracy"].as_f64().unwrap()).collect();
    let best = accuracies.iter().copied().fold(0.0, f64::max);
    let best = 1 + accuracies.iter().position(|accuracy| *accuracy == best).unwrap();
    let epochs = |file: &str| world.json(&format!("info {file}"))[0]["history"].as_array().unwrap().len();
    assert_eq!((epochs("run.ckpt"), epochs("run.best.ckpt")), (9, best));
    assert!(epochs("run.ckpt.1") < 9 && !world.path("run.ckpt.2").exists());
}

/// A network without bounds, which the command doesn't make by itself yet, at a learning rate far too large.
#[test]
fn a_run_that_leaves_the_finite_numbers_keeps_what_was_saved() {
    let world = World::new();
    let folder = world.path("set");
    let data = Dataset::map(&folder.join("train-images-idx3-ubyte"), &folder.join("train-labels-idx1-ubyte"))
        .unwrap();
    let pool = Pool::new(Isa::detect(), 1).unwrap();
    let network = Network::builder(20).layer_with(5, Identity).layer_with(3, Identity).build().unwrap();
    let settings = Settings { learning_rate: 0.001, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &data, network, settings).unwrap();
    trainer.epoch().unwrap();
    let mut recorded: Checkpoint = trainer.checkpoint();
    recorded.settings.learning_rate = 1e6;
    recorded.save(&world.path("run.ckpt")).unwrap();
    let run = world.run("train --data set --resume run.ckpt --checkpoint-every 1steps");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.starts_with("error: step "), "{}", run.stderr);
    assert!(run.stderr.contains(" of epoch 2: the "), "{}", run.stderr);
    let (_, kept) =
        run.stderr.split_once(": stopped before the update; try a smaller learning rate; ").unwrap();
    let info = &world.json("info run.ckpt")[0];
    let step = info["position"].as_u64().unwrap() / 16;
    assert_eq!(kept, format!("run.ckpt holds the run as of step {step} of epoch 2"));
    assert!(run.stderr.starts_with(&format!("error: step {} of epoch 2: ", step + 1)), "{}", run.stderr);
}

/// A run that was begun with the plain split of earlier versions goes on with it, and is verified by it.
#[test]
fn a_run_keeps_the_split_that_it_was_begun_with() {
    let world = World::new();
    let file = |kind: &str| world.path(&format!("set/train-{kind}-ubyte"));
    let train = Dataset::read(&file("images-idx3"), &file("labels-idx1")).unwrap();
    let (fraction, seed) = (0.2, 5);
    let [plain, stratified] =
        [train.split(fraction, seed), train.split_stratified(fraction, seed)].map(|parts| parts.unwrap().0);
    assert_ne!(plain.fingerprint(), stratified.fingerprint(), "two splits");
    let pool = Pool::detect().unwrap();
    for (data, name) in [(&plain, "plain.ckpt"), (&stratified, "stratified.ckpt")] {
        let network = Network::builder(20).layer(8).layer(3).build().unwrap();
        let settings = Settings { epochs: 2, seed, ..Settings::default() };
        let mut trainer = Trainer::new(&pool, data, network, settings).unwrap();
        trainer.advance(5).unwrap();
        trainer.save(&world.path(name)).unwrap();
        world
            .run(&format!("train --data set --recipe tutorial --validation-split {fraction} --resume {name}"))
            .succeeded();
        world.run(&format!("verify {name} --data set --validation-split {fraction}")).succeeded();
    }
    // No split of another fraction gives the recorded training set.
    let run = world.run("verify plain.ckpt --data set --validation-split 0.3");
    assert!(run.stderr.contains("expected the training set of plain.ckpt"), "{}", run.stderr);
}
