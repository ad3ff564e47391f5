use minibatch_kernels::*;
use std::time::Instant;
fn main() {
    for isa in Isa::fused() {
        if isa == Isa::PORTABLE {
            continue;
        }
        for threads in [1, 2] {
            let pool = Pool::new(isa, threads).unwrap();
            for (m, n, k, mode) in [
                (16, 32, 784, 'n'),
                (784, 32, 16, 't'),
                (16, 10, 32, 'n'),
                (16, 32, 10, 'b'),
                (32, 10, 16, 't'),
                (128, 512, 784, 'n'),
                (784, 512, 128, 't'),
                (1024, 2048, 2048, 'n'),
                (256, 256, 256, 'n'),
                (1024, 1024, 1024, 'n'),
            ] {
                let mk = |r, c| Matrix::from_fn(r, c, |i, j| ((i * 7 + j * 13) % 17) as f32 / 17.0 - 0.5);
                let (a, b) = match mode {
                    'n' => (mk(m, k), mk(k, n)),
                    't' => (mk(k, m), mk(k, n)),
                    _ => (mk(m, k), mk(n, k)),
                };
                let (av, bv) = match mode {
                    'n' => (a.view(), b.view()),
                    't' => (a.view().transposed(), b.view()),
                    _ => (a.view(), b.view().transposed()),
                };
                let mut c = Matrix::zeros(m, n);
                let start = if mode == 't' { Start::Scaled(1.0) } else { Start::Zero };
                let best = pool.run(|team| {
                    let flops = 2.0 * (m * n * k) as f64;
                    let reps = ((2e8 / flops) as usize).max(1);
                    let mut best = f64::MAX;
                    for _ in 0..15 {
                        let t = Instant::now();
                        for _ in 0..reps {
                            gemm(team, av, bv, &mut c.view_mut(), start, &Store);
                        }
                        best = best.min(t.elapsed().as_secs_f64() / reps as f64);
                    }
                    println!(
                        "{isa} x{threads} {mode} ({m},{n},{k}): {:.2} us {:.1} GFLOP/s",
                        best * 1e6,
                        flops / best / 1e9
                    );
                    best
                });
                let _ = best;
                if m * n * k < 50_000_000 && mode != 't' {
                    let want = reference::gemm_chain(av, bv, |_, _| 0.0);
                    assert!(want == c, "wrong");
                }
            }
        }
    }
}
