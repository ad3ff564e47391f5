//! The Python environment and the Rust programs, made once under `target/peers`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use xtask_tools::PeerFolder;

use crate::catalog::{PEERS, PRODUCTS, Peer, Program};

/// The place of the peers' programs.
pub(crate) struct Environment {
    pub(crate) folder: PeerFolder,
    /// The reasons why programs could not be made, by peer.
    missing: HashMap<&'static str, String>,
}

impl Environment {
    /// Makes the programs that `peers` need, and prints each step. A peer whose program can't be made is remembered as missing.
    pub(crate) fn prepare(root: &Path, peers: &[&'static Peer], cpus: &[usize]) -> Result<Self> {
        let folder = PeerFolder::of(root, cpus);
        std::fs::create_dir_all(folder.path.join("logs"))
            .with_context(|| folder.path.display().to_string())?;
        let mut environment = Self { folder, missing: HashMap::new() };
        let is_python = |peer: &&&Peer| matches!(peer.program, Program::Python(_));
        if peers.iter().any(|peer| is_python(&peer))
            && let Err(error) = environment.make_python()
        {
            println!("the Python environment cannot be made: {error:#}");
            let reason = format!("no Python environment: {error:#}");
            environment
                .missing
                .extend(peers.iter().filter(is_python).map(|peer| (peer.name, reason.clone())));
        }
        let native = |peer: &&'static Peer| matches!(peer.program, Program::Native(_));
        let shipped = |peer: &&'static Peer| matches!(peer.program, Program::Shipped(_));
        if peers.iter().any(shipped) {
            environment.build(&PEERS.iter().chain(&PRODUCTS).filter(shipped).collect::<Vec<_>>());
        }
        if peers.iter().any(native) {
            environment.build(&PEERS.iter().filter(native).collect::<Vec<_>>());
        }
        Ok(environment)
    }

    /// The command that runs `peer` with `threads` threads.
    pub(crate) fn command(&self, peer: &Peer, threads: usize) -> Result<Command, String> {
        if let Some(reason) = self.missing.get(peer.name) {
            return Err(reason.clone());
        }
        Ok(match peer.program {
            Program::Python(script) => self.folder.script(script, peer.name, threads),
            Program::Native(package) | Program::Shipped(package) => {
                let folder = self.target_of(peer).join("release");
                self.folder.pinned(&folder.join(package), threads)
            }
        })
    }

    /// A virtual environment with the pinned packages, unless there is one of the same packages.
    fn make_python(&self) -> Result<()> {
        let sources = self.folder.root.join("benches/peers/python");
        let [packages, products, torch, stand_ins] =
            ["requirements.txt", "requirements-gemm.txt", "requirements-torch.txt", "cuda_stand_ins.py"]
                .map(|name| sources.join(name));
        let mut hash = Sha256::new();
        for path in [&packages, &products, &torch, &stand_ins] {
            hash.update(std::fs::read(path).with_context(|| path.display().to_string())?);
        }
        let wanted: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let (venv, stamp) = (self.folder.path.join("venv"), self.folder.path.join("venv/made-from"));
        if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(());
        }
        println!("making the Python environment target/peers/venv: about 1.1 GB to fetch, 3 GB on disk");
        let started = Instant::now();
        if venv.exists() {
            std::fs::remove_dir_all(&venv).with_context(|| venv.display().to_string())?;
        }
        let system = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        run(Command::new(system).args(["-m", "venv"]).arg(&venv))?;
        let pip = |options: &[&str], file: &Path| {
            let mut command = Command::new(self.folder.python());
            command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            run(command.args(options).arg("-r").arg(file))
        };
        pip(&[], &packages)?;
        // Without these the others can still be measured, and the rows of these name the reason.
        if let Err(error) = pip(&["--no-deps"], &products) {
            println!("without libraries of matrix products: {error:#}");
        }
        let torch = pip(&["--no-deps"], &torch)
            .and_then(|()| run(Command::new(self.folder.python()).arg(&stand_ins)));
        let torch = torch.and_then(|()| run(Command::new(self.folder.python()).args(["-c", "import torch"])));
        if let Err(error) = torch {
            println!("without PyTorch: {error:#}");
        }
        std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
        println!("made in {:.0} s", started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Builds the programs of `peers`, which share a target folder. It builds them in one go, as their shared packages would be
    /// built again for each alone. If that fails, it builds them one by one, to see which one fails.
    fn build(&mut self, peers: &[&'static Peer]) {
        if self.build_together(peers).is_ok() {
            return;
        }
        for peer in peers {
            if let Err(error) = self.build_together(&[peer]) {
                println!("{}: {error:#}", peer.name);
                self.missing.insert(peer.name, format!("{error:#}"));
            }
        }
    }

    /// Builds in one call of Cargo. All of `peers` are native or all are shipped.
    fn build_together(&self, peers: &[&Peer]) -> Result<()> {
        let mut command = cargo();
        command.args(["build", "--release", "--quiet", "--locked"]);
        for peer in peers {
            match peer.program {
                Program::Python(_) => continue,
                Program::Native(package) => {
                    command.args(["--package", package]).env("RUSTFLAGS", "-Ctarget-cpu=native")
                }
                Program::Shipped(package) => command.args(["--package", package]).env_remove("RUSTFLAGS"),
            };
        }
        if let Some(peer) = peers.first() {
            command.arg("--target-dir").arg(self.target_of(peer));
        }
        run(command.arg("--manifest-path").arg(self.folder.root.join("benches/peers/rust/Cargo.toml")))
    }

    fn target_of(&self, peer: &Peer) -> PathBuf {
        self.folder.path.join(if matches!(peer.program, Program::Native(_)) { "rust-native" } else { "rust" })
    }
}

/// Cargo's command. Cargo names itself to the programs that it runs, so that a chosen toolchain stays chosen.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command.stdin(Stdio::null()).status().with_context(|| shown.clone())?;
    ensure!(status.success(), "{status}: {shown}");
    Ok(())
}

/// The command without the folders its paths are in.
fn show(command: &Command) -> String {
    let name = |text: &std::ffi::OsStr| {
        let path = Path::new(text);
        let short = if path.is_absolute() { path.file_name().unwrap_or(text) } else { text };
        short.to_string_lossy().into_owned()
    };
    std::iter::once(command.get_program()).chain(command.get_args()).map(name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(cpus: &[usize]) -> Environment {
        Environment {
            folder: PeerFolder::of(Path::new("/repository"), cpus),
            missing: HashMap::from([("jax", "no network".to_owned())]),
        }
    }

    #[test]
    fn a_program_is_started_by_its_name() {
        assert_eq!(show(&environment(&[]).command(&PEERS[0], 2).unwrap()), "peer-minibatch");
    }

    #[test]
    fn processors_are_chosen_by_the_number_of_threads() {
        let environment = environment(&[3, 5, 7]);
        let numpy = PEERS.iter().find(|peer| peer.name == "numpy").unwrap();
        assert_eq!(show(&environment.command(numpy, 2).unwrap()), "taskset -c 3,5 python peer.py numpy");
    }

    #[test]
    fn what_is_missing_says_why() {
        let jax = PEERS.iter().find(|peer| peer.name == "jax").unwrap();
        assert_eq!(environment(&[]).command(jax, 1).unwrap_err(), "no network");
    }
}
