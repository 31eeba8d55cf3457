//! `${KEY}` substitution.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::TemplateError;
use crate::diagnostic::nearest;
use crate::trace::{Part, Places, Source, Span, Traced};

/// `${A:-${B:-…}}` nests this deep.
const MAX_NESTING: usize = 16;

/// A text with more errors than this is not a template; the rest of it is not read.
const MAX_ERRORS: usize = 256;

/// Where the values come from.
pub trait Variables {
    /// Returns the value of `name`; `None` when it is not set.
    fn get(&self, name: &str) -> Option<&str>;

    /// Returns the names that are set, for hints.
    fn names(&self) -> Vec<&str>;

    /// Returns why `name` cannot be used although it is known; to use it is then this error.
    fn refusal(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

impl Variables for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<&str> {
        self.get(name).map(String::as_str)
    }

    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

/// Returns `text` with each variable replaced by its value; borrowed when there is none.
///
/// | text | becomes |
/// |---|---|
/// | `${KEY}` | the value; unset is an error |
/// | `$KEY` | the value; unset stays as it is, as nginx and shell files are full of them |
/// | `${KEY:-word}`, `${KEY-word}` | the word when unset or empty; when unset |
/// | `${KEY:+word}`, `${KEY+word}` | the word unless unset or empty; unless unset |
/// | `${KEY:?message}`, `${KEY?message}` | an error when unset or empty; when unset |
/// | `$$` | `$` |
///
/// A name is as long as it can be: `$KEY2` never uses `KEY`. A word may hold variables itself and
/// ends, with its `}`, on the line on which it began. `$` before anything else stays as it is. A
/// value is never expanded again.
///
/// # Errors
/// All that is wrong with the text, in order (the first 256).
pub fn substitute<'t>(
    text: &'t str,
    variables: &dyn Variables,
) -> Result<Cow<'t, str>, Vec<TemplateError>> {
    substitute_noting(text, variables, &mut |_| {})
}

/// Does the same as [`substitute`], and calls `note` with each name whose value decided something,
/// each time.
///
/// # Errors
/// As [`substitute`].
pub fn substitute_noting<'t>(
    text: &'t str,
    variables: &dyn Variables,
    note: &mut dyn FnMut(&str),
) -> Result<Cow<'t, str>, Vec<TemplateError>> {
    if !text.contains('$') {
        return Ok(Cow::Borrowed(text));
    }
    let mut run = Run::new(text, variables, note, None);
    run.text();
    if !run.errors.is_empty() {
        return Err(run.errors);
    }
    if run.plain == 0 {
        return Ok(Cow::Borrowed(text));
    }
    run.out.push_str(&text[run.plain..]);
    Ok(Cow::Owned(run.out))
}

/// Returns what [`substitute`] returns, and which variable filled which part of it.
///
/// A value is exact. The word of `${A:-word}` is the default of `A`, that of `${A:+word}` derived from
/// it.
///
/// # Errors
/// As [`substitute`].
pub fn substitute_traced(
    text: &str,
    variables: &dyn Variables,
) -> Result<Traced, Vec<TemplateError>> {
    let note = &mut |_: &str| {};
    let mut run = Run::new(text, variables, note, Some(Vec::new()));
    run.text();
    if !run.errors.is_empty() {
        return Err(run.errors);
    }
    run.write_plain(text.len(), TOP);
    let places = Places::of(text);
    let pieces = run.pieces.unwrap_or_default();
    let span = |piece: Piece| Span {
        place: Some(places.position(piece.input)),
        output: piece.output,
        verbatim: piece.verbatim,
        sources: piece.source.into_iter().collect(),
    };
    Ok(Traced::new(run.out, pieces.into_iter().map(span)))
}

/// What was written at once.
struct Piece {
    output: Range<usize>,
    /// Where it is in the text.
    input: usize,
    verbatim: bool,
    source: Option<Source>,
}

/// The part of the text in which an expansion stands.
#[derive(Clone, Copy)]
struct Place {
    /// How many `${` are open around it.
    depth: usize,
    /// Whether it counts: the word of `${A:-word}` does not while `A` is set.
    live: bool,
    /// In a word, where the name is that it belongs to, and what it is for it.
    word: Option<(usize, usize, Part)>,
}

const TOP: Place = Place { depth: 0, live: true, word: None };

