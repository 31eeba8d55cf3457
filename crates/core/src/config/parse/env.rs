//! `.env`: flat names to values in each other.

use std::ops::Range;
use std::sync::Arc;

use super::Stop;
use super::reader::{Reader, read};
use crate::config::dotenv::{self, Fault, Value, Variable};
use crate::config::flat::{self, SEPARATOR, Segment, Taken};
use crate::config::node::{Data, Map, Node};
use crate::config::scalar;
use crate::diagnostic::Diagnostic;

pub(super) fn parse(file: Arc<str>, text: &str) -> Result<Node, Vec<Diagnostic>> {
    read(file, text, Reader::variables)
}

impl Reader<'_> {
    fn variables(&mut self, text: &str) -> Result<Node, Stop> {
        let (variables, faults) = dotenv::read(text, "$$");
        faults.into_iter().for_each(|fault| self.fault(fault));
        let mut map = Map::new();
        for variable in variables {
            self.variable(&mut map, variable)?;
        }
        let start = self.report.origin(self.lines.span(0..0));
        let data = if map.is_empty() { Data::Null } else { Data::Map(Box::new(map)) };
        Ok(Node::new(data, start))
    }

    fn fault(&mut self, fault: Fault) {
        let span = self.lines.span(fault.at);
        self.report.problem(span, fault.message).hint = Some(fault.hint.to_owned());
    }

    fn variable(&mut self, map: &mut Map, variable: Variable<'_>) -> Result<(), Stop> {
        let span = self.lines.span(variable.name_at.clone());
        self.report.spend(1, span)?;
        let name = variable.name;
        let Some(value) = variable.value else {
            let message = format!("`{name}` has no value");
            let hint = format!("write `{name}=` for an empty one: a layer takes none from outside");
            self.report.problem(span, message).hint = Some(hint);
            return Ok(());
        };
        let Some(segments) = self.segments(name, variable.name_at) else {
            let message =
                format!("`{name}` has nothing before, after or between its `{SEPARATOR}`");
            self.report.problem(span, message);
            return Ok(());
        };
        let node = self.text(value);
        if let Err(taken) = flat::put(map, &segments, node) {
            self.taken(name, span, &taken);
        }
        Ok(())
    }

    /// Returns the keys that `name` stands for; nothing if one is empty.
    fn segments(&self, name: &str, at: Range<usize>) -> Option<Vec<Segment>> {
        let mut start = at.start;
        let segment = |part: &str| {
            let span = self.lines.span(start..start + part.len());
            start += part.len() + SEPARATOR.len();
            let key = part.to_lowercase();
            (!key.is_empty()).then_some(Segment { key, span: Some(span) })
        };
        name.split(SEPARATOR).map(segment).collect()
    }

    fn text(&mut self, value: Value) -> Node {
        let span = self.lines.span(value.at);
        let mut node = self.report.scalar(span, scalar::string(&value.text));
        node.untyped = true;
        node.substituted = value.literal;
        node
    }

    fn taken(&mut self, name: &str, span: super::Span, taken: &Taken) {
        match taken {
            Taken::Twice { first } => self.report.duplicate(span, name, first.key),
            Taken::Conflict { first } => {
                let place = first.key_origin().unwrap_or_else(|| first.origin.clone());
                let message = format!("`{name}` would be both a value and a map, as of {place}");
                self.report.problem(span, message);
            }
            Taken::TooDeep => {
                let message = format!("nested more than {} levels deep", super::MAX_DEPTH);
                self.report.problem(span, message);
            }
        }
    }
}
