//! Arrays of numbers from NumPy's files: `.npy` holds one, and `.npz` several with names.
//!
//! The format is that of [`numpy.lib.format`](https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3.
//! Arrays of any number type, byte order and memory order are read. Pickled objects aren't: reading them would run what they say.

mod dataset;
mod header;
mod text;

pub use text::NumpyText;

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use crate::dataset::Inputs;
use crate::error::{Error, TableFault, listed};
use crate::idx::room;
use crate::regular::open_regular;
use header::Header;

/// The first bytes of a `.npy` file.
pub const NUMPY_MAGIC: [u8; 6] = *b"\x93NUMPY";

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Bool,
    /// With so many bytes.
    Signed(usize),
    /// With so many bytes.
    Unsigned(usize),
    /// With so many bytes: 2, 4 or 8.
    Float(usize),
}

impl Element {
    fn size(self) -> usize {
        match self {
            Element::Bool => 1,
            Element::Signed(size) | Element::Unsigned(size) | Element::Float(size) => size,
        }
    }
}

/// A number of an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number, or 0 and 1 for truth values.
    Integer(i128),
    /// A number of half or single precision.
    Single(f32),
    /// A number of double precision.
    Double(f64),
}

impl Number {
    /// The number rounded to f32.
    #[must_use]
    pub fn to_f32(self) -> f32 {
        match self {
            Number::Integer(x) => x as f32,
            Number::Single(x) => x,
            Number::Double(x) => x as f32,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(x) => write!(f, "{x}"),
            Number::Single(x) => write!(f, "{x}"),
            Number::Double(x) => write!(f, "{x}"),
        }
    }
}

/// An array of numbers, from a `.npy` file or out of an archive.
#[derive(Debug, Clone)]
pub struct NumpyArray {
    path: PathBuf,
    header: Header,
    /// The elements as they stand in the file.
    bytes: Vec<u8>,
}

impl NumpyArray {
    /// Reads the array in the `.npy` file that `reader` gives. Errors call it `path`.
    ///
    /// ```
    /// use minibatch_data::{Number, NumpyArray};
    ///
    /// // A 2 × 2 array of i16 in Fortran order, as `numpy.save` writes it.
    /// let header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 2), }";
    /// let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    /// file.extend(format!("{header:<117}\n").bytes());
    /// file.extend([1, 0, 2, 0, 3, 0, 4, 0]);
    /// let array = NumpyArray::read("array.npy".as_ref(), &*file)?;
    /// assert_eq!((array.shape(), array.number(1)), (&[2, 2][..], Number::Integer(3)));
    /// # Ok::<(), minibatch_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Table`] for what is no array of numbers.
    pub fn read(path: &Path, mut reader: impl Read) -> Result<NumpyArray, Error> {
        let header = read_header(path, &mut reader)?;
        let fault = |fault: TableFault| fault.in_file(path);
        let expected = header.bytes().ok_or_else(|| {
            fault(TableFault::new(
                "an array that fits into memory",
                format!("the shape {:?}", header.shape),
                "",
            ))
        })?;
        let mut bytes = Vec::new();
        reader
            .take((expected as u64).saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Error::io(path, "read"))?;
        if bytes.len() != expected {
            let found = if bytes.len() > expected { "more".to_owned() } else { bytes.len().to_string() };
            let expected = format!("{expected} bytes of elements, for the shape {:?}", header.shape);
            return Err(fault(TableFault::new(expected, found, "save it again")));
        }
        Ok(NumpyArray { path: path.to_owned(), header, bytes })
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Whether the elements are unsigned bytes, as pixels are.
    #[must_use]
    pub fn are_bytes(&self) -> bool {
        self.header.element == Element::Unsigned(1)
    }

    /// The number at an index in C order: the last dimension goes fastest.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn number(&self, index: usize) -> Number {
        let at = if self.header.is_fortran { self.in_fortran_order(index) } else { index };
        let size = self.header.element.size();
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(&self.bytes[at * size..][..size]);
        if self.header.is_big_endian {
            bytes[..size].reverse();
        }
        let word = u64::from_le_bytes(bytes);
        match self.header.element {
            Element::Bool => Number::Integer(i128::from(word != 0)),
            Element::Unsigned(_) => Number::Integer(i128::from(word)),
            Element::Signed(size) => {
                let shift = 64 - 8 * size as u32;
                Number::Integer(i128::from((word << shift).cast_signed() >> shift))
            }
            Element::Float(2) => Number::Single(half(word as u16)),
            Element::Float(4) => Number::Single(f32::from_bits(word as u32)),
            Element::Float(_) => Number::Double(f64::from_bits(word)),
        }
    }

    /// The place in Fortran order, in which the first dimension goes fastest, of an index in C order.
    fn in_fortran_order(&self, mut index: usize) -> usize {
        let (mut place, mut stride) = (0, self.header.shape.iter().product::<usize>());
        for &dimension in self.header.shape.iter().rev() {
            stride /= dimension;
            place += index % dimension * stride;
            index /= dimension;
        }
        place
    }

