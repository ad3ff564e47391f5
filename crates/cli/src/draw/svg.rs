//! SVG as text: what plotters writes, made part of a page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plotters::style::RGBColor;

/// Text in which no character has a meaning for XML and HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML has no escape for other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// The attributes that make an image readable to a screen reader.
pub(super) fn label(title: &str, summary: &str) -> String {
    format!("role=\"img\" aria-label=\"{}\"", escaped(format!("{title}: {summary}").trim_end_matches(": ")))
}

/// An SVG of plotters' with these attributes in its root. What is drawn in `ink` has the colour of the text around it.
pub(super) fn themed(svg: &str, ink: RGBColor, attributes: &str) -> String {
    let RGBColor(r, g, b) = ink;
    let ink = format!("\"#{r:02X}{g:02X}{b:02X}\"");
    svg.replacen("<svg ", &format!("<svg {attributes} "), 1).replace(&ink, "\"currentColor\"")
}

/// The dashes of the curve with this number. The first one has none.
pub(super) fn dashes(index: usize) -> &'static str {
    ["none", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2"][index % 6]
}

/// The bytes of a file as a data URI.
pub(crate) fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}
