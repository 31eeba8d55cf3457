//! What a scalar covers of the text: the parser says where it starts, and not always where it ends.

use std::ops::Range;

/// Returns the place for a value where there is none: right behind the colon or dash.
pub(super) fn nothing(text: &str, from: usize, at: usize) -> Range<usize> {
    let rest = &text[from..];
    let skipped = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let colon = from + skipped;
    let at = match rest[skipped..].chars().next() {
        Some(':' | '-') => colon + 1,
        _ => at.min(text.len()),
    };
    at..at
}

/// Returns where the scalar in quotes ends whose anchor, tag or quote is at byte `start`.
pub(super) fn quoted(text: &str, start: usize, decorated: bool) -> usize {
    let mut at = start;
    while decorated && text[at..].starts_with(['!', '&']) {
        let Some(word) = text[at..].find(char::is_whitespace) else { return text.len() };
        let rest = &text[at + word..];
        at += word + rest.len() - rest.trim_start().len();
    }
    let double = text[at..].starts_with('"');
    let mut chars = text[at..].char_indices().skip(1).peekable();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' if double => drop(chars.next()),
            '"' if double => return at + offset + 1,
            '\'' if !double && chars.next_if(|(_, c)| *c == '\'').is_none() => {
                return at + offset + 1;
            }
            _ => {}
        }
    }
    text.len()
}

/// Returns the header of the block scalar whose lines are from byte `start` to `end`, and the lines;
/// what stands between them is a comment.
pub(super) fn block(
    text: &str,
    from: usize,
    start: usize,
    end: usize,
) -> (Range<usize>, Option<Range<usize>>) {
    let gap = &text[from..start];
    let sign = from + header(gap);
    let line = text[sign..].find('\n').map_or(text.len(), |at| sign + at);
    let word = text[sign..line].find(char::is_whitespace).map_or(line, |at| sign + at);
    let header_start = decorations(text, from, sign);
    let lines = text.get(line..end).unwrap_or_default();
    let keep = text[sign..word].contains('+');
    let body = if keep { lines.trim_end_matches([' ', '\t']) } else { without_blank_lines(lines) };
    let body = body.strip_suffix('\n').unwrap_or(body);
    let body = body.strip_suffix('\r').unwrap_or(body);
    let tail = (!body.is_empty()).then(|| line..line + body.len());
    (header_start..word, tail)
}

/// Returns where the anchor and tag start that precede byte `at` on its line, or `at`.
fn decorations(text: &str, from: usize, at: usize) -> usize {
    let before = &text[from..at];
    let mut start = at;
    for (offset, word) in words(before).into_iter().rev() {
        if !word.starts_with(['!', '&']) {
            break;
        }
        start = from + offset;
    }
    start
}

/// Returns `lines` up to the last one that has something other than spaces, with the spaces at its end.
fn without_blank_lines(lines: &str) -> &str {
    let end = lines.trim_end().len();
    &lines[..lines[end..].find('\n').map_or(lines.len(), |at| end + at)]
}

/// Returns the words of `text` with where they start.
fn words(text: &str) -> Vec<(usize, &str)> {
    let base = text.as_ptr() as usize;
    text.split_whitespace().map(|word| (word.as_ptr() as usize - base, word)).collect()
}

/// Returns where the sign of a block scalar is in what precedes its lines.
fn header(gap: &str) -> usize {
    let mut at = 0;
    for line in gap.split_inclusive('\n') {
        let code = line.find(" #").map_or(line, |comment| &line[..comment]);
        let found = code.char_indices().find(|(offset, c)| {
            matches!(c, '|' | '>') && (*offset == 0 || code[..*offset].ends_with([' ', '\t', ':']))
        });
        if let Some((offset, _)) = found {
            return at + offset;
        }
        at += line.len();
    }
    gap.len()
}
