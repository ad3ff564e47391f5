//! The examples at the end of each subcommand's help. A test parses all of them.

/// A command line without the program's name, and what it does.
pub(crate) type Example = (&'static str, &'static str);

pub(crate) const SHOW: [Example; 4] = [
    ("show", "25 of MNIST's training images, in the terminal"),
    ("show data/fashion-mnist --class 7 --labels --output sneakers.png", "a class of another set, as a PNG"),
    ("show photos --count 100 --output photos.svg", "pictures in a folder for each class, as an SVG"),
    ("show iris.csv", "of a table the columns: kinds, missing values, distributions, ranges"),
];

pub(crate) const TRAIN: [Example; 7] = [
    ("train", "the tutorial's network on MNIST, which `cargo xtask fetch-mnist` fetches"),
    ("train --dataset synthetic --hidden 128 --activation relu --epochs 5", "digits that need no files"),
    (
        "train iris.csv --target class --test-split 0.2 --checkpoint iris.ckpt",
        "a table, a fifth of whose rows are for the test; the network is kept",
    ),
    (
        "train photos --validation-split 0.1 --early-stopping 5 --log run.jsonl",
        "pictures in a folder for each class, until the validation cost falls no more; a row for each epoch",
    ),
    ("train --checkpoint run.ckpt --report run.html", "the run is kept, and shown on a page"),
    ("train --resume run.ckpt --epochs 60", "goes on with a run, to the bits of one that wasn't stopped"),
    ("train --config run.toml --seed 7", "the options of a file, but another seed"),
];

pub(crate) const EVAL: [Example; 4] = [
    ("eval run.ckpt", "accuracy, scores by class and confusions on MNIST's test set"),
    (
        "eval run.ckpt --mistakes 25 --output wrong.png",
        "the same, and the most confident mistakes as a picture",
    ),
    ("eval iris.ckpt new.csv", "the rows of a table, whose targets are known"),
    ("eval run.ckpt --dataset synthetic --json", "all figures as one JSON object"),
];

pub(crate) const INFO: [Example; 2] = [
    ("info run.ckpt", "layers, settings, epochs and hashes"),
    ("info run.ckpt --config", "the run's options as a file for `train --config`"),
];

pub(crate) const PREDICT: [Example; 4] = [
    ("predict run.ckpt digit.png", "the likeliest digits of a picture"),
    ("predict run.ckpt --index 0-9,105", "the first ten images of MNIST's test set and another"),
    ("predict iris.ckpt new.csv", "the table with its answers in further columns"),
    ("predict run.ckpt images-idx3-ubyte --format csv", "the outputs for every image of an IDX file"),
];

pub(crate) const EXPORT: [Example; 3] = [
    ("export run.ckpt --output net.onnx", "a graph that takes raw numbers and tells classes"),
    ("export run.ckpt --format safetensors", "run.safetensors, for PyTorch's nn.Sequential"),
    ("export iris.ckpt --output iris.json", "all numbers and settings as JSON"),
];

pub(crate) const IMPORT: [Example; 3] = [
    ("import net.onnx --output net.ckpt", "a graph that is a plain network"),
    (
        "import net.safetensors --output net.ckpt --activation relu --output-activation softmax",
        "weights that PyTorch saved, which don't tell the activations",
    ),
    (
        "import coefs.npz --output net.ckpt --activation relu --output-activation identity --cost mse",
        "scikit-learn's coefs_ and intercepts_, to train on with another cost",
    ),
];

pub(crate) const WEIGHTS: [Example; 2] = [
    ("weights run.ckpt --output weights.png", "what each unit of the first layer looks for, in blue and red"),
    ("weights run.ckpt --layer 2", "the weights of the second layer, in the terminal"),
];

pub(crate) const COMPARE: [Example; 2] = [
    ("compare a.ckpt b.ckpt c.ckpt", "settings that differ, curves and results of three runs"),
    ("compare a.ckpt b.ckpt --output comparison.html", "the same as a page"),
];

pub(crate) const REPORT: [Example; 3] = [
    ("report run.ckpt", "a page of the run in run.html; mistakes are on it if MNIST is at hand"),
    ("report iris.ckpt new.csv --output iris.html", "the network judged on the rows of a table"),
    ("report run.ckpt --dataset fashion-mnist", "or on the test set of another dataset"),
];

pub(crate) const VERIFY: [Example; 2] = [
    ("verify run.ckpt", "trains the run on MNIST again and compares the bits"),
    ("verify iris.ckpt iris.csv --test-split 0.2 --threads 1", "a table's run, on one thread"),
];

pub(crate) const GRADCHECK: [Example; 2] = [
    ("gradcheck", "every pair on the fastest instruction set"),
    ("gradcheck --isa portable --seed 3", "other networks, in scalar code"),
];

/// The end of a help, which has these examples.
pub(crate) fn help(examples: &[Example]) -> String {
    let examples = examples.iter().map(|(words, does)| format!("\n  minibatch {words}\n      {does}"));
    format!("Examples:{}", examples.collect::<String>())
}

#[cfg(test)]
mod tests {
    use crate::Cli;
    use clap::{CommandFactory, Parser};

    #[test]
    fn every_help_has_examples_and_all_of_them_are_accepted() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  minibatch ")).collect();
            assert!(examples.len() >= 2, "{name} has no examples: {help}");
            for example in examples {
                assert_eq!(example.split_whitespace().nth(1), Some(name), "{example}");
                let parsed = Cli::try_parse_from(example.split_whitespace());
                assert!(parsed.is_ok(), "{example}: {}", parsed.err().expect("an error"));
            }
        }
    }
}
