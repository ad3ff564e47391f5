//! No allocation in the steady state: a second, identical product in a session allocates nothing, on any path.
//! matrixmultiply is exempt: it packs into memory of its own on every call.

// A global allocator is unsafe by its nature.
#![allow(unsafe_code)]

mod common;

use common::{Sigmoid, pool, relu_backward, sigmoid_backward};
use minibatch_kernels::{
    Exchange, Isa, Matrix, SparseInputs, Start, Store, Team, add_column_sums, gemm, subtract,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

/// Allocations of all threads.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    work();
    ALLOCATIONS.load(Ordering::SeqCst) - before
}

/// One test in this file: the counter is the whole process's.
#[test]
fn the_steady_state_allocates_nothing() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1, "the counter counts");
    let value = |row: usize, col: usize| (row * 31 + col * 17) as f32 % 13.0 - 6.0;
    // (m, n, k) and whether B is transposed: direct, A and B packed, B packed for its layout, swapped, rows shared out.
    let products = [
        (16, 32, 784, false),
        (200, 300, 300, false),
        (130, 160, 300, true),
        (16, 784, 32, true),
        (784, 10, 64, false),
    ];
    for isa in Isa::fused() {
        for threads in [1, 2, 4] {
            // Threads allocate as they start, which may be late: nothing is counted before all have met in the session.
            let (mut exchange, mut shares) = (Exchange::new(threads, 1, 16 * threads), vec![(); threads]);
            for (m, n, k, turned) in products {
                let a = Matrix::from_fn(m, k, value);
                let b = if turned { Matrix::from_fn(n, k, value) } else { Matrix::from_fn(k, n, value) };
                let b = if turned { b.view().transposed() } else { b.view() };
                let bias = vec![0.5; n];
                let mut c = Matrix::zeros(m, n);
                pool(isa, threads).run(|team| {
                    let mut product = |team: &Team<'_>| {
                        gemm(team, a.view(), b, &mut c.view_mut(), Start::Bias(&bias), &Sigmoid);
                        gemm(team, a.view(), b, &mut c.view_mut(), Start::Scaled(0.5), &Store);
                    };
                    product(team);
                    team.together(&mut exchange, &mut shares, |member, ()| _ = member.largest(0.0));
                    let found = allocations(|| product(team));
                    assert_eq!(
                        found, 0,
                        "{m} × {n} × {k} on {isa} with {threads} threads, B transposed: {turned}"
                    );
                });
            }
        }
    }
    for isa in Isa::available() {
        let mut c = Matrix::from_fn(16, 33, value);
        let b = Matrix::from_fn(16, 33, value);
        let (mut sums, bytes) = ([0.0; 33], [7; 33]);
        let mut x = SparseInputs::new(33, 16);
        // Room for bytes is made when the first come.
        x.gather_bytes(isa, 16, |_| &bytes);
        let found = allocations(|| {
            subtract(isa, &mut c.view_mut(), b.view());
            sigmoid_backward(isa, &mut c.view_mut(), b.view());
            relu_backward(isa, &mut c.view_mut(), b.view());
            add_column_sums(isa, c.view(), &mut sums);
            x.gather_bytes(isa, 16, |_| &bytes);
        });
        assert_eq!(found, 0, "element-wise operations on {isa}");
    }
}
