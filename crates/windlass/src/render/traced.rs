//! One job, traced: its text with what filled which part.

use std::collections::HashMap;

use windlass_core::config::{Configuration, Format, MASK, Node, emit_traced};
use windlass_core::project::Render;
use windlass_core::trace::{Line, Traced};

use super::content::{Content, Job, Problems, is_binary, not_text};
use super::explain::{FileSource, FileSourceKind};
use super::sink::Memory;

/// The text of a file, and what filled it.
pub(super) struct TracedFile {
    pub(super) source: FileSource,
    /// Nothing for a binary file.
    pub(super) traced: Option<Traced>,
    /// What may be shown of each line, where that is not all of it.
    pub(super) shown: Option<Vec<String>>,
}

impl TracedFile {
    fn open(kind: FileSourceKind, name: &str, traced: Option<Traced>) -> Self {
        Self { source: FileSource { kind, name: name.to_owned() }, traced, shown: None }
    }
}

impl Job {
    /// Returns what is in the file of the job, of which `configuration` gives the configurations by
    /// name.
    pub(super) fn traced<'c>(
        &self,
        configuration: &dyn Fn(&str) -> Option<&'c Configuration>,
    ) -> Result<TracedFile, Problems> {
        match &self.content {
            Content::Config { name, format, text, masked } => {
                let Some(configuration) = configuration(name) else {
                    return Ok(TracedFile::open(FileSourceKind::Config, name, None));
                };
                let traced = emit_traced(configuration.root(), *format)?;
                let shown = match masked {
                    Some(_) => Some(without_secrets(&traced, configuration, *format)?),
                    None => None,
                };
                debug_assert!(traced.text == *text, "what is traced is what is deployed");
                let open = TracedFile::open(FileSourceKind::Config, name, Some(traced));
                Ok(TracedFile { shown, ..open })
            }
            Content::Source { sources, name, render } => {
                let file = sources.open_file(name).map_err(|error| self.missing(&error))?;
                let bytes =
                    sources.read_opened(name, file).map_err(|error| self.missing(&error))?;
                self.traced_source(name, &bytes, *render)
            }
            Content::Archive { name, .. } => {
                Ok(TracedFile::open(FileSourceKind::Artifact, name, None))
            }
        }
    }

    fn traced_source(
        &self,
        name: &str,
        bytes: &[u8],
        render: Render,
    ) -> Result<TracedFile, Problems> {
        let (automatic, (_, render)) = (render == Render::Auto, render.of(name));
        if render == Render::Copy || (automatic && render == Render::Substitute && is_binary(bytes))
        {
            return Ok(TracedFile::open(FileSourceKind::Copy, name, as_it_is(bytes)));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| not_text(name, bytes, error))?;
        if render == Render::Jinja {
            return self.traced_template(name, text);
        }
        let (traced, masked) = self.scope.values.traced(text).map_err(|errors| {
            errors.into_iter().map(|error| error.into_diagnostic(name)).collect::<Problems>()
        })?;
        let shown = masked.map(|masked| shown_of_template(&traced, Some(&masked)));
        let open = TracedFile::open(FileSourceKind::Template, name, Some(traced));
        Ok(TracedFile { shown, ..open })
    }

    fn traced_template(&self, name: &str, text: &str) -> Result<TracedFile, Problems> {
        let render = |context| self.scope.jinja.render_traced(name, text, context);
        let traced =
            render(&self.scope.context).map_err(|error| vec![error.into_diagnostic(name)])?;
        let shown = self.scope.masked.as_ref().map(|context| {
            let masked = render(context).ok();
            shown_of_template(&traced, masked.as_ref())
        });
        let open = TracedFile::open(FileSourceKind::Template, name, Some(traced));
        Ok(TracedFile { shown, ..open })
    }

    /// Returns what the archive of the job has at `path`, if it is one, and has it.
    pub(super) fn traced_entry(&self, path: &str) -> Result<Option<TracedFile>, Problems> {
        let Content::Archive { name, .. } = &self.content else { return Ok(None) };
        let memory = Memory::default();
        let entries = self.carry_out(&memory)?;
        let found = entries.into_iter().find(|entry| entry.path.as_str() == path);
        let Some(entry) = found else { return Ok(None) };
        let bytes = memory.into_rendered(&[entry]).pop().map(|file| file.bytes).unwrap_or_default();
        Ok(Some(TracedFile::open(FileSourceKind::Artifact, name, as_it_is(&bytes))))
    }
}

