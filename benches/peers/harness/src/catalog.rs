//! The workloads and the peers.

use serde::Serialize;
use xtask_tools::networks::{C1, C2, C3, C4};

/// A network with the settings of its training. They are the same for every peer, which gets them as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Workload {
    #[serde(skip)]
    pub(crate) name: &'static str,
    #[serde(skip)]
    pub(crate) title: &'static str,
    /// n_0, …, n_L.
    pub(crate) sizes: &'static [usize],
    hidden: &'static str,
    cost: &'static str,
    init: &'static str,
    optimizer: &'static str,
    eta: f64,
    pub(crate) batch: usize,
    /// Examples trained between two looks at the clock: an epoch, unless that takes long.
    slice: usize,
    /// The epochs that a peer trains before its accuracy is checked, …
    #[serde(skip)]
    pub(crate) check_epochs: usize,
    /// … and the test examples of 10,000 that it must then classify correctly.
    #[serde(skip)]
    pub(crate) floor: u64,
    /// Whether inference is measured too. One workload for each network is enough.
    #[serde(skip)]
    pub(crate) inference: bool,
    /// Whether it is large enough for the slow peers to be left out, unless `--only` names them.
    #[serde(skip)]
    pub(crate) large: bool,
}

/// The workloads. η of C1 and C2 is that of the tutorial and of its sequel. Some seeds of C1 leave an output of the network
/// stuck, which costs a tenth of the accuracy. Its floor allows for one.
pub(crate) const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "C1",
        title: "784-32-10 sigmoid, quadratic cost, SGD with η = 3, B = 16",
        sizes: C1.sizes,
        hidden: "sigmoid",
        cost: "quadratic",
        init: "standard-normal",
        optimizer: "sgd",
        eta: 3.0,
        batch: C1.batch,
        slice: 60_000,
        check_epochs: 2,
        floor: 7_500,
        inference: true,
        large: false,
    },
    Workload {
        name: "C2",
        title: "784-100-10 sigmoid, binary cross-entropy summed over the outputs, SGD with η = 0.5, B = 10",
        sizes: C2.sizes,
        hidden: "sigmoid",
        cost: "binary-cross-entropy",
        init: "fan-in",
        optimizer: "sgd",
        eta: 0.5,
        batch: C2.batch,
        slice: 60_000,
        check_epochs: 2,
        floor: 9_300,
        inference: false,
        large: false,
    },
    Workload {
        name: "C3",
        title: "784-512-512-10 ReLU, softmax cross-entropy, Adam with η = 0.001, B = 128",
        sizes: C3.sizes,
        hidden: "relu",
        cost: "softmax-cross-entropy",
        init: "he",
        optimizer: "adam",
        eta: 0.001,
        batch: C3.batch,
        slice: 12_800,
        check_epochs: 1,
        floor: 9_400,
        inference: true,
        large: true,
    },
    Workload {
        name: "C3-SGD",
        title: "784-512-512-10 ReLU, softmax cross-entropy, SGD with η = 0.1, B = 128",
        sizes: C3.sizes,
        hidden: "relu",
        cost: "softmax-cross-entropy",
        init: "he",
        optimizer: "sgd",
        eta: 0.1,
        batch: C3.batch,
        slice: 12_800,
        check_epochs: 1,
        floor: 9_000,
        inference: false,
        large: true,
    },
    Workload {
        name: "C4",
        title: "784-2048-2048-2048-10 ReLU, softmax cross-entropy, SGD with η = 0.1, B = 1,024",
        sizes: C4.sizes,
        hidden: "relu",
        cost: "softmax-cross-entropy",
        init: "he",
        optimizer: "sgd",
        eta: 0.1,
        batch: C4.batch,
        slice: 4_096,
        check_epochs: 1,
        floor: 8_000,
        inference: false,
        large: true,
    },
];

