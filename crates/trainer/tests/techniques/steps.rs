//! Schedules, groups, L2 and orders.

use super::common::{bits, weights};
use super::{EXAMPLES, Falling, data, gradients, network, pool, settings, trained};
use minibatch::data::Order;
use minibatch::optimizer::Groups;
use minibatch::schedule::{Schedule, Shape, Time};
use minibatch::{Isa, Network, Pool, Settings, Trainer};

/// The factors of a table, one a step; a momentum of ½ with them.
#[derive(Debug)]
struct Table(Vec<f64>);

impl Shape for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn with_parameters(&self, _: &[f64]) -> Option<Schedule> {
        None
    }

    fn factor(&self, at: Time<'_>) -> f64 {
        assert_eq!(at.total, self.0.len() as u64);
        self.0[at.step as usize]
    }

    fn momentum(&self, _: Time<'_>) -> Option<f64> {
        Some(0.5)
    }
}

#[test]
fn a_schedule_gives_each_step_its_rate_and_momentum() {
    let data = data(20, false);
    for (optimizer, half) in [
        ("sgd", "sgd"),
        ("momentum(0.9)", "momentum(0.5)"),
        ("nesterov(0.9)", "nesterov(0.5)"),
        ("adam(0.9)", "adam(0.5)"),
        ("adamw(0.9)", "adamw(0.5)"),
        ("nadam(0.9)", "nadam(0.5)"),
        ("rmsprop", "rmsprop"),
    ] {
        let rates: Vec<f64> = (0..12).map(|step| 1.0 - f64::from(step) / 16.0).collect();
        let schedule = Schedule::new(Table(rates.clone()));
        let scheduled = trained(&data, network(&[20, 16, 4]), Settings { schedule, ..settings(optimizer) });
        // Twelve steps, before each of which η is set.
        let settings = settings(half);
        let eta = settings.learning_rate;
        let mut trainer = Trainer::new(&pool(1), &data, network(&[20, 16, 4]), settings).expect("a trainer");
        for factor in rates {
            trainer.set_learning_rate(eta * factor).expect("in range");
            trainer.advance(1).expect("a step");
        }
        trainer.set_learning_rate(f64::NAN).expect_err("out of range");
        assert_eq!(bits(&scheduled), bits(trainer.network()), "{optimizer}");
    }
}

#[test]
fn a_schedule_may_look_at_results() {
    let data = data(20, false);
    let epochs = |schedule: Schedule, epochs| {
        let settings = Settings { schedule, epochs, ..settings("sgd") };
        trained(&data, network(&[20, 16, 4]), settings)
    };
    let constant = |epochs_so_far| epochs(Schedule::default(), epochs_so_far);
    assert_eq!(bits(&epochs(Schedule::new(Falling), 1)), bits(&constant(1)));
    let distance = |a: &Network, b: &Network| {
        let pairs = a.layers().iter().zip(b.layers());
        pairs.map(|(a, b)| f64::from((a.weight(0, 0) - b.weight(0, 0)).abs())).sum::<f64>()
    };
    // In the second epoch the steps are a tenth.
    let ratio =
        distance(&epochs(Schedule::new(Falling), 2), &constant(1)) / distance(&constant(2), &constant(1));
    assert!((0.02..0.5).contains(&ratio), "{ratio}");
}

#[test]
fn a_schedule_out_of_range_is_refused_before_the_step() {
    let (data, pool) = (data(20, false), pool(1));
    for factor in [-1.0, f64::NAN, f64::INFINITY] {
        let mut factors = vec![1.0; 12];
        factors[2] = factor;
        let settings = Settings { schedule: Schedule::new(Table(factors)), ..settings("sgd") };
        let mut trainer = Trainer::new(&pool, &data, network(&[20, 16, 4]), settings).expect("a trainer");
        let error = trainer.epoch().expect_err("a step out of range").to_string();
        assert!(error.starts_with("step 3 of epoch 1: the schedule gives"), "{error}");
        assert_eq!(trainer.step(), 2);
    }
}

