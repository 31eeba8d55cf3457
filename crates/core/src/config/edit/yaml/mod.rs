//! YAML in place.
//!
//! A value in a block is replaced on the line of its key, or as lines below it; an entry is added
//! below the last one. What stands in `[…]` and `{…}` stays on as few lines as it has.

mod block;
mod read;
mod write;

use std::ops::Range;

use super::super::node::Data;
use super::flow::Flow;
use super::text::{Splice, column, comments_above, ends_line, line_end, newline, starts_line};
use super::tree::{Item, Shape, Tree};
use super::{Care, Content, Editor, Outcome, Refusal, Source};
use write::{Body, Style};

pub(super) struct Yaml<'t> {
    text: &'t str,
    root: Tree,
    style: Style,
}

/// Returns the editor of `text`, which parses.
pub(super) fn open(text: &str) -> Option<Yaml<'_>> {
    let root = read::tree(text)?;
    let style = Style::of(text, &root);
    Some(Yaml { text, root, style })
}

/// What writes at one place: the content within maps for the rest of its path.
struct New<'a> {
    path: &'a [&'a str],
    content: &'a Content<'a>,
    care: Care,
}

impl Yaml<'_> {
    fn flow<'s>(&'s self, tree: &'s Tree) -> Flow<'s> {
        Flow { text: self.text, tree, comments: true, newline: newline(self.text), separator: ", " }
    }

    /// Returns `new` as a body; `old` is what it comes in place of.
    fn body(&self, new: &New<'_>, old: Option<&Tree>) -> Body {
        let writer = self.style.writer(new.care);
        let body = match new.content {
            Content::Source(source) => Body::from_source(source),
            Content::Value(node) => {
                let written =
                    old.filter(|_| new.path.is_empty()).map(|old| &self.text[old.range.clone()]);
                writer.body(&node.data, written.unwrap_or_default())
            }
        };
        writer.nested(new.path, body)
    }

    /// Returns `new` on one line, as it stands in brackets.
    fn inline(&self, new: &New<'_>, old: &str) -> Result<String, Refusal> {
        let writer = self.style.writer(new.care);
        let value = match new.content {
            Content::Value(node) => writer.inline(&node.data, old),
            Content::Source(source) if source.is_plain() => source.head.clone(),
            Content::Source(_) => return Err(Refusal::new("its lines do not fit into brackets")),
        };
        let nested = new
            .path
            .iter()
            .rev()
            .fold(value, |value, name| format!("{{{}: {value}}}", writer.key(name)));
        Ok(nested)
    }

    /// Adds `new` to the collection `tree`; the first segment of its path is the key there.
    fn append(&self, tree: &Tree, new: &New<'_>, in_flow: bool, item: Option<&Item>) -> Outcome {
        let Some((name, path)) = new.path.split_first() else {
            return Err(Refusal::new("it is there already"));
        };
        let inner = New { path, ..*new };
        match tree.shape {
            Shape::BlockMap | Shape::BlockList => Ok(self.append_block(tree, name, &inner)),
            Shape::Map | Shape::List if tree.items.is_empty() && !in_flow => {
                self.fill(tree, name, &inner, item)
            }
            Shape::Map | Shape::List => self.append_flow(tree, name, &inner),
            Shape::Alias => Err(self.is_alias(tree)),
            Shape::Scalar | Shape::BlockScalar => match (in_flow, item) {
                (true, _) => Ok(vec![Splice::new(tree.range.clone(), self.inline(new, "")?)]),
                (false, Some(item)) => Ok(self.replace_block(item, &self.body(new, Some(tree)))),
                (false, None) => Ok(self.start(tree, &self.body(new, None))),
            },
        }
    }

    fn append_flow(&self, tree: &Tree, name: &str, new: &New<'_>) -> Outcome {
        if !self.text[tree.range.start..].starts_with(['[', '{']) {
            let refusal = Refusal::new("it would go to a map without brackets inside a list");
            return Err(refusal.at(tree.range.clone()).hint("put the map in {…}"));
        }
        let value = self.inline(new, "")?;
        let key = self.style.writer(new.care).key(name);
        let item = if tree.is_map() { format!("{key}: {value}") } else { value };
        Ok(self.flow(tree).append(&item))
    }

    /// Fills an empty `{}` or `[]` outside of brackets with lines.
    fn fill(&self, tree: &Tree, name: &str, new: &New<'_>, item: Option<&Item>) -> Outcome {
        let writer = self.style.writer(new.care);
        let body = self.body(new, None);
        let body = if tree.is_map() { writer.map_of(name, body) } else { writer.list_of(body) };
        match item {
            Some(item) => Ok(self.replace_block(item, &body)),
            None if starts_line(self.text, tree.range.start) => Ok(self.restart(tree, &body)),
            None => self.append_flow(tree, name, new),
        }
    }

    /// Writes `body` as the document, which was empty.
    fn start(&self, tree: &Tree, body: &Body) -> Vec<Splice> {
        if !tree.range.is_empty() {
            return self.restart(tree, body);
        }
        let newline = newline(self.text);
        let lines = body.dedented().lines_at("", newline);
        let after = self.text[tree.range.end..].lines().any(|line| line.trim_end() == "...");
        let at = if after { line_end(self.text, tree.range.end) } else { self.text.len() };
        let opens_line = at == 0 || self.text[..at].ends_with('\n');
        let new = if opens_line { lines + newline } else { format!("{newline}{lines}") };
        vec![Splice::insert(at, new)]
    }

    /// Writes `body` in place of the document's root, which starts a line.
    fn restart(&self, tree: &Tree, body: &Body) -> Vec<Splice> {
        let indent = " ".repeat(column(self.text, tree.range.start));
        let lines = body.dedented().lines_at(&indent, newline(self.text));
        vec![Splice::new(tree.range.clone(), lines.trim_start_matches(' '))]
    }

    fn is_alias(&self, tree: &Tree) -> Refusal {
        let name = &self.text[tree.range.clone()];
        Refusal::new(format!("it is behind the alias `{name}`, whose value stands elsewhere too"))
            .at(tree.range.clone())
            .hint("change the value at its anchor, or set the key of the alias as a whole")
    }
}