/// The program that runs a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Program {
    /// This script of `benches/peers/python`, with the peer's name.
    Python(&'static str),
    /// This package of `benches/peers/rust`, compiled for this very processor, as the guides of its library advise.
    Native(&'static str),
    /// This package of `benches/peers/rust`, compiled as Minibatch is shipped.
    Shipped(&'static str),
}

/// A trainer to measure.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name for `--only`.
    pub(crate) name: &'static str,
    pub(crate) program: Program,
    /// Whether it may be the one that the others are compared to: an f32 trainer, and not Minibatch.
    pub(crate) reference: bool,
    /// Whether its whole job is timed too.
    pub(crate) job: bool,
    /// Whether it is worth measuring on large networks.
    pub(crate) large: bool,
}

impl Peer {
    const fn new(name: &'static str, program: Program) -> Self {
        Self { name, program, reference: true, job: false, large: true }
    }

    /// The peer, never the one that others are compared to.
    const fn no_reference(mut self) -> Self {
        self.reference = false;
        self
    }

    const fn with_job(mut self) -> Self {
        self.job = true;
        self
    }

    const fn small_networks_only(mut self) -> Self {
        self.large = false;
        self
    }
}

/// Minibatch's name among the peers.
pub(crate) const OWN: &str = "minibatch";

pub(crate) const PEERS: [Peer; 13] = [
    Peer::new(OWN, Program::Shipped("peer-minibatch")).no_reference().with_job(),
    Peer::new("jax", Program::Python("peer.py")).with_job(),
    Peer::new("numpy", Program::Python("peer.py")).with_job(),
    Peer::new("torch-hand", Program::Python("peer.py")).with_job(),
    Peer::new("torch-compile", Program::Python("peer.py")),
    Peer::new("torch-fused", Program::Python("peer.py")),
    Peer::new("torch-eager", Program::Python("peer.py")).small_networks_only(),
    Peer::new("torch-bf16", Program::Python("peer.py")).no_reference(),
    Peer::new("burn", Program::Native("peer-burn")).with_job(),
    Peer::new("candle", Program::Native("peer-candle")).with_job(),
    Peer::new("rustyml", Program::Native("peer-rustyml")).small_networks_only(),
    Peer::new("scikit-learn", Program::Python("peer.py")).small_networks_only(),
    Peer::new("numpy-per-example", Program::Python("peer.py")).no_reference().small_networks_only(),
];

/// Libraries of matrix products, Minibatch's first.
pub(crate) const PRODUCTS: [Peer; 3] = [
    Peer::new(OWN, Program::Shipped("peer-minibatch-gemm")).no_reference(),
    Peer::new("mkl", Program::Python("gemm_peer.py")),
    Peer::new("onednn", Program::Python("gemm_peer.py")),
];

/// A product C ← A·B (m × n, depth k), or C ← C + Aᵀ·B with A stored k × m: a layer's forward product or its update.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Shape {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) update: bool,
}

const fn shape(m: usize, n: usize, k: usize) -> Shape {
    Shape { m, n, k, update: false }
}

const fn update(m: usize, n: usize, k: usize) -> Shape {
    Shape { m, n, k, update: true }
}

/// The products of the first layer of C1 and C3 and of the middle ones of C4, and squares.
pub(crate) const SHAPES: [Shape; 10] = [
    shape(16, 32, 784),
    update(784, 32, 16),
    shape(128, 512, 784),
    update(784, 512, 128),
    shape(1024, 2048, 2048),
    update(2048, 2048, 1024),
    shape(256, 256, 256),
    shape(512, 512, 512),
    shape(1024, 1024, 1024),
    shape(2048, 2048, 2048),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_their_programs_exist() {
        for group in [&PEERS[..], &PRODUCTS[..]] {
            let names: HashSet<_> = group.iter().map(|peer| peer.name).collect();
            assert_eq!(names.len(), group.len());
        }
        let folder = xtask_tools::workspace_root().join("benches/peers");
        for peer in PEERS.iter().chain(&PRODUCTS) {
            let (path, expected) = match peer.program {
                Program::Python(script) => {
                    (folder.join("python").join(script), format!("\"{}\": ", peer.name))
                }
                Program::Native(package) | Program::Shipped(package) => {
                    let member = package.strip_prefix("peer-").unwrap();
                    (folder.join("rust").join(member).join("Cargo.toml"), format!("name = \"{package}\""))
                }
            };
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(&expected), "{expected} in {}", path.display());
        }
    }

    #[test]
    fn workloads_are_sent_without_what_only_the_harness_needs() {
        let json = serde_json::to_value(&WORKLOADS[0]).unwrap();
        assert_eq!(json["sizes"], serde_json::json!([784, 32, 10]));
        assert!(json.get("floor").is_none() && json.get("name").is_none());
    }
}
