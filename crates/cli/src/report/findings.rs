//! Signs that a network has learned badly, in words.

use super::Labels;
use crate::text::{figure, grouped};
use minibatch::{ClassScore, Finding, UnitActivity};

/// Classes that have a note each. Of more, one note tells.
const CLASSES: usize = 5;

/// The advice for a class that is hardly ever answered, or for several: examples of `these`.
fn help_for(these: &str) -> String {
    format!("more examples of {these} in training, --class-weights balanced or another --seed may help")
}

/// A note for each of the findings, in one line. `tested` is the number of examples of the test set.
pub(crate) fn notes(findings: &[Finding], tested: usize, labels: &Labels) -> Vec<String> {
    let neglected: Vec<&ClassScore> = findings.iter().filter_map(class).collect();
    let others = findings.iter().filter_map(other);
    if neglected.len() > CLASSES {
        let first: Vec<String> =
            neglected.iter().take(CLASSES).map(|score| labels.name(score.class)).collect();
        let (count, first) = (grouped(neglected.len()), first.join(", "));
        let help = help_for("them");
        let note =
            format!("note: {count} classes are never or hardly ever answered, among them {first}; {help}");
        return std::iter::once(note).chain(others).collect();
    }
    neglected.into_iter().map(|score| of_class(score, tested, labels)).chain(others).collect()
}

fn class(finding: &Finding) -> Option<&ClassScore> {
    match finding {
        Finding::NeglectedClass(score) => Some(score),
        _ => None,
    }
}

fn of_class(
    ClassScore { class, support, answers, .. }: &ClassScore,
    tested: usize,
    labels: &Labels,
) -> String {
    let class = labels.name(*class);
    let (support, tested) = (grouped(*support), grouped(tested));
    let answered = match answers {
        0 => "never answered".to_owned(),
        1 => "answered once".to_owned(),
        _ => format!("answered {answers} times"),
    };
    let help = help_for("it");
    format!("note: class {class} is {answered}, though {support} of {tested} test examples are of it; {help}")
}

fn other(finding: &Finding) -> Option<String> {
    match finding {
        Finding::StalledCost { epochs, lowest } => Some(format!(
            "note: the training cost hasn't fallen for {epochs} epochs, its lowest was {}; another --learning-rate may help, \
             usually a smaller one",
            figure(*lowest)
        )),
        Finding::RisingCost { epochs, from, to } => Some(format!(
            "note: the cost on the validation set has risen for {epochs} epochs in a row, from {} to {}: the network fits \
             the training set too closely; --early-stopping, --l2 or --dropout may help",
            figure(*from),
            figure(*to)
        )),
        Finding::IdleUnits(layer) => Some(of_units(layer)),
        _ => None,
    }
}

fn of_units(UnitActivity { layer, units, examples, dead, saturated, .. }: &UnitActivity) -> String {
    let (units, examples) = (grouped(*units), grouped(*examples));
    let help = match *dead {
        0 => "a smaller --learning-rate or another --init may help",
        _ => "a smaller --learning-rate or --activation leaky-relu may help",
    };
    let dead = (*dead > 0).then(|| format!("{} dead (0 for each example)", grouped(*dead)));
    let saturated = (*saturated > 0)
        .then(|| format!("{} saturated (slope below 0.01 for each example)", grouped(*saturated)));
    let idle: Vec<String> = dead.into_iter().chain(saturated).collect();
    format!(
        "note: of the {units} units of layer {layer}, {}, tried on {examples} training examples; {help}",
        idle.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Findings have more fields than a program outside the library may set, so they are read from JSON.
    fn found(text: &str) -> Vec<Finding> {
        serde_json::from_str(text).unwrap()
    }

    fn neglected(class: usize, answers: usize) -> String {
        format!(
            r#"{{"finding":"neglected-class","class":{class},"precision":0,"recall":0,"f1":0,"support":1200,"answers":{answers}}}"#
        )
    }

    #[test]
    fn each_finding_is_a_line() {
        let few = found(&format!("[{},{},{}]", neglected(3, 0), neglected(4, 1), neglected(5, 9)));
        let tail = "though 1,200 of 9,000 test examples are of it; more examples of it in training, --class-weights balanced or \
                    another --seed may help";
        assert_eq!(
            notes(&few, 9000, &Labels::default()),
            [
                format!("note: class 3 is never answered, {tail}"),
                format!("note: class 4 is answered once, {tail}"),
                format!("note: class 5 is answered 9 times, {tail}"),
            ]
        );
        let many: Vec<String> = (0..6).map(|class| neglected(class, 0)).collect();
        let many = found(&format!("[{}]", many.join(",")));
        assert_eq!(
            notes(&many, 9000, &Labels::default()),
            [
                "note: 6 classes are never or hardly ever answered, among them 0, 1, 2, 3, 4; more examples of them in training, \
              --class-weights balanced or another --seed may help"
            ]
        );
        let others = found(
            r#"[{"finding":"rising-cost","epochs":5,"from":0.5,"to":1.25},
                {"finding":"idle-units","layer":2,"units":32,"examples":1000,"flat":0.5,"dead":3,"saturated":1}]"#,
        );
        assert_eq!(
            notes(&others, 9000, &Labels::default()),
            [
                "note: the cost on the validation set has risen for 5 epochs in a row, from 0.5000 to 1.250: the network \
                 fits the training set too closely; --early-stopping, --l2 or --dropout may help",
                "note: of the 32 units of layer 2, 3 dead (0 for each example) and 1 saturated (slope below 0.01 for each \
                 example), tried on 1,000 training examples; a smaller --learning-rate or --activation leaky-relu may help",
            ]
        );
    }
}
