//! The rules for the tree itself: sizes, links, no circles of imports, and nothing left lying about.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use xtask_tools::Outcome;

use super::circles;

const MOST_LINES: usize = 600;
const MOST_BYTES: u64 = 512 * 1024;
/// The text is split, so that this file does not break its own rule.
const UNFINISHED: &str = concat!("to", "do!");
/// The folders of people's homes.
const HOMES: [&str; 4] =
    [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("C:\\Us", "ers\\")];

pub(super) fn run(root: &Path) -> Result<Outcome> {
    let mut places: Vec<String> = HOMES.map(String::from).into();
    // A short path such as `/app` would be found in honest prose.
    let own = [Some(root.to_path_buf()), std::env::home_dir()].into_iter().flatten();
    places.extend(own.filter(|path| path.components().count() > 2).map(|path| path.display().to_string()));

    let files = files(root)?;
    let mut findings = Vec::new();
    for name in &files {
        let path = root.join(name);
        let metadata = match path.symlink_metadata() {
            // The file is removed here, but not yet in the index.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.with_context(|| path.display().to_string())?,
        };
        if !metadata.is_file() {
            continue;
        }
        if metadata.len() > MOST_BYTES {
            findings.push(format!("{name}: {} bytes, at most {MOST_BYTES} are kept in git", metadata.len()));
        }
        // A file that is not UTF-8 has no lines.
        if let Ok(text) = String::from_utf8(std::fs::read(&path).with_context(|| path.display().to_string())?)
        {
            findings.extend(check(root, name, &text, &places));
        }
    }
    findings.extend(circles::find(&files, &|name| std::fs::read_to_string(root.join(name)).ok()));
    if !findings.is_empty() {
        bail!("{} findings:\n  {}", findings.len(), findings.join("\n  "));
    }
    println!("{} files are tidy", files.len());
    Ok(Outcome::Passed)
}

/// Files that git tracks or would add.
fn files(root: &Path) -> Result<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().context("git")?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names.split_terminator('\0').map(String::from).collect())
}

fn check(root: &Path, name: &str, text: &str, places: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if (name.ends_with(".rs") || name.ends_with(".py")) && lines > MOST_LINES {
        findings.push(format!("{name}: {lines} lines, at most {MOST_LINES}"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if name.ends_with(".rs") && line.contains(UNFINISHED) {
            findings.push(format!("{name}:{number}: {UNFINISHED}"));
        }
        if let Some(place) = places.iter().find(|place| names_a_path_below(line, place)) {
            findings.push(format!("{name}:{number}: a path of somebody's machine ({place}…)"));
        }
    }
    if name.ends_with(".md") {
        let folder = root.join(name).parent().map(PathBuf::from).unwrap_or_default();
        let broken = relative_links(text).into_iter().filter(|(_, link)| !folder.join(link).exists());
        findings.extend(broken.map(|(number, link)| format!("{name}:{number}: no file `{link}`")));
    }
    findings
}

/// Whether `line` has `place` as the beginning of an absolute path, and not as a part of a longer one or of a URL.
fn names_a_path_below(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + place.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || "/._-~}".contains(c))
            && (!place.ends_with(['/', '\\']) || after.is_some_and(char::is_alphanumeric))
    })
}

/// Links to files, with their line numbers, without their fragments. Code is passed over.
fn relative_links(markdown: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(markdown.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code. A word stands for it, so that `[`code`](link)` stays a link.
        let pieces = line.split('`').enumerate();
        let prose: String = pieces.map(|(i, piece)| if i % 2 == 0 { piece } else { "code" }).collect();
        let inline = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let definition = prose.strip_prefix('[').and_then(|rest| Some(rest.split_once("]: ")?.1));
        for target in inline.chain(definition) {
            let target = target.split_whitespace().next().unwrap_or_default();
            let target = target.trim_matches(['<', '>']).split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push((number, target.to_owned()));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, text: &str) -> Vec<String> {
        let places = HOMES.map(String::from);
        check(&xtask_tools::workspace_root().join("xtask"), name, text, &places)
    }

    #[test]
    fn long_sources_are_found() {
        assert!(findings("src/a.rs", &"\n".repeat(600)).is_empty());
        assert_eq!(findings("a.py", &"\n".repeat(601)), ["a.py: 601 lines, at most 600"]);
        assert!(findings("Cargo.lock", &"\n".repeat(601)).is_empty());
    }

    #[test]
    fn unfinished_code_is_found() {
        let text = format!("fn a() {{\n    {UNFINISHED}()\n}}\n");
        assert_eq!(findings("src/a.rs", &text), [format!("src/a.rs:2: {UNFINISHED}")]);
        assert!(findings("a.txt", &text).is_empty());
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        let [unix, mac, root, windows] = HOMES;
        for line in [
            format!("{unix}ann/x"),
            format!("see \"{mac}ann\""),
            format!("cd {root}x"),
            format!("({windows}ann)"),
        ] {
            assert_eq!(findings("a.txt", &line).len(), 1, "{line}");
        }
        for line in
            [format!("https://x.org{unix}page"), format!("a{root}x"), format!("{unix}…"), "/".to_owned()]
        {
            assert!(findings("a.txt", &line).is_empty(), "{line}");
        }
    }

    #[test]
    fn broken_links_are_found() {
        let text = "[a](src/main.rs) [`b`](src/none.rs \"t\") [c](https://x.org/y) [d](#here) ![e](nope.png)\n\
                    ```\n[f](nope)\n```\n`[g](nope)` [h](src/main.rs#L1)\n\n[i]: <none.md>\n[j]: Cargo.toml\n";
        let expected = ["1: no file `src/none.rs`", "1: no file `nope.png`", "7: no file `none.md`"];
        assert_eq!(findings("README.md", text), expected.map(|finding| format!("README.md:{finding}")));
        assert_eq!(findings("src/README.md", "[a](../Cargo.toml) [b](Cargo.toml)").len(), 1);
    }

    #[test]
    fn ci_runs_this_command() {
        let script = std::fs::read_to_string(xtask_tools::workspace_root().join(".ci/run")).unwrap();
        assert!(script.ends_with("\nexec cargo xtask ci\n"), "{script}");
    }
}
