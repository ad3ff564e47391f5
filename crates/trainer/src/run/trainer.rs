//! The training loop: epochs of minibatches.

use crate::change::Change;
use crate::checkpoint::{self, Annotations, Best, Carried, Checkpoint, DataIdentity, Progress, Snapshot};
use crate::crew::Crew;
use crate::epoch::Epoch;
use crate::error::Error;
use crate::footprint;
use crate::infer::Evaluation;
use crate::network::{Network, Origin};
use crate::optimizer::OptimizerState;
use crate::schedule::Course;
use crate::settings::Settings;
use crate::step::Steps;
use minibatch_data::{Dataset, Shuffle};
use minibatch_kernels::{Instant, Pool};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use validation::{check_best, check_evaluation};

/// Trains a network on a dataset.
///
/// A trainer owns all it needs: its network, and handles of its [pool](Pool) and its [data](Dataset). So it can live in a struct,
/// and go to another thread.
///
/// ```
/// use minibatch::{Dataset, Isa, Network, Pool, Settings, Trainer};
///
/// // XOR, over and over.
/// let inputs: Vec<f32> = [0., 0., 0., 1., 1., 0., 1., 1.].repeat(64);
/// let data = Dataset::from_classes(inputs, &[2], [0, 1, 1, 0].repeat(64))?;
///
/// let pool = Pool::new(Isa::detect(), 2)?;
/// let network = Network::builder(2).layer(4).layer(2).seed(3).build()?;
/// let settings = Settings { epochs: 150, seed: 3, ..Settings::default() };
/// let mut trainer = Trainer::new(&pool, &data, network, settings)?;
/// for _ in 0..trainer.settings().epochs {
///     trainer.epoch()?;
/// }
/// assert_eq!(trainer.evaluate(&data)?.accuracy(), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    pool: Pool,
    pub(super) data: Dataset,
    /// The data with the weights of their classes on top of their own.
    weighted: Dataset,
    /// The origin of the network's first weights and biases, if it is known.
    origin: Option<Origin>,
    settings: Settings,
    pub(super) crew: Crew,
    /// How far the run has come in its schedule.
    pub(super) course: Course,
    shuffle: Shuffle,
    /// Examples of the current epoch that have been trained on.
    position: usize,
    /// The summed cost of these examples.
    cost_sum: f64,
    /// Those of these examples that were classified correctly, if they are counted.
    correct: Option<usize>,
    /// Wall-clock time spent training on these examples.
    elapsed: Duration,
    /// The identity of the data. It is computed when first asked for, since reading the whole dataset takes time.
    identity: OnceLock<DataIdentity>,
    /// The data of the last evaluation in the history.
    tested_on: Option<TestedOn>,
    /// The validation set.
    validation: Option<Dataset>,
    /// The validation set of the history.
    validated_on: Option<TestedOn>,
    /// The network after the best epoch so far, if the run keeps it.
    best: Option<Best>,
    history: Vec<Epoch>,
    annotations: Annotations,
    /// The settings that were changed in the course of the run.
    changes: Vec<Change>,
    /// The changes that a repeated run has before it, in their order.
    to_come: VecDeque<Change>,
    /// Entries of the checkpoint that the run goes on from, unknown to this version.
    carried: Carried,
}

/// The data of an evaluation.
#[derive(Debug)]
enum TestedOn {
    /// Data of an evaluation before the run was resumed.
    Recorded(DataIdentity),
    /// Data of an evaluation since then. Their identity is computed when first asked for.
    Here(Dataset, OnceLock<DataIdentity>),
}

impl TestedOn {
    fn identity(&self) -> DataIdentity {
        match self {
            TestedOn::Recorded(identity) => *identity,
            TestedOn::Here(data, identity) => *identity.get_or_init(|| DataIdentity::of(data)),
        }
    }
}

