//! The recipe's choices and warnings.

use minibatch::optimizer::Groups;
use minibatch::recipe::{Choices, Chosen};
use minibatch::{Monitor, Recipe, Registry, Ties};

/// The choices for ten classes, where hidden and output activation, cost and optimiser are said. `None` where a name isn't known.
fn choices(hidden: &str, output: &str, cost: &str, optimizer: &str) -> Option<Choices> {
    let registry = Registry::default();
    Some(Choices {
        activation: Some(registry.activation(hidden)?),
        output: Some(registry.activation(output)?),
        cost: Some(registry.cost(cost)?),
        optimizer: Some(registry.optimizer(optimizer).ok()?),
        ..Choices::default()
    })
}

fn chosen(said: &Choices, hidden: &[usize]) -> Chosen {
    Recipe::Auto.complete(said, hidden, Some(10))
}

/// η for hidden activation, output, cost and optimiser.
fn learning_rate(words: &str, hidden: &[usize]) -> f64 {
    let [activation, output, cost, optimizer] = words.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{words}: four words")
    };
    chosen(&choices(activation, output, cost, optimizer).unwrap(), hidden).learning_rate
}

#[test]
fn learning_rates_fit_what_is_chosen() {
    let cases: [(&str, &[usize], f64); 19] = [
        // η₀, and four times as much for sigmoids.
        ("relu softmax categorical-cross-entropy sgd", &[64], 0.1),
        ("sigmoid softmax categorical-cross-entropy sgd", &[64], 0.4),
        ("gelu softmax categorical-cross-entropy momentum", &[64], 0.01),
        ("tanh sigmoid binary-cross-entropy nesterov", &[64, 64], 0.01),
        // Errors of the size of A − Y, but for a slope or a factor.
        ("relu identity quadratic sgd", &[16], 0.2),
        ("relu sigmoid quadratic sgd", &[16], 0.8),
        ("relu softmax poisson sgd", &[16], 0.2),
        ("relu identity hinge sgd", &[16], 0.1),
        // Means over ten outputs.
        ("relu identity mse sgd", &[16], 1.0),
        ("relu identity huber sgd", &[16], 2.0),
        // Wide layers.
        ("relu softmax categorical-cross-entropy sgd", &[2048], 0.055),
        ("relu identity quadratic sgd", &[16, 512], 0.039),
        // Layers whose weights multiply.
        ("identity softmax categorical-cross-entropy sgd", &[16, 16, 16, 16], 0.05),
        ("selu sigmoid quadratic sgd", &[16, 16], 0.2),
        // Steps that don't follow the size of gradients.
        ("relu sigmoid quadratic adam", &[1024, 1024], 0.0005),
        ("sigmoid identity mse nadam", &[16], 0.008),
        ("relu softmax mae adagrad", &[16], 0.15),
        ("selu softmax categorical-cross-entropy adagrad", &[512, 512, 512, 512], 0.027),
        ("elu softmax categorical-cross-entropy adam", &[1024], 0.001),
    ];
    for (words, hidden, expected) in cases {
        assert_eq!(learning_rate(words, hidden), expected, "{words}, {hidden:?}");
    }
}

/// A cost of another size has another η, and the same steps.
#[test]
fn the_size_of_a_cost_does_not_matter() {
    for hidden in [&[16][..], &[300, 300], &[64, 64, 64, 64]] {
        for activation in ["relu", "sigmoid", "selu"] {
            for output in ["identity", "sigmoid", "tanh", "softmax"] {
                let [quadratic, huber] = ["quadratic", "huber"]
                    .map(|cost| learning_rate(&format!("{activation} {output} {cost} sgd"), hidden));
                // Within δ = 1 of the target, huber is a tenth of the quadratic cost.
                assert!(
                    (huber / quadratic - 10.0).abs() < 1e-9,
                    "{activation} {output}: {quadratic}, {huber}"
                );
            }
        }
    }
}

/// Larger minibatches have less noise. Without a hidden layer there is no slope to make up for.
#[test]
fn minibatches_and_networks_without_hidden_layers() {
    let said = choices("sigmoid", "softmax", "categorical-cross-entropy", "sgd").unwrap();
    assert_eq!(chosen(&said, &[]).learning_rate, 0.1);
    assert_eq!(chosen(&Choices { batch_size: Some(64), ..said }, &[64]).learning_rate, 0.8);
}

