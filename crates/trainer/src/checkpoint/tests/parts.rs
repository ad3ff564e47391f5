//! The content of a file, to be changed at will.

use crate::checkpoint::entries::known;
use minibatch_checkpoint::{Entry, decode, encode_into};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The entries of a file: flags and payload by name.
pub(super) struct Parts(BTreeMap<String, (u32, Vec<u8>)>);

impl Parts {
    pub(super) fn of(bytes: &[u8]) -> Parts {
        let entries = decode(bytes).expect("intact");
        let part = |entry: &Entry<'_>| (entry.name.to_string(), (entry.flags, entry.payload.to_vec()));
        Parts(entries.iter().map(part).collect())
    }

    pub(super) fn names(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.0.keys().filter(|name| wanted(name)).cloned().collect()
    }

    pub(super) fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| wanted(name));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name).expect("an entry to remove");
    }

    pub(super) fn bytes(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.0.get_mut(name).expect("an entry").1
    }

    /// Puts a value in the place of an entry, or a new one.
    pub(super) fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.put_with(name, known(name).unwrap_or_default(), value);
    }

    pub(super) fn put_with<T: Serialize + ?Sized>(&mut self, name: &str, flags: u32, value: &T) {
        let entry = Entry::of_value(name, flags, &value).expect("it encodes");
        self.0.insert(name.to_owned(), (flags, entry.payload.into_owned()));
    }

    /// Changes a value.
    pub(super) fn edit<T: Serialize + DeserializeOwned>(&mut self, name: &str, change: impl FnOnce(&mut T)) {
        let (flags, payload) = self.0[name].clone();
        let entry = Entry { name: name.into(), flags, payload: payload.into() };
        let mut value: T = entry.value().expect("a value");
        change(&mut value);
        self.put(name, &value);
    }

    /// Changes numbers.
    pub(super) fn numbers(&mut self, name: &str, change: impl FnOnce(&mut Vec<f32>)) {
        let bytes = self.bytes(name);
        let mut numbers = bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
        change(&mut numbers);
        *bytes = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let names: Vec<_> = self.0.iter().map(|(name, (flags, _))| (name, *flags)).collect();
        let mut bytes = Vec::new();
        encode_into(&mut bytes, &names, |index, payload| {
            payload.put_bytes(&self.0[names[index].0].1);
            Ok(())
        })
        .expect("it encodes");
        bytes
    }
}
