//! `minibatch report`: the page of the run in a checkpoint.

use crate::draw::{Format, Target};
use crate::failure::{Failure, tell};
use crate::info::Info;
use crate::report::{Labels, notes, place, shown, write_out};
use crate::run_page::{Again, Judged, RunPage, Set};
use crate::train::config;
use crate::train::judge::best_by;
use crate::{dataset, eval, machine, memory, recorded, shell};
use minibatch::checkpoint::DataIdentity;
use minibatch::{Checkpoint, ClassMetrics, Dataset, Finding, footprint};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The options of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,

    #[command(flatten)]
    data: dataset::Args,

    /// Write the page to this file, which ends with .html [default: the checkpoint's name with this ending]
    #[arg(long, value_name = "FILE", value_parser = Target::of_page)]
    output: Option<Target>,

    #[command(flatten)]
    machine: machine::Args,
}

/// Writes the page.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let path = &args.checkpoint;
    let target = match &args.output {
        Some(target) => target.clone(),
        None => beside(path)?,
    };
    target.check()?;
    let checkpoint = recorded::load(path)?;
    let network = checkpoint.result();
    let pool = args.machine.pool()?;
    let found = find(args, &checkpoint)?;
    let mut findings = Vec::new();
    let (mut of_data, mut measured) = (Vec::new(), None);
    if let Ok((test, data_notes)) = &found {
        let bytes = footprint::metrics(network, test.len(), &pool);
        let what = format!("{}: evaluating its network", path.display());
        memory::check(what, bytes, "ask for fewer threads").map_err(Failure::Run)?;
        let metrics = network.metrics(&pool, test)?;
        let neglected = metrics.classes().into_iter().flat_map(ClassMetrics::neglected);
        let neglected: Vec<Finding> = neglected.map(|score| Finding::NeglectedClass(*score)).collect();
        findings.extend(notes(&neglected, test.len(), &Labels::of(network)));
        of_data.clone_from(data_notes);
        measured = Some(metrics);
    }
    let judged = match (&found, &measured) {
        (Ok((data, _)), Some(metrics)) => {
            let is_recorded = checkpoint.tested_on == Some(DataIdentity::of(data));
            Ok(Judged {
                set: if is_recorded { Set::Test } else { Set::Named },
                data,
                pool: &pool,
                evaluation: metrics.evaluation,
                measures: &metrics.measures,
            })
        }
        (Err(why), _) => Err(why.clone()),
        (Ok(_), None) => Err(String::new()),
    };
    let history = &checkpoint.history;
    let is_validated = history.iter().any(|epoch| epoch.validation.is_some());
    let best = best_by(history, if is_validated { |epoch| epoch.validation } else { |epoch| epoch.test });
    let page = RunPage {
        data: (args.data.is_given() || found.is_ok()).then(|| shown(&args.data.place())),
        network,
        rows: Info::new(path, &checkpoint)?.rows(),
        settings: &checkpoint.settings,
        examples: checkpoint.settings.epoch_examples(checkpoint.data.examples as usize),
        history,
        ending: ending(path, &checkpoint),
        best: best.map(|epoch| epoch.number),
        restored: checkpoint.best.as_ref().map(|best| best.epoch),
        layers: Err("A checkpoint doesn't record the state of the layers. `minibatch train … --report FILE` looks at it after each epoch.".to_owned()),
        judged,
        notes: findings.into_iter().chain(of_data).collect(),
        seconds: None,
        again: again(args, &checkpoint),
    };
    target.write(page.html()?.as_bytes())?;
    write_out(format!("Wrote {}.\n", target.path.display()).as_bytes())?;
    if let Err(why) = &found {
        tell(&format!("note: {why}"));
    }
    Ok(())
}

/// The page beside a checkpoint. One that is there may be that of `train --report`, which knows more.
fn beside(checkpoint: &Path) -> Result<Target, Failure> {
    let page = checkpoint.with_extension("html");
    if page.is_file() {
        let page = page.display();
        return Err(Failure::usage(format!(
            "{page}: expected a new name, found a file; `--output {page}` replaces it, --output FILE names another"
        )));
    }
    Ok(Target { path: page, format: Format::Html })
}

/// The data to judge the network on and notes about them, or the sentence that says why there are none. Without a word of the user's, the
/// default dataset is taken if it is the one that the run was tested on.
fn find(args: &Args, checkpoint: &Checkpoint) -> Result<Result<(Dataset, Vec<String>), String>, Failure> {
    let opened = || eval::opened(&args.data, None, &args.checkpoint, checkpoint.result());
    if args.data.is_given() {
        return opened().map(Ok);
    }
    let is_known = |test: &Dataset| checkpoint.tested_on == Some(DataIdentity::of(test));
    let at_hand = checkpoint.tested_on.and_then(|_| opened().ok()).filter(|(test, _)| is_known(test));
    Ok(at_hand.ok_or_else(|| {
        let words: [OsString; 3] = ["minibatch".into(), "report".into(), args.checkpoint.clone().into()];
        format!("This part needs data to judge the network on. `{} DATA` adds it.", shell::line(&words))
    }))
}

/// The end of the run, in sentences.
fn ending(path: &Path, checkpoint: &Checkpoint) -> String {
    let (epochs, settings) = (checkpoint.history.len(), &checkpoint.settings);
    let step = (checkpoint.progress.position as usize).div_ceil(settings.batch_size);
    let path = path.display();
    if epochs >= settings.epochs {
        return format!("{path} holds the run as of its last epoch.");
    }
    format!("{path} holds the run as of {}, of {} epochs.", place(epochs, step), settings.epochs)
}

/// The way to repeat the run.
fn again(args: &Args, checkpoint: &Checkpoint) -> Again {
    let (network, annotations) = (&checkpoint.network, &checkpoint.annotations);
    let recorded = annotations.configuration.as_deref().unwrap_or_default();
    let recorded: toml::Table = recorded.parse().unwrap_or_default();
    let is_named = recorded.contains_key("dataset") || recorded.contains_key("data");
    let needs_data = network.preparation().is_some() || network.class_names().is_some();
    let unknown = Path::new("DATA");
    let source = args.data.source().filter(|_| !is_named).or((needs_data && !is_named).then_some(unknown));
    let command = config::repeating(annotations, &checkpoint.settings, source);
    let mut notes = Vec::new();
    match &command {
        Some(_) if source == Some(unknown) => {
            notes.push(
                "DATA are the data that it was trained on. A checkpoint doesn't record their place."
                    .to_owned(),
            );
        }
        Some(_) => {}
        None => notes.push(
            "The run was begun by a program that uses the library, so no command repeats it.".to_owned(),
        ),
    }
    if !checkpoint.changes.is_empty() {
        notes.push(
            "Settings were changed in the course of the run, and the command doesn't change them.".to_owned(),
        );
    }
    Again { command, notes }
}
