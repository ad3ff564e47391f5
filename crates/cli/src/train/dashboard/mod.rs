//! The dashboard: a run on the whole screen of a terminal, with keys.
//!
//! A file of this folder is below those that come after it in this list:
//!
//! 1. [`console`]: the screen, taken and given back. [`keys`]: what the user does.
//! 2. [`budget`]: the time that the dashboard may take.
//! 3. [`shown`]: all that a frame shows, as values.
//! 4. [`canvas`]: text, curves and pictures on a part of the screen.
//! 5. [`layers`], [`curves`], [`weights`], [`rates`], [`help`]: the pictures.
//! 6. [`frame`]: a whole frame.

mod budget;
mod canvas;
mod console;
mod curves;
mod frame;
mod help;
mod keys;
mod layers;
mod rates;
mod shown;
#[cfg(test)]
mod tests;
mod weights;

pub(super) use console::leave;

use super::display::{Display, Moment, Wish};
use crate::draw::Terminal;
use crate::failure::{Failure, tell};
use crate::report::{COSTS, EpochLine, Inspected, OnTerminal, Report, shown as shown_path};
use crate::text::duration;
use budget::{Budget, Work};
use console::Console;
use keys::{Input, Picture};
use minibatch::Trainer;
use shown::{FirstWeights, Shown};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// The time after which keys are looked for again. Between these times a slice costs a look at the clock, some 50 ns.
const TICK: Duration = Duration::from_millis(25);
/// The time for which the answer to a key stays.
const ANSWER: Duration = Duration::from_secs(4);
/// The lines of epochs that are printed at the end.
const LINES: usize = 8;
/// The inspections that are kept.
const INSPECTIONS: usize = 1000;

/// A run on the whole screen.
pub(super) struct Dashboard {
    report: Report,
    terminal: Terminal,
    /// `None` once the screen is given back.
    console: Option<Console>,
    budget: Budget,
    /// The share of the time, once the screen is given back.
    share: Option<f64>,
    picture: Picture,
    /// When keys were looked for.
    looked: Instant,
    /// Whether there was time for an inspection then.
    may_inspect: bool,
    /// Whether a key waits for a frame.
    is_asked: bool,
    message: Option<(String, Instant)>,
    /// The time of the last frame, and of the last inspection.
    frame: Option<Duration>,
    inspection: Option<Duration>,
    inspected: Vec<Inspected>,
    /// The last epochs, and whether each was the best so far.
    lines: VecDeque<(EpochLine, bool)>,
    /// The costs of these epochs, and of some before them.
    costs: VecDeque<f64>,
    rate_moves: bool,
    /// Lines that are told at the end.
    notes: Vec<String>,
    example_shape: Vec<usize>,
}

impl Dashboard {
    /// Takes the screen.
    pub(super) fn start(
        report: Report,
        terminal: Terminal,
        rate_moves: bool,
        example_shape: &[usize],
    ) -> io::Result<Dashboard> {
        let mut budget = Budget::new();
        let begun = Instant::now();
        let console = Some(Console::take()?);
        budget.count(begun);
        Ok(Dashboard {
            report,
            terminal,
            console,
            budget,
            share: None,
            picture: Picture::default(),
            looked: begun,
            may_inspect: false,
            is_asked: false,
            message: None,
            frame: None,
            inspection: None,
            inspected: Vec::new(),
            lines: VecDeque::with_capacity(LINES),
            costs: VecDeque::with_capacity(LINES + COSTS),
            rate_moves,
            notes: Vec::new(),
            example_shape: example_shape.to_vec(),
        })
    }

    /// Looks for keys, and returns what they ask for.
    fn look_for_keys(&mut self, moment: Moment<'_>) -> Result<Option<Wish>, Failure> {
        let mut wish = None;
        for input in keys::inputs().map_err(|error| Failure::output(&error))? {
            self.is_asked = true;
            match input {
                Input::Show(picture) => self.picture = picture,
                Input::Next => self.picture = self.picture.next(),
                Input::Resized => {}
                Input::Stop => wish = Some(Wish::Stop),
                Input::Save => {
                    let message = match moment.keeper {
                        Some(keeper) => format!("saving {}", shown_path(&keeper.path)),
                        None => "nothing to save to: `train --checkpoint FILE` keeps the run".to_owned(),
                    };
                    self.message = Some((message, Instant::now()));
                    if moment.keeper.is_some() && wish.is_none() {
                        wish = Some(Wish::Save);
                    }
                }
            }
        }
        Ok(wish)
    }

    /// Draws a frame if there is time for one.
    fn draw_in_time(&mut self, moment: Moment<'_>) -> Result<(), Failure> {
        let work = if self.is_asked { Work::Answer } else { Work::Frame };
        // The first frame comes at once.
        if self.frame.is_some_and(|last| !self.budget.allows(work, last)) {
            return Ok(());
        }
        let begun = Instant::now();
        self.draw(moment).map_err(|error| Failure::output(&error))?;
        let spent = begun.elapsed();
        self.frame = Some(spent);
        self.is_asked = false;
        self.budget.note(work, spent);
        Ok(())
    }

