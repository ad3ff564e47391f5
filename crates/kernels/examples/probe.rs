use minibatch_kernels::*;
use std::time::Instant;
fn best(reps: usize, mut f: impl FnMut()) -> f64 {
    let mut b = f64::MAX;
    for _ in 0..200 {
        let t = Instant::now();
        for _ in 0..reps {
            f();
        }
        b = b.min(t.elapsed().as_secs_f64() / reps as f64);
    }
    b * 1e6
}
struct Sig;
impl Epilogue for Sig {
    fn finish(&self, isa: Isa, part: &mut MatMut<'_>, _: usize, _: usize) {
        sigmoid(isa, part)
    }
}
fn main() {
    let data = std::fs::read("data/mnist/train-images-idx3-ubyte").unwrap();
    let row = |i: usize| &data[16 + i * 784..][..784];
    let threads: usize = std::env::args().nth(1).map_or(1, |a| a.parse().unwrap());
    for isa in Isa::fused() {
        if isa == Isa::PORTABLE {
            continue;
        }
        let pool = Pool::new(isa, threads).unwrap();
        pool.run(|team| {
            let mk = |r, c| Matrix::from_fn(r, c, |i, j| ((i * 7 + j * 13) % 17) as f32 / 17.0 - 0.5);
            let mut x = CompactInputs::new(784, 16);
            let mut w = mk(784, 32);
            let mut a1 = mk(16, 32);
            let d1 = {
                let mut d = mk(16, 32);
                scale(isa, &mut d.view_mut(), 1e-6);
                d
            };
            let bias = vec![0.1; 32];
            let mut w2 = mk(32, 10);
            let mut a2 = mk(16, 10);
            let d2 = {
                let mut d = mk(16, 10);
                scale(isa, &mut d.view_mut(), 1e-6);
                d
            };
            let mut e1 = mk(16, 32);
            let mut bb = vec![0.1; 10];
            let mut active = 0;
            for s in 0..20 {
                x.gather_bytes(isa, 16, |i| row(s * 16 + i));
                active += x.active().len();
            }
            println!("{isa}: active {:.0} (last {})", active as f64 / 20.0, x.active().len());
            println!("  gather         {:.2}", best(20, || x.gather_bytes(isa, 16, |i| row(i + 320))));
            let f = 2.0 * 16.0 * 32.0 * x.active().len() as f64 / 1e3;
            let t =
                best(20, || gemm_compact(team, &x, w.view(), &mut a1.view_mut(), Start::Bias(&bias), &Sig));
            println!("  forward 1      {t:.2} {:.0} GFLOP/s", f / t);
            let t =
                best(20, || gemm_compact(team, &x, w.view(), &mut a1.view_mut(), Start::Bias(&bias), &Store));
            println!("  forward 1 -sig {t:.2} {:.0} GFLOP/s", f / t);
            let t = best(20, || accumulate_compact(team, &x, d1.view(), &mut w.view_mut()));
            println!("  update 1       {t:.2} {:.0} GFLOP/s", f / t);
            println!(
                "  forward 2      {:.2}",
                best(50, || gemm(
                    team,
                    a1.view(),
                    w2.view(),
                    &mut a2.view_mut(),
                    Start::Bias(&bias[..10]),
                    &Sig
                ))
            );
            println!(
                "  forward 2 -sig {:.2}",
                best(50, || gemm(
                    team,
                    a1.view(),
                    w2.view(),
                    &mut a2.view_mut(),
                    Start::Bias(&bias[..10]),
                    &Store
                ))
            );
            println!("  subtract       {:.2}", best(50, || subtract(isa, &mut a2.view_mut(), d2.view())));
            println!(
                "  sigmoid'       {:.2}",
                best(50, || sigmoid_backward(isa, &mut a2.view_mut(), d2.view()))
            );
            println!(
                "  backward 2     {:.2}",
                best(50, || gemm(
                    team,
                    d2.view(),
                    w2.view().transposed(),
                    &mut e1.view_mut(),
                    Start::Zero,
                    &Store
                ))
            );
            println!("  scale          {:.2}", best(50, || scale(isa, &mut a2.view_mut(), 0.99)));
            println!("  colsum         {:.2}", best(50, || add_column_sums(isa, d2.view(), &mut bb)));
            println!(
                "  update 2       {:.2}",
                best(50, || gemm(
                    team,
                    a1.view().transposed(),
                    d2.view(),
                    &mut w2.view_mut(),
                    Start::Scaled(1.0),
                    &Store
                ))
            );
        });
    }
}
