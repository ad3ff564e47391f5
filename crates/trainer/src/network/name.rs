//! A function and its parameter, written as one name: `huber(0.5)`.

/// The name and the parameter in `name` or `name(parameter)`.
pub(crate) fn split(name: &str) -> Option<(&str, Option<f32>)> {
    match name.split_once('(') {
        None => Some((name, None)),
        Some((name, rest)) => Some((name, Some(rest.strip_suffix(')')?.parse().ok()?))),
    }
}

/// The name under which a registry finds the function again, parameter included.
pub(super) fn label(name: &str, parameter: Option<f32>) -> String {
    match parameter {
        None => name.to_owned(),
        Some(parameter) => format!("{name}({parameter})"),
    }
}
