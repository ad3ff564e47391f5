//! The settings of a run as entries: one line in [`SETTINGS`] for each.

use crate::class_weights::ClassWeights;
use crate::early_stopping::EarlyStopping;
use crate::label::LabelError;
use crate::optimizer::Groups;
use crate::registry::Registry;
use crate::settings::Settings;
use minibatch_checkpoint::{Entries, Entry, FormatError};
use minibatch_data::Order;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A setting, and how it stands in a file.
pub(super) struct Setting {
    /// The entry's name.
    pub(super) name: &'static str,
    /// The entry's flags.
    pub(super) flags: u32,
    /// The entry. `None` if the setting has its default and the file needs no entry for it.
    put: fn(&Settings, &Setting) -> Result<Option<Entry<'static>>, FormatError>,
    /// Sets the setting to what the file has.
    read: fn(&mut Settings, &Recorded<'_>) -> Result<(), FormatError>,
}

/// A number that is usually 0.
macro_rules! number {
    ($name:literal, $field:ident) => {
        Setting {
            name: $name,
            flags: 0,
            put: |settings, entry| entry.unless(settings.$field == 0.0, &settings.$field),
            read: |settings, recorded| recorded.or_default().map(|read| settings.$field = read),
        }
    };
}

/// A technique that is usually not used, which the registry finds by its text.
macro_rules! technique {
    ($name:literal, $field:ident, $find:path) => {
        Setting {
            name: $name,
            flags: 0,
            put: |settings, entry| entry.unless(settings.$field.is_none(), &text(settings.$field.as_ref())),
            read: |settings, recorded| {
                recorded.named(recorded.or_default()?, $find).map(|read| settings.$field = read)
            },
        }
    };
}

/// All settings. Each decides the bits of the run.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "run/optimizer",
        flags: 0,
        put: |settings, entry| entry.of(&settings.optimizer.to_string()),
        read: |settings, recorded| {
            let text: String = recorded.value()?;
            settings.optimizer = recorded.technique(&text, Registry::optimizer)?;
            Ok(())
        },
    },
    Setting {
        name: LEARNING_RATE,
        flags: 0,
        put: |settings, entry| entry.of(&settings.learning_rate),
        read: |settings, recorded| recorded.value().map(|read| settings.learning_rate = read),
    },
    Setting {
        name: "run/batch-size",
        flags: 0,
        put: |settings, entry| entry.of(&(settings.batch_size as u64)),
        read: |settings, recorded| recorded.size().map(|read| settings.batch_size = read),
    },
    Setting {
        name: EPOCHS,
        flags: 0,
        put: |settings, entry| entry.of(&(settings.epochs as u64)),
        read: |settings, recorded| recorded.size().map(|read| settings.epochs = read),
    },
    Setting {
        name: "run/seed",
        flags: 0,
        put: |settings, entry| entry.of(&settings.seed),
        read: |settings, recorded| recorded.value().map(|read| settings.seed = read),
    },
    Setting {
        name: SCHEDULE,
        flags: 0,
        put: |settings, entry| entry.unless(settings.schedule.is_constant(), &settings.schedule.to_string()),
        read: |settings, recorded| {
            if let Some(text) = recorded.optional::<String>()? {
                settings.schedule = recorded.technique(&text, Registry::schedule)?;
            }
            Ok(())
        },
    },
    Setting {
        name: "run/groups",
        flags: 0,
        put: |settings, entry| {
            let Groups { weights, biases, layers, fan_in: _ } = &settings.groups;
            let usual = Groups { fan_in: settings.groups.fan_in, ..Groups::default() };
            entry.unless(settings.groups == usual, &(weights, biases, layers))
        },
        read: |settings, recorded| {
            if let Some((weights, biases, layers)) = recorded.optional()? {
                settings.groups = Groups { weights, biases, layers, ..settings.groups.clone() };
            }
            Ok(())
        },
    },
    Setting {
        name: "run/fan-in-rates",
        flags: 0,
        put: |settings, entry| entry.unless(!settings.groups.fan_in, &true),
        read: |settings, recorded| recorded.or_default().map(|read| settings.groups.fan_in = read),
    },
    Setting {
        name: "run/input-scaling",
        flags: 0,
        put: |settings, entry| settings.input_scaling.map_or(Ok(None), |factor| entry.of(&factor)),
        read: |settings, recorded| recorded.optional().map(|read| settings.input_scaling = read),
    },
    number!("run/l2", l2),
    number!("run/l1", l1),
    number!("run/weight-decay", weight_decay),
    Setting {
        name: "run/max-norm",
        flags: 0,
        put: |settings, entry| settings.max_norm.map_or(Ok(None), |most| entry.of(&most)),
        read: |settings, recorded| recorded.optional().map(|read| settings.max_norm = read),
    },
    number!("run/label-smoothing", label_smoothing),
    technique!("run/average", average, Registry::average),
    technique!("run/clipping", clip, Registry::clip),
    Setting {
        name: "run/noise",
        flags: 0,
        put: |settings, entry| {
            let texts = settings.noise.iter().map(|noise| text(noise.as_ref()));
            entry.unless(settings.noise.is_empty(), &texts.collect::<Vec<_>>())
        },
        read: |settings, recorded| {
            let texts: Vec<_> = recorded.or_default()?;
            let read = texts.into_iter().map(|text| recorded.named(text, Registry::noise));
            read.collect::<Result<_, _>>().map(|read| settings.noise = read)
        },
    },
    Setting {
        name: "run/augmentation",
        flags: 0,
        put: |settings, entry| {
            let texts = settings.augment.iter().map(ToString::to_string);
            entry.unless(settings.augment.is_empty(), &texts.collect::<Vec<_>>())
        },
        read: |settings, recorded| {
            let texts: Vec<String> = recorded.or_default()?;
            let read = texts.iter().map(|text| recorded.technique(text, Registry::augment));
            read.collect::<Result<_, _>>().map(|read| settings.augment = read)
        },
    },
    Setting {
        name: "run/drop-last",
        flags: 0,
        put: |settings, entry| entry.unless(!settings.drop_last, &true),
        read: |settings, recorded| recorded.or_default().map(|read| settings.drop_last = read),
    },
    Setting {
        name: "run/order",
        flags: 0,
        put: |settings, entry| entry.unless(settings.order == Order::Shuffled, &settings.order),
        read: |settings, recorded| recorded.or_default().map(|read| settings.order = read),
    },
    Setting {
        name: "run/early-stopping",
        flags: 0,
        put: |settings, entry| {
            let rule = settings.early_stopping.map(|s| (s.least_gain, s.monitor, s.ties, s.restore_best));
            rule.map_or(Ok(None), |rule| entry.of(&rule))
        },
        read: |settings, recorded| {
            settings.early_stopping =
                recorded.optional()?.map(|(least_gain, monitor, ties, restore_best)| {
                    let patience = EarlyStopping::default().patience;
                    EarlyStopping { patience, least_gain, monitor, ties, restore_best }
                });
            Ok(())
        },
    },
    Setting {
        name: "run/class-weights",
        flags: 0,
        put: |settings, entry| {
            entry.unless(settings.class_weights == ClassWeights::None, &settings.class_weights)
        },
        read: |settings, recorded| recorded.or_default().map(|read| settings.class_weights = read),
    },
    // The patience is apart from the rule: a run may have more of it when it goes on.
    Setting {
        name: "run/early-stopping/state",
        flags: 0,
        put: |settings, entry| {
            let patience = settings.early_stopping.map(|stopping| stopping.patience as u64);
            patience.map_or(Ok(None), |patience| entry.of(&patience))
        },
        read: |settings, recorded| {
            if let (Some(stopping), Some(_)) = (&mut settings.early_stopping, recorded.optional::<u64>()?) {
                stopping.patience = recorded.size()?;
            }
            Ok(())
        },
    },
];

