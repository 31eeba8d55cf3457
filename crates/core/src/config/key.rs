//! Dotted keys: `database.replicas.0.host`, with `"…"` around a key that holds a dot itself.

use std::borrow::Cow;

/// Returns the segments of `key`, or nothing if it is not a dotted key: an empty segment, or quotes
/// that are not closed.
///
/// The empty text is no key; the root has no dotted key.
#[must_use]
pub fn split(key: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut segments = Vec::new();
    let mut rest = Some(key);
    while let Some(text) = rest {
        let (segment, after) = match text.strip_prefix('"') {
            Some(quoted) => quoted_segment(quoted)?,
            None => plain_segment(text)?,
        };
        segments.push(segment);
        rest = after;
    }
    Some(segments)
}

type Segment<'t> = (Cow<'t, str>, Option<&'t str>);

fn plain_segment(text: &str) -> Option<Segment<'_>> {
    let (segment, rest) = match text.split_once('.') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (text, None),
    };
    (!segment.is_empty()).then_some((Cow::Borrowed(segment), rest))
}

/// Reads up to the closing quote; `\"` and `\\` stand for `"` and `\`.
fn quoted_segment(text: &str) -> Option<Segment<'_>> {
    let mut segment = String::new();
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (_, '\\') => segment.push(chars.next()?.1),
            (at, '"') => {
                let rest = match &text[at + 1..] {
                    "" => None,
                    rest => Some(rest.strip_prefix('.')?),
                };
                return Some((Cow::Owned(segment), rest));
            }
            (_, other) => segment.push(other),
        }
    }
}

/// Appends `segment` to the dotted key `key`, quoted where [`split`] needs it; returns the length
/// before, to truncate to.
pub(crate) fn push(key: &mut String, segment: &str) -> usize {
    let before = key.len();
    if before > 0 {
        key.push('.');
    }
    if segment.is_empty() || segment.contains(['.', '"']) {
        key.push('"');
        for c in segment.chars() {
            if matches!(c, '"' | '\\') {
                key.push('\\');
            }
            key.push(c);
        }
        key.push('"');
    } else {
        key.push_str(segment);
    }
    before
}

/// Returns the dotted key that [`split`] takes apart into `segments`.
#[must_use]
pub fn join<'s>(segments: impl IntoIterator<Item = &'s str>) -> String {
    let mut key = String::new();
    for segment in segments {
        push(&mut key, segment);
    }
    key
}

/// Returns the segments of a JSON pointer.
pub(crate) fn split_pointer(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|segment| {
        if segment.contains('~') {
            Cow::Owned(segment.replace("~1", "/").replace("~0", "~"))
        } else {
            Cow::Borrowed(segment)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_separate_unless_quoted() {
        assert_eq!(split("a.b.0").as_deref(), Some(&["a", "b", "0"].map(Cow::from)[..]));
        assert_eq!(split(r#"a."b.c".d"#).as_deref(), Some(&["a", "b.c", "d"].map(Cow::from)[..]));
        assert_eq!(split(r#""\"\\""#).as_deref(), Some(&[Cow::from("\"\\")][..]));
    }

    #[test]
    fn broken_keys_are_no_keys() {
        for broken in ["", ".", "a.", ".a", "a..b", "\"a", "\"a\"b", "\"a\".", "\"\\"] {
            assert_eq!(split(broken), None, "{broken}");
        }
    }

    #[test]
    fn pointers_are_unescaped() {
        let segments: Vec<_> = split_pointer("/a~1b/~01//2").collect();
        assert_eq!(segments, ["a/b", "~1", "", "2"]);
        assert_eq!(split_pointer("").count(), 0);
    }

    proptest! {
        #[test]
        fn any_segments_come_back(segments in prop::collection::vec("[a-c.\"\\\\ é]{0,5}", 1..5)) {
            let key = join(segments.iter().map(String::as_str));
            prop_assert_eq!(split(&key).expect("a dotted key"), segments);
        }
    }
}
