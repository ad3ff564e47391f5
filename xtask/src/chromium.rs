//! The tests of pages in Chromium, which is installed for them where Debian's packages can be.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xtask_tools::{CommandLine, Outcome};

use crate::compiler::on_path;
use crate::time_limit;

/// The names that Chromium has on a path. The tests look for the same ones.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The most time for fetching it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most time for installing what has been fetched. It usually takes seconds, and is no thing to break off.
const INSTALLING: Duration = Duration::from_secs(300);

/// The step of CI.
pub(crate) fn check(root: &Path) -> Result<Outcome> {
    if found().is_none()
        && let Err(why) = install(root)
    {
        return Ok(Outcome::Skipped(format!("no Chromium: {why:#}")));
    }
    let browser = found().context("Chromium is installed, and isn't on the path")?;
    // With other packages cargo would build the dependencies anew, with the features that these packages alone need.
    let tests = CommandLine::cargo("test --workspace --test cli report_page");
    tests.env("CHROMIUM", browser.to_str().context("the path of Chromium is not UTF-8")?).run(root)
}

/// The browser that the environment variable CHROMIUM names, or one on the path.
pub(crate) fn found() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").filter(|name| !name.is_empty()).map(PathBuf::from);
    named.or_else(|| NAMES.iter().find_map(|name| on_path(name)))
}

/// Installs Debian's package. Only root may, and only where apt is.
fn install(root: &Path) -> Result<()> {
    ensure!(on_path("apt-get").is_some(), "this system has no apt-get");
    let id = Command::new("id").arg("-u").output().context("id")?;
    ensure!(id.stdout == b"0\n", "only root may install it (apt-get install chromium)");
    println!("installing Debian's chromium");
    let begun = Instant::now();
    let log = root.join("target/chromium.log");
    let steps = [
        ("update", PATIENCE),
        ("install --yes --no-install-recommends --download-only chromium", PATIENCE),
        ("install --yes --no-install-recommends chromium", INSTALLING),
    ];
    for (arguments, patience) in steps {
        let out = File::create(&log).with_context(|| log.display().to_string())?;
        let mut command = Command::new("apt-get");
        command.args(arguments.split(' ')).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(out);
        let mut child = command.spawn().context("apt-get")?;
        let left = patience.saturating_sub(begun.elapsed());
        let status = time_limit::wait(&mut child, left).context("apt-get")?;
        let status = status.with_context(|| format!("`apt-get {arguments}` took too long"))?;
        ensure!(status.success(), "`apt-get {arguments}` failed; target/chromium.log says why");
    }
    Ok(())
}
