//! The directory of a file's entries: a name, flags, a length and a checksum for each, ascending by their names.
//!
//! Payloads stand in the same order without gaps, so there is exactly one file for a given set of entries.

use crate::codec::{decode_value, encode_value};
use crate::container::{Record, Section};
use crate::error::FormatError;
use crate::format::{Part, are_valid, is_name};

/// A line as it stands in the file: name, flags, length, checksum.
type Line<S> = (S, u32, u64, u64);

/// Puts a line.
pub(crate) fn put(
    name: &str,
    flags: u32,
    length: u64,
    checksum: u64,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    let line: Line<&str> = (name, flags, length, checksum);
    encode_value(name, &line, out)
}

/// Reads the lines of the entries whose payloads fill the section `data`.
pub(crate) fn read(lines: &[u8], data: &Section) -> Result<Vec<Record>, FormatError> {
    let invalid = |cause| FormatError::Value { part: Part::Directory, cause };
    let lines = decode_value::<Vec<Line<String>>>("", lines).map_err(|error| match error {
        FormatError::Value { cause, .. } => invalid(cause),
        error => error,
    })?;
    check(lines.iter().map(|(name, flags, ..)| (&**name, *flags)))?;
    let mut used = 0;
    let place = |(name, flags, length, checksum): Line<String>| {
        let (offset, left) = (data.offset + used, data.length - used);
        let Some(size) = usize::try_from(length).ok().filter(|&size| size <= left) else {
            let (part, offset, found) = (Part::entry(&name), offset as u64, left as u64);
            return Err(FormatError::Truncated { part, offset, expected: length, found });
        };
        used += size;
        Ok(Record { name, flags, offset, length: size, checksum })
    };
    let records = lines.into_iter().map(place).collect::<Result<_, _>>()?;
    if used != data.length {
        return Err(invalid(format!("the data are {} bytes long, its entries {used}", data.length)));
    }
    Ok(records)
}

/// Checks spelling and order of names, and that only flags are set which an entry may have.
pub(crate) fn check<'a>(entries: impl Iterator<Item = (&'a str, u32)>) -> Result<(), FormatError> {
    let mut previous = "";
    for (name, flags) in entries {
        if !is_name(name) || previous >= name {
            return Err(FormatError::Name { name: name.chars().take(64).collect() });
        }
        if !are_valid(flags) {
            return Err(FormatError::Flags { name: name.to_owned(), found: flags });
        }
        previous = name;
    }
    Ok(())
}
