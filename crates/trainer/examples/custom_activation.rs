//! An activation of one's own, from outside the library: first its formula, then checked, trained, saved and loaded.
//!
//! `cargo run --release -p minibatch --example custom_activation`

use minibatch::activation::{Element, Pointwise};
use minibatch::{
    Activation, Checkpoint, Dataset, Isa, Mat, Network, Pool, Registry, Settings, Trainer, gradcheck,
};

/// Softsign, z/(1 + |z|): an S like tanh's that saturates more slowly.
#[derive(Debug)]
struct Softsign;

/// The formula, in f64 the definition and in registers the kernel.
impl Pointwise for Softsign {
    const NEEDS_Z: bool = false;

    #[inline(always)]
    fn apply<E: Element>(&self, z: E) -> E {
        z / (E::of(1.0) + z.max(-z))
    }

    /// 1/(1 + |z|)² = (1 − |a|)².
    #[inline(always)]
    fn slope<E: Element>(&self, a: E) -> E {
        let rest = E::of(1.0) - a.max(-a);
        rest * rest
    }
}

impl Activation for Softsign {
    minibatch::from_pointwise!();

    fn name(&self) -> &'static str {
        "softsign"
    }
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::new(Isa::detect(), 1)?;
    let inputs = [0.0_f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let targets = [0.0_f32, 1.0, 1.0, 0.0];
    let data = Dataset::from_values(inputs.to_vec(), &[2], targets.to_vec(), 1)?;
    let network = Network::builder(2).layer_with(4, Softsign).layer(1).seed(1).build()?;

    // Does the derivative belong to the value?
    let check =
        gradcheck::check(&pool, &network, Mat::row_major(&inputs, 4, 2), Mat::row_major(&targets, 4, 1))?;
    println!("gradients: {} compared, largest relative error {:.1e}", check.compared, check.largest_error);
    assert!(check.passed(), "{:?}", check.failures);

    let settings =
        Settings { learning_rate: 2.0, batch_size: 4, epochs: 2_000, seed: 1, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &data, network, settings)?;
    trainer.fit(None, &mut ())?;

    // A checkpoint holds the name. The registry has the activation of that name.
    let mut file = Vec::new();
    trainer.encode_into(&mut file)?;
    let error = Checkpoint::decode(&file).err().map(|error| error.to_string());
    println!("without the registry: {}", error.expect("softsign isn't built in"));
    let registry = Registry::default().with_activation(Softsign);
    let network = Checkpoint::decode_with(&file, &registry)?.network;
    for (x, a) in inputs.chunks(2).zip(network.predict_rows(&pool, &inputs)?) {
        println!("{} xor {} = {a:.3}", x[0], x[1]);
    }
    Ok(())
}
