//! Command lines, as a shell takes them.

use std::ffi::{OsStr, OsString};

/// The words as a line that a POSIX shell takes apart into them.
pub(crate) fn line(words: &[OsString]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &OsStr) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    match word.to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => word.to_owned(),
        Some(word) if !word.contains(char::is_control) => format!("'{}'", word.replace('\'', r"'\''")),
        // `$'…'` has escapes for all bytes. POSIX has it since 2024, and bash, zsh and ksh since long before.
        _ => {
            let escaped = |byte: &u8| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).to_string(),
                byte => format!("\\{byte:03o}"),
            };
            format!("$'{}'", word.as_encoded_bytes().iter().map(escaped).collect::<String>())
        }
    }
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
            ("ü", "'ü'"),
            ("a\nb'\\", r"$'a\012b\'\\'"),
        ] {
            assert_eq!(quoted(OsStr::new(word)), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_quoted_by_their_bytes() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(quoted(OsStr::from_bytes(b"r\xff n.ckpt")), r"$'r\377 n.ckpt'");
    }
}