impl Trainer {
    /// A trainer of `network` on `data`, before the first epoch. With `None` for a pool it starts one of its own, of as many
    /// threads as there are cores. Several trainers can share a pool, and take turns on it.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network, a weight or bias isn't finite, a setting is out of range, memory lacks, or no pool can
    /// be started.
    pub fn new<'p>(
        pool: impl Into<Option<&'p Pool>>,
        data: &Dataset,
        network: Network,
        settings: Settings,
    ) -> Result<Trainer, Error> {
        let pool = given_or_own(pool.into())?;
        Self::with_state(pool, data.clone(), network.with_profile_of(data), settings, None)
    }

    /// A trainer whose optimiser remembers `state`, or nothing yet.
    fn with_state(
        pool: Pool,
        data: Dataset,
        mut network: Network,
        settings: Settings,
        state: Option<OptimizerState>,
    ) -> Result<Trainer, Error> {
        network.check_shape(&data)?;
        check_sample_weights(&data)?;
        settings.check(data.len(), &network.sizes())?;
        settings.check_data(&data)?;
        let mut bytes = footprint::training(&network, data.len(), &settings, &pool);
        if state.is_none() {
            bytes = bytes.saturating_add(footprint::optimizer(&settings.optimizer, &network.sizes()));
        }
        if !footprint::is_available(bytes) {
            return Err(Error::Memory { what: "training", bytes });
        }
        let weighted = settings.class_weights.apply(&data)?;
        let state = state
            .unwrap_or_else(|| OptimizerState::new(&settings.optimizer, network.layers()))
            .with_average(settings.average.as_ref(), &network)
            .with_scaling(settings.input_scaling.is_some(), &settings.optimizer, &network);
        Ok(Trainer {
            course: settings.course(data.len()),
            shuffle: Shuffle::with_order(data.len(), settings.seed, settings.order)?,
            // From here on the weights are no longer those that initialisation drew.
            origin: network.origin.take(),
            crew: Crew::new(&pool, network, state, &weighted, &settings)?,
            pool,
            weighted,
            settings,
            position: 0,
            cost_sum: 0.0,
            correct: None,
            data,
            elapsed: Duration::ZERO,
            identity: OnceLock::new(),
            tested_on: None,
            validation: None,
            validated_on: None,
            best: None,
            history: Vec::new(),
            annotations: Annotations::default(),
            changes: Vec::new(),
            to_come: VecDeque::new(),
            carried: Carried::new(),
        })
    }

    /// Goes on where `checkpoint` was taken. `pool` is as for [`new`](Self::new).
    ///
    /// ```
    /// use minibatch::{Checkpoint, Dataset, Isa, Network, Pool, Settings, Trainer};
    ///
    /// let inputs: Vec<f32> = [0., 0., 0., 1., 1., 0., 1., 1.].repeat(64);
    /// let data = Dataset::from_classes(inputs, &[2], [0, 1, 1, 0].repeat(64))?;
    /// let pool = Pool::new(Isa::detect(), 2)?;
    /// let network = || Network::builder(2).layer(4).layer(2).seed(3).build();
    ///
    /// // A run stops after 5 of an epoch's 16 minibatches, and goes on to the epoch's end on one thread.
    /// let mut trainer = Trainer::new(&pool, &data, network()?, Settings::default())?;
    /// trainer.advance(5)?;
    /// let checkpoint: Checkpoint = trainer.checkpoint();
    /// let one = Pool::new(Isa::detect(), 1)?;
    /// let mut resumed = Trainer::resume(&one, &data, checkpoint)?;
    /// resumed.epoch()?;
    ///
    /// // It has the bits of a run that never stopped.
    /// let mut whole = Trainer::new(&pool, &data, network()?, Settings::default())?;
    /// whole.epoch()?;
    /// assert_eq!(resumed.network().weight_hash(), whole.network().weight_hash());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the data or the pool's arithmetic class are not those of the checkpoint, or no run can stand where it does.
    pub fn resume<'p>(
        pool: impl Into<Option<&'p Pool>>,
        data: &Dataset,
        checkpoint: Checkpoint,
    ) -> Result<Trainer, Error> {
        let pool = given_or_own(pool.into())?;
        check_same_run(&pool, data, &checkpoint)?;
        let Checkpoint { network, origin, settings, data: identity, .. } = checkpoint;
        if !checkpoint.optimizer.fits(&settings.optimizer, network.layers()) {
            let (what, found) = ("optimiser", settings.optimizer.to_string());
            let recorded = checkpoint.optimizer.optimizer().to_owned();
            return Err(Error::Resume { what, recorded, found });
        }
        settings.check(data.len(), &network.sizes())?;
        if !checkpoint.course.fits(&settings.schedule) {
            let (what, found) = ("schedule", settings.schedule.to_string());
            let recorded = format!("one whose state is {:?}", checkpoint.course.state);
            return Err(Error::Resume { what, recorded, found });
        }
        checkpoint.progress.check(&settings, data.len(), checkpoint.history.len())?;
        check_best(&settings, &checkpoint.history, &network, checkpoint.best.as_ref())?;
        let Checkpoint { progress, tested_on, history, elapsed, optimizer, carried, course, changes, .. } =
            checkpoint;
        let annotations = checkpoint.annotations;
        let (validated_on, best) = (checkpoint.validated_on, checkpoint.best);
        let mut trainer = Trainer::with_state(pool, data.clone(), network, settings, Some(optimizer))?;
        trainer.crew.look_at_moments(trainer.pool.isa());
        trainer.origin = origin;
        trainer.shuffle.restore(&progress.shuffle)?;
        trainer.position = progress.position as usize;
        trainer.cost_sum = progress.cost_sum;
        if progress.position > 0 {
            trainer.correct = checkpoint.correct;
        }
        trainer.tested_on = tested_on.map(TestedOn::Recorded);
        trainer.validated_on = validated_on.map(TestedOn::Recorded);
        trainer.best = best;
        trainer.history = history;
        trainer.changes = changes;
        trainer.elapsed = elapsed;
        trainer.annotations = annotations;
        trainer.carried = carried;
        trainer.course = course;
        trainer.identity = OnceLock::from(identity);
        Ok(trainer)
    }

    /// Writes the state of the run to `path`: whole or not at all, and on disk when this returns.
    ///
    /// # Errors
    ///
    /// If the file can't be written, or another run writes there.
    pub fn save(&self, path: &Path) -> Result<(), checkpoint::Error> {
        self.snapshot().save(path)
    }

    /// Writes the state of the run into `out`, as the bytes of a checkpoint. The old content of `out` goes. A
    /// [`Writer`](checkpoint::Writer) takes such bytes.
    ///
    /// # Errors
    ///
    /// If a value doesn't fit the format.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), checkpoint::FormatError> {
        self.snapshot().encode_into(out)
    }

    /// The hash that two runs share if they agree in everything but wall-clock time: that of a
    /// [`Checkpoint`](Checkpoint::compared_hash), without a copy of the run.
    ///
    /// # Errors
    ///
    /// If a value doesn't fit the format.
    pub fn compared_hash(&self) -> Result<u64, checkpoint::FormatError> {
        self.snapshot().compared_hash()
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            network: self.network(),
            origin: self.origin,
            optimizer: self.crew.state(),
            settings: &self.settings,
            class: self.pool.isa().class(),
            data: *self.identity.get_or_init(|| DataIdentity::of(&self.data)),
            tested_on: self.tested_on.as_ref().map(TestedOn::identity),
            validated_on: self.validated_on.as_ref().map(TestedOn::identity),
            best: self.best.as_ref(),
            progress: Progress {
                shuffle: self.shuffle.state(),
                position: self.position as u64,
                cost_sum: self.cost_sum,
            },
            correct: self.correct.filter(|_| self.position > 0),
            course: &self.course,
            history: &self.history,
            changes: &self.changes,
            elapsed: self.elapsed,
            annotations: &self.annotations,
            carried: &self.carried,
        }
    }

    /// The pool, given or its own.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The average of the weights so far, where there is one, else the network as it is now. It is what is evaluated.
    fn present(&self) -> &Network {
        self.crew.present()
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        self.crew.network()
    }

    /// The trained network.
    pub fn into_network(self) -> Network {
        self.crew.into_network()
    }

    /// The origin of the network's first weights and biases, if it is known.
    pub fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// The state of the run, copied.
    pub fn checkpoint(&self) -> Checkpoint {
        self.snapshot().to_checkpoint()
    }

    /// The number of examples of an epoch: those of the training set, without a last minibatch that is dropped.
    pub fn examples(&self) -> usize {
        self.settings.epoch_examples(self.data.len())
    }

    /// Words about the run, which its checkpoints keep.
    pub fn annotations(&self) -> &Annotations {
        &self.annotations
    }

    /// Words about the run, to write.
    pub fn annotations_mut(&mut self) -> &mut Annotations {
        &mut self.annotations
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The epochs so far.
    pub fn history(&self) -> &[Epoch] {
        &self.history
    }

    /// Examples of the current epoch that have been trained on; 0 between epochs.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Minibatches of the current epoch that have been trained on; 0 between epochs.
    pub fn step(&self) -> usize {
        self.position.div_ceil(self.settings.batch_size)
    }

    /// The number of minibatches of an epoch. The last one counts too, though it may be smaller, unless it is dropped.
    pub fn steps_per_epoch(&self) -> usize {
        self.settings.epoch_steps(self.data.len())
    }

    /// Trains to the end of the epoch, and returns the epoch's record.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`].
    pub fn epoch(&mut self) -> Result<Epoch, Error> {
        loop {
            if let Some(epoch) = self.advance(usize::MAX)? {
                return Ok(epoch);
            }
        }
    }

    /// Trains `steps` minibatches, but not beyond the end of the epoch. Returns the epoch's record if that end was reached.
    ///
    /// Each call enters the pool once, which costs some microseconds. After a call in which members trained their parts of the
    /// network, the next look at the network puts it together. So make the steps many.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if a step would leave the finite numbers. All is then as it was before that step.
    pub fn advance(&mut self, steps: usize) -> Result<Option<Epoch>, Error> {
        let started = Instant::now();
        let steps = self.steps_to_change(steps);
        let before = (self.position == 0).then(|| (self.shuffle.state(), self.course.clone()));
        if self.position == 0 && steps > 0 {
            self.shuffle.begin_epoch();
            if let Some(epoch) = self.history.last() {
                let judged = epoch.validation.or(epoch.test);
                let cost = judged.map_or(epoch.cost, |evaluation| evaluation.cost);
                self.course.after_epoch(&self.settings.schedule, cost);
            }
        }
        if self.validation.is_none() {
            self.correct = None;
        }
        let first = (self.history.len() as u64).saturating_mul(self.steps_per_epoch() as u64);
        let Trainer { weighted: data, shuffle, settings, course, position, correct, .. } = self;
        let counts = correct.is_some();
        let steps = Steps { data, shuffle, settings, course, first, position: *position, steps, counts };
        let trained = self.crew.train(&self.pool, steps, self.cost_sum);
        self.elapsed += started.elapsed();
        (self.position, self.cost_sum) = (trained.position, trained.cost_sum);
        self.correct = self.correct.map(|correct| correct + trained.correct);
        if let Some(cause) = trained.diverged {
            let (epoch, step) = (self.history.len() + 1, self.position / self.settings.batch_size + 1);
            // An epoch without a step has not begun.
            if self.position == 0
                && let Some((shuffle, course)) = before
            {
                self.shuffle.restore(&shuffle)?;
                self.course = course;
            }
            return Err(Error::Diverged { epoch, step, cause });
        }
        let ended = (self.position == self.examples()).then(|| self.end_epoch());
        self.follow_changes()?;
        Ok(ended)
    }

    /// Cost and accuracy, or fit, of the network as it is now on any data that fit it. Where weights are
    /// [averaged](crate::average), it is the average that is evaluated. The run isn't changed:
    /// [`record`](Self::record) puts the evaluation into its history.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&self, data: &Dataset) -> Result<Evaluation, Error> {
        self.present().evaluate(&self.pool, data)
    }

    /// Records `evaluation`, made on `test` after the last epoch, in that epoch's record. A checkpoint keeps it, with the identity
    /// of the test set. [`fit`](Self::fit) does this for its test set.
    ///
    /// ```
    /// use minibatch::{Dataset, Network, Settings, Trainer};
    ///
    /// let data = Dataset::from_classes(vec![0.0f32, 1.0, 1.0, 0.0], &[2], vec![0, 1])?;
    /// let network = Network::builder(2).layer(2).build()?;
    /// let mut trainer = Trainer::new(None, &data, network, Settings { batch_size: 2, ..Settings::default() })?;
    /// trainer.epoch()?;
    /// let evaluation = trainer.evaluate(&data)?;
    /// assert_eq!(trainer.history()[0].test, None);
    /// trainer.record(&data, evaluation)?;
    /// assert_eq!(trainer.history()[0].test, Some(evaluation));
    /// # Ok::<(), minibatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If no epoch has just ended, the evaluation isn't of as many examples as `test` has, or a number of it isn't finite or
    /// impossible. The history is then as it was.
    pub fn record(&mut self, test: &Dataset, evaluation: Evaluation) -> Result<(), Error> {
        let Some(epoch) = self.history.last_mut().filter(|_| self.position == 0) else {
            return Err(Error::NoEpoch);
        };
        check_evaluation(&evaluation, test, epoch.number)?;
        epoch.test = Some(evaluation);
        if !matches!(&self.tested_on, Some(TestedOn::Here(data, _)) if data.is_same(test)) {
            self.tested_on = Some(TestedOn::Here(test.clone(), OnceLock::new()));
        }
        Ok(())
    }

    /// The count of correctly classified examples when an epoch begins. It costs more than a hundredth of a small network's step, so
    /// only a run with a validation set has it, whose accuracy it is compared with.
    fn no_correct_yet(&self) -> Option<usize> {
        (self.validation.is_some() && !self.data.targets().are_values()).then_some(0)
    }

    fn end_epoch(&mut self) -> Epoch {
        let cost = std::mem::take(&mut self.cost_sum) / self.examples() as f64;
        let cost = self.network().cost_in_units(cost);
        self.position = 0;
        let seconds = std::mem::take(&mut self.elapsed).as_secs_f64();
        let correct = self.correct;
        self.correct = self.no_correct_yet();
        let number = self.history.len() + 1;
        let last = (number * self.steps_per_epoch()) as u64 - 1;
        let learning_rate =
            self.settings.rates(&self.course, last, self.data.len()).map(|rates| rates.learning_rate);
        let epoch = Epoch { number, cost, correct, learning_rate, validation: None, test: None, seconds };
        self.history.push(epoch);
        epoch
    }
}

