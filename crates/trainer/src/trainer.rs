//! The training loop: epochs of minibatches.

use crate::backprop;
use crate::error::Error;
use crate::evaluation::Evaluation;
use crate::network::Network;
use crate::workspace::Workspace;
use minibatch_data::{Dataset, Shuffle};
use minibatch_kernels::{Pool, Team};
use serde::{Deserialize, Serialize};

/// How to train: plain stochastic gradient descent. The default is the article's recipe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// η. Every step subtracts η times the mean gradient of its minibatch.
    pub learning_rate: f64,
    /// B, the examples of a minibatch. An epoch's last minibatch may be smaller; it is averaged over its own size.
    pub batch_size: usize,
    /// Seeds the order of the examples.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { learning_rate: 3.0, batch_size: 16, seed: 0 }
    }
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub number: usize,
    /// Mean cost per training example, each measured before its minibatch's update.
    pub cost: f64,
    /// The network on the test set after the epoch, if it was evaluated.
    pub test: Option<Evaluation>,
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
/// let settings = Settings { learning_rate: 3.0, batch_size: 16, seed: 3 };
/// let mut trainer = Trainer::new(&pool, &data, network, settings)?;
/// for _ in 0..150 {
///     trainer.epoch()?;
/// }
/// assert_eq!(trainer.evaluate(&data)?.accuracy(), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer<'a> {
    pool: &'a Pool,
    data: &'a Dataset,
    network: Network,
    settings: Settings,
    workspace: Workspace,
    shuffle: Shuffle,
    /// Examples of the current epoch that have been trained on.
    position: usize,
    /// Their summed cost.
    cost_sum: f64,
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
        network: Network,
        settings: Settings,
    ) -> Result<Trainer<'a>, Error> {
        network.check_shape(data)?;
        let setting = |setting, expected: String, found: String| Error::Setting { setting, expected, found };
        if !(settings.learning_rate.is_finite() && settings.learning_rate > 0.0) {
            let expected = "a finite number above 0".to_owned();
            return Err(setting("learning rate", expected, settings.learning_rate.to_string()));
        }
        if !(1..=data.len()).contains(&settings.batch_size) {
            let expected = format!("1 to {}, the number of training examples", data.len());
            return Err(setting("batch size", expected, settings.batch_size.to_string()));
        }
        Ok(Trainer {
            workspace: Workspace::for_training(&network, settings.batch_size),
            shuffle: Shuffle::new(data.len(), settings.seed)?,
            pool,
            data,
            network,
            settings,
            position: 0,
            cost_sum: 0.0,
            history: Vec::new(),
        })
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
        let pool = self.pool;
        pool.run(|team| {
            for _ in 0..steps {
                self.step(team)?;
                if self.position == self.data.len() {
                    return Ok(Some(self.end_epoch()));
                }
            }
            Ok(None)
        })
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
        workspace.gather(team.isa(), data, indices.iter().map(|&index| index as usize));
        backprop::forward(team, network, workspace, rows);
        let cost = backprop::cost(network, workspace, rows);
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
            backprop::update(team, network, workspace, rows, l, factor);
        }
        self.cost_sum += cost;
        self.position += rows;
        Ok(())
    }

    fn end_epoch(&mut self) -> Epoch {
        let cost = self.cost_sum / self.data.len() as f64;
        self.position = 0;
        let epoch = Epoch { number: self.history.len() + 1, cost, test: None };
        self.history.push(epoch);
        epoch
    }
}
