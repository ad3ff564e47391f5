//! Entries: named payloads with flags, of which a checkpoint is made.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::codec::{self, F32s};
use crate::container::{Record, Table, put_header};
use crate::directory;
use crate::error::FormatError;
use crate::format::{NOT_COMPARED, OPTIONAL, Part, SECTIONS, header_len};

/// The payload of an entry. It can only be appended to, so that no entry can disturb another.
#[derive(Debug)]
pub struct Payload<'a> {
    out: &'a mut Vec<u8>,
    name: &'a str,
}

impl Payload<'_> {
    /// Appends numbers as little-endian f32, four bytes each. All must be finite: a checkpoint is never worse than the one
    /// before it.
    pub fn put_f32s<'a>(&mut self, slices: impl Iterator<Item = &'a [f32]>) -> Result<(), FormatError> {
        let mut count = 0;
        for values in slices {
            codec::check_finite(self.name, count, values)?;
            codec::put_f32s(values, self.out);
            count += values.len();
        }
        Ok(())
    }

    /// Appends a value: its fields in order, little-endian, integers at full width, lengths as u64, an enum's variant
    /// as u32, strings as UTF-8. A value should hold no hash map, because equal maps may differ in order.
    pub fn put_value<T: Serialize>(&mut self, value: &T) -> Result<(), FormatError> {
        codec::encode_value(self.name, value, self.out)
    }

    /// Appends bytes as they are.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

/// Writes a file of the given entries into `out`, whose old content goes. `names` has their names, ascending, and their flags.
///
/// `put` is called once for each of them, in this order, with its index. It appends that entry's payload. Nothing is
/// allocated once `out` has grown to the size of the file. On an error, `out` holds no file.
///
/// ```
/// use minibatch_checkpoint::{decode, encode_into};
///
/// let mut file = Vec::new();
/// encode_into(&mut file, &[("weights", 0)], |_, payload| payload.put_f32s([&[0.5, -2.0][..]].into_iter()))?;
/// let entries = decode(&file)?;
/// let mut weights = [0.0; 2];
/// entries.f32s("weights", 2)?.read_into(&mut weights)?;
/// assert_eq!(weights, [0.5, -2.0]);
/// # Ok::<(), minibatch_checkpoint::FormatError>(())
/// ```
///
/// # Errors
///
/// If a name is none, or stands out of order, or has flags that no entry can have, or if `put` fails.
pub fn encode_into<N: AsRef<str>>(
    out: &mut Vec<u8>,
    names: &[(N, u32)],
    mut put: impl FnMut(usize, &mut Payload<'_>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    directory::check(names.iter().map(|(name, flags)| (name.as_ref(), *flags)))?;
    let header = header_len(SECTIONS.len());
    out.clear();
    out.resize(header, 0);
    out.extend((names.len() as u64).to_le_bytes());
    let mut line = out.len();
    for (name, flags) in names {
        directory::put(name.as_ref(), *flags, 0, 0, out)?;
    }
    let data = out.len();
    for (index, (name, _)) in names.iter().enumerate() {
        let (name, start) = (name.as_ref(), out.len());
        put(index, &mut Payload { out, name })?;
        let (length, checksum) = ((out.len() - start) as u64, xxh3_64(&out[start..]));
        // The name with its length, and the flags.
        line += 8 + name.len() + 4;
        for number in [length, checksum] {
            out[line..line + 8].copy_from_slice(&number.to_le_bytes());
            line += 8;
        }
    }
    put_header(out, data);
    Ok(())
}

/// An entry with its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name. In versions 1 and 2 it is a section's tag.
    pub name: Cow<'a, str>,
    /// [`OPTIONAL`], [`NOT_COMPARED`] and [`CARRIED`](crate::CARRIED).
    pub flags: u32,
    /// Its content.
    pub payload: Cow<'a, [u8]>,
}

impl<'a> Entry<'a> {
    /// An entry that holds a value, as [`Payload::put_value`] appends it.
    pub fn of_value<T: Serialize>(
        name: impl Into<Cow<'a, str>>,
        flags: u32,
        value: &T,
    ) -> Result<Self, FormatError> {
        let (name, mut payload) = (name.into(), Vec::new());
        codec::encode_value(&name, value, &mut payload)?;
        Ok(Entry { name, flags, payload: payload.into() })
    }

