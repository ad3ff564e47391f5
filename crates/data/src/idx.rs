//! The IDX format: a big-endian array with its element type and shape in front.
//!
//! | bytes | content |
//! |---|---|
//! | 0, 1 | zero |
//! | 2 | element type, see [`ElementType`] |
//! | 3 | rank r, the number of dimensions |
//! | 4 … 4 + 4r | the dimensions, big-endian u32 each |
//! | from 4 + 4r | the elements, row-major, big-endian |
//!
//! Source: the description on the original MNIST page. No part of a header is used before the
//! whole header agrees with the file's length.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Defect, Error};
#[cfg(feature = "mmap")]
use crate::mapping::Mapping;
use crate::regular::open_regular;

/// Bytes before the dimensions.
const MAGIC_LEN: usize = 4;
/// The longest header. Its rank is a single byte.
const MAX_HEADER_LEN: usize = MAGIC_LEN + 4 * u8::MAX as usize;

const FETCH_AGAIN: &str = "the file is truncated: fetch it again";
const NOT_IDX: &str = "this is not an IDX file";
const GUNZIP: &str = "unpack it with `gunzip`, or let `cargo xtask fetch-mnist` fetch and unpack the set";

/// Type of an IDX file's elements, all big-endian. The discriminant is the byte in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ElementType {
    /// Unsigned bytes, MNIST's pixels and labels.
    U8 = 0x08,
    /// Signed bytes.
    I8 = 0x09,
    /// 16-bit integers.
    I16 = 0x0B,
    /// 32-bit integers, QMNIST's labels.
    I32 = 0x0C,
    /// Single precision.
    F32 = 0x0D,
    /// Double precision.
    F64 = 0x0E,
}

impl ElementType {
    /// The type that `byte` stands for in a header.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::U8, Self::I8, Self::I16, Self::I32, Self::F32, Self::F64]
            .into_iter()
            .find(|element| *element as u8 == byte)
    }

    /// Size of one element in bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// True if elements are floating-point numbers.
    #[must_use]
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// The checked header of an IDX file. The rank and every dimension are at least 1, and the length of
/// the payload agrees with the file's length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    element: ElementType,
    dims: Vec<usize>,
    payload_len: usize,
}

