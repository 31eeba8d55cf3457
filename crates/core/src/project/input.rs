//! The text of a project file, and what is wrong with it so far.

use std::cell::RefCell;
use std::ops::Range;

use super::Located;
use crate::diagnostic::{Diagnostic, Position, nearest};

/// Bytes from where to where.
pub(super) type Span = Range<usize>;

/// How many problems are told one by one; the rest is counted.
pub(super) const MOST_PROBLEMS: usize = 200;

/// How long a word may be that is quoted in full, or compared with others.
const LONGEST_WORD: usize = 64;

/// How many names a word is compared with.
const MOST_NAMES: usize = 1_000;

/// One thing that is wrong.
pub(super) struct Problem {
    span: Span,
    message: String,
    hint: Option<String>,
}

impl Problem {
    pub(super) fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn maybe_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

/// A project file being read.
pub(super) struct Input<'t> {
    file: &'t str,
    text: &'t str,
    places: Places,
    problems: RefCell<Vec<Problem>>,
    untold: RefCell<usize>,
}

impl<'t> Input<'t> {
    /// `text` is without a byte order mark.
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            places: Places::of(text),
            problems: RefCell::default(),
            untold: RefCell::default(),
        }
    }

    pub(super) fn file(&self) -> &'t str {
        self.file
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// Returns what is written at `span`.
    pub(super) fn written(&self, span: &Span) -> &'t str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    pub(super) fn line(&self, span: &Span) -> u32 {
        self.places.position(span.start).line
    }

    pub(super) fn locate<T>(&self, span: &Span, value: T) -> Located<T> {
        let width = first_line(self.written(span)).chars().count().max(1);
        Located {
            value,
            position: self.places.position(span.start),
            width: u32::try_from(width).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn report(&self, problem: Problem) {
        self.report_with(|| problem);
    }

    /// Reports a problem that takes work to describe, and spares the work once it is only counted.
    pub(super) fn report_with(&self, problem: impl FnOnce() -> Problem) {
        if self.is_full() {
            *self.untold.borrow_mut() += 1;
        } else {
            let problem = problem();
            self.problems.borrow_mut().push(problem);
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    fn is_full(&self) -> bool {
        self.problems.borrow().len() >= MOST_PROBLEMS
    }

    /// Returns the question whether `word` was meant to be one of `known`, if one resembles it.
    pub(super) fn did_you_mean<'a>(
        &self,
        word: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Option<String> {
        if self.is_full() { None } else { did_you_mean(word, known) }
    }

    /// Returns everything that was reported, in the order of the file.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut problems = self.problems.take();
        problems.sort_by_key(|problem| problem.span.start);
        let mut diagnostics: Vec<_> =
            problems.into_iter().map(|problem| self.diagnostic(problem)).collect();
        let untold = self.untold.take();
        if untold > 0 {
            diagnostics.push(Diagnostic::error(format!("{untold} more errors")).in_file(self.file));
        }
        diagnostics
    }

    fn diagnostic(&self, problem: Problem) -> Diagnostic {
        let diagnostic = self.locate(&problem.span, ()).error(self.file, problem.message);
        match problem.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

fn first_line(text: &str) -> &str {
    text.split(['\r', '\n']).next().unwrap_or_default()
}

/// Returns the question whether `word` was meant to be one of `known`: one that resembles it, or
/// the only one that it begins.
pub(super) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    if word.len() > LONGEST_WORD {
        return None;
    }
    let known: Vec<&str> = known.take(MOST_NAMES).collect();
    nearest(word, known.iter().copied())
        .or_else(|| completion(word, &known))
        .map(|name| format!("did you mean `{name}`?"))
}

fn completion<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let mut completions = known.iter().filter(|name| word.len() >= 3 && name.starts_with(word));
    let only = completions.next()?;
    completions.next().is_none().then_some(only)
}

/// Returns `word` as a message may quote it: on one line, and not without end.
pub(super) fn shown(word: &str) -> String {
    let mut shown: String = word.chars().take(LONGEST_WORD).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

/// Where lines start and where characters of several bytes are: the position of a byte is found in
/// logarithmic time, however long the lines are.
struct Places {
    lines: Vec<usize>,
    continuations: Vec<usize>,
}

impl Places {
    fn of(text: &str) -> Self {
        let lines = text.match_indices('\n').map(|(at, _)| at + 1);
        let continuations = (0..text.len()).filter(|at| !text.is_char_boundary(*at));
        Self { lines: lines.collect(), continuations: continuations.collect() }
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = if line == 0 { 0 } else { self.lines[line - 1] };
        let before = |at: usize| self.continuations.partition_point(|byte| *byte < at);
        let column = 1 + offset - start - (before(offset) - before(start));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line + 1), column: number(column) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_the_diagnostics() {
        let text = "a = \"ü\" # é\r\nß = 1\n\n日本 = 2";
        let places = Places::of(text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
            assert_eq!(places.position(offset), Position::of_offset(text, offset), "{offset}");
        }
    }

    #[test]
    fn a_place_ends_with_its_line() {
        let input = Input::new("f", "x = '''\nab\n'''");
        assert_eq!(input.locate(&(4..14), ()).width, 3);
        assert_eq!(input.locate(&(14..14), ()).width, 1);
    }

    #[test]
    fn suggestions_resemble_or_complete() {
        let known = ["production", "preview", "staging"];
        let ask = |word| did_you_mean(word, known.into_iter());
        assert_eq!(ask("prod").as_deref(), Some("did you mean `production`?"));
        assert_eq!(ask("stagign").as_deref(), Some("did you mean `staging`?"));
        assert_eq!(ask("pr"), None);
        assert_eq!(ask(&"staging".repeat(1_000)), None);
    }

    #[test]
    fn problems_beyond_the_most_are_counted() {
        let input = Input::new("f", "");
        for _ in 0..MOST_PROBLEMS + 7 {
            input.report(Problem::at(0..0, "no"));
        }
        let diagnostics = input.into_diagnostics();
        assert_eq!(diagnostics.len(), MOST_PROBLEMS + 1);
        assert_eq!(
            diagnostics.last().map(ToString::to_string).as_deref(),
            Some("f: 7 more errors")
        );
    }

    #[test]
    fn quoted_words_stay_on_one_line() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), LONGEST_WORD + 1);
    }
}
