//! An optimiser of one's own, from outside the library: Lion (Chen et al. 2023), which steps by signs.
//!
//! c ← β₁·m + (1 − β₁)·g; p ← p − η·sign(c); m ← β₂·m + (1 − β₂)·g. The run is saved, loaded by the optimiser's name and gone on with.
//!
//! `cargo run --release -p minibatch --example custom_optimizer`

use minibatch::activation::Tanh;
use minibatch::optimizer::{At, COEFFICIENTS, Element, Formula, LearningRates, Rule};
use minibatch::{Checkpoint, Dataset, Isa, Network, Optimizer, Pool, Registry, Settings, Trainer};

#[derive(Debug)]
struct Lion {
    beta1: f64,
    beta2: f64,
}

/// The arithmetic, once for all: in f64 it is the definition, in registers the kernel.
impl Formula for Lion {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn step<E: Element>(&self, c: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
        let [rate, c_kept, c_new, m_kept, m_new, ..] = c;
        let direction = c_kept.mul_add(moments[0], c_new * g);
        let (zero, one) = (E::of(0.0), E::of(1.0));
        let sign = direction.select(zero, one, zero.select(direction, -one, zero));
        *p = (-rate).mul_add(sign, *p);
        moments[0] = m_kept.mul_add(moments[0], m_new * g).flush();
    }
}

impl Rule for Lion {
    fn name(&self) -> &'static str {
        "lion"
    }

    fn parameters(&self) -> Vec<f64> {
        vec![self.beta1, self.beta2]
    }

    fn with_parameters(&self, parameters: &[f64]) -> Option<Optimizer> {
        let &[beta1, beta2] = parameters else { return None };
        let valid = [beta1, beta2].iter().all(|beta| (0.0..1.0).contains(beta));
        valid.then(|| Optimizer::new(Lion { beta1, beta2 }))
    }

    fn learning_rates(&self) -> LearningRates {
        LearningRates::everywhere(1e-3)
    }

    fn coefficients(&self, at: At<'_>) -> [f64; COEFFICIENTS] {
        let Lion { beta1, beta2 } = self;
        [at.learning_rate, *beta1, 1.0 - beta1, *beta2, 1.0 - beta2, 0.0, 0.0, 0.0]
    }
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let inputs: Vec<f32> = [0., 0., 0., 1., 1., 0., 1., 1.].repeat(16);
    let data = Dataset::from_classes(inputs, &[2], [0, 1, 1, 0].repeat(16))?;
    let pool = Pool::new(Isa::detect(), 1)?;
    let network = Network::builder(2).layer_with(8, Tanh).layer(2).seed(1).build()?;
    let optimizer = Optimizer::new(Lion { beta1: 0.9, beta2: 0.99 });
    let learning_rate = optimizer.learning_rates().other;
    let settings =
        Settings { optimizer, learning_rate, batch_size: 8, epochs: 200, seed: 0, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &data, network, settings)?;
    for _ in 0..100 {
        trainer.epoch()?;
    }

    // A checkpoint names the optimiser and its parameters. The registry finds it by the name.
    let registry = Registry::default().with_optimizer(Optimizer::new(Lion { beta1: 0.5, beta2: 0.5 }));
    let mut bytes = Vec::new();
    trainer.encode_into(&mut bytes)?;
    let mut resumed = Trainer::resume(&pool, &data, Checkpoint::decode_with(&bytes, &registry)?)?;
    println!("optimiser {}", resumed.settings().optimizer);
    resumed.fit(None, &mut ())?;
    trainer.fit(None, &mut ())?;
    assert_eq!(resumed.network().weight_hash(), trainer.network().weight_hash());
    for input in [[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] {
        let outputs = resumed.network().predict_rows(&pool, &input)?;
        println!("{} xor {} = {:.3}", input[0], input[1], outputs[1]);
    }
    Ok(())
}
