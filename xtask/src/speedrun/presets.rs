//! The presets for MNIST, and the goal of each.

/// A committed recipe, with what it should reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preset {
    /// The file is `benches/presets/mnist-NAME.toml`.
    pub(super) name: &'static str,
    /// The mean test accuracy after the last epoch.
    pub(super) accuracy: f64,
    /// Seconds of training on two cores of 240 GFLOP/s each. A preset without this goal takes long, and is trained only if
    /// `--only` names it.
    pub(super) seconds: Option<f64>,
}

const fn preset(name: &'static str, accuracy: f64, seconds: Option<f64>) -> Preset {
    Preset { name, accuracy, seconds }
}

/// All presets, the shortest first.
pub(super) const PRESETS: [Preset; 7] = [
    preset("97", 0.97, Some(0.08)),
    preset("98", 0.98, Some(0.3)),
    preset("98.5", 0.985, Some(0.5)),
    preset("99", 0.99, Some(7.0)),
    preset("99.3", 0.993, Some(25.0)),
    preset("dropout", 0.989, None),
    preset("99.5", 0.995, None),
];

/// FLOP/s of the two cores that the goals are for.
const GOAL_PEAK: f64 = 480e9;

impl Preset {
    /// The file, relative to the repository's root.
    pub(super) fn file(&self) -> String {
        format!("benches/presets/mnist-{}.toml", self.name)
    }

    /// The goal in seconds where multiply-adds reach `peak` FLOP/s.
    pub(super) fn goal(&self, peak: f64) -> Option<f64> {
        self.seconds.map(|seconds| seconds * GOAL_PEAK / peak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_a_file_and_every_file_is_a_preset() {
        let root = xtask_tools::workspace_root();
        let mut expected: Vec<String> = PRESETS.iter().map(Preset::file).collect();
        let folder = std::fs::read_dir(root.join("benches/presets")).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // The others are for tables.
        let of_mnist = names.filter(|name| name.starts_with("mnist-"));
        let mut found: Vec<String> = of_mnist.map(|name| format!("benches/presets/{name}")).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    /// The seed, the threads and the data are the speedrun's; a split would take rows from the training set.
    #[test]
    fn no_preset_chooses_its_seed_or_its_epoch() {
        for preset in PRESETS {
            let text = std::fs::read_to_string(xtask_tools::workspace_root().join(preset.file())).unwrap();
            for key in ["seed", "threads", "data", "dataset", "validation-split", "early-stopping", "monitor"]
            {
                let has =
                    text.lines().any(|line| line.split('=').next().is_some_and(|word| word.trim() == key));
                assert!(!has, "{}: {key}", preset.file());
            }
        }
    }

    #[test]
    fn goals_are_in_proportion_to_the_peak() {
        assert_eq!(PRESETS[0].goal(480e9), Some(0.08));
        assert_eq!(PRESETS[0].goal(240e9), Some(0.16));
        assert_eq!(PRESETS[5].goal(240e9), None);
    }
}
