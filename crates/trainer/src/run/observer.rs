//! Training to the end with somebody watching: reports, checkpoints, early stopping.

use super::trainer::Trainer;
use crate::epoch::Epoch;
use crate::error::Error;
use minibatch_data::Dataset;
use std::ops::ControlFlow;

/// Watches a run, and may end it.
///
/// A closure of an epoch's record is one; so is `()`, which looks away.
pub trait Observer {
    /// Steps between calls of [`after_steps`](Self::after_steps). Each interruption costs some microseconds.
    fn interval(&self) -> usize {
        usize::MAX
    }

    /// Called every [`interval`](Self::interval) steps within an epoch.
    fn after_steps(&mut self, _trainer: &Trainer<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Called after each epoch, once the test set, if there is one, has been evaluated.
    fn after_epoch(&mut self, _trainer: &Trainer<'_>, _epoch: &Epoch) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Observer for () {}

impl<F: FnMut(&Epoch) -> ControlFlow<()>> Observer for F {
    fn after_epoch(&mut self, _: &Trainer<'_>, epoch: &Epoch) -> ControlFlow<()> {
        self(epoch)
    }
}

/// Ends a run when the cost on the test set (a validation set, if honest; without one, the training cost) hasn't fallen
/// for some epochs.
#[derive(Clone, Copy, Debug)]
pub struct EarlyStopping {
    patience: usize,
    best: f64,
    since: usize,
}

impl EarlyStopping {
    /// Ends a run after `patience` epochs in a row without a new lowest cost.
    pub fn new(patience: usize) -> EarlyStopping {
        EarlyStopping { patience, best: f64::INFINITY, since: 0 }
    }

    /// The lowest cost so far.
    pub fn best(&self) -> f64 {
        self.best
    }
}

impl Observer for EarlyStopping {
    fn after_epoch(&mut self, _: &Trainer<'_>, epoch: &Epoch) -> ControlFlow<()> {
        let cost = epoch.test.map_or(epoch.cost, |test| test.cost);
        if cost < self.best {
            (self.best, self.since) = (cost, 0);
        } else {
            self.since += 1;
        }
        if self.since >= self.patience { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl<'a> Trainer<'a> {
    /// Trains what is left of the [settings'](crate::Settings) epochs, evaluating `test` after each, until the end or until
    /// `observer` breaks off. The weights are the same whether or not somebody watches.
    ///
    /// ```
    /// use minibatch::{Dataset, EarlyStopping, Isa, Network, Pool, Settings, Trainer};
    ///
    /// let data = Dataset::from_classes(vec![0.0f32, 1.0, 1.0, 0.0], &[2], vec![0, 1])?;
    /// let pool = Pool::new(Isa::detect(), 1)?;
    /// let network = Network::builder(2).layer(2).build()?;
    /// let settings = Settings { batch_size: 2, epochs: 50, ..Settings::default() };
    /// let mut trainer = Trainer::new(&pool, &data, network, settings)?;
    /// trainer.fit(Some(&data), &mut EarlyStopping::new(5))?;
    /// assert!(trainer.history().len() <= 50);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the test set doesn't fit the network, or as [`advance`](Self::advance).
    pub fn fit(&mut self, test: Option<&'a Dataset>, observer: &mut dyn Observer) -> Result<(), Error> {
        while self.history().len() < self.settings().epochs {
            let flow = match self.advance(observer.interval().max(1))? {
                None => observer.after_steps(self),
                Some(mut epoch) => {
                    if let Some(test) = test {
                        epoch.test = Some(self.evaluate(test)?);
                    }
                    observer.after_epoch(self, &epoch)
                }
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}