impl Editor for Yaml<'_> {
    fn put(&self, path: &[&str], content: &Content<'_>, care: Care) -> Outcome {
        let (trail, rest) = self.root.trail(path);
        let tree = self.root.end(&trail);
        let in_flow = trail.iter().any(|(tree, _)| tree.is_flow());
        let item = trail.last().map(|(tree, index)| &tree.items[*index]);
        let new = New { path: rest, content, care };
        match item {
            Some(item) if rest.is_empty() => self.replace(item, &new, in_flow),
            _ => self.append(tree, &new, in_flow, item),
        }
    }

    fn remove(&self, path: &[&str]) -> Outcome {
        let (trail, rest) = self.root.trail(path);
        let (tree, index) = match (trail.last(), rest) {
            (Some(last), []) => *last,
            _ => return Err(self.not_here(&trail)),
        };
        if tree.is_flow() {
            return Ok(self.flow(tree).remove(index));
        }
        if tree.items.len() > 1 {
            return Ok(self.remove_block(tree, index));
        }
        let empty = if tree.is_list() { Data::List(Vec::new()) } else { Data::Map(Box::default()) };
        let body = self.style.writer(Care::Styled).body(&empty, "");
        let parent = trail.len().checked_sub(2).map(|at| trail[at]);
        Ok(match parent {
            Some((tree, index)) => self.replace_block(&tree.items[index], &body),
            None => self.empty_root(tree, &body),
        })
    }

    fn rename(&self, path: &[&str], name: &str) -> Outcome {
        let (trail, rest) = self.root.trail(path);
        let last = trail.last().filter(|_| rest.is_empty());
        let key = last.and_then(|(tree, index)| tree.items[*index].keys.last());
        let key = key.ok_or_else(|| self.not_here(&trail))?;
        let old = &self.text[key.range.clone()];
        let new = self.style.writer(Care::Styled).key_like(name, old);
        Ok(vec![Splice::new(key.range.clone(), new)])
    }

    fn source(&self, path: &[&str]) -> Option<Source> {
        let (trail, rest) = self.root.trail(path);
        let (tree, index) = trail.last().filter(|_| rest.is_empty())?;
        if tree.is_flow() {
            let item = &tree.items[*index];
            let written = self.text[item.value.properties.start..item.end()].trim();
            let one_line = !written.contains('\n') && !written.is_empty();
            return one_line.then(|| Source { head: written.to_owned(), ..Source::default() });
        }
        (!tree.items[*index].keys.is_empty()).then(|| self.block_source(tree, *index))
    }

    fn entangled(&self, path: &[&str]) -> Option<Refusal> {
        let (trail, _) = self.root.trail(path);
        let end = self.root.end(&trail);
        let around = trail.iter().map(|(tree, _)| *tree);
        let mut anchors: Vec<&str> = around.filter_map(|tree| self.anchor(tree)).collect();
        end.walk(&mut |tree| anchors.extend(self.anchor(tree)));
        let mut alias = None;
        self.root.walk(&mut |tree| {
            let name = self.text[tree.range.clone()].strip_prefix('*');
            if tree.shape == Shape::Alias && name.is_some_and(|name| anchors.contains(&name)) {
                alias = alias.take().or(Some(tree.range.clone()));
            }
        });
        let alias: Range<usize> = alias?;
        let name = &self.text[alias.clone()];
        let refusal = Refusal::new(format!("the alias `{name}` stands for what would change"));
        Some(refusal.at(alias).hint("write the value out in place of the alias first"))
    }
}

