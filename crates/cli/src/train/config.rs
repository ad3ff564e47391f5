//! Configuration files: options of `train` as TOML, `key = value` for `--key value`.
//!
//! A file stands for options on the command line, so each option has one name and one meaning. Options that are given on the
//! command line as well go before the file's.

use crate::failure::Failure;
use crate::shell::line;
use minibatch::Settings;
use minibatch::checkpoint::Annotations;
use minibatch_data::list_item;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;
use toml::Value;

/// The option that names a file.
const CONFIG: &str = "--config";

/// Options that say what to do with a run, and not what it is. A file can't have them.
const NOT_IN_A_FILE: [&str; 4] = ["config", "resume", "help", "overwrite"];

/// Options of which the command line has at most one of each pair.
const INSTEAD: [(&str, &str); 2] = [("hidden", "layers"), ("layers", "hidden")];

/// `arguments`, those of the process, in which the options of a `train --config FILE` stand before the others.
pub(crate) fn expanded(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    if arguments.get(1).is_none_or(|command| command != "train") {
        return Ok(arguments);
    }
    let Some(path) = value_of(&arguments, CONFIG) else { return Ok(arguments) };
    let path = Path::new(&path).to_owned();
    let at = |cause: String| Failure::usage(format!("{}: {cause}", path.display()));
    let text = fs::read_to_string(&path).map_err(|error| at(format!("can't be read: {error}")))?;
    let options = read(&text).map_err(at)?;
    let is_given = |key: &str| {
        let instead = INSTEAD.iter().find(|(one, _)| *one == key).map(|(_, other)| *other);
        [Some(key), instead].into_iter().flatten().any(|key| has(&arguments, &format!("--{key}")))
    };
    let mut expanded = arguments[..2].to_vec();
    expanded.extend(options.into_iter().filter(|(key, _)| !is_given(key)).flat_map(|(_, words)| words));
    expanded.extend_from_slice(&arguments[2..]);
    Ok(expanded)
}

/// `train` with all its options.
fn command() -> clap::Command {
    <super::Args as clap::Args>::augment_args(clap::Command::new("train"))
}

/// The options in `text`: each with its key and the words that it stands for.
fn read(text: &str) -> Result<Vec<(String, Vec<OsString>)>, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        format!("line {line}: {}", error.message().replace('\n', " "))
    })?;
    let command = command();
    let known: Vec<(&str, &clap::Arg)> = command
        .get_arguments()
        .filter_map(|argument| Some((argument.get_long()?, argument)))
        .filter(|(name, _)| !NOT_IN_A_FILE.contains(name))
        .collect();
    let mut options = Vec::new();
    for (key, value) in table {
        let Some((_, argument)) = known.iter().find(|(name, _)| *name == key) else {
            let likeness = |(name, _): &&(&str, &clap::Arg)| (strsim::jaro_winkler(name, &key) * 1e6) as u32;
            let closest = known.iter().max_by_key(likeness).map_or("hidden", |(name, _)| name);
            return Err(format!("unknown key '{key}'; the closest is '{closest}'"));
        };
        let takes_value = argument.get_action().takes_values();
        let words =
            words(&key, &value, takes_value).map_err(|expected| format!("key '{key}': {expected}"))?;
        options.push((key, words));
    }
    Ok(options)
}

/// The words that `key = value` stands for.
fn words(key: &str, value: &Value, takes_value: bool) -> Result<Vec<OsString>, String> {
    let option = format!("--{key}");
    if !takes_value {
        return match value {
            Value::Boolean(true) => Ok(vec![option.into()]),
            Value::Boolean(false) => Ok(Vec::new()),
            _ => Err("expected true or false".to_owned()),
        };
    }
    let text = match value {
        Value::Array(list) => {
            // No item but a column's name has a comma.
            let item = |value| scalar(value).map(|text| list_item(&text));
            list.iter().map(item).collect::<Option<Vec<_>>>().map(|list| list.join(","))
        }
        value => scalar(value),
    };
    let text = text.ok_or("expected text, a number, or a list of them")?;
    Ok(vec![format!("{option}={text}").into()])
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(format!("{number:?}")),
        _ => None,
    }
}

/// Options that say where a run's files are, and what is printed. A recorded configuration leaves them out.
const OF_FILES: [&str; 10] = [
    "checkpoint",
    "checkpoint-every",
    "keep",
    "log",
    "report",
    "tensorboard",
    "json",
    "quiet",
    "from",
    "cache",
];