impl Header {
    /// Parses `start`, the first bytes of a file that is `file_len` bytes long.
    ///
    /// `start` may be the whole file or any part of it that holds the header.
    ///
    /// ```
    /// use minibatch_data::{ElementType, Header};
    ///
    /// let file = [0, 0, 0x08, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30];
    /// let header = Header::parse(&file, 15)?;
    /// assert_eq!((header.element(), header.dims()), (ElementType::U8, &[1, 3][..]));
    ///
    /// let defect = Header::parse(&file, 14).unwrap_err();
    /// assert_eq!(
    ///     defect.to_string(),
    ///     "at byte 14: expected 15 bytes (12 of header, 1 × 3 elements of 1), found 14; \
    ///      the file is truncated: fetch it again"
    /// );
    /// # Ok::<(), minibatch_data::Defect>(())
    /// ```
    ///
    /// # Errors
    /// A [`Defect`] with the offset of the first byte that is wrong or missing.
    pub fn parse(start: &[u8], file_len: u64) -> Result<Self, Defect> {
        let defect = |offset: usize, expected: &str, found: String, help| {
            Err(Defect { offset: offset as u64, expected: expected.to_owned(), found, help })
        };
        const MAGIC: &str = "an IDX magic number (00 00, element type, rank)";
        if start.starts_with(&[0x1f, 0x8b]) {
            return defect(0, MAGIC, "gzip data (1f 8b)".to_owned(), GUNZIP);
        }
        let Some(&[zero0, zero1, element, rank]) = start.first_chunk::<MAGIC_LEN>() else {
            let found = format!("the end of the file after {} bytes", start.len());
            return defect(start.len(), MAGIC, found, FETCH_AGAIN);
        };
        if (zero0, zero1) != (0, 0) {
            let found = format!("{zero0:02x} {zero1:02x} {element:02x} {rank:02x}");
            return defect(0, MAGIC, found, NOT_IDX);
        }
        let Some(element) = ElementType::from_byte(element) else {
            let found = format!("{element:02x}");
            return defect(2, "an element type (08, 09, 0b, 0c, 0d or 0e)", found, NOT_IDX);
        };
        if rank == 0 {
            return defect(3, "a rank of at least 1", "0".to_owned(), "the file holds no array");
        }
        let header_len = MAGIC_LEN + 4 * usize::from(rank);
        let Some(dims) = start.get(MAGIC_LEN..header_len) else {
            let expected = format!("{rank} dimensions up to byte {header_len}");
            let found = format!("the end of the file after {} bytes", start.len());
            return defect(start.len(), &expected, found, FETCH_AGAIN);
        };
        let dims: Vec<u32> = dims.as_chunks::<4>().0.iter().map(|dim| u32::from_be_bytes(*dim)).collect();
        if let Some(axis) = dims.iter().position(|&dim| dim == 0) {
            let expected = format!("dimension {} of {rank} to be at least 1", axis + 1);
            return defect(MAGIC_LEN + 4 * axis, &expected, "0".to_owned(), "the set is empty");
        }
        let shape = dims.iter().map(u32::to_string).collect::<Vec<_>>().join(" × ");
        let payload_len = dims.iter().try_fold(element.size(), |len, &dim| len.checked_mul(dim as usize));
        let total = payload_len.and_then(|len| len.checked_add(header_len));
        let (Some(payload_len), Some(total)) = (payload_len, total) else {
            return defect(MAGIC_LEN, "dimensions whose product can be addressed", shape, NOT_IDX);
        };
        if total as u64 != file_len {
            return Err(Defect {
                offset: file_len.min(total as u64),
                expected: format!(
                    "{total} bytes ({header_len} of header, {shape} elements of {})",
                    element.size()
                ),
                found: file_len.to_string(),
                help: if file_len < total as u64 {
                    FETCH_AGAIN
                } else {
                    "the file has trailing bytes: fetch it again"
                },
            });
        }
        Ok(Self { element, dims: dims.into_iter().map(|dim| dim as usize).collect(), payload_len })
    }

    /// Type of the elements.
    #[must_use]
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// The array's shape, outermost dimension first. It is never empty, and no dimension is 0.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Bytes of elements after the header.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }

    /// Offset of the first element in the file, in bytes.
    #[must_use]
    pub fn payload_offset(&self) -> usize {
        MAGIC_LEN + 4 * self.dims.len()
    }

    /// Offset in the file of element `index`, in bytes.
    pub(crate) fn element_offset(&self, index: usize) -> u64 {
        (self.payload_offset() + index * self.element.size()) as u64
    }
}

/// An IDX file whose header was checked, mapped or read into memory.
#[derive(Debug)]
pub struct IdxFile {
    path: PathBuf,
    header: Header,
    payload: Payload,
}

/// The elements without their header.
#[derive(Debug)]
enum Payload {
    #[cfg(feature = "mmap")]
    Mapped(Mapping),
    Read(Vec<u8>),
}

impl IdxFile {
    /// Maps the file. Its pages are read when first touched, and shared with the page cache. A file that is packed by gzip is
    /// unpacked into memory instead.
    ///
    /// Without the feature `mmap` it is [`IdxFile::read`].
    ///
    /// # Files that change while mapped
    ///
    /// If another process overwrites the file, the bytes seen here may change. If it truncates the
    /// file, touching a page past the new end ends this process with `SIGBUS` (on Windows the
    /// truncation is refused instead). No program can rule that out for a file it does not own.
    /// A file that is replaced by renaming another over it, as `cargo xtask fetch-mnist` does, is
    /// harmless, because the mapping keeps the old one. Use [`IdxFile::read`] if files may be rewritten
    /// in place, for example in network folders.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be opened or mapped, [`Error::Malformed`] if its header is
    /// wrong or does not agree with its length.
    pub fn map(path: &Path) -> Result<Self, Error> {
        #[cfg(feature = "mmap")]
        {
            let (file, start) = open(path)?;
            if is_packed(&start) {
                return Self::unpack(path, &file);
            }
            let header = parse(path, &file, &start)?;
            let mapping = Mapping::new(&file, header.payload_offset() as u64, header.payload_len)
                .map_err(Error::io(path, "map"))?;
            Ok(Self { path: path.to_owned(), header, payload: Payload::Mapped(mapping) })
        }
        #[cfg(not(feature = "mmap"))]
        Self::read(path)
    }

