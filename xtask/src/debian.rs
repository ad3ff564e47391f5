//! Compilers, linkers and emulators for other targets out of Debian's packages, unpacked into a folder and not installed.
//!
//! apt works on lists, a cache and a record of installed packages of its own, all in that folder. The machine's stay as they are,
//! and no right beyond writing there is needed. A tool is there whole or not at all, and is fetched once.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::time_limit;

/// The most time for one command of apt's.
const PATIENCE: Duration = Duration::from_secs(300);
/// Parts of the names of the packages wanted here. The record of installed packages leaves them out: one that the system has
/// would not be fetched.
const WANTED: [&str; 6] = ["rust-web", "rustc-web", "aarch64-linux-gnu", "-cross", "qemu-user", "lld"];

/// A program and the packages it comes from.
pub(crate) struct Tool {
    /// The name of its folder.
    pub(crate) name: &'static str,
    /// Packages of this machine's architecture. The packages that they depend on, and this machine lacks, come with them.
    pub(crate) packages: &'static [&'static str],
    /// Packages of the other architecture, without those that they depend on.
    pub(crate) foreign: &'static [&'static str],
    /// The program in the packages.
    pub(crate) program: &'static str,
    /// Its first arguments, as the shell takes them. `$root` is the folder in which the packages are unpacked.
    pub(crate) arguments: &'static str,
}

/// The folder in which tools are unpacked.
pub(crate) struct Debian {
    folder: PathBuf,
    /// The outcome of updating apt's lists in this run.
    update: Option<Result<(), String>>,
}

impl Debian {
    /// The tools in this folder, an absolute path.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), update: None }
    }

    /// The tool, as a script that runs it. It is fetched if it isn't there yet.
    pub(crate) fn tool(&mut self, tool: &Tool) -> Result<PathBuf> {
        let home = self.folder.join(tool.name);
        let script = home.join("run");
        if script.is_file() {
            return Ok(script);
        }
        ensure!(is_debian(), "this is no Debian on x86-64, whose packages would do");
        println!(
            "fetching the {} of Debian's {} into {}",
            tool.name,
            tool.packages.join(", "),
            home.display()
        );
        let new = self.folder.join(format!("{}.new", tool.name));
        for old in [&home, &new] {
            if old.exists() {
                fs::remove_dir_all(old).with_context(|| old.display().to_string())?;
            }
        }
        self.unpack(tool, &new).inspect_err(|_| {
            fs::remove_dir_all(&new).ok();
        })?;
        write_script(tool, &new.join("run"))?;
        fs::rename(&new, &home).with_context(|| home.display().to_string())?;
        Ok(script)
    }

    /// Fetches the packages and unpacks them under `new`.
    fn unpack(&mut self, tool: &Tool, new: &Path) -> Result<()> {
        let archives = new.join("archives");
        fs::create_dir_all(archives.join("partial")).with_context(|| archives.display().to_string())?;
        self.update()?;
        let cache = format!("Dir::Cache::archives={}", archives.display());
        let install = ["install", "--yes", "--download-only", "--no-install-recommends", "-o", &cache];
        self.run(self.apt(&install).args(tool.packages)).map_err(|error| match &self.update {
            Some(Err(why)) => error.context(why.clone()),
            _ => error,
        })?;
        if !tool.foreign.is_empty() {
            self.run(self.apt(&["download"]).args(tool.foreign).current_dir(&archives))?;
        }
        let root = new.join("root");
        for entry in fs::read_dir(&archives).with_context(|| archives.display().to_string())? {
            let path = entry.with_context(|| archives.display().to_string())?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                self.run(Command::new("dpkg").arg("-x").arg(path).arg(&root))?;
            }
        }
        fs::remove_dir_all(&archives).with_context(|| archives.display().to_string())?;
        ensure!(root.join(tool.program).is_file(), "Debian's packages hold no {}", tool.program);
        Ok(())
    }

    /// Makes apt's folders and fetches its lists, once.
    fn update(&mut self) -> Result<()> {
        if self.update.is_some() {
            return Ok(());
        }
        let apt = self.folder.join("apt");
        let lists = apt.join("lists/partial");
        fs::create_dir_all(&lists).with_context(|| lists.display().to_string())?;
        let installed = "/var/lib/dpkg/status";
        let installed = fs::read_to_string(installed).context(installed)?;
        write(&apt.join("status"), &without_wanted(&installed))?;
        write(&apt.join("apt.conf"), &configuration(&apt))?;
        // A source that fails, such as one that knows no Arm, need not matter. A missing package shows later.
        let update = self.run(&mut self.apt(&["update"]));
        self.update = Some(update.map_err(|error| error.to_string()));
        Ok(())
    }

    fn apt(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("APT_CONFIG", self.folder.join("apt/apt.conf")).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a command silently. The error is the command's own message.
    fn run(&self, command: &mut Command) -> Result<()> {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = self.folder.join("log");
        let errors = File::create(&log).with_context(|| log.display().to_string())?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        let mut child = command.spawn().with_context(|| name.clone())?;
        let status = time_limit::wait(&mut child, PATIENCE).with_context(|| name.clone())?;
        let Some(status) = status else { bail!("{name} took longer than {} s", PATIENCE.as_secs()) };
        let mut said = Vec::new();
        File::open(&log).and_then(|file| file.take(1 << 20).read_to_end(&mut said)).ok();
        let said = String::from_utf8_lossy(&said);
        ensure!(status.success(), "{name}: {}", reason(&said).unwrap_or("it failed without a word"));
        Ok(())
    }
}

