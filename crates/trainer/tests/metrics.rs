//! Metrics against numbers worked out by hand, against those of scikit-learn, and against what must hold for any data.

mod common;

use common::Numbers;
use minibatch::activation::{Identity, Range, Sigmoid, Softmax};
use minibatch::cost::{CategoricalCrossEntropy, Mse};
use minibatch::{
    Activation, ClassMean, Dataset, Fit, Isa, Metrics, Network, NetworkBuilder, Pool, Score, footprint,
};

fn pool() -> Pool {
    Pool::new(Isa::detect(), 1).expect("a pool")
}

/// A layer without biases whose weights are those of the identity: Z is the input.
fn passes_on(classes: usize, activation: impl Activation) -> Network {
    let mut network = Network::builder(classes).layer_with(classes, activation).build().expect("a network");
    let layer = &mut network.layers_mut()[0];
    for j in 0..classes {
        (0..classes).for_each(|k| layer.set_weight(j, k, if j == k { 1.0 } else { 0.0 }));
    }
    layer.biases_mut().fill(0.0);
    network
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{found} instead of {expected}");
}

/// scikit-learn's `log_loss` of the probabilities below, in float32.
const LOG_LOSS_SOFTMAX: f64 = 1.011718801256607;
const LOG_LOSS_SIGMOID: f64 = 1.1699956777652891;

/// Z of twelve examples in four classes. There is a tie for the answer to example 3.
#[rustfmt::skip]
const Z: [f32; 48] = [
    2.0, 1.0, 0.5, -1.0,   0.0, 3.0, 1.0, 0.25,   1.0, 1.5, 0.0, 2.0,    0.5, 0.5, 0.0, -1.0,
    -1.0, 2.0, 2.5, 0.0,   3.0, 0.0, -2.0, 1.0,   0.0, 1.0, 4.0, -1.0,   1.0, 0.0, 0.75, 0.5,
    2.0, 2.25, 1.0, 0.0,   -1.0, 0.0, 1.0, -2.0,  0.0, 0.5, 0.25, 3.0,   1.0, 2.0, -1.0, 0.0,
];
/// Their classes. No example is of class 3.
const LABELS: [u32; 12] = [0, 1, 2, 1, 2, 0, 2, 2, 0, 1, 1, 1];

fn twelve() -> Dataset {
    Dataset::from_classes(Z.to_vec(), &[4], LABELS.to_vec()).expect("a dataset")
}

/// The numbers are those of scikit-learn 1.9.1 with `labels=range(4)` (without, for the means) and `zero_division=0`. The answers
/// are 0, 1, 3, 0, 2, 0, 2, 0, 1, 2, 3, 1.
#[test]
fn classes_are_measured_as_scikit_learn_does() {
    let network = passes_on(4, Softmax);
    let metrics = network.metrics(&pool(), &twelve()).expect("metrics");
    assert_eq!(metrics.evaluation, network.evaluate(&pool(), &twelve()).expect("an evaluation"));
    let classes = metrics.classes().expect("classes");
    assert_eq!(classes.accuracy, 0.5);
    assert_eq!(
        classes.confusion.as_deref().expect("few classes"),
        [vec![2, 1, 0, 0], vec![1, 2, 1, 1], vec![1, 0, 2, 1], vec![0; 4]]
    );
    // precision_recall_fscore_support, and the column sums of the matrix. Class 3: precision 0 of 2 answers, recall 0 of 0.
    let expected = [
        (0.5, 2.0 / 3.0, 4.0 / 7.0, 3, 4),
        (2.0 / 3.0, 0.4, 0.5, 5, 3),
        (2.0 / 3.0, 0.5, 4.0 / 7.0, 4, 3),
        (0.0, 0.0, 0.0, 0, 2),
    ];
    for (class, (score, expected)) in classes.by_class.iter().zip(expected).enumerate() {
        assert_eq!(score.class, class);
        assert_eq!((score.precision, score.recall, score.f1, score.support, score.answers), expected);
    }
    let mean = |ClassMean { precision, recall, f1, .. }: ClassMean, expected: [f64; 3]| {
        [precision, recall, f1]
            .into_iter()
            .zip(expected)
            .for_each(|(found, expected)| close(found, expected));
    };
    // average="macro", "weighted"
    mean(classes.macro_mean, [0.45833333333333326, 0.39166666666666666, 0.4107142857142857]);
    mean(classes.weighted_mean, [0.625, 0.5, 0.5416666666666666]);
    // top_k_accuracy_score: only example 10, whose class comes third or last, is missed twice.
    let top: Vec<(usize, f64)> = classes.top.iter().map(|top| (top.k, top.accuracy)).collect();
    assert_eq!(top, [(2, 11.0 / 12.0), (3, 11.0 / 12.0)]);
    close(classes.log_loss.expect("probabilities"), LOG_LOSS_SOFTMAX);
    // The loop of Guo et al.'s code in numpy, over the same probabilities.
    close(classes.calibration_error.expect("probabilities"), 0.22647662460803983);
    let mistakes: Vec<_> = classes.mistakes.iter().map(|m| (m.class, m.answer, m.examples)).collect();
    assert_eq!(mistakes, [(0, 1, 1), (1, 0, 1), (1, 2, 1), (1, 3, 1), (2, 0, 1), (2, 3, 1)]);
    assert_eq!(classes.worst().map(|score| score.class), Some(1));
}

