//! Tables, and figures that a program finds by their names.

use crate::draw::escaped;

/// A table. Its first column has the names of its rows.
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
    /// A class of the page's style, or nothing.
    class: &'static str,
}

/// A cell of a table.
pub(crate) struct Cell {
    text: String,
    /// Name and exact value.
    figure: Option<(String, String)>,
    tint: Option<(Tint, f64)>,
}

/// The colour behind a cell's text. The text says all without it.
#[derive(Clone, Copy)]
pub(crate) enum Tint {
    Good,
    Bad,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), figure: None, tint: None }
    }

    /// The cell with a name and an exact value, by which a program finds it.
    pub(crate) fn named(mut self, name: impl Into<String>, value: &impl ToString) -> Cell {
        self.figure = Some((name.into(), value.to_string()));
        self
    }

    /// The cell with a colour behind its text: none for 0, the strongest for 1.
    pub(crate) fn tinted(mut self, tint: Tint, strength: f64) -> Cell {
        self.tint = Some((tint, strength.clamp(0.0, 1.0))).filter(|(_, strength)| *strength > 0.0);
        self
    }

    /// Whether the cell has words, and no number.
    fn is_words(&self) -> bool {
        let number = |c: char| c.is_ascii_digit() || "+-–∞".contains(c);
        !self.text.starts_with(number) && !["NaN", "inf", ""].contains(&&*self.text)
    }

    fn html(&self, class: &str) -> String {
        let text = match &self.figure {
            Some((name, value)) => figure(name, value, &self.text),
            None => escaped(&self.text),
        };
        match self.tint {
            Some((tint, strength)) => {
                let class = match tint {
                    Tint::Good => "good",
                    Tint::Bad => "bad",
                };
                format!("<td class=\"{class}\" style=\"--s:{strength:.3}\">{text}</td>")
            }
            None => format!("<td{class}>{text}</td>"),
        }
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(
        caption: impl Into<String>,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Table {
        let columns = columns.into_iter().map(Into::into).collect();
        Table { caption: caption.into(), columns, rows: Vec::new(), class: "" }
    }

    /// The table as one whose cells are counts by row and column, drawn as squares.
    pub(crate) fn with_squares(mut self) -> Table {
        self.class = " class=\"matrix\"";
        self
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, name: impl Into<String>, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push((name.into(), cells.into_iter().collect()));
    }

    /// The table in a frame of its own, in which a wide one is scrolled.
    pub(crate) fn html(&self) -> String {
        let caption = escaped(&self.caption);
        // Words are aligned at their left, numbers at their right.
        let has_words = |column: &usize| {
            self.rows.iter().any(|(_, cells)| cells.get(*column).is_some_and(Cell::is_words))
        };
        let words: Vec<bool> = (0..self.columns.len()).map(|column| has_words(&column)).collect();
        let class = |column: usize| if words.get(column) == Some(&true) { " class=\"words\"" } else { "" };
        let head = |(place, name): (usize, &String)| {
            let class = place.checked_sub(1).map_or("", class);
            format!("<th scope=\"col\"{class}>{}</th>", escaped(name))
        };
        let heads: String = self.columns.iter().enumerate().map(head).collect();
        let mut html = format!(
            "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\">\n\
             <table{}>\n<caption>{caption}</caption>\n<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n",
            self.class
        );
        for (name, cells) in &self.rows {
            let cells: String =
                cells.iter().enumerate().map(|(place, cell)| cell.html(class(place))).collect();
            html.push_str(&format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escaped(name)));
        }
        html.push_str("</tbody>\n</table>\n</div>\n");
        html
    }
}

/// A figure that a program finds by its name. Its exact value stands beside the text that is shown.
pub(crate) fn figure(name: &str, value: &impl ToString, shown: &str) -> String {
    let [name, value, shown] = [name, &value.to_string(), shown].map(escaped);
    format!("<data data-figure=\"{name}\" value=\"{value}\">{shown}</data>")
}

/// Names and values. Values are HTML.
pub(crate) fn facts<'a>(class: &str, facts_html: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let facts: String = facts_html
        .into_iter()
        .map(|(name, html)| format!("<div><dt>{}</dt><dd>{html}</dd></div>\n", escaped(name)))
        .collect();
    format!("<dl class=\"{class}\">\n{facts}</dl>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_names_its_rows_and_columns() {
        let mut table = Table::new("A < B", ["class", "&"]).with_squares();
        table.row("<b>", [Cell::new("3").named("x", &0.5).tinted(Tint::Good, 2.0)]);
        let html = table.html();
        for part in [
            "aria-label=\"A &lt; B\" tabindex=\"0\"",
            "<table class=\"matrix\">",
            "<th scope=\"col\">class</th><th scope=\"col\">&amp;</th>",
            "<th scope=\"row\">&lt;b&gt;</th><td class=\"good\" style=\"--s:1.000\"><data data-figure=\"x\" value=\"0.5\">3</data></td>",
        ] {
            assert!(html.contains(part), "{html}");
        }
    }
}
