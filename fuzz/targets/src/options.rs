//! The command's options. No command line panics, each refusal is one line, and a printed command line is parsed to the same
//! options again.

use minibatch_cli::inspect::{CHECKPOINT, Parsed, Train, options as parse};
use std::ffi::OsString;

/// The target: words, a line each.
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

/// Checks that the command that goes on with a run is valid, and names itself in the same way.
fn resumed(train: &Train) {
    let words = shell_words(&train.resume);
    let (_program, words) = words.split_first().expect("a program");
    assert!(words.windows(2).any(|pair| pair == ["--resume", CHECKPOINT]), "{words:?}");
    match parse(words) {
        Parsed::Train(again) => assert_eq!(again.resume, train.resume),
        other => panic!("{} is {other:?}", train.resume),
    }
}

/// Checks that the words that name every choice mean the same choices.
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

/// The words of a line as a POSIX shell reads it, without expansions. The line must need none.
fn shell_words(line: &str) -> Vec<OsString> {
    let (mut words, mut text, mut characters) = (Vec::new(), None::<Vec<u8>>, line.chars().peekable());
    while let Some(c) = characters.next() {
        match c {
            ' ' => words.extend(text.take()),
            '\'' => {
                let quoted: String = characters.by_ref().take_while(|&c| c != '\'').collect();
                text.get_or_insert_default().extend(quoted.bytes());
            }
            '\\' => text.get_or_insert_default().extend(characters.next().map(|c| c as u8)),
            '$' if characters.next_if_eq(&'\'').is_some() => {
                text.get_or_insert_default().extend(escaped(&mut characters));
            }
            c if c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c) => {
                text.get_or_insert_default().push(c as u8);
            }
            c => panic!("a shell may read {c:?} of {line:?} otherwise"),
        }
    }
    words.extend(text);
    words.iter().map(|text| word(text)).collect()
}

/// The bytes of `$'…'` up to its end. A backslash stands before itself, a quote, or three octal digits.
fn escaped(characters: &mut impl Iterator<Item = char>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(c) = characters.next().filter(|&c| c != '\'') {
        let next = if c == '\\' { characters.next() } else { None };
        bytes.push(match next.map(|digit| digit.to_digit(8)) {
            None => c as u8,
            Some(None) => next.map_or(b'\\', |c| c as u8),
            Some(Some(first)) => {
                let digits = [characters.next(), characters.next()];
                digits.iter().fold(first, |number, digit| {
                    8 * number + digit.and_then(|digit| digit.to_digit(8)).expect("three octal digits")
                }) as u8
            }
        });
    }
    bytes
}
