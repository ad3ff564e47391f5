//! A frame of the dashboard: the state of the run above, a picture, the keys below.

use super::canvas::Canvas;
use super::keys::Picture;
use super::shown::Shown;
use super::{curves, help, layers, rates, weights};
use crate::draw::Chart;
use crate::progress::time_left;
use crate::text::{duration, figure, grouped, percent, samples_per_second, short_rate};
use minibatch::Evaluation;
use ratatui::buffer::Buffer;

/// The least screen, in columns and lines.
pub(super) const LEAST: (usize, usize) = (60, 16);

/// Lines above the picture.
const HEAD: usize = 3;

/// Draws a frame.
pub(super) fn draw(buffer: &mut Buffer, shown: &Shown<'_>) {
    let mut canvas = Canvas::new(buffer, shown.colors);
    let (width, height) = (canvas.width(), canvas.height());
    if width < LEAST.0 || height < LEAST.1 {
        let (columns, lines) = LEAST;
        canvas.text(0, 0, &format!("{width}×{height} is too small:"));
        canvas.text(0, 1, &format!("the dashboard takes {columns}×{lines}."));
        canvas.text(0, 2, "The run goes on. q stops it.");
        return;
    }
    head(&mut canvas.part(1, 0, width - 2, HEAD), shown);
    let mut body = canvas.part(1, HEAD, width - 2, height - HEAD - 1);
    match shown.picture {
        Picture::Curves => curves::draw(&mut body, shown),
        Picture::Layers => layers::draw(&mut body, shown),
        Picture::Weights => weights::draw(&mut body, shown),
        Picture::Rates => rates::draw(&mut body, shown),
        Picture::Help => help::draw(&mut body),
    }
    foot(&mut canvas.part(1, height - 1, width - 2, 1), shown);
}

fn head(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    let epochs = shown.epochs;
    // Between two epochs the one that has ended is shown as done.
    let is_between = shown.step == 0 && !shown.history.is_empty();
    let (epoch, step) = match is_between {
        true => (shown.history.len(), shown.steps),
        false => (shown.history.len() + 1, shown.step),
    };
    let width = epochs.to_string().len();
    let mut x = canvas.strong(0, 0, &format!("epoch {epoch:>width$}/{epochs}"));
    let steps = format!(" step {}/{}", grouped(step), grouped(shown.steps));
    let times = format!("{}, {} left", duration(shown.elapsed), time_left(shown.left));
    let room = canvas.width().saturating_sub(x + steps.len() + times.len() + 4).min(40);
    let done = (room as f64 * step as f64 / shown.steps.max(1) as f64).round() as usize;
    x = canvas.colored(x + 1, 0, &"━".repeat(done.min(room)), Chart::color(0));
    x = canvas.faint(x, 0, &"─".repeat(room - done.min(room)));
    canvas.text(x, 0, &steps);
    canvas.text(canvas.width().saturating_sub(times.chars().count()), 0, &times);

    let eta = format!("η {}", figure(shown.learning_rate));
    let rate = |text: fn(f64) -> String| {
        shown.samples_per_second.map_or_else(String::new, |rate| format!("  {}", text(rate)))
    };
    let threads =
        if shown.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", shown.threads) };
    let machine = format!("  {threads}, {}", shown.isa);
    let screen = format!("screen {} of the time", percent(shown.share));
    let long = format!("{eta}{}{machine}", rate(samples_per_second));
    let room = canvas.width().saturating_sub(screen.chars().count() + 2);
    let line =
        if long.chars().count() <= room { long } else { format!("{eta}{}  {threads}", rate(short_rate)) };
    canvas.part(0, 1, room, 1).text(0, 0, &line);
    canvas.faint(room + 2, 1, &screen);

    let scores = scores(shown);
    let room = canvas.width().saturating_sub(scores.chars().count() + 2);
    canvas.text(room + 2, 2, &scores);
    let mut rest = canvas.part(0, 2, room, 1);
    match shown.message {
        Some(message) => rest.strong(0, 0, message),
        None => rest.faint(0, 0, shown.kept),
    };
}

/// The scores of the last epoch.
fn scores(shown: &Shown<'_>) -> String {
    let Some(last) = shown.history.last() else { return String::new() };
    let score = |(name, evaluation): (&str, Option<Evaluation>)| {
        let evaluation = evaluation?;
        let error = || Some(format!("RMSE {}", figure(evaluation.fit()?.rmse)));
        Some(format!("{name} {}", evaluation.accuracy().map(percent).or_else(error)?))
    };
    let scores = [("val", last.validation), ("test", last.test)].into_iter().filter_map(score);
    scores.collect::<Vec<_>>().join("  ")
}

fn foot(canvas: &mut Canvas<'_>, shown: &Shown<'_>) {
    let mut x = 0;
    for (key, picture, name) in Picture::ALL {
        let text = format!("{key} {name}");
        x = if picture == shown.picture { canvas.strong(x, 0, &text) } else { canvas.faint(x, 0, &text) };
        x += 1;
    }
    let keys = "s save q stop ? help";
    canvas.faint(canvas.width().saturating_sub(keys.len()), 0, keys);
}
