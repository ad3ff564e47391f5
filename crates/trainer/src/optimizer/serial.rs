//! Optimisers in serde's formats: as their text.

use super::Optimizer;
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

impl Serialize for Optimizer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text of a built-in optimiser. One of your own is an unknown name.
impl<'de> Deserialize<'de> for Optimizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Optimizer, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