/// For values rules that follow the gradient have their own η, whatever the widths.
#[test]
fn values() {
    for (optimizer, expected) in [("sgd", 0.01), ("momentum", 0.001), ("adam", 0.00025)] {
        let said = choices("relu", "identity", "quadratic", optimizer).unwrap();
        let chosen = Recipe::Auto.complete(&said, &[1024, 1024], None);
        assert_eq!(chosen.learning_rate, expected, "{optimizer}");
    }
}

#[test]
fn what_learns_badly_is_told() {
    let cases: [(&str, &[usize], &str); 14] = [
        ("relu softmax categorical-cross-entropy", &[4], ""),
        ("relu sigmoid quadratic", &[32], ""),
        ("sigmoid sigmoid quadratic", &[19, 19], ""),
        ("relu identity mse", &[32, 32], ""),
        ("identity sigmoid quadratic", &[32], ""),
        ("tanh identity hinge", &[32], ""),
        ("relu softmax mae", &[32, 32], "may give up whole classes"),
        ("relu sigmoid mae", &[32, 32], "least where all outputs are 0"),
        ("relu silu quadratic", &[32, 32], "an output of silu that falls far below 0"),
        ("relu identity mse", &[32], "mse after identity punishes"),
        ("relu identity mse", &[32, 19], "mse after identity punishes"),
        ("selu tanh huber", &[32, 32], "huber after tanh punishes"),
        ("identity lecun-tanh hinge", &[32, 32], "a linear network with outputs of lecun-tanh learns"),
        (
            "relu sigmoid binary-cross-entropy",
            &[19],
            "a layer of 19 neurons can hardly keep 10 classes apart",
        ),
    ];
    for (words, hidden, expected) in cases {
        let [activation, output, cost] = words.split(' ').collect::<Vec<_>>()[..] else { panic!("{words}") };
        let chosen = chosen(&choices(activation, output, cost, "sgd").unwrap(), hidden);
        let warning = Recipe::Auto.warning(&chosen, hidden, Some(10)).unwrap_or_default();
        assert_eq!(warning.is_empty(), expected.is_empty(), "{words}, {hidden:?}: {warning}");
        assert!(warning.contains(expected), "{words}, {hidden:?}: {warning}");
        // Values have none of these.
        assert_eq!(Recipe::Auto.warning(&chosen, hidden, None), None, "{words}, {hidden:?}");
    }
}

/// RealMLP-TD-S as its authors published it, and what a user says goes before it.
#[test]
fn realmlp_is_what_its_authors_tuned() {
    let recipe = Recipe::RealMlp;
    let chosen = |said: &Choices, classes| recipe.complete(said, recipe.hidden(), classes);
    let words = |chosen: &Chosen| {
        let names =
            [chosen.activation.name(), chosen.output.name(), chosen.cost.name(), chosen.initializer.name()];
        format!("{} {} {} {}", names.join(" "), chosen.optimizer, chosen.learning_rate, chosen.schedule)
    };
    let classes = chosen(&Choices::default(), Some(3));
    let rest = "fan-in-normal adam(0.9,0.95,1e-8)";
    assert_eq!(words(&classes), format!("selu softmax categorical-cross-entropy {rest} 0.04 coslog4(4.0)"));
    assert!(classes.zero_output_layer && recipe.hidden() == [256, 256, 256]);
    let values = chosen(&Choices::default(), None);
    assert_eq!(words(&values), format!("mish identity mse {rest} 0.07 coslog4(4.0)"));
    for (settings, smoothing, monitor) in [
        (recipe.settings(&classes, Some(3)), 0.1, Monitor::Accuracy),
        (recipe.settings(&values, None), 0.0, Monitor::Cost),
    ] {
        assert_eq!((settings.epochs, settings.batch_size, settings.drop_last), (256, 256, true));
        assert_eq!((settings.label_smoothing, settings.input_scaling), (smoothing, Some(6.0)));
        assert_eq!(settings.groups, Groups { biases: 0.1, fan_in: true, ..Groups::default() });
        let stopping = settings.early_stopping.expect("the best epoch is kept");
        assert_eq!((stopping.monitor, stopping.ties, stopping.restore_best), (monitor, Ties::Last, true));
        assert!(stopping.patience >= settings.epochs, "it never ends early");
    }
    let said = Choices { learning_rate: Some(0.5), batch_size: Some(64), ..Choices::default() };
    let said = chosen(&said, Some(3));
    assert_eq!((said.learning_rate, said.batch_size, said.activation.name()), (0.5, 64, "selu"));
}