    /// Reads the file into memory: the safe twin of [`IdxFile::map`].
    ///
    /// # Errors
    /// As [`IdxFile::map`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let (mut file, start) = open(path)?;
        if is_packed(&start) {
            return Self::unpack(path, &file);
        }
        let header = parse(path, &file, &start)?;
        let mut payload = Vec::new();
        file.seek(SeekFrom::Start(header.payload_offset() as u64))
            .and_then(|_| {
                payload.try_reserve_exact(header.payload_len)?;
                payload.resize(header.payload_len, 0);
                file.read_exact(&mut payload)
            })
            .map_err(Error::io(path, "read"))?;
        Ok(Self { path: path.to_owned(), header, payload: Payload::Read(payload) })
    }

    /// Unpacks the file, which begins with the bytes of gzip, into memory. Offsets in errors are those of the unpacked file.
    #[cfg(feature = "gzip")]
    fn unpack(path: &Path, mut file: &File) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes))
            .map_err(Error::io(path, "unpack"))?;
        let header = Header::parse(&bytes, bytes.len() as u64).map_err(|defect| defect.in_file(path))?;
        bytes.drain(..header.payload_offset());
        Ok(Self { path: path.to_owned(), header, payload: Payload::Read(bytes) })
    }

    #[cfg(not(feature = "gzip"))]
    fn unpack(path: &Path, file: &File) -> Result<Self, Error> {
        // The header's own error says how to unpack it.
        let (_, start) = open(path)?;
        parse(path, file, &start).map(|_| unreachable!("gzip data are no header"))
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The checked header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether the elements take memory of this process. Those of a mapped file stay in the page cache.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        matches!(self.payload, Payload::Read(_))
    }

    /// The elements as they stand in the file, [`Header::payload_len`] big-endian bytes.
    #[inline]
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            #[cfg(feature = "mmap")]
            Payload::Mapped(mapping) => mapping.bytes(),
            Payload::Read(bytes) => bytes,
        }
    }

    /// The elements as f32, each rounded to nearest. (Integers up to 2²⁴ are exact.)
    ///
    /// # Errors
    /// [`Error::Malformed`] at the first element that is NaN, infinite or beyond the range of f32. [`Error::Io`] if memory lacks.
    pub fn to_f32(&self) -> Result<Vec<f32>, Error> {
        let values: Vec<f32> = match self.header.element {
            ElementType::U8 => self.decode(|[b]| f32::from(b)),
            ElementType::I8 => self.decode(|[b]| f32::from(b.cast_signed())),
            ElementType::I16 => self.decode(|b| f32::from(i16::from_be_bytes(b))),
            ElementType::I32 => self.decode(|b| i32::from_be_bytes(b) as f32),
            ElementType::F32 => self.decode(f32::from_be_bytes),
            ElementType::F64 => self.decode(|b| f64::from_be_bytes(b) as f32),
        }?;
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(index) => Err(Defect {
                offset: self.header.element_offset(index),
                expected: "a finite number within the range of f32".to_owned(),
                found: values[index].to_string(),
                help: "clean the data before training on it",
            }
            .in_file(&self.path)),
        }
    }

    /// The elements as integers, or `None` if they are floating-point numbers.
    ///
    /// # Errors
    /// [`Error::Io`] if memory lacks.
    pub fn to_integers(&self) -> Result<Option<Vec<i32>>, Error> {
        match self.header.element {
            ElementType::U8 => self.decode(|[b]| i32::from(b)),
            ElementType::I8 => self.decode(|[b]| i32::from(b.cast_signed())),
            ElementType::I16 => self.decode(|b| i32::from(i16::from_be_bytes(b))),
            ElementType::I32 => self.decode(i32::from_be_bytes),
            ElementType::F32 | ElementType::F64 => return Ok(None),
        }
        .map(Some)
    }

    fn decode<const SIZE: usize, T>(&self, element: impl Fn([u8; SIZE]) -> T) -> Result<Vec<T>, Error> {
        let elements = self.payload().as_chunks::<SIZE>().0;
        let mut values = room(elements.len(), &self.path)?;
        values.extend(elements.iter().map(|bytes| element(*bytes)));
        Ok(values)
    }
}

