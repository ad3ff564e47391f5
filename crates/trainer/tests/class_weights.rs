//! Weights of classes: those of examples that follow from them, by hand and in every step.

mod common;

use common::{Numbers, bits};
use minibatch::{Checkpoint, ClassWeights, Dataset, Error, Isa, Network, Pool, Settings, Trainer};

const EXAMPLES: usize = 90;

/// Three classes, of which the first has two thirds of the examples.
fn data() -> Dataset {
    let mut numbers = Numbers::new(5);
    let inputs: Vec<f32> = (0..EXAMPLES * 7).map(|_| numbers.signed()).collect();
    Dataset::from_classes(inputs, &[7], labels()).expect("a dataset")
}

fn labels() -> Vec<u32> {
    (0..EXAMPLES as u32).map(|i| [0, 0, 1, 0, 0, 2][i as usize % 6]).collect()
}

fn pool(threads: usize) -> Pool {
    Pool::oversubscribed(Isa::detect(), threads).expect("a pool")
}

fn trainer(threads: usize, data: &Dataset, class_weights: ClassWeights) -> Trainer {
    let network = Network::builder(7).layer(32).layer(3).seed(4).build().expect("a network");
    let settings = Settings { batch_size: 8, epochs: 3, class_weights, ..Settings::default() };
    Trainer::new(&pool(threads), data, network, settings).expect("a trainer")
}

/// Of the 90 examples 60, 15 and 15 are of the classes: weights 90/(3·60) = ½ and 90/(3·15) = 2.
#[test]
fn balanced_weights_are_inverse_to_the_numbers_of_examples() {
    let weights = ClassWeights::Balanced.of_classes(&data()).expect("weights");
    assert_eq!(weights, Some(vec![0.5, 2.0, 2.0]));
    // A class without examples isn't one of the K.
    let four = data().with_classes(4).expect("four classes");
    assert_eq!(ClassWeights::Balanced.of_classes(&four).expect("weights"), Some(vec![0.5, 2.0, 2.0, 0.0]));
    assert_eq!(ClassWeights::None.of_classes(&data()).expect("none"), None);
}

/// A run with weights of classes has the bits of one whose examples have them, on top of weights of their own.
#[test]
fn weights_of_classes_are_weights_of_their_examples() {
    let own: Vec<f32> = (0..EXAMPLES).map(|i| 1.0 + (i % 3) as f32).collect();
    let list = vec![0.25, 0.0, 3.0];
    for with_own in [false, true] {
        let base = if with_own { data().with_sample_weights(own.clone()).expect("weights") } else { data() };
        for (class_weights, of_class) in
            [(ClassWeights::List(list.clone()), [0.25, 0.0, 3.0]), (ClassWeights::Balanced, [0.5, 2.0, 2.0])]
        {
            let product =
                |(i, label): (usize, u32)| (if with_own { own[i] } else { 1.0 }) * of_class[label as usize];
            let products = labels().into_iter().enumerate().map(product).collect();
            let by_hand = data().with_sample_weights(products).expect("weights");
            let mut expected = trainer(1, &by_hand, ClassWeights::None);
            for threads in [1, 2] {
                let mut found = trainer(threads, &base, class_weights.clone());
                found.fit(None, &mut ()).expect("a fit");
                if threads == 1 {
                    expected.fit(None, &mut ()).expect("a fit");
                }
                assert_eq!(bits(found.network()), bits(expected.network()));
                let costs = |one: &Trainer| one.history().iter().map(|epoch| epoch.cost).collect::<Vec<_>>();
                assert_eq!(costs(&found), costs(&expected));
            }
        }
        let plain = ClassWeights::List(vec![1.0; 3]);
        assert_eq!(bits(&fitted(&base, plain)), bits(&fitted(&base, ClassWeights::None)));
    }
}

fn fitted(data: &Dataset, class_weights: ClassWeights) -> Network {
    let mut trainer = trainer(1, data, class_weights);
    trainer.fit(None, &mut ()).expect("a fit");
    trainer.into_result()
}

/// The data keep their identity, and the weights are in the file.
#[test]
fn a_run_with_them_is_gone_on_with() {
    for class_weights in [ClassWeights::Balanced, ClassWeights::List(vec![1.0, 0.5, 0.0])] {
        let mut whole = trainer(1, &data(), class_weights.clone());
        whole.fit(None, &mut ()).expect("a fit");
        let mut cut = trainer(1, &data(), class_weights.clone());
        cut.epoch().expect("an epoch");
        cut.advance(5).expect("steps");
        let mut bytes = Vec::new();
        cut.encode_into(&mut bytes).expect("it encodes");
        let checkpoint = Checkpoint::decode(&bytes).expect("it decodes");
        assert_eq!(checkpoint.settings.class_weights, class_weights);
        assert_eq!(checkpoint.data.fingerprint, data().fingerprint());
        let mut resumed = Trainer::resume(&pool(2), &data(), checkpoint).expect("the same run");
        resumed.fit(None, &mut ()).expect("the rest");
        assert_eq!(resumed.compared_hash().expect("a hash"), whole.compared_hash().expect("a hash"));
        let none = trainer(1, &data(), ClassWeights::None);
        assert_ne!(none.compared_hash().expect("a hash"), whole.compared_hash().expect("a hash"));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let network = |outputs| Network::builder(7).layer(outputs).build().expect("a network");
    let refused = |data: &Dataset, class_weights| {
        let settings = Settings { batch_size: 8, class_weights, ..Settings::default() };
        let outputs = data.targets().width();
        Trainer::new(&pool(1), data, network(outputs), settings).expect_err("wrong weights").to_string()
    };
    for (weights, part) in [
        (vec![1.0, 2.0], "one for each of 3 classes"),
        (vec![1.0; 4], "one for each of 3 classes"),
        (vec![], "one that isn't 0"),
        (vec![0.0; 3], "one that isn't 0"),
        (vec![1.0, -1.0, 1.0], "numbers from 1e-6 to 1e6, or 0"),
        (vec![1.0, f64::NAN, 1.0], "numbers from 1e-6 to 1e6, or 0"),
        (vec![1.0, 1e-9, 1.0], "numbers from 1e-6 to 1e6, or 0"),
    ] {
        let error = refused(&data(), ClassWeights::List(weights));
        assert!(error.starts_with("class weights is ") && error.contains(part), "{error}");
    }
    let values = Dataset::from_values(vec![0.5; 70], &[7], vec![0.25; 10], 1).expect("a dataset");
    let error = refused(&values, ClassWeights::Balanced);
    assert_eq!(error, "class weights is for values: expected targets that are classes");
    // Weights of examples and of classes whose product is out of range.
    let tiny = data().with_sample_weights(vec![1e-6; EXAMPLES]).expect("weights");
    let error = refused(&tiny, ClassWeights::List(vec![1e-6; 3]));
    assert!(error.contains("numbers from 1e-6 to 1e6, or 0"), "{error}");
    for text in ["", "heavy", "1,,2", "0,0", "1,-1", "inf,1"] {
        assert!(matches!(text.parse::<ClassWeights>(), Err(Error::Setting { .. })), "{text}");
    }
    for weights in [ClassWeights::None, ClassWeights::Balanced, ClassWeights::List(vec![0.5, 2.0, 1e-6])] {
        assert_eq!(weights.to_string().parse::<ClassWeights>().expect("its own text"), weights);
    }
}
