//! Ansible's INI inventories.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::UNGROUPED;
use super::draft::{Draft, GroupIndex, Stop};
use super::host_pattern::HostPattern;
use super::line::Line;
use super::literal;
use super::words::{self, Unfinished, Word};
use crate::config::{Map, Origin};

/// Reads the lines of `text` into `draft`. Those above the first header are hosts without a group.
pub(super) fn read(text: &str, file: &Arc<str>, draft: &mut Draft) -> Result<(), Stop> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let group = draft.group(UNGROUPED, &Origin::of_source(Arc::clone(file)))?;
    let mut reader =
        Reader { draft, group, kind: Kind::Hosts, declared: HashSet::new(), needed: Vec::new() };
    for (number, text) in (1..).zip(text.split('\n')) {
        let text = text.strip_suffix('\r').unwrap_or(text);
        reader.line(&Line::new(file, number, text))?;
    }
    reader.report_undeclared();
    Ok(())
}

struct Reader<'d> {
    draft: &'d mut Draft,
    /// The group of the header above.
    group: GroupIndex,
    /// What the lines below that header are.
    kind: Kind,
    /// Groups with a header of hosts or of children.
    declared: HashSet<GroupIndex>,
    /// Groups that there must be such a header for.
    needed: Vec<Needed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hosts,
    Children,
    Variables,
}

struct Needed {
    group: GroupIndex,
    kind: Kind,
    origin: Origin,
}

