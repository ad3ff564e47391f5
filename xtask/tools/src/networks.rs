//! The networks that measurements are made on. benches/peers/README.md describes them.

/// The layers of a network, and the number of examples that it is trained on at a time.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// n_0, …, n_L.
    pub sizes: &'static [usize],
    /// Examples of a minibatch.
    pub batch: usize,
}

/// The default job's network.
pub const C1: Network = Network { sizes: &[784, 32, 10], batch: 16 };
/// A wider network.
pub const C2: Network = Network { sizes: &[784, 100, 10], batch: 10 };
/// A network with two hidden layers.
pub const C3: Network = Network { sizes: &[784, 512, 512, 10], batch: 128 };
/// The largest network.
pub const C4: Network = Network { sizes: &[784, 2048, 2048, 2048, 10], batch: 1_024 };
