//! Pages of HTML: one file each, which needs no script, no other file and no network.
//!
//! 1. [`table`](mod@table): tables, and figures that a program finds by their names.
//! 2. [`figure`]: charts and pictures, each with its figures in a table or in its captions.
//! 3. [`document`]: the frame around them.
//!
//! Every function takes text as the user gave it, and escapes it. `html` in a name says that its text is HTML already.

mod figure;
mod table;

pub(crate) use figure::{chart, pictures};
pub(crate) use table::{Cell, Table, Tint, facts, figure};

use crate::draw::escaped;

/// The look, for light and dark screens, narrow and wide ones, and for paper.
const STYLE: &str = include_str!("style.css");
/// A page may have pictures and a style of its own, and nothing else. No browser asks anybody for anything.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A part of a page, with a heading of its own.
pub(crate) struct Section {
    /// The name that links have for it.
    pub(crate) id: &'static str,
    pub(crate) heading: String,
    pub(crate) html: String,
}

/// A page. `lead_html` stands below its title, before the sections.
pub(crate) fn document(title: &str, lead_html: &str, sections: &[Section]) -> String {
    let title = escaped(title);
    let (mut links, mut parts) = (String::new(), String::new());
    for Section { id, heading, html } in sections {
        let heading = escaped(heading);
        links.push_str(&format!("<li><a href=\"#{id}\">{heading}</a></li>\n"));
        parts.push_str(&format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-heading\">\n<h2 id=\"{id}-heading\">{heading}</h2>\n{html}</section>\n"
        ));
    }
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
         <header>\n<p class=\"brand\">Minibatch</p>\n<h1>{title}</h1>\n</header>\n\
         <nav aria-label=\"Sections\">\n<ul>\n{links}</ul>\n</nav>\n\
         <main id=\"content\" tabindex=\"-1\">\n{lead_html}{parts}</main>\n\
         <footer>\n<p>Made by minibatch {}. The page holds all that it shows, and asks for nothing else.</p>\n</footer>\n\
         </body>\n\
         </html>\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// A paragraph. Text between backticks is code.
pub(crate) fn paragraph(text: &str) -> String {
    let text = escaped(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return format!("<p>{text}</p>\n");
    }
    let parts = parts.iter().enumerate().map(|(i, part)| match i % 2 {
        0 => (*part).to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    format!("<p>{}</p>\n", parts.collect::<String>())
}

/// Lines of code, to be copied.
pub(crate) fn code(label: &str, text: &str) -> String {
    let (label, text) = (escaped(label), escaped(text));
    format!(
        "<pre class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\"><code>{text}</code></pre>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_user_never_becomes_html() {
        let evil = "<script>alert(\"1\")</script>'&";
        let section =
            Section { id: "a", heading: evil.to_owned(), html: paragraph(evil) + &code(evil, evil) };
        let page = document(evil, "", &[section]);
        assert!(!page.contains("<script") && !page.contains("alert(\"1"));
        assert_eq!(paragraph("a `b` <"), "<p>a <code>b</code> &lt;</p>\n");
        assert_eq!(paragraph("a ` b"), "<p>a ` b</p>\n");
        assert_eq!(page.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;").count(), 7);
    }
}
