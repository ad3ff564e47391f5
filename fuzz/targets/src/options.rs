//! The command's options: no command line panics, each refusal is one line, and what is printed is parsed to the same again.

use minibatch_cli::inspect::{CHECKPOINT, Parsed, Train, options as parse};
use std::ffi::OsString;

/// Words, a line each.
pub fn options(bytes: &[u8]) -> bool {
    let words: Vec<OsString> = bytes.split(|&byte| byte == b'\n').map(word).collect();
    match parse(&words) {
        Parsed::Refused(line) => {
            let users = words.iter().any(|word| word.to_string_lossy().contains(char::is_control));
            assert!(users || !line.contains('\n'), "an error is one line: {line:?}");
            assert!(line.ends_with("; see `--help`"), "{line:?}");
            false
        }
        Parsed::Shown(text) => {
            assert!(!text.is_empty());
            false
        }
        Parsed::Command => true,
        Parsed::Train(train) => {
            resumed(&train);
            train.recipes.iter().flatten().filter(|recipe| described(recipe)).count() > 0
        }
    }
}

#[cfg(unix)]
fn word(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// The command that goes on with a run is one, and says of itself the same.
fn resumed(train: &Train) {
    let words = shell_words(&train.resume);
    let (_program, words) = words.split_first().expect("a program");
    assert!(words.windows(2).any(|pair| pair == ["--resume", CHECKPOINT]), "{words:?}");
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    match parse(&words) {
        Parsed::Train(again) => assert_eq!(again.resume, train.resume),
        other => panic!("{} is {other:?}", train.resume),
    }
}

/// The words that name every choice mean the same choices.
fn described(recipe: &Result<Vec<String>, String>) -> bool {
    let recipe = match recipe {
        Ok(recipe) => recipe,
        Err(why) => {
            assert!(!why.is_empty());
            return false;
        }
    };
    let words: Vec<OsString> =
        ["train"].into_iter().map(OsString::from).chain(recipe.iter().map(OsString::from)).collect();
    match parse(&words) {
        Parsed::Train(again) => {
            let same = again.recipes.iter().flatten().any(|again| again.as_ref() == Ok(recipe));
            assert!(same, "{recipe:?} are parsed as {:?}", again.recipes);
        }
        other => panic!("{recipe:?} are {other:?}"),
    }
    true
}

/// The words of a line as a POSIX shell reads it, without expansions: of a line that needs none.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut characters) = (Vec::new(), None::<String>, line.chars());
    while let Some(c) = characters.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' => {
                let quoted = characters.by_ref().take_while(|&c| c != '\'');
                word.get_or_insert_default().extend(quoted);
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            c if c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c) => {
                word.get_or_insert_default().push(c);
            }
            c => panic!("a shell may read {c:?} of {line:?} otherwise"),
        }
    }
    words.extend(word);
    words
}
