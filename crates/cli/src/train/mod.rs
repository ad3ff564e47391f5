//! `minibatch train`: from a dataset to a trained network.
//!
//! [`run`] goes through these steps. A file of this folder is below those that come after it in this list:
//!
//! 1. [`options`], with [`network`], [`techniques`], [`stopping`] and [`checkpoint`]: the options.
//! 2. [`checkpoint`]: reserves the file that the run is kept in.
//! 3. [`begin`], [`resume`]: the data, and the trainer of a new or resumed run.
//! 4. [`notes`]: advice to a run that is likely to learn badly.
//! 5. [`display`], `dashboard`, [`screen`]: what is seen of the run while it trains.
//! 6. [`observer`], with [`judge`] and [`keeper`]: trains.
//! 7. [`events`]: the plan and the end, as they are printed. [`page`]: the page of the run.

pub(crate) mod begin;
mod checkpoint;
pub(crate) mod config;
#[cfg(feature = "dashboard")]
mod dashboard;
mod display;
mod events;
pub(crate) mod judge;
mod keeper;
mod log;
mod network;
pub(crate) mod notes;
mod observer;
mod options;
mod page;
pub(crate) mod resume;
mod screen;
pub(crate) mod stopping;
mod techniques;
mod tensorboard;

pub(crate) use options::Args;

use crate::dataset::{Asked, Sets};
use crate::draw::Target;
use crate::failure::{Failure, tell};
use crate::progress::Clock;
use crate::recorded;
use crate::report::{self, Report, Resumed, shown};
use crate::task::{check_targets, note_on_targets};
use begin::Needs;
use keeper::Keeper;
use log::Log;
use minibatch::Dataset;
use observer::RunObserver;
use std::time::Instant;
use tensorboard::EventFile;

/// Trains a network and prints the plan, the epochs and the end. `started` is the start of the process.
pub(crate) fn run(args: &Args, started: Instant) -> Result<(), Failure> {
    screen::check(args)?;
    let path = args.keeping.checkpoint.as_deref().or(args.resume.as_deref());
    if let (None, Some(option)) = (path, args.keeping.first_given()) {
        return Err(Failure::usage(format!("{option} needs --checkpoint FILE")));
    }
    let validation_split = if args.data.is_whole() {
        args.table.tested.validation_split(args.validation_split)
    } else {
        args.validation_split
    };
    args.stopping.check(validation_split.is_some(), args.resume.is_some())?;
    args.report.iter().try_for_each(Target::check)?;
    let log = args.log.as_deref().map(|path| Log::open(path, args.resume.is_some(), started)).transpose()?;
    let events = args.tensorboard.as_deref();
    let events = events.map(|folder| EventFile::create(folder, args.resume.is_some())).transpose()?;
    // The file is reserved before the checkpoint in it is read, so that nobody writes it afterwards, and before anything that
    // takes time.
    let reserved =
        path.map(|path| checkpoint::reserve(path, &args.keeping, args.resume.as_deref())).transpose()?;
    let in_place = reserved.as_ref().is_some_and(|reserved| reserved.in_place);
    let replaces = reserved.as_ref().is_some_and(|reserved| reserved.replaces);
    let mut recorded = match args.resume.as_deref() {
        None => None,
        Some(path) => Some((path, recorded::load(path)?)),
    };

    let from = begin::from(args)?;
    let asked = Asked {
        data: &args.data,
        table: &args.table,
        task: args.task,
        validation_split: args.validation_split,
        seed: args.seed(),
        pictures: &args.pictures,
        from: from.as_ref(),
    };
    let sets = Sets::open(&asked, recorded.as_ref().map(|(path, recorded)| (*path, recorded)))?;
    let folder = args.data.place();
    let needs = Needs {
        evaluated: [&sets.test, &sets.validation].into_iter().flatten().map(Dataset::len).max().unwrap_or(0),
        buffers: if reserved.is_some() { args.keeping.buffers() } else { 0 },
        inspects: args.inspect || args.dashboard || args.report.is_some(),
    };
    let (mut changed, mut resumed) = (false, None);
    if let Some((path, recorded)) = &mut recorded {
        changed = resume::apply(args, path, recorded)?;
        let (epochs, position) = (recorded.history.len(), recorded.progress.position as usize);
        resumed = Some(Resumed { checkpoint: shown(path), epochs, position });
    }
    let pool = match &recorded {
        None => args.machine.pool()?,
        Some((_, recorded)) => args.machine.pool_for(recorded.class)?,
    };
    let mut trainer = match recorded {
        None => begin::new_trainer(args, &pool, &sets.train, sets.about(), from, needs)?,
        Some((path, recorded)) => begin::resumed_trainer(recorded, path, &folder, &pool, &sets, needs)?,
    };
    if let Some(validation) = &sets.validation {
        begin::set_validation(&mut trainer, validation, args.resume.as_deref(), &folder)?;
    }
    changed |= resume::change_settings(args, &mut trainer)?;
    let keeper = reserved
        .map(|reserved| Keeper::start(reserved.lock, &args.keeping, &trainer, in_place && !changed))
        .transpose()?;
    if let Some(test) = &sets.test {
        check_targets(trainer.network(), test, "test", &folder)?;
    }

    let report = if args.quiet { Report::Quiet } else { Report::new(args.json) };
    let plan = events::plan(args, &pool, &trainer, &sets, path, replaces, resumed);
    report.print(&plan)?;
    if cfg!(debug_assertions) {
        tell("note: this is a debug build; `cargo run --release -- train` is faster");
    }
    if args.resume.is_none() {
        let advice = notes::advice(args, &sets.train)?;
        let on_targets = note_on_targets(&sets.train).filter(|_| sets.preparation.is_none());
        let of_inputs = notes::far_inputs(&sets.train);
        let notes = advice.iter().chain(&of_inputs).chain(&on_targets).chain(&sets.notes);
        notes.for_each(|note| tell(note));
    }
    let clock = Clock::new(&trainer, trainer.settings().epochs);
    let (display, signals) = screen::begin(args, report, &trainer, sets.train.example_shape())?;
    let inspected = args.report.as_ref().map(|_| Vec::new());
    let (inspects, wants_save) = (args.inspect, false);
    let mut run =
        RunObserver { keeper, log, events, signals, clock, display, inspects, inspected, wants_save };
    match run.train(&mut trainer, sets.test.as_ref())? {
        None => {
            let summary = events::summary(&run, &trainer, &sets, started)?;
            report.print(&summary)?;
            let notes = report::notes(&summary.findings, sets.judging().len(), &summary.labels);
            notes.iter().for_each(|note| tell(note));
            let ending = page::Ending::Last(&summary, notes);
            page::write(args, &plan, &trainer, &sets, &run, &ending)
        }
        Some(signal) => {
            // Output to a closed terminal fails. The run is saved, and the exit code tells of the signal.
            if let Err(failure) = report.print(&events::stopped(&run, args, &trainer, signal)) {
                failure.report();
            }
            let ending = page::Ending::Signal(signal, started.elapsed());
            if let Err(failure) = page::write(args, &plan, &trainer, &sets, &run, &ending) {
                failure.report();
            }
            Err(Failure::Stopped(signal))
        }
    }
}
