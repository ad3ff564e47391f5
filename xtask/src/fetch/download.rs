//! One file from an HTTP server.

use std::io::{self, ErrorKind};
use std::time::Duration;

use ureq::{Agent, Error};

use super::install::{self, Installed, Refusal, Trust};
use super::manifest::FileEntry;
use super::source::{Failure, Job};

/// An HTTP client that gives up on a server which cannot be reached or stops sending.
pub(super) struct Downloader {
    agent: Agent,
    stall: Duration,
}

impl Downloader {
    /// How long finding the host and connecting to it may take, each.
    const CONNECT: Duration = Duration::from_secs(5);

    /// `stall`: the longest time without a byte, after which the server counts as stalled.
    pub(super) fn new(stall: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_resolve(Some(Self::CONNECT))
            .timeout_connect(Some(Self::CONNECT))
            .timeout_per_read(Some(stall))
            .timeout_per_write(Some(stall))
            .user_agent(concat!("minibatch-xtask/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), stall }
    }

    /// Fetches `NAME.gz` under `base`, or plain `NAME` where there is no .gz and the plain file can be verified.
    pub(super) fn fetch(&self, base: &str, file: &FileEntry, job: &Job<'_>) -> Result<Installed, Failure> {
        let zipped = format!("{}.gz", file.name);
        match self.fetch_as(base, &zipped, file, job) {
            Err(Missing::NotThere(_)) if file.sha256.is_some() => {
                self.fetch_as(base, &file.name, file, job).map_err(|missing| match missing {
                    Missing::NotThere(status) => Failure::File(format!("HTTP {status}, as .gz and plain")),
                    Missing::Failed(failure) => failure,
                })
            }
            Err(Missing::NotThere(status)) => Err(Failure::File(format!("HTTP {status}"))),
            Err(Missing::Failed(failure)) => Err(failure),
            Ok(how) => Ok(how),
        }
    }

    fn fetch_as(
        &self,
        base: &str,
        name: &str,
        file: &FileEntry,
        job: &Job<'_>,
    ) -> Result<Installed, Missing> {
        let url = format!("{}/{name}", base.trim_end_matches('/'));
        let response = match self.agent.get(&url).call() {
            Ok(response) => response,
            Err(Error::StatusCode(status)) if (400..500).contains(&status) => {
                return Err(Missing::NotThere(status));
            }
            Err(error) => return Err(Missing::Failed(Failure::Source(self.explain(&error)))),
        };
        let bar = job.report.bar(file);
        let body = response.into_body().into_reader();
        install::install(job.folder, file, Trust::VerifiedOnly, body, &mut |bytes| bar.set(bytes)).map_err(
            |refusal| {
                Missing::Failed(match refusal {
                    // A server that stalls or breaks the connection once would cost the same wait again.
                    Refusal::Read(error) => {
                        Failure::Source(format!("{}: {}", file.name, self.explain_read(error)))
                    }
                    refusal => refusal.into(),
                })
            },
        )
    }

    fn explain_read(&self, error: io::Error) -> String {
        self.explain(&Error::from(error))
    }

    /// An error in the user's words.
    fn explain(&self, error: &Error) -> String {
        match error {
            Error::HostNotFound => "could not connect (host not found)".into(),
            Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                format!("could not connect within {} s", Self::CONNECT.as_secs())
            }
            Error::Timeout(_) => format!("stalled (no byte for {} s)", self.stall.as_secs_f32()),
            Error::StatusCode(status) => format!("HTTP {status}"),
            Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused => "could not connect (refused)".into(),
                ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof => "the server closed the connection".into(),
                _ => format!("could not connect ({error})"),
            },
            error => error.to_string(),
        }
    }
}

/// Why a name could not be fetched.
enum Missing {
    /// The server knows no such name (HTTP 4xx).
    NotThere(u16),
    Failed(Failure),
}
