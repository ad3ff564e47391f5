//! The colours and the size of a terminal, and text in colours.

use super::color::Rgb;
use super::raster::Raster;
use console::Term;
use std::env;
use std::fmt::Write;

/// The characters for brightness where there are no colours, from dark to bright.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

/// The columns of an output that is no terminal.
const USUAL_COLUMNS: usize = 80;

/// The colours that an output takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colors {
    /// Any colour of 24 bits.
    True,
    /// The 256 colours of xterm.
    Indexed,
    /// None. Pictures are made of characters of ASCII.
    None,
}

/// The abilities of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    pub(crate) colors: Colors,
    /// Characters of a line.
    pub(crate) columns: usize,
    /// Whether somebody looks at it: false for a file or a pipe.
    pub(crate) is_terminal: bool,
}

impl Terminal {
    /// The abilities of standard output. `NO_COLOR` and `CLICOLOR=0` take the colours away, `CLICOLOR_FORCE=1` gives them to a pipe too.
    pub(crate) fn of_output() -> Terminal {
        let term = Term::stdout();
        let set = |name: &str| env::var(name).is_ok_and(|value| !value.is_empty() && value != "0");
        let forced = set("CLICOLOR_FORCE") && env::var_os("NO_COLOR").is_none();
        let enabled = console::colors_enabled() && env::var_os("NO_COLOR").is_none();
        let is_true = env::var("COLORTERM").is_ok_and(|it| it == "truecolor" || it == "24bit");
        let colors = match (forced || enabled, is_true || console::true_colors_enabled()) {
            (false, _) => Colors::None,
            (true, true) => Colors::True,
            (true, false) => Colors::Indexed,
        };
        let size =
            term.size_checked().map(|(_, columns)| usize::from(columns)).filter(|&columns| columns > 0);
        let told = || env::var("COLUMNS").ok()?.parse().ok().filter(|columns| (20..=1000).contains(columns));
        let columns = size.or_else(told).unwrap_or(USUAL_COLUMNS);
        Terminal { colors, columns, is_terminal: term.is_term() }
    }

    /// `text` in a colour.
    pub(crate) fn paint(&self, text: &str, color: Rgb) -> String {
        match self.colors {
            Colors::None => text.to_owned(),
            colors => format!("\x1b[{}m{text}\x1b[39m", code(38, color, colors)),
        }
    }

    /// `text` on a coloured background, in black or white as the background calls for.
    pub(crate) fn paint_on(&self, text: &str, background: Rgb) -> String {
        let ink = if background.brightness() < 0.5 { Rgb(255, 255, 255) } else { Rgb(0, 0, 0) };
        match self.colors {
            Colors::None => text.to_owned(),
            colors => {
                let (fore, back) = (code(38, ink, colors), code(48, background, colors));
                format!("\x1b[{fore};{back}m{text}\x1b[39;49m")
            }
        }
    }

    /// A picture as lines of text, two of its rows in each. Each line is as wide as the picture.
    pub(crate) fn picture(&self, picture: &Raster) -> Vec<String> {
        let lines = picture.height().div_ceil(2);
        (0..lines).map(|line| self.picture_line(picture, 2 * line)).collect()
    }

    /// Rows `top` and `top + 1` of a picture.
    fn picture_line(&self, picture: &Raster, top: usize) -> String {
        let mut line = String::new();
        let mut last = None;
        for x in 0..picture.width() {
            let upper = picture.at(x, top);
            let lower = (top + 1 < picture.height()).then(|| picture.at(x, top + 1));
            if self.colors == Colors::None {
                line.push(character(upper.mixed(lower.unwrap_or(upper), 0.5), picture.is_signed()));
                continue;
            }
            if last != Some((upper, lower)) {
                let fore = code(38, upper, self.colors);
                let back = lower.map_or_else(|| "49".to_owned(), |lower| code(48, lower, self.colors));
                // Writing to a string can't fail.
                let _ = write!(line, "\x1b[{fore};{back}m");
                last = Some((upper, lower));
            }
            line.push('▀');
        }
        if last.is_some() {
            line.push_str("\x1b[0m");
        }
        line
    }
}

/// The columns that `text` takes. Letters of East Asia take two, control sequences none.
pub(crate) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `text` in so many columns: filled up with spaces, or cut with an ellipsis at its end.
pub(crate) fn fitted(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let rest = columns.saturating_sub(width(&text));
    text + &" ".repeat(rest)
}

/// `text` in so many columns at most. A longer one ends with an ellipsis.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}

/// The character for a colour where there are no colours: by its brightness, or on the diverging scale `-` and `=` for blue, `+` and `#`
/// for red, and a space for what is close to 0.
fn character(color: Rgb, is_signed: bool) -> char {
    let Rgb(r, _, b) = color;
    let brightness = color.brightness();
    if !is_signed {
        let step = (brightness * (RAMP.len() - 1) as f64).round() as usize;
        return char::from(RAMP[step.min(RAMP.len() - 1)]);
    }
    match (r < b, brightness) {
        (_, bright) if bright > 0.85 => ' ',
        (true, bright) if bright > 0.45 => '-',
        (true, _) => '=',
        (false, bright) if bright > 0.45 => '+',
        (false, _) => '#',
    }
}

/// The parameters of the control sequence that sets the foreground (`layer` 38) or the background (48).
fn code(layer: u8, color: Rgb, colors: Colors) -> String {
    let Rgb(r, g, b) = color;
    match colors {
        Colors::True => format!("{layer};2;{r};{g};{b}"),
        Colors::Indexed | Colors::None => format!("{layer};5;{}", color.indexed()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::color::grey;
    use super::*;

    fn terminal(colors: Colors) -> Terminal {
        Terminal { colors, columns: 80, is_terminal: true }
    }

    #[test]
    fn two_rows_are_a_line_of_half_blocks() {
        let picture = Raster::of(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0], 3, 2, |x| grey(f64::from(x))).unwrap();
        assert_eq!(
            terminal(Colors::True).picture(&picture),
            [
                "\x1b[38;2;0;0;0;48;2;255;255;255m▀\x1b[38;2;255;255;255;48;2;255;255;255m▀\x1b[0m",
                "\x1b[38;2;0;0;0;49m▀▀\x1b[0m"
            ]
        );
        assert_eq!(
            terminal(Colors::Indexed).picture(&picture)[0],
            "\x1b[38;5;16;48;5;231m▀\x1b[38;5;231;48;5;231m▀\x1b[0m"
        );
        assert_eq!(terminal(Colors::None).picture(&picture), ["+@", "  "]);
    }

    #[test]
    fn text_is_fitted_by_the_columns_that_it_takes() {
        assert_eq!((width("日本"), width("\x1b[31mab\x1b[0m")), (4, 2));
        assert_eq!(fitted("日本", 6), "日本  ");
        assert_eq!(fitted("abcdef", 4), "abc…");
        assert_eq!(cut("abc", 4), "abc");
    }

    #[test]
    fn painted_text_has_no_codes_without_colours() {
        assert_eq!(terminal(Colors::None).paint("7", Rgb(255, 0, 0)), "7");
        assert_eq!(terminal(Colors::None).paint_on("7", Rgb(255, 0, 0)), "7");
        assert_eq!(terminal(Colors::Indexed).paint("7", Rgb(255, 0, 0)), "\x1b[38;5;196m7\x1b[39m");
    }
}
