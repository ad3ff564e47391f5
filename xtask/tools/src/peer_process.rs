//! A peer as a process: one JSON object a line in, one out. `minibatch-floor` answers in the same way.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::Value;

/// A running peer. It is killed when the value is dropped.
#[derive(Debug)]
pub struct PeerProcess {
    child: Child,
    requests: ChildStdin,
    replies: Receiver<String>,
    log: PathBuf,
}

impl PeerProcess {
    /// Starts `command`, whose standard error goes to the file `log`.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        let stderr = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|error| format!("`{program}` does not start: {error}"))?;
        let (requests, output) = (child.stdin.take(), child.stdout.take());
        let (Some(requests), Some(output)) = (requests, output) else {
            return Err(format!("`{program}` has no pipes"));
        };
        let (sender, replies) = channel();
        // The thread ends with the pipe, that is, with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, requests, replies, log: log.to_owned() })
    }

    /// Sends `request` and waits for its reply at most as long as `limit`.
    ///
    /// # Errors
    ///
    /// The peer's own answer under `error`. Or the message that it ended, with the last line of its log. Or that it is too slow,
    /// after which it is dead.
    pub fn ask(&mut self, request: &Value, limit: Duration) -> Result<Value, String> {
        let doing = request["do"].as_str().unwrap_or("?").to_owned();
        // A peer that is gone is noticed below, where there is more to say about it.
        let _ = writeln!(self.requests, "{request}");
        let line = match self.replies.recv_timeout(limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                return Err(format!("no reply to `{doing}` in {} s", limit.as_secs_f64()));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(self.epitaph(&doing)),
        };
        let reply: Value = serde_json::from_str(&line)
            .map_err(|_| format!("its reply to `{doing}` is not JSON: {}", shorten(&line)))?;
        match reply.get("error") {
            Some(error) => Err(shorten(error.as_str().unwrap_or("an error without a text"))),
            None => Ok(reply),
        }
    }

    /// Stops the process where it stands, so that nothing of it runs while another is measured.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets the process run again.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        // It may have ended. That is found out at the next request.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args([signal, &id]).stderr(Stdio::null()).status();
    }

    /// The reason why it ended.
    fn epitaph(&mut self, doing: &str) -> String {
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let last =
            log.lines().rev().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", shorten(line)));
        format!("ended ({status}) during `{doing}`{}", last.unwrap_or_default())
    }

    fn kill(&mut self) {
        // Either it ends now, or it had already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One line that fits into a table.
pub fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default().replace('|', "¦");
    if line.chars().count() <= 160 { line } else { line.chars().take(159).chain(['…']).collect() }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(20);

    fn fake(script: &str) -> (PeerProcess, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        (PeerProcess::start(command, &folder.path().join("log")).unwrap(), folder)
    }

    #[test]
    fn replies_come_in_order() {
        let (mut peer, _folder) = fake(r#"while read line; do echo "{\"asked\":$line}"; done"#);
        for number in 0..3 {
            let request = json!({ "do": "train", "seconds": number });
            assert_eq!(peer.ask(&request, LONG).unwrap()["asked"], request);
        }
    }

    #[test]
    fn errors_of_a_peer_are_errors() {
        let (mut peer, _folder) =
            fake(r#"while read line; do printf '%s\n' '{"error":"no | such\nthing"}'; done"#);
        assert_eq!(peer.ask(&json!({ "do": "train" }), LONG).unwrap_err(), "no ¦ such");
        let (mut peer, _folder) = fake("read line; echo hello");
        assert_eq!(
            peer.ask(&json!({ "do": "setup" }), LONG).unwrap_err(),
            "its reply to `setup` is not JSON: hello"
        );
    }

    #[test]
    fn a_crash_is_told_with_the_last_line_of_the_log() {
        let (mut peer, _folder) = fake("read line; echo first >&2; echo out of luck >&2; echo >&2; exit 3");
        let error = peer.ask(&json!({ "do": "train" }), LONG).unwrap_err();
        assert_eq!(error, "ended (exit status: 3) during `train`: out of luck");
        // The peer stays dead.
        assert!(peer.ask(&json!({ "do": "train" }), LONG).is_err());
    }

    #[test]
    fn a_peer_that_hangs_is_given_up() {
        let (mut peer, _folder) = fake("read line; exec sleep 60");
        let started = Instant::now();
        let error = peer.ask(&json!({ "do": "train" }), Duration::from_millis(200)).unwrap_err();
        assert_eq!(error, "no reply to `train` in 0.2 s");
        assert!(peer.ask(&json!({ "do": "train" }), LONG).unwrap_err().starts_with("ended"));
        assert!(started.elapsed() < LONG);
    }

    #[test]
    fn a_paused_peer_says_nothing_until_resumed() {
        let (mut peer, _folder) = fake("while read line; do echo '{}'; done");
        peer.ask(&json!({}), LONG).unwrap();
        peer.pause();
        writeln!(peer.requests, "{{}}").unwrap();
        assert!(peer.replies.recv_timeout(Duration::from_millis(200)).is_err());
        peer.resume();
        assert_eq!(peer.replies.recv_timeout(LONG).unwrap(), "{}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let started = PeerProcess::start(Command::new("no-such-program"), &folder.path().join("log"));
        assert!(started.err().unwrap().starts_with("`no-such-program` does not start"));
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shorten(&"é".repeat(200)).chars().count(), 160);
        assert_eq!(shorten("  a\nb"), "a");
    }
}
