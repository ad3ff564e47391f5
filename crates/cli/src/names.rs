//! Activations, costs and initialisers by name, as options take them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use minibatch::{Activation, Cost, Initializer, Registry};
use std::ffi::OsStr;
use std::sync::Arc;

/// Reads `NAME` or `NAME(PARAMETER)`. Of an unknown name clap suggests the closest.
#[derive(Clone)]
pub(crate) struct Named<T> {
    names: Vec<&'static str>,
    find: fn(&str) -> Option<T>,
}

/// An activation of the library.
pub(crate) fn activation() -> Named<Arc<dyn Activation>> {
    let names = Registry::default().activations().map(Activation::name).collect();
    Named { names, find: |name| Registry::default().activation(name) }
}

/// A cost of the library.
pub(crate) fn cost() -> Named<Arc<dyn Cost>> {
    let names = Registry::default().costs().map(Cost::name).collect();
    Named { names, find: |name| Registry::default().cost(name) }
}

/// An initialiser of the library.
pub(crate) fn initializer() -> impl TypedValueParser<Value = Initializer> {
    Named { names: Initializer::ALL.map(Initializer::name).to_vec(), find: Initializer::by_name }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Named<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        let text = value.to_string_lossy();
        if let Some(found) = (self.find)(&text) {
            return Ok(found);
        }
        // What stands before the parameter, if that is where the fault lies.
        let name = text.split('(').next().unwrap_or_default();
        PossibleValuesParser::new(&self.names).parse_ref(command, arg, OsStr::new(name))?;
        let option = arg.map_or_else(String::new, ToString::to_string);
        let message = format!(
            "invalid value '{text}' for '{option}': {name} is known, but not with that parameter; leave it out, or \
             give a number that it takes, as in leaky-relu(0.2), elu(1) or huber(0.5)"
        );
        Err(Error::raw(ErrorKind::ValueValidation, message).with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().map(PossibleValue::new)))
    }
}
