//! `cargo xtask torch`: the golden runs of the techniques, taken in PyTorch.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// Take the golden runs of every technique in PyTorch, and compare (the first time it makes an environment of 1.4 GB)
#[derive(clap::Args)]
pub(crate) struct Args {}

/// What PyTorch needs besides CUDA, in the versions that the peers have.
const NEEDED: [&str; 6] = ["filelock", "fsspec", "jinja2", "networkx", "sympy", "typing-extensions"];

/// Makes `target/torch`, a virtual environment with the peers' PyTorch, unless there is one, and runs the script in it.
pub(crate) fn run(_: &Args) -> Result<()> {
    let root = xtask_tools::workspace_root();
    let (sources, folder) = (root.join("benches/peers/python"), root.join("target/torch"));
    let python = folder.join("bin/python");
    let (pinned, torch) = (sources.join("requirements.txt"), sources.join("requirements-torch.txt"));
    let (stamp, wanted) = (folder.join("made-from"), std::fs::read_to_string(&torch)?);
    if !std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        println!("making the Python environment target/torch");
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
        succeed(pip().arg("--constraint").arg(&pinned).args(NEEDED))?;
        succeed(pip().arg("--no-deps").arg("--requirement").arg(&torch))?;
        succeed(Command::new(&python).arg(sources.join("cuda_stand_ins.py")))?;
        std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    }
    succeed(Command::new(&python).arg(root.join("reference/torch_techniques.py")))
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?} ends with {status}");
    Ok(())
}
