use super::*;
use minibatch_kernels::{Isa, Matrix};

/// The mask of an 8 × 40 layer, put together from parts of so many columns.
fn mask(p: &str, number: u64, indices: &[u32], width: usize) -> Matrix {
    let layers = [None, Some(p.parse::<Noise>().expect("noise"))];
    let (noise, at) = Noises::new(Isa::detect(), &layers, 7, number, indices).of_layer(1).expect("noise");
    let mut a = Matrix::from_fn(indices.len(), 40, |_, _| 1.0);
    for first in (0..40).step_by(width) {
        let part = &mut a.view_mut().columns(first..(first + width).min(40));
        noise.forward(at.part(0, first), part);
    }
    a
}

#[test]
fn a_mask_follows_from_step_example_and_unit() {
    let indices = [5, 9, 5, 0, 1, 2, 3, 4];
    let whole = mask("dropout", 3, &indices, 40);
    for width in [1, 3, 4, 16, 17] {
        assert_eq!(mask("dropout", 3, &indices, width), whole, "parts of {width} columns");
    }
    assert_eq!(whole.row(0), whole.row(2), "the same example");
    assert_ne!(whole.row(0), whole.row(1), "another example");
    assert_ne!(mask("dropout", 4, &indices, 40), whole, "another step");
}

#[test]
fn dropout_keeps_the_mean() {
    let indices: Vec<u32> = (0..500).collect();
    for (name, scale, p) in
        [("dropout(0.2)", 1.25, 0.2), ("dropout(0.5)", 2.0, 0.5), ("dropout(0)", 1.0, 0.0)]
    {
        let mask = mask(name, 0, &indices, 40);
        let values = || (0..500).flat_map(|row| mask.row(row));
        assert!(values().all(|&x| x == 0.0 || x == scale), "{name}");
        let dropped = values().filter(|x| **x == 0.0).count() as f64 / 20_000.0;
        // Four standard deviations of 20,000 draws.
        assert!((dropped - p).abs() <= 4.0 * (p * (1.0 - p) / 20_000.0).sqrt(), "{name}: {dropped}");
    }
}

#[test]
fn gaussian_noise_has_its_mean_and_deviation() {
    let indices: Vec<u32> = (0..500).collect();
    let noise = mask("gaussian(0.25)", 0, &indices, 40);
    let values: Vec<f64> = (0..500).flat_map(|row| noise.row(row)).map(|&x| f64::from(x) - 1.0).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| x * x).sum::<f64>() / n;
    // Four standard deviations of 20,000 draws, and of their squares.
    assert!(mean.abs() <= 4.0 * 0.25 / n.sqrt(), "{mean}");
    assert!((variance - 0.0625).abs() <= 4.0 * 0.0625 * (2.0 / n).sqrt(), "{variance}");
    for width in [1, 4, 17] {
        assert_eq!(mask("gaussian(0.25)", 0, &indices, width), noise, "parts of {width} columns");
    }
}
