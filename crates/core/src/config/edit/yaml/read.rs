//! Where everything in a YAML text is: the parser says what comes next, and the text where.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::super::text::{line_end, skip_trivia};
use super::super::tree::{Item, Key, Shape, Tree};

/// Returns the value that `text`, which parses, writes; nothing if it is written in a way that the
/// reader here does not follow.
pub(super) fn tree(text: &str) -> Option<Tree> {
    let events = Parser::new_from_str(text).collect::<Result<Vec<_>, _>>().ok()?;
    let mut reader = Reader { text, bytes: bytes(text), events: events.into_iter(), flow: 0 };
    loop {
        match reader.next()? {
            Found::Start(end) => return reader.value(end),
            Found::End => return Some(Tree::leaf(Shape::Scalar, 0..0)),
            Found::Other => {}
            _ => return None,
        }
    }
}

/// Returns the byte offset of each character, as the parser counts characters; empty for ASCII.
fn bytes(text: &str) -> Vec<usize> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

struct Reader<'t> {
    text: &'t str,
    bytes: Vec<usize>,
    events: std::vec::IntoIter<(Event<'t>, Span)>,
    flow: usize,
}

/// An event, reduced to what places need.
enum Found {
    /// The document starts after this byte.
    Start(usize),
    Scalar {
        text: String,
        style: ScalarStyle,
        properties: usize,
        end: usize,
    },
    Alias,
    List {
        properties: usize,
    },
    Map {
        properties: usize,
    },
    /// A collection or the stream ends.
    End,
    Other,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Found> {
        let (event, span) = self.events.next()?;
        let end = self.byte(span.end.index());
        Some(match event {
            Event::DocumentStart(explicit) => Found::Start(if explicit { end } else { 0 }),
            Event::Scalar(text, style, anchor, tag) => Found::Scalar {
                text: text.into_owned(),
                style,
                properties: usize::from(anchor > 0) + usize::from(tag.is_some()),
                end,
            },
            Event::Alias(_) => Found::Alias,
            Event::SequenceStart(anchor, tag) => {
                Found::List { properties: usize::from(anchor > 0) + usize::from(tag.is_some()) }
            }
            Event::MappingStart(anchor, tag) => {
                Found::Map { properties: usize::from(anchor > 0) + usize::from(tag.is_some()) }
            }
            Event::SequenceEnd | Event::MappingEnd | Event::StreamEnd => Found::End,
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => Found::Other,
        })
    }

    fn byte(&self, index: usize) -> usize {
        if self.bytes.is_empty() {
            index
        } else {
            self.bytes.get(index).copied().unwrap_or(self.text.len())
        }
    }

    fn value(&mut self, at: usize) -> Option<Tree> {
        let found = self.next()?;
        self.value_of(found, at)
    }

