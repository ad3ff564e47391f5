//! Python environments, made once under `target`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The packages that PyTorch needs besides CUDA. The versions are in the peers' `requirements.txt`.
const TORCH_NEEDS: [&str; 6] = ["filelock", "fsspec", "jinja2", "networkx", "sympy", "typing-extensions"];

/// The lists of pinned packages are in this folder.
const SOURCES: &str = "benches/peers/python";

/// A virtual environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment {
    /// The folder, relative to the repository's root.
    pub(crate) folder: &'static str,
    /// Whether it has the peers' PyTorch.
    pub(crate) has_torch: bool,
    /// Further packages of the peers' `requirements.txt`.
    pub(crate) needs: &'static [&'static str],
    /// A further list of pinned packages, which are installed without what they ask for.
    pub(crate) list: Option<&'static str>,
}

impl Environment {
    /// Makes the environment, unless there is one of the same lists. Returns its interpreter.
    pub(crate) fn prepare(self, root: &Path) -> Result<PathBuf> {
        let (sources, folder) = (root.join(SOURCES), root.join(self.folder));
        let python = folder.join("bin/python");
        let pinned = sources.join("requirements.txt");
        let torch = self.has_torch.then_some("requirements-torch.txt");
        let alone: Vec<PathBuf> = torch.into_iter().chain(self.list).map(|name| sources.join(name)).collect();
        let stamp = folder.join("made-from");
        let wanted = alone.iter().map(std::fs::read_to_string).collect::<Result<String, _>>()?;
        if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(python);
        }
        println!("making the Python environment {}", self.folder);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        let system = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        succeed(Command::new(system).args(["-m", "venv"]).arg(&folder))?;
        let pip = || {
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            pip
        };
        let mut needed = pip();
        needed.arg("--constraint").arg(&pinned);
        if self.list.is_some() {
            alone.iter().for_each(|list| _ = needed.arg("--constraint").arg(list));
        }
        if self.has_torch {
            needed.args(TORCH_NEEDS);
        }
        succeed(needed.args(self.needs))?;
        for list in &alone {
            succeed(pip().arg("--no-deps").arg("--requirement").arg(list))?;
        }
        if self.has_torch {
            succeed(Command::new(&python).arg(sources.join("cuda_stand_ins.py")))?;
        }
        std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
        Ok(python)
    }
}

/// Runs `command`. Its failure is an error.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} ends with {status}");
    Ok(())
}