    /// The elements in C order: bytes stay bytes, and all others become f32.
    ///
    /// # Errors
    /// [`Error::Io`] if memory lacks.
    pub fn to_inputs(&self) -> Result<Inputs, Error> {
        let len = self.header.shape.iter().product();
        if self.are_bytes() && !self.header.is_fortran {
            return Ok(Inputs::Bytes(self.bytes.clone()));
        }
        if self.are_bytes() {
            let byte = |index| self.bytes[self.in_fortran_order(index)];
            return Ok(Inputs::Bytes((0..len).map(byte).collect()));
        }
        let mut floats = room(len, &self.path)?;
        floats.extend((0..len).map(|index| self.number(index).to_f32()));
        Ok(Inputs::Floats(floats))
    }
}

/// Reads the header of an array, to its first element.
fn read_header(path: &Path, mut reader: impl Read) -> Result<Header, Error> {
    let mut start = [0; 12];
    let short = |_| {
        let fault = TableFault::new("a NumPy array", "the end of the file in its header", "save it again");
        fault.in_file(path)
    };
    reader.read_exact(&mut start[..10]).map_err(short)?;
    let length = if start[6] == 1 {
        usize::from(u16::from_le_bytes([start[8], start[9]]))
    } else {
        reader.read_exact(&mut start[10..]).map_err(short)?;
        u32::from_le_bytes([start[8], start[9], start[10], start[11]]) as usize
    };
    let mut text = Vec::new();
    reader.take(length as u64).read_to_end(&mut text).map_err(Error::io(path, "read"))?;
    Header::parse(&start[..8], &text).map_err(|fault| fault.in_file(path))
}

/// The number with these bits in half precision.
pub(crate) fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 0x1f, f32::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// An archive of named arrays, as `numpy.savez` and `numpy.savez_compressed` write it.
#[derive(Debug)]
pub struct NumpyArchive<R = BufReader<File>> {
    path: PathBuf,
    archive: ZipArchive<R>,
}

impl NumpyArchive {
    /// Opens the archive at `path`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotAFile`], and [`Error::Table`] if it is no archive.
    pub fn open(path: &Path) -> Result<NumpyArchive, Error> {
        NumpyArchive::new(path, BufReader::new(open_regular(path)?))
    }
}

impl<R: Read + Seek> NumpyArchive<R> {
    /// The archive that `reader` gives. Errors call it `path`.
    ///
    /// # Errors
    /// [`Error::Table`] if it is no archive.
    pub fn new(path: &Path, reader: R) -> Result<NumpyArchive<R>, Error> {
        let archive = ZipArchive::new(reader).map_err(|error| {
            TableFault::new("an archive of arrays (.npz)", error.to_string(), "").in_file(path)
        })?;
        Ok(NumpyArchive { path: path.to_owned(), archive })
    }

    /// The bytes of the file `name` in the archive, which is no array, or nothing if there is none. At most `most` bytes are read.
    ///
    /// # Errors
    /// [`Error::Io`] if it can't be unpacked, [`Error::Table`] if it is longer.
    pub fn text(&mut self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let Ok(file) = self.archive.by_name(name) else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::io(&self.path, "unpack"))?;
        if bytes.len() as u64 > most {
            let expected = format!("at most {most} bytes of '{name}'");
            return Err(TableFault::new(expected, "more".to_owned(), "").in_file(&self.path));
        }
        Ok(Some(bytes))
    }

    /// The names of the arrays.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let name = |name: &str| name.strip_suffix(".npy").map(str::to_owned);
        self.archive.file_names().filter_map(Result::ok).filter_map(|file| name(&file)).collect()
    }

    /// Reads the array with this name.
    ///
    /// # Errors
    /// As [`NumpyArray::read`], and [`Error::Table`] if there is none.
    pub fn array(&mut self, name: &str) -> Result<NumpyArray, Error> {
        self.with(name, |path, file| NumpyArray::read(path, file))
    }

    /// The shape of the array with this name, and whether its elements are unsigned bytes. The elements aren't read.
    ///
    /// # Errors
    /// As [`array`](Self::array).
    pub fn shape(&mut self, name: &str) -> Result<(Vec<usize>, bool), Error> {
        let header = self.with(name, |path, file| read_header(path, file))?;
        let are_bytes = header.element == Element::Unsigned(1);
        Ok((header.shape, are_bytes))
    }

    fn with<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Path, &mut dyn Read) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let entry = format!("{name}.npy");
        if self.archive.index_for_name(&entry).is_none() {
            let found = format!("the arrays {}", listed(self.names().into_iter()));
            let fault =
                TableFault::new(format!("an array '{name}'"), found, "--x-key and --y-key name others");
            return Err(fault.in_file(&self.path));
        }
        let mut file = self.archive.by_name(&entry).map_err(|error| {
            TableFault::new(format!("an array '{name}' that can be unpacked"), error.to_string(), "")
                .in_file(&self.path)
        })?;
        read(&self.path, &mut file)
    }
}
