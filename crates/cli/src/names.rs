//! Activations, costs, optimisers, schedules and initialisers by name, as options take them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use minibatch::schedule::Schedule;
use minibatch::{Activation, Augment, Average, Clip, Cost, Initializer, LabelError, Optimizer, Registry};
use std::ffi::OsStr;
use std::str::FromStr;
use std::sync::Arc;

/// Reads `NAME` or `NAME(PARAMETER)`, in capitals too. For an unknown name the closest is suggested.
#[derive(Clone)]
pub(crate) struct Named<T> {
    names: Vec<&'static str>,
    find: fn(&str) -> Option<T>,
    /// The fault of a text whose name is known, in words.
    fault: fn(&str) -> String,
}

/// Names that other libraries use, each with the name here.
const ELSEWHERE: [(&str, &str); 15] = [
    ("logistic", "sigmoid"),
    ("linear", "identity"),
    ("swish", "silu"),
    ("bce", "binary-cross-entropy"),
    ("cross-entropy", "categorical-cross-entropy"),
    ("crossentropy", "categorical-cross-entropy"),
    ("l1", "mae"),
    ("l2", "mse"),
    ("normal", "standard-normal"),
    ("xavier", "glorot-normal"),
    ("kaiming", "he-normal"),
    ("invscaling", "inverse-scaling"),
    ("multistep", "multi-step"),
    ("sgdr", "warm-restarts"),
    ("triangular", "linear"),
];

/// The fault in the parameter of a text. `takes` has the range of the parameter and an example, or is None if there is no parameter.
fn parameter_fault(text: &str, takes: Option<(&str, String)>) -> String {
    let name = before_parameter(text);
    match takes {
        Some((range, example)) => format!("{name} takes {range}, as in {example}"),
        None => format!("{name} takes no parameter"),
    }
}

fn before_parameter(text: &str) -> &str {
    text.split('(').next().unwrap_or_default()
}

/// An activation of the library.
pub(crate) fn activation() -> Named<Arc<dyn Activation>> {
    let names = Registry::default().activations().map(Activation::name).collect();
    let fault = |text: &str| {
        let known = Registry::default().activation(before_parameter(text));
        parameter_fault(text, known.and_then(|known| Some((known.parameter_range()?, known.label()))))
    };
    Named { names, find: |name| Registry::default().activation(name), fault }
}

/// A cost of the library.
pub(crate) fn cost() -> Named<Arc<dyn Cost>> {
    let names = Registry::default().costs().map(Cost::name).collect();
    let fault = |text: &str| {
        let known = Registry::default().cost(before_parameter(text));
        parameter_fault(text, known.and_then(|known| Some((known.parameter_range()?, known.label()))))
    };
    Named { names, find: |name| Registry::default().cost(name), fault }
}

/// An initialiser of the library.
pub(crate) fn initializer() -> impl TypedValueParser<Value = Initializer> {
    let names = Initializer::ALL.map(Initializer::name).to_vec();
    Named { names, find: Initializer::by_name, fault: |text| parameter_fault(text, None) }
}

/// An optimiser of the library.
pub(crate) fn optimizer() -> Named<Optimizer> {
    technique(Optimizer::all().iter().map(Optimizer::name).collect())
}

/// A kind of clipping of the library.
pub(crate) fn clip() -> Named<Clip> {
    technique(Clip::all().iter().map(Clip::name).collect())
}

/// A kind of augmentation of the library.
pub(crate) fn augment() -> Named<Augment> {
    technique(Augment::all().iter().map(Augment::name).collect())
}

/// A kind of averaging of the library.
pub(crate) fn average() -> Named<Average> {
    technique(Average::all().iter().map(Average::name).collect())
}

/// A schedule of the library.
pub(crate) fn schedule() -> Named<Schedule> {
    technique(Schedule::all().iter().map(Schedule::name).collect())
}

/// A technique that its text names: one of `names`, with parameters or without.
fn technique<T: FromStr<Err = LabelError>>(names: Vec<&'static str>) -> Named<T> {
    let fault = |text: &str| match text.parse::<T>() {
        Err(LabelError::Parameters { expected, .. }) => format!("expected {expected}"),
        Err(error) => error.to_string(),
        Ok(_) => String::new(),
    };
    Named { names, find: |text| text.parse().ok(), fault }
}

impl<T> Named<T> {
    /// Adds the meant name to clap's error, if other libraries call it `unknown` or if its letters are in another order. Clap itself
    /// suggests names that look alike, but none for letters in another order in a name as short as `sgd`.
    fn with_suggestion(&self, mut error: Error, unknown: &str) -> Error {
        let letters = |name: &str| {
            let mut letters: Vec<char> = name.chars().collect();
            letters.sort_unstable();
            letters
        };
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == unknown).map(|(_, name)| *name);
        let mut names = self.names.iter().copied();
        let meant = names.find(|name| elsewhere == Some(*name) || letters(name) == letters(unknown));
        if let Some(meant) = meant {
            error.insert(ContextKind::SuggestedValue, ContextValue::String(meant.to_owned()));
        }
        error
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Named<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let text = value.to_string_lossy().to_ascii_lowercase();
        if let Some(found) = (self.find)(&text) {
            return Ok(found);
        }
        // If the name before the parameter is unknown, the fault is there.
        let name = before_parameter(&text);
        let known = PossibleValuesParser::new(&self.names).parse_ref(command, arg, OsStr::new(name));
        known.map_err(|error| self.with_suggestion(error, name))?;
        let option = arg.map_or_else(String::new, ToString::to_string);
        let message = format!("invalid value '{text}' for '{option}': {}", (self.fault)(&text));
        Err(Error::raw(ErrorKind::ValueValidation, message).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().map(PossibleValue::new)))
    }
}