/// Room for `len` values from the file at `path`.
pub(crate) fn room<T>(len: usize, path: &Path) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|error| Error::io(path, "hold in memory")(error.into()))?;
    Ok(values)
}

/// Whether a file that begins so is packed by gzip.
fn is_packed(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// Opens a file, and reads its first bytes.
fn open(path: &Path) -> Result<(File, Vec<u8>), Error> {
    let file = open_regular(path)?;
    let mut start = Vec::with_capacity(MAX_HEADER_LEN);
    (&file).take(MAX_HEADER_LEN as u64).read_to_end(&mut start).map_err(Error::io(path, "read"))?;
    Ok((file, start))
}

/// Checks the header in the first bytes of a file against the file's length.
fn parse(path: &Path, file: &File, start: &[u8]) -> Result<Header, Error> {
    let metadata = file.metadata().map_err(Error::io(path, "read"))?;
    Header::parse(start, metadata.len()).map_err(|defect| defect.in_file(path))
}

/// Writes an IDX array of bytes: header, then `data`, row-major in the shape `dims`.
///
/// # Errors
/// The errors of `out`, and `InvalidInput` if `dims` is not the shape of `data` or cannot be an IDX
/// header (rank 1 to 255, each dimension 1 to 2³² − 1).
pub fn write_idx_u8(out: &mut impl Write, dims: &[usize], data: &[u8]) -> io::Result<()> {
    check_len(dims, data.len())?;
    write_idx_header(out, ElementType::U8, dims)?;
    out.write_all(data)
}

/// Writes an IDX array of f32: header, then `data`, row-major in the shape `dims`.
///
/// # Errors
/// As [`write_idx_u8`].
pub fn write_idx_f32(out: &mut impl Write, dims: &[usize], data: &[f32]) -> io::Result<()> {
    check_len(dims, data.len())?;
    write_idx_header(out, ElementType::F32, dims)?;
    data.iter().try_for_each(|value| out.write_all(&value.to_be_bytes()))
}

/// Writes the header of an IDX array, for elements that follow one after the other: the product of `dims`, row-major and big-endian.
///
/// # Errors
/// The errors of `out`, and `InvalidInput` if `dims` cannot be an IDX header (rank 1 to 255, each dimension 1 to 2³² − 1).
pub fn write_idx_header(out: &mut impl Write, element: ElementType, dims: &[usize]) -> io::Result<()> {
    let invalid = || {
        let message =
            format!("expected a shape of rank 1 to 255 and dimensions from 1 to 2³² − 1, found {dims:?}");
        io::Error::new(io::ErrorKind::InvalidInput, message)
    };
    let rank = u8::try_from(dims.len()).ok().filter(|&rank| rank > 0).ok_or_else(invalid)?;
    let dims_in_file: Option<Vec<u32>> =
        dims.iter().map(|&dim| u32::try_from(dim).ok().filter(|&dim| dim > 0)).collect();
    let dims_in_file = dims_in_file.ok_or_else(invalid)?;
    out.write_all(&[0, 0, element as u8, rank])?;
    dims_in_file.iter().try_for_each(|dim| out.write_all(&dim.to_be_bytes()))
}

/// Checks that `dims` is the shape of `len` elements.
fn check_len(dims: &[usize], len: usize) -> io::Result<()> {
    let product = dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
    if product == Some(len) {
        return Ok(());
    }
    let message = format!("expected the shape of {len} elements, found {dims:?}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}
