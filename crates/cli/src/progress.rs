//! The progress bar, and how often training comes up for air to move it.

use crate::failure::tell;
use crate::text::{duration, samples_per_second};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use std::time::{Duration, Instant};

/// How long training runs between two looks at the bar: long against the microseconds of entering the thread pool,
/// short against the eye.
const SLICE: Duration = Duration::from_millis(15);

/// How many steps to train at a time so that they take about [`SLICE`].
#[derive(Debug)]
pub(crate) struct Pace {
    steps: usize,
}

impl Pace {
    /// Starts careful: nobody knows yet how long a step takes.
    pub(crate) fn new() -> Pace {
        Pace { steps: 4 }
    }

    /// Steps of the next slice.
    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    /// Adapts to how long the last slice, of `steps`, took.
    pub(crate) fn took(&mut self, steps: usize, elapsed: Duration) {
        let ratio = SLICE.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
        self.steps = ((steps as f64 * ratio.clamp(0.1, 8.0)).round() as usize).max(1);
    }
}

/// The bar of an epoch's steps; hidden where standard output is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    steps_per_epoch: usize,
    epochs: usize,
    started: Instant,
    /// Steps of the run before this process.
    before: usize,
    drawn: Option<Instant>,
}

impl Progress {
    /// A bar for `epochs` of `steps_per_epoch`, of which `before` steps are done; `show` is false where no bar is wanted even on a terminal.
    pub(crate) fn new(epochs: usize, steps_per_epoch: usize, before: usize, show: bool) -> Progress {
        let target = if show { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{prefix} {bar:28} {pos}/{len} steps  {msg}")
            .expect("the template is a constant")
            .progress_chars("━╸─");
        let bar = ProgressBar::with_draw_target(Some(steps_per_epoch as u64), target)
            .with_style(style)
            .with_finish(ProgressFinish::AndClear);
        Progress { bar, steps_per_epoch, epochs, started: Instant::now(), before, drawn: None }
    }

    /// Shows that `epoch` (from 1) has come to `step` steps, at `rate` samples/s.
    pub(crate) fn step(&mut self, epoch: usize, step: usize, rate: f64) {
        const REDRAW: Duration = Duration::from_millis(50);
        if self.bar.is_hidden() || self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        self.drawn = Some(Instant::now());
        let done = (epoch - 1) * self.steps_per_epoch + step;
        // As numbers that no number of epochs overflows.
        let to_come = self.epochs as f64 * self.steps_per_epoch as f64 - done as f64;
        let here = (done - self.before).max(1);
        let left = self.started.elapsed().as_secs_f64() * to_come / here as f64;
        let width = self.epochs.to_string().len();
        self.bar.set_prefix(format!("epoch {epoch:>width$}/{}", self.epochs));
        let left = if left < 99.5 { format!("{left:.0} s") } else { duration(left) };
        self.bar.set_message(format!("{}  {left} left", samples_per_second(rate)));
        self.bar.set_position(step as u64);
    }

    /// Prints with the bar out of the way.
    pub(crate) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Writes a warning, if there is one, to standard error with the bar out of the way.
    pub(crate) fn warn(&self, warning: Option<String>) {
        if let Some(warning) = warning {
            self.suspend(|| tell(&warning));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_settles_at_a_slice() {
        // A step of 5 µs: 3000 of them are a slice.
        let mut pace = Pace::new();
        for _ in 0..8 {
            pace.took(pace.steps(), Duration::from_micros(5) * pace.steps() as u32);
        }
        assert_eq!(pace.steps(), 3000);
        // A step longer than a slice: one at a time.
        for _ in 0..8 {
            pace.took(pace.steps(), Duration::from_secs(1) * pace.steps() as u32);
        }
        assert_eq!(pace.steps(), 1);
    }
}