/// The same examples with outputs that don't add up to 1. scikit-learn was given the outputs divided by their sums.
#[test]
fn probabilities_are_those_of_the_output_activation() {
    let measured = |network: Network| {
        let metrics = network.metrics(&pool(), &twelve()).expect("metrics");
        let classes = metrics.classes().expect("classes").clone();
        (classes.log_loss, classes.calibration_error, classes.confusion)
    };
    let (softmax, sigmoid) = (measured(passes_on(4, Softmax)), measured(passes_on(4, Sigmoid)));
    close(sigmoid.0.expect("probabilities"), LOG_LOSS_SIGMOID);
    close(sigmoid.1.expect("probabilities"), 0.34571001988733957);
    let identity = measured(passes_on(4, Identity));
    assert_eq!((identity.0, identity.1), (None, None));
    assert_eq!((&softmax.2, &softmax.2), (&sigmoid.2, &identity.2));
}

/// The probability 0, whatever Z is.
#[derive(Debug)]
struct Never;

impl Activation for Never {
    fn name(&self) -> &'static str {
        "never"
    }
    fn value(&self, _: f64) -> f64 {
        0.0
    }
    fn derivative(&self, _: f64) -> f64 {
        0.0
    }
    fn range(&self) -> Range {
        Range::Unit
    }
}

#[test]
fn certain_answers_have_finite_losses() {
    // Softmax of 200 and 0 in f32 is 1 and 0. Two answers are right, one is wrong.
    let inputs = vec![200.0f32, 0.0, 0.0, 0.0, 200.0, 0.0, 0.0, 0.0, 200.0];
    let data = Dataset::from_classes(inputs, &[3], vec![0, 1, 0]).expect("a dataset");
    let metrics = passes_on(3, Softmax).metrics(&pool(), &data).expect("metrics");
    let classes = metrics.classes().expect("classes");
    // (−2·ln(1 − ε) − ln ε)/3 with ε = 2⁻²³, as log_loss gives for float32: 5.3141284
    close(classes.log_loss.expect("probabilities"), 5.314128398895264);
    // All in the last bin: |2/3 − 1|.
    close(classes.calibration_error.expect("probabilities"), 1.0 / 3.0);
    // Outputs that are all 0 give no class a probability: −ln ε.
    let metrics = passes_on(3, Never).metrics(&pool(), &data).expect("metrics");
    close(metrics.classes().and_then(|classes| classes.log_loss).expect("probabilities"), 15.942385152878742);
}