    /// The value that the entry holds, and nothing else.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, FormatError> {
        codec::decode_value(&self.name, &self.payload)
    }

    /// The line of the entry in a directory, but for its place.
    #[must_use]
    pub fn record(&self) -> Record {
        let (name, length) = (self.name.clone().into_owned(), self.payload.len());
        Record { name, flags: self.flags, offset: 0, length, checksum: xxh3_64(&self.payload) }
    }
}

/// The entries of a checkpoint whose every byte has been verified, ascending by their names.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    version: u32,
    entries: Vec<Entry<'a>>,
}

/// Verifies a whole file: layout, order, lengths, and the checksum of every byte.
pub fn decode(file: &[u8]) -> Result<Entries<'_>, FormatError> {
    let (version, table) = Table::read(file, file.len() as u64)?;
    let (records, data) = match table {
        Table::Old(records) => (records, None),
        Table::New { directory, data } => {
            let lines = directory.verified(Part::Directory, directory.slice(file))?;
            (directory::read(lines, &data)?, Some(data))
        }
    };
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        let payload = &file[record.offset..record.offset + record.length];
        // An entry's own checksum names it, so it comes before the one of all.
        record.verify(payload)?;
        let Record { name, flags, .. } = record;
        entries.push(Entry { name: name.into(), flags, payload: payload.into() });
    }
    if let Some(data) = data {
        data.verified(Part::Data, data.slice(file))?;
    }
    Ok(Entries { version, ..Entries::new(entries) })
}

impl<'a> Entries<'a> {
    /// Entries in any order.
    #[must_use]
    pub fn new(mut entries: Vec<Entry<'a>>) -> Entries<'a> {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Entries { version: crate::FORMAT_VERSION, entries }
    }

    /// The version of the file.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// All entries, unknown ones included.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter()
    }

    /// Checks that every known entry has its flags, and that an unknown one is optional. `known` has the flags of what is known.
    /// Returns the unknown ones that a writer carries over.
    pub fn check(&self, known: impl Fn(&str) -> Option<u32>) -> Result<Vec<Entry<'static>>, FormatError> {
        let mut carried = Vec::new();
        for Entry { name, flags, payload } in &self.entries {
            match known(name) {
                Some(expected) if expected == *flags => {}
                Some(_) => return Err(FormatError::Flags { name: name.to_string(), found: *flags }),
                None if flags & OPTIONAL == 0 => return Err(FormatError::Unknown { name: name.to_string() }),
                None if flags & crate::CARRIED == 0 => {}
                None => {
                    let (name, payload) = (name.to_string().into(), payload.to_vec().into());
                    carried.push(Entry { name, flags: *flags, payload });
                }
            }
        }
        Ok(carried)
    }

    /// An entry, if the file has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry<'a>> {
        let found = self.entries.binary_search_by(|entry| (*entry.name).cmp(name));
        found.ok().map(|index| &self.entries[index])
    }

    /// An entry, or the error that says it is missing.
    pub fn require(&self, name: &str) -> Result<&Entry<'a>, FormatError> {
        self.get(name).ok_or_else(|| FormatError::Missing { part: Part::entry(name) })
    }

    /// The value that an entry holds, if the file has the entry.
    pub fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FormatError> {
        self.get(name).map(Entry::value).transpose()
    }

    /// The value that an entry holds.
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Result<T, FormatError> {
        self.require(name)?.value()
    }

    /// The numbers that an entry holds, exactly `count` of them. The count is proven here, so that the caller may
    /// allocate for them afterwards.
    pub fn f32s(&self, name: &str, count: u64) -> Result<F32s<'_>, FormatError> {
        let Entry { name, payload, .. } = self.require(name)?;
        F32s::new(name, payload, count)
    }

    /// The hash two runs must share to count as the same: xxh3-64 over the directory's lines (name, flags, length, checksum, as in
    /// the file) of the entries without the flag [`NOT_COMPARED`].
    pub fn compared_hash(&self) -> Result<u64, FormatError> {
        let (mut hash, mut line) = (Xxh3Default::new(), Vec::new());
        for entry in self.entries.iter().filter(|entry| entry.flags & NOT_COMPARED == 0) {
            line.clear();
            let checksum = xxh3_64(&entry.payload);
            directory::put(&entry.name, entry.flags, entry.payload.len() as u64, checksum, &mut line)?;
            hash.update(&line);
        }
        Ok(hash.digest())
    }
}
