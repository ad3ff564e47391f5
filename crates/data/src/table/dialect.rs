//! The form of a table's text: the character between two cells, and whether the first line has names.

use super::cells::{is_missing, number};

/// The characters that may stand between two cells, the first of equally good ones first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Lines that are looked at.
const LINES: usize = 100;

/// The delimiter of the text that begins with `start`: the one that parts all lines into as many cells, and into the most.
pub(super) fn delimiter(start: &[u8], is_whole: bool) -> u8 {
    let found = DELIMITERS.map(|delimiter| {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(start);
        let mut cells: Vec<usize> =
            reader.byte_records().take(LINES).map_while(Result::ok).map(|row| row.len()).collect();
        // The last line may be cut.
        if !is_whole && cells.len() > 1 && cells.len() < LINES {
            cells.pop();
        }
        let first = cells.first().copied().unwrap_or_default();
        let alike = cells.iter().filter(|&&count| count == first).count();
        (first > 1, alike == cells.len(), if first > 1 { alike } else { 0 }, first)
    });
    let best = (0..DELIMITERS.len()).rev().max_by_key(|&index| found[index]).unwrap_or_default();
    DELIMITERS[best]
}

/// Whether these cells of a first line are names: all of them have a text, and none is a number.
pub(super) fn are_names<'a>(cells: impl Iterator<Item = &'a [u8]>, decimal_comma: bool) -> bool {
    cells.map(<[u8]>::trim_ascii).all(|cell| number(cell, decimal_comma).is_none() && !is_missing(cell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_found() {
        for (text, expected) in [
            ("a,b,c\n1,2,3\n", b','),
            ("a;b;c\n1,5;2,5;3\n", b';'),
            ("a\tb\n1,2\t3\n", b'\t'),
            ("a|b\n1|2\n", b'|'),
            ("one\n1\n2\n", b','),
            ("name,note\n\"x;y;z\",\"a\tb\"\n", b','),
            ("name;note\n\"a,b\nc,d\";2\n", b';'),
            ("a,b;c\n1,2;3\n", b','),
        ] {
            assert_eq!(delimiter(text.as_bytes(), true), expected, "{text:?}");
        }
        assert_eq!(delimiter(b"a,b,c\n1,2,3\n4,", false), b',', "the last line is cut");
    }

    #[test]
    fn names_are_told_from_cells() {
        let names = |line: &str| are_names(line.split(',').map(str::as_bytes), false);
        assert!(names("a,b"));
        assert!(!names("a,1.5"));
        assert!(!names("a,"));
        assert!(!names("5.1,setosa"));
    }
}
