//! The IDX files.

use std::path::Path;

/// The number of classes: the digits.
pub const CLASSES: usize = 10;

/// A dataset as bytes.
pub struct Data {
    /// Row-major, `pixels` bytes a row.
    pub train_images: Vec<u8>,
    pub train_labels: Vec<u8>,
    pub test_images: Vec<u8>,
    pub test_labels: Vec<u8>,
    pub pixels: usize,
    /// The folder that the data were read from.
    pub folder: std::path::PathBuf,
}

impl Data {
    /// Reads the four plain files of `folder`.
    pub fn read(folder: &Path) -> Result<Data, String> {
        let read = |name: &str| {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let rank = usize::from(*bytes.get(3).ok_or_else(|| format!("{}: no header", path.display()))?);
            Ok::<_, String>(bytes[4 + 4 * rank..].to_vec())
        };
        let (train_images, train_labels) =
            (read("train-images-idx3-ubyte")?, read("train-labels-idx1-ubyte")?);
        Ok(Data {
            pixels: train_images.len() / train_labels.len(),
            train_images,
            train_labels,
            test_images: read("t10k-images-idx3-ubyte")?,
            test_labels: read("t10k-labels-idx1-ubyte")?,
            folder: folder.to_owned(),
        })
    }

    /// Bytes as numbers in [0, 1].
    pub fn scaled(bytes: &[u8]) -> Vec<f32> {
        bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()
    }

    /// Labels as rows with one 1.
    pub fn one_hot(labels: &[u8]) -> Vec<f32> {
        let mut rows = vec![0.0; labels.len() * CLASSES];
        for (row, &label) in rows.chunks_exact_mut(CLASSES).zip(labels) {
            row[usize::from(label)] = 1.0;
        }
        rows
    }

    /// The number of rows of `outputs` whose largest element is at the row's label.
    pub fn count_correct(outputs: &[f32], labels: &[u8]) -> usize {
        let right = |(row, &label): (&[f32], &u8)| {
            let largest = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            largest.is_some_and(|(class, _)| class == usize::from(label))
        };
        outputs.chunks_exact(CLASSES).zip(labels).map(right).filter(|&right| right).count()
    }
}