/// The options among `arguments` that decide a run, as a file has them.
pub(crate) fn text(arguments: &[OsString]) -> String {
    let command = command();
    let mut table = toml::Table::new();
    let mut words = arguments.iter().skip(2).filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let (key, value) = option.split_once('=').map_or((option, None), |(key, value)| (key, Some(value)));
        let argument = command.get_arguments().find(|argument| argument.get_long() == Some(key));
        let takes_value = argument.is_some_and(|argument| argument.get_action().takes_values());
        let value =
            if takes_value { value.or_else(|| words.next()).map(parsed) } else { Some(Value::Boolean(true)) };
        let is_kept = !NOT_IN_A_FILE.contains(&key) && !OF_FILES.contains(&key);
        if let Some(value) = value.filter(|_| is_kept && argument.is_some()) {
            table.insert(key.to_owned(), value);
        }
    }
    table.to_string()
}

/// The command that trains a run with these `annotations` and `settings` again, as a shell takes it. `data` are named without an option.
/// None if the run was begun by a program that uses the library.
pub(crate) fn repeating(
    annotations: &Annotations,
    settings: &Settings,
    data: Option<&Path>,
) -> Option<String> {
    annotations.recipe.as_ref()?;
    let mut options: toml::Table = annotations.configuration.as_deref().unwrap_or_default().parse().ok()?;
    options.remove("inspect");
    options.insert("epochs".to_owned(), Value::Integer(settings.epochs as i64));
    // A seed beyond TOML's integers was given as an option, and is there as text.
    if let Ok(seed) = i64::try_from(settings.seed) {
        options.insert("seed".to_owned(), Value::Integer(seed));
    }
    let mut words: Vec<OsString> = vec!["minibatch".into(), "train".into()];
    words.extend(data.map(OsString::from));
    if let Some(source) = &annotations.source {
        words.extend(["--from".into(), source.into()]);
    }
    words.extend(read(&options.to_string()).ok()?.into_iter().flat_map(|(_, words)| words));
    Some(line(&words))
}

/// A value as TOML has it: a number, a list of numbers, or text.
fn parsed(text: &str) -> Value {
    let number = |text: &str| {
        let whole = text.parse().map(Value::Integer).ok();
        whole.or_else(|| text.parse().ok().filter(|x: &f64| x.is_finite()).map(Value::Float))
    };
    let list = || text.split(',').map(|word| number(word.trim())).collect::<Option<Vec<_>>>();
    match number(text) {
        Some(number) => number,
        None => {
            list().filter(|list| list.len() > 1).map_or_else(|| Value::String(text.to_owned()), Value::Array)
        }
    }
}

/// Whether `option` is among the arguments.
fn has(arguments: &[OsString], option: &str) -> bool {
    arguments
        .iter()
        .filter_map(|word| word.to_str())
        .any(|word| word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
}

/// The value of `option` among the arguments.
fn value_of(arguments: &[OsString], option: &str) -> Option<OsString> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == option {
            return words.next().cloned();
        }
        if let Some(value) = word.to_str().and_then(|word| word.strip_prefix(option)?.strip_prefix('=')) {
            return Some(OsStr::new(value).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, String> {
        let words = read(text)?.into_iter().flat_map(|(_, words)| words);
        Ok(words.map(|word| word.into_string().expect("text")).collect())
    }

    #[test]
    fn a_file_stands_for_options() {
        let text = "hidden = [100, 50]\nlearning-rate = 0.5\noptimizer = 'adam(0.9)'\nepochs = 3\ndrop-last = true\n";
        let mut found = words(text).expect("options");
        found.sort();
        let expected =
            ["--drop-last", "--epochs=3", "--hidden=100,50", "--learning-rate=0.5", "--optimizer=adam(0.9)"];
        assert_eq!(found, expected);
        assert_eq!(words("drop-last = false").expect("nothing"), [""; 0]);
    }

    #[test]
    fn what_is_given_is_written_as_a_file() {
        let words = "minibatch train --hidden=100,50 --learning-rate 0.5 --drop-last --checkpoint x --cache y --optimizer adam(0.9,0.99)";
        let written = text(&words.split(' ').map(OsString::from).collect::<Vec<_>>());
        let expected =
            "drop-last = true\nhidden = [100, 50]\nlearning-rate = 0.5\noptimizer = \"adam(0.9,0.99)\"\n";
        assert_eq!(written, expected);
        let read: Vec<_> = read(&written).expect("options").into_iter().map(|(key, _)| key).collect();
        assert_eq!(read, ["drop-last", "hidden", "learning-rate", "optimizer"]);
    }

    #[test]
    fn faults_name_what_is_expected() {
        for (text, expected) in [
            ("hiden = [3]", "unknown key 'hiden'; the closest is 'hidden'"),
            ("resume = 'x'", "unknown key 'resume'; the closest is"),
            ("drop-last = 1", "key 'drop-last': expected true or false"),
            ("[hidden]\na = 1", "key 'hidden': expected text, a number, or a list of them"),
            ("epochs = 3\nhidden = [", "line 2: "),
        ] {
            let error = words(text).expect_err(text);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
