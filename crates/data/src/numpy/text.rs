//! Arrays as the text of a table, which a [`Table`](crate::Table) is read from.

use std::io::{self, Read};
use std::path::Path;

use super::NumpyArray;
use crate::error::{Error, TableFault};

/// The text of a table whose columns are those of arrays, written as it is read. A row is a line, and cells are parted by commas.
///
/// ```
/// use minibatch_data::{NumpyArray, NumpyText};
/// use std::io::Read;
///
/// let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2), }";
/// let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
/// file.extend(format!("{header:<117}\n").bytes());
/// file.extend([1, 0, 2, 0, 3, 0, 4, 0]);
/// let array = NumpyArray::read("array.npy".as_ref(), &*file)?;
/// let mut text = String::new();
/// NumpyText::new("array.npy".as_ref(), vec![("x", array)])?.read_to_string(&mut text)?;
/// assert_eq!(text, "x1,x2\n1,2\n3,4\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NumpyText {
    /// Each with the number of its columns.
    arrays: Vec<(NumpyArray, usize)>,
    rows: usize,
    row: usize,
    /// The text that has been written and not yet read.
    line: Vec<u8>,
    taken: usize,
}

impl NumpyText {
    /// The text of arrays side by side, each with a name. The columns of one with several are called `NAME1`, `NAME2`, …; the first
    /// line has the names. An array without a name gives no first line, if it is alone.
    ///
    /// # Errors
    /// [`Error::Table`] if they haven't as many rows, or have more than two dimensions.
    pub fn new(path: &Path, arrays: Vec<(&str, NumpyArray)>) -> Result<NumpyText, Error> {
        let rows = arrays.first().map_or(0, |(_, array)| array.shape()[0]);
        let (mut names, mut wide) = (Vec::new(), Vec::new());
        for (name, array) in arrays {
            let columns = match *array.shape() {
                [_] => 1,
                [_, columns] => columns,
                ref shape => {
                    let found = format!("{} of them: {shape:?}", shape.len());
                    let help = "images are taken from an archive of u8";
                    return Err(
                        TableFault::new("an array of one or two dimensions", found, help).in_file(path)
                    );
                }
            };
            if array.shape()[0] != rows {
                let (expected, found) =
                    (format!("{rows} rows, as the other array has"), array.shape()[0].to_string());
                return Err(TableFault::new(expected, found, "").in_column(name).in_file(path));
            }
            match columns {
                1 => names.push(name.to_owned()),
                columns => names.extend((1..=columns).map(|column| format!("{name}{column}"))),
            }
            wide.push((array, columns));
        }
        let is_named = names.iter().any(|name| !name.chars().all(|c| c.is_ascii_digit()));
        let line = if is_named { format!("{}\n", names.join(",")).into_bytes() } else { Vec::new() };
        Ok(NumpyText { arrays: wide, rows, row: 0, line, taken: 0 })
    }
}

impl Read for NumpyText {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        use std::io::Write;
        /// Bytes that are written at a time.
        const ENOUGH: usize = 1 << 16;
        if self.taken == self.line.len() {
            self.line.clear();
            self.taken = 0;
            while self.row < self.rows && self.line.len() < ENOUGH {
                let mut separator = "";
                for (array, columns) in &self.arrays {
                    for column in 0..*columns {
                        write!(self.line, "{separator}{}", array.number(self.row * columns + column))?;
                        separator = ",";
                    }
                }
                self.line.push(b'\n');
                self.row += 1;
            }
        }
        let count = out.len().min(self.line.len() - self.taken);
        out[..count].copy_from_slice(&self.line[self.taken..][..count]);
        self.taken += count;
        Ok(count)
    }
}
