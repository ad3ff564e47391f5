//! NumPy's archives: `coefs_0` (inputs × outputs), `intercepts_0`, `coefs_1`, …, as scikit-learn's `coefs_` and `intercepts_` are.
//!
//! The file `minibatch.json` in the archive is the description.

use crate::assemble::{Tensors, networks};
use crate::committee::prefix;
use crate::description::Description;
use crate::error::Error;
use crate::options::{Imported, Options};
use crate::safetensors::bytes as le_bytes;
use minibatch::Network;
use minibatch_data::NumpyArchive;
use std::collections::BTreeSet;
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The name of the description in the archive.
const DESCRIPTION: &str = "minibatch.json";

/// The most bytes of a description.
const MOST: u64 = 64 << 20;

/// The networks as a file.
pub(crate) fn export(all: &[(&str, &Network)]) -> Result<Vec<u8>, Error> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // Without a date, equal networks make equal files.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(true)
        .last_modified_time(DateTime::default());
    let mut put = |name: &str, parts: &[&[u8]]| -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::content("the archive", "room for it", error, "");
        archive.start_file(name, options).map_err(|error| failed(&error))?;
        parts.iter().try_for_each(|part| archive.write_all(part)).map_err(|error| failed(&error))
    };
    for (name, network) in all {
        let prefix = prefix(all.len(), name);
        for (l, layer) in network.layers().iter().enumerate() {
            let weights = layer.weights();
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            let mut numbers = Vec::with_capacity(4 * inputs * outputs);
            for k in 0..inputs {
                (0..outputs).for_each(|j| numbers.extend(weights.row(j)[k].to_le_bytes()));
            }
            let header = header(&format!("({inputs}, {outputs})"));
            put(&format!("{prefix}coefs_{l}.npy"), &[&header, &numbers])?;
            let header = self::header(&format!("({outputs},)"));
            put(&format!("{prefix}intercepts_{l}.npy"), &[&header, &le_bytes(layer.biases())])?;
        }
    }
    put(DESCRIPTION, &[Description::of(all).to_json()?.as_bytes()])?;
    let finished =
        archive.finish().map_err(|error| Error::content("the archive", "room for it", error, ""))?;
    Ok(finished.into_inner())
}

/// The header of an array of f32 in C order, of this shape, to its first element.
fn header(shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // Magic, version and length are 10 bytes, and elements begin at a multiple of 64.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(format!("{text:<width$}\n", width = length - 1).bytes());
    header
}

/// The networks in a file.
pub(crate) fn import(bytes: &[u8], options: &Options) -> Result<Imported, Error> {
    let mut archive = NumpyArchive::new(Path::new("the archive"), Cursor::new(bytes))?;
    let description = archive.text(DESCRIPTION, MOST)?;
    let description = description.map(|json| Description::parse(DESCRIPTION, &json)).transpose()?;
    networks(&mut File(archive), description.as_ref(), options)
}

struct File<'b>(NumpyArchive<Cursor<&'b [u8]>>);

impl Tensors for File<'_> {
    fn list(&mut self) -> Result<Vec<(String, Vec<usize>)>, Error> {
        let names: BTreeSet<String> = self.0.names().into_iter().collect();
        names
            .into_iter()
            .map(|name| {
                let (shape, _) = self.0.shape(&name)?;
                Ok((name, shape))
            })
            .collect()
    }

    fn read(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let array = self.0.array(name)?;
        let count = array.shape().iter().product();
        Ok((0..count).map(|index| array.number(index).to_f32()).collect())
    }
}
