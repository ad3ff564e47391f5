//! A disk whose operations fail on demand, and stop altogether on demand, as if the process were killed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::{Disk, OsDisk};

/// Error numbers of Linux. Their meaning is the same elsewhere, or does not matter here.
pub(super) const EIO: i32 = 5;
pub(super) const ENOSPC: i32 = 28;
pub(super) const EROFS: i32 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Create,
    Write,
    Sync,
    Rename,
    Link,
    Remove,
    SyncFolder,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// Every operation of this kind fails.
    Each(Op, i32),
    /// The operation with this number fails, once.
    Nth(usize, i32),
    /// The operation with this number, and all after it, do nothing.
    KilledAt(usize),
}

#[derive(Debug, Default)]
pub(super) struct FaultyDisk {
    fault: Option<Fault>,
    done: Mutex<Vec<Op>>,
}

impl FaultyDisk {
    pub(super) fn new(fault: Fault) -> Self {
        FaultyDisk { fault: Some(fault), done: Mutex::default() }
    }

    /// The operations asked for so far.
    pub(super) fn log(&self) -> Vec<Op> {
        self.done.lock().unwrap().clone()
    }

    fn strike(&self, op: Op) -> io::Result<()> {
        let mut done = self.done.lock().unwrap();
        let index = done.len();
        done.push(op);
        match self.fault {
            Some(Fault::Each(which, errno)) if which == op => Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::Nth(at, errno)) if at == index => Err(io::Error::from_raw_os_error(errno)),
            Some(Fault::KilledAt(at)) if at <= index => Err(io::Error::other("killed")),
            _ => Ok(()),
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.strike(Op::Create)?;
        OsDisk.create(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        // A disk fills up in the middle of a file.
        self.strike(Op::Write).or_else(|error| file.write_all(&bytes[..bytes.len() / 2]).and(Err(error)))?;
        OsDisk.write(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.strike(Op::Sync)?;
        OsDisk.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.strike(Op::Rename)?;
        OsDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.strike(Op::Link)?;
        OsDisk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.strike(Op::Remove)?;
        OsDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.strike(Op::SyncFolder)?;
        OsDisk.sync_folder(folder)
    }
}
