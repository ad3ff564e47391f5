//! The observer of a run: shows it, saves it, and stops it after a signal.

use super::display::{Display, Moment, Wish};
use super::judge;
use super::keeper::Keeper;
use super::log::Log;
use super::tensorboard::EventFile;
use crate::failure::Failure;
use crate::progress::Clock;
use crate::report::{EpochLine, Inspected};
use crate::signals::{Signal, Signals};
use minibatch::{Dataset, Epoch, Observer, Trainer};
use std::ops::ControlFlow;

/// The observer of a run. Between two slices it lets the display move on, and saves the run if that is due. After an epoch it hands
/// the epoch's line to the display.
pub(super) struct RunObserver {
    pub(super) keeper: Option<Keeper>,
    pub(super) log: Option<Log>,
    pub(super) events: Option<EventFile>,
    pub(super) signals: Signals,
    pub(super) clock: Clock,
    pub(super) display: Box<dyn Display>,
    /// Whether the state of the layers is shown after each epoch.
    pub(super) inspects: bool,
    /// The state of the layers after each epoch, if a page is made of the run.
    pub(super) inspected: Option<Vec<Inspected>>,
    /// Whether the user has asked for the run to be saved, and it isn't yet.
    pub(super) wants_save: bool,
}

impl RunObserver {
    /// Trains to the last epoch, or to a signal, which is returned. On return, everything that is kept is on disk.
    pub(super) fn train(
        &mut self,
        trainer: &mut Trainer,
        test: Option<&Dataset>,
    ) -> Result<Option<Signal>, Failure> {
        // The first slice may take long.
        self.show(trainer)?;
        // A program that uses the library may have written the checkpoint before it evaluated the last epoch.
        if let (0, Some(epoch)) = (trainer.position(), trainer.history().last().copied()) {
            if epoch.validation.is_none() && trainer.validate()?.is_some() {
                self.keeper.iter_mut().for_each(Keeper::note_change);
            }
            if let (None, Some(test)) = (epoch.test, test) {
                let evaluation = trainer.evaluate(test)?;
                trainer.record(test, evaluation)?;
                self.keeper.iter_mut().for_each(Keeper::note_change);
            }
        }
        let fit = if self.flow().is_break() { Ok(()) } else { trainer.fit(test, self) };
        // The last lines of a display that closes may be lost with the output. The run isn't.
        let shown = self.display.finish();
        let fit = fit.and(shown);
        let of_output = fit.as_ref().is_err_and(Failure::is_of_output);
        let fit = fit.map_err(|failure| match &mut self.keeper {
            Some(keeper) => keeper.keep_in_spite_of(failure, trainer),
            None => failure,
        });
        let signal = self.signals.caught();
        // A closed terminal refuses output a moment before its signal comes.
        if !(of_output && signal.is_some()) {
            fit?;
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.finish(trainer)?;
        }
        // A signal that came with the last step stops nothing.
        let is_over = trainer.history().len() >= trainer.settings().epochs || trainer.has_stopped();
        Ok(signal.filter(|_| !is_over))
    }

    /// Saves the run if that is due. `best` is true if an epoch has just ended and is the best so far.
    fn save(&mut self, trainer: &Trainer, best: bool) -> Result<(), Failure> {
        let Some(keeper) = &mut self.keeper else { return Ok(()) };
        let due = keeper.look(trainer, best)?;
        let asked = if std::mem::take(&mut self.wants_save) { keeper.take(trainer, false)? } else { None };
        due.into_iter().chain(asked).for_each(|warning| self.display.tell(warning));
        Ok(())
    }

    /// Lets the display move on, and notes what the user asks for.
    fn show(&mut self, trainer: &Trainer) -> Result<(), Failure> {
        let moment = Moment { trainer, clock: &self.clock, keeper: self.keeper.as_ref() };
        match self.display.after_slice(moment)? {
            Some(Wish::Save) => self.wants_save = true,
            Some(Wish::Stop) => self.signals.interrupt(),
            None => {}
        }
        Ok(())
    }

    /// Stops the run once a signal has come.
    fn flow(&self) -> ControlFlow<()> {
        self.signals.caught().map_or(ControlFlow::Continue(()), |_| ControlFlow::Break(()))
    }
}

impl Observer for RunObserver {
    type Error = Failure;

    fn interval(&mut self, trainer: &Trainer) -> usize {
        let most = self.keeper.as_ref().map_or(usize::MAX, |keeper| keeper.steps_to_go(trainer));
        self.clock.begin_slice(most)
    }

    fn after_steps(&mut self, trainer: &mut Trainer) -> Result<ControlFlow<()>, Failure> {
        self.clock.end_slice(trainer);
        self.show(trainer)?;
        // An epoch that has ended is saved once it has been evaluated.
        if trainer.position() > 0 {
            self.save(trainer, false)?;
        }
        Ok(self.flow())
    }

    fn after_epoch(&mut self, trainer: &mut Trainer, epoch: &Epoch) -> Result<ControlFlow<()>, Failure> {
        let best = judge::best(trainer).is_some_and(|best| best.number == epoch.number);
        self.save(trainer, best)?;
        let mut line = EpochLine::new(epoch, trainer.settings(), trainer.examples());
        if self.inspects || self.inspected.is_some() {
            let layers = trainer.inspect()?;
            if let Some(inspected) = &mut self.inspected {
                inspected.push(Inspected { epoch: epoch.number, layers: layers.clone() });
            }
            line.layers = self.inspects.then_some(layers);
        }
        if let Some(log) = &mut self.log {
            log.add(trainer, epoch)?;
        }
        if let Some(events) = &mut self.events {
            events.add(trainer, &line)?;
        }
        let moment = Moment { trainer, clock: &self.clock, keeper: self.keeper.as_ref() };
        self.display.after_epoch(moment, line, best)?;
        Ok(self.flow())
    }
}
