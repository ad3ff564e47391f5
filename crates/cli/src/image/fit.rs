//! A foreign picture as inputs of a network: as its training set was treated.

use super::{Picture, prepare, window::Window};
use clap::ValueEnum;
use minibatch_data::{InputProfile, Row};

/// How a picture becomes inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prepare {
    /// As it is; it must have the size of the network's images
    None,
    /// Scaled to the size of the network's images
    Resize,
    /// As MNIST's digits were: light on black, scaled to fit, centred by mass
    Mnist,
}

/// The rows and columns of a network's images, or the reason why a picture can't be one.
pub(crate) fn size(profile: Option<&InputProfile>, inputs: usize) -> Result<(usize, usize), String> {
    let shape = profile.map(|profile| &*profile.example_shape);
    match shape {
        Some(&[rows, columns] | &[rows, columns, 1]) => return Ok((rows, columns)),
        Some(&[rows, columns, channels]) => {
            return Err(format!(
                "pictures are grey; the network takes {rows}×{columns} with {channels} channels"
            ));
        }
        _ => {}
    }
    let side = inputs.isqrt();
    match side * side == inputs {
        true => Ok((side, side)),
        false => Err(format!(
            "pictures need a network whose inputs are a square image, as 28×28 = 784; this one has {inputs}"
        )),
    }
}

/// A picture as inputs of a network.
pub(crate) struct Fitted {
    /// (rows × columns), 0 to 1
    pub(crate) inputs: Vec<f32>,
    /// Whether the picture shows two digits, of which this is the larger one.
    pub(crate) has_second: bool,
}

/// The inputs that a picture becomes, in the way that is `asked` for or that the training set calls for. An image of the
/// network's own size and polarity goes in as it is.
pub(crate) fn inputs(
    picture: &Picture<impl Fn(usize) -> f32>,
    asked: Option<Prepare>,
    profile: Option<&InputProfile>,
    (rows, columns): (usize, usize),
) -> Result<Fitted, String> {
    let fits = (picture.height, picture.width) == (rows, columns);
    let way = asked.unwrap_or_else(|| match profile {
        Some(profile) if fits && !profile.is_inverted(&profile_of(picture)) => Prepare::None,
        Some(profile) if !profile.is_like_mnist() => Prepare::Resize,
        _ => Prepare::Mnist,
    });
    match way {
        Prepare::None if !fits => Err(format!(
            "expected {rows}×{columns} pixels, as the network's images have, found {}×{}; --prepare resize scales it",
            picture.height, picture.width
        )),
        Prepare::None => Ok(Fitted { inputs: picture.levels().collect(), has_second: false }),
        Prepare::Resize => Ok(Fitted { inputs: resize(picture, rows, columns), has_second: false }),
        Prepare::Mnist if rows != columns => {
            Err(format!("--prepare mnist is for square images; the network's are {rows}×{columns}"))
        }
        Prepare::Mnist => prepare(picture, rows).map(|it| Fitted { inputs: it.image, has_second: it.has_second }).ok_or_else(|| {
            "expected a digit in one tone on a background of another, found nothing that stands out; crop the picture to the \
             digit on its paper, evenly lit"
                .to_owned()
        }),
    }
}

/// The profile of one picture.
fn profile_of(picture: &Picture<impl Fn(usize) -> f32>) -> InputProfile {
    let levels: Vec<f32> = picture.levels().collect();
    InputProfile::of_rows(1, &[picture.height, picture.width], |_| Row::Floats(&levels))
}

/// The picture scaled to so many rows and columns: reduced by area, enlarged by linear interpolation.
fn resize(picture: &Picture<impl Fn(usize) -> f32>, rows: usize, columns: usize) -> Vec<f32> {
    let across = Window::all(picture.width, picture.width as f32 / columns as f32);
    let down = Window::all(picture.height, picture.height as f32 / rows as f32);
    let narrowed: Vec<Vec<f32>> = (0..picture.height)
        .map(|row| {
            let level = |i: usize| (picture.level)(row * picture.width + i);
            across.iter().map(|window| window.mean(level)).collect()
        })
        .collect();
    down.iter()
        .flat_map(|window| (0..columns).map(|column| window.mean(|row| narrowed[row][column])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resizing_keeps_levels_and_places() {
        // Left half black, right half white.
        let level = |i: usize| f32::from(u8::from(i % 40 >= 20));
        let picture = Picture { width: 40, height: 30, level };
        let small = resize(&picture, 3, 4);
        assert_eq!(small, [0.0, 0.0, 1.0, 1.0].repeat(3));
        let large = resize(&Picture { width: 2, height: 1, level: |i| i as f32 }, 2, 4);
        assert_eq!(large, [0.0, 0.25, 0.75, 1.0].repeat(2));
        let white = resize(&Picture { width: 7, height: 5, level: |_| 1.0 }, 3, 4);
        assert!(white.iter().all(|x| (x - 1.0).abs() < 1e-6), "{white:?}");
    }
}