impl Yaml<'_> {
    fn anchor(&self, tree: &Tree) -> Option<&str> {
        let properties = self.text[tree.properties.clone()].split_whitespace();
        properties.filter_map(|word| word.strip_prefix('&')).next()
    }

    fn not_here(&self, trail: &[(&Tree, usize)]) -> Refusal {
        let end = self.root.end(trail);
        if end.shape == Shape::Alias {
            return self.is_alias(end);
        }
        let merge = end.items.iter().find(|item| item.keys.iter().any(|key| key.name == "<<"));
        match merge {
            Some(merge) => Refusal::new("it comes from the map under `<<`")
                .at(merge.start..merge.indicator)
                .hint("set it here to override it, or change it at the anchor"),
            None => Refusal::new("its key is not written here"),
        }
    }

    /// Replaces the value of `item`.
    fn replace(&self, item: &Item, new: &New<'_>, in_flow: bool) -> Outcome {
        let tree = &item.value;
        let mut splices = if in_flow {
            vec![self.replace_inline(item, &self.inline(new, &self.text[tree.range.clone()])?)]
        } else {
            self.replace_block(item, &self.body(new, Some(tree)))
        };
        if new.care == Care::Plain {
            splices.extend(self.untagged(tree));
        }
        Ok(splices)
    }

    /// Replaces the value of `item`, which is in brackets; `{key}` and `{key: }` have none yet.
    fn replace_inline(&self, item: &Item, new: &str) -> Splice {
        let range = item.value.range.clone();
        let named = item.keys.is_empty() || self.text[..item.indicator].ends_with(':');
        match self.text[range.end..].starts_with(' ') {
            _ if !range.is_empty() => Splice::new(range, new),
            _ if !named => Splice::insert(range.end, format!(": {new}")),
            true => Splice::insert(range.end + 1, new),
            false => Splice::insert(range.end, format!(" {new}")),
        }
    }

    /// Takes the tag away, which may not fit the new value.
    fn untagged(&self, tree: &Tree) -> Option<Splice> {
        let properties = &self.text[tree.properties.clone()];
        let tag = properties.split_whitespace().find(|word| word.starts_with('!'))?;
        let start = tree.properties.start + properties.find(tag)?;
        let end = start + tag.len();
        let blank = self.text[end..].starts_with(' ') && !ends_line(self.text, end, true);
        Some(Splice::delete(start..end + usize::from(blank)))
    }

    fn empty_root(&self, tree: &Tree, body: &Body) -> Vec<Splice> {
        let start = tree.items.first().map_or(tree.range.start, |item| item.start);
        let end = self.item_tail(tree, 0);
        let start = match starts_line(self.text, start) {
            true => comments_above(self.text, start),
            false => start,
        };
        vec![Splice::new(start..end, body.head.clone())]
    }
}
