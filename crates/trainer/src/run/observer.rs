//! Training to the end with an observer: reports, checkpoints.

use super::trainer::Trainer;
use crate::epoch::Epoch;
use crate::error::Error;
use minibatch_data::Dataset;
use std::ops::ControlFlow;

/// Watches the run of a [`Trainer`], and may end it. [`Trainer::fit`] calls it:
///
/// ```text
/// until the last epoch, or early stopping, or Break, or an error:
///     interval                  how many steps the next slice has
///     (a slice of steps)        up to the end of the epoch
///     after_steps
///     if the epoch has ended:
///         (evaluations)         of the validation and the test set, if there are any
///         after_epoch
/// ```
///
/// The observer borrows the trainer, so it can save the run, or evaluate the network on any data.
/// [`ControlFlow::Break`] ends the run as a success. An error ends it too, and `fit` returns that error. By default a slice is a
/// whole epoch, and the other methods do nothing.
///
/// `()` is an observer that does nothing. A closure that takes an [`Epoch`] and returns a [`ControlFlow`] is an observer that is
/// called after each epoch.
///
/// This observer writes a line every 100 steps. A line that can't be written ends the run:
///
/// ```
/// use minibatch::{Dataset, Isa, Network, Observer, Pool, Settings, Trainer};
/// use std::io::Write;
/// use std::ops::ControlFlow;
///
/// struct Log<W>(W);
///
/// impl<W: Write> Observer for Log<W> {
///     type Error = Box<dyn std::error::Error>;
///
///     fn interval(&mut self, _: &Trainer) -> usize {
///         100
///     }
///
///     fn after_steps(&mut self, trainer: &mut Trainer) -> Result<ControlFlow<()>, Self::Error> {
///         writeln!(self.0, "step {}", trainer.step())?;
///         Ok(ControlFlow::Continue(()))
///     }
/// }
///
/// let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(250), &[2], [0, 1].repeat(250))?;
/// let pool = Pool::new(Isa::detect(), 1)?;
/// let network = Network::builder(2).layer(2).build()?;
/// let settings = Settings { batch_size: 2, epochs: 1, ..Settings::default() };
/// let mut log = Log(Vec::new());
/// Trainer::new(&pool, &data, network, settings)?.fit(None, &mut log)?;
/// assert_eq!(log.0, b"step 100\nstep 200\nstep 0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Observer {
    /// The reason for which the run fails. `minibatch::Error` serves where the observer itself can't fail.
    type Error: From<Error>;

    /// Called before each slice of steps: the number of its steps, at least 1. The slice ends earlier where the epoch ends. Each
    /// slice costs some microseconds.
    fn interval(&mut self, _trainer: &Trainer) -> usize {
        usize::MAX
    }

    /// Called after each slice. If the slice has ended an epoch, the trainer's [position](Trainer::position) is 0 and the epoch
    /// isn't evaluated yet. It is evaluated, and [`after_epoch`](Self::after_epoch) is called, before a `Break` ends the run.
    fn after_steps(&mut self, _trainer: &mut Trainer) -> Result<ControlFlow<()>, Self::Error> {
        Ok(ControlFlow::Continue(()))
    }

    /// Called after each epoch, once the validation and the test set, if there are any, have been evaluated.
    fn after_epoch(
        &mut self,
        _trainer: &mut Trainer,
        _epoch: &Epoch,
    ) -> Result<ControlFlow<()>, Self::Error> {
        Ok(ControlFlow::Continue(()))
    }
}

impl Observer for () {
    type Error = Error;
}

impl<F: FnMut(&Epoch) -> ControlFlow<()>> Observer for F {
    type Error = Error;

    fn after_epoch(&mut self, _: &mut Trainer, epoch: &Epoch) -> Result<ControlFlow<()>, Error> {
        Ok(self(epoch))
    }
}

impl Trainer {
    /// Trains the epochs that are left of the [settings'](crate::Settings). After each it evaluates the
    /// [validation set](Self::set_validation), which early stopping judges, and `test`. `observer` may end the run, too. The weights
    /// don't depend on the observer's interval.
    ///
    /// ```
    /// use minibatch::{Dataset, EarlyStopping, Isa, Network, Pool, Settings, Trainer};
    ///
    /// let data = Dataset::from_classes([0.0f32, 1.0, 1.0, 0.0].repeat(20), &[2], [0, 1].repeat(20))?;
    /// let (train, validation) = data.split_stratified(0.2, 1)?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// let network = Network::builder(2).layer(2).build()?;
    /// let early_stopping = Some(EarlyStopping { patience: 5, ..EarlyStopping::default() });
    /// let settings = Settings { batch_size: 2, epochs: 50, early_stopping, ..Settings::default() };
    /// let mut trainer = Trainer::new(&pool, &train, network, settings)?;
    /// trainer.set_validation(&validation)?;
    /// trainer.fit(None, &mut ())?;
    /// assert!(trainer.history().iter().all(|epoch| epoch.validation.is_some()));
    /// assert!(trainer.has_stopped() || trainer.history().len() == 50);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the test set doesn't fit the network, early stopping has no validation set, as [`advance`](Self::advance), or the
    /// observer's own.
    pub fn fit<O: Observer + ?Sized>(
        &mut self,
        test: Option<&Dataset>,
        observer: &mut O,
    ) -> Result<(), O::Error> {
        self.prepare_validation()?;
        while self.history().len() < self.settings().epochs && !self.has_stopped() {
            let steps = observer.interval(self).max(1);
            let ended = self.advance(steps)?;
            let mut stops = observer.after_steps(self)?.is_break();
            if let Some(mut epoch) = ended {
                epoch.validation = self.validate()?;
                if let Some(test) = test {
                    let evaluation = self.evaluate(test)?;
                    self.record(test, evaluation)?;
                    epoch.test = Some(evaluation);
                }
                stops |= observer.after_epoch(self, &epoch)?.is_break();
            }
            if stops {
                break;
            }
        }
        Ok(())
    }
}
