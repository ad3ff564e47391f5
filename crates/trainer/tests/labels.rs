//! Targets that are labels, and two classes with one output: the bits of training on the same numbers as values.

mod common;

use common::{Numbers, bits};
use minibatch::activation::{Relu, Sigmoid};
use minibatch::cost::BinaryCrossEntropy;
use minibatch::{
    Checkpoint, ClassWeights, Dataset, EarlyStopping, Error, Isa, Monitor, Network, Pool, Settings, Trainer,
};

const EXAMPLES: usize = 60;
const INPUTS: usize = 7;

fn inputs() -> Vec<f32> {
    Numbers::new(3).bytes(EXAMPLES * INPUTS).iter().map(|&byte| f32::from(byte) / 128.0 - 1.0).collect()
}

fn answers(width: usize) -> Vec<bool> {
    Numbers::new(8).bytes(EXAMPLES * width).iter().map(|&byte| byte > 150).collect()
}

fn numbers(answers: &[bool]) -> Vec<f32> {
    answers.iter().map(|&is| f32::from(u8::from(is))).collect()
}

fn network(outputs: usize) -> Network {
    let builder = Network::builder(INPUTS).layer_with(9, Relu).layer_with(outputs, Sigmoid).seed(4);
    builder.cost(BinaryCrossEntropy).build().expect("a network")
}

fn settings() -> Settings {
    Settings { learning_rate: 0.1, batch_size: 8, epochs: 3, seed: 2, ..Settings::default() }
}

fn pool(threads: usize) -> Pool {
    Pool::oversubscribed(Isa::detect(), threads).expect("a pool")
}

fn trained(data: &Dataset, outputs: usize) -> Trainer {
    let mut trainer = Trainer::new(&pool(2), data, network(outputs), settings()).expect("a trainer");
    trainer.set_validation(data).expect("a validation set");
    trainer.fit(Some(data), &mut ()).expect("epochs");
    trainer
}

#[test]
fn labels_are_learned_as_the_same_values() {
    let (answers, shape) = (answers(3), [INPUTS]);
    let labels = Dataset::from_labels(inputs(), &shape, &answers, 3).expect("labels");
    let values = Dataset::from_values(inputs(), &shape, numbers(&answers), 3).expect("values");
    let (of_labels, of_values) = (trained(&labels, 3), trained(&values, 3));
    assert_eq!(bits(of_labels.network()), bits(of_values.network()));
    let [one, other] = [&of_labels, &of_values].map(|trainer| *trainer.history().last().expect("epochs"));
    assert_eq!(one.cost, other.cost);
    // An example is right if all its labels are.
    let outputs = of_labels.network().predict_rows(&pool(1), &*inputs()).expect("outputs");
    let is_right = |row: usize| {
        let of_row = |i: usize| row * 3 + i;
        (0..3).all(|i| (outputs[of_row(i)] > 0.5) == answers[of_row(i)])
    };
    let right = (0..EXAMPLES).filter(|&row| is_right(row)).count();
    assert_eq!(one.test.expect("a test").correct(), Some(right));
    assert!(one.correct.is_some() && other.correct.is_none(), "values have no right answers");
    assert!(other.test.expect("a test").fit().is_some());
}

#[test]
fn one_output_tells_two_classes() {
    let answers = answers(1);
    let labels = answers.iter().map(|&is| u32::from(is)).collect();
    let classes = Dataset::from_classes(inputs(), &[INPUTS], labels).expect("classes");
    let values = Dataset::from_values(inputs(), &[INPUTS], numbers(&answers), 1).expect("values");
    let (of_classes, of_values) = (trained(&classes, 1), trained(&values, 1));
    assert_eq!(bits(of_classes.network()), bits(of_values.network()));
    let network = of_classes.network();
    assert_eq!(network.classes(), 2);
    let outputs = network.predict_rows(&pool(1), &*inputs()).expect("outputs");
    let expected: Vec<usize> = outputs.iter().map(|&p| usize::from(p > 0.5)).collect();
    assert_eq!(network.predict_classes(&pool(1), &*inputs()).expect("classes"), expected);
    let right = expected.iter().zip(&answers).filter(|(class, is)| (**class == 1) == **is).count();
    let metrics = network.metrics(&pool(2), &classes).expect("metrics");
    assert_eq!(metrics.evaluation.correct(), Some(right));
    let of_both = metrics.classes().expect("classes");
    assert_eq!(of_both.by_class.len(), 2);
    assert_eq!(of_both.confusion.as_ref().map(|matrix| matrix[0][0] + matrix[1][1]), Some(right));
    // The cost of such a network is the log loss.
    let loss = of_both.log_loss.expect("probabilities");
    assert!((loss - metrics.evaluation.cost).abs() < 1e-6 * loss, "{loss} {}", metrics.evaluation.cost);
    // Weights of both classes, and smoothing.
    let settings =
        Settings { class_weights: ClassWeights::List(vec![1.0, 3.0]), label_smoothing: 0.2, ..settings() };
    let mut weighted = Trainer::new(&pool(1), &classes, self::network(1), settings).expect("a trainer");
    weighted.epoch().expect("an epoch");
}

#[test]
fn runs_on_labels_are_resumed() {
    let labels = Dataset::from_labels(inputs(), &[INPUTS], &answers(3), 3).expect("labels");
    let early_stopping = Some(EarlyStopping { monitor: Monitor::Accuracy, ..EarlyStopping::default() });
    let settings = Settings { early_stopping, ..settings() };
    let start = || {
        let mut trainer = Trainer::new(&pool(1), &labels, network(3), settings.clone()).expect("a trainer");
        trainer.set_validation(&labels).expect("accuracies");
        trainer
    };
    let mut whole = start();
    whole.fit(Some(&labels), &mut ()).expect("epochs");
    let mut cut = start();
    cut.advance(5).expect("steps");
    let mut file = Vec::new();
    cut.encode_into(&mut file).expect("a checkpoint");
    let read = Checkpoint::decode(&file).expect("a checkpoint");
    let mut resumed = Trainer::resume(&pool(3), &labels, read).expect("a run");
    resumed.set_validation(&labels).expect("the same set");
    resumed.fit(Some(&labels), &mut ()).expect("epochs");
    let hash = |trainer: &Trainer| trainer.checkpoint().compared_hash().expect("a hash");
    assert_eq!(hash(&resumed), hash(&whole));
}

#[test]
fn what_labels_cannot_have_is_refused() {
    let labels = Dataset::from_labels(inputs(), &[INPUTS], &answers(3), 3).expect("labels");
    let refused = |settings: Settings, outputs: usize| {
        Trainer::new(&pool(1), &labels, network(outputs), settings).expect_err("refused").to_string()
    };
    let weighted = Settings { class_weights: ClassWeights::Balanced, ..settings() };
    assert!(refused(weighted, 3).contains("targets that are classes"));
    assert!(refused(Settings { label_smoothing: 0.1, ..settings() }, 3).contains("label smoothing"));
    assert!(refused(settings(), 2).contains("outputs"));
    assert!(matches!(
        Dataset::from_labels(inputs(), &[INPUTS], &answers(3)[1..], 3),
        Err(minibatch::data::Error::Argument { .. })
    ));
    let _: Error = Trainer::new(&pool(1), &labels, network(1), settings()).expect_err("one output for three");
}