#[test]
fn a_class_that_is_hardly_answered_is_told() {
    // 200 examples of each class. All are answered with class 0, but one of class 1, and two of class 2.
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for class in 0..3 {
        for i in 0..200 {
            let answer = if i < class { class } else { 0 };
            inputs.extend((0..3).map(|j| if j == answer { 1.0f32 } else { 0.0 }));
            labels.push(class as u32);
        }
    }
    let data = Dataset::from_classes(inputs, &[3], labels).expect("a dataset");
    let metrics = passes_on(3, Sigmoid).metrics(&pool(), &data).expect("metrics");
    let classes = metrics.classes().expect("classes");
    let answered: Vec<usize> = classes.by_class.iter().map(|score| score.answers).collect();
    assert_eq!(answered, [597, 1, 2]);
    // 1 is below 1% of 200, and 2 isn't.
    assert_eq!(classes.neglected().map(|score| score.class).collect::<Vec<_>>(), [1]);
    // Nine examples are too few to tell.
    let few = data.subset(&(201..210).collect::<Vec<_>>()).expect("a subset");
    let metrics = passes_on(3, Sigmoid).metrics(&pool(), &few).expect("metrics");
    let classes = metrics.classes().expect("classes");
    assert_eq!((classes.by_class[1].answers, classes.neglected().count()), (0, 0));
}

/// scikit-learn 1.9.1: root_mean_squared_error, mean_absolute_error and r2_score with `multioutput="raw_values"` and
/// `"uniform_average"`. The second output is wild; the third has equal targets.
#[test]
fn values_are_measured_output_by_output() {
    let outputs = vec![1.0f32, 10.0, 5.0, 2.0, -300.0, 5.0, 3.5, 20.0, 5.0, 4.0, 4000.0, 5.5];
    let targets = vec![1.5f32, 0.0, 5.0, 2.0, 1.0, 5.0, 3.0, 0.5, 5.0, 5.0, 0.25, 5.0];
    let data = Dataset::from_values(outputs.clone(), &[3], targets, 3).expect("a dataset");
    let network = passes_on(3, Identity);
    let metrics = network.metrics(&pool(), &data).expect("metrics");
    let values = metrics.values().expect("values");
    let expected = [
        [0.6123724356957945, 0.5, 0.7913043478260869],
        [2005.5598540370218, 1082.5625, -29420033.4],
        [0.25, 0.125, 0.0],
        [668.8074088242391, 361.0625, -9806677.536231885],
    ];
    for (fit, expected) in values.by_output.iter().chain([&values.mean]).zip(expected) {
        [fit.rmse, fit.mae, fit.r_squared].into_iter().zip(expected).for_each(|(x, y)| close(x, y));
    }
    assert_eq!(values.worst().0, 1);
    // The evaluation has the same R². Of the squares of all outputs, nearly all are the second one's.
    let fit = metrics.evaluation.fit().expect("values");
    assert_eq!(fit.r_squared, values.mean.r_squared);
    close(fit.rmse, ((0.6123724356957945f64.powi(2) + 2005.5598540370218f64.powi(2) + 0.0625) / 3.0).sqrt());
    assert_eq!(metrics.evaluation, network.evaluate(&pool(), &data).expect("an evaluation"));

    // Equal targets that are all met.
    let data = Dataset::from_values(vec![0.3f32; 21], &[3], vec![0.3; 21], 3).expect("a dataset");
    let fit = network.evaluate(&pool(), &data).expect("an evaluation").fit().expect("values");
    assert_eq!(fit, Fit { rmse: 0.0, mae: 0.0, r_squared: 1.0 });
}

fn networks() -> Vec<NetworkBuilder> {
    vec![
        Network::builder(12).layer(9).layer(7),
        Network::builder(12).layer(7).layer_with(7, Softmax).cost(CategoricalCrossEntropy),
        Network::builder(12).layer_with(7, Identity).cost(Mse),
        Network::builder(12).layer(2),
        Network::builder(12).layer(1),
    ]
}

