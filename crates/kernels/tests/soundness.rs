//! What a program without `unsafe` may try: panics at every place where its own code runs, sizes that wrap, views of every
//! layout. Each may panic; none may hang, read or write what isn't its own, or compute a wrong number.
//!
//! `cargo xtask asan` runs these under AddressSanitizer, which sees what a plain run doesn't.

mod common;

use common::{assert_same_bits, relu_backward, within_20_seconds};
use minibatch_kernels::{
    Epilogue, Examples, Exchange, Isa, Mat, MatMut, Matrix, Panels, Pool, SparseInputs, SparseRow, Start,
    Store, Team, TeamInputs, accumulate_gathered, add_column_sums, gather_gemm, gemm, max_magnitude,
    reference, softmax_backward, sparse_gemm, subtract,
};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

/// Whether `run` panics, quietly or not.
fn panics(run: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

/// A payload of a panic that panics once more when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            resume_unwind(Box::new("the payload's own panic"));
        }
    }
}

/// Every piece panics with a [`Bomb`]; the driver's at once, the others' after they have written for a while.
struct Bombs;

impl Epilogue for Bombs {
    fn finish(&self, _: Isa, part: &mut MatMut<'_>, _: usize, col: usize) {
        if col > 0 {
            for round in 0..2_000 {
                for row in 0..part.rows() {
                    part.row_mut(row).fill(round as f32);
                }
            }
        }
        resume_unwind(Box::new(Bomb));
    }
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_ends_nothing_early() {
    within_20_seconds(|| {
        for threads in [2, 4] {
            let pool = Pool::oversubscribed(Isa::detect(), threads).expect("a pool");
            let (a, b) = (Matrix::zeros(64, 300), Matrix::zeros(300, 64 * threads));
            for _ in 0..50 {
                let mut c = Matrix::zeros(64, 64 * threads);
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    pool.run(|team| {
                        gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Zero, &Bombs);
                    });
                }));
                // One payload arrives. It is the caller's; the others were nobody's to drop.
                assert!(caught.as_ref().is_err_and(|payload| payload.is::<Bomb>()));
                std::mem::forget(caught);
                drop(c);
            }
            pool.run(|team| {
                let mut c = Matrix::zeros(64, 64 * threads);
                gemm(team, a.view(), b.view(), &mut c.view_mut(), Start::Zero, &Store);
            });
        }
    });
}

/// Weights of which each is its input's number.
fn weights(inputs: usize, outputs: usize) -> Panels {
    let mut w = Panels::zeros(inputs, outputs);
    (0..inputs).for_each(|k| (0..outputs).for_each(|j| w.set(k, j, k as f32)));
    w
}

#[test]
fn a_row_that_was_refused_changes_nothing() {
    let isa = Isa::detect();
    let mut x = SparseRow::new(3);
    x.take_bytes(isa, &[0, 51, 255]);
    assert!(panics(|| x.take_bytes(isa, &[255; 2])), "too few bytes");
    assert!(panics(|| x.take_floats(isa, &[1.0; 4])), "too many numbers");
    // Neither is it one without inputs now.
    assert!(panics(|| x.multiply(isa, &Panels::zeros(0, 2), &[0.0; 2], &mut [0.0; 2])));
    let mut c = [0.0; 2];
    x.multiply(isa, &weights(3, 2), &[0.5, 0.0], &mut c);
    assert_eq!(c, [2.7, 2.2]);
}

#[test]
fn a_row_is_multiplied_by_the_arithmetic_that_took_it() {
    let mut x = SparseRow::new(3);
    // At first all inputs are 0, for either.
    for isa in Isa::available() {
        let mut c = [1.0; 2];
        x.multiply(isa, &weights(3, 2), &[0.5; 2], &mut c);
        assert_eq!(c, [0.5; 2]);
    }
    x.take_floats(Isa::MATRIXMULTIPLY, &[1.0; 3]);
    assert!(panics(|| x.multiply(Isa::PORTABLE, &weights(3, 2), &[0.0; 2], &mut [0.0; 2])));
    x.take_floats(Isa::PORTABLE, &[1.0; 3]);
    assert!(panics(|| x.multiply(Isa::MATRIXMULTIPLY, &weights(3, 2), &[0.0; 2], &mut [0.0; 2])));
}

