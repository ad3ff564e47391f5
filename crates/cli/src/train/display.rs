//! The display of a run: what its user sees while it trains.

use super::keeper::Keeper;
use crate::draw::Terminal;
use crate::failure::{Failure, tell};
use crate::progress::{Bar, Clock};
use crate::report::{COSTS, EpochLine, OnTerminal, Report};
use minibatch::Trainer;

/// A run at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) trainer: &'a Trainer,
    pub(super) clock: &'a Clock,
    #[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "the dashboard looks at it"))]
    pub(super) keeper: Option<&'a Keeper>,
}

/// A wish of the user, told by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "dashboard"), expect(dead_code, reason = "the dashboard has keys"))]
pub(super) enum Wish {
    /// Save the run now.
    Save,
    /// Stop the run as SIGINT does.
    Stop,
}

/// Shows a run while it trains.
pub(super) trait Display {
    /// Called before the first slice of steps, and after each. It returns what the user has asked for since the last call.
    fn after_slice(&mut self, moment: Moment<'_>) -> Result<Option<Wish>, Failure>;

    /// Called after each epoch, with its line. `is_best` is true if it is the best epoch so far.
    fn after_epoch(&mut self, moment: Moment<'_>, line: EpochLine, is_best: bool) -> Result<(), Failure>;

    /// Tells a line beside the display.
    fn tell(&mut self, line: String);

    /// Ends the display. From then on anything may be printed. A second call does nothing.
    fn finish(&mut self) -> Result<(), Failure>;

    /// The share of the run's time that the display took, if it is measured.
    fn share(&self) -> Option<f64> {
        None
    }
}

/// The display of lines: one for each epoch, with a progress bar below them on a terminal.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) report: Report,
    pub(super) bar: Bar,
    /// The terminal that the lines go to, if they go to one.
    pub(super) terminal: Option<Terminal>,
    /// Whether η moves in this run.
    pub(super) rate_moves: bool,
}

impl Display for Lines {
    fn after_slice(&mut self, moment: Moment<'_>) -> Result<Option<Wish>, Failure> {
        // Between two epochs there is no bar.
        if moment.trainer.position() > 0 {
            self.bar.draw(moment.trainer, moment.clock);
        }
        Ok(None)
    }

    fn after_epoch(&mut self, moment: Moment<'_>, mut line: EpochLine, is_best: bool) -> Result<(), Failure> {
        let history = moment.trainer.history();
        let costs = || history[history.len().saturating_sub(COSTS)..].iter().map(|epoch| epoch.cost);
        let moves = self.rate_moves || line.shows_rate;
        line.on_terminal = self.terminal.map(|terminal| OnTerminal::new(terminal, costs(), is_best, moves));
        self.bar.suspend(|| self.report.print(&line))
    }

    fn tell(&mut self, line: String) {
        self.bar.suspend(|| tell(&line));
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.bar.finish();
        Ok(())
    }
}
