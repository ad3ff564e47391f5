//! Settings, epochs, evaluations and origins in serde's formats, here JSON: names that stay, and the way back.

use minibatch::data::Order;
use minibatch::optimizer::Groups;
use minibatch::{
    ClassWeights, EarlyStopping, Epoch, Evaluation, Fit, Initializer, Monitor, Optimizer, Origin, Score,
    Settings, Ties,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Checks that `value` is `text`, and `text` is `value`.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).expect("JSON"), text);
    assert_eq!(&serde_json::from_str::<T>(text).expect(text), value);
}

#[test]
fn records_of_a_run() {
    let classes = Evaluation { cost: 0.5, examples: 4, score: Score::Classes { correct: 1 } };
    both_ways(
        &Epoch {
            number: 3,
            cost: 0.125,
            correct: Some(7),
            learning_rate: Some(0.25),
            validation: Some(classes),
            test: Some(classes),
            seconds: 1.5,
        },
        r#"{"epoch":3,"cost":0.125,"correct":7,"learning_rate":0.25,"validation":{"cost":0.5,"accuracy":0.25,"correct":1,"examples":4},"test":{"cost":0.5,"accuracy":0.25,"correct":1,"examples":4},"training_seconds":1.5}"#,
    );
    both_ways(
        &Epoch {
            number: 1,
            cost: 2.0,
            correct: None,
            learning_rate: None,
            validation: None,
            test: None,
            seconds: 0.0,
        },
        r#"{"epoch":1,"cost":2.0,"test":null,"training_seconds":0.0}"#,
    );
    let fit = Fit { rmse: 0.5, mae: 0.25, r_squared: -1.0 };
    both_ways(
        &Evaluation { cost: 0.25, examples: 2, score: Score::Values(fit) },
        r#"{"cost":0.25,"rmse":0.5,"mae":0.25,"r_squared":-1.0,"examples":2}"#,
    );
    both_ways(
        &Origin { initializer: Initializer::HeUniform, seed: 7, zero_output_layer: false },
        r#"{"initializer":"he-uniform","seed":7}"#,
    );
    both_ways(
        &Origin { initializer: Initializer::Zeros, seed: 7, zero_output_layer: true },
        r#"{"initializer":"zeros","seed":7,"zero_output_layer":true}"#,
    );
}

const STOPPING: &str =
    r#"{"patience":3,"least_gain":0.5,"monitor":"accuracy","ties":"last","restore_best":false}"#;
const GROUPS: &str = r#""groups":{"weights":1.0,"biases":0.5,"layers":[],"fan_in":true},"input_scaling":6.0"#;

#[test]
fn settings_of_every_optimizer_and_initializer() {
    for optimizer in Optimizer::all() {
        let text = format!(
            r#"{{"optimizer":"{optimizer}","learning_rate":0.5,"schedule":"one-cycle(0.3,25.0,10000.0)",{GROUPS},"l2":0.25,"l1":0.5,"weight_decay":0.125,"max_norm":3.0,"label_smoothing":0.1,"average":"ema(0.999)","clip":"norm(1.0)","noise":[null,"dropout(0.5)"],"augment":["shift(1.0)","mixup(0.2)"],"batch_size":8,"epochs":2,"drop_last":true,"order":"in-order","early_stopping":{STOPPING},"class_weights":{{"list":[0.5,2.0]}},"seed":18446744073709551615}}"#
        );
        let settings = Settings {
            optimizer,
            learning_rate: 0.5,
            schedule: "one-cycle".parse().expect("a schedule"),
            groups: Groups { biases: 0.5, fan_in: true, ..Groups::default() },
            input_scaling: Some(6.0),
            l2: 0.25,
            l1: 0.5,
            weight_decay: 0.125,
            max_norm: Some(3.0),
            label_smoothing: 0.1,
            average: Some("ema".parse().expect("averaging")),
            clip: Some("norm".parse().expect("clipping")),
            noise: vec![None, Some("dropout".parse().expect("noise"))],
            augment: ["shift", "mixup"].map(|text| text.parse().expect("augmentation")).into(),
            batch_size: 8,
            epochs: 2,
            drop_last: true,
            order: Order::InOrder,
            early_stopping: Some(EarlyStopping {
                patience: 3,
                least_gain: 0.5,
                monitor: Monitor::Accuracy,
                ties: Ties::Last,
                restore_best: false,
            }),
            class_weights: ClassWeights::List(vec![0.5, 2.0]),
            seed: u64::MAX,
        };
        both_ways(&settings, &text);
    }
    for initializer in Initializer::ALL {
        both_ways(&initializer, &format!("\"{}\"", initializer.name()));
    }
    for (text, part) in [
        (r#"{"optimizer":"adam(2)"}"#, "optimiser 'adam(2)': expected"),
        (r#"{"optimizer":"mine"}"#, "unknown optimiser 'mine'"),
        (r#"{"batch_size":-1}"#, "invalid value"),
    ] {
        let error = serde_json::from_str::<Settings>(text).expect_err(text).to_string();
        assert!(error.contains(part), "{error}");
    }
}
