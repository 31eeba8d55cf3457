//! GitHub's workflow commands.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Severity};

/// Returns one line for each of `diagnostics`: `::error file=app.yaml,line=3,col=7::message`.
///
/// A hint follows the message on a line of its own, which the command escapes.
#[must_use]
pub fn github_annotations(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(annotation).collect()
}

fn annotation(diagnostic: &Diagnostic) -> String {
    let mut line = match diagnostic.severity {
        Severity::Error => "::error".to_owned(),
        Severity::Warning => "::warning".to_owned(),
    };
    if let Some(file) = &diagnostic.file {
        let _ = write!(line, " file={}", property(file));
        if let Some(at) = diagnostic.position {
            let _ = write!(line, ",line={},col={}", at.line, at.column);
        }
    }
    line.push_str("::");
    line.push_str(&data(&diagnostic.message));
    if let Some(hint) = &diagnostic.hint {
        line.push_str("%0A");
        line.push_str(&data(hint));
    }
    line.push('\n');
    line
}

/// Escapes what stands after `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which ends at `,` and at `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Position;

    #[test]
    fn annotations_have_places() {
        let placed = Diagnostic::error("`port`: 70000 is greater than 65535")
            .in_file("config/app.yaml")
            .at(Position { line: 3, column: 7 });
        let warning = Diagnostic::warning("old key").in_file("a.toml").hint("use `new`");
        let bare = Diagnostic::error("no project");
        assert_eq!(
            github_annotations(&[placed, warning, bare]),
            "::error file=config/app.yaml,line=3,col=7::`port`: 70000 is greater than 65535\n\
             ::warning file=a.toml::old key%0Ause `new`\n\
             ::error::no project\n"
        );
        assert_eq!(github_annotations(&[]), "");
    }

    #[test]
    fn nothing_escapes_from_its_line() {
        let hostile = Diagnostic::error("100%\r\n::set-output name=x::y")
            .in_file("a,line=9:b\n%.yaml")
            .hint("x\ny");
        let lines = github_annotations(&[hostile]);
        assert_eq!(
            lines,
            "::error file=a%2Cline=9%3Ab%0A%25.yaml::100%25%0D%0A::set-output name=x::y%0Ax%0Ay\n"
        );
        assert_eq!(lines.lines().count(), 1);
    }
}
