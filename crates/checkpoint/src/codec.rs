//! The content of a section: a small value, encoded by bincode, or a block of raw f32. No other file names bincode.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian, NoLimit};
use bincode::error::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::FormatError;
use crate::format::Tag;

type Config<L> = Configuration<LittleEndian, Fixint, L>;

/// The largest section that is decoded as a value. Numbers by the million are f32 blocks.
pub(crate) const MAX_VALUE: usize = 1 << 28;

/// Appends `value` to `out`. A type may refuse to be encoded. The error names the section `tag`.
pub(crate) fn encode_value<T: Serialize>(tag: Tag, value: &T, out: &mut Vec<u8>) -> Result<(), FormatError> {
    bincode::serde::encode_into_std_write(value, out, Config::<NoLimit>::default())
        .map(|_| ())
        .map_err(|error| FormatError::Value { section: tag.part(), cause: error.to_string() })
}

/// The value of which `payload` is the whole encoding. The error names the section `tag`.
///
/// The allocated memory stays in proportion to `payload`, whatever lengths it claims. `T` should hold no sequence
/// of zero-sized elements. They need no bytes, so a claimed length of them cannot be proven.
pub(crate) fn decode_value<T: DeserializeOwned>(tag: Tag, payload: &[u8]) -> Result<T, FormatError> {
    // bincode takes its limit as a constant. The limit is the least of these that is no less than the payload's proven length.
    let decoded = match payload.len() {
        length if length <= 0x400 => decode_limited::<T, 0x400>(payload),
        length if length <= 0x1_0000 => decode_limited::<T, 0x1_0000>(payload),
        length if length <= 0x10_0000 => decode_limited::<T, 0x10_0000>(payload),
        length if length <= 0x100_0000 => decode_limited::<T, 0x100_0000>(payload),
        length if length <= MAX_VALUE => decode_limited::<T, MAX_VALUE>(payload),
        length => return Err(too_long(tag, length)),
    };
    decoded.map_err(|cause| FormatError::Value { section: tag.part(), cause })
}

/// Refuses a section that is too long for a value.
pub(crate) fn too_long(tag: Tag, length: usize) -> FormatError {
    let cause = format!("it is {length} bytes long, expected at most {MAX_VALUE}");
    FormatError::Value { section: tag.part(), cause }
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

/// A section of f32 numbers, read block by block in the order in which they were put.
#[derive(Debug)]
pub struct F32Blocks<'a> {
    tag: Tag,
    numbers: &'a [[u8; 4]],
    next: usize,
}

impl<'a> F32Blocks<'a> {
    /// Proves that `payload` holds exactly `count` numbers.
    pub fn new(tag: Tag, payload: &'a [u8], count: u64) -> Result<Self, FormatError> {
        let (numbers, rest) = payload.as_chunks();
        if !rest.is_empty() || numbers.len() as u64 != count {
            let (expected, found) = (count.saturating_mul(4), payload.len() as u64);
            return Err(FormatError::NumberCount { section: tag.part(), expected, found });
        }
        Ok(F32Blocks { tag, numbers, next: 0 })
    }

    /// Fills `block` with the next numbers, all of which must be finite.
    pub fn read_into(&mut self, block: &mut [f32]) -> Result<(), FormatError> {
        let section = self.tag.part();
        let Some(numbers) = self.numbers[self.next..].get(..block.len()) else {
            let expected = ((self.next + block.len()) as u64).saturating_mul(4);
            let found = size_of_val(self.numbers) as u64;
            return Err(FormatError::NumberCount { section, expected, found });
        };
        let mut finite = true;
        for (value, number) in block.iter_mut().zip(numbers) {
            *value = f32::from_le_bytes(*number);
            finite &= value.is_finite();
        }
        if !finite && let Some(at) = block.iter().position(|value| !value.is_finite()) {
            let index = (self.next + at) as u64;
            return Err(FormatError::NotFinite { section, index, found: block[at].to_string() });
        }
        self.next += block.len();
        Ok(())
    }

    /// Ends the reading. Numbers that haven't been read are an error.
    pub fn finish(self) -> Result<(), FormatError> {
        if self.next == self.numbers.len() {
            return Ok(());
        }
        let (expected, found) = ((self.next * 4) as u64, size_of_val(self.numbers) as u64);
        Err(FormatError::NumberCount { section: self.tag.part(), expected, found })
    }
}
