//! A step against a gradient of all layers that stands by itself.

use super::backprop;
use crate::clip::Clip;
use crate::error::Divergence;
use crate::input_scaling::InputScaling;
use crate::network::{Layer, LayerValues};
use crate::optimizer::{OptimizerState, Step};
use minibatch_kernels::Team;

/// Clips the gradient of `layers`, and takes the step against it if `check` admits it. Where factors of the inputs are learned, `check`
/// gets them with their gradient, and the first layer's weights and gradient are those without the factors.
pub(super) fn descend(
    team: &Team<'_>,
    layers: &mut [Layer],
    state: &mut OptimizerState,
    gradient: &mut [LayerValues],
    clip: Option<&Clip>,
    step: &Step<'_>,
    check: impl FnOnce(&[Layer], &OptimizerState, &[LayerValues], Option<&InputScaling>) -> Result<(), Divergence>,
) -> Result<(), Divergence> {
    // It is taken out of the state while the rest of it is used.
    let mut scaling = state.scaling.take();
    if let Some(scaling) = &mut scaling {
        scaling.begin(team, &mut layers[0], &mut gradient[0]);
    }
    if let Some(clip) = clip {
        let of_factors = scaling.as_mut().map_or(&mut [][..], |scaling| &mut scaling.gradient);
        clip.apply(gradient, of_factors);
    }
    let checked = check(layers, state, gradient, scaling.as_ref());
    if checked.is_ok() {
        for l in (1..=layers.len()).rev() {
            let (layer, of_layer) = (&mut layers[l - 1], step.of_layer(l, state));
            backprop::descend_by(team, layer, &mut state.layers[l - 1], &gradient[l - 1], of_layer);
        }
        if let Some(scaling) = &mut scaling {
            scaling.descend(team, step.of_factors(state).of_biases);
        }
    }
    if let Some(scaling) = &mut scaling {
        scaling.end(team, &mut layers[0]);
    }
    state.scaling = scaling;
    checked
}
