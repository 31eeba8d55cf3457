//! TOML in place.
//!
//! A new key goes below the last one of its table; a new table goes under a header of its own below
//! the last header of the table that it is in. Keys next to dotted keys are dotted too.

mod add;
mod read;
mod write;

use super::flow::Flow;
use super::text::{
    Splice, comments_above, delete_lines, ends_line, is_blank, line_end, line_start, newline,
    next_line,
};
use super::tree::{Item, Tree};
use super::{Care, Content, Editor, Outcome, Refusal, Source};
use read::{Kind, Statement};

pub(super) struct Toml<'t> {
    text: &'t str,
    statements: Vec<Statement>,
    newline: &'static str,
}

/// Returns the editor of `text`, which parses.
pub(super) fn open(text: &str) -> Option<Toml<'_>> {
    Some(Toml { text, statements: read::statements(text)?, newline: newline(text) })
}

impl Toml<'_> {
    fn flow<'s>(&'s self, tree: &'s Tree) -> Flow<'s> {
        Flow { text: self.text, tree, comments: true, newline: self.newline, separator: ", " }
    }

    /// Returns the pair whose value is at `path` or holds it.
    fn pair(&self, path: &[&str]) -> Option<(&Statement, &Tree)> {
        self.statements.iter().find_map(|statement| match &statement.kind {
            Kind::Pair(value) if statement.leads_to(path) => Some((statement, value)),
            _ => None,
        })
    }

    /// Returns the numbers of the statements that are at `path` or below.
    fn below<'s>(&'s self, path: &'s [&str]) -> impl Iterator<Item = usize> + 's {
        let below = |(_, statement): &(usize, &Statement)| statement.is_below(path);
        self.statements.iter().enumerate().filter(below).map(|(number, _)| number)
    }

    fn put_inside(&self, value: &Tree, rest: &[&str], content: &Content<'_>) -> Outcome {
        let (trail, rest) = value.trail(rest);
        let tree = value.end(&trail);
        let new = self.inline(content, rest)?;
        match rest {
            [] => Ok(vec![Splice::new(
                tree.range.clone(),
                write::like(new, &self.text[tree.range.clone()], content),
            )]),
            [name, inner @ ..] => {
                let new = self.inline(content, inner)?;
                if !tree.is_flow() {
                    return Err(Refusal::new("a value cannot be added there"));
                }
                Ok(self.flow(tree).append(&write::item(tree, name, &new)))
            }
        }
    }

    /// Returns `content` within inline tables for `path`.
    fn inline(&self, content: &Content<'_>, path: &[&str]) -> Result<String, Refusal> {
        let value = match content {
            Content::Value(node) => write::inline(&node.data)?,
            Content::Source(source) if source.above.is_empty() && source.lines.is_empty() => {
                source.head.clone()
            }
            Content::Source(_) => return Err(Refusal::new("its lines do not fit into one")),
        };
        Ok(path
            .iter()
            .rev()
            .fold(value, |value, name| format!("{{ {} = {value} }}", write::key(name))))
    }

    /// Takes the statements with `numbers` out: runs of neighbours as one, with what is between them.
    fn cut(&self, numbers: &[usize]) -> Vec<Splice> {
        let mut splices = Vec::new();
        let mut rest = numbers;
        while let Some(first) = rest.first() {
            let run =
                rest.iter().enumerate().take_while(|(n, number)| **number == first + n).count();
            let last = rest[run - 1];
            splices.push(self.cut_run(*first, last));
            rest = &rest[run..];
        }
        splices
    }

    /// A run that starts with a header takes the blank lines below it along.
    fn cut_run(&self, first: usize, last: usize) -> Splice {
        let start = comments_above(self.text, self.statements[first].range.start);
        let mut end = self.statements[last].range.end;
        if let Kind::Pair(_) = self.statements[first].kind {
            return delete_lines(self.text, start, end);
        }
        loop {
            let next = next_line(self.text, end);
            let blank = self.text[next..line_end(self.text, next)].trim().is_empty();
            if next == self.text.len() || !blank {
                break;
            }
            end = next;
        }
        if next_line(self.text, end) < self.text.len() {
            return delete_lines(self.text, start, end);
        }
        let above = self.text[..start].trim_end_matches(['\n', '\r', ' ', '\t']).len();
        let keep = if above == 0 || !self.text.ends_with('\n') {
            above
        } else {
            next_line(self.text, above)
        };
        Splice::delete(keep..self.text.len())
    }

    fn inside(&self, path: &[&str]) -> Option<(&Tree, usize)> {
        let (statement, value) = self.pair(path)?;
        let (trail, rest) = value.trail(&path[statement.path.len()..]);
        trail.last().copied().filter(|_| rest.is_empty())
    }

    fn source_of(&self, statement: &Statement, value: &Tree) -> Source {
        let start = statement.range.start;
        let line = line_start(self.text, start);
        let above = self.text[comments_above(self.text, start)..line].lines();
        let end = match ends_line(self.text, value.range.end, true) {
            true => line_end(self.text, value.range.end),
            false => value.range.end,
        };
        let mut lines = self.text[value.range.start..end].lines().map(str::to_owned);
        Source {
            above: above.map(|line| line.trim_start_matches(is_blank).to_owned()).collect(),
            head: lines.next().unwrap_or_default(),
            lines: lines.collect(),
        }
    }
}

