//! Saves a run while it goes on.

use super::checkpoint::{Args, Every};
use crate::failure::{Failure, tell};
use crate::progress::steps_done;
use crate::report::place;
use minibatch::checkpoint::{Error, Lock, OsDisk, Writer};
use minibatch::{Trainer, footprint};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Saves a run in the background. A failure to write is a warning as long as a later checkpoint can make up for it.
#[derive(Debug)]
pub(super) struct Keeper {
    writer: Writer,
    /// The file.
    pub(super) path: PathBuf,
    /// True if the best epoch is kept, too.
    keeps_best: bool,
    every: Every,
    /// Epochs and position of the newest snapshot.
    newest: Option<(usize, usize)>,
    /// The time of the newest snapshot, or of the start.
    taken: Instant,
    /// The last warning.
    warned: String,
}

impl Keeper {
    /// Starts to save `trainer`'s run. `saved` is true if the file holds its state already.
    pub(super) fn start(lock: Lock, args: &Args, trainer: &Trainer, saved: bool) -> Result<Keeper, Failure> {
        let path = lock.checkpoint().to_owned();
        let (settings, so_far) = (trainer.settings(), trainer.history().len());
        let left = settings.epochs.saturating_sub(so_far).min(1 << 16);
        let bytes = footprint::checkpoint(trainer.network(), settings, so_far + left);
        let capacity = usize::try_from(bytes).unwrap_or(usize::MAX);
        let keep = args.keep();
        let keeps_best = keep.best;
        Ok(Keeper {
            writer: Writer::start(lock, keep, capacity, Arc::new(OsDisk))?,
            path,
            every: args.every(),
            keeps_best,
            newest: saved.then(|| state(trainer)),
            taken: Instant::now(),
            warned: String::new(),
        })
    }

    /// Notes that the run has changed since it was saved, though it took no step.
    pub(super) fn note_change(&mut self) {
        self.newest = None;
    }

    /// Steps until the run may be due to be saved.
    pub(super) fn steps_to_go(&self, trainer: &Trainer) -> usize {
        match self.every {
            Every::Steps(steps) => steps - steps_done(trainer) % steps,
            _ => usize::MAX,
        }
    }

    /// Saves the run if that is due. `best` is true if an epoch has just ended and is the best so far. It must have been evaluated.
    /// Returns a warning if an earlier checkpoint could not be written.
    pub(super) fn look(&mut self, trainer: &Trainer, best: bool) -> Result<Option<String>, Failure> {
        let epoch_ended = trainer.position() == 0;
        let due = match self.every {
            Every::Steps(steps) => steps_done(trainer).is_multiple_of(steps),
            Every::Epochs(epochs) => epoch_ended && trainer.history().len().is_multiple_of(epochs),
            Every::Time(time) => self.taken.elapsed() >= time,
        };
        let best = best && self.keeps_best;
        if due || best { self.take(trainer, best) } else { Ok(None) }
    }

    /// The time of the newest snapshot, if there is one.
    #[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "the dashboard looks at it"))]
    pub(super) fn saved(&self) -> Option<Instant> {
        self.newest.map(|_| self.taken)
    }

    /// Saves the run now. If an epoch has just ended, it must have been evaluated. Returns a warning as [`look`](Self::look) does.
    pub(super) fn take(&mut self, trainer: &Trainer, best: bool) -> Result<Option<String>, Failure> {
        let format = |source| Error::Format { path: self.path.clone(), source };
        let receipt = self.writer.submit(best, |bytes| trainer.encode_into(bytes)).map_err(format)?;
        self.newest = Some(state(trainer));
        self.taken = Instant::now();
        // The same warning isn't repeated after every step.
        let warning = receipt
            .failure
            .map(|failure| format!("warning: {failure}; the run goes on, and the next save tries again"));
        let warning = warning.filter(|warning| *warning != self.warned);
        if let Some(warning) = &warning {
            self.warned.clone_from(warning);
        }
        Ok(warning)
    }

    /// Saves the run as it is now, unless it is saved already, and waits until all is on disk.
    pub(super) fn finish(&mut self, trainer: &Trainer) -> Result<(), Failure> {
        if self.newest != Some(state(trainer)) {
            self.take(trainer, false)?.iter().for_each(|warning| tell(warning));
        }
        self.flush()
    }

    /// Waits until all snapshots are on disk.
    fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }

    /// Keeps as much as possible of a run that failed. The returned failure adds the file that holds it, or why there is none.
    pub(super) fn keep_in_spite_of(&mut self, failure: Failure, trainer: &Trainer) -> Failure {
        // If only the output failed, the run is sound, and is saved as it is.
        let kept = if failure.is_of_output() { self.finish(trainer) } else { self.flush() };
        let is_lost = kept.is_err();
        let note = match (kept, self.newest) {
            (Err(Failure::Run(why)), _) => why,
            (Ok(()), Some((epochs, position))) => {
                let step = position.div_ceil(trainer.settings().batch_size);
                format!("{} holds the run as of {}", self.path.display(), place(epochs, step))
            }
            _ => return failure,
        };
        match failure {
            Failure::Run(message) | Failure::Output(message) => Failure::Run(format!("{message}; {note}")),
            Failure::ClosedPipe if is_lost => Failure::Run(note),
            failure => failure,
        }
    }
}

/// Epochs and position.
fn state(trainer: &Trainer) -> (usize, usize) {
    (trainer.history().len(), trainer.position())
}
