//! A text under edit, and what it means.

use std::borrow::Cow;

use serde_json::Value;

use super::super::format::Format;
use super::super::key;
use super::super::node::{Data, Node, Origin};
use super::super::parse::parse;
use super::model::{self, named};
use super::steps::{self, Step};
use super::text::{Splice, splice};
use super::{Care, Content, Editor, Outcome, Refusal, json, toml, yaml};
use crate::diagnostic::{Diagnostic, Position};

const MARK: char = '\u{feff}';

/// A text, without its byte order mark, that parses as `root`.
pub(super) struct State<'a> {
    format: Format,
    file: &'a str,
    marked: bool,
    text: Cow<'a, str>,
    root: Node,
}

/// A text that an edit has made, and its value.
type Made = (String, Node);

impl<'a> State<'a> {
    pub(super) fn new(format: Format, file: &'a str, text: &'a str) -> Result<Self, Diagnostic> {
        if !format.is_written() {
            let message = format!("{format} files are only read, not written");
            let hint = "change it by hand, or set the key in a YAML, TOML or JSON layer";
            return Err(Diagnostic::error(message).in_file(file).hint(hint));
        }
        let root = parsed(format, file, text)?;
        let unmarked = text.strip_prefix(MARK);
        let marked = unmarked.is_some();
        let text = Cow::Borrowed(unmarked.unwrap_or(text));
        Ok(Self { format, file, marked, text, root })
    }

    /// Returns the text.
    pub(super) fn finish(self) -> String {
        if self.marked { format!("{MARK}{}", self.text) } else { self.text.into_owned() }
    }

    pub(super) fn set(&mut self, key: &str, value: &Value) -> Result<(), Diagnostic> {
        let segments = self.path(key)?;
        let path = borrowed(&segments);
        model::check_put(&self.root, &path).map_err(|error| self.placed(error))?;
        let new = Node::from_json(value, &Origin::of_source(self.file))?;
        let made = match model::get(&self.root, &path) {
            Some(old) => self.replaced(old, &new, &path)?,
            None => Some(self.put(&self.text, &self.root, &path, &new)?),
        };
        self.keep(made);
        Ok(())
    }

    /// Returns the text with `new` in place of `old`, by the smallest edits, as a whole, or key by key;
    /// nothing if they are the same.
    fn replaced(&self, old: &Node, new: &Node, path: &[&str]) -> Result<Option<Made>, Diagnostic> {
        let smallest = self.walk(&steps::between(old, new, path));
        let whole = || self.put(&self.text, &self.root, path, new).map(Some);
        let one_by_one = || self.walk(&steps::one_by_one(old, new, path)?).ok();
        smallest.or_else(|error| whole().or_else(|_| one_by_one().ok_or(error)))
    }