/// η.
pub(super) const LEARNING_RATE: &str = "run/learning-rate";
/// The schedule of η.
pub(super) const SCHEDULE: &str = "run/schedule";
/// The number of epochs. A run may change it when it goes on, without a record.
pub(super) const EPOCHS: &str = "run/epochs";

impl Setting {
    fn of<T: Serialize>(&self, value: &T) -> Result<Option<Entry<'static>>, FormatError> {
        Entry::of_value(self.name, self.flags, value).map(Some)
    }

    /// The entry, unless the setting has its default.
    fn unless<T: Serialize>(&self, default: bool, value: &T) -> Result<Option<Entry<'static>>, FormatError> {
        if default { Ok(None) } else { self.of(value) }
    }
}

/// The text of a technique, if it is used.
fn text<T: ToString>(technique: Option<&T>) -> Option<String> {
    technique.map(T::to_string)
}

/// The entries that a setting is read from.
struct Recorded<'a> {
    name: &'static str,
    entries: &'a Entries<'a>,
    registry: &'a Registry,
}

impl Recorded<'_> {
    /// The entry's value, if the file has the entry.
    fn optional<T: DeserializeOwned>(&self) -> Result<Option<T>, FormatError> {
        self.entries.optional(self.name)
    }

    /// The entry's value, or the default if the file has no entry.
    fn or_default<T: DeserializeOwned + Default>(&self) -> Result<T, FormatError> {
        self.optional().map(Option::unwrap_or_default)
    }

    /// The technique that `text` names, if there is a text.
    fn named<T>(
        &self,
        text: Option<String>,
        find: fn(&Registry, &str) -> Result<T, LabelError>,
    ) -> Result<Option<T>, FormatError> {
        text.map(|text| self.technique(&text, find)).transpose()
    }

    /// The technique that `text` names, as `find` finds it.
    fn technique<T>(
        &self,
        text: &str,
        find: fn(&Registry, &str) -> Result<T, LabelError>,
    ) -> Result<T, FormatError> {
        technique(self.name, self.registry, text, find)
    }

    /// The entry's value, of a setting without a default.
    fn value<T: DeserializeOwned>(&self) -> Result<T, FormatError> {
        self.entries.value(self.name)
    }

    fn size(&self) -> Result<usize, FormatError> {
        let value: u64 = self.value()?;
        usize::try_from(value).map_err(|_| self.invalid(format!("{value} is too large")))
    }

    fn invalid(&self, cause: String) -> FormatError {
        invalid(self.name, cause)
    }
}

