//! The way of a run's state into the bytes of a file.

use super::entries::{
    AVERAGE, AVERAGED, BEST, CONFIGURATION, CORRECT, COURSE, Content, Drafts, FACTOR_MOMENTS, FACTORS, MAIN,
    MOMENTS, RECIPE, SOURCE, TOTAL, UNSCALED,
};
use super::state::{Annotations, Snapshot, arithmetic};
use super::{changes, history, networks, settings};
use crate::footprint;
use minibatch_checkpoint::{FormatError, decode};

impl Snapshot<'_> {
    /// Writes the checkpoint's bytes into `out`.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let optimizer = &self.settings.optimizer;
        if !self.optimizer.fits(optimizer, self.network.layers()) {
            let cause = format!("{} moments that aren't those of {optimizer}", self.optimizer.moments());
            return Err(FormatError::value("run/optimizer", cause));
        }
        let mut drafts = Drafts::default();
        networks::put(&mut drafts, MAIN, self.network, self.origin)?;
        if let Some(best) = self.best {
            networks::put(&mut drafts, BEST, &best.network, None)?;
        }
        for entry in settings::entries(self.settings) {
            drafts.push(entry?);
        }
        drafts.put("run/arithmetic", &arithmetic(self.class))?;
        drafts.put("run/data", &self.data)?;
        drafts.put("run/progress", &self.progress)?;
        if let Some(correct) = self.correct {
            drafts.put(CORRECT, &(correct as u64))?;
        }
        if !self.settings.schedule.is_constant() {
            drafts.put(TOTAL, &self.course.total)?;
        }
        if !self.course.state.is_empty() {
            drafts.put(COURSE, &self.course.state)?;
        }
        if let Some(averaged) = &self.optimizer.averaged {
            networks::put(&mut drafts, AVERAGE, &averaged.network, None)?;
            drafts.put(AVERAGED, &averaged.count)?;
        }
        let moments = optimizer.moment_names();
        if !moments.is_empty() {
            drafts.put("run/scalars", &(self.optimizer.steps, &self.optimizer.scalars))?;
        }
        for (index, moment) in moments.iter().enumerate() {
            drafts.put_numbers(format!("{MOMENTS}{}", moment.name), Content::Moment(self.optimizer, index));
        }
        if let Some(scaling) = &self.optimizer.scaling {
            drafts.put_numbers(FACTORS.to_owned(), Content::OfInputs(&scaling.factors));
            drafts.put_numbers(UNSCALED.to_owned(), Content::Weights(&scaling.weights));
            for (moment, values) in moments.iter().zip(&scaling.moments) {
                drafts.put_numbers(format!("{FACTOR_MOMENTS}{}", moment.name), Content::OfInputs(values));
            }
        }
        history::put(&mut drafts, self.history, self.tested_on, self.validated_on, self.elapsed)?;
        let Annotations { recipe, configuration, source } = self.annotations;
        let mut words = 0;
        for (name, text) in [(RECIPE, recipe), (CONFIGURATION, configuration), (SOURCE, source)] {
            if let Some(text) = text {
                words += text.len() as u64 + 64;
                drafts.put(name, text)?;
            }
        }
        let mut bytes = words + footprint::checkpoint(self.network, self.settings, self.history.len());
        let changes = changes::put(&mut drafts, self.changes)?;
        bytes = bytes.saturating_add(changes);
        for entry in self.carried {
            bytes = bytes.saturating_add((entry.payload.len() + entry.name.len() + 32) as u64);
            drafts.push(entry.clone());
        }
        drafts.encode_into(bytes, out)
    }

    /// The hash of the compared part.
    pub(crate) fn compared_hash(&self) -> Result<u64, FormatError> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes)?;
        decode(&bytes)?.compared_hash()
    }
}
