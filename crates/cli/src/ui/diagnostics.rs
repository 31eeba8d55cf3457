//! Diagnostics in the look of rustc: message, place, source line with a caret, and what to do.

use std::collections::HashMap;

use annotate_snippets::renderer::DEFAULT_LINE_NUM_STYLE;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, Title};
use windlass_core::diagnostic::{Diagnostic, Position, Severity};

use super::escape;
use super::excerpt::{Excerpt, Source};
use super::human::count;
use super::style::Style;

/// Wider than any excerpt, so that the renderer does not cut it a second time.
const WIDTH: usize = 4096;

/// Returns all `diagnostics`, in the order given, and for more than one a last line that counts
/// them.
///
/// `sources` gives the text of a file by the name that diagnostics use. It is asked once for each
/// file; where it knows nothing, or the text is too short for the place, the place is said in the
/// message's line.
pub(crate) fn render(
    diagnostics: &[Diagnostic],
    sources: &dyn Fn(&str) -> Option<String>,
    style: Style,
) -> String {
    let mut read = Read { sources, known: HashMap::new() };
    let mut blocks: Vec<String> =
        diagnostics.iter().map(|diagnostic| block(diagnostic, &mut read, style)).collect();
    if diagnostics.len() > 1 {
        blocks.push(tally(diagnostics, style));
    }
    blocks.join("\n")
}

/// The sources that were asked for.
struct Read<'a> {
    sources: &'a dyn Fn(&str) -> Option<String>,
    known: HashMap<&'a str, Option<Source>>,
}

impl<'a> Read<'a> {
    fn excerpt(&mut self, diagnostic: &'a Diagnostic) -> Option<(Place<'a>, Excerpt)> {
        let (file, at) = (diagnostic.file.as_deref()?, diagnostic.position?);
        let source = self
            .known
            .entry(file)
            .or_insert_with(|| (self.sources)(file).map(Source::new))
            .as_ref()?;
        Some((Place { file, at }, source.excerpt(at, diagnostic.width)?))
    }
}

struct Place<'a> {
    file: &'a str,
    at: Position,
}

fn block<'a>(diagnostic: &'a Diagnostic, read: &mut Read<'a>, style: Style) -> String {
    match read.excerpt(diagnostic) {
        Some((place, excerpt)) => with_source(diagnostic, &place, &excerpt, style),
        None => without_source(diagnostic, style),
    }
}

fn with_source(
    diagnostic: &Diagnostic,
    place: &Place<'_>,
    found: &Excerpt,
    style: Style,
) -> String {
    let title = Group::with_title(title(diagnostic, &diagnostic.message));
    let title = renderer(style).render(&[title]);
    let snippet = Snippet::source(found.line.as_str())
        .line_start(place.at.line as usize)
        .annotation(AnnotationKind::Primary.span(found.span.clone()));
    let group = Group::with_level(level(diagnostic)).element(snippet);
    let body = renderer(style).render(&[hinted(group, diagnostic)]);
    format!("{title}\n{}\n{body}\n", arrow(place, style))
}

fn without_source(diagnostic: &Diagnostic, style: Style) -> String {
    let group = Group::with_title(title(diagnostic, &diagnostic.to_string()));
    format!("{}\n", renderer(style).render(&[hinted(group, diagnostic)]))
}

fn title<'a>(diagnostic: &Diagnostic, message: &str) -> Title<'a> {
    level(diagnostic).primary_title(escape::block(message).into_owned())
}

/// Returns the `-->` line. The renderer would take the column from the excerpt, which is cut and
/// escaped; this one is the file's own.
fn arrow(place: &Place<'_>, style: Style) -> String {
    let gutter = " ".repeat(place.at.line.to_string().len());
    let ansi = if style.color { DEFAULT_LINE_NUM_STYLE } else { anstyle::Style::new() };
    let Place { file, at } = place;
    let file = escape::line(file);
    format!("{gutter}{ansi}-->{ansi:#} {file}:{}:{}", at.line, at.column)
}

fn hinted<'a>(group: Group<'a>, diagnostic: &Diagnostic) -> Group<'a> {
    match &diagnostic.hint {
        Some(hint) => group.element(Level::HELP.message(escape::block(hint).into_owned())),
        None => group,
    }
}

fn level(diagnostic: &Diagnostic) -> Level<'static> {
    match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

fn renderer(style: Style) -> Renderer {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(WIDTH)
}

