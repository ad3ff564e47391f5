//! The help: keys and words.

use super::canvas::Canvas;

const LINES: [(&str, &str); 10] = [
    ("1 2 3 4 Tab", "curves, layers, first weights, η and samples/s"),
    ("s", "save the run now, with --checkpoint FILE"),
    ("q, Ctrl-C", "stop as SIGINT does: saved, exit code 130"),
    ("? Esc", "this help, the curves"),
    ("", ""),
    ("flat", "units × examples with a slope |σ′| < 0.01"),
    ("dead", "units whose output is 0 for every example"),
    ("saturated", "units that are flat for every example"),
    ("‖δ‖", "the size of the error that comes to the layer"),
    ("‖ΔW‖/‖W‖", "how far a step moves the weights"),
];

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    for (y, (word, meaning)) in LINES.into_iter().enumerate() {
        canvas.strong(0, y, word);
        canvas.text(13, y, meaning);
    }
    canvas.faint(0, LINES.len() + 1, "All that the screen takes is held below 1% of the time.");
}