impl Editor for Toml<'_> {
    fn put(&self, path: &[&str], content: &Content<'_>, _: Care) -> Outcome {
        if let Some((statement, value)) = self.pair(path) {
            return self.put_inside(value, &path[statement.path.len()..], content);
        }
        if let Content::Value(node) = content
            && let Some(appended) = self.append_table(path, node)
        {
            return appended;
        }
        let old: Vec<_> = self.below(path).collect();
        if old.is_empty() {
            return self.add(path, content);
        }
        let Content::Value(node) = content else {
            return Err(Refusal::new("it is there already"));
        };
        let rest = super::text::splice(self.text, self.cut(&old));
        let rest = rest.ok_or_else(|| Refusal::new("its tables lie in each other"))?;
        let editor =
            open(&rest).ok_or_else(|| Refusal::new("the rest of the text has no shape"))?;
        let new = editor.add(path, &Content::Value(node))?;
        let new = super::text::splice(&rest, new).unwrap_or_default();
        Ok(vec![Splice::new(0..self.text.len(), new)])
    }

    fn remove(&self, path: &[&str]) -> Outcome {
        if let Some((tree, index)) = self.inside(path) {
            return Ok(self.flow(tree).remove(index));
        }
        let numbers: Vec<_> = self.below(path).collect();
        match numbers.is_empty() {
            true => Err(Refusal::new("it is written in a way that cannot be taken out")),
            false => Ok(self.cut(&numbers)),
        }
    }

    fn rename(&self, path: &[&str], name: &str) -> Outcome {
        let new = write::key(name);
        if let Some((tree, index)) = self.inside(path) {
            let item: &Item = &tree.items[index];
            let key = item.keys.last().ok_or_else(|| Refusal::new("it has no key of its own"))?;
            return Ok(vec![Splice::new(key.range.clone(), new)]);
        }
        let statements = self.below(path).map(|number| &self.statements[number]);
        let keys = statements.filter_map(|statement| statement.key_at(path.len() - 1));
        Ok(keys.map(|key| Splice::new(key.range.clone(), new.clone())).collect())
    }

    /// Writes headers, and keys under one header, anew.
    fn retitle(&self, from: &[&str], to: &[&str]) -> Option<Vec<Splice>> {
        let statements: Vec<_> = self.below(from).map(|number| &self.statements[number]).collect();
        let written =
            statements.iter().filter(|statement| statement.key_at(from.len() - 1).is_some());
        let splices = written.map(|statement| {
            let base = statement.path.len() - statement.keys.len();
            let fits = statement.is_plain() && base < from.len() && base < to.len();
            if !fits || from[..base] != to[..base] {
                return None;
            }
            let first = statement.keys.first()?.range.start;
            let last = statement.key_at(from.len() - 1)?.range.end;
            Some(Splice::new(first..last, write::dotted(&to[base..])))
        });
        splices.collect::<Option<Vec<_>>>().filter(|splices| !splices.is_empty())
    }

    fn source(&self, path: &[&str]) -> Option<Source> {
        let (statement, value) = self.pair(path)?;
        if statement.path.len() == path.len() {
            return Some(self.source_of(statement, value));
        }
        let (tree, index) = self.inside(path)?;
        let written = &self.text[tree.items[index].value.range.clone()];
        let one_line = !written.contains('\n');
        one_line.then(|| Source { head: written.to_owned(), ..Source::default() })
    }
}
