//! The training loop: epochs of minibatches.

use crate::backprop;
use crate::checkpoint::{self, Checkpoint, DataIdentity, Progress, Snapshot};
use crate::error::Error;
use crate::evaluation::Evaluation;
use crate::network::{Network, Origin};
use crate::workspace::{Workspace, with_examples};
use minibatch_data::{Dataset, Row, Shuffle};
use minibatch_kernels::{Pool, Team, prefetch_bytes};
use std::cell::OnceCell;
use std::path::Path;
use std::time::{Duration, Instant};

/// How to train: plain stochastic gradient descent. The default is the article's recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// η. Every step subtracts η times the mean gradient of its minibatch.
    pub learning_rate: f64,
    /// B, the examples of a minibatch. An epoch's last minibatch may be smaller; it is averaged over its own size.
    pub batch_size: usize,
    /// Epochs of the whole run.
    pub epochs: usize,
    /// Seeds the order of the examples.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { learning_rate: 3.0, batch_size: 16, epochs: 30, seed: 0 }
    }
}

impl Settings {
    /// Whether every setting is in range for `examples` training examples.
    pub(crate) fn check(&self, examples: usize) -> Result<(), Error> {
        let out_of_range = |setting, expected, found| Err(Error::Setting { setting, expected, found });
        let Settings { learning_rate, batch_size, .. } = *self;
        if !(learning_rate.is_finite() && learning_rate > 0.0) {
            let expected = "a finite number above 0".to_owned();
            return out_of_range("learning rate", expected, learning_rate.to_string());
        }
        if !(1..=examples).contains(&batch_size) {
            let expected = format!("1 to {examples}, the number of training examples");
            return out_of_range("batch size", expected, batch_size.to_string());
        }
        Ok(())
    }
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Counted from 1.
    pub number: usize,
    /// Mean cost per training example, each measured before its minibatch's update.
    pub cost: f64,
    /// The network on the test set after the epoch, if it was evaluated.
    pub test: Option<Evaluation>,
    /// Wall-clock time spent training in it.
    pub seconds: f64,
}

/// Trains a network on a dataset.
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
/// for _ in 0..settings.epochs {
///     trainer.epoch()?;
/// }
/// assert_eq!(trainer.evaluate(&data)?.accuracy(), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer<'a> {
    pool: &'a Pool,
    data: &'a Dataset,
    network: Network,
    /// What made the network's first weights and biases, where that is known.
    origin: Option<Origin>,
    settings: Settings,
    workspace: Workspace,
    shuffle: Shuffle,
    /// Examples of the current epoch that have been trained on.
    position: usize,
    /// Their summed cost.
    cost_sum: f64,
    /// Wall-clock time spent training on them.
    elapsed: Duration,
    /// Hashed when first asked for: reading the whole dataset takes its time.
    identity: OnceCell<DataIdentity>,
    history: Vec<Epoch>,
}

