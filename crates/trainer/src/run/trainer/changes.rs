//! Settings that change in the course of a run, and runs that are repeated with their changes.

use super::{Trainer, check_same_run, given_or_own};
use crate::change::{Change, Changed, Planned};
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use crate::network::{Layer, Network, NetworkBuilder, Origin};
use crate::schedule::{Course, Schedule};
use minibatch_data::Dataset;
use minibatch_kernels::Pool;
use std::sync::Arc;

impl Trainer {
    /// Starts the run that `checkpoint` records over again, from its own first weights, settings and seed. Settings that were
    /// changed in its course change at the same steps. Trained as far, it comes to the same bits, if the same evaluations are
    /// recorded where a schedule looks at them. `pool` is as for [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// As for [`resume`](Self::resume), and if the checkpoint doesn't know the origin of its first weights.
    pub fn replay<'p>(
        pool: impl Into<Option<&'p Pool>>,
        data: &Dataset,
        checkpoint: &Checkpoint,
    ) -> Result<Trainer, Error> {
        let pool = given_or_own(pool.into())?;
        check_same_run(&pool, data, checkpoint)?;
        let Origin { initializer, seed, zero_output_layer } = checkpoint.origin.ok_or(Error::NoOrigin)?;
        let Network { layers, cost, preparation, profile, class_names, .. } = &checkpoint.network;
        let builder = Network::builder(checkpoint.network.inputs())
            .cost_named(Arc::clone(cost))
            .initializer(initializer)
            .seed(seed)
            .zero_output_layer(zero_output_layer);
        let layer = |builder: NetworkBuilder, layer: &Layer| {
            builder.layer_named(layer.outputs(), Arc::clone(&layer.activation))
        };
        let mut network = layers.iter().fold(builder, layer).build()?;
        network.preparation.clone_from(preparation);
        network.profile.clone_from(profile);
        network.class_names.clone_from(class_names);
        let (mut settings, mut total) = (checkpoint.settings.clone(), checkpoint.course.total);
        for change in checkpoint.changes.iter().rev() {
            change.setting.undo(&mut settings);
            if let Changed::Schedule { old: Planned { total: Some(planned), .. }, .. } = change.setting {
                total = planned;
            }
        }
        let mut trainer = Trainer::with_state(pool, data.clone(), network, settings, None)?;
        trainer.annotations.clone_from(&checkpoint.annotations);
        trainer.carried.clone_from(&checkpoint.carried);
        trainer.course.total = total;
        trainer.to_come = checkpoint.changes.iter().cloned().collect();
        trainer.follow_changes()?;
        Ok(trainer)
    }

    /// Sets η for the steps to come, and records the change. A schedule's factors apply to it. A rate that changes with every step
    /// is better made a [schedule](crate::schedule), since every change becomes a part of the checkpoint.
    ///
    /// # Errors
    ///
    /// If it is out of range. The settings are then as before.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<(), Error> {
        let old = self.settings.learning_rate;
        // A number that isn't one differs from itself, and is refused.
        if old == learning_rate {
            return Ok(());
        }
        self.change(Changed::LearningRate { old, new: learning_rate })
    }

    /// Sets the schedule of η for the steps to come, and records the change.
    ///
    /// The step's number is still that of the run, so a schedule that is set in the middle of a run begins with its middle. T is
    /// planned anew: the steps of all epochs that the settings have now. A schedule that looks at results starts with none. The
    /// present schedule goes on as it is, unless T is another now.
    ///
    /// ```
    /// use minibatch::{Dataset, Network, Settings, Trainer};
    ///
    /// let data = Dataset::from_classes(vec![0.0f32, 1.0, 1.0, 0.0], &[2], vec![0, 1])?;
    /// let network = Network::builder(2).layer(2).build()?;
    /// let settings = Settings { batch_size: 1, epochs: 4, ..Settings::default() };
    /// let mut trainer = Trainer::new(None, &data, network, settings)?;
    /// trainer.epoch()?;
    /// trainer.set_schedule("cosine".parse()?)?;
    /// let [change] = trainer.changes() else { panic!("one change") };
    /// assert_eq!((change.step, change.setting.to_string()), (2, "schedule constant → cosine(0.0) over 8 steps".to_owned()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the largest η that it makes is out of range. The settings are then as before.
    pub fn set_schedule(&mut self, schedule: Schedule) -> Result<(), Error> {
        let old = Planned::new(self.settings.schedule.clone(), self.course.total);
        let new = Planned::new(schedule, self.settings.course(self.data.len()).total);
        if old == new {
            return Ok(());
        }
        self.change(Changed::Schedule { old, new })
    }

    /// The settings that were changed in the course of the run, in the order of the changes.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Changes a setting, and records that.
    fn change(&mut self, setting: Changed) -> Result<(), Error> {
        let mut settings = self.settings.clone();
        setting.apply(&mut settings);
        settings.check(self.data.len(), &self.network().sizes())?;
        if let Changed::Schedule { new, .. } = &setting {
            self.course = Course::new(&new.schedule, new.total.unwrap_or(self.course.total));
        }
        self.settings = settings;
        self.changes.push(Change { step: self.steps_done(), setting });
        Ok(())
    }

    /// Makes the changes of the repeated run that are due.
    pub(super) fn follow_changes(&mut self) -> Result<(), Error> {
        while let Some(change) = self.to_come.front()
            && change.step <= self.steps_done()
        {
            let setting = change.setting.clone();
            self.change(setting)?;
            self.to_come.pop_front();
        }
        Ok(())
    }

    /// The steps of the run so far.
    fn steps_done(&self) -> u64 {
        (self.history.len() as u64).saturating_mul(self.steps_per_epoch() as u64) + self.step() as u64
    }

    /// The steps, of `most`, before the next change of the repeated run.
    pub(super) fn steps_to_change(&self, most: usize) -> usize {
        let Some(change) = self.to_come.front() else { return most };
        usize::try_from(change.step - self.steps_done()).map_or(most, |steps| steps.min(most))
    }
}