impl Place {
    /// Returns the place of the word of `name` in it, after `sign`, which counts if `live`.
    fn word(self, live: bool, name: &Range<usize>, sign: u8) -> Self {
        let part = if sign == b'+' { Part::Derived } else { Part::Default };
        let word = Some((name.start, name.end, part));
        Self { depth: self.depth + 1, live: self.live && live, word }
    }
}

struct Run<'a> {
    text: &'a str,
    variables: &'a dyn Variables,
    note: &'a mut dyn FnMut(&str),
    out: String,
    /// Where the text begins that is not yet written; 0 as long as nothing is replaced.
    plain: usize,
    errors: Vec<TemplateError>,
    /// What was written, where somebody wants to know.
    pieces: Option<Vec<Piece>>,
}

impl<'a> Run<'a> {
    fn new(
        text: &'a str,
        variables: &'a dyn Variables,
        note: &'a mut dyn FnMut(&str),
        pieces: Option<Vec<Piece>>,
    ) -> Self {
        let (out, errors) = (String::new(), Vec::new());
        Self { text, variables, note, out, plain: 0, errors, pieces }
    }

    fn text(&mut self) {
        let mut at = 0;
        while let Some(found) = self.text[at..].find('$') {
            let dollar = at + found;
            at = match self.dollar(dollar, TOP) {
                Some(end) => end,
                None => self.line_end(dollar),
            };
            if self.is_hopeless() {
                return;
            }
        }
    }

    /// Handles the `$` at `at` and returns where to go on; `None` when its `}` is missing.
    fn dollar(&mut self, at: usize, place: Place) -> Option<usize> {
        match self.text.as_bytes().get(at + 1) {
            Some(b'$') => {
                self.write_plain(at + 1, place);
                self.plain = at + 2;
                Some(at + 2)
            }
            Some(b'{') => self.braced(at, place),
            Some(first) if is_name_start(*first) => Some(self.bare(at, place)),
            _ => Some(at + 1),
        }
    }

    /// Handles the `$KEY` at `at` and returns its end.
    fn bare(&mut self, at: usize, place: Place) -> usize {
        let end = self.name_end(at + 1);
        if let Some(value) = self.value(at + 1..end, place) {
            self.write_plain(at, place);
            self.write(at, at + 1..end, value, place);
            self.plain = end;
        }
        end
    }

    /// Handles the `${…}` at `at` and returns its end.
    fn braced(&mut self, at: usize, place: Place) -> Option<usize> {
        if place.depth >= MAX_NESTING {
            self.fail(at..at + 2, format!("`${{` nested more than {MAX_NESTING} deep"), None);
            return None;
        }
        self.write_plain(at, place);
        let name = at + 2..self.name_end(at + 2);
        let rest = &self.text.as_bytes()[name.end..];
        let (colon, sign) = match rest {
            [b'}', ..] => return Some(self.required(at, name, place)),
            [b':', sign @ (b'-' | b'+' | b'?'), ..] => (true, *sign),
            [sign @ (b'-' | b'+' | b'?'), ..] => (false, *sign),
            _ => return self.not_a_variable(at),
        };
        if name.is_empty() {
            return self.not_a_variable(at);
        }
        let word = name.end + 1 + usize::from(colon);
        self.conditional(at, name, word, (colon, sign), place)
    }

    /// Handles `${KEY}` and returns its end.
    fn required(&mut self, at: usize, name: Range<usize>, place: Place) -> usize {
        let end = name.end + 1;
        self.plain = end;
        if name.is_empty() {
            self.fail(at..end, "`${}` names no variable", None);
            return end;
        }
        match self.value(name.clone(), place) {
            Some(value) => self.write(at, name, value, place),
            None if place.live => {
                let key = &self.text[name];
                let message = format!("variable `{key}` is not set");
                self.fail(at..end, message, Some(self.hint_for(key)));
            }
            None => {}
        }
        end
    }

    /// Handles `${KEY` with an operator and the word that begins at `word`, and returns its end.
    fn conditional(
        &mut self,
        at: usize,
        name: Range<usize>,
        word: usize,
        (colon, sign): (bool, u8),
        place: Place,
    ) -> Option<usize> {
        let value = self.value(name.clone(), place);
        let given = value.filter(|value| !(colon && value.is_empty()));
        if sign != b'+'
            && let Some(value) = given
        {
            self.write(at, name.clone(), value, place);
        }
        let counts = match sign {
            b'-' => given.is_none(),
            b'+' => given.is_some(),
            _ => false,
        };
        let close = self.word(at, word, place.word(counts, &name, sign))?;
        self.plain = close + 1;
        if sign == b'?' && given.is_none() && place.live {
            self.demanded(at..close + 1, name, word..close, value.is_some());
        }
        Some(close + 1)
    }

