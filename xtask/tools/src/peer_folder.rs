//! The folder `target/peers`: the Python environment of the peers, and the commands that start its programs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The variables from which the threading libraries read the number of threads.
const THREAD_VARIABLES: [&str; 8] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    // XLA's pool.
    "NPROC",
    "TORCHINDUCTOR_COMPILE_THREADS",
];

/// `target/peers`, which `cargo xtask peers` fills, and the processors that its programs run on.
#[derive(Debug)]
pub struct PeerFolder {
    /// The repository's root.
    pub root: PathBuf,
    /// The folder itself.
    pub path: PathBuf,
    cpus: Vec<usize>,
}

impl PeerFolder {
    /// The folder of the repository at `root`. Programs run on the first of `cpus`, or on any processor if there are none.
    pub fn of(root: &Path, cpus: &[usize]) -> Self {
        Self { root: root.to_owned(), path: root.join("target/peers"), cpus: cpus.to_vec() }
    }

    /// Whether an earlier run made the Python environment, and logs can be written.
    pub fn has_python(&self) -> bool {
        self.python().exists() && std::fs::create_dir_all(self.path.join("logs")).is_ok()
    }

    /// The environment's interpreter.
    pub fn python(&self) -> PathBuf {
        self.path.join("venv/bin/python")
    }

    /// The command that runs a script of `benches/peers/python` as `peer`, with `threads` threads.
    pub fn script(&self, script: &str, peer: &str, threads: usize) -> Command {
        let mut command = self.pinned(&self.python(), threads);
        command.arg(self.root.join("benches/peers/python").join(script)).arg(peer);
        command
    }

    /// The file for the standard error of `peer` with `threads` threads.
    pub fn log(&self, peer: &str, workload: &str, threads: usize) -> PathBuf {
        self.path.join(format!("logs/{peer}-{workload}-{threads}.log"))
    }

    /// `program`, told to use `threads` threads, on the first of the chosen processors.
    pub fn pinned(&self, program: &Path, threads: usize) -> Command {
        let mut command = if self.cpus.is_empty() {
            Command::new(program)
        } else {
            let cpus: Vec<_> = self.cpus.iter().take(threads).map(usize::to_string).collect();
            let mut command = Command::new("taskset");
            command.args(["-c", &cpus.join(",")]).arg(program);
            command
        };
        command.current_dir(&self.root);
        command.envs(THREAD_VARIABLES.map(|name| (name, threads.to_string())));
        let eigen = format!("--xla_cpu_multi_thread_eigen={}", threads > 1);
        command.env("XLA_FLAGS", eigen).env("JAX_PLATFORMS", "cpu").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("TORCHINDUCTOR_CACHE_DIR", self.path.join("inductor"));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::ffi::OsStr;

    #[test]
    fn threads_are_set_for_every_library() {
        let command = PeerFolder::of(Path::new("/repository"), &[]).pinned(Path::new("program"), 2);
        let set: HashMap<_, _> = command.get_envs().collect();
        for name in THREAD_VARIABLES {
            assert_eq!(set[OsStr::new(name)], Some(OsStr::new("2")), "{name}");
        }
        assert_eq!(command.get_program(), "program");
    }
}