/// Whether Debian's packages are this machine's.
fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    cfg!(target_arch = "x86_64") && release.lines().any(|line| line == "ID=debian")
}

/// apt's configuration: folders of its own, both architectures, and no long waiting.
fn configuration(apt: &Path) -> String {
    let apt = apt.display();
    format!(
        "APT::Architecture \"amd64\";\n\
         APT::Architectures {{ \"amd64\"; \"arm64\"; }};\n\
         APT::Sandbox::User \"root\";\n\
         Dir::State \"{apt}\";\n\
         Dir::State::status \"{apt}/status\";\n\
         Dir::Cache \"{apt}\";\n\
         APT::Update::Error-Mode \"any\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
         Acquire::Retries \"1\";\n\
         Acquire::http::Timeout \"20\";\n\
         Acquire::https::Timeout \"20\";\n"
    )
}

/// dpkg's record of installed packages, a paragraph each, without those that are [`WANTED`].
fn without_wanted(installed: &str) -> String {
    let is_wanted = |paragraph: &str| {
        let name = paragraph.lines().find_map(|line| line.strip_prefix("Package: ")).unwrap_or_default();
        WANTED.iter().any(|part| name.contains(part))
    };
    let kept: Vec<&str> = installed.split("\n\n").filter(|paragraph| !is_wanted(paragraph)).collect();
    kept.join("\n\n")
}

/// Writes the script that runs the tool with the libraries beside it, wherever the folder has been moved to.
fn write_script(tool: &Tool, path: &Path) -> Result<()> {
    let (program, arguments) = (tool.program, tool.arguments);
    let script = format!(
        "#!/bin/sh\n\
         root=$(cd \"$(dirname \"$0\")\" && pwd)/root\n\
         LD_LIBRARY_PATH=\"$root/usr/lib/x86_64-linux-gnu${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n\
         export LD_LIBRARY_PATH\n\
         exec \"$root/{program}\" {arguments} \"$@\"\n"
    );
    write(path, &script)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())
}

/// apt's first error, or else the last line.
fn reason(said: &str) -> Option<&str> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().find_map(|line| line.strip_prefix("E: ")).or_else(|| lines().next_back())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Output;

    const TOOL: Tool = Tool {
        name: "linker",
        packages: &[],
        foreign: &[],
        program: "usr/bin/ld",
        arguments: "--sysroot=\"$root\"",
    };

    #[test]
    fn the_record_leaves_out_what_is_wanted() {
        let paragraph = |name: &str| format!("Package: {name}\nStatus: install ok installed\n");
        let [kept, rustc, other] = ["ca-certificates", "rustc-web", "zlib1g"].map(paragraph);
        let installed = [&*kept, &*rustc, &*paragraph("libc6-dev-arm64-cross"), &*other].join("\n");
        assert_eq!(without_wanted(&installed), [kept, other].join("\n"));
    }

    #[test]
    fn the_script_runs_the_tool_with_its_libraries_and_first_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("a b");
        let program = home.join("root").join(TOOL.program);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        write(&program, "#!/bin/sh\necho \"$LD_LIBRARY_PATH\"\nfor a in \"$@\"; do echo \"$a\"; done\n")
            .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        write_script(&TOOL, &home.join("run")).unwrap();
        let moved = folder.path().join("moved");
        fs::rename(home, &moved).unwrap();
        let mut command = Command::new(moved.join("run"));
        command.args(["-o", "x y"]).env_remove("LD_LIBRARY_PATH");
        // A process that another test has just forked holds both files open for writing until it becomes its own program. So long the
        // system refuses to run them, and a shell says 126.
        let is_busy = |run: &io::Result<Output>| match run {
            Ok(output) => output.status.code() == Some(126),
            Err(error) => error.kind() == io::ErrorKind::ExecutableFileBusy,
        };
        let mut runs = std::iter::repeat_with(|| command.output()).take(200).skip_while(|run| {
            std::thread::sleep(Duration::from_millis(u64::from(is_busy(run))));
            is_busy(run)
        });
        let output = runs.next().expect("the files can be run at last").unwrap();
        let root = moved.join("root").canonicalize().unwrap().display().to_string();
        let expected = format!("{root}/usr/lib/x86_64-linux-gnu\n--sysroot={root}\n-o\nx y\n");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }

    #[test]
    fn the_reason_is_apts_first_error() {
        assert_eq!(reason("W: a\nE: b\nE: c\nd\n\n"), Some("b"));
        assert_eq!(reason("a\nb\n\n"), Some("b"));
        assert_eq!(reason("\n"), None);
    }
}
