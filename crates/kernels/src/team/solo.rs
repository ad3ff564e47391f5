//! Work that members do apart: tranches of examples, each from first layer to last on one thread.
//!
//! Inference needs no barrier, because examples don't depend on one another. Each member takes the next tranche that nobody
//! has taken. It computes the tranche with a team of its own, whose only member it is. A member that loses its core holds up
//! its own tranche only.

use super::phase::{Pointer, Shared, Team};
use super::split::members_of_pass;
use crate::matrix::{LINE, MatMut};
use crate::simd::Isa;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A team of one, with buffers of its own, and a state: what a member needs to work apart.
///
/// ```
/// use minibatch_kernels::{Isa, Pool, Solo};
///
/// let pool = Pool::new(Isa::detect(), 2)?;
/// let mut solos: Vec<Solo<usize>> = (0..2).map(|_| Solo::new(0)).collect();
/// pool.run(|team| team.share_out(&mut solos, 10, |_, sum, i| *sum += i));
/// assert_eq!(solos.into_iter().map(Solo::into_state).sum::<usize>(), 45);
/// # Ok::<(), minibatch_kernels::PoolError>(())
/// ```
pub struct Solo<S>(Mutex<(Shared, S)>);

impl<S> Solo<S> {
    /// A team of one with `state`.
    pub fn new(state: S) -> Solo<S> {
        Solo(Mutex::new((Shared::new(1), state)))
    }

    /// Runs `work` on the calling thread, without a pool.
    pub fn run<R>(&mut self, isa: Isa, work: impl FnOnce(&Team<'_>, &mut S) -> R) -> R {
        let (shared, state) = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        work(&Team::new(shared, isa, None), state)
    }

    /// The state.
    pub fn into_state(self) -> S {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).1
    }
}

impl<S> std::fmt::Debug for Solo<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Solo")
    }
}

impl Team<'_> {
    /// Calls `work(team of one, state, i)` once for each tranche i of `0..tranches`, on whichever member comes to it first,
    /// with that member's state. Which member that is must not change a result.
    ///
    /// # Panics
    ///
    /// If there are no solos, or `work` panics.
    pub fn share_out<S: Send>(
        &self,
        solos: &mut [Solo<S>],
        tranches: usize,
        work: impl Fn(&Team<'_>, &mut S, usize) + Sync,
    ) {
        let (next, isa) = (AtomicUsize::new(0), self.isa());
        assert!(!solos.is_empty(), "work for nobody");
        let solos = &*solos;
        // Takes up to `most` tranches that nobody has taken.
        let take = |member: usize, most: usize| {
            let mut solo = solos[member].0.lock().unwrap_or_else(PoisonError::into_inner);
            let (shared, state) = &mut *solo;
            let team = Team::new(shared, isa, None);
            for _ in 0..most {
                let tranche = next.fetch_add(1, Ordering::Relaxed);
                if tranche >= tranches {
                    break;
                }
                work(&team, state, tranche);
            }
        };
        loop {
            let left = tranches.saturating_sub(next.load(Ordering::Relaxed));
            match self.ready().min(solos.len()).min(left) {
                0 => break,
                // Whether the others are ready may have changed by the next tranche.
                1 => self.phase(1, |member, _| take(member, 1)),
                members => self.phase(members, |member, _| take(member, tranches)),
            }
        }
    }

    /// Calls `work(instruction set, i, slice, state)` for each of the slices of `width` values that make up `values`, in whatever
    /// order. Members share them, as many as are `worth` it at most, each with a state of its own. That must not change a result.
    ///
    /// ```
    /// use minibatch_kernels::{Isa, Pool};
    ///
    /// let (mut values, mut counts) = ([0_u8; 6], [0, 0]);
    /// Pool::new(Isa::detect(), 2)?.run(|team| {
    ///     team.share_slices(&mut values, 2, &mut counts, 2, |_, i, slice, count| {
    ///         slice.fill(i as u8);
    ///         *count += 1;
    ///     });
    /// });
    /// assert_eq!((values, counts.iter().sum::<i32>()), ([0, 0, 1, 1, 2, 2], 3));
    /// # Ok::<(), minibatch_kernels::PoolError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If there are no states, `width` doesn't divide the number of values, or `work` panics.
    pub fn share_slices<T: Send, S: Send>(
        &self,
        values: &mut [T],
        width: usize,
        states: &mut [S],
        worth: usize,
        work: impl Fn(Isa, usize, &mut [T], &mut S) + Sync,
    ) {
        assert!(!states.is_empty(), "work for nobody");
        assert!(width > 0 && values.len().is_multiple_of(width), "slices of {width} values");
        let (slices, isa) = (values.len() / width, self.isa());
        let most = worth.min(states.len()).min(slices).max(1);
        let members = if most == 1 { 1 } else { most.min(self.ready()) };
        let (first, states) = (Pointer(values.as_mut_ptr()), Pointer(states.as_mut_ptr()));
        self.phase(members, move |member, _| {
            let at = |member: usize| slices * member / members;
            // SAFETY: there are as many states as members, and a phase runs each member's piece once.
            let state = unsafe { &mut *states.at(member) };
            for i in at(member)..at(member + 1) {
                // SAFETY: the slice lies inside the values, which are borrowed exclusively until the phase is over. Members share
                // no slice.
                let slice = unsafe { std::slice::from_raw_parts_mut(first.at(i * width), width) };
                work(isa, i, slice, state);
            }
        });
    }

    /// Calls `work(instruction set, part, its first row)` for parts of whole rows that make up C: what is done row by row, or
    /// element by element, after a product. Each member has a part where C is large enough; that must not change a
    /// result.
    ///
    /// # Panics
    ///
    /// If C stands in panels, or `work` panics.
    pub fn share_rows(&self, c: &mut MatMut<'_>, work: impl Fn(Isa, &mut MatMut<'_>, usize) + Sync) {
        assert!(c.as_mat().has_row_slices(), "rows to share are contiguous");
        let (rows, cols, stride, isa) = (c.rows, c.cols, c.row_stride, self.isa());
        if rows == 0 || cols == 0 {
            return;
        }
        let members = members_of_pass(self, rows * cols).min(rows);
        let first = Pointer(c.data);
        self.phase(members, move |member, _| {
            let at = |member: usize| rows * member / members;
            let (start, end) = (at(member), at(member + 1));
            // SAFETY: the member's rows lie inside C, which is borrowed exclusively until the phase is over. Members share no
            // row, and a phase runs each member's piece once.
            let mut part =
                unsafe { MatMut::from_raw(first.at(start * stride), end - start, cols, stride, LINE) };
            work(isa, &mut part, start);
        });
    }
}
