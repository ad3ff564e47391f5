//! Writes the command's completions for shells, and its manual as pages of `man`, into a folder: `cargo xtask manual` runs it.

use clap_complete::Shell;
use std::io;
use std::path::Path;

/// Writes all files into `folder`, which is made if it isn't there.
fn write(folder: &Path) -> io::Result<()> {
    let (completions, pages) = (folder.join("completions"), folder.join("man"));
    std::fs::create_dir_all(&completions)?;
    std::fs::create_dir_all(&pages)?;
    let mut command = minibatch_cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
        clap_complete::generate_to(shell, &mut command, "minibatch", &completions)?;
    }
    clap_mangen::generate_to(minibatch_cli::command(), &pages)
}

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| io::Error::other("expected a folder"))?;
    write(Path::new(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_subcommand_has_completions_and_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let read =
            |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_else(|_| panic!("{name}"));
        let command = minibatch_cli::command();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        assert!(names.contains(&"train") && names.contains(&"gradcheck"), "{names:?}");
        for file in ["minibatch.bash", "_minibatch", "minibatch.fish", "_minibatch.ps1", "minibatch.elv"] {
            let text = read(&format!("completions/{file}"));
            assert!(names.iter().all(|name| text.contains(name)), "{file}");
            assert!(text.contains("learning-rate"), "{file}");
        }
        let front = read("man/minibatch.1");
        for name in names {
            assert!(front.contains(&format!("minibatch\\-{name}(1)")), "{name} in {front}");
            let page = read(&format!("man/minibatch-{name}.1"));
            assert!(page.contains("Examples:"), "{name}");
        }
    }
}