#[test]
fn inputs_whose_gather_was_interrupted_are_no_inputs() {
    let isa = Isa::detect();
    let rows: Vec<Vec<u8>> = (0..200).map(|i| vec![i as u8; 20]).collect();
    let w = weights(20, 40);
    let mut x = SparseInputs::new(20, 200);
    x.gather_bytes(isa, 100, |i| &rows[i]);
    // In the second bundle of examples.
    let interrupted = panics(|| {
        x.gather_bytes(isa, 200, |i| if i == 70 { resume_unwind(Box::new(())) } else { &rows[i] });
    });
    assert!(interrupted);
    for examples in [100, 200] {
        let mut c = Matrix::from_fn(examples, 40, |_, _| f32::NAN);
        let product = panics(|| sparse_gemm(isa, &x, &w, &[0.0; 40], &mut c.view_mut(), &Store));
        assert!(product, "a product of {examples} examples of which some were never taken in");
    }
}

/// The minibatch of `team` after an interruption: whoever goes on with it is refused.
fn interrupted_gather(team: &Team<'_>, outputs: usize, to_accumulate: bool) {
    let isa = team.isa();
    let make = if to_accumulate { TeamInputs::to_accumulate } else { TeamInputs::new };
    let mut x = make(isa, 20, outputs, 64, team.members());
    let rows: Vec<Vec<u8>> = (0..64).map(|i| vec![i as u8; 20]).collect();
    let mut w = weights(20, outputs);
    let forward = |x: &mut TeamInputs, examples: usize, stop: usize, epilogue: &dyn Epilogue| {
        let row = |i: usize| if i == stop { resume_unwind(Box::new(())) } else { &rows[i][..] };
        let mut c = Matrix::zeros(examples, outputs);
        let (examples, bias) = (Examples::Bytes(&row), vec![0.0; outputs]);
        gather_gemm(team, x, examples, &w, &mut c.view_mut(), Start::Bias(&bias), epilogue);
    };
    struct Refuse;
    impl Epilogue for Refuse {
        fn finish(&self, _: Isa, _: &mut MatMut<'_>, _: usize, _: usize) {
            resume_unwind(Box::new(()));
        }
    }
    for (examples, stop, epilogue) in
        [(64, 40, &Store as &dyn Epilogue), (8, 3, &Store), (8, 64, &Refuse), (65, 64, &Store)]
    {
        forward(&mut x, 64, 64, &Store);
        assert!(panics(|| forward(&mut x, examples, stop, epilogue)));
        let errors = Matrix::zeros(examples, outputs);
        let update = panics(|| accumulate_gathered(team, &x, errors.view(), 1.0, &mut w.clone()));
        assert!(update, "an update by {examples} examples of which some were never taken in");
    }
    forward(&mut x, 64, 64, &Store);
    accumulate_gathered(team, &x, Matrix::zeros(64, outputs).view(), 1.0, &mut w);
}

#[test]
fn a_minibatch_whose_gather_was_interrupted_updates_nothing() {
    within_20_seconds(|| {
        for isa in Isa::available() {
            for threads in [1, 2] {
                Pool::oversubscribed(isa, threads).expect("a pool").run(|team| {
                    for outputs in [5, 40, 512] {
                        [false, true].into_iter().for_each(|way| interrupted_gather(team, outputs, way));
                    }
                });
            }
        }
    });
}

#[test]
fn sizes_that_wrap_are_refused() {
    // A view that reads one number again and again could be as long as one likes.
    const HUGE: usize = 1 << (usize::BITS - 2);
    let one = [1.0];
    for isa in Isa::available() {
        Pool::new(isa, 1).expect("a pool").run(|team| {
            for cols in [1, 16, 17] {
                for transposed in [false, true] {
                    let product = || {
                        let a = Mat::strided(&one, 16, HUGE, 0, 0);
                        let b = if transposed {
                            Mat::strided(&one, cols, HUGE, 0, 0).transposed()
                        } else {
                            Mat::strided(&one, HUGE, cols, 0, 0)
                        };
                        gemm(team, a, b, &mut Matrix::zeros(16, cols).view_mut(), Start::Zero, &Store);
                    };
                    assert!(panics(product), "{isa}, {cols} columns");
                }
            }
        });
    }
    assert!(panics(|| drop(Matrix::zeros(2, usize::MAX))));
    assert!(panics(|| drop(Matrix::zeros(0, usize::MAX))));
    assert!(panics(|| drop(Panels::zeros(usize::MAX, 17))));
    assert!(panics(|| drop(Exchange::new(2, HUGE, 512))));
    // Nobody follows the stride of a single row.
    let view = Mat::strided(&one, 1, 1, usize::MAX, usize::MAX);
    assert_eq!((view.row(0), view.transposed().row(0)), (&one[..], &one[..]));
    let mut nothing = MatMut::strided(&mut [], usize::MAX, 0, usize::MAX);
    assert!(nothing.row_mut(usize::MAX - 1).is_empty());
}

