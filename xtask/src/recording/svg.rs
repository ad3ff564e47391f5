//! Screens of a terminal as an animated SVG.
//!
//! Each frame is a group that is visible for its share of the time, by CSS. Lines that are on several frames stand in the file once.
//! Braille dots and half blocks are shapes, so that they look alike in every font.

use std::collections::HashMap;
use std::fmt::Write;

/// The size of a character, in pixels. Monospaced fonts are 0.6 times as wide as their size.
const WIDTH: usize = 8;
const HEIGHT: usize = 17;
/// The space around the screen.
const MARGIN: usize = 12;
/// How long the last frame stays, in frames.
const HOLD: usize = 10;

const BACKGROUND: &str = "#0d1117";
const INK: &str = "#c9d1d9";

/// What a terminal shows: lines of characters.
pub(super) struct Screen {
    lines: Vec<Vec<Character>>,
}

#[derive(Clone, PartialEq)]
struct Character {
    text: char,
    style: Style,
    behind: Option<String>,
}

#[derive(Clone, PartialEq)]
struct Style {
    color: String,
    is_bold: bool,
    is_dim: bool,
}

impl Screen {
    /// What `screen` shows now.
    pub(super) fn of(screen: &vt100::Screen) -> Screen {
        let (lines, columns) = screen.size();
        let (lines, columns): (u16, u16) = (lines.into(), columns.into());
        let character = |line: u16, column: u16| {
            let cell = screen.cell(line, column);
            let text = cell.and_then(|cell| cell.contents().chars().next()).unwrap_or(' ');
            let color = cell.and_then(|cell| hex(cell.fgcolor())).unwrap_or_else(|| INK.to_owned());
            let behind = cell.and_then(|cell| hex(cell.bgcolor()));
            let is_bold = cell.is_some_and(vt100::Cell::bold);
            let is_dim = cell.is_some_and(vt100::Cell::dim);
            Character { text, style: Style { color, is_bold, is_dim }, behind }
        };
        let line = |line| (0..columns).map(|column| character(line, column)).collect();
        Screen { lines: (0..lines).map(line).collect() }
    }
}

/// The screens one after the other, `seconds` each, for ever. The last one stays longer.
pub(super) fn animation(screens: &[Screen], seconds: f64) -> String {
    let lines = screens.iter().map(|screen| screen.lines.len()).max().unwrap_or(0);
    let columns = screens.iter().flat_map(|screen| &screen.lines).map(Vec::len).max().unwrap_or(0);
    let (width, height) = (columns * WIDTH + 2 * MARGIN, lines * HEIGHT + 2 * MARGIN);
    let slots = screens.len() + HOLD;
    let whole = slots as f64 * seconds;
    let share = |frames: usize| 100.0 * frames as f64 / slots as f64;
    // Where nothing may move, a frame in the middle is shown.
    let still = screens.len() / 3;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-label=\"The dashboard of a training run on MNIST: curves of cost and accuracy, the activity of the \
         layers, weights of the first layer as pictures, the learning rate\">\n\
         <style>\n\
         text{{font:{size}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:{INK}}}\n\
         .b{{font-weight:700}}.d{{opacity:.6}}.p{{fill:none;stroke-width:2.6;stroke-linecap:round}}\n\
         .f{{visibility:hidden;animation:f {whole:.2}s step-end infinite}}\n\
         .l{{animation-name:l}}\n\
         @keyframes f{{0%{{visibility:visible}}{one:.4}%{{visibility:hidden}}}}\n\
         @keyframes l{{0%{{visibility:visible}}{last:.4}%{{visibility:hidden}}}}\n\
         @media (prefers-reduced-motion:reduce){{.f{{animation:none}}#s{{visibility:visible}}}}\n\
         </style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n<defs>\n",
        size = WIDTH as f64 / 0.6,
        one = share(1),
        last = share(1 + HOLD),
    );
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut frames = String::new();
    for (i, screen) in screens.iter().enumerate() {
        let class = if i + 1 == screens.len() { "f l" } else { "f" };
        let id = if i == still { " id=\"s\"" } else { "" };
        let delay = i as f64 * seconds;
        // Writing to a string can't fail.
        let _ = writeln!(frames, "<g class=\"{class}\"{id} style=\"animation-delay:{delay:.2}s\">");
        for (y, line) in screen.lines.iter().enumerate() {
            let shapes = shapes(line);
            if shapes.is_empty() {
                continue;
            }
            let next = known.len();
            let index = *known.entry(shapes).or_insert_with_key(|shapes| {
                let _ = writeln!(svg, "<g id=\"r{next}\">{shapes}</g>");
                next
            });
            let _ = write!(frames, "<use href=\"#r{index}\" x=\"{MARGIN}\" y=\"{}\"/>", MARGIN + y * HEIGHT);
        }
        frames.push_str("</g>\n");
    }
    svg + "</defs>\n" + &frames + "</svg>\n"
}

