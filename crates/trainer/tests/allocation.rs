//! Once warm, a training step allocates nothing, nor does a [`Predictor`].
//!
//! An allocator counts every call in the process, on all threads. Entering the pool may allocate (rayon's scope and its messages
//! to the workers): once for each call of [`Trainer::advance`], and now and then room for a queue. So calls of 5 and of 25
//! steps are compared, each by the least of several. An allocation of a *step* would be counted 20 times more in every single
//! long call.
//!
//! There is only one test here. Another test's allocations, at the same time, would be counted too.

#![allow(unsafe_code, reason = "an allocator can't be written without")]

mod common;

use common::Numbers;
use minibatch::activation::{Gelu, Identity, Relu, Sigmoid, Silu, Softmax, Tanh};
use minibatch::cost::{BinaryCrossEntropy, CategoricalCrossEntropy};
use minibatch::data::Order;
use minibatch::optimizer::Groups;
use minibatch::{
    ClassWeights, Dataset, EarlyStopping, Isa, Network, NetworkBuilder, Optimizer, Pool, Predictor, Settings,
    Trainer,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came, so its guarantees are this one's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, data: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(data, layout, size) }
    }

    unsafe fn dealloc(&self, data: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(data, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most allocations for entering a pool of two. Measured: 1, rayon's message to its worker, and none with one thread.
const ENTRY: usize = 4;

/// Steps of the short and of the long call.
const STEPS: [usize; 2] = [5, 25];

/// Calls of each length.
const CALLS: usize = 3;

/// The least that a call of so many steps allocates, over several calls.
fn least(trainer: &mut Trainer, steps: usize) -> usize {
    let call = |_| {
        let before = ALLOCATIONS.load(Ordering::SeqCst);
        let ended = trainer.advance(steps);
        let allocations = ALLOCATIONS.load(Ordering::SeqCst) - before;
        assert!(ended.expect("steps").is_none(), "the calls should stay inside the epoch");
        allocations
    };
    (0..CALLS).map(call).min().expect("several calls")
}

/// Checks that predicting one example after the other, of bytes and of numbers, allocates nothing from the first on.
fn check_predictor(name: &str, network: &Network, numbers: &mut Numbers) {
    let (bytes, floats) = (numbers.bytes(network.inputs()), vec![0.5; network.inputs()]);
    for isa in Isa::fused() {
        let mut predictor = Predictor::new(network.clone(), isa);
        let before = ALLOCATIONS.load(Ordering::SeqCst);
        for _ in 0..10 {
            predictor.predict(&bytes[..]).expect("outputs");
            predictor.class(&floats[..]).expect("a class");
        }
        let allocations = ALLOCATIONS.load(Ordering::SeqCst) - before;
        assert_eq!(allocations, 0, "{name} on {isa}: predictions allocate");
    }
}

#[test]
fn neither_a_step_nor_a_prediction_allocates() {
    let kept = Network::builder(30).layer_with(33, Gelu).layer_with(17, Silu).layer_with(3, Softmax);
    let logistic = Network::builder(30).layer_with(9, Tanh).layer_with(70, Sigmoid).cost(BinaryCrossEntropy);
    let networks: [(&str, NetworkBuilder, usize); 6] = [
        ("pre-activations kept, whole rows", kept.cost(CategoricalCrossEntropy), 7),
        ("a cost from z", logistic, 7),
        ("one layer", Network::builder(20).layer(4), 3),
        ("the default's shape, smaller", Network::builder(100).layer(32).layer(10), 16),
        ("rectifiers", Network::builder(30).layer_with(33, Relu).layer(17).layer_with(3, Identity), 7),
        // Shared by two threads: 2·64·128·60 operations in the first product.
        ("wide", Network::builder(60).layer(128).layer(10), 64),
    ];
    // The predictors come before there is a pool: its threads allocate when they end, some time later.
    for (name, builder, _) in networks.clone() {
        check_predictor(name, &builder.seed(1).build().expect("a network"), &mut Numbers::new(3));
    }
    // Every network by plain descent, and all but the first by another optimiser: the wide one by Adam.
    let optimizers = ["sgd", "centred-rmsprop", "nesterov", "nadam", "adamw", "adam"];
    let optimizers = optimizers.map(|name| name.parse::<Optimizer>().expect("an optimiser"));
    let plain = networks.clone().into_iter().zip(std::iter::repeat(Optimizer::SGD));
    for ((name, builder, batch_size), optimizer) in plain.chain(networks.into_iter().zip(optimizers).skip(1))
    {
        let network = builder.seed(1).build().expect("a network");
        let (inputs, outputs) = (network.inputs(), network.outputs());
        // An epoch long enough for the warm-up and every call.
        let examples = ((CALLS + 1) * (STEPS[0] + STEPS[1]) + 1) * batch_size;
        let mut numbers = Numbers::new(3);
        let labels = (0..examples).map(|_| numbers.below(outputs) as u32).collect();
        let data = Dataset::from_classes(numbers.bytes(examples * inputs), &[inputs / 10, 10], labels)
            .and_then(|data| data.with_classes(outputs))
            .expect("a dataset");
        let settings = Settings { batch_size, seed: 1, ..Settings::default() };
        check_steps(name, &data, &network, &Settings { optimizer, learning_rate: 0.01, ..settings.clone() });
        if outputs == 10 {
            for settings in with_techniques(&settings) {
                check_steps(name, &data, &network, &settings);
            }
        }
        if batch_size == 16 {
            for augment in ["shift", "elastic(9,2)"] {
                let augment = vec![augment.parse().expect("augmentation")];
                check_steps(name, &data, &network, &Settings { augment, ..settings.clone() });
            }
        }
    }
}

/// Checks that steps with these settings allocate nothing.
fn check_steps(name: &str, data: &Dataset, network: &Network, settings: &Settings) {
    let optimizer = &settings.optimizer;
    for isa in Isa::fused() {
        for threads in [1, 2] {
            let pool = Pool::oversubscribed(isa, threads).expect("a pool");
            let mut trainer =
                Trainer::new(&pool, data, network.clone(), settings.clone()).expect("a trainer");
            if settings.early_stopping.is_some() {
                let validation = data.subset(&[0, 1, 2]).expect("a set");
                trainer.set_validation(&validation).expect("a validation set");
            }
            // Packing buffers grow when first used.
            trainer.advance(STEPS[0] + STEPS[1]).expect("steps");
            let [short, long] = STEPS.map(|steps| least(&mut trainer, steps));
            assert_eq!(short, long, "{name} by {optimizer} on {pool:?}: calls of {STEPS:?} steps allocate");
            let allowed = if threads == 1 { 0 } else { ENTRY };
            assert!(
                short <= allowed,
                "{name} by {optimizer} on {pool:?}: entering the pool allocates {short} times"
            );
        }
    }
}

/// The settings with every technique, in two parts: what there is one of at a time is in either.
fn with_techniques(settings: &Settings) -> [Settings; 2] {
    let augment = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("augmentation")).collect();
    let first = Settings {
        learning_rate: 0.01,
        schedule: "one-cycle".parse().expect("a schedule"),
        groups: Groups { biases: 0.5, layers: vec![1.0, 0.5], ..Groups::default() },
        l2: 1e-3,
        l1: 1e-3,
        weight_decay: 1e-3,
        max_norm: Some(3.0),
        label_smoothing: 0.1,
        average: Some("ema".parse().expect("averaging")),
        clip: Some("norm".parse().expect("clipping")),
        noise: vec!["dropout(0.2)".parse().ok(), "gaussian".parse().ok()],
        augment: augment(&["shift", "elastic(9,2,10,6,0.1,1)", "mixup", "affine", "mixup"]),
        class_weights: ClassWeights::Balanced,
        ..settings.clone()
    };
    let second = Settings {
        schedule: "plateau".parse().expect("a schedule"),
        average: Some("swa(0)".parse().expect("averaging")),
        clip: Some("value".parse().expect("clipping")),
        noise: vec!["gaussian".parse().ok(), "dropout".parse().ok()],
        augment: augment(&["mixup"]),
        order: Order::WithReplacement,
        drop_last: true,
        early_stopping: Some(EarlyStopping::default()),
        input_scaling: Some(6.0),
        max_norm: None,
        ..first.clone()
    };
    [first, second]
}