/// `pool`, or one of the trainer's own.
fn given_or_own(pool: Option<&Pool>) -> Result<Pool, Error> {
    Ok(match pool {
        Some(pool) => pool.clone(),
        None => Pool::detect()?,
    })
}

/// Checks that one example counts: a subset may have those of weight 0 only.
fn check_sample_weights(data: &Dataset) -> Result<(), Error> {
    if data.sample_weights().is_none_or(|weights| weights.iter().any(|weight| *weight > 0.0)) {
        return Ok(());
    }
    let (expected, found) = ("one that isn't 0".to_owned(), "zeros".to_owned());
    Err(Error::Setting { setting: "sample weights", expected, found })
}

/// Checks that `checkpoint`'s run can go on, or be repeated, here.
fn check_same_run(pool: &Pool, data: &Dataset, checkpoint: &Checkpoint) -> Result<(), Error> {
    let differs = |what, recorded: String, found: String| Err(Error::Resume { what, recorded, found });
    let (recorded, found) = (checkpoint.class, pool.isa().class());
    if recorded != found {
        return differs("arithmetic class", format!("{recorded:?}"), format!("{found:?}"));
    }
    let (recorded, found) = (checkpoint.data, DataIdentity::of(data));
    if recorded != found {
        return differs("training set", recorded.to_string(), found.to_string());
    }
    Ok(())
}

mod changes;
#[cfg(test)]
mod tests;
mod validation;