/// A line as SVG elements, from its left upper corner on.
fn shapes(line: &[Character]) -> String {
    let mut svg = String::new();
    let mut x = 0;
    for run in
        line.chunk_by(|a, b| kind(a.text) == kind(b.text) && a.style == b.style && a.behind == b.behind)
    {
        let (left, width) = (x * WIDTH, run.len() * WIDTH);
        let Character { style, behind, .. } = &run[0];
        x += run.len();
        if let Some(color) = behind {
            let _ =
                write!(svg, "<rect x=\"{left}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{color}\"/>");
        }
        let color = &style.color;
        match kind(run[0].text) {
            Kind::Half => {
                let half = HEIGHT as f64 / 2.0;
                let _ =
                    write!(svg, "<rect x=\"{left}\" width=\"{width}\" height=\"{half}\" fill=\"{color}\"/>");
            }
            Kind::Braille => {
                let dots: String =
                    run.iter().enumerate().map(|(i, c)| dots(c.text, left + i * WIDTH)).collect();
                let _ = write!(svg, "<path class=\"p\" stroke=\"{color}\" d=\"{dots}\"/>");
            }
            Kind::Text => {
                let text: String = run.iter().map(|c| c.text).collect();
                let (trimmed, before) = (text.trim(), text.chars().take_while(|c| *c == ' ').count());
                if trimmed.is_empty() {
                    continue;
                }
                let mut class = String::new();
                class.push_str(if style.is_bold { "b" } else { "" });
                class.push_str(if style.is_dim { "d" } else { "" });
                let class = if class.is_empty() { class } else { format!(" class=\"{class}\"") };
                let fill = if color == INK { String::new() } else { format!(" style=\"fill:{color}\"") };
                let (left, long) = (left + before * WIDTH, trimmed.chars().count() * WIDTH);
                let safe = trimmed.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let _ = write!(
                    svg,
                    "<text x=\"{left}\" y=\"13\" textLength=\"{long}\"{class}{fill}>{safe}</text>"
                );
            }
        }
    }
    svg
}

#[derive(PartialEq)]
enum Kind {
    Text,
    Braille,
    Half,
}

fn kind(c: char) -> Kind {
    match c {
        '\u{2801}'..='\u{28ff}' => Kind::Braille,
        '▀' => Kind::Half,
        _ => Kind::Text,
    }
}

/// The dots of a braille character whose left side is at `left`, as a path.
fn dots(c: char, left: usize) -> String {
    // The bits of a character, with the columns and rows of their dots.
    const DOTS: [(usize, usize); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let bits = u32::from(c) - 0x2800;
    let seen = DOTS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    seen.map(|(_, (x, y))| format!("M{} {}h0", left + 2 + 4 * x, 2 + 4 * y + y / 3)).collect()
}

/// A colour as CSS has it. `None` is the terminal's own.
fn hex(color: vt100::Color) -> Option<String> {
    let (r, g, b) = match color {
        vt100::Color::Default => return None,
        vt100::Color::Rgb(r, g, b) => (r, g, b),
        vt100::Color::Idx(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            (level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        vt100::Color::Idx(index @ 232..) => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
        // The eight colours, dark and bright.
        vt100::Color::Idx(index) => {
            let level = |bit: u8| if index >> bit & 1 == 1 { if index < 8 { 170 } else { 255 } } else { 0 };
            (level(0), level(1), level(2))
        }
    };
    Some(format!("#{r:02x}{g:02x}{b:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(lines: u16, columns: u16) -> vt100::Parser {
        vt100::Parser::new(lines.try_into().unwrap(), columns.try_into().unwrap(), 0)
    }

    #[test]
    fn a_screen_becomes_text_and_shapes() {
        let mut terminal = terminal(2, 20);
        terminal.process("a<b \x1b[1;38;5;196mred\x1b[0m ⡇▀\r\n\x1b[48;2;1;2;3m \x1b[0m".as_bytes());
        let screen = Screen::of(terminal.screen());
        let first = shapes(&screen.lines[0]);
        assert!(first.contains("<text x=\"0\" y=\"13\" textLength=\"24\">a&lt;b</text>"), "{first}");
        assert!(first.contains("textLength=\"24\" class=\"b\" style=\"fill:#ff0000\">red</text>"), "{first}");
        assert!(first.contains("d=\"M66 2h0M66 6h0M66 10h0M66 15h0\""), "{first}");
        assert!(first.contains("<rect x=\"72\" width=\"8\" height=\"8.5\" fill=\"#c9d1d9\"/>"), "{first}");
        assert_eq!(shapes(&screen.lines[1]), "<rect x=\"0\" width=\"8\" height=\"17\" fill=\"#010203\"/>");
    }

    #[test]
    fn a_line_of_two_frames_stands_in_the_file_once() {
        let mut terminal = terminal(1, 8);
        terminal.process(b"same");
        let screens = [Screen::of(terminal.screen()), Screen::of(terminal.screen())];
        let svg = animation(&screens, 0.5);
        assert_eq!((svg.matches(">same<").count(), svg.matches("<use href=\"#r0\"").count()), (1, 2));
        assert!(svg.contains("animation-delay:0.50s") && svg.contains("f 6.00s"), "{svg}");
    }
}