#[test]
fn kernels_read_a_view_as_it_lies() {
    // Row 1 of panels, as a column: its elements are neighbours up to the sixteenth, and then in another panel.
    let mut panels = Panels::zeros(3, 40);
    (0..3).for_each(|i| (0..40).for_each(|j| panels.set(i, j, (i * 100 + j) as f32)));
    let isa = Isa::detect();
    for rows in [0..1, 1..2, 0..3] {
        let view = panels.view().part(rows, 0..40).transposed();
        let copy = view.to_matrix();
        let copy = copy.view();
        let (m, n) = (view.rows(), view.cols());
        let ones = || Matrix::from_fn(m, n, |_, _| 1.0);
        // As on a plain copy, or refused.
        let compare = |what: &str, run: &dyn Fn(Mat<'_>) -> Matrix| {
            if let Ok(found) = catch_unwind(AssertUnwindSafe(|| run(view))) {
                assert_same_bits(found.view(), run(copy).view(), what);
            }
        };
        let changed = |run: &dyn Fn(&mut MatMut<'_>)| {
            let mut c = ones();
            run(&mut c.view_mut());
            c
        };
        compare("subtract", &|b| changed(&|c| subtract(isa, c, b)));
        compare("relu_backward", &|b| changed(&|c| relu_backward(isa, c, b)));
        compare("softmax_backward", &|b| changed(&|c| softmax_backward(isa, c, b)));
        compare("copy_from", &|b| changed(&|c| c.copy_from(b)));
        compare("max_magnitude", &|a| Matrix::from_fn(1, 1, |_, _| max_magnitude(isa, a)));
        compare("add_column_sums", &|a| {
            let mut sums = Matrix::zeros(1, n);
            add_column_sums(isa, a, sums.row_mut(0));
            sums
        });
        compare("row", &|a| Matrix::from_fn(m, n, |i, j| a.row(i)[j]));
        let right = Matrix::from_fn(n, 20, |k, j| (k + j) as f32);
        let left = Matrix::from_fn(5, m, |i, k| (i + k) as f32);
        let pool = Pool::new(isa, 1).expect("a pool");
        let product = |a: Mat<'_>, b: Mat<'_>| {
            let mut c = Matrix::zeros(a.rows(), b.cols());
            pool.run(|team| gemm(team, a, b, &mut c.view_mut(), Start::Zero, &Store));
            c
        };
        compare("gemm's left", &|a| product(a, right.view()));
        compare("gemm's right", &|b| product(left.view(), b));
        assert_same_bits(
            product(left.view(), copy).view(),
            reference::gemm_chain(left.view(), view, |_, _| 0.0).view(),
            "the oracle",
        );
    }
}

#[test]
fn members_whose_sends_panic_wait_for_nobody() {
    within_20_seconds(|| {
        let pool = Pool::oversubscribed(Isa::detect(), 2).expect("a pool");
        for both in [true, false] {
            // Both go on after the panic, as if nothing had happened.
            let outcome = panics(|| {
                pool.run(|team| {
                    team.together(&mut Exchange::new(2, 1, 32), &mut [(), ()], |member, ()| {
                        let mut fits = Matrix::zeros(1, 32);
                        let too_large = Matrix::zeros(2, 32);
                        if both || member.index() == 0 {
                            assert!(panics(|| member.send(&too_large, 2)));
                        } else {
                            member.send(&fits, 1);
                        }
                        member.receive(&mut fits, 1);
                    });
                });
            });
            assert!(outcome, "nobody can receive what wasn't sent");
        }
        // A send that was refused is not one: the next is.
        pool.run(|team| {
            team.together(&mut Exchange::new(2, 1, 32), &mut [(), ()], |member, ()| {
                let too_large = Matrix::zeros(2, 32);
                assert!(panics(|| member.send(&too_large, 2)));
                let mut row = Matrix::zeros(1, 32);
                row.row_mut(0)[member.columns(32)].fill(member.index() as f32 + 1.0);
                member.send(&row, 1);
                member.receive(&mut row, 1);
                assert_eq!((row.row(0)[0], row.row(0)[31]), (1.0, 2.0));
            });
        });
    });
}

#[test]
fn a_panic_may_carry_anything() {
    within_20_seconds(|| {
        let pool = Pool::oversubscribed(Isa::detect(), 2).expect("a pool");
        let caught = catch_unwind(AssertUnwindSafe(|| pool.run(|_| panic_any(7_u8))));
        assert!(caught.is_err_and(|payload| payload.is::<u8>()));
    });
}
