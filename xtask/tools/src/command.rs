//! A command that can be run, and printed so that it can be pasted into a shell.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The outcome of a command, or of a step of `cargo xtask ci`.
#[derive(Debug)]
pub enum Outcome {
    /// The command succeeded.
    Passed,
    /// It could not be done here. The reason is printed.
    Skipped(String),
}

/// `cargo` with arguments and environment variables.
#[derive(Debug)]
pub struct CommandLine {
    /// The toolchain as rustup's `cargo` takes it: `+nightly`. Without one it is that of this program.
    toolchain: Option<&'static str>,
    environment: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl CommandLine {
    /// `cargo ARGUMENTS`, split at white space.
    pub fn cargo(arguments: &str) -> Self {
        let arguments = arguments.split_whitespace().map(String::from).collect();
        Self { toolchain: None, environment: Vec::new(), arguments }
    }

    /// `cargo +nightly ARGUMENTS`, split at white space.
    pub fn nightly(arguments: &str) -> Self {
        Self { toolchain: Some("+nightly"), ..Self::cargo(arguments) }
    }

    /// Adds one more argument, with its white space.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs the command in `root`, with the terminal as its own.
    ///
    /// # Errors
    ///
    /// If it can't be started, or fails. The error names the command that repeats it.
    pub fn run(&self, root: &Path) -> Result<Outcome> {
        println!("$ {self}");
        let status = self.prepared(root).status().with_context(|| self.to_string())?;
        ensure!(status.success(), "{status}; repeat it with: {self}");
        Ok(Outcome::Passed)
    }

    /// Runs the command in `root`, showing each line of its standard output as it comes, and returns that output.
    ///
    /// # Errors
    ///
    /// As [`CommandLine::run`], or if its output is not UTF-8.
    pub fn run_and_read(&self, root: &Path) -> Result<String> {
        println!("$ {self}");
        let mut child =
            self.prepared(root).stdout(Stdio::piped()).spawn().with_context(|| self.to_string())?;
        let mut output = String::new();
        for line in BufReader::new(child.stdout.take().context("no pipe")?).lines() {
            let line = line.with_context(|| self.to_string())?;
            println!("{line}");
            output.push_str(&line);
            output.push('\n');
        }
        let status = child.wait().with_context(|| self.to_string())?;
        ensure!(status.success(), "{status}; repeat it with: {self}");
        Ok(output)
    }

    /// Runs the command silently, and returns its standard output.
    ///
    /// # Errors
    ///
    /// As [`CommandLine::run_and_read`].
    pub fn read(&self, root: &Path) -> Result<String> {
        let output = self.prepared(root).output().with_context(|| self.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}; repeat it with: {self}", said.trim());
        String::from_utf8(output.stdout).with_context(|| self.to_string())
    }

    /// Runs the command silently.
    ///
    /// # Errors
    ///
    /// Its standard error, if it fails.
    pub fn probe(&self, root: &Path) -> Result<(), String> {
        let output = self.prepared(root).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn prepared(&self, root: &Path) -> Command {
        // Cargo names itself to the programs that it runs, so that a chosen toolchain stays chosen. rustup's takes another.
        let own = std::env::var_os("CARGO").filter(|_| self.toolchain.is_none());
        let mut command = Command::new(own.unwrap_or_else(|| "cargo".into()));
        if self.toolchain.is_some() {
            command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
        }
        command
            .args(self.toolchain)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(root);
        command.stdin(Stdio::null());
        command
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}=\"{value}\" ")?;
        }
        write!(f, "cargo")?;
        self.toolchain.iter().try_for_each(|toolchain| write!(f, " {toolchain}"))?;
        for argument in &self.arguments {
            let quote = if argument.contains(char::is_whitespace) { "'" } else { "" };
            write!(f, " {quote}{argument}{quote}")?;
        }
        Ok(())
    }
}

/// The `minibatch` command of this workspace, built.
///
/// # Errors
///
/// If it does not build.
pub fn built_command(root: &Path) -> Result<PathBuf> {
    let build = CommandLine::cargo("build --release --bin minibatch --message-format=json");
    println!("$ {build}");
    let output = build.prepared(root).stderr(Stdio::inherit()).output().context("cargo")?;
    ensure!(output.status.success(), "the command line does not build");
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next();
    path.context("cargo names no executable")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_a_shell_takes_it() {
        let command = CommandLine::cargo("doc  --no-deps").env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --no-deps");
        assert_eq!(CommandLine::cargo("doc").arg("a b").to_string(), "cargo doc 'a b'");
        assert_eq!(CommandLine::nightly("fuzz build").to_string(), "cargo +nightly fuzz build");
    }

    #[test]
    fn failure_names_the_command_that_repeats_it() {
        let error = CommandLine::cargo("no-such-subcommand").run(Path::new(".")).err().unwrap().to_string();
        assert!(error.ends_with("; repeat it with: cargo no-such-subcommand"), "{error}");
        assert!(CommandLine::cargo("no-such-subcommand").probe(Path::new(".")).is_err());
    }

    #[test]
    fn output_is_read() {
        let output = CommandLine::cargo("--version").run_and_read(Path::new(".")).unwrap();
        assert!(output.starts_with("cargo 1."), "{output}");
    }
}
