//! The workloads and the peers.

use serde::Serialize;

/// A network and how it is trained: the same for every peer, which gets it as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Workload {
    #[serde(skip)]
    pub(super) name: &'static str,
    #[serde(skip)]
    pub(super) title: &'static str,
    /// n_0, …, n_L.
    sizes: &'static [usize],
    hidden: &'static str,
    cost: &'static str,
    init: &'static str,
    optimizer: &'static str,
    eta: f64,
    batch: usize,
    /// Examples trained between two looks at the clock: an epoch, unless that takes long.
    slice: usize,
    /// How long a peer trains before it is asked what it has learnt, …
    #[serde(skip)]
    pub(super) check_epochs: usize,
    /// … and the test examples of 10,000 that it must then classify correctly.
    #[serde(skip)]
    pub(super) floor: u64,
}

/// η of C1 and C2 is that of the article and of its sequel. Some seeds of C1 leave an output of the network stuck, which costs
/// a tenth of the accuracy: its floor allows for one.
pub(super) const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "C1",
        title: "784-32-10 sigmoid, quadratic cost, SGD with η = 3, B = 16",
        sizes: &[784, 32, 10],
        hidden: "sigmoid",
        cost: "quadratic",
        init: "standard-normal",
        optimizer: "sgd",
        eta: 3.0,
        batch: 16,
        slice: 60_000,
        check_epochs: 2,
        floor: 7_500,
    },
    Workload {
        name: "C2",
        title: "784-100-10 sigmoid, binary cross-entropy summed over the outputs, SGD with η = 0.5, B = 10",
        sizes: &[784, 100, 10],
        hidden: "sigmoid",
        cost: "binary-cross-entropy",
        init: "fan-in",
        optimizer: "sgd",
        eta: 0.5,
        batch: 10,
        slice: 60_000,
        check_epochs: 2,
        floor: 9_300,
    },
    Workload {
        name: "C3",
        title: "784-512-512-10 ReLU, softmax cross-entropy, Adam with η = 0.001, B = 128",
        sizes: &[784, 512, 512, 10],
        hidden: "relu",
        cost: "softmax-cross-entropy",
        init: "he",
        optimizer: "adam",
        eta: 0.001,
        batch: 128,
        slice: 12_800,
        check_epochs: 1,
        floor: 9_400,
    },
    Workload {
        name: "C4",
        title: "784-2048-2048-2048-10 ReLU, softmax cross-entropy, SGD with η = 0.1, B = 1,024",
        sizes: &[784, 2048, 2048, 2048, 10],
        hidden: "relu",
        cost: "softmax-cross-entropy",
        init: "he",
        optimizer: "sgd",
        eta: 0.1,
        batch: 1_024,
        slice: 4_096,
        check_epochs: 1,
        floor: 8_000,
    },
];

/// What runs a peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Program {
    /// `benches/peers/python/peer.py` with this name.
    Python,
    /// This package of `benches/peers/rust`.
    Rust(&'static str),
}

/// A trainer to measure.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its name for `--only`.
    pub(super) name: &'static str,
    pub(super) program: Program,
    /// Whether it may be the one that the others are compared to: an f32 trainer, and not Minibatch.
    pub(super) reference: bool,
    /// Whether its whole job is timed too.
    pub(super) job: bool,
}

/// Minibatch's name among the peers.
pub(super) const OWN: &str = "minibatch";

pub(super) const PEERS: [Peer; 13] = [
    Peer { name: OWN, program: Program::Rust("peer-minibatch"), reference: false, job: true },
    Peer { name: "jax", program: Program::Python, reference: true, job: true },
    Peer { name: "numpy", program: Program::Python, reference: true, job: true },
    Peer { name: "torch-hand", program: Program::Python, reference: true, job: true },
    Peer { name: "torch-compile", program: Program::Python, reference: true, job: false },
    Peer { name: "torch-fused", program: Program::Python, reference: true, job: false },
    Peer { name: "torch-eager", program: Program::Python, reference: true, job: false },
    Peer { name: "torch-bf16", program: Program::Python, reference: false, job: false },
    Peer { name: "burn", program: Program::Rust("peer-burn"), reference: true, job: true },
    Peer { name: "candle", program: Program::Rust("peer-candle"), reference: true, job: true },
    Peer { name: "rustyml", program: Program::Rust("peer-rustyml"), reference: true, job: false },
    Peer { name: "scikit-learn", program: Program::Python, reference: true, job: false },
    Peer { name: "numpy-per-example", program: Program::Python, reference: false, job: false },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_known_to_the_python_side() {
        let names: HashSet<_> = PEERS.iter().map(|peer| peer.name).collect();
        assert_eq!(names.len(), PEERS.len());
        let source = include_str!("../../../benches/peers/python/peer.py");
        for peer in PEERS.iter().filter(|peer| peer.program == Program::Python) {
            assert!(source.contains(&format!("\"{}\": (", peer.name)), "{}", peer.name);
        }
        for peer in &PEERS {
            if let Program::Rust(package) = peer.program {
                let folder = package.strip_prefix("peer-").unwrap();
                let manifest =
                    crate::workspace_root().join("benches/peers/rust").join(folder).join("Cargo.toml");
                let text = std::fs::read_to_string(&manifest).unwrap();
                assert!(text.contains(&format!("name = \"{package}\"")), "{}", manifest.display());
            }
        }
    }

    #[test]
    fn workloads_are_sent_without_what_only_the_harness_needs() {
        let json = serde_json::to_value(&WORKLOADS[0]).unwrap();
        assert_eq!(json["sizes"], serde_json::json!([784, 32, 10]));
        assert!(json.get("floor").is_none() && json.get("name").is_none());
    }
}
