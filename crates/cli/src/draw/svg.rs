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

/// The start of an SVG that is a file of its own. Its text is dark on a light screen, and light on a dark one.
pub(super) fn begin(width: u32, height: u32, attributes: &str) -> String {
    format!(
        "<svg {attributes} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\">\n\
         <style>svg{{color:#222}}@media(prefers-color-scheme:dark){{svg{{color:#ddd}}}}</style>\n"
    )
}

/// Adds a line of text with these attributes.
pub(super) fn text(svg: &mut String, x: u32, y: u32, text: &str, attributes: &str) {
    svg.push_str(&format!("<text x=\"{x}\" y=\"{y}\" {attributes}>{}</text>\n", escaped(text)));
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
