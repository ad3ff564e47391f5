//! Steps of optimisers with state: one pass over parameters, moments and gradient.
//!
//! Each formula is written down once, in f32, and fused where it says fma; division and square root are correctly rounded. So
//! all instruction sets of the fused class give the same bits.

use super::SMALLEST_ERROR;
use crate::matrix::{Mat, MatMut};
use crate::simd::{Isa, Kernel, Vector, prefetch_line};

/// Columns of a panel.
const PANEL: usize = 16;

/// How far ahead a step asks for its operands, in rows of 64 bytes. A step takes longer than fetching them from the third-level
/// cache does, if they have been asked for.
const AHEAD: usize = 24;

/// One step of an optimiser with state, the same for every element: how a parameter p and its moments m and v follow from the gradient g.
///
/// Moments smaller than 2⁻⁹⁶ are replaced by +0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Descent {
    /// m ← fma(μ, m, g); p ← fma(−η, m, p).
    Momentum {
        /// η
        rate: f32,
        /// μ
        momentum: f32,
    },
    /// m ← fma(μ, m, g); p ← fma(−η, fma(μ, m, g), p).
    Nesterov {
        /// η
        rate: f32,
        /// μ
        momentum: f32,
    },
    /// m ← fma(β₁, m, (1 − β₁)·g); v ← fma(β₂, v, ((1 − β₂)·g)·g); p ← fma(−η̂, m/fma(√v, c, ε), decay·p), where η̂ and c
    /// hold the corrections of the moments' bias. A decay of 1 multiplies nothing.
    Adam {
        /// η̂ = η/(1 − β₁ᵗ)
        rate: f32,
        /// c = 1/√(1 − β₂ᵗ)
        correction: f32,
        /// β₁ and 1 − β₁
        first: [f32; 2],
        /// β₂ and 1 − β₂
        second: [f32; 2],
        /// ε
        epsilon: f32,
        /// 1 − ηλ
        decay: f32,
    },
}

impl Descent {
    /// Number of moments of each parameter, 1 or 2.
    pub fn moments(&self) -> usize {
        match self {
            Descent::Momentum { .. } | Descent::Nesterov { .. } => 1,
            Descent::Adam { .. } => 2,
        }
    }

    /// The same step without decay of the parameter.
    pub fn without_decay(self) -> Descent {
        match self {
            Descent::Adam { rate, correction, first, second, epsilon, .. } => {
                Descent::Adam { rate, correction, first, second, epsilon, decay: 1.0 }
            }
            plain => plain,
        }
    }
}

/// P and its moments take the step `descent` against the gradient G, element by element.
///
/// ```
/// use minibatch_kernels::{Descent, Isa, Mat, MatMut, descend};
///
/// let (mut p, mut m, g) = ([1.0, 2.0], [0.5, 0.0], [1.0, -1.0]);
/// let descent = Descent::Momentum { rate: 0.5, momentum: 0.5 };
/// let row = |x| MatMut::row_major(x, 1, 2);
/// descend(Isa::detect(), descent, &mut row(&mut p), &mut [row(&mut m)], Mat::row_major(&g, 1, 2));
/// assert_eq!((p, m), ([0.375, 2.5], [1.25, -1.0]));
/// ```
///
/// # Panics
///
/// If the shapes differ, there are more or fewer moments than the step has, or rows of G aren't contiguous within a panel.
pub fn descend(isa: Isa, descent: Descent, p: &mut MatMut<'_>, moments: &mut [MatMut<'_>], g: Mat<'_>) {
    assert_eq!(moments.len(), descent.moments(), "moments of an optimiser");
    let shape = (g.rows, g.cols);
    assert!(g.has_panel_slices(), "a gradient's rows are contiguous within a panel");
    assert!(
        std::iter::once(&*p).chain(&*moments).all(|x| (x.rows, x.cols) == shape),
        "shapes of a step of {shape:?}"
    );
    let place = |x: &MatMut<'_>| Place { data: x.data, row: x.row_stride, panel: x.col_panel };
    // SAFETY: the views are exclusive, but for the second moment's, which isn't followed where there is none.
    unsafe {
        let [m, v] = [&moments[0], &moments[moments.len() - 1]].map(place);
        let g = Place { data: g.data.cast_mut(), row: g.row_stride, panel: g.col_panel };
        descend_raw(isa, descent, shape, [place(p), m, v], g);
    }
}

/// Where an operand's first element lies, and how far apart its rows and panels are.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) data: *mut f32,
    pub(crate) row: usize,
    pub(crate) panel: usize,
}

impl Place {
    /// The place of element (row, col), which begins a panel or lies with all that is meant inside one.
    #[inline(always)]
    pub(crate) fn at(self, row: usize, col: usize) -> Place {
        let offset = row * self.row + col / PANEL * self.panel + col % PANEL;
        Place { data: self.data.wrapping_add(offset), ..self }
    }
}

/// [`descend`] where the operands are only places: p and its moments, of which those that the step hasn't aren't followed, and g.
///
/// # Safety
///
/// Each place must have `shape` elements, those of p and the moments to write and to nobody else meanwhile.
pub(crate) unsafe fn descend_raw(
    isa: Isa,
    descent: Descent,
    shape: (usize, usize),
    state: [Place; 3],
    g: Place,
) {
    match descent {
        Descent::Momentum { rate, momentum } => {
            isa.run(Pass { rule: Momentum { rate, momentum }, shape, state, g });
        }
        Descent::Nesterov { rate, momentum } => {
            isa.run(Pass { rule: Nesterov { rate, momentum }, shape, state, g });
        }
        Descent::Adam { rate, correction, first, second, epsilon, decay } => {
            let rule = Adam::<false> { rate, correction, first, second, epsilon, decay };
            if decay == 1.0 {
                isa.run(Pass { rule, shape, state, g });
            } else {
                let rule = Adam::<true> { rate, correction, first, second, epsilon, decay };
                isa.run(Pass { rule, shape, state, g });
            }
        }
    }
}

