//! Files of networks without a run.

use super::entries::{Drafts, MAIN, known};
use super::legacy;
use super::networks::{put, read};
use crate::footprint;
use crate::network::Network;
use crate::registry::Registry;
use minibatch_checkpoint::{Entries, Error, FormatError, Front, is_segment, read_file, save};
use std::collections::BTreeMap;
use std::path::Path;

impl Network {
    /// Writes the network to `path`, without any run: whole or not at all. In the file it is called `main`.
    ///
    /// ```
    /// use minibatch::Network;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("network.ckpt");
    /// let network = Network::builder(784).layer(32).layer(10).seed(7).build()?;
    /// network.save(&path)?;
    /// assert_eq!(Network::load(&path)?.weight_hash(), network.weight_hash());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it can't be written, a weight or bias isn't finite, or a run writes there.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        write(path, [(MAIN, self)].into_iter())
    }

    /// Reads the network `main` at `path`. A run's checkpoint has it too: it is the network as it was trained so far.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is damaged, or holds no such network.
    pub fn load(path: &Path) -> Result<Network, Error> {
        Self::load_with(path, &Registry::default())
    }

    /// As [`load`](Self::load), where activations or a cost of one's own are in `registry`.
    ///
    /// # Errors
    ///
    /// As for [`load`](Self::load).
    pub fn load_with(path: &Path, registry: &Registry) -> Result<Network, Error> {
        with_entries(path, registry, |entries| read_alone(entries, MAIN, registry))
    }

    /// Writes the bytes of the file of [`save`](Self::save) into `out`, for networks that are kept elsewhere. The old content of `out`
    /// goes.
    ///
    /// ```
    /// use minibatch::Network;
    ///
    /// let network = Network::builder(784).layer(32).layer(10).seed(7).build()?;
    /// let mut bytes = Vec::new();
    /// network.encode_into(&mut bytes)?;
    /// assert_eq!(Network::decode(&bytes)?.weight_hash(), network.weight_hash());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a weight or bias isn't finite.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        encode_into(out, [(MAIN, self)].into_iter())
    }

    /// As [`load`](Self::load), from bytes.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged, or hold no such network.
    pub fn decode(bytes: &[u8]) -> Result<Network, FormatError> {
        Self::decode_with(bytes, &Registry::default())
    }

    /// As [`decode`](Self::decode), where activations or a cost of one's own are in `registry`.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    pub fn decode_with(bytes: &[u8], registry: &Registry) -> Result<Network, FormatError> {
        decode(bytes, registry, |entries| read_alone(entries, MAIN, registry))
    }
}

/// Writes networks to `path`, each under its name, without any run: whole or not at all. A name is made of `a`–`z`, `0`–`9` and
/// `-`. [`Network::load`] reads the one that is called `main`.
///
/// ```
/// use minibatch::{Network, checkpoint};
/// use std::collections::BTreeMap;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("networks.ckpt");
/// let network = |seed| Network::builder(4).layer(3).seed(seed).build();
/// let networks = BTreeMap::from([("first".to_owned(), network(1)?), ("second".to_owned(), network(2)?)]);
/// checkpoint::save_networks(&path, &networks)?;
/// let read = checkpoint::load_networks(&path)?;
/// assert_eq!(read["second"].weight_hash(), networks["second"].weight_hash());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If they can't be written, a name is none, a weight or bias isn't finite, or a run writes there.
pub fn save_networks(path: &Path, networks: &BTreeMap<String, Network>) -> Result<(), Error> {
    write(path, networks.iter().map(|(name, network)| (&**name, network)))
}

/// Reads all networks of the file at `path`, by their names. Those of a run's checkpoint are read too.
///
/// # Errors
///
/// If the file can't be read or is damaged.
pub fn load_networks(path: &Path) -> Result<BTreeMap<String, Network>, Error> {
    load_networks_with(path, &Registry::default())
}

/// As [`load_networks`], where activations or costs of one's own are in `registry`.
///
/// # Errors
///
/// As for [`load_networks`].
pub fn load_networks_with(path: &Path, registry: &Registry) -> Result<BTreeMap<String, Network>, Error> {
    with_entries(path, registry, |entries| {
        let name = |name: &str| Some(name.strip_prefix("network/")?.strip_suffix("/layers")?.to_owned());
        let names = entries.iter().filter_map(|entry| name(&entry.name)).filter(|name| is_segment(name));
        names.map(|name| read_alone(entries, &name, registry).map(|network| (name, network))).collect()
    })
}

/// A network without the run that it may be of.
fn read_alone(entries: &Entries<'_>, name: &str, registry: &Registry) -> Result<Network, FormatError> {
    let (mut network, origin) = read(entries, name, registry)?;
    // In a run's file the origin is that of the weights before the first step.
    if !entries.iter().any(|entry| entry.name.starts_with("run/")) {
        network.origin = origin;
    }
    Ok(network)
}

/// Calls `read` with the entries of the file at `path`.
fn with_entries<T>(
    path: &Path,
    registry: &Registry,
    read: impl FnOnce(&Entries<'_>) -> Result<T, FormatError>,
) -> Result<T, Error> {
    // A file that is no checkpoint isn't read whole.
    Front::open(path)?;
    let bytes = read_file(path)?;
    decode(&bytes, registry, read).map_err(|source| Error::Format { path: path.to_owned(), source })
}

/// Calls `read` with the entries in `bytes`.
fn decode<T>(
    bytes: &[u8],
    registry: &Registry,
    read: impl FnOnce(&Entries<'_>) -> Result<T, FormatError>,
) -> Result<T, FormatError> {
    let entries = legacy::decode_any(bytes, registry)?;
    entries.check(known)?;
    read(&entries)
}

fn write<'a>(path: &Path, networks: impl Iterator<Item = (&'a str, &'a Network)>) -> Result<(), Error> {
    let mut bytes = Vec::new();
    encode_into(&mut bytes, networks).map_err(|source| Error::Format { path: path.to_owned(), source })?;
    save(path, &bytes)
}

fn encode_into<'a>(
    out: &mut Vec<u8>,
    networks: impl Iterator<Item = (&'a str, &'a Network)>,
) -> Result<(), FormatError> {
    let (mut drafts, mut bytes) = (Drafts::default(), 0_u64);
    for (name, network) in networks {
        if !is_segment(name) {
            return Err(FormatError::Name { name: name.chars().take(64).collect() });
        }
        put(&mut drafts, name, network, network.origin)?;
        bytes = bytes.saturating_add(footprint::network_file(network));
    }
    drafts.encode_into(bytes, out)
}
