//! Layers, activations, costs, initialisers, validation, regression and data without files.

use crate::world::{TRAINING, World};
use minibatch_data::write_idx_f32;
use serde_json::Value;
use std::fs::{self, File};

const SYNTHETIC: &str = "--dataset synthetic --synthetic-size 300,50";

#[test]
fn every_choice_is_recorded_and_repeated() {
    let world = World::new();
    let chosen = "--layers 20,9,7,3 --activation leaky-relu(0.25) --output-activation softmax \
                  --cost categorical-cross-entropy --init he-normal --learning-rate 0.1 --validation-split 0.2";
    let events = world.json(&format!("train --data set {chosen} --epochs 3 --checkpoint run.ckpt"));
    assert_eq!(events[0]["activations"].to_string(), r#"["leaky-relu(0.25)","leaky-relu(0.25)","softmax"]"#);
    assert_eq!(
        (&events[0]["training_examples"], &events[0]["validation_examples"]),
        (&164.into(), &41.into())
    );
    assert_eq!(events[1]["validation"]["examples"], 41);
    assert!(events[4]["chosen"]["test"]["accuracy"].as_f64().unwrap() > 0.5);
    let info = &world.json("info run.ckpt")[0];
    assert_eq!(
        (&info["initializer"], &info["cost"]),
        (&"he-normal".into(), &"categorical-cross-entropy".into())
    );
    world.run("verify run.ckpt --data set --validation-split 0.2").succeeded();
    let run = world.run("verify run.ckpt --data set");
    assert!(run.stderr.ends_with("a run that set some aside with --validation-split needs that again"));
    world.run(&format!("train --data set --resume run.ckpt {chosen} --epochs 4")).succeeded();
    let run = world.run("train --data set --resume run.ckpt --validation-split 0.2 --cost mse --init zeros");
    let message = "error: run.ckpt can't go on with other settings: --cost is recorded as categorical-cross-entropy, \
                   asked for is mse; --init is recorded as he-normal, asked for is zeros; leave them out, or start a \
                   new run";
    assert_eq!((run.code, &*run.stderr), (Some(2), message));
}

#[test]
fn every_optimizer_is_recorded_repeated_and_gone_on_with() {
    let world = World::new();
    for (asked, recorded, rate) in [
        ("momentum", "momentum(0.9)", 0.1),
        ("nesterov(0.8)", "nesterov(0.8)", 0.1),
        ("adam(0.9,0.99)", "adam(0.9,0.99,1e-8)", 0.001),
        ("adamw", "adamw(0.9,0.999,1e-8,0.01)", 0.001),
    ] {
        let train = format!(
            "train --data set --recipe tutorial --hidden 8 --optimizer {asked} --checkpoint run.ckpt"
        );
        let plan = &world.json(&format!("{train} --overwrite --epochs 4"))[0];
        assert_eq!((&plan["optimizer"], &plan["learning_rate"]), (&recorded.into(), &rate.into()));
        let whole = world.json("info run.ckpt")[0]["compared_hash"].clone();
        world.run("verify run.ckpt --data set --isa portable").succeeded();
        // The run goes on with the same options, and without them.
        world.run(&format!("{train} --overwrite --epochs 2")).succeeded();
        world.run(&format!("{train} --resume run.ckpt --epochs 3")).succeeded();
        world.run("train --data set --resume run.ckpt --epochs 4 --threads 2").succeeded();
        let info = &world.json("info run.ckpt")[0];
        assert_eq!((&info["optimizer"], &info["compared_hash"]), (&recorded.into(), &whole));
        assert_eq!(info["optimizer_steps"], 4 * TRAINING.div_ceil(16));
    }
    let text = world.run("info run.ckpt");
    let line = "\noptimiser         adamw(0.9,0.999,1e-8,0.01), 2 moments of each parameter after 52 steps\n";
    assert!(text.succeeded().contains(line), "{}", text.stdout);
    let run = world.run("train --data set --resume run.ckpt --optimizer adam --epochs 5");
    let message = "error: run.ckpt can't go on with other settings: --optimizer is recorded as \
                   adamw(0.9,0.999,1e-8,0.01), asked for is adam(0.9,0.999,1e-8); leave them out, or start a new run";
    assert_eq!((run.code, &*run.stderr), (Some(2), message));
}

#[test]
fn every_schedule_is_recorded_repeated_and_gone_on_with() {
    let world = World::new();
    for (asked, recorded) in [
        ("step(1)", "step(1.0,0.1)"),
        ("multi-step(0.5,1,2.5)", "multi-step(0.5,1.0,2.5)"),
        ("cosine(0.1,0.25)", "cosine(0.1,0.25)"),
        ("plateau(0.5,0,0.9)", "plateau(0.5,0.0,0.9,0.0)"),
    ] {
        let train = format!(
            "train --data set --recipe tutorial --hidden 8 --schedule {asked} --checkpoint run.ckpt --epochs 4"
        );
        let plan = &world.json(&format!("{train} --overwrite"))[0];
        assert_eq!(plan["schedule"], recorded);
        let whole = world.json("info run.ckpt")[0]["compared_hash"].clone();
        world.run("verify run.ckpt --data set").succeeded();
        // The best epoch of the run is an earlier one, if not the last: the run goes on from wherever it was saved.
        world.run(&format!("{train} --overwrite --checkpoint-every 1steps --keep 9")).succeeded();
        for age in (1..9).filter(|age| world.path(&format!("run.ckpt.{age}")).exists()) {
            let resume = format!("train --data set --resume run.ckpt.{age} --checkpoint on.ckpt --overwrite");
            world.run(&format!("{resume} --schedule {asked}")).succeeded();
            assert_eq!(world.json("info on.ckpt")[0]["compared_hash"], whole, "{asked}");
        }
        let text = world.run("info run.ckpt");
        assert!(text.succeeded().contains(&format!("\nschedule of η     {recorded}\n")), "{}", text.stdout);
    }
    let run = world.run("train --data set --resume run.ckpt --schedule constant --epochs 5");
    let message = "error: run.ckpt can't go on with other settings: --schedule is recorded as plateau(0.5,0.0,0.9,0.0), \
                   asked for is constant; leave them out, or start a new run; --change-settings sets learning rate and \
                   schedule for the rest of the run";
    assert_eq!((run.code, &*run.stderr), (Some(2), message));
}

#[test]
fn an_output_layer_may_start_at_0() {
    let world = World::new();
    let train = "train --data set --recipe tutorial --hidden 8 --epochs 2 --activation mish --init he-normal --learning-rate 0.1";
    let plan = world.run(&format!("{train} --zero-output-layer --checkpoint run.ckpt"));
    let row = "\ninitial values    he-normal: weights from N(0, 2/n_in), biases 0; 0 in the output layer\n";
    assert!(plan.succeeded().contains(row), "{}", plan.stdout);
    let info = world.run("info run.ckpt");
    assert!(info.succeeded().contains(&row.replace("layer\n", "layer, seed 14\n")), "{}", info.stdout);
    assert_eq!(world.json("info run.ckpt")[0]["zero_output_layer"], true);
    world.run("verify run.ckpt --data set").succeeded();
    world.run("train --data set --resume run.ckpt --epochs 3 --zero-output-layer").succeeded();
    world.run(&format!("{train} --checkpoint drawn.ckpt")).succeeded();
    assert_ne!(
        world.json("info run.ckpt")[0]["weight_hash"],
        world.json("info drawn.ckpt")[0]["weight_hash"]
    );
    let run = world.run("train --data set --resume drawn.ckpt --epochs 3 --zero-output-layer");
    let message = "error: drawn.ckpt can't go on with other settings: --zero-output-layer is asked for, but the recorded \
                   output layer didn't start at 0; leave them out, or start a new run";
    assert_eq!((run.code, &*run.stderr), (Some(2), message));
}

/// The recipe fits what is chosen. The tutorial's own network has the tutorial's recipe, said or not.
#[test]
fn what_is_left_unsaid_fits_what_is_chosen() {
    let world = World::new();
    let plan = |options: &str| world.json(&format!("train --data set --epochs 1 {options}"))[0].clone();
    let tutorial = ["\"standard-normal\"", "3.0", "\"constant\"", "\"quadratic\"", "\"sigmoid\""];
    let auto =
        ["\"glorot-sigmoid\"", "0.4", "\"linear(0.2,0.0)\"", "\"categorical-cross-entropy\"", "\"softmax\""];
    for (options, recipe, expected) in [
        ("", "tutorial", tutorial),
        ("--hidden 32 --activation sigmoid --cost quadratic --optimizer sgd --seed 3", "tutorial", tutorial),
        ("--hidden 9 --recipe tutorial", "tutorial", tutorial),
        ("--hidden 9", "auto", auto),
        ("--recipe auto", "auto", auto),
        (
            "--hidden 9,9 --learning-rate 0.5",
            "auto",
            ["\"glorot-sigmoid\"", "0.5", auto[2], auto[3], auto[4]],
        ),
        ("--activation relu", "auto", ["\"he-normal\"", "0.1", auto[2], auto[3], auto[4]]),
        ("--activation relu --optimizer adam", "auto", ["\"he-normal\"", "0.002", auto[2], auto[3], auto[4]]),
        ("--cost hinge", "auto", ["\"glorot-sigmoid\"", "0.4", auto[2], "\"hinge\"", "\"identity\""]),
        (
            "--hidden 9 --output-activation sigmoid",
            "auto",
            ["\"glorot-sigmoid\"", "0.4", auto[2], "\"binary-cross-entropy\"", "\"sigmoid\""],
        ),
    ] {
        let plan = plan(options);
        let output = plan["activations"].as_array().unwrap().last().unwrap();
        let found = [&plan["initializer"], &plan["learning_rate"], &plan["schedule"], &plan["cost"], output];
        assert_eq!(found.map(Value::to_string), expected, "{options}");
        assert_eq!(plan["recipe"], recipe, "{options}");
    }
}

/// A note tells of choices that learn badly together.
#[test]
fn choices_that_learn_badly_are_told() {
    let world = World::new();
    for (options, note) in [
        (
            "--recipe tutorial --activation relu",
            "weights from N(0, 1) saturate relu from the start; it usually learns better with --init he-normal",
        ),
        (
            "--cost mae --output-activation identity",
            "mae is least where all outputs are 0, since most targets of classes are; leave out --cost for one that learns classes better",
        ),
        (
            "--cost hinge --output-activation tanh",
            "hinge asks for outputs beyond −1 and 1, which tanh doesn't reach; leave out --cost for one that learns classes better",
        ),
        (
            "--output-activation relu",
            "an output of relu that falls far below 0 learns no more; classes are learned better with --output-activation softmax",
        ),
        (
            "--hidden 5,5 --cost mse --output-activation elu",
            "mse after elu punishes answers that are more than right; classes are learned better with --output-activation softmax",
        ),
        (
            "--activation identity --cost hinge",
            "a linear network with outputs of identity learns classes badly; they are learned better with --output-activation softmax",
        ),
        (
            "--hidden 5 --output-activation sigmoid",
            "a layer of 5 neurons can hardly keep 3 classes apart with binary-cross-entropy and sigmoid; classes are learned \
             better with more neurons, or with --output-activation softmax and --cost categorical-cross-entropy",
        ),
    ] {
        let run = world.run(&format!("train --data set --epochs 1 {options}"));
        assert_eq!(
            (run.code, run.stderr_without_findings()),
            (Some(0), format!("note: {note}")),
            "{options}"
        );
    }
    for options in [
        "--activation relu",
        "--hidden 5",
        "--hidden 8,8 --activation relu --cost mse --output-activation identity",
        "--recipe tutorial --hidden 9",
        "--recipe tutorial --activation relu --init zeros",
    ] {
        world.run(&format!("train --data set --epochs 1 {options}")).succeeded();
    }
}

/// Bytes saved as floats are an example.
#[test]
fn inputs_far_from_1_are_told() {
    let world = World::new();
    let note = "note: the inputs are 147 in size (root mean square); scale them to about 1, from which networks learn better; a file of bytes is scaled as it is read";
    for (scale, expected) in [(1.0, note), (1.0 / 255.0, "")] {
        let pixels: Vec<f32> = (0..TRAINING * 20).map(|i| scale * (i * 37 % 256) as f32).collect();
        let mut file = File::create(world.path("set/train-images-idx3-ubyte")).unwrap();
        write_idx_f32(&mut file, &[TRAINING, 4, 5], &pixels).unwrap();
        let run = world.run("train --data set --recipe tutorial --epochs 1");
        assert_eq!((run.code, &*run.stderr_without_findings()), (Some(0), expected), "times {scale}");
    }
}

#[test]
fn synthetic_digits_need_no_files() {
    let world = World::empty();
    let events = world.json(&format!("train {SYNTHETIC} --epochs 1 --checkpoint run.ckpt"));
    assert_eq!(
        (&events[0]["data"], &events[0]["layers"].to_string()[..]),
        (&"synthetic".into(), "[784,32,10]")
    );
    let evaluated = &world.json(&format!("eval run.ckpt {SYNTHETIC}"))[0];
    assert_eq!(evaluated["test"], events[1]["test"]);
}

#[test]
fn values_are_learnt_by_regression() {
    let world = World::new();
    world.write_values();
    let events = world.json("train --data set --task regression --epochs 3 --checkpoint run.ckpt");
    assert_eq!(events[0]["activations"].to_string(), r#"["sigmoid","identity"]"#);
    let test = &events[3]["test"];
    // The quadratic cost is half the mean square.
    let rmse = test["rmse"].as_f64().unwrap();
    assert!((rmse * rmse / 2.0 - test["cost"].as_f64().unwrap()).abs() < 1e-6, "{test}");
    assert_eq!(&world.json("eval run.ckpt --data set")[0]["test"], test);
    world.run("verify run.ckpt --data set").succeeded();
}

/// The best epoch of `--keep` is the one that the validation set chooses, also across an interruption.
#[test]
fn the_validation_set_chooses_the_best_checkpoint() {
    let world = World::new();
    let train = "train --data set --recipe tutorial --validation-split 0.3 --seed 5 --hidden 8 --learning-rate 30 --keep 1";
    let best =
        |file: &str| world.json(&format!("info {file}.best.ckpt"))[0]["history"].as_array().unwrap().len();
    let epochs = 9;
    let events = world.json(&format!("{train} --epochs {epochs} --checkpoint run.ckpt"));
    let results: Vec<f64> =
        events[1..=epochs].iter().map(|epoch| epoch["validation"]["accuracy"].as_f64().unwrap()).collect();
    let largest = results.iter().copied().fold(0.0, f64::max);
    let chosen = 1 + results.iter().position(|result| *result == largest).unwrap();
    assert_eq!(
        (best("run"), &events[epochs + 1]["chosen"]["epoch"]),
        (chosen, &chosen.into()),
        "{results:?}"
    );

    // A run that is stopped after the best epoch still knows of it when it goes on.
    assert!(chosen < epochs, "the seed must choose an epoch before the last: {results:?}");
    world.run(&format!("{train} --epochs {chosen} --checkpoint cut.ckpt")).succeeded();
    let resume = format!(
        "train --data set --recipe tutorial --validation-split 0.3 --resume cut.ckpt --keep 1 --epochs {epochs}"
    );
    let end = world.json(&resume).pop().unwrap();
    assert_eq!((best("cut"), &end["chosen"]["epoch"]), (chosen, &chosen.into()));

    let plan = world.run(&format!("{train} --epochs 1 --checkpoint other.ckpt"));
    let line = "\ncheckpoint        other.ckpt after every epoch, the newest and the best on the validation set kept\n";
    assert!(plan.succeeded().contains(line), "{}", plan.stdout);
}

/// Pixels and labels of every type that an IDX file can have.
#[test]
fn every_type_of_idx_file_is_read() {
    /// Big-endian bytes of a number.
    type Bytes = fn(u8) -> Vec<u8>;
    let types: [(u8, &str, Bytes); 6] = [
        (0x08, "ubyte", |x| vec![x]),
        (0x09, "byte", |x| vec![x]),
        (0x0b, "short", |x| i16::from(x).to_be_bytes().to_vec()),
        (0x0c, "int", |x| i32::from(x).to_be_bytes().to_vec()),
        (0x0d, "float", |x| f32::from(x).to_be_bytes().to_vec()),
        (0x0e, "double", |x| f64::from(x).to_be_bytes().to_vec()),
    ];
    let world = World::empty();
    for (element, name, bytes) in types {
        fs::create_dir(world.path(name)).unwrap();
        for half in ["train", "t10k"] {
            let write = |kind: &str, dims: &[u8], values: &[u8]| {
                let mut file = vec![0, 0, element, dims.len() as u8];
                dims.iter().for_each(|&dim| file.extend(u32::from(dim).to_be_bytes()));
                values.iter().for_each(|&value| file.extend(bytes(value)));
                let rank = dims.len();
                fs::write(world.path(&format!("{name}/{half}-{kind}-idx{rank}-{name}")), file).unwrap();
            };
            write("images", &[30, 2, 3], &(0..180).map(|i| i % 10).collect::<Vec<u8>>());
            write("labels", &[30], &(0..30).map(|i| i % 4).collect::<Vec<u8>>());
        }
        let (task, outputs) = if element < 0x0d { ("classification", 4) } else { ("regression", 1) };
        let plan =
            &world.json(&format!("train --data {name} --task {task} --learning-rate 0.001 --epochs 1"))[0];
        assert_eq!(
            (&plan["layers"].to_string()[..], &plan["training_examples"]),
            (&format!("[6,32,{outputs}]")[..], &30.into()),
            "{name}"
        );
    }
}

#[test]
fn the_gradients_are_checked() {
    let checked = &World::empty().json("gradcheck --threads 1")[0];
    assert_eq!(checked["passed"], true);
    assert!(checked["pairs"].as_array().unwrap().len() > 40);
    let text = World::empty().run("gradcheck --threads 1 --isa portable").succeeded().to_owned();
    assert!(text.ends_with(" pairs, on portable: the gradients are those of the costs.\n"), "{text}");
}

/// Balanced weights are the list that they stand for, and are part of the recorded run.
#[test]
fn classes_are_weighted() {
    let world = World::new();
    let train = "train --data set --recipe tutorial --hidden 8 --epochs 2";
    let hash = |options: &str, file: &str| {
        let events = world.json(&format!("{train} {options} --checkpoint {file}"));
        (events[0]["class_weights"].to_string(), events[3]["weight_hash"].clone())
    };
    let (plain, balanced) = (hash("", "plain.ckpt"), hash("--class-weights balanced", "balanced.ckpt"));
    assert_eq!((&*plain.0, &*balanced.0), (r#""none""#, r#""balanced""#));
    assert_ne!(plain.1, balanced.1);
    assert_eq!(hash("--class-weights 1,1,1", "ones.ckpt").1, plain.1);
    let labels = &fs::read(world.path("set/train-labels-idx1-ubyte")).unwrap()[8..];
    let weight = |class: u8| {
        let count = labels.iter().filter(|&&label| label == class).count();
        (TRAINING as f64 / (3 * count) as f64).to_string()
    };
    let list = [0, 1, 2].map(weight).join(",");
    let listed = hash(&format!("--class-weights {list}"), "list.ckpt");
    assert!(listed.0.starts_with(r#"{"list":[0."#), "{}", listed.0);
    assert_eq!(listed.1, balanced.1);
    world.run("verify balanced.ckpt --data set").succeeded();
    let info = world.run("info balanced.ckpt");
    assert!(info.succeeded().contains("\nclass weights     balanced\n"), "{}", info.stdout);
    world.run("train --data set --resume balanced.ckpt --epochs 3 --class-weights balanced").succeeded();
    let run = world.run("train --data set --resume balanced.ckpt --epochs 4 --class-weights 1,1,1");
    let message = "--class-weights is recorded as balanced, asked for is 1,1,1";
    assert!(run.code == Some(2) && run.stderr.contains(message), "{}", run.stderr);
}
