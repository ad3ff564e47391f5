use super::*;

fn clipped(name: &str, gradient: [f32; 3]) -> [f32; 3] {
    let clip: Clip = name.parse().expect("clipping");
    let mut layer = LayerValues::zeros(1, 2);
    layer.weights.set(0, 0, gradient[0]);
    layer.weights.set(0, 1, gradient[1]);
    let mut layers = [layer];
    // The gradient of a factor of the inputs counts as the others do.
    let mut of_factors = [gradient[2]];
    clip.apply(&mut layers, &mut of_factors);
    let [layer] = layers;
    assert_eq!(layer.biases, [0.0; 2]);
    [layer.weights.get(0, 0), layer.weights.get(0, 1), of_factors[0]]
}

#[test]
fn gradients_by_hand() {
    // √(4 + 4 + 1) = 3
    let gradient = [2.0, -2.0, 1.0];
    assert_eq!(clipped("norm(3.1)", gradient), gradient);
    let factor = (1.5 / (3.0 + 1e-6)) as f32;
    assert_eq!(clipped("norm(1.5)", gradient), gradient.map(|g| g * factor));
    assert_eq!(clipped("value(1.5)", gradient), [1.5, -1.5, 1.0]);
}

#[test]
fn names_are_read_as_they_are_written() {
    for clip in Clip::all() {
        assert_eq!(clip.to_string().parse(), Ok(clip.clone()));
        assert_eq!(clip.name().parse(), Ok(clip));
    }
    for text in ["norm(0)", "norm(1e-50)", "value(inf)", "value(1,2)", "median"] {
        text.parse::<Clip>().expect_err(text);
    }
}
