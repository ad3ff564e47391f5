//! The measured cells: products of the networks C1 to C4, squares, and the ways in which each is stored and computed.

use std::fmt;

use serde::Serialize;
use xtask_tools::networks::{C1, C2, C3, C4};

/// The product's place in a layer. C is m × n, the depth k.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    /// C ← A·B.
    Forward,
    /// C ← A·Bᵀ, B stored n × k.
    Backward,
    /// C ← C + Aᵀ·B, A stored k × m.
    Update,
}

impl Direction {
    const ALL: [Direction; 3] = [Direction::Forward, Direction::Backward, Direction::Update];

    pub(super) fn name(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
            Direction::Update => "update",
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Product {
    pub(super) direction: Direction,
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Product { direction, m, n, k } = self;
        write!(f, "{} {m} × {n} × {k}", direction.name())
    }
}

impl Product {
    /// Rows and columns of A, B and C as they are stored.
    fn columns(&self) -> [usize; 3] {
        let &Product { m, n, k, .. } = self;
        match self.direction {
            Direction::Forward => [k, n, n],
            Direction::Backward => [k, k, n],
            Direction::Update => [m, n, n],
        }
    }
}

/// The distance between rows of row-major matrices: the least power of two of cache lines, or the least odd number of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Strides {
    Powers,
    Odd,
}

impl Strides {
    pub(super) const ALL: [Strides; 2] = [Strides::Powers, Strides::Odd];

    pub(super) fn name(self) -> &'static str {
        match self {
            Strides::Powers => "powers",
            Strides::Odd => "odd",
        }
    }

    /// Values from a row of A, B and C to the next, as `minibatch-floor` has them.
    pub(super) fn of(self, product: &Product) -> [usize; 3] {
        product.columns().map(|columns| {
            let lines = columns.div_ceil(16);
            16 * if self == Strides::Powers { lines.next_power_of_two() } else { lines | 1 }
        })
    }
}

/// The storage of the weights.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Storage {
    Rows,
    Panels,
}

impl Storage {
    pub(super) const ALL: [Storage; 2] = [Storage::Rows, Storage::Panels];

    pub(super) fn name(self) -> &'static str {
        match self {
            Storage::Rows => "rows",
            Storage::Panels => "panels",
        }
    }
}

/// A product in one way.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Cell {
    #[serde(flatten)]
    pub(super) product: Product,
    pub(super) strides: Strides,
    pub(super) storage: Storage,
    pub(super) isa: String,
    pub(super) threads: usize,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { product, strides, storage, isa, threads } = self;
        let plural = if *threads == 1 { "" } else { "s" };
        let (strides, storage) = (strides.name(), storage.name());
        write!(f, "{product}, {strides}, {storage}, {isa}, {threads} thread{plural}")
    }
}

/// The most multiply-adds of a product that is measured with scalar code, which is slow.
const MOST_PORTABLE: usize = 256 * 256 * 256;

/// Every product of C1 to C4, each once, in the order of the networks, and squares.
pub(super) fn products() -> Vec<Product> {
    let mut all: Vec<Product> = Vec::new();
    let mut add = |direction, m, n, k| {
        let product = Product { direction, m, n, k };
        if !all.contains(&product) {
            all.push(product);
        }
    };
    for network in [C1, C2, C3, C4] {
        for (layer, pair) in network.sizes.windows(2).enumerate() {
            let (inputs, outputs, batch) = (pair[0], pair[1], network.batch);
            add(Direction::Forward, batch, outputs, inputs);
            if layer > 0 {
                add(Direction::Backward, batch, inputs, outputs);
            }
            add(Direction::Update, inputs, outputs, batch);
        }
    }
    for size in [64, 128, 256, 512, 1024, 2048] {
        for direction in Direction::ALL {
            add(direction, size, size, size);
        }
    }
    all
}

/// All ways of a product with these instruction sets and numbers of threads.
pub(super) fn cells(product: Product, isas: &[String], threads: &[usize]) -> Vec<Cell> {
    let mut all = Vec::new();
    for &threads in threads {
        for isa in isas {
            if isa == "portable" && product.m * product.n * product.k > MOST_PORTABLE {
                continue;
            }
            for strides in Strides::ALL {
                for storage in Storage::ALL {
                    all.push(Cell { product, strides, storage, isa: isa.clone(), threads });
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_product_of_the_networks_is_there_once() {
        let products = products();
        assert_eq!(products.len(), 5 + 5 + 8 + 8 + 3 * 6);
        let names: Vec<String> = products.iter().map(Product::to_string).collect();
        for name in [
            "forward 16 × 32 × 784",
            "update 784 × 32 × 16",
            "backward 10 × 100 × 10",
            "backward 128 × 512 × 512",
            "update 2048 × 2048 × 1024",
            "backward 1024 × 2048 × 10",
            "update 64 × 64 × 64",
            "forward 2048 × 2048 × 2048",
        ] {
            assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
        }
        assert!(!names.contains(&"backward 16 × 784 × 32".to_owned()), "the first layer has none");
    }

    #[test]
    fn ways_of_a_product() {
        let isas = ["avx2".to_owned(), "portable".to_owned()];
        let of = |m, n, k| cells(Product { direction: Direction::Forward, m, n, k }, &isas, &[1, 2]).len();
        assert_eq!(of(256, 256, 256), 2 * 2 * 2 * 2);
        assert_eq!(of(256, 256, 257), 2 * 2 * 2, "without portable");
        let cell = &cells(Product { direction: Direction::Update, m: 784, n: 32, k: 16 }, &isas, &[2])[3];
        assert_eq!(cell.to_string(), "update 784 × 32 × 16, odd, panels, avx2, 2 threads");
        assert_eq!(cell.strides.of(&cell.product), [784, 48, 48]);
        assert_eq!(Strides::Powers.of(&cell.product), [1024, 32, 32]);
    }
}
