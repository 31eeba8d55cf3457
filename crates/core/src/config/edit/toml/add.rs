//! New keys and tables.

use super::super::super::node::{Data, Node};
use super::super::text::{Splice, comments_above, indentation, line_end, next_line};
use super::super::{Content, Outcome, Refusal};
use super::read::{Kind, Statement};
use super::{Toml, write};

/// Where a new key goes.
struct Home {
    /// The statement below which it goes; none for the start of the text.
    below: Option<usize>,
    /// How many segments of its path the header there stands for.
    depth: usize,
}

impl Toml<'_> {
    /// Adds what is nowhere yet.
    pub(super) fn add(&self, path: &[&str], content: &Content<'_>) -> Outcome {
        let home = self.home(path);
        let keys = &path[home.depth..];
        let dotted = home.below.is_some_and(|at| {
            let statement = &self.statements[at];
            matches!(statement.kind, Kind::Pair(_)) && statement.path.len() > home.depth + 1
        });
        match content {
            Content::Value(node) if write::is_table(node) || keys.len() > 1 && !dotted => {
                self.add_table(path, node)
            }
            Content::Value(node) => {
                let value = write::inline(&node.data)?;
                Ok(self.add_lines(&home, &[format!("{} = {value}", write::dotted(keys))]))
            }
            Content::Source(source) => {
                let first = format!("{} = {}", write::dotted(keys), source.head);
                let lines = source.above.iter().cloned().chain([first]);
                let lines: Vec<_> = lines.chain(source.lines.iter().cloned()).collect();
                Ok(self.add_lines(&home, &lines))
            }
        }
    }

    /// Returns where a new key at `path` goes: below its nearest relative under a dotted key, or in
    /// the table with the longest header that leads to it.
    fn home(&self, path: &[&str]) -> Home {
        let parents = &path[..path.len() - 1];
        let dotted = (1..=parents.len()).rev().find_map(|length| {
            let relative = |number: &usize| {
                let statement = &self.statements[*number];
                matches!(statement.kind, Kind::Pair(_))
                    && statement.path.len() - statement.keys.len() < length
            };
            let last = self.below(&path[..length]).filter(relative).last()?;
            let statement = &self.statements[last];
            Some(Home { below: Some(last), depth: statement.path.len() - statement.keys.len() })
        });
        dotted.unwrap_or_else(|| self.table_home(parents))
    }

    fn table_home(&self, parents: &[&str]) -> Home {
        let leads = |(_, statement): &(usize, &Statement)| {
            matches!(statement.kind, Kind::Header { .. }) && statement.leads_to(parents)
        };
        let headers = self.statements.iter().enumerate().filter(leads);
        match headers.max_by_key(|(_, statement)| statement.path.len()) {
            Some((number, header)) => {
                Home { below: Some(self.last_pair(number)), depth: header.path.len() }
            }
            None => Home { below: self.last_pair_of_root(), depth: 0 },
        }
    }

    /// Returns the last pair under the header with `number`, or the header.
    fn last_pair(&self, number: usize) -> usize {
        let pairs = self.statements[number + 1..].iter();
        number + pairs.take_while(|statement| matches!(statement.kind, Kind::Pair(_))).count()
    }

    fn last_pair_of_root(&self) -> Option<usize> {
        let pairs = self.statements.iter();
        pairs.take_while(|statement| matches!(statement.kind, Kind::Pair(_))).count().checked_sub(1)
    }

    fn add_lines(&self, home: &Home, lines: &[String]) -> Vec<Splice> {
        let Some(below) = home.below else { return self.add_at_start(lines) };
        let statement = &self.statements[below];
        let indent = match statement.kind {
            Kind::Pair(_) => indentation(self.text, statement.range.start),
            Kind::Header { .. } => "",
        };
        let lines = self.joined(lines, indent);
        let at = line_end(self.text, statement.range.end);
        vec![Splice::insert(at, format!("{}{lines}", self.newline))]
    }

    /// Returns `lines` joined, the first and the comments before it indented; what a value goes on
    /// with may be inside a string.
    fn joined(&self, lines: &[String], indent: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                text.push_str(self.newline);
            }
            text.push_str(if inside { "" } else { indent });
            text.push_str(line);
            inside = inside || !line.starts_with('#');
        }
        text
    }

    /// Adds the first keys of a document: above its first header, or at its end if there is none.
    fn add_at_start(&self, lines: &[String]) -> Vec<Splice> {
        let lines = self.joined(lines, "");
        let newline = self.newline;
        let Some(first) = self.statements.first() else {
            return vec![self.add_at_end(&lines, false)];
        };
        let at = comments_above(self.text, first.range.start);
        vec![Splice::insert(at, format!("{lines}{newline}{newline}"))]
    }

    fn add_at_end(&self, lines: &str, apart: bool) -> Splice {
        let newline = self.newline;
        let gap = if apart && !self.text.is_empty() { newline } else { "" };
        let new = if self.text.is_empty() || self.text.ends_with('\n') {
            format!("{gap}{lines}{newline}")
        } else {
            format!("{newline}{gap}{lines}")
        };
        Splice::insert(self.text.len(), new)
    }

    /// Adds the table that makes `node` be at `path`, under headers of its own.
    fn add_table(&self, path: &[&str], node: &Node) -> Outcome {
        let text = write::table(&self.names(path), node)?;
        let text = text.trim_end().replace('\n', self.newline);
        let after = (1..path.len()).rev().find_map(|length| self.below(&path[..length]).last());
        let Some(last) = after else { return Ok(vec![self.add_at_end(&text, true)]) };
        let last = self.last_pair(last);
        if last + 1 == self.statements.len() && self.is_tail(last) {
            return Ok(vec![self.add_at_end(&text, true)]);
        }
        let at = line_end(self.text, self.statements[last].range.end);
        Ok(vec![Splice::insert(at, format!("{0}{0}{text}", self.newline))])
    }

    /// Tells whether nothing but one line break follows the statement.
    fn is_tail(&self, number: usize) -> bool {
        let end = line_end(self.text, self.statements[number].range.end);
        next_line(self.text, end) == self.text.len()
    }

    /// Returns `path` without the indexes of lists of tables, as headers have it.
    fn names<'p>(&self, path: &[&'p str]) -> Vec<&'p str> {
        let is_index = |depth: &usize| {
            self.statements.iter().any(|statement| {
                matches!(statement.kind, Kind::Header { array: true })
                    && statement.path.len() == depth + 1
                    && statement.is_below(&path[..*depth])
            })
        };
        let names = (0..path.len()).filter(|depth| *depth == 0 || !is_index(depth));
        names.map(|depth| path[depth]).collect()
    }

    /// Appends `node` to the list of tables at `parents`, if there is one.
    pub(super) fn append_table(&self, path: &[&str], node: &Node) -> Option<Outcome> {
        let (_, parents) = path.split_last()?;
        let last = self.below(parents).last()?;
        let header = |number: usize| {
            let statement = &self.statements[number];
            let at = statement.path.len() == path.len();
            at && matches!(statement.kind, Kind::Header { array: true })
        };
        if !self.below(parents).any(header) {
            return None;
        }
        let Data::Map(_) = node.data else {
            return Some(Err(Refusal::new(
                "the list is written as `[[…]]`: its elements are tables",
            )));
        };
        let last = self.last_pair(last);
        let at = line_end(self.text, self.statements[last].range.end);
        Some(write::element(&self.names(parents), node).map(|text| {
            let text = text.trim_end().replace('\n', self.newline);
            vec![Splice::insert(at, format!("{0}{0}{text}", self.newline))]
        }))
    }
}