    /// Handles the word that begins at `at` and returns where its `}` is.
    fn word(&mut self, opened: usize, mut at: usize, place: Place) -> Option<usize> {
        self.plain = at;
        while !self.is_hopeless() {
            let stop = self.text[at..].find(['$', '}', '\n']).map(|found| at + found);
            match stop.map(|stop| (stop, self.text.as_bytes()[stop])) {
                Some((close, b'}')) => {
                    self.write_plain(close, place);
                    return Some(close);
                }
                Some((dollar, b'$')) => at = self.dollar(dollar, place)?,
                _ => return self.unterminated(opened),
            }
        }
        None
    }

    /// Reports `${KEY:?message}`. The message stays as it is written, so that no value gets into an
    /// error.
    fn demanded(&mut self, whole: Range<usize>, name: Range<usize>, word: Range<usize>, set: bool) {
        let (key, word) = (&self.text[name], self.text[word].trim());
        let what = if set { "is empty" } else { "is not set" };
        let why = if word.is_empty() { String::new() } else { format!(": {word}") };
        let hint = (!set).then(|| self.hint_for(key));
        self.fail(whole, format!("variable `{key}` {what}{why}"), hint);
    }

    /// Reports a `${` that no variable follows, and returns where to go on.
    fn not_a_variable(&mut self, at: usize) -> Option<usize> {
        let Some(close) = self.text[at..self.line_end(at)].find('}') else {
            return self.unterminated(at);
        };
        let end = at + close + 1;
        self.plain = end;
        let shown: String = self.text[at..end].chars().take(40).collect();
        let hint = "write `${NAME}` with letters, digits and `_`, or `$$` for a `$` that stays";
        self.fail(at..end, format!("`{shown}` is not a variable"), Some(hint.to_owned()));
        Some(end)
    }

    fn unterminated(&mut self, at: usize) -> Option<usize> {
        let hint = "close it with `}` on the same line, or write `$$` for a `$` that stays";
        self.fail(at..self.line_end(at), "unterminated `${`", Some(hint.to_owned()));
        None
    }

    fn is_hopeless(&self) -> bool {
        self.errors.len() >= MAX_ERRORS
    }

    fn fail(&mut self, span: Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let error = TemplateError::spanning(self.text, span, message);
        self.errors.push(TemplateError { hint, ..error });
    }

    fn hint_for(&self, key: &str) -> String {
        match nearest(key, self.variables.names()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => {
                format!("set it among the variables, or give a default: `${{{key}:-default}}`")
            }
        }
    }

