//! The crew, which takes the steps of training: [`Crew`].
//!
//! A network is trained in one of three ways. The bits are the same in all of them. The [cost model](mod@sharing) picks the way
//! that it expects to be fastest:
//!
//! - **Alone**: one thread takes every step. For networks without a product that is worth sharing.
//! - **Phases**: one thread takes every step, and the team shares each product that is worth it. For large layers.
//! - **Shares**: every member takes every step, on its own [part](part::Part) of the network. For small networks that are
//!   nearly all first layer. [`shares`] describes it.

mod pace;
mod part;
mod shares;
mod sharing;
mod whole;

#[cfg(test)]
pub(crate) use pace::Way;
pub(crate) use sharing::sharing;

use crate::error::Error;
use crate::network::Network;
use crate::optimizer::OptimizerState;
use crate::settings::Settings;
use crate::step::{Guard, Steps, Trained};
use minibatch_data::Dataset;
use minibatch_kernels::{Isa, Pool, Solo};
use shares::Shares;
use sharing::worth_phases;
use whole::Whole;

/// A network in training, with all that trains it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a trainer has one crew, and it stays where it is")]
pub(crate) enum Crew {
    /// One thread takes the steps, as a team of its own, without the pool.
    Alone(Whole, Solo<()>),
    /// The team shares single products.
    Phases(Whole),
    /// Each member takes the steps on its part of the network.
    Shares(Shares),
}

impl Crew {
    /// The crew that trains `network` on `data`, by an optimiser whose memory is `state`.
    ///
    /// # Errors
    ///
    /// If a weight or a bias isn't finite.
    pub(crate) fn new(
        pool: &Pool,
        network: Network,
        state: OptimizerState,
        data: &Dataset,
        settings: &Settings,
    ) -> Result<Crew, Error> {
        let batch_size = settings.batch_size;
        let cores = if settings.may_be_shared() { pool.members() } else { 1 };
        let augmenting = settings.work(network.inputs());
        let sharing = sharing(&network, batch_size, augmenting, cores);
        let phases = sharing == 1 && worth_phases(&network, batch_size, augmenting, pool.members());
        let team_size = if phases { pool.members() } else { 1 };
        let guard = Guard::new(pool.isa(), &network, data)?;
        let whole = Whole::new(pool.isa(), (network, state), guard, settings, team_size);
        Ok(match sharing {
            1 if phases => Crew::Phases(whole),
            1 => Crew::Alone(whole, Solo::new(())),
            members => Crew::Shares(Shares::new(whole, members, settings)),
        })
    }

    /// The network as it is now.
    pub(crate) fn network(&self) -> &Network {
        match self {
            Crew::Alone(whole, _) | Crew::Phases(whole) => &whole.network,
            Crew::Shares(shares) => shares.network(),
        }
    }

    /// The network as it is now.
    pub(crate) fn into_network(self) -> Network {
        match self {
            Crew::Alone(whole, _) | Crew::Phases(whole) => whole.network,
            Crew::Shares(shares) => shares.into_network(),
        }
    }

    /// The optimiser's memory as it is now.
    pub(crate) fn state(&self) -> &OptimizerState {
        match self {
            Crew::Alone(whole, _) | Crew::Phases(whole) => &whole.state,
            Crew::Shares(shares) => shares.state(),
        }
    }

    /// The average of the weights, or the network as it is now where there is none.
    pub(crate) fn present(&self) -> &Network {
        match self {
            Crew::Alone(whole, _) | Crew::Phases(whole) => whole.state.average().unwrap_or(&whole.network),
            // Members that train in shares keep no average.
            Crew::Shares(shares) => shares.network(),
        }
    }

    /// As [`present`](Self::present), without a copy.
    pub(crate) fn into_present(self) -> Network {
        match self {
            Crew::Alone(whole, _) | Crew::Phases(whole) => {
                whole.state.into_average().unwrap_or(whole.network)
            }
            Crew::Shares(shares) => shares.into_network(),
        }
    }

    /// Takes account of the moments that the optimiser begins with.
    pub(crate) fn look_at_moments(&mut self, isa: Isa) {
        let (Crew::Alone(whole, _) | Crew::Phases(whole) | Crew::Shares(Shares { whole, .. })) = self;
        whole.guard.look_at(isa, &whole.state);
    }

    /// Trains the network. `cost_sum` is the cost of the epoch so far.
    pub(crate) fn train(&mut self, pool: &Pool, steps: Steps<'_>, cost_sum: f64) -> Trained {
        let before = Trained { position: steps.position, cost_sum, correct: 0, diverged: None };
        match self {
            Crew::Alone(whole, team) => team.run(pool.isa(), |team, ()| whole.train(team, steps, before)),
            Crew::Phases(whole) => pool.run(|team| whole.train(team, steps, before)),
            Crew::Shares(shares) => shares.train(pool, steps, before),
        }
    }

    /// Bounds of the network as it is now.
    #[cfg(test)]
    pub(crate) fn guard(&self) -> &Guard {
        match self {
            Crew::Alone(whole, _) | Crew::Phases(whole) => &whole.guard,
            Crew::Shares(shares) => shares.guard(),
        }
    }

    /// Sets the ways of the slices to come, the last one first.
    #[cfg(test)]
    pub(crate) fn follow(&mut self, script: Vec<Way>) {
        let Crew::Shares(shares) = self else { panic!("one way of training") };
        shares.pace.script = script;
    }
}
