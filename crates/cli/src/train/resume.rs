//! Resuming a recorded run: the options that it accepts, and the command that resumes it.

use super::network::contradiction;
use super::options::Args;
use crate::failure::Failure;
use crate::shell::line;
use minibatch::{Checkpoint, Trainer};
use std::path::Path;

/// Checks the options against the run in `checkpoint`, and sets its number of epochs and its patience, which may change. Options
/// that contradict the run are refused, unless `--change-settings` allows them. Returns true if one has changed.
pub(super) fn apply(args: &Args, path: &Path, checkpoint: &mut Checkpoint) -> Result<bool, Failure> {
    let settings = &mut checkpoint.settings;
    let network = args.network.contradictions(&checkpoint.network, checkpoint.origin);
    let changes = [
        contradiction("--learning-rate", args.learning_rate, &settings.learning_rate),
        contradiction("--schedule", args.schedule.clone(), &settings.schedule),
    ];
    if args.change_settings && args.learning_rate.is_none() && args.schedule.is_none() {
        return Err(Failure::usage("--change-settings needs --learning-rate ETA or --schedule NAME"));
    }
    let can_change = changes.iter().any(Option::is_some);
    let changes = changes.into_iter().filter(|_| !args.change_settings);
    let settings_differ = [
        contradiction("--class-weights", args.class_weights.clone(), &settings.class_weights),
        contradiction("--batch-size", args.batch_size, &settings.batch_size),
        contradiction("--seed", args.seed, &settings.seed),
    ];
    let optimizer = contradiction("--optimizer", args.optimizer.clone(), &settings.optimizer);
    let hidden = checkpoint.network.layers().len() - 1;
    let techniques = args.techniques.contradictions(settings, hidden)?;
    let patience = settings.early_stopping.map(|stopping| stopping.patience);
    let stopping = args.stopping.apply(settings);
    let contradictions = network.into_iter().chain([optimizer]).chain(changes).chain(settings_differ);
    let contradictions: Vec<String> = contradictions.chain(techniques).flatten().chain(stopping).collect();
    if !contradictions.is_empty() {
        let (path, contradictions) = (path.display(), contradictions.join("; "));
        let change = match can_change && !args.change_settings {
            true => "; --change-settings sets learning rate and schedule for the rest of the run",
            false => "",
        };
        return Err(Failure::usage(format!(
            "{path} can't go on with other settings: {contradictions}; leave them out, or start a new run{change}"
        )));
    }
    let is_other = settings.early_stopping.map(|stopping| stopping.patience) != patience;
    let Some(epochs) = args.epochs else { return Ok(is_other) };
    let begun = checkpoint.history.len() + usize::from(checkpoint.progress.position > 0);
    if epochs < begun {
        let path = path.display();
        return Err(Failure::usage(format!("--epochs {epochs}: {path} is in epoch {begun} already")));
    }
    Ok(std::mem::replace(&mut settings.epochs, epochs) != epochs || is_other)
}

/// Sets the learning rate and the schedule that `--change-settings` allows. Returns true if one has changed.
pub(super) fn change_settings(args: &Args, trainer: &mut Trainer) -> Result<bool, Failure> {
    let before = trainer.changes().len();
    if args.change_settings {
        args.learning_rate.map_or(Ok(()), |rate| trainer.set_learning_rate(rate)).map_err(Failure::usage)?;
        args.schedule.clone().map_or(Ok(()), |one| trainer.set_schedule(one)).map_err(Failure::usage)?;
    }
    Ok(trainer.changes().len() > before)
}

/// The command that resumes the run in `path`, as a shell takes it.
pub(crate) fn command(args: &Args, path: &Path) -> String {
    let program = std::env::args_os().next().unwrap_or_else(|| "minibatch".into());
    let mut words = vec![program, "train".into(), "--resume".into(), path.into()];
    words.extend(args.data.given());
    words.extend(args.table.tested.given());
    words.extend(args.pictures.given());
    if let Some(fraction) = args.validation_split {
        words.extend(["--validation-split".into(), fraction.to_string().into()]);
    }
    words.extend(args.machine.given());
    words.extend(args.keeping.given());
    if let Some(page) = &args.report {
        words.extend(["--report".into(), page.path.clone().into()]);
    }
    if args.dashboard {
        words.push("--dashboard".into());
    }
    if args.inspect {
        words.push("--inspect".into());
    }
    if args.json {
        words.push("--json".into());
    }
    line(&words)
}