impl<'a> Trainer<'a> {
    /// A trainer of `network` on `data`, before the first epoch.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network, or a setting is out of range.
    pub fn new(
        pool: &'a Pool,
        data: &'a Dataset,
        mut network: Network,
        settings: Settings,
    ) -> Result<Trainer<'a>, Error> {
        network.check_shape(data)?;
        settings.check(data.len())?;
        Ok(Trainer {
            workspace: Workspace::for_training(&network, settings.batch_size, pool.threads()),
            shuffle: Shuffle::new(data.len(), settings.seed)?,
            pool,
            data,
            // From here on the weights are not what initialisation made them.
            origin: network.origin.take(),
            network,
            settings,
            position: 0,
            cost_sum: 0.0,
            elapsed: Duration::ZERO,
            identity: OnceCell::new(),
            history: Vec::new(),
        })
    }

    /// Goes on where `checkpoint` was taken.
    ///
    /// # Errors
    ///
    /// If the data or the pool's arithmetic class are not those of the checkpoint.
    pub fn resume(pool: &'a Pool, data: &'a Dataset, checkpoint: Checkpoint) -> Result<Trainer<'a>, Error> {
        let Checkpoint { network, origin, settings, class, data: identity, progress, history } = checkpoint;
        let differs = |what, recorded: String, found: String| Err(Error::Resume { what, recorded, found });
        if class != pool.isa().class() {
            return differs("arithmetic class", format!("{class:?}"), format!("{:?}", pool.isa().class()));
        }
        let found = DataIdentity::of(data);
        if found != identity {
            let describe =
                |id: DataIdentity| format!("{} examples, fingerprint {:016x}", id.examples, id.fingerprint);
            return differs("training data", describe(identity), describe(found));
        }
        let mut trainer = Trainer::new(pool, data, network, settings)?;
        trainer.origin = origin;
        trainer.shuffle.restore(&progress.shuffle)?;
        trainer.position = progress.position as usize;
        trainer.cost_sum = progress.cost_sum;
        trainer.history = history;
        trainer.identity = OnceCell::from(identity);
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

    /// Writes the state of the run, as the bytes of a checkpoint, into `out`, whose old content goes: for a
    /// [`Writer`](checkpoint::Writer).
    ///
    /// # Errors
    ///
    /// If a value doesn't fit the format.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), checkpoint::FormatError> {
        self.snapshot().encode_into(out)
    }

    fn snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            network: &self.network,
            origin: self.origin,
            settings: &self.settings,
            class: self.pool.isa().class(),
            data: *self.identity.get_or_init(|| DataIdentity::of(self.data)),
            progress: Progress {
                shuffle: self.shuffle.state(),
                position: self.position as u64,
                cost_sum: self.cost_sum,
            },
            history: &self.history,
        }
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The trained network.
    pub fn into_network(self) -> Network {
        self.network
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

    /// Trains to the end of the epoch, and returns what it came to.
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

    /// Trains `steps` minibatches, but not beyond the end of the epoch; returns the epoch if that was reached.
    ///
    /// Each call enters the pool once, which costs some microseconds: make the steps many.
    ///
    /// # Errors
    ///
    /// [`Error::Diverged`] if a cost isn't finite. The weights are then those before that step.
    pub fn advance(&mut self, steps: usize) -> Result<Option<Epoch>, Error> {
        let (pool, started) = (self.pool, Instant::now());
        let ended: Result<bool, Error> = pool.run(|team| {
            for _ in 0..steps {
                self.step(team)?;
                if self.position == self.data.len() {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        self.elapsed += started.elapsed();
        Ok(if ended? { Some(self.end_epoch()) } else { None })
    }

    /// Cost and accuracy of the network as it is now. Where an epoch has just ended, its record keeps them.
    ///
    /// # Errors
    ///
    /// If the data don't fit the network.
    pub fn evaluate(&mut self, test: &Dataset) -> Result<Evaluation, Error> {
        let evaluation = self.network.evaluate(self.pool, test)?;
        if self.position == 0
            && let Some(epoch) = self.history.last_mut()
        {
            epoch.test = Some(evaluation);
        }
        Ok(evaluation)
    }

    /// One minibatch: forward, output error, and for l = L, …, 1 the error below, then the update.
    fn step(&mut self, team: &Team<'_>) -> Result<(), Error> {
        if self.position == 0 {
            self.shuffle.begin_epoch();
            self.cost_sum = 0.0;
        }
        let Trainer { data, network, workspace, shuffle, settings, .. } = self;
        let indices = shuffle.minibatch(self.position, settings.batch_size);
        let rows = indices.len();
        let index = move |row: usize| indices[row] as usize;
        workspace.take_targets(data, rows, index);
        // The next minibatch's rows are asked for a few at a time: a core can only wait for so many lines at once.
        let next = shuffle.minibatch(self.position + rows, settings.batch_size);
        team.announce(next.iter().filter_map(|&index| match data.input(index as usize) {
            Row::Bytes(bytes) => Some(bytes),
            Row::Floats(_) => None,
        }));
        let mut next = next.chunks(next.len().div_ceil(4).max(1)).map(|rows| prefetch_rows(data, rows));
        next.next();
        with_examples(data, index, |examples| backprop::forward(team, network, workspace, examples, rows));
        next.next();
        let cost = backprop::cost(team.isa(), network, workspace, rows);
        if !cost.is_finite() {
            return Err(Error::Diverged {
                epoch: self.history.len() + 1,
                step: self.position / settings.batch_size + 1,
                what: "the cost".to_owned(),
            });
        }
        backprop::output_error(team.isa(), network, workspace, rows);
        let factor = (-settings.learning_rate / rows as f64) as f32;
        for l in (1..=network.layers.len()).rev() {
            if l > 1 {
                backprop::backward(team, network, workspace, rows, l);
            }
            if l == 1 {
                next.next();
            }
            backprop::update(team, network, workspace, rows, l, factor);
        }
        next.for_each(drop);
        self.cost_sum += cost;
        self.position += rows;
        Ok(())
    }

    fn end_epoch(&mut self) -> Epoch {
        let cost = self.cost_sum / self.data.len() as f64;
        self.position = 0;
        let seconds = std::mem::take(&mut self.elapsed).as_secs_f64();
        let epoch = Epoch { number: self.history.len() + 1, cost, test: None, seconds };
        self.history.push(epoch);
        epoch
    }
}

/// Asks the memory for the inputs of the examples `indices`.
fn prefetch_rows(data: &Dataset, indices: &[u32]) {
    for &index in indices {
        if let Row::Bytes(bytes) = data.input(index as usize) {
            prefetch_bytes(bytes);
        }
    }
}
