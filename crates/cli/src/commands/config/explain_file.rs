//! `windlass config explain ENV --file PATH`

use serde_json::{Value, json};
use windlass::Engine;
use windlass::render::{ExplainedFile, ExplainedLine, FileSourceKind, Filler, FillerKind};
use windlass_core::config::KeyOrigin;

use super::Outcome;
use crate::app::App;
use crate::args::ConfigExplain;
use crate::error::Exit;
use crate::ui::escape;
use crate::ui::style::{Style, Tint};
use crate::ui::table::{Cell, Table};

/// How many characters of a line are shown.
const LINE_WIDTH: usize = 100;

/// How many characters of a value are shown.
const VALUE_WIDTH: usize = 32;

pub(super) async fn run(app: &App, engine: &Engine, args: &ConfigExplain, file: &str) -> Outcome {
    let explained = engine.explain_file(&args.environment, args.target.as_deref(), file).await?;
    let several = engine.project().is_some_and(|loaded| loaded.project.configs.len() > 1);
    let text = || Page { file: &explained, several, style: app.style }.text();
    super::print(app, text, json!(explained), &explained.warnings)?;
    Ok(Exit::Done)
}

/// An explained file as people read it.
struct Page<'a> {
    file: &'a ExplainedFile,
    /// Whether a key alone does not tell which configuration has it.
    several: bool,
    style: Style,
}

impl Page<'_> {
    fn text(&self) -> String {
        let mut out = self.heading();
        let lines = &self.file.lines;
        let number = width(lines.iter().map(|line| line.line));
        let from = width(lines.iter().filter_map(|line| line.template.as_ref().map(|at| at.line)));
        let indent = " ".repeat(number + 2 + if from > 0 { from + 2 } else { 0 });
        let mut rows = self.fillers().into_iter();
        for line in lines {
            out.push_str(&self.line(line, number, from));
            for row in rows.by_ref().take(line.filled_by.len()) {
                out.push_str(&format!("{indent}{} {row}\n", self.style.dim("←")));
            }
        }
        out
    }

    fn heading(&self) -> String {
        let ExplainedFile { environment, file, service, source, .. } = self.file;
        let made_of = match source.kind {
            FileSourceKind::Template => format!("from {}", source.name),
            FileSourceKind::Config => format!("the configuration `{}`", source.name),
            FileSourceKind::Copy => format!("a copy of {}", source.name),
            FileSourceKind::Artifact => format!("unpacked from {}", source.name),
        };
        let binary = if self.file.binary { ", not text" } else { "" };
        let about = format!(" of `{service}` in {environment}: {made_of}{binary}");
        let name = self.style.bold(&escape::line(file.as_str()));
        format!("{name}{}\n", self.style.dim(&escape::line(&about)))
    }

    /// Returns a line with its number, and that of the line of the template.
    fn line(&self, line: &ExplainedLine, number: usize, from: usize) -> String {
        let mut gutter = format!("{:>number$}  ", line.line);
        if from > 0 {
            let at = line.template.as_ref().map(|at| at.line.to_string()).unwrap_or_default();
            gutter.push_str(&format!("{at:>from$}  "));
        }
        let tint = if line.filled_by.is_empty() { Tint::Dim } else { Tint::Plain };
        let text = cut(&escape::line(&line.text), LINE_WIDTH);
        let all = format!("{}{}", self.style.dim(&gutter), self.style.paint(tint, &text));
        format!("{}\n", all.trim_end())
    }

    /// Returns a row for each filler of each line, in order; all of them are aligned.
    fn fillers(&self) -> Vec<String> {
        let mut table = Table::new();
        for filler in self.file.lines.iter().flat_map(|line| &line.filled_by) {
            table.row(self.row(filler));
        }
        table.lines(self.style)
    }

    fn row(&self, filler: &Filler) -> [Cell; 4] {
        let tint = if filler.exact { Tint::Ok } else { Tint::Changed };
        let value = cut(&shown(filler), VALUE_WIDTH);
        let (overridden, in_force): (Vec<_>, Vec<_>) =
            filler.origins.iter().rev().partition(|origin| origin.overridden);
        [
            Cell::new(tint, self.key(filler)),
            Cell::plain(value),
            Cell::plain(in_force.first().map(|origin| place(origin)).unwrap_or_default()),
            Cell::new(Tint::Dim, note(filler, in_force.get(1..).unwrap_or_default(), &overridden)),
        ]
    }

    fn key(&self, filler: &Filler) -> String {
        match &filler.config {
            Some(config) if filler.key.is_empty() => format!("[config.{config}]"),
            Some(config) if self.several => format!("{config}: {}", filler.key),
            _ => filler.key.clone(),
        }
    }
}

/// Returns the value on one line; nothing for a whole configuration.
fn shown(filler: &Filler) -> String {
    match &filler.value {
        Value::Null if filler.key.is_empty() => String::new(),
        value => value.to_string(),
    }
}

/// Returns what else there is to say: how it filled the line, what `others` are in force, as where
/// lists and maps combine, and what it overrode.
fn note(filler: &Filler, others: &[&KeyOrigin], overridden: &[&KeyOrigin]) -> String {
    let mut notes = Vec::new();
    match (filler.kind, filler.exact) {
        (FillerKind::Default, _) => notes.push("the default: it is not set, or empty".to_owned()),
        (_, false) => notes.push("derived".to_owned()),
        _ => {}
    }
    if !others.is_empty() {
        notes.push(format!("with {}", places(others)));
    }
    if !overridden.is_empty() {
        notes.push(format!("overrides {}", places(overridden)));
    }
    notes.join("; ")
}

fn places(origins: &[&KeyOrigin]) -> String {
    origins.iter().map(|origin| place(origin)).collect::<Vec<_>>().join(", ")
}

fn place(origin: &KeyOrigin) -> String {
    match (origin.line, origin.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", origin.file),
        _ => origin.file.clone(),
    }
}

/// Returns `text`, or as much of it as `width` characters allow.
fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns how many digits the largest of `numbers` has; 0 where there is none.
fn width(numbers: impl Iterator<Item = u32>) -> usize {
    numbers.max().map_or(0, |largest| largest.to_string().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(line: u32, overridden: bool) -> KeyOrigin {
        let (file, value) = ("a.yaml".to_owned(), Value::Null);
        KeyOrigin { layer: 0, file, line: Some(line), column: Some(3), value, overridden }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("grüße", 3), "grü…");
        assert_eq!(cut("grüße", 5), "grüße");
    }

    #[test]
    fn what_was_overridden_is_noted() {
        let filler = Filler {
            key: "port".to_owned(),
            config: Some("app".to_owned()),
            kind: FillerKind::Config,
            exact: false,
            value: Value::from(80),
            origins: vec![origin(1, true), origin(2, false)],
        };
        let (first, second) = (&filler.origins[0], &filler.origins[1]);
        assert_eq!(note(&filler, &[], &[first]), "derived; overrides a.yaml:1:3");
        assert_eq!(note(&filler, &[second, first], &[]), "derived; with a.yaml:2:3, a.yaml:1:3");
        let default = Filler { kind: FillerKind::Default, ..filler };
        assert_eq!(note(&default, &[], &[]), "the default: it is not set, or empty");
    }
}
