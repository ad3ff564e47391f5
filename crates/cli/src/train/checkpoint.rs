//! The file that a run is kept in: its options, and its reservation.

use crate::failure::Failure;
use crate::recorded;
use crate::text::grouped;
use minibatch::checkpoint::{Error, Keep, Lock, Outline};
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The interval between two saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Every {
    /// A number of steps, counted from the start of the run, not from where it was resumed.
    Steps(usize),
    /// A number of epochs, counted in the same way.
    Epochs(usize),
    /// A time. The clock is looked at between two slices of steps, every few milliseconds.
    Time(Duration),
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> Result<Every, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let every =
            number.parse().ok().filter(|&number| number > 0).and_then(|number: u32| match unit.trim() {
                "step" | "steps" => Some(Every::Steps(number as usize)),
                "epoch" | "epochs" => Some(Every::Epochs(number as usize)),
                "s" => Some(Every::Time(Duration::from_secs(number.into()))),
                "min" => Some(Every::Time(Duration::from_secs(60 * u64::from(number)))),
                _ => None,
            });
        every.ok_or_else(|| {
            "expected a number from 1 and a unit, such as 500steps, 30s, 5min or 1epoch".to_owned()
        })
    }
}

/// Writes the interval as `--checkpoint-every` takes it.
impl std::fmt::Display for Every {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Every::Steps(steps) => write!(f, "{steps}steps"),
            Every::Epochs(epochs) => write!(f, "{epochs}epochs"),
            Every::Time(time) => write!(f, "{}s", time.as_secs()),
        }
    }
}

impl Every {
    /// The interval in words.
    pub(crate) fn describe(self) -> String {
        match self {
            Every::Steps(1) => "after every step".to_owned(),
            Every::Steps(steps) => format!("after every {} steps", grouped(steps)),
            Every::Epochs(1) => "after every epoch".to_owned(),
            Every::Epochs(epochs) => format!("after every {} epochs", grouped(epochs)),
            Every::Time(time) => format!("every {} s", time.as_secs()),
        }
    }
}

/// The options of `train` for checkpoints.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Keep the run in this file [default: that of --resume, else none]
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,

    /// Interval between two saves: 500steps, 30s, 5min, 1epoch; the end is always saved [default: 1epoch]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub checkpoint_every: Option<Every>,

    /// Keep the newest K checkpoints, older ones as FILE.1, FILE.2 …, and that of the best epoch: on the validation set, or
    /// without one on the test set
    #[arg(long, value_name = "K", allow_negative_numbers = true, value_parser = keep)]
    pub keep: Option<NonZeroU16>,

    /// Replace another run's checkpoint that is in the file already; with --keep, also those kept beside it
    #[arg(long)]
    pub overwrite: bool,
}

impl Args {
    /// The first of these options that needs a file.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--checkpoint-every", self.checkpoint_every.is_some()),
            ("--keep", self.keep.is_some()),
            ("--overwrite", self.overwrite),
        ];
        given.into_iter().find_map(|(option, given)| given.then_some(option))
    }

    pub(super) fn every(&self) -> Every {
        self.checkpoint_every.unwrap_or(Every::Epochs(1))
    }

    pub(super) fn keep(&self) -> Keep {
        self.keep.map_or_else(Keep::default, |last| Keep { last, best: true })
    }

    /// The options as they were given, without the file.
    pub(crate) fn given(&self) -> Vec<OsString> {
        let every = self.checkpoint_every.map(|every| ["--checkpoint-every".to_owned(), every.to_string()]);
        let keep = self.keep.map(|keep| ["--keep".to_owned(), keep.to_string()]);
        every.into_iter().chain(keep).flatten().map(OsString::from).collect()
    }

    /// The number of buffers for saving, each as large as a checkpoint.
    pub(crate) fn buffers(&self) -> u64 {
        if self.keep().best { 4 } else { 3 }
    }

    /// The interval and the kept checkpoints, in words. `judge` is the set that chooses the best epoch.
    pub(crate) fn describe(&self, judge: &str) -> String {
        let every = self.every().describe();
        match self.keep.map(NonZeroU16::get) {
            None => every,
            Some(1) => format!("{every}, the newest and the best on the {judge} set kept"),
            Some(last) => format!("{every}, the newest {last} and the best on the {judge} set kept"),
        }
    }
}

fn keep(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| format!("expected a whole number from 1 to {}", u16::MAX))
}

/// The checkpoint file of this run, locked until the process ends.
#[derive(Debug)]
pub(crate) struct Reserved {
    pub(crate) lock: Lock,
    /// The resumed run lies in this very file.
    pub(crate) in_place: bool,
    /// The file holds another run, which this one replaces.
    pub(crate) replaces: bool,
}

