//! The text of a technique: its name, and its parameters in parentheses, `adam(0.9,0.999,1e-8)`.

use std::fmt;

/// A technique that its text names.
pub(crate) trait Labelled: Clone {
    /// The kind of technique, as errors call it.
    const KIND: &'static str;

    /// The name without parameters.
    fn name(&self) -> &'static str;

    /// The text with the ranges of its parameters.
    fn usage(&self) -> String;

    /// The parameters, in the order in which they are written.
    fn parameters(&self) -> Vec<f64>;

    /// The index at which a list of parameters of any length begins. A text has all of the list, or none of it and means the usual
    /// one. `None` if the number of parameters is fixed.
    fn list(&self) -> Option<usize> {
        None
    }

    /// The same technique with other parameters, as many but for the list. `None` if one is out of range.
    fn with_parameters(&self, parameters: &[f64]) -> Option<Self>;

    /// Reads `text`, which names one of `known`. All of its parameters, or the first of them, may follow the name.
    ///
    /// # Errors
    ///
    /// If it names none of them, or its parameters don't fit.
    fn read(text: &str, known: &[Self]) -> Result<Self, LabelError> {
        let (name, given) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest)),
        };
        let Some(usual) = known.iter().find(|one| one.name() == name) else {
            let known = known.iter().map(Self::name).collect::<Vec<_>>().join(", ");
            return Err(LabelError::Unknown { kind: Self::KIND, text: text.to_owned(), known });
        };
        let invalid =
            || LabelError::Parameters { kind: Self::KIND, text: text.to_owned(), expected: usual.usage() };
        let Some(given) = given else { return Ok(usual.clone()) };
        let given = given.strip_suffix(')').ok_or_else(invalid)?;
        let given = given.split(',').map(|x| x.trim().parse().map_err(|_| invalid()));
        let given = given.collect::<Result<Vec<f64>, _>>()?;
        let mut parameters = usual.parameters();
        match usual.list() {
            Some(list) if given.len() > list => parameters = given,
            _ => parameters.get_mut(..given.len()).ok_or_else(invalid)?.copy_from_slice(&given),
        }
        usual.with_parameters(&parameters).ok_or_else(invalid)
    }

    /// Writes the text with all parameters.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let parameters = self.parameters();
        for (i, parameter) in parameters.iter().enumerate() {
            write!(f, "{}{parameter:?}", if i == 0 { "(" } else { "," })?;
        }
        if parameters.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Implements all that follows from a technique's text. The type has `rule()`, which knows name and parameters, and `all()`.
/// `list` as a third argument says that `rule()` has that method too.
macro_rules! technique {
    ($type:ident, $kind:literal $(, $list:ident)?) => {
        impl $crate::label::Labelled for $type {
            const KIND: &'static str = $kind;

            fn name(&self) -> &'static str {
                self.rule().name()
            }

            fn usage(&self) -> String {
                self.rule().usage().to_owned()
            }

            fn parameters(&self) -> Vec<f64> {
                self.rule().parameters()
            }

            $(fn $list(&self) -> Option<usize> {
                self.rule().$list()
            })?

            fn with_parameters(&self, parameters: &[f64]) -> Option<$type> {
                self.rule().with_parameters(parameters)
            }
        }

        impl $type {
            /// The name without parameters: lower case, as the command line takes it.
            pub fn name(&self) -> &'static str {
                self.rule().name()
            }

            /// The parameters, in the order in which they are written.
            pub fn parameters(&self) -> Vec<f64> {
                self.rule().parameters()
            }
        }

        /// Two are equal if their names and parameters are.
        impl PartialEq for $type {
            fn eq(&self, other: &$type) -> bool {
                self.name() == other.name() && self.parameters() == other.parameters()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::label::Labelled::write(self, f)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::label::LabelError;

            /// Reads the text of a built-in one. A [`Registry`](crate::Registry) may know others.
            fn from_str(text: &str) -> Result<$type, $crate::label::LabelError> {
                $crate::label::Labelled::read(text, &$type::all())
            }
        }
    };
}

pub(crate) use technique;

/// The reason why a text names no technique.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// None has that name.
    #[error("unknown {kind} '{text}': expected {known}")]
    Unknown {
        /// The kind of technique: `optimiser`.
        kind: &'static str,
        /// The text that was given.
        text: String,
        /// The known names.
        known: String,
    },
    /// It doesn't take those parameters.
    #[error("{kind} '{text}': expected {expected}")]
    Parameters {
        /// The kind of technique.
        kind: &'static str,
        /// The text that was given.
        text: String,
        /// The form that it takes, with the ranges of its parameters.
        expected: String,
    },
}
