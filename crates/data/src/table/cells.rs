//! A column while it is read: the number that each cell becomes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64;

/// Different texts of a column that is still looked at. A column with more is one of numbers, or of free text.
pub(super) const FEW: usize = 100;

/// Texts that stand for no value, in any case.
const NO_VALUE: [&str; 6] = ["na", "n/a", "nan", "null", "none", "?"];

/// Whether a cell's text, trimmed, stands for no value.
pub(super) fn is_missing(text: &[u8]) -> bool {
    text.is_empty()
        || (text.len() <= 4 && NO_VALUE.iter().any(|none| text.eq_ignore_ascii_case(none.as_bytes())))
}

/// The number that a text is, or `None`. It may be infinite, if it is beyond the range of f32.
pub(crate) fn number(text: &[u8], decimal_comma: bool) -> Option<f32> {
    // `parse` would take `inf` and `nan`, too.
    let begins = |c: u8| c.is_ascii_digit() || b"+-.,".contains(&c);
    if !text.first().is_some_and(|&c| begins(c)) || text.last().is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    if !decimal_comma {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    if text.contains(&b'.') {
        return None;
    }
    let text: Vec<u8> = text.iter().map(|&c| if c == b',' { b'.' } else { c }).collect();
    std::str::from_utf8(&text).ok()?.parse().ok()
}

/// The kind of the cells of a column, as far as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Found by looking.
    Look,
    /// Numbers, for sure.
    Numbers,
    /// Categories, for sure, be they numbers or many.
    Categories,
}

/// A text of a column, as long as it is looked at.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) text: Box<[u8]>,
    pub(super) number: Option<f32>,
    pub(super) line: u64,
    pub(super) count: u64,
}

/// A column while it is read.
#[derive(Debug)]
pub(super) struct Cells {
    hint: Hint,
    decimal_comma: bool,
    /// Whether any number of texts is accepted: those of a target are its classes.
    takes_many: bool,
    /// Whether the cells are numbers from here on, and not indices of `seen`.
    are_numbers: bool,
    pub(super) seen: Vec<Seen>,
    indices: HashMap<Box<[u8]>, u32, BuildHasherDefault<TextHasher>>,
    pub(super) missing: usize,
}

/// The meaning of a cell for its column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// The number that stands for it.
    Is(f32),
    /// The same, and from here on the cells are numbers: those before are indices of the texts seen.
    NumberFromHere(f32),
    /// It isn't a number, in a column of numbers.
    NotANumber,
    /// It is a number beyond the range of f32.
    Infinite,
    /// It is one text too many.
    FreeText,
}

impl Cells {
    pub(super) fn new(hint: Hint, decimal_comma: bool, takes_many: bool) -> Cells {
        let are_numbers = hint == Hint::Numbers;
        Cells {
            hint,
            decimal_comma,
            takes_many: takes_many || hint == Hint::Categories,
            are_numbers,
            seen: Vec::new(),
            indices: HashMap::default(),
            missing: 0,
        }
    }

    /// Takes the cell with this text, trimmed, which has a value.
    #[inline]
    pub(super) fn take(&mut self, text: &[u8], line: u64) -> Cell {
        if self.are_numbers {
            return match number(text, self.decimal_comma) {
                Some(number) if number.is_finite() => Cell::Is(number),
                Some(_) => Cell::Infinite,
                None => Cell::NotANumber,
            };
        }
        if let Some(&index) = self.indices.get(text) {
            self.seen[index as usize].count += 1;
            return Cell::Is(index as f32);
        }
        let number = number(text, self.decimal_comma);
        if number.is_some_and(f32::is_infinite) && self.hint != Hint::Categories {
            return Cell::Infinite;
        }
        if self.seen.len() >= FEW && self.hint == Hint::Look {
            if self.all_are_numbers() {
                self.are_numbers = true;
                return number.map_or(Cell::NotANumber, Cell::NumberFromHere);
            }
            if !self.takes_many {
                return Cell::FreeText;
            }
        }
        let index = self.seen.len() as u32;
        self.indices.insert(text.into(), index);
        self.seen.push(Seen { text: text.into(), number, line, count: 1 });
        Cell::Is(index as f32)
    }