fn tally(diagnostics: &[Diagnostic], style: Style) -> String {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let errors_said = style.error(&count(errors, "error"));
    let warnings_said = style.warning(&count(warnings, "warning"));
    match (errors, warnings) {
        (_, 0) => format!("{errors_said}\n"),
        (0, _) => format!("{warnings_said}\n"),
        _ => format!("{errors_said}, {warnings_said}\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::ui::samples::assert_same_in_colour;

    const TEXT: &str = "[project]\nname = \"shop\"\n\n[services.web]\n\tcheckk = \"nginx -t\"\r\n";

    fn position(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    fn typo() -> Diagnostic {
        Diagnostic::error("unknown field `checkk`")
            .in_file("windlass.toml")
            .at(position(5, 2))
            .wide(6)
            .hint("did you mean `check`?")
    }

    fn shown(diagnostics: &[Diagnostic], text: &str) -> String {
        render(diagnostics, &|_| Some(text.to_owned()), Style::PLAIN)
    }

    #[test]
    fn looks_like_a_compiler_error() {
        let expected = "\
error: unknown field `checkk`
 --> windlass.toml:5:2
  |
5 |     checkk = \"nginx -t\"
  |     ^^^^^^
  |
  = help: did you mean `check`?
";
        assert_eq!(shown(&[typo()], TEXT), expected);
    }

    #[test]
    fn the_gutter_is_as_wide_as_the_line_number() {
        let text = "\n".repeat(99) + "port = ü8080\n";
        let wrong =
            Diagnostic::warning("not a number").in_file("a.toml").at(position(100, 8)).wide(5);
        let expected = "\
warning: not a number
   --> a.toml:100:8
    |
100 | port = ü8080
    |        ^^^^^
";
        assert_eq!(shown(&[wrong], &text), expected);
    }

    #[test]
    fn without_the_source_the_place_is_in_the_message() {
        let nothing = |_: &str| None;
        let expected = "\
error: windlass.toml:5:2: unknown field `checkk`
 |
 = help: did you mean `check`?
";
        assert_eq!(render(&[typo()], &nothing, Style::PLAIN), expected);
        let bare = Diagnostic::error("no project here");
        assert_eq!(render(&[bare], &nothing, Style::PLAIN), "error: no project here\n");
    }

    #[test]
    fn a_place_past_the_end_is_still_said() {
        let past = Diagnostic::error("unexpected end").in_file("a").at(position(9, 1));
        assert_eq!(shown(&[past], "one\n"), "error: a:9:1: unexpected end\n");
        let end = Diagnostic::error("unexpected end").in_file("a").at(position(1, 40)).wide(7);
        let expected = "error: unexpected end\n --> a:1:40\n  |\n1 | one\n  |    ^\n";
        assert_eq!(shown(&[end], "one\n"), expected);
        let empty = Diagnostic::error("nothing in it").in_file("a").at(position(1, 1));
        let expected = "error: nothing in it\n --> a:1:1\n  |\n1 |\n  | ^\n";
        assert_eq!(shown(&[empty], ""), expected);
    }

    #[test]
    fn a_minified_line_is_cut_and_its_column_is_the_files() {
        let text = format!("{{{}\"port\":x}}", "\"a\":1,".repeat(1000));
        let wrong = Diagnostic::error("not JSON").in_file("a.json").at(position(1, 6009));
        let shown = shown(&[wrong], &text);
        assert!(shown.contains(" --> a.json:1:6009\n"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[4].find('^').expect("a caret");
        assert_eq!(lines[3].chars().nth(caret), Some('x'), "{shown}");
    }

    #[test]
    fn no_escape_sequence_reaches_the_terminal() {
        let wrong = Diagnostic::error("bad value \u{1b}[2J")
            .in_file("a\u{1b}]0;b")
            .at(position(1, 3))
            .hint("remove \u{9b}31m");
        let shown = shown(&[wrong], "x \u{1b}[31m\u{202e}\u{7}");
        assert!(shown.chars().all(|c| c == '\n' || !escape::is_active(c)), "{shown:?}");
        assert!(shown.contains("1 | x \\u{1b}[31m\\u{202e}\\u{7}"), "{shown}");
        assert!(shown.contains("  |   ^^^^^^\n"), "{shown}");
    }

    #[test]
    fn all_are_shown_and_counted_and_each_file_is_read_once() {
        let reads = Cell::new(0);
        let sources = |_: &str| {
            reads.set(reads.get() + 1);
            Some(TEXT.to_owned())
        };
        let loose = Diagnostic::warning("no `health` checks");
        let shown = render(&[typo(), typo(), loose], &sources, Style::PLAIN);
        assert_eq!(reads.get(), 1);
        assert_eq!(shown.matches("unknown field").count(), 2);
        assert!(
            shown.ends_with("\nwarning: no `health` checks\n\n2 errors, 1 warning\n"),
            "{shown}"
        );
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let all = [typo(), Diagnostic::warning("careful").hint("look"), typo()];
        assert_same_in_colour(|style| render(&all, &|_| Some(TEXT.to_owned()), style));
    }
}
