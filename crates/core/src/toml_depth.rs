//! How deep the values of a TOML text may lie in each other.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::TokenKind as Kind;

/// Returns the place in `text` where tables and lists would lie more than `deepest` in each other.
///
/// The TOML parser bounds brackets and the dots of one key, but not their product
/// (`{a.a.a = {a.a.a = …}}`), and frees what it has read by recursion: 20 KiB of text overflow the
/// stack. So this comes before the parser. It counts a bracket that is closed wrongly as open.
pub(crate) fn too_deep(text: &str, deepest: usize) -> Option<Range<usize>> {
    let mut open: Vec<(Kind, usize)> = Vec::new();
    let mut outside = 0;
    let mut dots = 0;
    for token in Source::new(text).lex() {
        match token.kind() {
            Kind::Dot => dots += 1,
            Kind::Comma => dots = 0,
            Kind::Newline if open.is_empty() => dots = 0,
            opening @ (Kind::LeftSquareBracket | Kind::LeftCurlyBracket) => {
                open.push((opening, outside));
                outside += dots + 1;
                dots = 0;
            }
            closing => {
                if let Some((_, before)) = open.pop_if(|(opening, _)| closes(closing, *opening)) {
                    outside = before;
                }
            }
        }
        if outside + dots > deepest {
            return Some(token.span().start()..token.span().end());
        }
    }
    None
}

fn closes(closing: Kind, opening: Kind) -> bool {
    matches!(
        (opening, closing),
        (Kind::LeftSquareBracket, Kind::RightSquareBracket)
            | (Kind::LeftCurlyBracket, Kind::RightCurlyBracket)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brackets_and_dots_together() {
        assert_eq!(too_deep("a.b = { c.d = [1] }", 4), None);
        assert_eq!(too_deep("a.b = { c.d = [1] }", 3), Some(14..15));
        assert_eq!(too_deep("[a.b.c]\nx = [1]\n[a.b.c]\n", 3), None);
    }

    #[test]
    fn neighbours_do_not_add_up() {
        let text = "a.b = [[1], [2], { c.d = 1, e.f = 2 }]\n".repeat(1_000);
        assert_eq!(too_deep(&text, 4), None);
    }

    #[test]
    fn strings_and_comments_do_not_count() {
        assert_eq!(
            too_deep("a = '[[[[....' # [[[[....\nb = \"\"\"\n{{{{ \\\" ....\n\"\"\"", 1),
            None
        );
    }

    #[test]
    fn brackets_closed_wrongly_stay_open() {
        assert_eq!(too_deep("x = [ } [ } [ } [", 3), Some(16..17));
    }
}
