//! Going on with a recorded run: what may be asked of it, and the command that does.

use crate::failure::Failure;
use crate::train::Args;
use minibatch::Checkpoint;
use std::fmt::Display;
use std::path::Path;

/// Takes over what may change, and refuses options that contradict the recorded run.
pub(crate) fn apply(args: &Args, path: &Path, checkpoint: &mut Checkpoint) -> Result<(), Failure> {
    let settings = &mut checkpoint.settings;
    let initializer = checkpoint.origin.map(|origin| origin.initializer);
    let network = args.network.contradictions(&checkpoint.network, initializer).into_iter();
    let network = network.map(|(option, recorded, asked)| differs(option, recorded, asked));
    let settings_differ = [
        contradiction("--learning-rate", args.learning_rate, settings.learning_rate),
        contradiction("--batch-size", args.batch_size, settings.batch_size),
        contradiction("--seed", args.seed, settings.seed),
    ];
    let contradictions: Vec<String> = network.chain(settings_differ.into_iter().flatten()).collect();
    if !contradictions.is_empty() {
        let (path, contradictions) = (path.display(), contradictions.join("; "));
        return Err(Failure::usage(format!(
            "{path} can't go on with other settings: {contradictions}; leave them out, or start a new run"
        )));
    }
    if let Some(epochs) = args.epochs {
        let begun = checkpoint.history.len() + usize::from(checkpoint.progress.position > 0);
        if epochs < begun {
            let path = path.display();
            return Err(Failure::usage(format!("--epochs {epochs}: {path} is in epoch {begun} already")));
        }
        settings.epochs = epochs;
    }
    Ok(())
}

fn contradiction<T: PartialEq + Display>(option: &str, asked: Option<T>, recorded: T) -> Option<String> {
    let asked = asked.filter(|asked| *asked != recorded)?;
    Some(differs(option, recorded, asked))
}

fn differs(option: &str, recorded: impl Display, asked: impl Display) -> String {
    format!("{option} is recorded as {recorded}, asked for is {asked}")
}

/// The command that goes on with the run in `path`, as a shell takes it.
pub(crate) fn command(args: &Args, path: &Path) -> String {
    let program =
        std::env::args_os().next().map_or_else(|| "minibatch".to_owned(), |p| p.display().to_string());
    let mut words = vec![program, "train".to_owned(), "--resume".to_owned(), path.display().to_string()];
    words.extend(args.data.given());
    if let Some(fraction) = args.validation_split {
        words.extend(["--validation-split".to_owned(), fraction.to_string()]);
    }
    words.extend(args.machine.given());
    words.extend(args.keeping.given());
    if args.json {
        words.push("--json".to_owned());
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, shown) in [
            ("run-1.ckpt", "run-1.ckpt"),
            ("", "''"),
            ("my run", "'my run'"),
            ("a'b", r"'a'\''b'"),
            ("$x", "'$x'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