    /// Returns the value of the variable whose name is at `name`, and notes it if it counts.
    fn value(&mut self, name: Range<usize>, place: Place) -> Option<&'a str> {
        let key = &self.text[name.clone()];
        if let Some(why) = self.variables.refusal(key) {
            if place.live {
                self.fail(name, why, None);
            }
            return Some("");
        }
        let value = self.variables.get(key);
        if value.is_some() && place.live {
            (self.note)(key);
        }
        value
    }

    /// Writes the text up to `end` that is not yet written.
    fn write_plain(&mut self, end: usize, place: Place) {
        if place.live {
            let source = place.word.map(|(start, end, part)| (start..end, part));
            self.put(self.plain, true, source, &self.text[self.plain..end]);
        }
    }

    /// Writes the value of the variable whose name is at `name`, for what begins at `at`.
    fn write(&mut self, at: usize, name: Range<usize>, value: &str, place: Place) {
        if place.live {
            self.put(at, false, Some((name, Part::Exact)), value);
        }
    }

    fn put(
        &mut self,
        input: usize,
        verbatim: bool,
        source: Option<(Range<usize>, Part)>,
        written: &str,
    ) {
        let start = self.out.len();
        self.out.push_str(written);
        if let Some(pieces) = &mut self.pieces {
            let named = |(name, part): (Range<usize>, Part)| Source {
                name: self.text[name].to_owned(),
                part,
            };
            let (output, source) = (start..self.out.len(), source.map(named));
            pieces.push(Piece { output, input, verbatim, source });
        }
    }

    fn name_end(&self, start: usize) -> usize {
        let rest = &self.text.as_bytes()[start..];
        match rest.first() {
            Some(first) if is_name_start(*first) => {
                let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                start + rest.iter().take_while(|byte| is_inner(byte)).count()
            }
            _ => start,
        }
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |found| at + found)
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Position;

    fn variables() -> BTreeMap<String, String> {
        [("KEY", "value"), ("KEY2", "second"), ("EMPTY", ""), ("DB_HOST", "db")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn expand(text: &str) -> String {
        substitute(text, &variables()).expect("the text is valid").into_owned()
    }

    fn errors(text: &str) -> Vec<(u32, u32, String)> {
        let errors = substitute(text, &variables()).expect_err("the text is invalid");
        errors.into_iter().map(|e| (e.position.line, e.position.column, e.message)).collect()
    }

    #[test]
    fn follows_the_grammar() {
        for (text, expected) in [
            ("a ${KEY} b $KEY.", "a value b value."),
            ("$KEY2 ${KEY}2 $KEY_3", "second value2 $KEY_3"),
            ("${EMPTY}|$EMPTY|", "||"),
            ("${EMPTY:-d} ${EMPTY-d} ${NO:-d} ${NO-d} ${KEY:-d}", "d  d d value"),
            ("${EMPTY:+o}|${EMPTY+o}|${NO:+o}|${NO+o}|${KEY:+o}", "|o|||o"),
            ("${KEY:?m} ${EMPTY?m}", "value "),
            ("$$KEY $${KEY} $$$KEY $$$$", "$KEY ${KEY} $value $$"),
            ("${NO:-} ${NO:-a b:c=d;\u{fc}}", " a b:c=d;\u{fc}"),
            ("${NO:-${KEY}} ${NO:-a${NO:-$KEY}b}", "value avalueb"),
            ("${NO:-$$ $other $1}", "$ $other $1"),
        ] {
            assert_eq!(expand(text), expected, "{text}");
        }
    }

    #[test]
    fn leaves_what_is_not_a_variable() {
        let text = "location ~ ^/(.*)$ { set $host $1; } $( $) $' \u{fc}$\u{fc} $";
        let same = substitute(text, &BTreeMap::new()).expect("the text is valid");
        assert!(matches!(same, Cow::Borrowed(_)));
        assert_eq!(same, text);
    }

    #[test]
    fn a_value_is_never_expanded_again() {
        let tricky = "${KEY} $KEY $$ {{ x }}\nINJECTED=1 }";
        let variables = BTreeMap::from([
            ("A".to_owned(), tricky.to_owned()),
            ("KEY".to_owned(), "no".to_owned()),
        ]);
        for text in ["${A}", "$A", "${A:-x}", "${B:-${A}}", "${A:+$A}"] {
            assert_eq!(substitute(text, &variables).expect("valid"), tricky, "{text}");
        }
    }

    #[test]
    fn reports_every_error_with_its_place() {
        let text =
            "ok ${KEY}\n  ${NOPE} \u{fc} ${1x}\n${a b} ${}\n${KEY\n${NO:-x\n${EMPTY:?must be set}";
        assert_eq!(
            errors(text),
            [
                (2, 3, "variable `NOPE` is not set".to_owned()),
                (2, 13, "`${1x}` is not a variable".to_owned()),
                (3, 1, "`${a b}` is not a variable".to_owned()),
                (3, 8, "`${}` names no variable".to_owned()),
                (4, 1, "unterminated `${`".to_owned()),
                (5, 1, "unterminated `${`".to_owned()),
                (6, 1, "variable `EMPTY` is empty: must be set".to_owned()),
            ]
        );
    }

    #[test]
    fn the_caret_underlines_the_variable_and_hints_at_the_nearest() {
        let errors = substitute("a ${DB_HSOT}", &variables()).expect_err("unset");
        assert_eq!(errors[0].width, 10);
        assert_eq!(errors[0].hint.as_deref(), Some("did you mean `DB_HOST`?"));
        let shown = errors[0].clone().into_diagnostic("a.conf");
        assert_eq!(shown.to_string(), "a.conf:1:3: variable `DB_HSOT` is not set");
        assert_eq!(shown.position, Some(Position { line: 1, column: 3 }));
    }

    #[test]
    fn a_word_that_does_not_count_is_still_read() {
        assert_eq!(expand("${KEY:-${NOPE}} ${KEY:-${NO:?never}} ${NO:+${NOPE}}"), "value value ");
        assert_eq!(errors("${KEY:-${1x}}").len(), 1);
    }

    #[test]
    fn an_error_never_shows_a_value() {
        let errors = errors("${NO:?because $KEY}");
        assert_eq!(errors[0].2, "variable `NO` is not set: because $KEY");
    }

    #[test]
    fn notes_the_variables_that_count() {
        let mut used = BTreeSet::new();
        let text = "${KEY} $DB_HOST ${EMPTY:-x} $other ${KEY:-$KEY2}";
        let note = &mut |name: &str| {
            used.insert(name.to_owned());
        };
        substitute_noting(text, &variables(), note).expect("valid");
        assert_eq!(used.into_iter().collect::<Vec<_>>(), ["DB_HOST", "EMPTY", "KEY"]);
    }

    #[test]
    fn tells_which_variable_filled_which_part() {
        let text = "a $KEY\n${NO:-x$DB_HOST}${KEY:+y}$$\n${EMPTY-z}${EMPTY:-d\u{fc}}";
        let traced = substitute_traced(text, &variables()).expect("valid");
        assert_eq!(traced.text, expand(text));
        let part = |span: &Span| {
            let at = span.place.map(|at| (at.line, at.column)).expect("a place");
            let source = span.sources.first().map(|s| format!("{}:{:?}", s.name, s.part));
            (traced.text[span.output.clone()].to_owned(), at, source.unwrap_or_default())
        };
        let expected = [
            ("a ", (1, 1), ""),
            ("value", (1, 3), "KEY:Exact"),
            ("\n", (1, 7), ""),
            ("x", (2, 7), "NO:Default"),
            ("db", (2, 8), "DB_HOST:Exact"),
            ("y", (2, 24), "KEY:Derived"),
            ("$", (2, 26), ""),
            ("\n", (2, 28), ""),
            ("d\u{fc}", (3, 20), "EMPTY:Default"),
        ];
        let expected = expected.map(|(text, at, source)| (text.to_owned(), at, source.to_owned()));
        assert_eq!(traced.spans.iter().map(part).collect::<Vec<_>>(), expected);
        assert_eq!(
            substitute_traced("${NOPE}", &variables()).map(|_| ()),
            Err(substitute("${NOPE}", &variables()).expect_err("unset"))
        );
    }

    #[test]
    fn hostile_texts_end() {
        let nested = "${A:-".repeat(200_000);
        assert!(errors(&nested)[0].2.contains("nested more than"));
        assert_eq!(errors(&"${".repeat(200_000)).len(), 1);
        assert_eq!(errors(&"${1}".repeat(100_000)).len(), MAX_ERRORS);
        assert_eq!(errors(&format!("${{NO:-{}", "${NO}".repeat(100_000))).len(), MAX_ERRORS);
    }

    proptest! {
        #[test]
        fn text_without_dollar_stays(text in "[^$]*") {
            let same = substitute(&text, &variables()).expect("nothing to replace");
            prop_assert!(matches!(same, Cow::Borrowed(_)));
            prop_assert_eq!(&*same, text.as_str());
        }

        #[test]
        fn escaped_text_comes_back(text in "([$]?[{}A-Z:\\-? \u{fc}]{0,3}){0,20}") {
            prop_assert_eq!(expand(&text.replace('$', "$$")), text);
        }

        #[test]
        fn a_traced_text_is_the_same(
            text in "([$]|[$][{]|[}]|[$](KEY|EMPTY)|:-|:[?]|[+]|[a-z\u{fc}]|\n){0,40}"
        ) {
            let plain = substitute(&text, &variables()).map(Cow::into_owned);
            let traced = substitute_traced(&text, &variables());
            if let Ok(traced) = &traced {
                let parts = traced.spans.iter().map(|span| &traced.text[span.output.clone()]);
                prop_assert_eq!(parts.collect::<String>(), traced.text.clone());
                let lines: Vec<_> = traced.lines().iter().map(|line| line.text).collect();
                prop_assert_eq!(lines, traced.text.split_terminator('\n').collect::<Vec<_>>());
            }
            prop_assert_eq!(traced.map(|traced| traced.text), plain);
        }

        #[test]
        fn any_text_ends_in_a_result(text in "([$]|[$][{]|[}]|KEY|:-|:[?]|[+]|\\PC|\n){0,40}") {
            if let Err(errors) = substitute(&text, &variables()) {
                prop_assert!(!errors.is_empty());
            }
        }
    }
}
