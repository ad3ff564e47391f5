//! `cargo xtask pictures`: makes the README's pictures anew, by the commands that it names.
//!
//! The commands are the lines `cargo run --release -- …` of the fenced block that names docs/pictures. They run in order. Checkpoints and pages
//! go to target/pictures; a page is photographed if there is a Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask_tools::{built_command, workspace_root};

use crate::chromium;
use crate::trained::check_mnist;

/// Make the README's pictures anew, by the commands that it names
#[derive(clap::Args)]
pub(crate) struct Args {}

/// The folder of the pictures, as the README names it.
const PICTURES: &str = "docs/pictures/";
/// The start of a command line in the README.
const COMMAND: &str = "cargo run --release -- ";
/// The size of the photograph of a page.
const PHOTOGRAPH: (u32, u32) = (1100, 1500);

/// Runs the commands.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = workspace_root();
    check_mnist(&root)?;
    let readme = std::fs::read_to_string(root.join("README.md")).context("README.md")?;
    let lines = commands(&readme);
    ensure!(!lines.is_empty(), "README.md names no command that draws into {PICTURES}");
    let program = built_command(&root)?;
    let scratch = root.join("target/pictures");
    std::fs::create_dir_all(&scratch).with_context(|| scratch.display().to_string())?;
    for line in lines {
        println!("$ minibatch {line}");
        let words: Vec<String> = line.split_whitespace().map(|word| placed(word, &root, &scratch)).collect();
        if words[0] == "train" {
            // A checkpoint of an earlier time would be a run to go on with.
            words
                .iter()
                .filter(|word| word.ends_with(".ckpt"))
                .for_each(|file| _ = std::fs::remove_file(file));
        }
        let status = Command::new(&program)
            .args(&words)
            .current_dir(&root)
            .status()
            .with_context(|| line.to_owned())?;
        ensure!(status.success(), "`minibatch {line}` failed");
        for page in words.iter().filter(|word| word.ends_with(".html")).map(PathBuf::from) {
            photograph(&root, &page)?;
        }
    }
    Ok(())
}

/// The commands of the fenced blocks that draw pictures, without the program.
fn commands(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```").skip(1).step_by(2).filter(|block| block.contains(PICTURES));
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.trim().strip_prefix(COMMAND));
    lines.map(|line| line.split(" #").next().unwrap_or(line).trim()).collect()
}

/// A word of a command line. Checkpoints and pages lie in the scratch folder.
fn placed(word: &str, root: &Path, scratch: &Path) -> String {
    let is_kept = [".ckpt", ".html"].iter().any(|ending| word.ends_with(ending));
    if is_kept && !word.contains('/') {
        return scratch.join(word).strip_prefix(root).unwrap_or(&scratch.join(word)).display().to_string();
    }
    word.to_owned()
}

/// Photographs a page into docs/pictures, if there is a Chromium.
fn photograph(root: &Path, page: &Path) -> Result<()> {
    let name = page.file_stem().unwrap_or_default().to_string_lossy();
    let picture = format!("{PICTURES}{name}.png");
    let Some(browser) = chromium::found() else {
        println!("{picture}: SKIPPED, no Chromium");
        return Ok(());
    };
    let profile = root.join("target/pictures/chromium");
    let (width, height) = PHOTOGRAPH;
    let status = Command::new(&browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--screenshot={}", root.join(&picture).display()))
        .arg(format!("file://{}", root.join(page).display()))
        .output()
        .with_context(|| browser.display().to_string())?
        .status;
    let _ = std::fs::remove_dir_all(&profile);
    ensure!(status.success(), "{} didn't photograph {}", browser.display(), page.display());
    println!("{picture}: a photograph of {}", page.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_those_of_the_block_that_draws() {
        let readme = "```sh\ncargo run --release -- train\n```\ntext docs/pictures/x\n```sh\n\
                      cargo run --release -- train --checkpoint a.ckpt  # some words\n\
                      cargo run --release -- show --output docs/pictures/a.png\n```\n";
        assert_eq!(commands(readme), ["train --checkpoint a.ckpt", "show --output docs/pictures/a.png"]);
        let (root, scratch) = (Path::new("/r"), Path::new("/r/target/pictures"));
        assert_eq!(placed("a.ckpt", root, scratch), "target/pictures/a.ckpt");
        assert_eq!(placed("docs/pictures/a.png", root, scratch), "docs/pictures/a.png");
    }

    #[test]
    fn the_readme_shows_what_its_commands_draw() {
        let root = workspace_root();
        let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
        let drawn: Vec<&str> = commands(&readme)
            .iter()
            .flat_map(|line| line.split_whitespace())
            .filter(|word| word.starts_with(PICTURES))
            .collect();
        assert!(drawn.len() >= 4, "{drawn:?}");
        for picture in drawn {
            assert!(readme.contains(&format!("]({picture})")), "{picture} isn't shown");
            assert!(root.join(picture).exists(), "{picture} isn't there; `cargo xtask pictures` makes it");
        }
    }
}