    fn all_are_numbers(&self) -> bool {
        self.seen.iter().all(|seen| seen.number.is_some())
    }

    /// The first text that isn't a number.
    pub(super) fn first_text(&self) -> Option<&Seen> {
        self.seen.iter().find(|seen| seen.number.is_none())
    }

    /// The numbers that the texts seen so far are.
    pub(super) fn numbers(&self) -> Vec<f32> {
        self.seen.iter().map(|seen| seen.number.unwrap_or(f32::NAN)).collect()
    }

    /// Whether the column is one of numbers, now that all of it has been seen.
    pub(super) fn ends_as(&self) -> Ends {
        match self.hint {
            _ if self.are_numbers => Ends::Numbers,
            Hint::Look if self.all_are_numbers() => Ends::FewNumbers,
            _ => Ends::Texts,
        }
    }
}

/// The kind of a column, once all of it has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Numbers.
    Numbers,
    /// Indices of texts that are all numbers.
    FewNumbers,
    /// Indices of texts.
    Texts,
}

/// Hashes the one slice of bytes that a text is.
#[derive(Default)]
pub(super) struct TextHasher(u64);

impl Hasher for TextHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    // The length of the slice, which tells nothing that its bytes don't.
    #[inline]
    fn write_usize(&mut self, _: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_texts() {
        for (text, decimal_comma, expected) in [
            ("12", false, Some(12.0)),
            ("-1.5e3", false, Some(-1500.0)),
            ("+.5", false, Some(0.5)),
            ("5.", false, Some(5.0)),
            ("1,5", false, None),
            ("1,5", true, Some(1.5)),
            ("1.5", true, None),
            ("1e40", false, Some(f32::INFINITY)),
            ("inf", false, None),
            ("-inf", false, None),
            ("-nan", false, None),
            ("1_000", false, None),
            ("12px", false, None),
            ("-", false, None),
            ("2026-11-29", false, None),
        ] {
            assert_eq!(number(text.as_bytes(), decimal_comma), expected, "{text}");
        }
    }

    #[test]
    fn texts_for_no_value() {
        for text in ["", "NA", "n/a", "NaN", "nan", "NULL", "None", "?"] {
            assert!(is_missing(text.as_bytes()), "{text}");
        }
        for text in ["0", "-", "no", "nanny", "N/A!"] {
            assert!(!is_missing(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_column_of_many_numbers_becomes_one_of_numbers() {
        let mut cells = Cells::new(Hint::Look, false, false);
        for i in 0..FEW {
            assert_eq!(cells.take(format!("{}", 2 * i).as_bytes(), 1), Cell::Is(i as f32));
        }
        assert_eq!(cells.take(b"0", 1), Cell::Is(0.0));
        assert_eq!(cells.take(b"0.5", 1), Cell::NumberFromHere(0.5));
        assert_eq!(cells.take(b"0.25", 1), Cell::Is(0.25));
        assert_eq!(cells.take(b"x", 1), Cell::NotANumber);
        assert_eq!(cells.take(b"1e99", 1), Cell::Infinite);
        assert_eq!(cells.numbers()[3], 6.0);
        assert_eq!(cells.ends_as(), Ends::Numbers);
    }

    #[test]
    fn a_column_of_many_texts_is_free_text_unless_it_is_asked_for() {
        for (hint, takes_many, last) in [
            (Hint::Look, false, Cell::FreeText),
            (Hint::Look, true, Cell::Is(FEW as f32)),
            (Hint::Categories, false, Cell::Is(FEW as f32)),
        ] {
            let mut cells = Cells::new(hint, false, takes_many);
            for i in 0..FEW {
                cells.take(format!("a{i}").as_bytes(), 1);
            }
            assert_eq!(cells.take(b"another", 1), last);
        }
    }
}
