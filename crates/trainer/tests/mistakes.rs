//! The examples that a network answers worst, against a sort of all its answers.

use minibatch::activation::{Identity, Sigmoid, Softmax};
use minibatch::data::synthetic;
use minibatch::{Dataset, Isa, Network, Pool};

/// A network for synthetic digits whose outputs are probabilities, and 1,000 digits.
fn digits() -> (Network, Dataset) {
    let network = Network::builder(784).layer(8).layer_with(10, Softmax).build().unwrap();
    (network, synthetic::generate(1, 1000, 3).unwrap().test)
}

#[test]
fn wrong_answers_are_those_of_a_sort_and_the_same_on_any_number_of_threads() {
    let (network, data) = digits();
    let minibatch::data::Targets::Classes { labels, .. } = data.targets() else { panic!() };
    let outputs = network.predict_rows(&Pool::detect().unwrap(), &data).unwrap();
    let mut all: Vec<(usize, usize, f32)> = outputs
        .chunks_exact(10)
        .enumerate()
        .map(|(example, row)| {
            let answer = (0..10).fold(0, |best, j| if row[j] > row[best] { j } else { best });
            (example, answer, row[answer])
        })
        .filter(|&(example, answer, _)| answer != labels[example] as usize)
        .collect();
    all.sort_by(|one, other| other.2.total_cmp(&one.2));
    assert!(all.len() > 500, "an untrained network knows next to nothing");
    for threads in [1, 3] {
        let pool = Pool::new(Isa::detect(), threads).unwrap();
        for most in [0, 1, 25, 5000] {
            let found = network.wrong_answers(&pool, &data, most).unwrap();
            assert_eq!(found.len(), all.len().min(most));
            for (wrong, &(example, answer, confidence)) in found.iter().zip(&all) {
                assert_eq!((wrong.example, wrong.answer), (example, answer));
                assert_eq!(wrong.class, labels[example] as usize);
                assert_eq!(wrong.confidence, f64::from(confidence));
            }
        }
        assert!(network.largest_errors(&pool, &data, 5).unwrap().is_empty());
    }
}

#[test]
fn the_largest_errors_of_labels_and_values() {
    let pool = Pool::detect().unwrap();
    let inputs = vec![0.0f32, 1.0, 2.0, 3.0];
    let mut network = Network::builder(1).layer_with(2, Identity).build().unwrap();
    network.layers_mut()[0].set_weight(0, 0, 1.0);
    network.layers_mut()[0].set_weight(1, 0, 0.0);
    network.layers_mut()[0].biases_mut().fill(0.0);
    let values = vec![0.0, 5.0, 1.0, 0.0, 9.0, 0.0, 3.0, -5.0];
    let data = Dataset::from_values(inputs.clone(), &[1], values, 2).unwrap();
    let far = network.largest_errors(&pool, &data, 3).unwrap();
    // Of the two errors of 5 the first comes first.
    let found: Vec<_> = far.iter().map(|it| (it.example, it.output, it.target, it.answer)).collect();
    assert_eq!(found, [(2, 0, 9.0, 2.0), (0, 1, 5.0, 0.0), (3, 1, -5.0, 0.0)]);
    assert!(network.wrong_answers(&pool, &data, 3).unwrap().is_empty());

    let mut network = Network::builder(1).layer_with(1, Sigmoid).build().unwrap();
    network.layers_mut()[0].set_weight(0, 0, 2.0);
    network.layers_mut()[0].biases_mut().fill(0.0);
    let labels = Dataset::from_labels(inputs, &[1], &[false, false, true, false], 1).unwrap();
    let far = network.largest_errors(&pool, &labels, 1).unwrap();
    assert_eq!((far[0].example, far[0].target), (3, 0.0));
    assert!(far[0].answer > 0.99);
}

#[test]
fn one_output_for_two_classes_has_a_confidence() {
    let mut network = Network::builder(1).layer_with(1, Sigmoid).build().unwrap();
    network.layers_mut()[0].set_weight(0, 0, 1.0);
    network.layers_mut()[0].biases_mut().fill(0.0);
    let data = Dataset::from_classes(vec![-3.0f32, 2.0], &[1], vec![1, 0]).unwrap();
    let wrong = network.wrong_answers(&Pool::detect().unwrap(), &data, 5).unwrap();
    assert_eq!(
        wrong.iter().map(|it| (it.example, it.class, it.answer)).collect::<Vec<_>>(),
        [(0, 1, 0), (1, 0, 1)]
    );
    assert!(wrong.iter().all(|it| it.confidence > 0.8), "{wrong:?}");
}
