//! The examples run to a good end and print what they promise. `cargo test` builds them beside this test.

use minibatch_data::synthetic;
use std::path::PathBuf;
use std::process::Command;

/// Standard output of an example, after a good end.
fn run(name: &str, arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name);
    let program = built.with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(&program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo build --examples -p minibatch` makes it", program.display())
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The last number of each line that has one after `separator`.
fn numbers(text: &str, separator: char) -> Vec<f64> {
    text.lines().filter_map(|line| line.rsplit_once(separator)?.1.trim().parse().ok()).collect()
}

#[test]
fn xor_is_learnt() {
    for (name, separator) in
        [("xor", '│'), ("embedded", '='), ("custom_activation", '='), ("custom_optimizer", '=')]
    {
        let printed = run(name, &[]);
        let outputs = numbers(&printed, separator);
        let [a, b, c, d] = outputs[outputs.len().saturating_sub(4)..] else { panic!("{name}: {printed}") };
        assert!(a < 0.1 && b > 0.9 && c > 0.9 && d < 0.1, "{name}: {printed}");
    }
}

#[test]
fn a_cost_of_one_s_own_finds_quantiles() {
    let printed = run("custom_cost", &[]);
    let quantiles = numbers(&printed, ':');
    assert_eq!(quantiles.len(), 3, "{printed}");
    for (found, expected) in quantiles.iter().zip([0.1, 0.5, 0.9]) {
        assert!((found - expected).abs() < 0.03, "{printed}");
    }
}

#[test]
fn the_neuron_s_output_moves_to_its_target() {
    let printed = run("worked_neuron", &[]);
    assert!(printed.ends_with("The output went from 0.7311 to 0.7887; the target is 1.\n"), "{printed}");
}

#[test]
fn a_curve_is_fitted() {
    let printed = run("regression", &[]);
    let fit = printed.lines().find_map(|line| line.split_once("R² ")).expect("a line tells R²").1;
    assert!(fit.trim().parse::<f64>().unwrap() > 0.95, "{printed}");
}

#[test]
fn a_service_trains_saves_loads_and_answers() {
    let printed = run("service", &[]);
    let accuracy = printed.lines().find_map(|line| line.strip_prefix("accuracy ")).expect("it is told");
    assert!(accuracy.trim_end_matches('%').parse::<f64>().unwrap() > 70.0, "{printed}");
    assert_eq!(printed.lines().filter(|line| line.contains(" shows a ")).count(), 10, "{printed}");
}

/// The example runs on drawn digits: any set in MNIST's form will do.
#[test]
fn digits_are_learnt() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write(folder.path(), 2000, 500, 3).unwrap();
    let printed = run("mnist", &[folder.path().to_str().unwrap()]);
    let last = printed.lines().rfind(|line| line.contains("accuracy")).expect("epochs are told");
    let percent = last.rsplit_once(' ').unwrap().1.trim_end_matches('%');
    assert!(percent.parse::<f64>().unwrap() > 60.0, "{printed}");
}
