//! The clock of training with the slices of steps that it counts, and the progress bar, which moves between them.

use crate::text::{duration, samples_per_second};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use minibatch::Trainer;
use std::time::{Duration, Instant};

/// The time of a slice. It is long against the microseconds of entering the thread pool, and short for the eye.
const SLICE: Duration = Duration::from_millis(15);

/// The number of steps for the next slice, so that it takes about [`SLICE`]. The last slice had `steps` and took `elapsed`.
fn paced(steps: usize, elapsed: Duration) -> usize {
    let ratio = SLICE.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
    ((steps as f64 * ratio.clamp(0.1, 8.0)).round() as usize).max(1)
}

/// The clock of training. It says how many steps the next slice has.
#[derive(Debug)]
pub(crate) struct Clock {
    epochs: usize,
    started: Instant,
    /// Steps of the run before this process.
    before: usize,
    /// The number of steps that take about [`SLICE`].
    pace: usize,
    /// The number of steps of the slice, and when it began.
    slice: (usize, Instant),
    /// The time spent in slices.
    training: Duration,
    /// The position from which this process trains the epoch, and the value of `training` there.
    epoch_from: (usize, Duration),
}

impl Clock {
    /// The clock of `trainer`'s run, which goes to the end of so many `epochs`.
    pub(crate) fn new(trainer: &Trainer, epochs: usize) -> Clock {
        let started = Instant::now();
        Clock {
            epochs,
            started,
            before: steps_done(trainer),
            // The time of a step isn't known yet.
            pace: 4,
            slice: (0, started),
            training: Duration::ZERO,
            epoch_from: (trainer.position(), Duration::ZERO),
        }
    }

    /// Begins a slice of no more than `most` steps, and returns their number.
    pub(crate) fn begin_slice(&mut self, most: usize) -> usize {
        self.slice = (self.pace.min(most), Instant::now());
        self.slice.0
    }

    /// Ends the slice.
    pub(crate) fn end_slice(&mut self, trainer: &Trainer) {
        let (steps, began) = self.slice;
        let elapsed = began.elapsed();
        self.training += elapsed;
        // The last slice of an epoch may have been shorter, so it doesn't set the pace.
        if trainer.position() == 0 {
            self.epoch_from = (0, self.training);
        } else {
            self.pace = paced(steps, elapsed);
        }
    }

    /// The time spent in slices.
    pub(crate) fn training(&self) -> Duration {
        self.training
    }

    /// The last epoch of the run.
    #[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "the dashboard looks at it"))]
    pub(crate) fn epochs(&self) -> usize {
        self.epochs
    }

    /// The time since the clock was started.
    #[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "the dashboard looks at it"))]
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The samples a second of this epoch. `None` before the epoch's first slice has ended.
    pub(crate) fn rate(&self, trainer: &Trainer) -> Option<f64> {
        let (from, before) = self.epoch_from;
        let samples = trainer.position().checked_sub(from).filter(|&samples| samples > 0)?;
        Some(samples as f64 / (self.training - before).as_secs_f64())
    }

    /// The seconds until the last epoch ends, if it goes on as so far.
    pub(crate) fn left(&self, trainer: &Trainer) -> f64 {
        let done = steps_done(trainer);
        // No number of epochs overflows an f64.
        let to_come = self.epochs as f64 * trainer.steps_per_epoch() as f64 - done as f64;
        let here = (done - self.before).max(1);
        self.started.elapsed().as_secs_f64() * to_come / here as f64
    }
}

/// The bar of an epoch's steps. It is hidden where standard output is no terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    drawn: Option<Instant>,
}

impl Bar {
    /// A bar for epochs of `trainer`'s run. `show` is false if no bar is wanted even on a terminal.
    pub(crate) fn new(trainer: &Trainer, show: bool) -> Bar {
        let target = if show { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{prefix} {bar:28} {pos}/{len} steps  {msg}")
            .expect("the template is a constant")
            .progress_chars("━╸─");
        let bar = ProgressBar::with_draw_target(Some(trainer.steps_per_epoch() as u64), target)
            .with_style(style)
            .with_finish(ProgressFinish::AndClear);
        Bar { bar, drawn: None }
    }

    /// Moves the bar, within an epoch and not too often.
    pub(crate) fn draw(&mut self, trainer: &Trainer, clock: &Clock) {
        const REDRAW: Duration = Duration::from_millis(50);
        if self.bar.is_hidden() || self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        let Some(rate) = clock.rate(trainer) else { return };
        self.drawn = Some(Instant::now());
        let (epoch, width) = (trainer.history().len() + 1, clock.epochs.to_string().len());
        self.bar.set_prefix(format!("epoch {epoch:>width$}/{}", clock.epochs));
        let left = time_left(clock.left(trainer));
        self.bar.set_message(format!("{}  {left} left", samples_per_second(rate)));
        self.bar.set_position(trainer.step() as u64);
    }

    /// Prints with the bar out of the way.
    pub(crate) fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A time that is left, in words.
pub(crate) fn time_left(seconds: f64) -> String {
    if seconds < 99.5 { format!("{seconds:.0} s") } else { duration(seconds) }
}

/// Steps since the start of the run.
pub(crate) fn steps_done(trainer: &Trainer) -> usize {
    trainer.history().len() * trainer.steps_per_epoch() + trainer.step()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_settles_at_a_slice() {
        // A step takes 5 µs, so 3000 of them are a slice.
        let mut steps = 4;
        for _ in 0..8 {
            steps = paced(steps, Duration::from_micros(5) * steps as u32);
        }
        assert_eq!(steps, 3000);
        // A step that is longer than a slice is a slice of its own.
        for _ in 0..8 {
            steps = paced(steps, Duration::from_secs(1) * steps as u32);
        }
        assert_eq!(steps, 1);
    }
}
