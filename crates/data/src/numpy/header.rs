//! The header of a NumPy array: a dictionary of Python's with its type, order and shape.

use crate::error::TableFault;

use super::{Element, NUMPY_MAGIC};

/// The header of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) is_big_endian: bool,
    pub(super) is_fortran: bool,
    /// No dimension is 0. A single number has the shape of one.
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Parses a header whose first eight bytes are `start`, and whose dictionary is `text`.
    pub(super) fn parse(start: &[u8], text: &[u8]) -> Result<Header, TableFault> {
        let refused = |expected: &str, found: String, help: &str| Err(TableFault::new(expected, found, help));
        if start.get(..6) != Some(&NUMPY_MAGIC[..]) || !matches!(start.get(6), Some(1..=3)) {
            return refused("a NumPy array (.npy)", format!("a file that begins with {start:02x?}"), "");
        }
        let text = String::from_utf8_lossy(text);
        let value = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let (Some(descr), Some(order), Some(shape)) =
            (value("descr"), value("fortran_order"), value("shape"))
        else {
            return refused("the header of a NumPy array", format!("'{}'", text.trim()), "save it again");
        };
        let name =
            descr.strip_prefix('\'').and_then(|rest| rest.split('\'').next()).unwrap_or("several fields");
        let Some((is_big_endian, element)) = element(name) else {
            let help = match name {
                "|O" => {
                    "it holds Python objects, which aren't loaded because that can run code; save numbers"
                }
                _ => "save real numbers, integers or truth values",
            };
            return refused("an array of numbers", format!("the type {name}"), help);
        };
        let dimensions = shape.strip_prefix('(').and_then(|rest| rest.split(')').next());
        let dimensions =
            dimensions.map(|list| list.split(',').map(str::trim).filter(|word| !word.is_empty()));
        let shape: Option<Vec<usize>> =
            dimensions.and_then(|words| words.map(|word| word.parse().ok()).collect());
        match shape {
            Some(shape) if !shape.contains(&0) => Ok(Header {
                element,
                is_big_endian,
                is_fortran: order.starts_with("True"),
                shape: if shape.is_empty() { vec![1] } else { shape },
            }),
            Some(shape) => refused("an array with elements", format!("the shape {shape:?}"), ""),
            None => refused("the shape of an array", format!("'{}'", text.trim()), "save it again"),
        }
    }

    /// Bytes of all elements. `None` beyond what can be addressed.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.shape.iter().try_fold(self.element.size(), |product, &dimension| product.checked_mul(dimension))
    }
}

/// The type that a text such as `<f4` names, and whether its first byte is the highest.
fn element(name: &str) -> Option<(bool, Element)> {
    let (order, kind) = name.split_at_checked(1)?;
    let is_big_endian = match order {
        "<" | "|" => false,
        ">" => true,
        "=" => cfg!(target_endian = "big"),
        _ => return None,
    };
    let element = match kind {
        "b1" => Element::Bool,
        "i1" | "i2" | "i4" | "i8" => Element::Signed(kind[1..].parse().ok()?),
        "u1" | "u2" | "u4" | "u8" => Element::Unsigned(kind[1..].parse().ok()?),
        "f2" | "f4" | "f8" => Element::Float(kind[1..].parse().ok()?),
        _ => return None,
    };
    Some((is_big_endian, element))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, String> {
        Header::parse(b"\x93NUMPY\x01\x00", text.as_bytes()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn types_orders_and_shapes_are_read() {
        let header = parse("{'descr': '>f8', 'fortran_order': True, 'shape': (3, 2), }").unwrap();
        let expected =
            Header { element: Element::Float(8), is_big_endian: true, is_fortran: true, shape: vec![3, 2] };
        assert_eq!(header, expected);
        assert_eq!(header.bytes(), Some(48));
        assert_eq!(parse("{'descr': '|u1', 'fortran_order': False, 'shape': (7,), }").unwrap().shape, [7]);
        assert_eq!(parse("{'descr': '|b1', 'fortran_order': False, 'shape': (), }").unwrap().shape, [1]);
    }

    #[test]
    fn what_is_no_array_of_numbers_is_refused() {
        for (text, expected) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (7,), }", "it holds Python objects"),
            ("{'descr': '<U5', 'fortran_order': False, 'shape': (7,), }", "found the type <U5"),
            ("{'descr': '<c8', 'fortran_order': False, 'shape': (7,), }", "found the type <c8"),
            (
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (7,), }",
                "found the type several fields",
            ),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (7, 0), }", "found the shape [7, 0]"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-7,), }", "expected the shape of an array"),
            ("{'descr': '<f4', 'shape': (7,), }", "expected the header of a NumPy array"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        assert!(Header::parse(b"\x93NUMPX\x01\x00", b"").is_err());
        assert!(Header::parse(b"\x93NUMPY\x09\x00", b"").is_err());
    }
}
