//! NumPy's files: an array has the numbers that its shape says, in whichever order they lie, and the command reads what the library does.

use crate::folder;
use minibatch::data::{
    Dataset, Error, Inputs, NUMPY_MAGIC, Number, NumpyArchive, NumpyArray, NumpyText, Row, Table,
    TableOptions,
};
use minibatch_cli::inspect::{self, Arrays};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Names of the arrays in an archive that is made here: those that the command looks for, and others.
const NAMES: [[&str; 4]; 2] = [["x", "y", "x_test", "y_test"], ["a", "b", "x_test", "labels_test"]];

/// The target. The first byte chooses what follows, bit by bit:
///
/// | bit | 0 | 1 |
/// |---|---|---|
/// | 0 | a file as it is | arrays, each after its length (two bytes, little-endian), of which an archive is made |
/// | 1 | the arrays are stored | they are packed |
/// | 2 | the names that the command looks for | others |
/// | 3, 4 | without `--x-key`, without `--y-key` | with them: the names of bit 2 |
pub fn numpy(bytes: &[u8]) -> bool {
    let Some((&choice, rest)) = bytes.split_first() else { return false };
    let names = NAMES[usize::from(choice >> 2 & 1)];
    let key = |bit: u8, name: &'static str| (choice >> bit & 1 == 1).then_some(name);
    let keys = [key(3, names[0]), key(4, names[1])];
    let folder = folder().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    if choice & 1 == 0 {
        let is_archive = !rest.starts_with(&NUMPY_MAGIC);
        let path = path(if is_archive { "file.npz" } else { "file.npy" });
        fs::write(&path, rest).expect("a file");
        let is_whole = if is_archive { archive(&path) } else { array(&path, rest).is_some() };
        return command(&path, keys) && is_whole;
    }
    let parts = parts(rest);
    for part in &parts {
        array(&path("part.npy"), part);
    }
    let path = path("made.npz");
    fs::write(&path, packed(&names, &parts, choice & 2 != 0)).expect("a file");
    let is_whole = archive(&path);
    command(&path, keys) && is_whole
}

/// The arrays in `rest`, each after its length. The last one may be cut.
fn parts(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (part, others) = after.split_at(length);
        parts.push(part);
        rest = others;
    }
    parts
}

/// An archive of `parts`. Those without a name are left out.
fn packed(names: &[&str], parts: &[&[u8]], is_deflated: bool) -> Vec<u8> {
    let method = if is_deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, part) in names.iter().zip(parts) {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).expect("an entry");
        archive.write_all(part).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

/// Checks the array in a file that has `bytes`.
fn array(path: &Path, bytes: &[u8]) -> Option<NumpyArray> {
    let array = taken(path, NumpyArray::read(path, bytes))?;
    let count = count(&array);
    assert!(count <= bytes.len(), "{count} numbers of {} bytes", bytes.len());
    numbers(path, &array);
    text(path, &array);
    Some(array)
}

fn count(array: &NumpyArray) -> usize {
    array.shape().iter().product()
}

/// Checks the numbers of `array`, as inputs and one by one.
fn numbers(path: &Path, array: &NumpyArray) {
    let count = count(array);
    assert!(count > 0);
    match array.to_inputs().expect("there is memory") {
        Inputs::Bytes(bytes) => {
            assert!(array.are_bytes() && bytes.len() == count);
            let same = |(at, &byte): (usize, &u8)| array.number(at) == Number::Integer(i128::from(byte));
            assert!(bytes.iter().enumerate().all(same));
        }
        Inputs::Floats(floats) => {
            assert!(!array.are_bytes() && floats.len() == count);
            let same = |(at, x): (usize, &f32)| array.number(at).to_f32().to_bits() == x.to_bits();
            assert!(floats.iter().enumerate().all(same));
        }
    }
    // An array is paired with itself.
    if let Some(data) = taken(path, Dataset::from_numpy(array, array)) {
        dataset(&data, array);
    }
}

/// Checks a dataset whose inputs are those of `array`.
fn dataset(data: &Dataset, array: &NumpyArray) {
    assert_eq!((data.len(), data.example_shape()), (array.shape()[0], &array.shape()[1..]));
    for example in 0..data.len() {
        let found = match data.input(example) {
            Row::Bytes(bytes) => bytes.len(),
            Row::Floats(floats) => {
                assert!(floats.iter().all(|x| x.is_finite()));
                floats.len()
            }
        };
        assert_eq!(found, data.input_len());
    }
}

/// Checks the table that an array is: a line for each row, a cell for each number.
fn text(path: &Path, array: &NumpyArray) {
    let shape = array.shape().to_vec();
    let Some(mut reader) = taken(path, NumpyText::new(path, vec![("x", array.clone())])) else {
        return assert!(shape.len() > 2);
    };
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("it is in memory");
    let mut lines = text.lines();
    let columns = shape.get(1).copied().unwrap_or(1);
    assert_eq!(lines.next().map(|line| line.split(',').count()), Some(columns));
    let mut index = 0;
    for line in lines {
        for cell in line.split(',') {
            let (found, expected) = (cell.parse::<f64>().expect("a number"), array.number(index));
            let is_same = match expected {
                Number::Integer(x) => cell == x.to_string(),
                Number::Single(x) => found as f32 == x || x.is_nan() && found.is_nan(),
                Number::Double(x) => found == x || x.is_nan() && found.is_nan(),
            };
            assert!(is_same, "{cell} stands for {expected:?}");
            index += 1;
        }
    }
    assert_eq!(index, count(array));
}

/// Checks each array of the archive at `path`: its shape alone is that of the array.
fn archive(path: &Path) -> bool {
    let Some(mut archive) = taken(path, NumpyArchive::open(path)) else { return false };
    let mut is_whole = true;
    for name in archive.names() {
        let shape = taken(path, archive.shape(&name));
        match taken(path, archive.array(&name)) {
            Some(array) => {
                let expected = (array.shape().to_vec(), array.are_bytes());
                assert_eq!(shape, Some(expected));
                numbers(path, &array);
            }
            None => is_whole = false,
        }
    }
    is_whole
}

/// Checks that the command takes the file at `path` for a table or for images, or refuses it in a line.
fn command(path: &Path, [x_key, y_key]: [Option<&str>; 2]) -> bool {
    match inspect::arrays(path, x_key, y_key) {
        None => false,
        Some(Err(why)) => {
            one_line(path, &why);
            false
        }
        Some(Ok(Arrays::Images { train, test })) => {
            assert!(train.len() > 0 && test.is_none_or(|test| test.len() > 0));
            true
        }
        Some(Ok(Arrays::Table { text, targets })) => {
            let options = TableOptions { targets, ..TableOptions::default() };
            let rows = text.iter().filter(|&&byte| byte == b'\n').count();
            let Some(table) = taken(path, Table::from_reader(path, &*text, &options)) else { return true };
            assert_eq!(table.rows() + usize::from(table.has_header()), rows);
            true
        }
    }
}

/// The value that was made, or nothing if it was refused in one line that begins with the file.
fn taken<T>(path: &Path, outcome: Result<T, Error>) -> Option<T> {
    outcome.map_err(|error| one_line(path, &error.to_string())).ok()
}

fn one_line(path: &Path, line: &str) {
    assert!(!line.contains('\n'), "an error is one line: {line:?}");
    let name = path.file_name().expect("a file").to_string_lossy();
    assert!(line.contains(&*name), "an error names its file: {line:?}");
}
