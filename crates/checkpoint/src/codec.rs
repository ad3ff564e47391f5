//! The content of an entry: a small value, encoded by bincode, or raw f32 numbers. No other file names bincode.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian, NoLimit};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::FormatError;
use crate::format::Part;

type Config<L> = Configuration<LittleEndian, Fixint, L>;

/// The largest payload that is decoded as a value. Numbers by the million are raw.
pub(crate) const MAX_VALUE: usize = 1 << 28;

/// Appends `value` to `out`: its fields in order, little-endian, integers at full width, lengths as u64, an enum's variant as
/// u32, strings as UTF-8. A value should hold no hash map, because equal maps may differ in order.
///
/// # Errors
///
/// If the type refuses to be encoded. The error names the entry `name`.
pub(crate) fn encode_value<T: Serialize>(
    name: &str,
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    bincode::serde::encode_into_std_write(value, out, Config::<NoLimit>::default())
        .map(|_| ())
        .map_err(|error| FormatError::value(name, error.to_string()))
}

/// The value of which `payload` is the whole encoding. The error names the entry `name`.
///
/// The allocated memory stays in proportion to `payload`, whatever lengths it claims. `T` should hold no sequence
/// of zero-sized elements. They need no bytes, so a claimed length of them cannot be proven.
pub(crate) fn decode_value<T: DeserializeOwned>(name: &str, payload: &[u8]) -> Result<T, FormatError> {
    // bincode takes its limit as a constant. The limit is the least of these that is no less than the payload's proven length.
    let decoded = match payload.len() {
        length if length <= 0x400 => decode_limited::<T, 0x400>(payload),
        length if length <= 0x1_0000 => decode_limited::<T, 0x1_0000>(payload),
        length if length <= 0x10_0000 => decode_limited::<T, 0x10_0000>(payload),
        length if length <= 0x100_0000 => decode_limited::<T, 0x100_0000>(payload),
        length if length <= MAX_VALUE => decode_limited::<T, MAX_VALUE>(payload),
        length => return Err(too_long(Part::entry(name), length)),
    };
    decoded.map_err(|cause| FormatError::value(name, cause))
}

/// Refuses a payload that is too long for a value.
pub(crate) fn too_long(part: Part, length: usize) -> FormatError {
    FormatError::Value { part, cause: format!("it is {length} bytes long, expected at most {MAX_VALUE}") }
}

fn decode_limited<T: DeserializeOwned, const LIMIT: usize>(payload: &[u8]) -> Result<T, String> {
    let (value, read) = bincode::serde::decode_from_slice(payload, Config::<Limit<LIMIT>>::default())
        .map_err(|error| match error {
            DecodeError::UnexpectedEnd { .. } => "it ends inside a value".to_owned(),
            DecodeError::LimitExceeded => "it claims a length beyond its end".to_owned(),
            DecodeError::OtherString(cause) => cause,
            other => other.to_string(),
        })?;
    match payload.len() - read {
        0 => Ok(value),
        left => Err(format!("{left} bytes follow the value, which ends after {read}")),
    }
}

/// Appends numbers as little-endian f32, four bytes each, bits unchanged.
pub(crate) fn put_f32s(values: &[f32], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + size_of_val(values), 0);
    let (chunks, _) = out[start..].as_chunks_mut();
    for (chunk, value) in chunks.iter_mut().zip(values) {
        *chunk = value.to_le_bytes();
    }
}

/// An entry of f32 numbers, read some at a time, in the order in which they were put.
#[derive(Debug)]
pub struct F32s<'a> {
    name: &'a str,
    numbers: &'a [[u8; 4]],
    next: usize,
}

impl<'a> F32s<'a> {
    /// Proves that `payload` holds exactly `count` numbers.
    pub(crate) fn new(name: &'a str, payload: &'a [u8], count: u64) -> Result<Self, FormatError> {
        let (numbers, rest) = payload.as_chunks();
        if !rest.is_empty() || numbers.len() as u64 != count {
            let (part, expected, found) = (Part::entry(name), count.saturating_mul(4), payload.len() as u64);
            return Err(FormatError::NumberCount { part, expected, found });
        }
        Ok(F32s { name, numbers, next: 0 })
    }

    /// Fills `values` with the next numbers, all of which must be finite.
    pub fn read_into(&mut self, values: &mut [f32]) -> Result<(), FormatError> {
        let Some(numbers) = self.numbers[self.next..].get(..values.len()) else {
            let expected = ((self.next + values.len()) as u64).saturating_mul(4);
            return Err(self.miscounted(expected));
        };
        for (value, number) in values.iter_mut().zip(numbers) {
            *value = f32::from_le_bytes(*number);
        }
        check_finite(self.name, self.next, values)?;
        self.next += values.len();
        Ok(())
    }

    /// Ends the reading. Numbers that haven't been read are an error.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.next == self.numbers.len() { Ok(()) } else { Err(self.miscounted((self.next * 4) as u64)) }
    }

    fn miscounted(&self, expected: u64) -> FormatError {
        let found = size_of_val(self.numbers) as u64;
        FormatError::NumberCount { part: Part::entry(self.name), expected, found }
    }
}

/// Refuses a number that isn't finite. `before` is the count of the entry's numbers before `values`.
pub(crate) fn check_finite(name: &str, before: usize, values: &[f32]) -> Result<(), FormatError> {
    // The fold never leaves early, so it is one pass of whole registers.
    if values.iter().fold(true, |finite, x| finite & x.is_finite()) {
        return Ok(());
    }
    let at = values.iter().position(|x| !x.is_finite()).unwrap_or_default();
    let (index, found) = ((before + at) as u64, values[at].to_string());
    Err(FormatError::NotFinite { part: Part::entry(name), index, found })
}
