//! The last filter: known values are taken out of any text, whatever put them there.
//!
//! It is the second line. The first is that nobody puts a [`Secret`](crate::secret::Secret) into a
//! text; this one stands behind hooks that print their configuration, and libraries that quote their
//! input.
//!
//! A value of at least [`MIN_LEN`] bytes is found as it is, in Base64 (both alphabets, padded or not,
//! at any offset in what was encoded), in hexadecimal, percent-encoded, with the escapes of JSON, Rust
//! and C, quoted for a shell or for YAML, wrapped and indented over several lines. So are each line of it and
//! each text in a JSON document, from 8 bytes on. Shorter ones stay: a filter for `1` leaves no text,
//! and lines such as `{` or `}` are in every text.
//!
//! | file | holds |
//! |---|---|
//! | `patterns` | what a value may look like |
//! | `view` | a text without its escapes and line breaks, that knows where each byte was |
//! | `stream` | the same for a text that comes in pieces |

mod patterns;
mod stream;
mod view;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use patterns::MIN_LEN;
pub use stream::RedactedStream;

use crate::secret::{SecretName, Secrets};
use patterns::Patterns;
use view::View;

/// Takes the values of secrets out of texts; clones share the work of setting it up.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Patterns>>);

/// A stretch of a text that gives a secret away.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    range: Range<usize>,
    /// Its number among the names.
    name: usize,
}

impl Redactor {
    /// Returns the filter that lets everything pass.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Returns the filter for all of `secrets`.
    #[must_use]
    pub fn new(secrets: &Secrets) -> Self {
        Self::of([secrets])
    }

    /// Returns the filter for the secrets of several environments.
    #[must_use]
    pub fn of<'s>(secrets: impl IntoIterator<Item = &'s Secrets>) -> Self {
        Self(Patterns::of(secrets.into_iter().flat_map(Secrets::iter)).map(Arc::new))
    }

    /// Returns `text` with `[secret NAME]` in place of each value; borrowed where there is none. The
    /// time it takes grows with the text, not with the number of secrets.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.replace(text, |patterns| patterns.find(text.as_bytes()))
    }

    /// Does the same for a text whose beginning was cut off: it may begin with the end of a value.
    #[must_use]
    pub fn redact_tail<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.replace(text, |patterns| {
            let head = patterns.end_of_a_value(text.as_bytes());
            merged(patterns.find(text.as_bytes()).into_iter().chain(head).collect())
        })
    }

    /// Does the same for bytes that need not be text.
    #[must_use]
    pub fn redact_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let Some(patterns) = &self.0 else { return Cow::Borrowed(bytes) };
        let found = patterns.find(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for Found { range, name } in found {
            out.extend_from_slice(&bytes[at..range.start]);
            out.extend_from_slice(label(patterns.name(name)).as_bytes());
            at = range.end;
        }
        out.extend_from_slice(&bytes[at..]);
        Cow::Owned(out)
    }

    /// Replaces what is wrong with `text` in place.
    pub fn redact_in(&self, text: &mut String) {
        if let Cow::Owned(clean) = self.redact(text) {
            *text = clean;
        }
    }

    /// Returns the filter for a text that comes in pieces, cut anywhere.
    #[must_use]
    pub fn stream(&self) -> RedactedStream {
        RedactedStream::new(self.clone())
    }

    /// Tells whether nothing is filtered.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn replace<'t>(
        &self,
        text: &'t str,
        find: impl FnOnce(&Patterns) -> Vec<Found>,
    ) -> Cow<'t, str> {
        let Some(patterns) = &self.0 else { return Cow::Borrowed(text) };
        let found = find(patterns);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for Found { range, name } in found {
            let Range { start, end } = whole_characters(text, range);
            out.push_str(&text[at..start.max(at)]);
            out.push_str(&label(patterns.name(name)));
            at = end;
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "Redactor(none)" } else { "Redactor" })
    }
}

impl Patterns {
    /// Returns what gives secrets away in `text`, in order; no two touch.
    fn find(&self, text: &[u8]) -> Vec<Found> {
        let views = View::all(text);
        merged(views.iter().flat_map(|view| self.find_in(view)).collect())
    }

    fn find_in(&self, view: &View<'_>) -> Vec<Found> {
        let found = |(range, name)| Found { range: view.place(range), name };
        self.matches(view.bytes()).map(found).collect()
    }
}

/// Returns `found` in order, those that touch made one, by the name of the longest.
fn merged(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.range.start, std::cmp::Reverse(found.range.end)));
    let mut all: Vec<(Found, usize)> = Vec::new();
    for next in found {
        let length = next.range.len();
        match all.last_mut() {
            Some((last, longest)) if next.range.start <= last.range.end => {
                last.range.end = last.range.end.max(next.range.end);
                if length > *longest {
                    (last.name, *longest) = (next.name, length);
                }
            }
            _ => all.push((next, length)),
        }
    }
    all.into_iter().map(|(found, _)| found).collect()
}

/// Returns `range` with the characters that it cuts in half: a value that is no text may begin or end
/// within one.
fn whole_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at));
    let end = (range.end..text.len()).find(|at| text.is_char_boundary(*at));
    start.unwrap_or(0)..end.unwrap_or(text.len())
}

fn label(name: &SecretName) -> String {
    format!("[secret {name}]")
}
