//! A whole network that is trained in one place: by one thread, or by one thread whose team shares its products.

use crate::network::Network;
use crate::optimizer::OptimizerState;
use crate::settings::Settings;
use crate::step::{Guard, Runner, Stepper, Steps, Trained, Workspace};
use minibatch_kernels::{Isa, Team, TeamInputs};

/// A network, with all that trains it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(super) network: Network,
    /// The optimiser's memory.
    pub(super) state: OptimizerState,
    workspace: Workspace,
    pub(super) guard: Guard,
}

impl Whole {
    /// `network`, and what its optimiser remembers, for a team of `team_size` members that share products.
    pub(super) fn new(
        isa: Isa,
        (network, state): (Network, OptimizerState),
        guard: Guard,
        settings: &Settings,
        team_size: usize,
    ) -> Whole {
        let neurons = network.layers[0].outputs();
        let workspace = workspace(isa, &network, neurons, settings, team_size);
        Whole { network, state, workspace, guard }
    }

    /// Takes `steps` on the calling thread, the driver of `team`.
    pub(super) fn train(&mut self, team: &Team<'_>, steps: Steps<'_>, before: Trained) -> Trained {
        let Whole { network: Network { layers, cost, .. }, state, workspace, guard } = self;
        let runner = Runner { team, member: None };
        Stepper { runner, layers, cost: &**cost, state, workspace, guard }.train(steps, before)
    }
}

/// The buffers for steps on so many `neurons` of `network`'s first layer, by a team of `team_size` members.
pub(super) fn workspace(
    isa: Isa,
    network: &Network,
    neurons: usize,
    settings: &Settings,
    team_size: usize,
) -> Workspace {
    let (inputs, batch_size) = (network.inputs(), settings.batch_size);
    let inputs = match settings.optimizer.is_plain() || settings.needs_whole_gradient() {
        true => TeamInputs::to_accumulate(isa, inputs, neurons, batch_size, team_size),
        false => TeamInputs::new(isa, inputs, neurons, batch_size, team_size),
    };
    Workspace::new(network, settings, inputs, team_size)
}
