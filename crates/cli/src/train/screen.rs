//! The choice between lines and the dashboard.

use super::display::{Display, Lines};
use super::options::Args;
use crate::draw::Terminal;
use crate::failure::{Failure, tell};
use crate::progress::Bar;
use crate::report::Report;
use crate::signals::Signals;
use minibatch::{Settings, Trainer};

/// Refuses `--dashboard` in a build without it.
pub(super) fn check(args: &Args) -> Result<(), Failure> {
    if args.dashboard && !cfg!(feature = "dashboard") {
        return Err(Failure::usage(
            "--dashboard: this build of minibatch doesn't have the feature dashboard; \
             `cargo install --path crates/cli --features dashboard` builds it in",
        ));
    }
    Ok(())
}

/// Begins the display that the options ask for, and watches for signals. Where there is no terminal, there are lines.
pub(super) fn begin(
    args: &Args,
    report: Report,
    trainer: &Trainer,
    example_shape: &[usize],
) -> Result<(Box<dyn Display>, Signals), Failure> {
    let terminal = Some(Terminal::of_output()).filter(|it| it.is_terminal && report == Report::Text);
    let rate_moves = trainer.settings().schedule != Settings::default().schedule;
    if args.dashboard {
        match terminal {
            Some(terminal) => match dashboard(report, terminal, rate_moves, example_shape) {
                Ok(dashboard) => return Ok(dashboard),
                Err(failure) => tell(&format!("note: the dashboard can't be shown, so lines are: {failure}")),
            },
            None => tell("note: standard output is no terminal, so --dashboard shows lines"),
        }
    }
    let lines = Lines { report, bar: Bar::new(trainer, report == Report::Text), terminal, rate_moves };
    Ok((Box::new(lines), Signals::catch()?))
}

/// Takes the screen.
#[cfg(feature = "dashboard")]
fn dashboard(
    report: Report,
    terminal: Terminal,
    rate_moves: bool,
    example_shape: &[usize],
) -> std::io::Result<(Box<dyn Display>, Signals)> {
    use super::dashboard::{Dashboard, leave};
    #[cfg(unix)]
    let signals = Signals::catch_and_restore(leave)?;
    #[cfg(not(unix))]
    let signals = Signals::catch()?;
    Ok((Box::new(Dashboard::start(report, terminal, rate_moves, example_shape)?), signals))
}

/// [`check`] has refused it.
#[cfg(not(feature = "dashboard"))]
fn dashboard(_: Report, _: Terminal, _: bool, _: &[usize]) -> std::io::Result<(Box<dyn Display>, Signals)> {
    Err(std::io::ErrorKind::Unsupported.into())
}