/// A step's formula.
trait Rule: Copy {
    const MOMENTS: usize;

    /// The new p, m and v.
    ///
    /// # Safety
    ///
    /// The CPU must have the instruction set of `V`.
    unsafe fn eval<V: Vector>(self, p: V, m: V, v: V, g: V) -> (V, V, V);
}

#[derive(Clone, Copy)]
struct Momentum {
    rate: f32,
    momentum: f32,
}

impl Rule for Momentum {
    const MOMENTS: usize = 1;

    #[inline(always)]
    unsafe fn eval<V: Vector>(self, p: V, m: V, v: V, g: V) -> (V, V, V) {
        // SAFETY: as the caller's.
        unsafe {
            let m = V::splat(self.momentum).fma(m, g).flush_below(V::splat(SMALLEST_ERROR));
            (V::splat(-self.rate).fma(m, p), m, v)
        }
    }
}

#[derive(Clone, Copy)]
struct Nesterov {
    rate: f32,
    momentum: f32,
}

impl Rule for Nesterov {
    const MOMENTS: usize = 1;

    #[inline(always)]
    unsafe fn eval<V: Vector>(self, p: V, m: V, v: V, g: V) -> (V, V, V) {
        // SAFETY: as the caller's.
        unsafe {
            let momentum = V::splat(self.momentum);
            let m = momentum.fma(m, g).flush_below(V::splat(SMALLEST_ERROR));
            (V::splat(-self.rate).fma(momentum.fma(m, g), p), m, v)
        }
    }
}

#[derive(Clone, Copy)]
struct Adam<const DECAY: bool> {
    rate: f32,
    correction: f32,
    first: [f32; 2],
    second: [f32; 2],
    epsilon: f32,
    decay: f32,
}

impl<const DECAY: bool> Rule for Adam<DECAY> {
    const MOMENTS: usize = 2;

    #[inline(always)]
    unsafe fn eval<V: Vector>(self, p: V, m: V, v: V, g: V) -> (V, V, V) {
        // SAFETY: as the caller's.
        unsafe {
            let smallest = V::splat(SMALLEST_ERROR);
            let m = V::splat(self.first[0]).fma(m, V::splat(self.first[1]).mul(g)).flush_below(smallest);
            let v =
                V::splat(self.second[0]).fma(v, V::splat(self.second[1]).mul(g).mul(g)).flush_below(smallest);
            let scale = v.sqrt().fma(V::splat(self.correction), V::splat(self.epsilon));
            let p = if DECAY { p.mul(V::splat(self.decay)) } else { p };
            (V::splat(-self.rate).fma(m.div(scale), p), m, v)
        }
    }
}

/// One pass of `rule` over all elements, panel by panel.
struct Pass<R> {
    rule: R,
    shape: (usize, usize),
    /// p, m and v
    state: [Place; 3],
    g: Place,
}

impl<R: Rule> Kernel for Pass<R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Pass { rule, shape: (rows, cols), state, g } = self;
        /// A register's step, masked where there is a mask. (A macro, because a closure would not be compiled for this
        /// instruction set.)
        macro_rules! step {
            ($p:expr, $m:expr, $v:expr, $g:expr, $load:ident, $store:ident $(, $mask:expr)?) => {{
                let second = if R::MOMENTS == 2 { V::$load($v $(, $mask)?) } else { V::splat(0.0) };
                let (p, m) = (V::$load($p $(, $mask)?), V::$load($m $(, $mask)?));
                let (p, m, v) = rule.eval(p, m, second, V::$load($g $(, $mask)?));
                p.$store($p $(, $mask)?);
                m.$store($m $(, $mask)?);
                if R::MOMENTS == 2 {
                    v.$store($v $(, $mask)?);
                }
            }};
        }
        for first in (0..cols).step_by(PANEL) {
            let width = PANEL.min(cols - first);
            let whole = width / V::LANES * V::LANES;
            let [p, m, v] = [state[0].at(0, first), state[1].at(0, first), state[2].at(0, first)];
            let g = g.at(0, first);
            // SAFETY: row · stride + j lies in the panel for every row of the shape and every j < width; registers end there
            // or are masked. What is asked for ahead may lie anywhere.
            unsafe {
                let mask = V::mask(width - whole);
                for row in 0..rows {
                    let (p, m, v) = (
                        p.data.wrapping_add(row * p.row),
                        m.data.wrapping_add(row * m.row),
                        v.data.wrapping_add(row * v.row),
                    );
                    let g = g.data.wrapping_add(row * g.row);
                    prefetch_line(p.wrapping_add(AHEAD * PANEL));
                    prefetch_line(m.wrapping_add(AHEAD * PANEL));
                    if R::MOMENTS == 2 {
                        prefetch_line(v.wrapping_add(AHEAD * PANEL));
                    }
                    for j in (0..whole).step_by(V::LANES) {
                        step!(p.add(j), m.add(j), v.wrapping_add(j), g.add(j), load, store);
                    }
                    if whole < width {
                        let j = whole;
                        step!(
                            p.add(j),
                            m.add(j),
                            v.wrapping_add(j),
                            g.add(j),
                            load_masked,
                            store_masked,
                            mask
                        );
                    }
                }
            }
        }
    }
}
