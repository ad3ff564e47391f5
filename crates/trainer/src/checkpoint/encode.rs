//! The way of a run's state into the bytes of a file.

use super::state::Snapshot;
use super::wire::{
    ClassSection, EpochSection, EvaluationSection, OptimizerSection, OriginSection, ProgressSection,
    ScoreSection, SettingsSection, StepsSection, TimeSection,
};
use crate::epoch::Epoch;
use crate::footprint;
use crate::infer::{Evaluation, Fit, Score};
use crate::network::Origin;
use crate::settings::Settings;
use minibatch_checkpoint::{FormatError, Payload, Tag, encode_into};
use minibatch_kernels::ArithmeticClass;

impl Snapshot<'_> {
    /// Writes the checkpoint's bytes into `out`.
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        const PLAIN: [Tag; 5] = [Tag::Settings, Tag::Parameters, Tag::Progress, Tag::History, Tag::Time];
        let tags = if self.settings.optimizer.moments() > 0 { &Tag::ALL[..] } else { &PLAIN };
        out.clear();
        // Memory is reserved at once: a buffer that grows exists twice each time.
        let bytes = footprint::checkpoint(self.network, self.settings, self.history.len());
        let room = usize::try_from(bytes).is_ok_and(|bytes| out.try_reserve_exact(bytes).is_ok());
        if !room {
            return Err(FormatError::Memory { bytes });
        }
        encode_into(out, tags, |tag, payload| match tag {
            Tag::Settings => payload.put_value(&self.settings_section()),
            Tag::Parameters => put_finite(payload, tag, self.network.parameter_blocks()),
            Tag::Optimizer => put_finite(payload, tag, self.optimizer.blocks()),
            Tag::Steps => payload.put_value(&StepsSection {
                steps: self.optimizer.steps,
                powers: self.optimizer.scalars.clone(),
            }),
            Tag::Progress => payload
                .put_value(&ProgressSection { progress: self.progress.clone(), tested_on: self.tested_on }),
            Tag::History => payload.put_value(&self.history.iter().map(epoch_section).collect::<Vec<_>>()),
            Tag::Time => payload.put_value(&TimeSection {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seconds: self.history.iter().map(|epoch| epoch.seconds).collect(),
                elapsed: self.elapsed.as_secs_f64(),
            }),
        })
    }

    pub(super) fn settings_section(&self) -> SettingsSection {
        let &Settings { ref optimizer, learning_rate, batch_size, epochs, seed, .. } = self.settings;
        let origin = |origin: Origin| OriginSection {
            initializer: origin.initializer.name().to_owned(),
            seed: origin.seed,
        };
        SettingsSection {
            sizes: self.network.sizes().into_iter().map(|n| n as u64).collect(),
            activations: self.network.layers().iter().map(|l| l.activation().label()).collect(),
            cost: self.network.cost().label(),
            origin: self.origin.map(origin),
            optimizer: if optimizer.moments() == 0 {
                OptimizerSection::Sgd { learning_rate }
            } else {
                OptimizerSection::Named { learning_rate, name: optimizer.to_string() }
            },
            batch_size: batch_size as u64,
            epochs: epochs as u64,
            seed,
            class: match self.class {
                ArithmeticClass::Fused => ClassSection::Fused,
                ArithmeticClass::Matrixmultiply => ClassSection::Matrixmultiply,
            },
            data: self.data,
        }
    }
}

/// Puts numbers into a section, if all are finite. A checkpoint is never worse than the one before it.
fn put_finite<'a>(
    payload: &mut Payload<'_>,
    tag: Tag,
    blocks: impl Iterator<Item = &'a [f32]>,
) -> Result<(), FormatError> {
    let mut index = 0;
    for block in blocks {
        // The fold never leaves early, so it is one pass of whole registers.
        if !block.iter().fold(true, |finite, x| finite & x.is_finite()) {
            let at = block.iter().position(|x| !x.is_finite()).unwrap_or_default();
            let found = block[at].to_string();
            let index = (index + at) as u64;
            return Err(FormatError::NotFinite { section: tag.part(), index, found });
        }
        payload.put_f32s(block);
        index += block.len();
    }
    Ok(())
}

fn epoch_section(epoch: &Epoch) -> EpochSection {
    let evaluation = |test: Evaluation| EvaluationSection {
        cost: test.cost,
        examples: test.examples as u64,
        score: match test.score {
            Score::Classes { correct } => ScoreSection::Classes { correct: correct as u64 },
            Score::Values(Fit { rmse, mae, r_squared }) => ScoreSection::Values { rmse, mae, r_squared },
        },
    };
    EpochSection { cost: epoch.cost, test: epoch.test.map(evaluation) }
}