/// Random examples in several tranches, for which `check` is called with the network, the data, and its metrics.
fn for_random_data(check: impl Fn(&Network, &Dataset, &Metrics)) {
    let mut numbers = Numbers::new(31);
    for (seed, builder) in (0..).zip(networks()) {
        let network = builder.seed(seed).build().expect("a network");
        for examples in [1, 40, 700] {
            let inputs = numbers.bytes(12 * examples);
            let labels = (0..examples).map(|_| numbers.below(network.outputs()) as u32).collect();
            let data = Dataset::from_classes(inputs, &[12], labels).expect("a dataset");
            check(&network, &data, &network.metrics(&pool(), &data).expect("metrics"));
        }
    }
}

#[test]
fn what_must_hold_for_any_data() {
    for_random_data(|network, data, metrics| {
        let (classes, n) = (metrics.classes().expect("classes"), data.len());
        let confusion = classes.confusion.as_ref().expect("few classes");
        assert_eq!(confusion.iter().flatten().sum::<usize>(), n);
        let diagonal: usize = (0..network.outputs()).map(|j| confusion[j][j]).sum();
        assert_eq!(Some(diagonal), metrics.evaluation.correct());
        assert_eq!(metrics.evaluation.accuracy(), Some(classes.accuracy));
        // The micro means of precision, recall and F1 are the accuracy, and so is the weighted mean of the recalls.
        let sum = |of: fn(&minibatch::ClassScore) -> usize| classes.by_class.iter().map(of).sum::<usize>();
        assert_eq!((sum(|score| score.support), sum(|score| score.answers)), (n, n));
        close(classes.weighted_mean.recall, classes.accuracy);
        for (score, row) in classes.by_class.iter().zip(confusion) {
            assert_eq!(score.support, row.iter().sum::<usize>());
            let harmonic = 2.0 * score.precision * score.recall / (score.precision + score.recall);
            close(score.f1, if harmonic.is_nan() { 0.0 } else { harmonic });
        }
        let top: Vec<f64> = classes.top.iter().map(|top| top.accuracy).collect();
        assert!(top.is_sorted() && top.first().is_none_or(|&top| top >= classes.accuracy), "{top:?}");
        assert!(classes.top.iter().all(|top| top.k < network.outputs()));
        let wrong: usize = classes.mistakes.iter().map(|mistake| mistake.examples).sum();
        assert!(wrong <= n - diagonal && classes.mistakes.len() <= 20);
        assert!(classes.mistakes.is_sorted_by(|one, other| one.examples >= other.examples));
        assert!(classes.log_loss.is_none_or(|loss| loss > 0.0));
        assert!(classes.calibration_error.is_none_or(|error| (0.0..=1.0).contains(&error)));
        let text = serde_json::to_string(metrics).expect("JSON");
        assert_eq!(serde_json::from_str::<Metrics>(&text).expect("metrics").evaluation.examples, n);
    });
}

#[test]
fn top_k_counts_the_outputs_above() {
    for_random_data(|network, data, metrics| {
        let outputs = network.predict(&pool(), data).expect("outputs");
        let minibatch_data::Targets::Classes { labels, .. } = data.targets() else { unreachable!() };
        for top in &metrics.classes().expect("classes").top {
            let within = (0..data.len()).filter(|&row| {
                let mut order: Vec<usize> = (0..network.outputs()).collect();
                order.sort_by(|&i, &j| outputs.row(row)[j].total_cmp(&outputs.row(row)[i]));
                order[..top.k].contains(&(labels[row] as usize))
            });
            assert_eq!(top.accuracy, within.count() as f64 / data.len() as f64);
        }
    });
}

#[test]
fn metrics_have_the_same_bits_on_every_thread_count() {
    for_random_data(|network, data, expected| {
        let values: Vec<f32> =
            Numbers::new(5).bytes(data.len() * network.outputs()).iter().map(|&b| f32::from(b)).collect();
        let inputs: Vec<f32> = (0..data.len())
            .flat_map(|i| (0..12).map(move |j| ((i * 7 + j * 3) % 11) as f32 / 11.0))
            .collect();
        let of_values = Dataset::from_values(inputs, &[12], values, network.outputs()).expect("a dataset");
        let regression = Network::builder(12)
            .layer_with(network.outputs(), Identity)
            .cost(Mse)
            .build()
            .expect("a network");
        let expected_values = regression.metrics(&pool(), &of_values).expect("metrics");
        for isa in Isa::fused() {
            for threads in [1, 2, 4] {
                let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                assert_eq!(network.metrics(&pool, data).expect("metrics"), *expected);
                assert_eq!(network.evaluate(&pool, data).expect("an evaluation"), expected.evaluation);
                assert_eq!(regression.metrics(&pool, &of_values).expect("metrics"), expected_values);
            }
        }
    });
}

