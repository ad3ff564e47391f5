//! The keys of the dashboard.

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::time::Duration;

/// The pictures, one of which the screen shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Picture {
    #[default]
    Curves,
    Layers,
    Weights,
    Rates,
    Help,
}

/// Something that the user has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Show(Picture),
    /// The picture after the one that is shown.
    Next,
    Save,
    Stop,
    /// The terminal has another size.
    Resized,
}

impl Picture {
    /// The pictures with their keys and names.
    pub(super) const ALL: [(char, Picture, &str); 4] = [
        ('1', Picture::Curves, "curves"),
        ('2', Picture::Layers, "layers"),
        ('3', Picture::Weights, "weights"),
        ('4', Picture::Rates, "rates"),
    ];

    /// The next picture.
    pub(super) fn next(self) -> Picture {
        let at = Picture::ALL.iter().position(|(_, picture, _)| *picture == self);
        Picture::ALL[at.map_or(0, |at| (at + 1) % Picture::ALL.len())].1
    }
}

/// What the user has done since the last call. It doesn't wait.
pub(super) fn inputs() -> io::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    while event::poll(Duration::ZERO)? {
        inputs.extend(match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => meaning(key),
            Event::Resize(..) => Some(Input::Resized),
            _ => None,
        });
    }
    Ok(inputs)
}

fn meaning(key: KeyEvent) -> Option<Input> {
    let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if has_control => Some(Input::Stop),
        KeyCode::Char('q') => Some(Input::Stop),
        KeyCode::Char('s') => Some(Input::Save),
        KeyCode::Char('?' | 'h') => Some(Input::Show(Picture::Help)),
        KeyCode::Esc => Some(Input::Show(Picture::Curves)),
        KeyCode::Tab => Some(Input::Next),
        KeyCode::Char(c) => {
            let (_, picture, _) = Picture::ALL.iter().find(|(key, ..)| *key == c)?;
            Some(Input::Show(*picture))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_meanings() {
        let plain = |c| meaning(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        assert_eq!(
            ['s', 'q', '3', 'x', 'c'].map(plain),
            [Some(Input::Save), Some(Input::Stop), Some(Input::Show(Picture::Weights)), None, None]
        );
        assert_eq!(meaning(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Input::Stop));
    }

    #[test]
    fn tab_goes_round() {
        let mut picture = Picture::Help;
        let seen = [(); 5].map(|()| {
            picture = picture.next();
            picture
        });
        let [a, b, c, d] = Picture::ALL.map(|(_, picture, _)| picture);
        assert_eq!(seen, [a, b, c, d, a]);
    }
}
