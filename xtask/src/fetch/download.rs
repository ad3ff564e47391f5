//! One file from an HTTP server.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use ureq::{Agent, Error};

use super::install::{self, Installed, Refusal, Trust};
use super::manifest::FileEntry;
use super::source::{Failure, Job};

/// An HTTP client that gives up on a server which cannot be reached, stops sending or sends too slowly.
pub(super) struct Downloader {
    agent: Agent,
    stall: Duration,
    slowest: u64,
}

impl Downloader {
    /// The most time for finding the host, and for connecting to it.
    const CONNECT: Duration = Duration::from_secs(5);

    /// A server is left that sends no byte, or fewer than `slowest` a second, for as long as `stall`.
    pub(super) fn new(stall: Duration, slowest: u64) -> Self {
        let config = Agent::config_builder()
            .timeout_resolve(Some(Self::CONNECT))
            .timeout_connect(Some(Self::CONNECT))
            .timeout_per_read(Some(stall))
            .timeout_per_write(Some(stall))
            .timeout_send_request(Some(stall))
            .timeout_recv_response(Some(stall))
            .user_agent(concat!("minibatch-xtask/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), stall, slowest }
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
        // The reader below looks at the rate. It never sees bytes such as the lines between chunks, so this deadline ends them.
        let deadline = self.stall + Duration::from_secs(file.bytes / self.slowest);
        let request = self.agent.get(&url).config().timeout_recv_body(Some(deadline)).build();
        let response = {
            let _spinner = job.report.spinner(&format!("asking for {url}"));
            request.call()
        };
        let response = match response {
            Ok(response) => response,
            Err(Error::StatusCode(status)) if (400..500).contains(&status) => {
                return Err(Missing::NotThere(status));
            }
            Err(error) => return Err(Missing::Failed(Failure::Source(self.explain(&error)))),
        };
        let bar = job.report.bar(file);
        let body = self.paced(response.into_body().into_reader());
        install::install(job.folder, file, Trust::VerifiedOnly, body, &mut |bytes| bar.set(bytes)).map_err(
            |refusal| {
                Missing::Failed(match refusal {
                    // A server that stalls, crawls or breaks the connection once would cost the same wait again.
                    Refusal::Read(error) => {
                        Failure::Source(format!("{}: {}", file.name, self.explain_read(error)))
                    }
                    refusal => refusal.into(),
                })
            },
        )
    }

    fn explain_read(&self, error: io::Error) -> String {
        match error.get_ref() {
            Some(inner) if inner.is::<TooSlow>() => self.too_slow(),
            _ => self.explain(&Error::from(error)),
        }
    }

    fn too_slow(&self) -> String {
        format!("too slow (less than {} KiB a second)", self.slowest >> 10)
    }

    fn paced<R>(&self, body: R) -> Paced<R> {
        let (slowest, window) = (self.slowest as f64, self.stall);
        Paced { body, slowest, window, waited: Duration::ZERO, came: 0 }
    }

    /// An error in the user's words.
    fn explain(&self, error: &Error) -> String {
        match error {
            Error::HostNotFound => "could not connect (host not found)".into(),
            Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                format!("could not connect within {} s", Self::CONNECT.as_secs())
            }
            Error::Timeout(ureq::Timeout::RecvResponse) => {
                format!("stalled (no answer within {} s)", self.stall.as_secs_f32())
            }
            Error::Timeout(ureq::Timeout::RecvBody) => self.too_slow(),
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

/// A body that has to come at `slowest` bytes a second or more, over each `window` of waiting for it.
///
/// Only the time spent waiting counts: a slow disk on this side is not the server's fault.
struct Paced<R> {
    body: R,
    slowest: f64,
    window: Duration,
    /// The time waited since the window began.
    waited: Duration,
    /// The bytes that came since the window began.
    came: u64,
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let asked = Instant::now();
        let count = self.body.read(buffer)?;
        self.waited += asked.elapsed();
        self.came += count as u64;
        if count > 0 && self.waited >= self.window {
            if (self.came as f64) < self.slowest * self.waited.as_secs_f64() {
                return Err(io::Error::other(TooSlow));
            }
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
        Ok(count)
    }
}

/// The server sends, but not enough.
#[derive(Debug)]
struct TooSlow;

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too slow")
    }
}

impl std::error::Error for TooSlow {}

/// The reason why a name could not be fetched.
enum Missing {
    /// The server knows no such name (HTTP 4xx).
    NotThere(u16),
    Failed(Failure),
}