    /// Returns the value that `found` starts, somewhere from byte `at` on.
    fn value_of(&mut self, found: Found, at: usize) -> Option<Tree> {
        let properties = match &found {
            Found::Scalar { properties, .. }
            | Found::List { properties }
            | Found::Map { properties } => *properties,
            _ => 0,
        };
        let (properties, start) = if properties > 0 {
            self.properties(at, properties)?
        } else {
            (at..at, skip_trivia(self.text, at, true))
        };
        let tree = match found {
            Found::Scalar { text, style: ScalarStyle::Plain, .. } if text.is_empty() => {
                Tree::leaf(Shape::Scalar, properties.end..properties.end)
            }
            Found::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, end, .. } => {
                self.block_scalar(start, end)?
            }
            Found::Scalar { style: ScalarStyle::Plain, end, .. } if start <= end => {
                Tree::leaf(Shape::Scalar, start..end)
            }
            Found::Scalar { .. } => Tree::leaf(Shape::Scalar, start..self.quoted(start)?),
            Found::Alias => Tree::leaf(Shape::Alias, start..start + self.property(start)),
            Found::List { .. } => self.list(start)?,
            Found::Map { .. } => self.map(start)?,
            _ => return None,
        };
        Some(Tree { properties, ..tree })
    }

    /// Returns where the `count` of anchor and tag from byte `at` on are, and where the value after
    /// them starts.
    fn properties(&self, at: usize, count: usize) -> Option<(std::ops::Range<usize>, usize)> {
        let start = skip_trivia(self.text, at, true);
        let (mut end, mut next) = (start, start);
        for _ in 0..count {
            end = next + self.property(next);
            next = skip_trivia(self.text, end, true);
        }
        (end > start).then_some((start..end, next))
    }

    fn property(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        if rest.starts_with("!<") {
            return rest.find('>').map_or(rest.len(), |end| end + 1);
        }
        let ends = |c: char| {
            c.is_whitespace() || self.flow > 0 && matches!(c, ',' | '[' | ']' | '{' | '}')
        };
        rest.find(ends).unwrap_or(rest.len())
    }

    /// Returns where the scalar in quotes from byte `start` on ends; the parser counts what follows it.
    fn quoted(&self, start: usize) -> Option<usize> {
        let quote = self.text[start..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let double = quote == '"';
        let mut chars = self.text[start + 1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' if double => drop(chars.next()),
                '"' if double => return Some(start + at + 2),
                '\'' if !double && chars.next_if(|(_, c)| *c == '\'').is_none() => {
                    return Some(start + at + 2);
                }
                _ => {}
            }
        }
        None
    }

    /// Returns the scalar under the `|` or `>` at `start`; blank lines after it are no part of it,
    /// unless it keeps them.
    fn block_scalar(&self, start: usize, end: usize) -> Option<Tree> {
        let text = self.text.get(start..end)?;
        let header = line_end(self.text, start);
        let header_text = self.text.get(start..header)?;
        let keeps = header_text.split('#').next()?.contains('+');
        let text = if keeps {
            let text = text.trim_end_matches(' ');
            let text = text.strip_suffix('\n').unwrap_or(text);
            text.strip_suffix('\r').unwrap_or(text)
        } else {
            text.trim_end()
        };
        let end = (start + text.len()).max(start + header_text.trim_end().len());
        Some(Tree::leaf(Shape::BlockScalar, start..end))
    }

    fn list(&mut self, start: usize) -> Option<Tree> {
        match self.text[start..].chars().next()? {
            '[' => self.bracketed(start, Shape::List, Self::flow_element),
            '-' => self.block(start, Shape::BlockList, Self::element),
            _ => None,
        }
    }

    fn map(&mut self, start: usize) -> Option<Tree> {
        if self.text[start..].starts_with('{') {
            return self.bracketed(start, Shape::Map, Self::entry);
        }
        // A pair without brackets inside a flow list.
        let shape = if self.flow > 0 { Shape::Map } else { Shape::BlockMap };
        self.block(start, shape, Self::entry)
    }

    fn bracketed(
        &mut self,
        start: usize,
        shape: Shape,
        item: fn(&mut Self, Found, usize) -> Option<Item>,
    ) -> Option<Tree> {
        let mut items: Vec<Item> = Vec::new();
        self.flow += 1;
        let mut at = start + 1;
        loop {
            let found = self.next()?;
            at = skip_trivia(self.text, at, true);
            if self.text[at..].starts_with(',') {
                at = skip_trivia(self.text, at + 1, true);
            }
            if let Found::End = found {
                self.flow -= 1;
                let closed = self.text[at..].starts_with([']', '}']);
                return closed.then(|| Tree { items, ..Tree::leaf(shape, start..at + 1) });
            }
            let item = item(self, found, at)?;
            at = item.end();
            items.push(item);
        }
    }

    fn block(
        &mut self,
        start: usize,
        shape: Shape,
        item: fn(&mut Self, Found, usize) -> Option<Item>,
    ) -> Option<Tree> {
        let mut items: Vec<Item> = Vec::new();
        let mut at = start;
        loop {
            let found = self.next()?;
            if let Found::End = found {
                return Some(Tree { items, ..Tree::leaf(shape, start..at) });
            }
            let item = item(self, found, skip_trivia(self.text, at, true))?;
            at = item.end();
            items.push(item);
        }
    }

    fn flow_element(&mut self, found: Found, at: usize) -> Option<Item> {
        let value = self.value_of(found, at)?;
        Some(Item { start: at, keys: Vec::new(), indicator: at, value })
    }

    fn element(&mut self, found: Found, at: usize) -> Option<Item> {
        let indicator = self.text[at..].starts_with('-').then_some(at + 1)?;
        let value = self.value_of(found, indicator)?;
        Some(Item { start: at, keys: Vec::new(), indicator, value })
    }

    fn entry(&mut self, found: Found, at: usize) -> Option<Item> {
        let explicit = self.text[at..].starts_with('?')
            && self.text[at + 1..].starts_with([' ', '\t', '\r', '\n']);
        let key_at = at + usize::from(explicit);
        let name = match &found {
            Found::Scalar { text, .. } => text.clone(),
            _ => String::new(),
        };
        let key = self.value_of(found, key_at)?;
        let end = key.range.end;
        let colon = skip_trivia(self.text, end, true);
        let indicator = if self.text[colon..].starts_with(':') { colon + 1 } else { end };
        // An alias as a key has a name that is not written here.
        let keys = vec![Key { name, range: key.range }];
        let keys = if key.shape == Shape::Alias { Vec::new() } else { keys };
        let value = self.value(indicator)?;
        Some(Item { start: at, keys, indicator, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the tree as a text: each value as it is written, within what its keys are.
    fn shown(text: &str) -> String {
        let mut out = String::new();
        show(text, &tree(text).expect("a tree"), &mut out);
        out
    }

    fn show(text: &str, tree: &Tree, out: &mut String) {
        let properties = &text[tree.properties.clone()];
        if !properties.is_empty() {
            *out += &format!("{properties} ");
        }
        if tree.items.is_empty() {
            *out += &format!(
                "<{}>",
                text[tree.range.clone()].replace('\r', "\\r").replace('\n', "\\n")
            );
        }
        for item in &tree.items {
            let key = item.keys.first().map(|key| text[key.range.clone()].to_owned());
            *out += &format!("({} ", key.unwrap_or_else(|| "-".to_owned()));
            show(text, &item.value, out);
            *out += ")";
        }
    }

    #[test]
    fn scalars_are_where_they_are_written() {
        assert_eq!(
            shown("a: 1 # one\nb : two words  \nc:\nd: ''\n"),
            "(a <1>)(b <two words>)(c <>)(d <''>)"
        );
        assert_eq!(shown("é: ü # x\n'k': multi\n  line\n"), "(é <ü>)('k' <multi\\n  line>)");
        assert_eq!(shown("? f\n: 2\n? g\n"), "(f <2>)(g <>)");
        assert_eq!(shown("--- # c\na: 1\n...\n"), "(a <1>)");
        assert_eq!(shown("a: 1"), "(a <1>)");
        assert_eq!(shown("# only\n"), "<>");
    }

    #[test]
    fn values_end_before_their_comment() {
        let text = "a: \"x\\\"\" # }\nb: {c: 'it''s' } # ]\nd: [] # c\ne: [*a] # c\n";
        let text = format!("z: &a 1\n{text}");
        let trees = "(z &a <1>)(a <\"x\\\"\">)(b (c <'it''s'>))(d <[]>)(e (- <*a>))";
        assert_eq!(shown(&text), trees);
        let root = tree(&text).expect("a tree");
        assert_eq!(&text[root.items[2].value.range.clone()], "{c: 'it''s' }");
    }

    #[test]
    fn block_scalars_start_at_their_header() {
        let text = "a: |- # c\n  x\n\n  y\n\n# d\nb: &z >2\n    q\nc: |+\n  k\n\n";
        assert_eq!(shown(text), "(a <|- # c\\n  x\\n\\n  y>)(b &z <>2\\n    q>)(c <|+\\n  k\\n>)");
        assert_eq!(shown("a: |\nb: 1\n"), "(a <|>)(b <1>)");
        assert_eq!(shown("a: |\r\n  日\r\nb: 1\r\n"), "(a <|\\r\\n  日>)(b <1>)");
    }

    #[test]
    fn anchors_and_tags_stand_before_values() {
        let text = "a: &x 1\nb: !!str 2\nc: &y\n  k: v\nd: &z !!map {a: 1}\ne: *y\nf: &e\n";
        let trees = "(a &x <1>)(b !!str <2>)(c &y (k <v>))(d &z !!map (a <1>))(e <*y>)(f &e <>)";
        assert_eq!(shown(text), trees);
        assert_eq!(shown("--- &r\n&k a: 1\n"), "&r (a <1>)");
    }

    #[test]
    fn lists_in_every_way_of_writing_them() {
        let text = "l:\n- 1\n- a: 1\n  b: 2\n-\n- - x\n  - y\n-   # - c\n  z\nm:\n  - 1\n";
        let trees = "(l (- <1>)(- (a <1>)(b <2>))(- <>)(- (- <x>)(- <y>))(- <z>))(m (- <1>))";
        assert_eq!(shown(text), trees);
    }

    #[test]
    fn brackets_in_every_way_of_writing_them() {
        let text = "{a: 1, b, c: [x, y: 2, ], # n\n ? z : 3, 'q':1}\n";
        assert_eq!(shown(text), "(a <1>)(b <>)(c (- <x>)(- (y <2>)))(z <3>)('q' <1>)");
        assert_eq!(shown("[[], {}]\n"), "(- <[]>)(- <{}>)");
    }
}
