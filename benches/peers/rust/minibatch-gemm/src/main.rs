//! Minibatch's matrix products, for the comparison with MKL and oneDNN.
#![forbid(unsafe_code)]

use minibatch_kernels::{Isa, IsaError, Mat, MatMut, Matrix, Panels, Pool, Start, Store, gemm};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Request {
    About,
    Product(Product),
}

/// C ← A·B, or, as an update, C ← C + Aᵀ·B with A stored k × m.
#[derive(Deserialize)]
struct Product {
    m: usize,
    n: usize,
    k: usize,
    update: bool,
    /// The time for which the product is repeated.
    seconds: f64,
    threads: usize,
    /// Whether the weights (B of a forward product, C of an update) stand in panels, as the trainer keeps them.
    panels: bool,
    /// An instruction set other than the fastest.
    isa: Option<String>,
}

/// A matrix row by row, or in panels.
enum Stored {
    Rows(Matrix),
    Panels(Panels),
}

impl Stored {
    fn new(panels: bool, rows: usize, cols: usize, value: impl Fn(usize, usize) -> f32) -> Stored {
        if !panels {
            return Stored::Rows(Matrix::from_fn(rows, cols, value));
        }
        let mut matrix = Panels::zeros(rows, cols);
        for row in 0..rows {
            (0..cols).for_each(|col| matrix.set(row, col, value(row, col)));
        }
        Stored::Panels(matrix)
    }

    fn view(&self) -> Mat<'_> {
        match self {
            Stored::Rows(matrix) => matrix.view(),
            Stored::Panels(matrix) => matrix.view(),
        }
    }

    fn view_mut(&mut self) -> MatMut<'_> {
        match self {
            Stored::Rows(matrix) => matrix.view_mut(),
            Stored::Panels(matrix) => matrix.view_mut(),
        }
    }
}

/// Computes the product again and again. Returns the repetitions, their seconds, and three elements of the first result.
fn repeat(product: &Product) -> Result<Value, String> {
    let &Product { m, n, k, update, seconds, threads, panels, .. } = product;
    let isa = match &product.isa {
        None => Isa::detect(),
        Some(name) => name.parse().map_err(|error: IsaError| error.to_string())?,
    };
    let pool = Pool::new(isa, threads).map_err(|error| error.to_string())?;
    // The operands are small whole numbers, so that every order of summation gives the same product.
    let a = |i: usize, p: usize| ((7 * i + 13 * p) % 11) as f32 - 5.0;
    let b = |p: usize, j: usize| ((5 * p + 3 * j) % 13) as f32 - 6.0;
    let a = if update { Matrix::from_fn(k, m, |p, i| a(i, p)) } else { Matrix::from_fn(m, k, a) };
    let b = Stored::new(panels && !update, k, n, b);
    let mut c = Stored::new(panels && update, m, n, |_, _| 0.0);
    let a = if update { a.view().transposed() } else { a.view() };
    let start = if update { Start::Scaled(1.0) } else { Start::Zero };

    let mut time = |least: f64| {
        pool.run(|team| {
            let (mut calls, mut batch, started) = (0, 1, Instant::now());
            loop {
                for _ in 0..batch {
                    gemm(team, a, b.view(), &mut c.view_mut(), start, &Store);
                }
                calls += batch;
                let elapsed = started.elapsed().as_secs_f64();
                if elapsed >= least {
                    let c = c.view();
                    let corners = [(0, 0), (m / 2, n / 3), (m - 1, n - 1)].map(|(i, j)| c.get(i, j));
                    return (calls, elapsed, corners);
                }
                if elapsed < least / 8.0 {
                    batch *= 2;
                }
            }
        })
    };
    let (_, _, corners) = time(0.0);
    let (calls, elapsed, _) = time(seconds);
    Ok(json!({ "samples": calls, "seconds": elapsed, "corners": corners }))
}

fn answer(line: &str) -> Result<Value, String> {
    match serde_json::from_str(line).map_err(|error| error.to_string())? {
        Request::About => {
            let version = format!("{} ({})", env!("CARGO_PKG_VERSION"), Isa::detect().name());
            Ok(json!({ "name": "minibatch", "version": version, "differs": null }))
        }
        Request::Product(product) => repeat(&product),
    }
}

fn main() {
    if let Err(error) = peer::serve(answer) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
