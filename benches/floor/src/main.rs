//! Matrix products as a share of the register peak: the rate of multiply-adds that stay in registers, which no product exceeds.
//!
//! ```text
//! minibatch-floor          answers requests, one JSON object a line, until the end of the input: `cargo xtask floor` asks
//! minibatch-floor --short  the short form: compares within this process alone, as a step of `cargo xtask ci`
//! ```
//!
//! | request | reply |
//! |---|---|
//! | `{"do":"about"}` | `{"isas":["avx2","portable"]}` |
//! | `{"do":"measure","direction":"update","m":784,"n":32,"k":16,"strides":"odd","storage":"panels","isa":"avx2","threads":2,"turns":5,"seconds":0.004}` | `{"product":…,"peak":…}`: the best turn of each, in FLOP/s |
//!
//! A reply with `error` gives the reason for a failure.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]

mod clock;
mod product;
mod short;
mod turns;

use minibatch_kernels::{Isa, IsaError, Pool};
use product::{Product, Shape, Storage, Strides};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use turns::{Best, Peak, turn};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Request {
    About,
    Measure(Measure),
}

/// A product to measure, with the way to measure it.
#[derive(Deserialize)]
struct Measure {
    #[serde(flatten)]
    shape: Shape,
    strides: Strides,
    storage: Storage,
    isa: String,
    threads: usize,
    turns: usize,
    /// The least time of a turn.
    seconds: f64,
}

/// The pools and peaks of earlier requests.
#[derive(Default)]
struct Session(HashMap<(Isa, usize), (Pool, Peak)>);

impl Session {
    fn answer(&mut self, line: &str) -> Result<Value, String> {
        match serde_json::from_str(line).map_err(|error| error.to_string())? {
            Request::About => {
                Ok(json!({ "isas": Isa::fused().iter().map(|isa| isa.name()).collect::<Vec<_>>() }))
            }
            Request::Measure(measure) => self.measure(&measure),
        }
    }

    fn measure(&mut self, measure: &Measure) -> Result<Value, String> {
        let &Measure { shape, strides, storage, threads, turns, seconds, .. } = measure;
        let isa: Isa = measure.isa.parse().map_err(|error: IsaError| error.to_string())?;
        let (pool, peak) = match self.0.entry((isa, threads)) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let pool = Pool::new(isa, threads).map_err(|error| error.to_string())?;
                if pool.members() < threads {
                    return Err(format!("{threads} threads, but cores for {}", pool.members()));
                }
                place.insert((pool, Peak::new(isa, threads)))
            }
        };
        let mut product = Product::new(shape, storage, shape.strides(strides));
        let (mut best, mut best_peak) = (Best::default(), Best::default());
        for _ in 0..turns.max(1) {
            let rate = turn(pool, &mut product, shape.flop(), seconds);
            best.take(rate);
            best_peak.take(peak.turn(seconds.max(shape.flop() / rate)));
        }
        Ok(json!({ "product": best.rate(), "peak": best_peak.rate() }))
    }
}

fn serve() -> std::io::Result<()> {
    let (mut session, mut replies) = (Session::default(), std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let reply = session.answer(&line?).unwrap_or_else(|error| json!({ "error": error }));
        writeln!(replies, "{reply}")?;
        replies.flush()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve().map_err(|error| error.to_string()),
        ["--short"] => short::run(),
        _ => {
            eprintln!("error: expected no argument, or --short");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_measured_beside_its_peak() {
        let mut session = Session::default();
        let request = r#"{"do":"measure","direction":"update","m":64,"n":64,"k":64,"strides":"odd","storage":"panels","isa":"portable","threads":1,"turns":2,"seconds":0.0001}"#;
        let reply = session.answer(request).unwrap();
        let [product, peak] = ["product", "peak"].map(|key| reply[key].as_f64().unwrap());
        // The rate is far below that of any core, and exceeds the peak by no more than clocks are off.
        assert!(product > 1e6 && peak > 1e6 && product < 2.0 * peak, "{reply}");
        assert!(session.answer(&request.replace("portable", "sse9")).unwrap_err().contains("sse9"));
        assert!(session.answer(&request.replace("\"threads\":1", "\"threads\":0")).is_err());
        assert!(session.answer("{}").is_err());
        assert!(
            session.answer(r#"{"do":"about"}"#).unwrap()["isas"]
                .as_array()
                .unwrap()
                .contains(&json!("portable"))
        );
    }
}