/// Reserves `path` for this run, which may go on with the run in `resumed`. Refuses a path at which the first save would fail, or
/// would destroy another run. The refusal comes here, before anything is computed.
pub(crate) fn reserve(path: &Path, args: &Args, resumed: Option<&Path>) -> Result<Reserved, Failure> {
    let outline = resumed.map(recorded::outline).transpose()?;
    check_folder(path)?;
    let mut lock = Lock::acquire(path).map_err(refused)?;
    let in_place = resumed.is_some_and(|resumed| is_same_place(resumed, lock.checkpoint()));
    let mut others = lock.occupied(args.keep()).map_err(refused)?;
    if let Some(file) = others.iter().find(|file| is_protected(file)) {
        let file = file.display();
        return Err(Failure::usage(format!(
            "{file}: the checkpoint there is write-protected; `chmod u+w {file}` lets a run replace it, --checkpoint FILE \
             names another"
        )));
    }
    let of_run = |file: &PathBuf| {
        outline.as_ref().is_some_and(|outline| Outline::read(file).is_ok_and(|kept| kept.is_of_run(outline)))
    };
    if in_place {
        others.retain(|file| file != lock.checkpoint() && !of_run(file));
    }
    if let (false, Some(other)) = (args.overwrite, others.first()) {
        return Err(in_use(&lock, other, in_place));
    }
    let replaces = others.first().is_some_and(|other| other == lock.checkpoint());
    // A run that goes back to an older checkpoint of its own keeps its other checkpoints.
    others.retain(|file| file == lock.checkpoint() || !of_run(file));
    lock.supersede(others);
    Ok(Reserved { lock, in_place, replaces })
}

/// The refusal of a run whose files would replace `other`, a checkpoint of another run. It names the ways on.
fn in_use(lock: &Lock, other: &Path, in_place: bool) -> Failure {
    let (path, shown) = (lock.checkpoint().display(), other.display());
    Failure::usage(if other == lock.checkpoint() {
        format!(
            "--checkpoint {path}: expected a new name, found a checkpoint; `--resume {path}` goes on with its run, \
             `--overwrite` replaces it"
        )
    } else if in_place {
        format!(
            "--keep: expected older and best checkpoints of the run in {path}, found one of another run, or a damaged one, in \
             {shown}; move it away, or `--overwrite` replaces it"
        )
    } else {
        format!(
            "--keep: expected no older or best checkpoint beside {path} yet, found {shown}; `--resume {shown}` goes on with its \
             run, `--overwrite` replaces it"
        )
    })
}

/// True for a file that nobody may write, such as one after `chmod 444`.
fn is_protected(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.permissions().readonly())
}

/// True if both paths lead to one existing file.
fn is_same_place(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// A path that no run can have is wrong usage. A path that another run holds may be free later, so that is a failed run.
fn refused(error: Error) -> Failure {
    match error {
        Error::InTheWay { .. } | Error::NameTooLong { .. } | Error::NotAFile { .. } => Failure::usage(error),
        error => error.into(),
    }
}

/// Checks that the folder exists, and that `path` names a file in it.
fn check_folder(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let fault =
            if folder.exists() { "is a file, not a folder; name one" } else { "is missing; create it first" };
        let (path, folder) = (path.display(), folder.display());
        return Err(Failure::usage(format!("--checkpoint {path}: the folder {folder} {fault}")));
    }
    // A path without a file's name at its end, as in `runs/`, can only be a folder's.
    let names_folder = path.as_os_str().to_string_lossy().ends_with(std::path::is_separator);
    if names_folder && !path.is_dir() {
        let path = path.display();
        return Err(Failure::usage(format!(
            "--checkpoint {path}: expected the name of a file, found that of a folder; put one after it, as in {path}run.ckpt"
        )));
    }
    if path.exists() && !path.is_file() {
        let found = if path.is_dir() { "a folder" } else { "a pipe or device" };
        let path = path.display();
        return Err(Failure::usage(format!(
            "--checkpoint {path}: expected a regular file or a new name, found {found}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cadence_is_read_as_it_is_written() {
        for (text, every) in [
            ("500steps", Every::Steps(500)),
            ("1 step", Every::Steps(1)),
            ("30s", Every::Time(Duration::from_secs(30))),
            ("5min", Every::Time(Duration::from_secs(300))),
            ("1epoch", Every::Epochs(1)),
            ("4294967295epochs", Every::Epochs(4_294_967_295)),
        ] {
            assert_eq!(text.parse(), Ok(every), "{text}");
            assert_eq!(every.to_string().parse(), Ok(every), "{every}");
        }
        for text in ["", "5", "steps", "0steps", "-1s", "1.5s", "4294967296s", "1h", "5 stepss", "５steps"] {
            assert!(text.parse::<Every>().is_err(), "{text}");
        }
    }
}
