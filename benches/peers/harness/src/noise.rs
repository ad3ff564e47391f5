//! A dataset of MNIST's shape without a single zero, for the figure without zero-skipping.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const IMAGES: [(&str, u32); 2] = [("train-images-idx3-ubyte", 60_000), ("t10k-images-idx3-ubyte", 10_000)];
const LABELS: [(&str, u32); 2] = [("train-labels-idx1-ubyte", 60_000), ("t10k-labels-idx1-ubyte", 10_000)];

/// The folder of the four files in `parent`, written if they are not there. Labels are random too: nothing can be learnt.
pub(crate) fn make(parent: &Path) -> Result<PathBuf> {
    let folder = parent.join("noise");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let mut state = 1;
    for (name, count) in IMAGES {
        write(&folder.join(name), &[count, 28, 28], || byte(&mut state, 255) + 1)?;
    }
    for (name, count) in LABELS {
        write(&folder.join(name), &[count], || byte(&mut state, 10))?;
    }
    Ok(folder)
}

/// Writes an IDX file of unsigned bytes, unless one of that size is there.
fn write(path: &Path, sizes: &[u32], mut next: impl FnMut() -> u8) -> Result<()> {
    let count: usize = sizes.iter().map(|&size| size as usize).product();
    let header = 4 + 4 * sizes.len();
    if path.metadata().is_ok_and(|file| file.len() == (header + count) as u64) {
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(header + count);
    bytes.extend([0, 0, 8, sizes.len() as u8]);
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend((0..count).map(|_| next()));
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// A number from 0 to `below` − 1, by SplitMix64.
fn byte(state: &mut u64, below: u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) % below) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_idx_without_zeros() {
        let parent = tempfile::tempdir().unwrap();
        let folder = make(parent.path()).unwrap();
        let images = fs::read(folder.join("t10k-images-idx3-ubyte")).unwrap();
        assert_eq!(images[..16], [0, 0, 8, 3, 0, 0, 0x27, 0x10, 0, 0, 0, 28, 0, 0, 0, 28]);
        assert_eq!(images.len(), 16 + 10_000 * 784);
        assert!(!images[16..].contains(&0) && images[16..].contains(&1) && images[16..].contains(&255));
        let labels = fs::read(folder.join("train-labels-idx1-ubyte")).unwrap();
        assert_eq!(labels.len(), 8 + 60_000);
        assert!(
            (0..10).all(|class| labels[8..].contains(&class)) && labels[8..].iter().all(|&label| label < 10)
        );
    }
}