#[test]
fn many_classes_have_no_matrix() {
    let classes = 1025;
    let network = Network::builder(1).layer(classes).build().expect("a network");
    let data = Dataset::from_classes(vec![0.5f32; 3], &[1], vec![0, 1024, 7]).expect("a dataset");
    let metrics = network.metrics(&pool(), &data).expect("metrics");
    let of_classes = metrics.classes().expect("classes");
    assert_eq!((of_classes.confusion.as_ref(), of_classes.by_class.len()), (None, classes));
    let besides = footprint::metrics(&network, 3, &pool()) - footprint::evaluation(&network, 3, &pool());
    assert!(besides < 1 << 20, "{besides}");
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let network = passes_on(4, Sigmoid);
    for data in [
        Dataset::from_classes(vec![0.0f32; 3], &[3], vec![0]),
        Dataset::from_classes(vec![0.0f32; 4], &[4], vec![4]),
        Dataset::from_values(vec![0.0f32; 4], &[4], vec![0.0; 3], 3),
    ] {
        assert!(network.metrics(&pool(), &data.expect("a dataset")).is_err());
    }
}

#[test]
fn the_names_in_json_stay() {
    let data = Dataset::from_classes(vec![1.0f32, 0.0, 1.0, 0.0], &[2], vec![0, 1]).expect("a dataset");
    let metrics = passes_on(2, Identity).metrics(&pool(), &data).expect("metrics");
    let expected = concat!(
        r#"{"evaluation":{"cost":0.5,"accuracy":0.5,"correct":1,"examples":2},"classes":{"accuracy":0.5,"top":[],"#,
        r#""log_loss":null,"calibration_error":null,"by_class":["#,
        r#"{"class":0,"precision":0.5,"recall":1.0,"f1":0.6666666666666666,"support":1,"answers":2},"#,
        r#"{"class":1,"precision":0.0,"recall":0.0,"f1":0.0,"support":1,"answers":0}],"#,
        r#""macro_mean":{"precision":0.25,"recall":0.5,"f1":0.3333333333333333},"#,
        r#""weighted_mean":{"precision":0.25,"recall":0.5,"f1":0.3333333333333333},"#,
        r#""confusion":[[1,0],[1,0]],"mistakes":[{"class":1,"answer":0,"examples":1}]}}"#,
    );
    assert_eq!(serde_json::to_string(&metrics).expect("JSON"), expected);
    assert_eq!(serde_json::from_str::<Metrics>(expected).expect("metrics"), metrics);
    let data = Dataset::from_values(vec![0.0f32, 1.0], &[2], vec![0.0; 2], 2).expect("a dataset");
    let metrics = passes_on(2, Identity).metrics(&pool(), &data).expect("metrics");
    let Score::Values(fit) = metrics.evaluation.score else { panic!("values") };
    let fit = serde_json::to_string(&fit).expect("JSON");
    let fits = r#"{"by_output":[{"rmse":0.0,"mae":0.0,"r_squared":1.0},{"rmse":1.0,"mae":1.0,"r_squared":0.0}],"mean":{"rmse":0.5,"mae":0.5,"r_squared":0.5}}"#;
    let text = serde_json::to_string(&metrics).expect("JSON");
    assert!(text.ends_with(&format!(r#""values":{fits}}}"#)), "{text}");
    assert!(fit.ends_with(r#""mae":0.5,"r_squared":0.5}"#), "{fit}");
    assert_eq!(serde_json::from_str::<Metrics>(&text).expect("metrics").values(), metrics.values());
}