impl Reader<'_> {
    fn line(&mut self, line: &Line<'_>) -> Result<(), Stop> {
        if let Some((at, c)) = line.text.char_indices().find(|(_, c)| ends_lines(*c)) {
            let origin = line.origin(at..at + c.len_utf8());
            self.draft.report.error(origin.error(format!("line contains {c:?}")));
            return Ok(());
        }
        let all = line.trimmed();
        match line.text[all.clone()].chars().next() {
            None | Some('#' | ';') => Ok(()),
            Some('[') if self.is_header(&line.text[all.clone()]) => self.header(line, all),
            Some(_) => match self.kind {
                Kind::Hosts => self.hosts(line, all),
                Kind::Children => self.child(line, all),
                Kind::Variables => {
                    self.variable(line, all);
                    Ok(())
                }
            },
        }
    }

    /// Tells headers from hosts, which may begin with a range or an IPv6 address.
    fn is_header(&self, text: &str) -> bool {
        text.ends_with(']') || split_header(text).is_some() || self.kind != Kind::Hosts
    }

    fn header(&mut self, line: &Line<'_>, all: Range<usize>) -> Result<(), Stop> {
        let origin = line.origin(all.clone());
        let Some((name, kind)) = split_header(&line.text[all]) else {
            let error =
                origin.error("header is not `[GROUP]`, `[GROUP:children]` or `[GROUP:vars]`");
            self.draft.report.error(error.hint("names of groups have no spaces, `:` and `]`"));
            return Ok(());
        };
        self.kind = match kind {
            None | Some("hosts") => Kind::Hosts,
            Some("children") => Kind::Children,
            Some("vars") => Kind::Variables,
            Some(other) => {
                let message = format!("header of unknown kind `{}`", other.escape_debug());
                let hint = "known are `hosts`, `children` and `vars`";
                self.draft.report.error(origin.error(message).hint(hint));
                return Ok(());
            }
        };
        self.group = self.draft.group(name, &origin)?;
        match self.kind {
            Kind::Variables => self.need(self.group, origin),
            Kind::Hosts | Kind::Children => {
                self.declared.insert(self.group);
            }
        }
        Ok(())
    }

    fn need(&mut self, group: GroupIndex, origin: Origin) {
        self.needed.push(Needed { group, kind: self.kind, origin });
    }

    fn child(&mut self, line: &Line<'_>, all: Range<usize>) -> Result<(), Stop> {
        let name = line.text[all.clone()].split('#').next().unwrap_or_default().trim_end();
        let origin = line.origin(all.start..all.start + name.len());
        if name.contains([':', ']']) || name.contains(char::is_whitespace) {
            let error = origin.error("line is not the name of a group");
            self.draft.report.error(error.hint("write one group a line, without variables"));
            return Ok(());
        }
        let child = self.draft.group(name, &origin)?;
        self.draft.child(self.group, child, &origin);
        self.need(child, origin);
        Ok(())
    }

    fn variable(&mut self, line: &Line<'_>, all: Range<usize>) {
        let text = &line.text[all.clone()];
        let Some((name, value)) = text.split_once('=') else {
            let error = line.origin(all).error("line is not `KEY=VALUE`");
            self.draft.report.error(error);
            return;
        };
        let value_at = all.end - value.trim_start().len()..all.end;
        let value = literal::parse(value.trim(), &line.origin(value_at));
        self.draft.group_variable(self.group, name.trim_end().to_owned(), value);
    }

    fn hosts(&mut self, line: &Line<'_>, all: Range<usize>) -> Result<(), Stop> {
        let words = match words::split(line.text) {
            Ok(words) => words,
            Err(Unfinished::Quote(at)) => {
                let error = line.origin(at..all.end).error("quote is not closed");
                self.draft.report.error(error.hint("write `\\` before a quote that is meant"));
                return Ok(());
            }
            Err(Unfinished::Backslash(at)) => {
                let error = line.origin(at..all.end).error("backslash has nothing to escape");
                self.draft.report.error(error.hint("write `\\\\` for a backslash"));
                return Ok(());
            }
        };
        let Some((host, variables)) = words.split_first() else { return Ok(()) };
        let origin = line.origin(host.at.clone());
        let pattern = HostPattern::parse(&host.text);
        let variables = self.host_variables(line, variables);
        match pattern {
            Ok(HostPattern { names, port }) => {
                self.draft.hosts(self.group, &names, port, variables, &origin)
            }
            Err((error, at)) => {
                // Where there are quotes or backslashes, the whole word is marked.
                let plain = host.text.len() == host.at.len();
                let start = host.at.start;
                let at = if plain { start + at.start..start + at.end } else { host.at.clone() };
                self.draft.invalid_host(&host.text, &error, &line.origin(at));
                Ok(())
            }
        }
    }

    fn host_variables(&mut self, line: &Line<'_>, words: &[Word]) -> Map {
        let mut variables = Map::with_capacity(words.len());
        for word in words {
            let (Some((name, value)), Some((_, equals))) = (word.assignment(), word.equals) else {
                let error = line.origin(word.at.clone()).error("word is not `KEY=VALUE`");
                let hint = "behind a host there are variables; quote values with spaces";
                self.draft.report.error(error.hint(hint));
                continue;
            };
            let value_at = (equals + 1).min(word.at.end - 1)..word.at.end;
            let value = literal::parse(value, &line.origin(value_at));
            variables.insert(name.to_owned(), value);
        }
        self.draft.checked(variables)
    }

    fn report_undeclared(self) {
        let Self { draft, declared, needed, .. } = self;
        for Needed { group, kind, origin } in needed {
            let name = draft.group_name(group).clone();
            if declared.contains(&group) || [super::ALL, UNGROUPED].contains(&name.as_str()) {
                continue;
            }
            let what = if kind == Kind::Variables { "variables of" } else { "child is" };
            let error =
                origin.error(format!("{what} group `{name}`, which has no header of its own"));
            let hint = draft.did_you_mean(name.as_str());
            draft.report.error(error.hint(hint.unwrap_or_else(|| format!("add `[{name}]`"))));
        }
    }
}

/// Tells whether it is a control character, or one at which Ansible would end the line.
fn ends_lines(c: char) -> bool {
    c != '\t' && c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Returns the group and the kind of `[GROUP:KIND]`, behind which a comment may stand.
fn split_header(text: &str) -> Option<(&str, Option<&str>)> {
    let (inside, behind) = text.strip_prefix('[')?.split_once(']')?;
    let behind = behind.trim_start();
    let (name, kind) = match inside.split_once(':') {
        Some((name, kind)) => (name, Some(kind)),
        None => (inside, None),
    };
    let is_word =
        |kind: &str| !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || c == '_');
    let sound = !name.is_empty()
        && !name.contains(char::is_whitespace)
        && kind.is_none_or(is_word)
        && (behind.is_empty() || behind.starts_with('#'));
    sound.then_some((name, kind))
}
