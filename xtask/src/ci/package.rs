//! The packages that are published: cargo makes each, and each carries its licences, its front page and all of its sources.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xtask_tools::{CommandLine, Outcome};

/// The packages and their folders under `crates/`.
const PACKAGES: [(&str, &str); 6] = [
    ("minibatch-data", "data"),
    ("minibatch-kernels", "kernels"),
    ("minibatch-checkpoint", "checkpoint"),
    ("minibatch", "trainer"),
    ("minibatch-exchange", "exchange"),
    ("minibatch-cli", "cli"),
];
/// The files that every package has beside its sources.
const NEEDED: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Makes the packages. Building each from its archive would take minutes, so the lists of their files are checked instead.
pub(super) fn run(root: &Path) -> Result<Outcome> {
    let all = PACKAGES.map(|(name, _)| format!("--package {name}")).join(" ");
    CommandLine::cargo(&format!("package {all} --no-verify --allow-dirty --target-dir target/package"))
        .run(root)?;
    for (name, folder) in PACKAGES {
        let list = format!("package --package {name} --list --allow-dirty");
        let list = CommandLine::cargo(&list).read(root)?;
        let sources = sources(&root.join("crates").join(folder))?;
        let missing = missing(&list, &sources);
        ensure!(missing.is_empty(), "the package {name} lacks {}", missing.join(", "));
    }
    Ok(Outcome::Passed)
}

/// The source files of the crate in `folder`, relative to it.
fn sources(folder: &Path) -> Result<Vec<String>> {
    let (mut found, mut left) = (Vec::new(), vec![folder.join("src")]);
    while let Some(path) = left.pop() {
        for entry in path.read_dir().with_context(|| path.display().to_string())? {
            let path = entry.with_context(|| path.display().to_string())?.path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(folder)?.display().to_string().replace('\\', "/"));
            }
        }
    }
    Ok(found)
}

/// The files that a package with this list of files lacks.
fn missing<'a>(list: &str, sources: &'a [String]) -> Vec<&'a str> {
    let list: BTreeSet<&str> = list.lines().collect();
    let needed = NEEDED.into_iter().chain(sources.iter().map(String::as_str));
    needed.filter(|name| !list.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_files_are_named() {
        let sources = ["src/lib.rs".to_owned(), "src/a/mod.rs".to_owned()];
        let list = "Cargo.toml\nLICENSE-APACHE\nLICENSE-MIT\nREADME.md\nsrc/lib.rs\nsrc/a/mod.rs\n";
        assert!(missing(list, &sources).is_empty());
        let list = list.replace("LICENSE-MIT\n", "").replace("src/a/mod.rs\n", "");
        assert_eq!(missing(&list, &sources), ["LICENSE-MIT", "src/a/mod.rs"]);
    }
}
