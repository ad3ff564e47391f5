//! A product to measure: its shape, the layout of its operands, and the operands themselves.

use minibatch_kernels::{Mat, MatMut, Matrix, Panels, Start, Store, Team, gemm};
use serde::Deserialize;
use std::fmt;

/// Values of a cache line.
pub(crate) const LINE: usize = 16;

/// The product's place in a layer. C is m × n, the depth k.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// C ← A·B.
    Forward,
    /// C ← A·Bᵀ, B stored n × k.
    Backward,
    /// C ← C + Aᵀ·B, A stored k × m.
    Update,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Shape {
    pub(crate) direction: Direction,
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { direction, m, n, k } = self;
        let direction = match direction {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
            Direction::Update => "update",
        };
        write!(f, "{direction} {m} × {n} × {k}")
    }
}

impl Shape {
    pub(crate) fn flop(&self) -> f64 {
        2.0 * (self.m * self.n * self.k) as f64
    }

    /// Rows and columns of A, B and C as they are stored.
    fn stored(&self) -> [(usize, usize); 3] {
        let &Shape { m, n, k, .. } = self;
        match self.direction {
            Direction::Forward => [(m, k), (k, n), (m, n)],
            Direction::Backward => [(m, k), (n, k), (m, n)],
            Direction::Update => [(k, m), (k, n), (m, n)],
        }
    }

    /// Values from a row to the next in A, B and C.
    pub(crate) fn strides(&self, strides: Strides) -> [usize; 3] {
        self.stored().map(|(_, cols)| strides.of(cols))
    }
}

/// The distance from a row of a row-major matrix to the next.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Strides {
    /// The least power of two of cache lines that holds a row: rows share few sets of a cache.
    Powers,
    /// The least odd number of cache lines that holds a row: rows spread over all sets.
    Odd,
}

impl Strides {
    /// Values from a row of `cols` values to the next.
    fn of(self, cols: usize) -> usize {
        let lines = cols.div_ceil(LINE);
        LINE * match self {
            Strides::Powers => lines.next_power_of_two(),
            Strides::Odd => lines | 1,
        }
    }
}

/// The storage of the weights: B of a forward or a backward product, C of an update. The other operands are row-major.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Storage {
    /// Row-major.
    Rows,
    /// In panels of 16 columns, as the trainer keeps them.
    Panels,
}

/// A stored matrix.
enum Stored {
    /// Row-major. The matrix is as wide as its rows are apart, and its first `cols` columns are used.
    Rows {
        matrix: Matrix,
        cols: usize,
    },
    Panels(Panels),
}

impl Stored {
    /// A row-major matrix whose rows are `stride` values apart.
    fn rows((rows, cols): (usize, usize), stride: usize) -> Stored {
        let (mut value, mut matrix) = (numbers(), Matrix::zeros(rows, stride));
        (0..rows).for_each(|row| matrix.row_mut(row)[..cols].fill_with(&mut value));
        Stored::Rows { matrix, cols }
    }

    fn panels((rows, cols): (usize, usize)) -> Stored {
        let (mut value, mut panels) = (numbers(), Panels::zeros(rows, cols));
        (0..rows).for_each(|row| panels.row_slices_mut(row).for_each(|slice| slice.fill_with(&mut value)));
        Stored::Panels(panels)
    }

    fn view(&self) -> Mat<'_> {
        match self {
            Stored::Rows { matrix, cols } => matrix.view().part(0..matrix.rows(), 0..*cols),
            Stored::Panels(panels) => panels.view(),
        }
    }

    fn view_mut(&mut self) -> MatMut<'_> {
        match self {
            Stored::Rows { matrix, cols } => matrix.view_mut().columns(0..*cols),
            Stored::Panels(panels) => panels.view_mut(),
        }
    }
}

/// SplitMix64, as numbers in [−1, 1), none of them 0.
fn numbers() -> impl FnMut() -> f32 {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let odd = (z >> 40) | 1;
        odd as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

/// A product with its operands.
pub(crate) struct Product {
    direction: Direction,
    a: Stored,
    b: Stored,
    c: Stored,
}

impl Product {
    /// The product of `shape` with random operands. `strides` are those of A, B and C if they are row-major.
    pub(crate) fn new(shape: Shape, storage: Storage, strides: [usize; 3]) -> Product {
        let [a, b, c] = shape.stored();
        let weights_are_c = shape.direction == Direction::Update;
        let stored = |size, stride, is_weights| {
            if is_weights && storage == Storage::Panels {
                Stored::panels(size)
            } else {
                Stored::rows(size, stride)
            }
        };
        Product {
            direction: shape.direction,
            a: stored(a, strides[0], false),
            b: stored(b, strides[1], !weights_are_c),
            c: stored(c, strides[2], weights_are_c),
        }
    }

    /// Computes the product once. An update's C grows by as much with every call, and stays far from overflow.
    pub(crate) fn compute(&mut self, team: &Team<'_>) {
        let (a, b, start) = match self.direction {
            Direction::Forward => (self.a.view(), self.b.view(), Start::Zero),
            Direction::Backward => (self.a.view(), self.b.view().transposed(), Start::Zero),
            Direction::Update => (self.a.view().transposed(), self.b.view(), Start::Scaled(1.0)),
        };
        gemm(team, a, b, &mut self.c.view_mut(), start, &Store);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minibatch_kernels::{Isa, Pool, reference};

    #[test]
    fn strides_are_powers_of_two_or_odd_numbers_of_lines() {
        let of = |cols| (Strides::Powers.of(cols), Strides::Odd.of(cols));
        assert_eq!(of(1), (16, 16));
        assert_eq!(of(32), (32, 48));
        assert_eq!(of(784), (1024, 784), "49 lines");
        assert_eq!(of(2048), (2048, 2064));
    }

    /// Each direction, stride and storage is the product of its name.
    #[test]
    fn products_are_those_of_a_layer() {
        let pool = Pool::new(Isa::detect(), 1).unwrap();
        for direction in [Direction::Forward, Direction::Backward, Direction::Update] {
            for (strides, storage) in [(Strides::Powers, Storage::Rows), (Strides::Odd, Storage::Panels)] {
                let shape = Shape { direction, m: 20, n: 33, k: 40 };
                let mut product = Product::new(shape, storage, shape.strides(strides));
                let before = product.c.view().to_matrix();
                pool.run(|team| product.compute(team));
                let (a, b) = (product.a.view(), product.b.view());
                let expected = match direction {
                    Direction::Forward => reference::gemm_chain(a, b, |_, _| 0.0),
                    Direction::Backward => reference::gemm_chain(a, b.transposed(), |_, _| 0.0),
                    Direction::Update => reference::gemm_chain(a.transposed(), b, |i, j| before.row(i)[j]),
                };
                assert_eq!((expected.rows(), expected.cols()), (20, 33));
                assert_eq!(product.c.view().to_matrix(), expected, "{shape}");
            }
        }
    }
}
