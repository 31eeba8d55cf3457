//! Values on lines: replaced, added, removed, taken up to be moved.

use super::super::Source;
use super::super::text::{
    Splice, column, comments_above, delete_lines, ends_line, indentation, is_blank, line_end,
    line_start, newline, next_line, starts_line,
};
use super::super::tree::{Item, Shape, Tree};
use super::write::Body;
use super::{New, Yaml};

impl Yaml<'_> {
    /// Writes `body` in place of the value of `item`.
    pub(super) fn replace_block(&self, item: &Item, body: &Body) -> Vec<Splice> {
        let text = self.text;
        let tree = &item.value;
        let head_at = tree.properties.end;
        let below = !tree.range.is_empty() && text[head_at..tree.range.start].contains('\n');
        let indent = self.indent_of(item);
        match (body.lines.is_empty(), tree.shape) {
            _ if tree.range.is_empty() => self.fill_in(head_at, head_at, body, &indent),
            (true, Shape::BlockMap | Shape::BlockList) if below => {
                let inside = Splice::delete(line_end(text, head_at)..self.value_tail(tree));
                vec![Splice::insert(head_at, format!(" {}", body.head)), inside]
            }
            (true, _) => vec![Splice::new(tree.range.clone(), self.head_of(tree, body))],
            (false, _) if below => self.exchange_lines(tree, head_at, body, &indent),
            (false, _) => self.exchange_inline(item, body, &indent),
        }
    }

    /// Returns the head of `body`, with the comment that the header of a block scalar has.
    fn head_of(&self, tree: &Tree, body: &Body) -> String {
        let written = &self.text[tree.range.clone()];
        let header = written.lines().next().unwrap_or_default();
        match header.find(" #").filter(|_| tree.shape == Shape::BlockScalar) {
            Some(comment) => format!("{}{}", body.head, &header[comment..]),
            None => body.head.clone(),
        }
    }

    /// Writes `body` where there is only a key, its head at `head_at`, its lines below that of `end`.
    fn fill_in(&self, head_at: usize, end: usize, body: &Body, indent: &str) -> Vec<Splice> {
        let head =
            (!body.head.is_empty()).then(|| Splice::insert(head_at, format!(" {}", body.head)));
        let newline = newline(self.text);
        let lines = (!body.lines.is_empty()).then(|| {
            let lines = body.lines_at(indent, newline);
            Splice::insert(line_end(self.text, end), format!("{newline}{lines}"))
        });
        head.into_iter().chain(lines).collect()
    }

    /// Writes the lines of `body` in place of the lines of a value below its key.
    fn exchange_lines(
        &self,
        tree: &Tree,
        head_at: usize,
        body: &Body,
        indent: &str,
    ) -> Vec<Splice> {
        let lines = body.lines_at(indent, newline(self.text));
        let old = line_start(self.text, tree.range.start)..self.value_tail(tree);
        let head =
            (!body.head.is_empty()).then(|| Splice::insert(head_at, format!(" {}", body.head)));
        head.into_iter().chain([Splice::new(old, lines)]).collect()
    }

    /// Writes the lines of `body` in place of a value on the line of its key or dash.
    fn exchange_inline(&self, item: &Item, body: &Body, indent: &str) -> Vec<Splice> {
        let tree = &item.value;
        let newline = newline(self.text);
        if item.keys.is_empty() && tree.properties.is_empty() && body.head.is_empty() {
            let width = column(self.text, tree.range.start) - column(self.text, item.start);
            let body = body.dedented().indented(width);
            let lines = body.lines_at(indent, newline);
            return vec![Splice::new(tree.range.clone(), lines.trim_start_matches(is_blank))];
        }
        let old = Splice::delete(tree.properties.end..tree.range.end);
        let header = self.head_of(tree, &Body::default());
        let mut splices = self.fill_in(tree.properties.end, tree.range.end, body, indent);
        splices.extend((!header.is_empty()).then(|| Splice::insert(tree.properties.end, header)));
        splices.push(old);
        splices
    }

    /// Returns the blanks that lines on the column of `item` start with.
    fn indent_of(&self, item: &Item) -> String {
        " ".repeat(column(self.text, item.start))
    }

    /// Adds `new` below the last item of a block, under `name` if it is a map.
    pub(super) fn append_block(&self, tree: &Tree, name: &str, new: &New<'_>) -> Vec<Splice> {
        let writer = self.style.writer(new.care);
        let body = self.body(new, None);
        let lines = if tree.is_list() { writer.element(body) } else { writer.entry(name, body) };
        let Some(last) = tree.items.len().checked_sub(1) else { return Vec::new() };
        let indent = self.indent_of(&tree.items[0]);
        let newline = newline(self.text);
        let lines = Body { lines, ..Body::default() }.lines_at(&indent, newline);
        vec![Splice::insert(self.item_tail(tree, last), format!("{newline}{lines}"))]
    }

    /// Takes the item at `index`, one of several, out of a block.
    pub(super) fn remove_block(&self, tree: &Tree, index: usize) -> Vec<Splice> {
        let item = &tree.items[index];
        let tail = self.item_tail(tree, index);
        if starts_line(self.text, item.start) {
            let start = comments_above(self.text, item.start);
            return vec![delete_lines(self.text, start, tail)];
        }
        // It stands behind a dash, which the next item, or a comment above it, moves up to.
        let rest = &self.text[tail..];
        let next = tail + rest.len() - rest.trim_start().len();
        vec![Splice::delete(item.start..next)]
    }

    /// Returns the end of the last line of the item at `index`: with its trailing comment, and the
    /// comments below that are deeper than it.
    pub(super) fn item_tail(&self, tree: &Tree, index: usize) -> usize {
        let item = &tree.items[index];
        let own = match item.value.range.is_empty() {
            true => line_end(self.text, item.end()),
            false => self.value_tail(&item.value),
        };
        self.deeper_comments(own, column(self.text, item.start))
    }

    /// Returns the end of the last line of the value, with its trailing comment.
    fn value_tail(&self, tree: &Tree) -> usize {
        match tree.items.len().checked_sub(1) {
            Some(last) if !tree.is_flow() => self.item_tail(tree, last),
            _ if ends_line(self.text, tree.range.end, true) => line_end(self.text, tree.range.end),
            _ => tree.range.end,
        }
    }

    fn deeper_comments(&self, mut tail: usize, column: usize) -> usize {
        let mut at = next_line(self.text, tail);
        while at < self.text.len() {
            let end = line_end(self.text, at);
            let line = self.text[at..end].trim_start_matches(is_blank);
            if line.starts_with('#') && indentation(self.text, at).len() > column {
                tail = end;
            } else if !line.is_empty() {
                break;
            }
            at = next_line(self.text, at);
        }
        tail
    }

    /// Returns the entry at `index` of a block as it is written, without its key.
    pub(super) fn block_source(&self, tree: &Tree, index: usize) -> Source {
        let item = &tree.items[index];
        let width = column(self.text, item.start);
        let written = &self.text[item.indicator..self.item_tail(tree, index)];
        let mut lines = written.lines().map(|line| dedented(line, width));
        let head = lines.next().unwrap_or_default().trim_start_matches(is_blank).to_owned();
        let above = match starts_line(self.text, item.start) {
            true => {
                &self.text[comments_above(self.text, item.start)..line_start(self.text, item.start)]
            }
            false => "",
        };
        let above = above.lines().map(|line| line.trim_start_matches(is_blank).to_owned());
        Source { above: above.collect(), head, lines: lines.map(str::to_owned).collect() }
    }
}

/// Returns `line` without up to `width` spaces before it.
fn dedented(line: &str, width: usize) -> &str {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    &line[spaces.min(width)..]
}