    pub(super) fn remove(&mut self, key: &str) -> Result<(), Diagnostic> {
        let segments = self.path(key)?;
        let path = borrowed(&segments);
        model::check_there(&self.root, &path).map_err(|error| self.placed(error))?;
        let made = self.removed(&self.text, &self.root, &path)?;
        self.keep(Some(made));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Diagnostic> {
        let (from, to) = (self.path(from)?, self.path(to)?);
        let (from, to) = (borrowed(&from), borrowed(&to));
        model::check_there(&self.root, &from).map_err(|error| self.placed(error))?;
        if from == to {
            return Ok(());
        }
        self.check_free(&to)?;
        let made = match self.renamed_in_place(&from, &to) {
            Some(made) => made,
            None => self.moved(&from, &to)?,
        };
        self.keep(Some(made));
        Ok(())
    }

    fn check_free(&self, to: &[&str]) -> Result<(), Diagnostic> {
        match model::get(&self.root, to) {
            Some(there) => {
                let error = there.place().error(format!("{} is there already", named(to)));
                Err(self.placed(error))
            }
            None => Ok(()),
        }
    }

    /// Returns the rename that writes keys anew and moves nothing, if there is one.
    fn renamed_in_place(&self, from: &[&str], to: &[&str]) -> Option<Made> {
        let (old, parents) = from.split_last()?;
        let (new, others) = to.split_last()?;
        let in_map = model::get(&self.root, parents).is_some_and(|node| node.as_map().is_some());
        let mut expected = self.root.clone();
        let value = model::remove(&mut expected, from)?;
        model::check_put(&expected, to).ok()?;
        model::put(&mut expected, to, value);
        let editor = open(self.format, &self.text)?;
        let splices = if parents == others && in_map && old != new {
            editor.rename(from, new).ok()
        } else {
            editor.retitle(from, to)
        };
        let splices = splices?;
        let made = self.check(&self.text, splices.clone(), &expected).ok();
        made.or_else(|| self.restored(&self.text, splices, &expected, from))
    }

    /// Returns the value at `from` taken out and put at `to`, as it was written if that can be.
    fn moved(&self, from: &[&str], to: &[&str]) -> Result<Made, Diagnostic> {
        let source = open(self.format, &self.text).and_then(|editor| editor.source(from));
        let (text, root) = self.removed(&self.text, &self.root, from)?;
        model::check_put(&root, to).map_err(|error| self.placed(error))?;
        let value = model::remove(&mut self.root.clone(), from);
        let value = value.expect("a value is there: checked in rename");
        let mut expected = root.clone();
        model::put(&mut expected, to, value.clone());
        if let (Some(source), Some(editor)) = (&source, open(self.format, &text)) {
            let written = editor.put(to, &Content::Source(source), Care::Styled);
            if let Ok(made) = written.and_then(|splices| self.check(&text, splices, &expected)) {
                return Ok(made);
            }
        }
        self.put(&text, &root, to, &value)
    }

    /// Returns the text after `steps`, or nothing if there are none.
    fn walk(&self, steps: &[Step]) -> Result<Option<Made>, Diagnostic> {
        let mut made: Option<Made> = None;
        for step in steps {
            let (text, root) = match &made {
                Some((text, root)) => (text.as_str(), root),
                None => (&*self.text, &self.root),
            };
            made = Some(match step {
                Step::Put(path, value) => self.put(text, root, &as_strs(path), value)?,
                Step::Remove(path) => self.removed(text, root, &as_strs(path))?,
            });
        }
        Ok(made)
    }

    fn put(
        &self,
        text: &str,
        root: &Node,
        path: &[&str],
        value: &Node,
    ) -> Result<Made, Diagnostic> {
        let mut expected = root.clone();
        model::put(&mut expected, path, value.clone());
        let attempts = [Care::Styled, Care::Plain]
            .map(|care| move |editor: &dyn Editor| editor.put(path, &Content::Value(value), care));
        self.attempt(text, &expected, path, &attempts)
    }

    fn removed(&self, text: &str, root: &Node, path: &[&str]) -> Result<Made, Diagnostic> {
        let mut expected = root.clone();
        model::remove(&mut expected, path);
        let attempt = |editor: &dyn Editor| editor.remove(path);
        self.attempt(text, &expected, path, &[attempt]).or_else(|error| {
            let splices = open(self.format, text).and_then(|editor| editor.remove(path).ok());
            self.restored(text, splices.unwrap_or_default(), &expected, path).ok_or(error)
        })
    }

    /// Returns the text with `splices` where these take the map or list around `path` away, as they do
    /// for a TOML table that no header of its own holds: it is put back, empty.
    fn restored(
        &self,
        text: &str,
        splices: Vec<Splice>,
        expected: &Node,
        path: &[&str],
    ) -> Option<Made> {
        let text = splice(text, splices)?;
        let root = parsed(self.format, self.file, &text).ok()?;
        let (_, parents) = path.split_last()?;
        let emptied = model::get(expected, parents)?;
        if model::get(&root, parents).is_some() || !is_empty(emptied) {
            return None;
        }
        let made = self.put(&text, &root, parents, emptied).ok()?;
        model::difference(expected, &made.1).is_none().then_some(made)
    }

    /// Returns what the first of `attempts` makes that makes the text mean `expected`.
    fn attempt(
        &self,
        text: &str,
        expected: &Node,
        path: &[&str],
        attempts: &[impl Fn(&dyn Editor) -> Outcome],
    ) -> Result<Made, Diagnostic> {
        let Some(editor) = open(self.format, text) else {
            return Err(self.refused(text, Refusal::new("text has a shape that cannot be edited")));
        };
        let mut refusal = None;
        for attempt in attempts {
            match attempt(&*editor).and_then(|splices| self.check(text, splices, expected)) {
                Ok(made) => return Ok(made),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        let refusal = editor.entangled(path).or(refusal);
        let refusal = refusal.unwrap_or_else(|| Refusal::new("nothing to change"));
        let refusal = Refusal {
            message: format!("cannot change {}: {}", named(path), refusal.message),
            ..refusal
        };
        Err(self.refused(text, refusal))
    }

    /// Returns the text with `splices` if it means `expected`.
    fn check(&self, text: &str, splices: Vec<Splice>, expected: &Node) -> Result<Made, Refusal> {
        let text = splice(text, splices)
            .ok_or_else(|| Refusal::new("the places to change lie in each other"))?;
        let root = parsed(self.format, self.file, &text).map_err(|error| {
            Refusal::new(format!("the text would not parse: {}", error.message))
        })?;
        match model::difference(expected, &root) {
            None => Ok((text, root)),
            Some(key) => Err(Refusal::new(match key.as_str() {
                "" => "the document would become another".to_owned(),
                key => format!("`{key}` would not be as it should"),
            })),
        }
    }

    fn keep(&mut self, made: Option<Made>) {
        if let Some((text, root)) = made {
            self.text = Cow::Owned(text);
            self.root = root;
        }
    }

    fn path<'k>(&self, key: &'k str) -> Result<Vec<Cow<'k, str>>, Diagnostic> {
        key::split(key).ok_or_else(|| {
            Diagnostic::error(format!("{key:?} is not a dotted key"))
                .in_file(self.file)
                .hint("separate segments by dots, and put \"…\" around one that holds a dot")
        })
    }

    /// Returns `refusal` with its place, unless the lines of the file have moved.
    fn refused(&self, text: &str, refusal: Refusal) -> Diagnostic {
        let mut error = Diagnostic::error(refusal.message).in_file(self.file);
        if let Some(range) = refusal.at.filter(|_| self.is_untouched() && *text == *self.text) {
            let line = text.get(range.clone()).and_then(|text| text.lines().next());
            let width = line.map_or(1, |line| line.chars().count());
            error = error.at(Position::of_offset(text, range.start)).wide(width);
        }
        match refusal.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Returns `error` with its place, unless the lines of the file have moved.
    fn placed(&self, error: Diagnostic) -> Diagnostic {
        if self.is_untouched() { error } else { Diagnostic { position: None, width: 1, ..error } }
    }

    fn is_untouched(&self) -> bool {
        matches!(self.text, Cow::Borrowed(_))
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.data {
        Data::Map(map) => map.is_empty(),
        Data::List(list) => list.is_empty(),
        _ => false,
    }
}

fn borrowed<'s>(segments: &'s [Cow<'_, str>]) -> Vec<&'s str> {
    segments.iter().map(AsRef::as_ref).collect()
}

fn as_strs(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn parsed(format: Format, file: &str, text: &str) -> Result<Node, Diagnostic> {
    parse(format, file, text).map_err(|errors| {
        errors.into_iter().next().unwrap_or_else(|| Diagnostic::error("text does not parse"))
    })
}

/// Returns the editor of a text that parses, or nothing if it does not follow the parser after all.
fn open<'t>(format: Format, text: &'t str) -> Option<Box<dyn Editor + 't>> {
    match format {
        Format::Yaml => yaml::open(text).map(|editor| Box::new(editor) as Box<dyn Editor>),
        Format::Toml => toml::open(text).map(|editor| Box::new(editor) as Box<dyn Editor>),
        Format::Json => json::open(text).map(|editor| Box::new(editor) as Box<dyn Editor>),
        Format::Env => None,
    }
}
