//! Steps of optimisers with state: one pass over parameters, moments and gradient.

use crate::matrix::{Mat, MatMut};
use crate::simd::{Element, Isa, Kernel, Lanes, Vector, prefetch_line};
use crate::team::{Pointer, Team, columns_of, members_of_pass};

/// Columns of a panel.
const PANEL: usize = 16;

/// How far ahead a step asks for its operands, in rows of 64 bytes. A step takes longer than fetching them from the third-level
/// cache does, if they have been asked for.
const AHEAD: usize = 24;

/// Coefficients that a formula has at most.
pub const COEFFICIENTS: usize = 8;

/// Moments of each parameter that a formula has at most.
pub const MOST_MOMENTS: usize = 4;

/// An optimiser's arithmetic: how a parameter p and its moments follow from the gradient g.
///
/// It is written once over [`Element`]. As an f64 it is the definition, in registers the kernel.
pub trait Formula: Send + Sync {
    /// Numbers that are remembered for each parameter, [`MOST_MOMENTS`] at most. They start at 0.
    const MOMENTS: usize;

    /// One step. `coefficients` are the same for all parameters of a step: η, decay rates, what corrects a bias.
    ///
    /// Mark it `#[inline(always)]`: then it is compiled for the instruction set that it runs on. Without that it is right, and
    /// slow. What stays in `moments` goes through [`Element::flush`] first.
    fn step<E: Element>(&self, coefficients: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E);
}

/// Penalties on parameters, which a step takes into account before its formula:
///
/// ```text
/// g ← g + l2·p + l1·sign(p)
/// p ← p·decay
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// λ of a penalty λ·Σ|p| in the cost.
    pub l1: f32,
    /// λ of a penalty λ/2·Σp² in the cost.
    pub l2: f32,
    /// The factor that parameters are multiplied by, apart from the gradient.
    pub decay: f32,
}

impl Penalty {
    /// No penalty.
    pub const NONE: Penalty = Penalty { l1: 0.0, l2: 0.0, decay: 1.0 };

    /// What the formula gets in place of p and g.
    #[inline(always)]
    fn apply<E: Element>([l1, l2, decay]: [E; 3], has_l1: bool, p: &mut E, g: &mut E) {
        *g = l2.mul_add(*p, *g);
        if has_l1 {
            let zero = E::of(0.0);
            *g = *g + p.select(zero, l1, zero.select(*p, -l1, zero));
        }
        *p = *p * decay;
    }
}

/// One step of a formula, with its coefficients.
#[derive(Clone, Copy)]
pub struct Descent<'a> {
    formula: &'a dyn OnPlaces,
    coefficients: [f32; COEFFICIENTS],
    penalty: Penalty,
}

impl<'a> Descent<'a> {
    /// The step of `formula` with these coefficients.
    pub fn new<F: Formula>(formula: &'a F, coefficients: [f32; COEFFICIENTS]) -> Descent<'a> {
        const { assert!(F::MOMENTS <= MOST_MOMENTS, "a formula has up to 4 moments") };
        Descent { formula, coefficients, penalty: Penalty::NONE }
    }

    /// The same step with these penalties.
    #[must_use]
    pub fn with_penalty(self, penalty: Penalty) -> Descent<'a> {
        Descent { penalty, ..self }
    }

    /// The penalties.
    #[must_use]
    pub fn penalty(&self) -> Penalty {
        self.penalty
    }

    /// Number of moments of each parameter.
    #[must_use]
    pub fn moments(&self) -> usize {
        self.formula.moments()
    }

    /// The coefficients.
    #[must_use]
    pub fn coefficients(&self) -> [f32; COEFFICIENTS] {
        self.coefficients
    }
}

impl std::fmt::Debug for Descent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Descent({} moments, {:?})", self.moments(), self.coefficients)
    }
}

