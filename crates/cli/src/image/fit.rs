//! A foreign picture as inputs of a network: as its training set was treated.

use super::file::{Levels, scaled};
use super::ruled::unruled;
use super::specks::despecked;
use super::{Picture, prepare};
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
/// network's own size and polarity goes in as it is, but without the ruled lines, the frame and the specks that no digit has.
pub(crate) fn inputs(
    picture: &dyn Levels,
    asked: Option<Prepare>,
    profile: Option<&InputProfile>,
    (rows, columns): (usize, usize),
) -> Result<Fitted, String> {
    let (width, height) = picture.size();
    let picture = &Picture { width, height, level: |i| picture.level(i) };
    let fits = (height, width) == (rows, columns);
    let is_digit = match asked {
        Some(asked) => asked == Prepare::Mnist,
        None => profile.is_none_or(InputProfile::is_like_mnist),
    };
    let clean = if fits && is_digit { cleaned(picture) } else { None };
    let level = |i: usize| clean.as_ref().map_or_else(|| (picture.level)(i), |clean| clean[i]);
    let picture = &Picture { width, height, level };
    let way = asked.unwrap_or_else(|| match profile {
        Some(profile) if fits && !profile.is_inverted(&profile_of(picture)) => Prepare::None,
        Some(profile) if !profile.is_like_mnist() => Prepare::Resize,
        _ => Prepare::Mnist,
    });
    match way {
        Prepare::None if !fits => Err(format!(
            "expected {rows}×{columns} pixels, as the network's images have, found {height}×{width}; --prepare resize \
             scales it"
        )),
        Prepare::None => Ok(Fitted { inputs: picture.levels().collect(), has_second: false }),
        Prepare::Resize => Ok(Fitted { inputs: scaled(&picture.level, [height, width], [rows, columns]), has_second: false }),
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

/// The levels of a small picture without its ruled lines, frame and specks. `None` if it has none of them.
fn cleaned(picture: &Picture<impl Fn(usize) -> f32>) -> Option<Vec<f32>> {
    let (width, height) = (picture.width, picture.height);
    let levels: Vec<f32> = picture.levels().collect();
    let unruled = unruled(&levels, width, height);
    despecked(unruled.as_ref().unwrap_or(&levels), width, height).or(unruled)
}

/// The profile of one picture.
fn profile_of(picture: &Picture<impl Fn(usize) -> f32>) -> InputProfile {
    let levels: Vec<f32> = picture.levels().collect();
    InputProfile::of_rows(1, &[picture.height, picture.width], |_| Row::Floats(&levels))
}