/// The technique that `text` in the entry `name` stands for, as `find` finds it.
pub(super) fn technique<T>(
    name: &str,
    registry: &Registry,
    text: &str,
    find: fn(&Registry, &str) -> Result<T, LabelError>,
) -> Result<T, FormatError> {
    find(registry, text).map_err(|error| match error {
        LabelError::Unknown { kind, .. } => invalid(name, unknown(kind, text)),
        error => invalid(name, error.to_string()),
    })
}

/// The entries of the settings that a file needs.
pub(super) fn entries(settings: &Settings) -> impl Iterator<Item = Result<Entry<'static>, FormatError>> {
    SETTINGS.iter().filter_map(|setting| (setting.put)(settings, setting).transpose())
}

/// Reads all settings.
pub(super) fn read(entries: &Entries<'_>, registry: &Registry) -> Result<Settings, FormatError> {
    let mut settings = Settings::default();
    for setting in SETTINGS {
        (setting.read)(&mut settings, &Recorded { name: setting.name, entries, registry })?;
    }
    Ok(settings)
}

/// Checks that the file has each of these settings, which were read from it, in the one way in which it is written.
pub(super) fn check_writing(settings: &Settings, entries: &Entries<'_>) -> Result<(), FormatError> {
    for setting in SETTINGS {
        let expected = (setting.put)(settings, setting)?;
        if expected.as_ref() != entries.get(setting.name) {
            return Err(invalid(setting.name, "the setting isn't written so"));
        }
    }
    Ok(())
}

/// The error for an entry. Names from the file may stand in it. Their control characters are escaped: an error is one line.
pub(super) fn invalid(name: &str, cause: impl AsRef<str>) -> FormatError {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    FormatError::value(name, cause.as_ref().chars().map(shown).collect::<String>())
}

/// The cause for a name that the registry lacks. It is of a later version, or the user's own.
pub(super) fn unknown(what: &str, name: &str) -> String {
    format!("unknown {what} '{name}': if it is one of your own, load with a Registry that has it")
}