/// P and its moments take the step `descent` against the gradient G, element by element. Members own columns.
///
/// ```
/// use minibatch_kernels::{COEFFICIENTS, Descent, Element, Formula, Isa, Mat, MatMut, Pool, descend};
///
/// /// m ← μ·m + g; p ← p − η·m.
/// struct Momentum;
/// impl Formula for Momentum {
///     const MOMENTS: usize = 1;
///     #[inline(always)]
///     fn step<E: Element>(&self, [rate, momentum, ..]: [E; COEFFICIENTS], p: &mut E, moments: &mut [E], g: E) {
///         moments[0] = momentum.mul_add(moments[0], g).flush();
///         *p = (-rate).mul_add(moments[0], *p);
///     }
/// }
///
/// let (mut p, mut m, g) = ([1.0, 2.0], [0.5, 0.0], [1.0, -1.0]);
/// let descent = Descent::new(&Momentum, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
/// let row = |x| MatMut::row_major(x, 1, 2);
/// Pool::new(Isa::detect(), 1)?.run(|team| {
///     descend(team, descent, &mut row(&mut p), &mut [row(&mut m)], Mat::row_major(&g, 1, 2));
/// });
/// assert_eq!((p, m), ([0.375, 2.5], [1.25, -1.0]));
/// # Ok::<(), minibatch_kernels::PoolError>(())
/// ```
///
/// # Panics
///
/// If the shapes differ, there are more or fewer moments than the step has, rows of G aren't contiguous within a panel, or the
/// formula panics.
pub fn descend(
    team: &Team<'_>,
    descent: Descent<'_>,
    p: &mut MatMut<'_>,
    moments: &mut [MatMut<'_>],
    g: Mat<'_>,
) {
    assert_eq!(moments.len(), descent.moments(), "moments of an optimiser");
    let shape = (g.rows, g.cols);
    assert!(g.has_panel_slices(), "a gradient's rows are contiguous within a panel");
    assert!(
        std::iter::once(&*p).chain(&*moments).all(|x| (x.rows, x.cols) == shape),
        "shapes of a step of {shape:?}"
    );
    let place = |x: &MatMut<'_>| (Pointer(x.data), x.row_stride, x.col_panel);
    let mut state = [place(p); 1 + MOST_MOMENTS];
    state[1..].iter_mut().zip(&*moments).for_each(|(to, moment)| *to = place(moment));
    let gradient = (Pointer(g.data.cast_mut()), g.row_stride, g.col_panel);
    let (isa, (rows, cols)) = (team.isa(), shape);
    let members = members_of_pass(team, rows.saturating_mul(cols));
    team.phase(members, move |member, _| {
        let own = columns_of(cols, members, member);
        let at = |(data, row, panel): (Pointer<f32>, usize, usize)| {
            Place { data: data.at(0), row, panel }.at(0, own.start)
        };
        // SAFETY: the views are exclusive, and members own different columns, each from a panel's first on; places past the last
        // moment aren't followed.
        unsafe { descend_raw(isa, descent, (rows, own.len()), &state.map(at), at(gradient)) };
    });
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
    descent: Descent<'_>,
    shape: (usize, usize),
    state: &[Place; 1 + MOST_MOMENTS],
    g: Place,
) {
    // SAFETY: as the caller's.
    unsafe { descent.formula.step_places(isa, descent.coefficients, descent.penalty, shape, state, g) };
}

/// A formula without its type.
trait OnPlaces: Sync {
    fn moments(&self) -> usize;

    /// Takes a step.
    ///
    /// # Safety
    ///
    /// As for [`descend_raw`].
    unsafe fn step_places(
        &self,
        isa: Isa,
        coefficients: [f32; COEFFICIENTS],
        penalty: Penalty,
        shape: (usize, usize),
        state: &[Place; 1 + MOST_MOMENTS],
        g: Place,
    );
}

impl<F: Formula> OnPlaces for F {
    fn moments(&self) -> usize {
        F::MOMENTS
    }

    unsafe fn step_places(
        &self,
        isa: Isa,
        coefficients: [f32; COEFFICIENTS],
        penalty: Penalty,
        shape: (usize, usize),
        state: &[Place; 1 + MOST_MOMENTS],
        g: Place,
    ) {
        let (formula, state) = (self, *state);
        if penalty == Penalty::NONE {
            isa.run(Pass::<_, false> { formula, coefficients, penalty, shape, state, g });
        } else {
            isa.run(Pass::<_, true> { formula, coefficients, penalty, shape, state, g });
        }
    }
}

/// One pass of `formula` over all elements, panel by panel.
///
/// Running it needs what [`descend_raw`] does.
struct Pass<'a, F, const PENALTY: bool> {
    formula: &'a F,
    coefficients: [f32; COEFFICIENTS],
    penalty: Penalty,
    shape: (usize, usize),
    /// p and its moments
    state: [Place; 1 + MOST_MOMENTS],
    g: Place,
}

impl<F: Formula, const PENALTY: bool> Kernel for Pass<'_, F, PENALTY> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Pass { formula, coefficients, penalty, shape: (rows, cols), state, g } = self;
        /// A register's step, masked where there is a mask. (A macro, because a closure would not be compiled for this
        /// instruction set.)
        macro_rules! step {
            ($state:expr, $g:expr, $j:expr, $load:ident, $store:ident $(, $mask:expr)?) => {{
                let mut moments = [Lanes(V::splat(0.0)); MOST_MOMENTS];
                for i in 0..F::MOMENTS {
                    moments[i] = Lanes(V::$load($state[1 + i].wrapping_add($j) $(, $mask)?));
                }
                let mut p = Lanes(V::$load($state[0].add($j) $(, $mask)?));
                let mut g = Lanes(V::$load($g.add($j) $(, $mask)?));
                if PENALTY {
                    let of = |x| Lanes(V::splat(x));
                    let [l1, l2, decay] = [of(penalty.l1), of(penalty.l2), of(penalty.decay)];
                    Penalty::apply([l1, l2, decay], penalty.l1 != 0.0, &mut p, &mut g);
                }
                let mut lanes = [Lanes(V::splat(0.0)); COEFFICIENTS];
                for i in 0..COEFFICIENTS {
                    lanes[i] = Lanes(V::splat(coefficients[i]));
                }
                formula.step(lanes, &mut p, &mut moments[..F::MOMENTS], g);
                p.0.$store($state[0].add($j) $(, $mask)?);
                for i in 0..F::MOMENTS {
                    moments[i].0.$store($state[1 + i].wrapping_add($j) $(, $mask)?);
                }
            }};
        }
        for first in (0..cols).step_by(PANEL) {
            let width = PANEL.min(cols - first);
            let whole = width / V::LANES * V::LANES;
            let state = state.map(|place| place.at(0, first));
            let g = g.at(0, first);
            // SAFETY: row · stride + j lies in the panel for every row of the shape and every j < width; registers end there
            // or are masked. What is asked for ahead may lie anywhere.
            unsafe {
                let mask = V::mask(width - whole);
                for row in 0..rows {
                    let mut places = [state[0].data; 1 + MOST_MOMENTS];
                    for i in 0..1 + F::MOMENTS {
                        places[i] = state[i].data.wrapping_add(row * state[i].row);
                        prefetch_line(places[i].wrapping_add(AHEAD * PANEL));
                    }
                    let g = g.data.wrapping_add(row * g.row);
                    for j in (0..whole).step_by(V::LANES) {
                        step!(places, g, j, load, store);
                    }
                    if whole < width {
                        step!(places, g, whole, load_masked, store_masked, mask);
                    }
                }
            }
        }
    }
}
