//! One neuron, one example, one step, drawn as a computation graph: docs/backprop.md works it out by hand.
//!
//! `cargo run --release -p minibatch --example worked_neuron`

use minibatch::{Dataset, Isa, Mat, Network, Pool, Settings, Trainer};

/// The example's input and target.
const X: [f32; 2] = [-1.0, -2.0];
const Y: [f32; 1] = [1.0];

/// The graph, with a slot for each number: an edge's value above it, the gradient of the cost by that value below.
const GRAPH: &str = "
      [w1    ]
  w₁ ──────────╮
      [dw1   ] │  ┌───┐ [p1    ]
               ├──┤ × ├──────────╮
      [x1    ] │  └───┘ [dp1   ] │
  x₁ ──────────╯                 │
      [dx1   ]                   │
                                 │
      [w2    ]                   │
  w₂ ──────────╮                 │
      [dw2   ] │  ┌───┐ [p2    ] │  ┌───┐ [z     ] ┌───┐ [a     ] ┌───────────┐ [C     ]
               ├──┤ × ├──────────┼──┤ + ├──────────┤ σ ├──────────┤ ½(y − a)² ├──────────▶ C
      [x2    ] │  └───┘ [dp2   ] │  └───┘ [dz    ] └───┘ [da    ] └─────┬─────┘ [dC    ]
  x₂ ──────────╯                 │                                      │
      [dx2   ]                   │                             [y     ] │
                                 │                          y ──────────╯
      [b     ]                   │                             [dy    ]
  b  ────────────────────────────╯
      [db    ]
";

/// The graph with its slots filled by (name, number).
fn draw(numbers: &[(&str, f32)]) -> String {
    let fill = |graph: String, (name, number): &(&str, f32)| {
        graph.replace(&format!("[{name:6}]"), &format!("{number:8.4}"))
    };
    numbers.iter().fold(GRAPH.to_owned(), fill)
}

/// The graph of `network` at the example, forward and back, as text. With it comes a, to compare.
fn graph(network: &Network, pool: &Pool) -> Result<(String, f32), Box<dyn std::error::Error>> {
    let (x, y) = (Mat::row_major(&X, 1, 2), Mat::row_major(&Y, 1, 1));
    let gradients = network.gradients(pool, x, y)?;
    let (layer, back) = (&network.layers()[0], &gradients.layers[0]);
    let [w1, w2] = [0, 1].map(|k| layer.weight(0, k));
    let (b, a) = (layer.biases()[0], back.activations().get(0, 0));
    // BP1's two factors: how the cost changes with a, and that times σ′(z), the error δ = ∂C/∂z.
    let da = network.cost().derivative(a.into(), Y[0].into()) as f32;
    let delta = back.error().get(0, 0);
    let text = draw(&[
        ("w1", w1),
        ("dw1", back.weight(0, 0)),
        ("x1", X[0]),
        ("dx1", delta * w1),
        ("p1", w1 * X[0]),
        ("w2", w2),
        ("dw2", back.weight(0, 1)),
        ("x2", X[1]),
        ("dx2", delta * w2),
        ("p2", w2 * X[1]),
        ("b", b),
        ("db", back.biases()[0]),
        ("z", w1 * X[0] + w2 * X[1] + b),
        // A sum passes its gradient on to each of its terms.
        ("dp1", delta),
        ("dp2", delta),
        ("dz", delta),
        ("a", a),
        ("da", da),
        ("y", Y[0]),
        ("dy", -da),
        ("C", gradients.cost as f32),
        ("dC", 1.0),
    ]);
    Ok((text, a))
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::new(Isa::detect(), 1)?;
    let mut network = Network::builder(2).layer(1).build()?;
    let neuron = &mut network.layers_mut()[0];
    neuron.set_weights(Mat::row_major(&[2.0, -3.0], 1, 2))?;
    neuron.biases_mut()[0] = -3.0;

    println!(
        "One neuron, one example. On each edge: the value, and below it the gradient of C by that value."
    );
    let (before, a) = graph(&network, &pool)?;
    println!("{before}");
    println!("Values run from left to right, gradients back from the 1 at the right, gate by gate:");
    println!("  ½(y − a)²  passes on a − y");
    let slope = network.layers()[0].activation().derivative(1.0);
    println!("  σ          multiplies by its slope, σ′(1) = {slope:.4}");
    println!("  +          hands its gradient to every term as it is");
    println!("  ×          hands each factor its gradient times the other factor");
    println!();

    let data = Dataset::from_values(X.to_vec(), &[2], Y.to_vec(), 1)?;
    let settings = Settings { learning_rate: 1.0, batch_size: 1, ..Settings::default() };
    let mut trainer = Trainer::new(&pool, &data, network, settings)?;
    trainer.advance(1)?;
    println!(
        "One step of gradient descent, η = 1, takes each gradient off its parameter. The same example again:"
    );
    let (after, better) = graph(trainer.network(), &pool)?;
    println!("{after}");
    println!("The output went from {a:.4} to {better:.4}; the target is {}.", Y[0]);
    Ok(())
}
