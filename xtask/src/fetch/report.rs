//! The report to the user while files come in: a progress bar on a terminal, plain lines anywhere else.

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::install::Installed;
use super::manifest::FileEntry;

/// Reports progress.
pub(super) struct Report {
    on_terminal: bool,
}

/// A bar or spinner that is wiped from the screen when dropped.
pub(super) struct Bar(ProgressBar);

impl Report {
    pub(super) fn new() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal() }
    }

    /// A bar over the file's uncompressed bytes.
    pub(super) fn bar(&self, file: &FileEntry) -> Bar {
        let bar = self.hidden_unless_on_terminal(Some(file.bytes));
        let style = ProgressStyle::with_template(
            "  {msg:24} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left",
        );
        bar.set_style(style.expect("the template is well formed"));
        bar.set_message(file.name.clone());
        Bar(bar)
    }

    /// A spinner for work whose size is not known.
    pub(super) fn spinner(&self, what: &str) -> Bar {
        let bar = self.hidden_unless_on_terminal(None);
        let style =
            ProgressStyle::with_template("  {spinner} {wide_msg}").expect("the template is well formed");
        bar.set_style(style);
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(bar)
    }

    /// One line about a file that is now in place.
    pub(super) fn installed(&self, source: &impl fmt::Display, file: &FileEntry, how: Installed) {
        let mb = file.bytes as f64 / 1e6;
        let how = match how {
            Installed::Verified => "SHA-256 verified",
            Installed::Unverified => "UNVERIFIED: no SHA-256 is published for the plain file",
        };
        println!("  {:24} {mb:6.2} MB, {how}, from {source}", file.name);
    }

    fn hidden_unless_on_terminal(&self, length: Option<u64>) -> ProgressBar {
        let target =
            if self.on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        ProgressBar::with_draw_target(length, target)
    }
}

impl Bar {
    /// Moves the bar to `bytes`.
    pub(super) fn set(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
