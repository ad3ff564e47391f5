//! Lists of columns, as options take them.

use std::str::FromStr;

/// Names of columns with commas between them. A name that has a comma stands in quotes, as in a line of CSV.
#[derive(Clone, Debug)]
pub(super) struct ColumnList(Vec<String>);

impl FromStr for ColumnList {
    type Err = String;

    fn from_str(text: &str) -> Result<ColumnList, String> {
        let mut lines = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let names = match (lines.records().next(), text.matches('"').count() % 2) {
            (Some(Ok(names)), 0) => names,
            _ => {
                return Err(
                    "expected names with commas between them, such as width,\"length, mm\"".to_owned()
                );
            }
        };
        Ok(ColumnList(names.iter().map(str::to_owned).collect()))
    }
}

/// All names in several lists.
pub(super) fn names(lists: &[ColumnList]) -> Vec<String> {
    lists.iter().flat_map(|list| list.0.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_commas_between_them() {
        let names = |text: &str| text.parse::<ColumnList>().map(|list| list.0);
        for (text, expected) in [
            ("a", vec!["a"]),
            ("a,b c", vec!["a", "b c"]),
            (r#""width, mm",b"#, vec!["width, mm", "b"]),
            (r#""the ""width""","b""#, vec![r#"the "width""#, "b"]),
        ] {
            assert_eq!(names(text), Ok(expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
        for wrong in ["", r#""a,b"#] {
            assert!(names(wrong).is_err(), "{wrong}");
        }
    }
}