    fn draw(&mut self, Moment { trainer, clock, keeper }: Moment<'_>) -> io::Result<()> {
        let Some(console) = &mut self.console else { return Ok(()) };
        if self.message.as_ref().is_some_and(|(_, since)| since.elapsed() > ANSWER) {
            self.message = None;
        }
        let kept = match keeper {
            None => "no checkpoint; `train --checkpoint FILE` keeps the run".to_owned(),
            Some(keeper) => {
                let ago = |saved: Instant| format!("saved {} ago", duration(saved.elapsed().as_secs_f64()));
                let saved = keeper.saved().map_or_else(|| "not saved yet".to_owned(), ago);
                format!("{}, {saved}", shown_path(&keeper.path))
            }
        };
        let of_weights = self.picture == Picture::Weights;
        let weights = of_weights.then(|| FirstWeights::of(trainer.network(), &self.example_shape)).flatten();
        let last = trainer.history().last();
        let of_last = || last.map(|epoch| trainer.examples() as f64 / epoch.seconds);
        let shown = Shown {
            picture: self.picture,
            colors: self.terminal.colors,
            history: trainer.history(),
            examples: trainer.examples(),
            epochs: clock.epochs(),
            step: trainer.step(),
            steps: trainer.steps_per_epoch(),
            elapsed: clock.elapsed().as_secs_f64(),
            left: clock.left(trainer),
            learning_rate: last
                .and_then(|epoch| epoch.learning_rate)
                .unwrap_or(trainer.settings().learning_rate),
            samples_per_second: clock.rate(trainer).or_else(of_last),
            threads: trainer.pool().threads(),
            isa: trainer.pool().isa().name(),
            kept: &kept,
            message: self.message.as_ref().map(|(message, _)| &**message),
            inspected: &self.inspected,
            weights: weights.as_ref(),
            share: self.budget.share(),
        };
        console.draw(|buffer| frame::draw(buffer, &shown))
    }

    /// Keeps what the layers do, if it is known or if there is time to look.
    fn inspect(&mut self, trainer: &Trainer, line: &EpochLine) {
        self.may_inspect = false;
        let layers = match &line.layers {
            Some(layers) => layers.clone(),
            None => {
                let guess = || guess(trainer, line.epoch.seconds);
                let next = self.inspection.unwrap_or_else(guess);
                if !self.budget.allows(Work::Inspection, next) {
                    return;
                }
                let begun = Instant::now();
                // A schedule that fails here fails in the next step, too, which tells it.
                let Ok(layers) = trainer.inspect() else { return };
                let spent = begun.elapsed();
                self.inspection = Some(spent);
                self.budget.note(Work::Inspection, spent);
                layers
            }
        };
        if self.inspected.len() == INSPECTIONS {
            // Every other one is enough from now on.
            let mut index = 0;
            self.inspected.retain(|_| {
                index += 1;
                index % 2 == 0
            });
        }
        self.inspected.push(Inspected { epoch: line.epoch.number, layers });
    }
}

/// About how long an inspection takes, before there was one: it goes through 1,000 examples, and takes a step.
fn guess(trainer: &Trainer, seconds: f64) -> Duration {
    let examples = trainer.examples();
    let looked_at = examples.min(1000) + 2 * trainer.settings().batch_size;
    let estimate = 1e-3 + 2.0 * seconds * looked_at as f64 / examples.max(1) as f64;
    Duration::try_from_secs_f64(estimate).unwrap_or(Duration::MAX / 4)
}

impl Display for Dashboard {
    fn after_slice(&mut self, moment: Moment<'_>) -> Result<Option<Wish>, Failure> {
        let begun = Instant::now();
        if self.frame.is_some() && begun - self.looked < TICK {
            return Ok(None);
        }
        self.looked = begun;
        let wish = self.look_for_keys(moment)?;
        self.draw_in_time(moment)?;
        let next = self.inspection.unwrap_or(Duration::ZERO);
        self.may_inspect = self.budget.allows(Work::Inspection, next);
        self.budget.count(begun);
        Ok(wish)
    }

    /// An epoch may take no more than some microseconds. So this asks no clock unless it inspects the layers.
    fn after_epoch(&mut self, moment: Moment<'_>, line: EpochLine, is_best: bool) -> Result<(), Failure> {
        if self.may_inspect {
            let begun = Instant::now();
            self.inspect(moment.trainer, &line);
            self.budget.count(begun);
        }
        self.rate_moves |= line.shows_rate;
        if self.costs.len() == LINES + COSTS {
            self.costs.pop_front();
        }
        self.costs.push_back(line.epoch.cost);
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back((line, is_best));
        Ok(())
    }

    fn tell(&mut self, line: String) {
        self.message = Some((line.clone(), Instant::now()));
        self.notes.push(line);
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.console.is_none() {
            return Ok(());
        }
        let begun = Instant::now();
        self.console = None;
        self.budget.count(begun);
        self.share = Some(self.budget.share());
        for note in self.notes.drain(..) {
            tell(&note);
        }
        let before = self.costs.len() - self.lines.len();
        for (i, (mut line, is_best)) in self.lines.drain(..).enumerate() {
            let costs = (before + i + 1).saturating_sub(COSTS)..before + i + 1;
            let costs = self.costs.range(costs).copied();
            line.on_terminal = Some(OnTerminal::new(self.terminal, costs, is_best, self.rate_moves));
            self.report.print(&line)?;
        }
        Ok(())
    }

    fn share(&self) -> Option<f64> {
        self.share
    }
}