/// L2 in plain descent is a start factor, on every form that inputs have; in other optimisers a part of the gradient.
#[test]
fn l2_draws_weights_to_zero() {
    let l2 = 0.3;
    for inputs in [20, 784] {
        for floats in [false, true] {
            let data = data(inputs, floats);
            for isa in Isa::available() {
                for (optimizer, threads) in [("sgd", 1), ("sgd", 2), ("momentum(0)", 1), ("momentum(0)", 2)] {
                    let pool = Pool::oversubscribed(isa, threads).expect("a pool");
                    let settings = Settings { l2, batch_size: EXAMPLES, ..settings(optimizer) };
                    let eta = settings.learning_rate;
                    let network = network(&[inputs, 32, 4]);
                    let gradients = gradients(&network, &data);
                    let before = network.clone();
                    let mut trainer = Trainer::new(&pool, &data, network, settings).expect("a trainer");
                    trainer.advance(1).expect("a step");
                    let layers = trainer.network().layers().iter().zip(before.layers());
                    for ((after, before), gradient) in layers.zip(&gradients.layers) {
                        for j in 0..after.outputs() {
                            for k in 0..after.inputs() {
                                let [w, g] = [before.weight(j, k), gradient.weight(j, k)].map(f64::from);
                                let expected = w - eta * (g + l2 * w);
                                let off = (f64::from(after.weight(j, k)) - expected).abs();
                                assert!(off < 1e-6 * (1.0 + w.abs()), "{optimizer} on {isa}: {off:e}");
                            }
                            let [b, g] = [before.biases()[j], gradient.biases()[j]].map(f64::from);
                            assert!((f64::from(after.biases()[j]) - (b - eta * g)).abs() < 1e-6);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn groups_have_their_own_rates() {
    // The second network is trained in shares or phases, where there are members.
    for (optimizer, sizes) in
        [("sgd", [20, 16, 4]), ("adam", [20, 16, 4]), ("sgd", [784, 32, 4]), ("adam", [784, 32, 4])]
    {
        let (data, start) = (data(sizes[0], false), || network(&sizes));
        for threads in [1, 2] {
            let step = |groups: Groups, eta: f64| {
                let mut settings = Settings { groups, ..settings(optimizer) };
                settings.learning_rate *= eta;
                let pool = pool(threads);
                let mut trainer = Trainer::new(&pool, &data, start(), settings).expect("a trainer");
                trainer.advance(1).expect("a step");
                trainer.network().clone()
            };
            let usual = Groups::default;
            let [whole, half] = [1.0, 0.5].map(|eta| step(usual(), eta));
            let found = step(Groups { weights: 0.5, ..usual() }, 1.0);
            for (l, layer) in found.layers().iter().enumerate() {
                assert_eq!(weights(layer), weights(&half.layers()[l]), "{optimizer}: weights' η");
                for (found, expected) in layer.biases().iter().zip(whole.layers()[l].biases()) {
                    assert!((found - expected).abs() < 1e-6, "{optimizer}: biases' η");
                }
            }
            let found = step(Groups { biases: 0.0, layers: vec![0.0, 0.5], ..usual() }, 1.0);
            assert_eq!(weights(&found.layers()[0]), weights(&start().layers()[0]), "{optimizer}: frozen");
            assert_eq!(weights(&found.layers()[1]), weights(&half.layers()[1]), "{optimizer}: layer 2's η");
            assert_eq!(
                found.layers()[1].biases(),
                start().layers()[1].biases(),
                "{optimizer}: frozen biases"
            );
        }
    }
}

#[test]
fn orders_and_the_last_minibatch() {
    let data = data(20, false);
    let pool = pool(1);
    let start = |settings| Trainer::new(&pool, &data, network(&[20, 16, 4]), settings).expect("a trainer");
    // 48 examples are six minibatches of 7, and 6 left over.
    let seven = Settings { batch_size: 7, ..settings("sgd") };
    let dropping = Settings { drop_last: true, ..seven.clone() };
    let mut trainer = start(dropping.clone());
    assert_eq!((trainer.steps_per_epoch(), trainer.examples()), (6, 42));
    let epoch = trainer.advance(6).expect("steps").expect("an epoch");
    let mut whole = start(seven.clone());
    assert_eq!(whole.steps_per_epoch(), 7);
    whole.advance(6).expect("steps");
    assert_eq!(bits(trainer.network()), bits(whole.network()));
    assert!(epoch.cost.is_finite());
    // A run that is cut anywhere goes on to the same bits.
    trainer.advance(3).expect("steps");
    let mut resumed = Trainer::resume(&pool, &data, trainer.checkpoint()).expect("a resumed run");
    resumed.epoch().expect("an epoch");
    trainer.epoch().expect("an epoch");
    assert_eq!(bits(trainer.network()), bits(resumed.network()));

    // In order, an epoch of one minibatch after the other is that of the subset in that order.
    let in_order = Settings { order: Order::InOrder, batch_size: 16, ..settings("sgd") };
    let mut trainer = start(in_order.clone());
    trainer.advance(1).expect("a step");
    let first = data.subset(&(0..16).collect::<Vec<_>>()).expect("a subset");
    let mut alone = Trainer::new(&pool, &first, network(&[20, 16, 4]), in_order).expect("a trainer");
    alone.advance(1).expect("a step");
    assert_eq!(bits(trainer.network()), bits(alone.network()));

    // A run that began again has the schedule's total of the one that it repeats, whatever was added to its epochs.
    let cosine = Settings { schedule: "cosine".parse().expect("a schedule"), epochs: 2, ..settings("sgd") };
    let mut trainer = start(cosine);
    trainer.fit(None, &mut ()).expect("epochs");
    let mut longer = trainer.checkpoint();
    longer.settings.epochs = 3;
    let mut trainer = Trainer::resume(&pool, &data, longer).expect("a resumed run");
    trainer.epoch().expect("an epoch");
    let mut again = Trainer::replay(&pool, &data, &trainer.checkpoint()).expect("the run again");
    again.fit(None, &mut ()).expect("epochs");
    assert_eq!(bits(trainer.network()), bits(again.network()));

    // Draws with replacement are another order.
    let drawn = Settings { order: Order::WithReplacement, ..settings("sgd") };
    let mut trainer = start(drawn);
    trainer.epoch().expect("an epoch");
    let mut shuffled = start(settings("sgd"));
    shuffled.epoch().expect("an epoch");
    assert_ne!(bits(trainer.network()), bits(shuffled.network()));
}
