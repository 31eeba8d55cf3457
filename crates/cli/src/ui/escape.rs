//! Untrusted text made safe for a terminal.
//!
//! A file name, a value or the output of a command may hold escape sequences that move the cursor,
//! recolour the screen or type into the terminal, and characters that reorder or hide what is
//! around them. They are shown as `\u{1b}` and never sent.

use std::borrow::Cow;

/// Returns `text` on one line, with every character that a terminal would act upon spelled out.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_active)
}

/// Returns `text` with its line breaks and tabs kept, and every other character that a terminal
/// would act upon spelled out.
pub(crate) fn block(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_active(c) && !matches!(c, '\n' | '\t'))
}

/// Appends `c` to `out`, spelled out where a terminal would act upon it.
pub(crate) fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_active(c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

/// Tells whether a terminal would do anything but show `c`: control characters, and format
/// characters that reorder text, hide in it or break its lines.
pub(crate) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

fn escaped(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) { push(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_spelled_out() {
        assert_eq!(line("\u{1b}[2Jx\u{7}"), "\\u{1b}[2Jx\\u{7}");
        assert_eq!(line("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}", "C1 controls and DEL too");
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(line("a\r\nb\tc\u{2028}d"), "a\\r\\nb\\tc\\u{2028}d");
        assert_eq!(block("a\r\nb\tc"), "a\\r\nb\tc");
    }

    #[test]
    fn text_that_reorders_or_hides_is_spelled_out() {
        assert_eq!(line("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
        assert_eq!(line("a\u{200b}b"), "a\\u{200b}b");
    }

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(line("grüße, 世界"), Cow::Borrowed(_)));
    }
}