/// Returns what the template makes of masks, line by line. Where that has other lines, or the
/// template wants more of a secret than to be a text, only what stands in the template is shown.
fn shown_of_template(traced: &Traced, masked: Option<&Traced>) -> Vec<String> {
    let lines = traced.lines();
    let masked = masked.map(Traced::lines).filter(|masked| masked.len() == lines.len());
    match masked {
        Some(masked) => masked.iter().map(|line| line.text.to_owned()).collect(),
        None => {
            let shown = |line: &Line<'_>| if line.verbatim { line.text } else { MASK }.to_owned();
            lines.iter().map(shown).collect()
        }
    }
}

/// Returns the lines of a configuration, those with secrets as they are with masks.
fn without_secrets(
    traced: &Traced,
    configuration: &Configuration,
    format: Format,
) -> Result<Vec<String>, Problems> {
    let masked = emit_traced(&configuration.root().masked(), format)?;
    let lines = masked.lines();
    let of_keys: HashMap<_, _> = lines.iter().map(|line| (&line.sources, line.text)).collect();
    let is_secret = |line: &Line<'_>| {
        let node = |key: &str| configuration.get(key);
        line.sources.iter().any(|source| node(&source.name).is_none_or(Node::is_secret))
    };
    let mut last = None;
    let shown = |line: &Line<'_>| {
        if !is_secret(line) {
            return line.text.to_owned();
        }
        let continues = last.as_ref() == Some(&line.sources);
        last = Some(line.sources.clone());
        let same = of_keys.get(&line.sources).filter(|_| !continues);
        same.map_or(MASK, |text| *text).to_owned()
    };
    Ok(traced.lines().iter().map(shown).collect())
}

/// Returns a text as it is; nothing for what is none.
fn as_it_is(bytes: &[u8]) -> Option<Traced> {
    let text = std::str::from_utf8(bytes).ok().filter(|_| !is_binary(bytes))?;
    Some(Traced::verbatim(text))
}

#[cfg(test)]
mod tests {
    use windlass_core::config::{Layer, MergeRules, Schema};
    use windlass_core::template::{Context, Jinja};

    use super::*;

    const SCHEMA: &str =
        r#"{"properties": {"pem": {"x-secret": true}, "all": {"x-secret": true}}}"#;

    fn with_secrets(text: &str) -> Configuration {
        let layer = Layer { file: "a.yaml", format: Format::Yaml, text };
        let mut configuration =
            Configuration::from_layers(&[layer], &MergeRules::default()).expect("valid");
        Schema::compile("s.json", SCHEMA).expect("valid").mark_secrets(&mut configuration);
        configuration
    }

    #[test]
    fn no_line_of_a_secret_is_shown() {
        let text = "pem: \"hunter1\\nhunter2\\n\"\nall: {a: hunter3, b: [hunter4]}\nport: 80\n";
        let configuration = with_secrets(text);
        for format in [Format::Yaml, Format::Toml, Format::Json] {
            let traced = emit_traced(configuration.root(), format).expect("written");
            assert_eq!(traced.text.matches("hunter").count(), 4);
            let shown = without_secrets(&traced, &configuration, format).expect("written");
            assert_eq!(shown.len(), traced.lines().len());
            let all = shown.join("\n");
            assert!(!all.contains("hunter") && all.contains("80"), "{all}");
        }
    }

    #[test]
    fn where_masks_make_other_lines_only_the_template_is_shown() {
        let render = |text: &str, secret: &str| {
            let data = Context::new(&serde_json::json!({ "secret": secret }));
            Jinja::new().render_traced("t", text, &data).expect("valid")
        };
        let text = "a\n{{ secret }}\n";
        let same = shown_of_template(&render(text, "hunter"), Some(&render(text, MASK)));
        assert_eq!(same, ["a", MASK]);
        for masked in [None, Some(render(text, MASK))] {
            let shown = shown_of_template(&render(text, "hun\nter"), masked.as_ref());
            assert_eq!(shown, ["a", MASK, MASK]);
        }
    }
}
