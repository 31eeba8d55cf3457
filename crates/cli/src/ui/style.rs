//! Colours by meaning.

use anstyle::{AnsiColor, Effects};

/// What a piece of text means; its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tint {
    /// Nothing in particular.
    #[default]
    Plain,
    /// It appears.
    Added,
    /// It goes.
    Removed,
    /// It becomes something else, or deserves a second look.
    Changed,
    /// It matters less than what is around it.
    Dim,
    /// It matters more.
    Bold,
    /// It is wrong.
    Error,
    /// It may be wrong.
    Warning,
    /// It is good.
    Ok,
}

impl Tint {
    const fn ansi(self) -> anstyle::Style {
        match self {
            Self::Plain => anstyle::Style::new(),
            Self::Added | Self::Ok => AnsiColor::Green.on_default(),
            Self::Removed => AnsiColor::Red.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Dim => anstyle::Style::new().effects(Effects::DIMMED),
            Self::Bold => anstyle::Style::new().effects(Effects::BOLD),
            Self::Error => AnsiColor::Red.on_default().effects(Effects::BOLD),
            Self::Warning => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
        }
    }
}

/// Whether text is coloured. The caller decides, from the terminal, `NO_COLOR` and `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Style {
    /// Escape sequences are written.
    pub(crate) color: bool,
}

impl Style {
    /// Text alone.
    pub(crate) const PLAIN: Self = Self { color: false };
    /// Text with colours.
    pub(crate) const COLORED: Self = Self { color: true };

    /// Returns `text` in the colour of `tint`; without colour, `text` itself.
    pub(crate) fn paint(self, tint: Tint, text: &str) -> String {
        if !self.color || tint == Tint::Plain || text.is_empty() {
            return text.to_owned();
        }
        let ansi = tint.ansi();
        format!("{ansi}{text}{ansi:#}")
    }

    /// Returns what appears.
    pub(crate) fn added(self, text: &str) -> String {
        self.paint(Tint::Added, text)
    }

    /// Returns what goes.
    pub(crate) fn removed(self, text: &str) -> String {
        self.paint(Tint::Removed, text)
    }

    /// Returns what becomes something else.
    pub(crate) fn changed(self, text: &str) -> String {
        self.paint(Tint::Changed, text)
    }

    /// Returns what matters less.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(Tint::Dim, text)
    }

    /// Returns what matters more.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(Tint::Bold, text)
    }

    /// Returns what is wrong.
    pub(crate) fn error(self, text: &str) -> String {
        self.paint(Tint::Error, text)
    }

    /// Returns what may be wrong.
    pub(crate) fn warning(self, text: &str) -> String {
        self.paint(Tint::Warning, text)
    }

    /// Returns what is good.
    pub(crate) fn ok(self, text: &str) -> String {
        self.paint(Tint::Ok, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_text_is_itself() {
        assert_eq!(Style::PLAIN.error("no"), "no");
        assert_eq!(Style::default(), Style::PLAIN);
    }

    #[test]
    fn colour_surrounds_the_text_and_is_reset() {
        let s = Style::COLORED;
        let painted = [
            s.added("t"),
            s.removed("t"),
            s.changed("t"),
            s.dim("t"),
            s.bold("t"),
            s.error("t"),
            s.warning("t"),
            s.ok("t"),
        ];
        for text in painted {
            assert!(text.starts_with("\u{1b}[") && text.ends_with("t\u{1b}[0m"), "{text:?}");
        }
        assert_eq!(Style::COLORED.error(""), "", "nothing to colour");
        assert_eq!(Style::COLORED.paint(Tint::Plain, "t"), "t");
    }
}
