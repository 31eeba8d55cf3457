//! Where a text came from, piece by piece.
//!
//! Whatever makes texts (substitution, templates, writing configuration) can make a [`Traced`] one:
//! the same bytes, and for each stretch of them the place of the template that wrote it and the
//! names whose values went into it.

use std::ops::Range;

use crate::diagnostic::Position;

/// A text, and what each part of it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// The text.
    pub text: String,
    /// Its parts, in order, none empty; together they are all of the text.
    pub spans: Vec<Span>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which bytes of the text.
    pub output: Range<usize>,
    /// Where the template says so; nothing where there is no template, or the part is from a partial
    /// that cannot say.
    pub place: Option<Position>,
    /// Whether it stands in the template as it is, so that each of its lines has a place of its own.
    pub verbatim: bool,
    /// What filled it, in order.
    pub sources: Vec<Source>,
}

/// A name whose value filled a part of a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// A variable, or a dotted key of the data.
    pub name: String,
    /// How it filled the part.
    pub part: Part,
}

/// How a value filled a part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The part is its value.
    Exact,
    /// Something was made of its value, or its value decided that the part is there.
    Derived,
    /// It has no value, or an empty one, and the part is what the template says for that case.
    Default,
}

/// A line of a [`Traced`] text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'t> {
    /// Its number, from 1.
    pub number: u32,
    /// Its text, without the line end.
    pub text: &'t str,
    /// Which bytes of the whole text it is, with the line end.
    pub output: Range<usize>,
    /// Where in the template it begins; for a part of a value with several lines, where the value is.
    pub place: Option<Position>,
    /// Whether all of it stands in the template as it is.
    pub verbatim: bool,
    /// What filled it, each once, in order.
    pub sources: Vec<Source>,
}

impl Source {
    /// Returns a source whose value is the part.
    #[must_use]
    pub fn exact(name: impl Into<String>) -> Self {
        Self { name: name.into(), part: Part::Exact }
    }

    /// Returns a source from whose value the part was made.
    #[must_use]
    pub fn derived(name: impl Into<String>) -> Self {
        Self { name: name.into(), part: Part::Derived }
    }
}

impl Traced {
    /// Returns `text` that stands like this in its template.
    #[must_use]
    pub fn verbatim(text: impl Into<String>) -> Self {
        let text = text.into();
        let place = Some(Position { line: 1, column: 1 });
        let whole = Span { output: 0..text.len(), place, verbatim: true, sources: Vec::new() };
        let spans = if text.is_empty() { Vec::new() } else { vec![whole] };
        Self { text, spans }
    }

    /// Returns `text` with `spans`, which are in order and do not overlap; what is between them came
    /// from nowhere that is known. Empty spans are left out.
    pub(crate) fn new(text: String, spans: impl IntoIterator<Item = Span>) -> Self {
        let mut all = Vec::new();
        let mut end = 0;
        for span in spans.into_iter().filter(|span| !span.output.is_empty()) {
            all.extend(unknown(end..span.output.start));
            end = span.output.end;
            all.push(span);
        }
        all.extend(unknown(end..text.len()));
        Self { text, spans: all }
    }

    /// Returns its lines.
    #[must_use]
    pub fn lines(&self) -> Vec<Line<'_>> {
        let (mut lines, mut start, mut first) = (Vec::new(), 0, 0);
        for (number, text) in (1..).zip(self.text.split_inclusive('\n')) {
            let range = start..start + text.len();
            while self.spans.get(first).is_some_and(|span| span.output.end <= range.start) {
                first += 1;
            }
            let spans = self.spans[first..].iter();
            let spans: Vec<_> = spans.take_while(|span| span.output.start < range.end).collect();
            let text = text.strip_suffix('\n').unwrap_or(text);
            start = range.end;
            lines.push(self.line(number, text, range, &spans));
        }
        lines
    }

    fn line<'t>(
        &'t self,
        number: u32,
        text: &'t str,
        output: Range<usize>,
        spans: &[&Span],
    ) -> Line<'t> {
        let mut sources: Vec<Source> = Vec::new();
        for source in spans.iter().flat_map(|span| &span.sources) {
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        let place = spans.iter().find_map(|span| self.place_at(span, output.start));
        let verbatim = spans.iter().all(|span| span.verbatim);
        Line { number, text, output, place, verbatim, sources }
    }

    /// Returns the place in the template of what of `span` is on the line that begins at `start`.
    fn place_at(&self, span: &Span, start: usize) -> Option<Position> {
        let place = span.place?;
        if !span.verbatim || start <= span.output.start {
            return Some(place);
        }
        let lines = self.text[span.output.start..start].matches('\n').count();
        let line = place.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        Some(Position { line, column: 1 })
    }
}

fn unknown(output: Range<usize>) -> Option<Span> {
    let is_there = !output.is_empty();
    is_there.then_some(Span { output, place: None, verbatim: false, sources: Vec::new() })
}

/// The lines of a text, for finding many places in it.
pub(crate) struct Places<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Returns the place of byte `offset`, which is at the start of a character.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: to_u32(line), column: to_u32(1 + before.chars().count()) }
    }

    /// Returns where line `number` (from 1) starts, in bytes; past the last line, the end.
    pub(crate) fn start_of(&self, number: u32) -> usize {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        self.starts.get(index).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Option<Position> {
        Some(Position { line, column })
    }

    #[test]
    fn a_text_of_its_own_has_its_own_lines() {
        let traced = Traced::verbatim("a\n\nb");
        let lines: Vec<_> = traced.lines().iter().map(|line| (line.text, line.place)).collect();
        assert_eq!(lines, [("a", at(1, 1)), ("", at(2, 1)), ("b", at(3, 1))]);
        assert!(traced.lines().iter().all(|line| line.verbatim && line.sources.is_empty()));
        assert!(Traced::verbatim("").lines().is_empty());
    }

    #[test]
    fn lines_gather_what_is_on_them() {
        let span = |output, place, verbatim, sources: &[Source]| Span {
            output,
            place,
            verbatim,
            sources: sources.to_vec(),
        };
        let (a, b) = (Source::exact("a"), Source::derived("b"));
        let spans = [
            span(0..2, at(5, 1), true, &[]),
            span(2..7, at(5, 3), false, &[a.clone(), b.clone()]),
            span(7..9, at(5, 9), true, &[]),
            span(10..11, at(7, 1), false, &[a.clone(), a.clone()]),
        ];
        let traced = Traced::new("x=one\ny\nz?1\n".to_owned(), spans);
        assert_eq!(traced.spans.len(), 6, "two are unknown");
        let lines = traced.lines();
        assert_eq!((lines[0].place, lines[0].sources.len()), (at(5, 1), 2));
        assert_eq!((lines[1].place, lines[1].sources.len()), (at(5, 3), 2), "{:?}", lines[1]);
        assert_eq!((lines[2].place, &lines[2].sources[..]), (at(6, 1), &[a][..]));
        assert!(!lines[2].verbatim);
    }

    #[test]
    fn places_are_found_by_byte() {
        let places = Places::of("a: 1\n\u{fc}: x\n");
        assert_eq!(places.position(0), Position { line: 1, column: 1 });
        assert_eq!(places.position(9), Position { line: 2, column: 4 });
        assert_eq!((places.start_of(2), places.start_of(9)), (5, 11));
    }
}
