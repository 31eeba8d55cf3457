//! One job: a source becomes a file of a release.

use std::borrow::Cow;
use std::sync::Arc;

use windlass_core::config::{Format, MASK};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::digest::DigestKey;
use windlass_core::name::ServiceName;
use windlass_core::path::RelativePath;
use windlass_core::project::{Located, Render};
use windlass_core::release::{FileEntry, Layout, Mode};
use windlass_core::template::{Context, Jinja, Substituted, TemplateError, Values};

use super::scope;
use super::sink::Sink;
use crate::artifact::{self, Limits};
use crate::error::describe;
use crate::sources::{SourceError, SourceFile, Sources};

/// A binary file has a NUL in its first bytes: git's rule.
const LOOKED_AT: usize = 8_000;

/// What a service's templates see.
pub(crate) struct Scope {
    /// What `${KEY}` becomes.
    pub(crate) values: Values,
    /// What `.j2` templates see; it tells when a secret is asked for.
    pub(crate) context: Context,
    /// The same with a mask in place of each secret, where there are any.
    pub(crate) masked: Option<Context>,
    /// What renders them.
    pub(crate) jinja: Arc<Jinja>,
    /// What digests of files with secrets depend on, where the environment has any.
    pub(crate) digest_key: Option<DigestKey>,
}

/// A text that a template became.
struct Made<'t> {
    text: Cow<'t, str>,
    /// The same with a mask in place of each secret, where one went into it.
    masked: Option<String>,
}

/// What a job makes a file of.
pub(crate) enum Content {
    /// A file of the project.
    Source { sources: Arc<Sources>, name: String, render: Render },
    /// A configuration, written; with a mask in place of each secret, where there are any.
    Config { name: String, format: Format, text: String, masked: Option<String> },
    /// An archive that is unpacked below the path; its entries lose `strip` components.
    Archive { sources: Arc<Sources>, name: String, kind: artifact::ArchiveKind, strip: u32 },
}

/// One file of a service, or all the files of its archive.
pub(crate) struct Job {
    pub(crate) service: ServiceName,
    pub(crate) scope: Arc<Scope>,
    pub(crate) content: Content,
    pub(crate) path: RelativePath,
    pub(crate) mode: Option<Mode>,
    pub(crate) layout: Layout,
    pub(crate) allow_empty: bool,
    /// Where the project file asks for it.
    pub(crate) place: Located<()>,
}

pub(super) type Problems = Vec<Diagnostic>;

impl Job {
    /// Carries the job out and returns its files.
    pub(crate) fn carry_out(&self, sink: &dyn Sink) -> Result<Vec<FileEntry>, Problems> {
        match &self.content {
            Content::Config { text, masked, .. } => {
                Ok(vec![self.put_made(sink, text, masked.as_deref(), Mode::FILE)?])
            }
            Content::Source { sources, name, render } => {
                let file = sources.open_file(name).map_err(|error| self.missing(&error))?;
                let mode = if file.mode_is_executable { Mode::EXECUTABLE } else { Mode::FILE };
                if *render == Render::Copy {
                    return Ok(vec![self.stream(sink, file, mode)?]);
                }
                let bytes =
                    sources.read_opened(name, file).map_err(|error| self.missing(&error))?;
                Ok(vec![self.render(sink, name, &bytes, *render, mode)?])
            }
            Content::Archive { sources, name, kind, strip } => {
                let file = sources.open_file(name).map_err(|error| self.missing(&error))?;
                self.unpack(sink, name, file, *kind, *strip)
            }
        }
    }

    fn render(
        &self,
        sink: &dyn Sink,
        name: &str,
        bytes: &[u8],
        render: Render,
        mode: Mode,
    ) -> Result<FileEntry, Problems> {
        let automatic = render == Render::Auto;
        let (_, render) = render.of(name);
        if automatic && render == Render::Substitute && is_binary(bytes) {
            return self.put(sink, bytes, mode);
        }
        let text = std::str::from_utf8(bytes).map_err(|error| not_text(name, bytes, error))?;
        let Made { text: rendered, masked } = self.expand(name, text, render)?;
        if rendered.trim().is_empty() && !text.is_empty() && !self.allow_empty {
            let problem = Diagnostic::error("the template renders to nothing").in_file(name);
            return Err(vec![
                problem.hint("if that is meant, set `allow_empty = true` on the file"),
            ]);
        }
        self.put_made(sink, &rendered, masked.as_deref(), mode)
    }

    /// Puts a text; one that a secret went into is its owner's alone, unless the project says
    /// otherwise, and `masked` is what may be shown of it.
    fn put_made(
        &self,
        sink: &dyn Sink,
        text: &str,
        masked: Option<&str>,
        mode: Mode,
    ) -> Result<FileEntry, Problems> {
        let Some(masked) = masked else { return self.put(sink, text.as_bytes(), mode) };
        let mode = self.mode.unwrap_or(mode.owner_only());
        let key = self.scope.digest_key.clone();
        let digest = match &key {
            Some(key) => sink.put_secret(&self.path, mode, text.as_bytes(), key),
            None => sink.put(&self.path, mode, text.as_bytes()),
        };
        let digest = digest.map_err(|error| self.not_kept(&error))?;
        let shown = sink.put_shown(masked.as_bytes()).map_err(|error| self.not_kept(&error))?;
        let entry = self.entry(self.path.clone(), mode, text.len() as u64, digest);
        Ok(FileEntry { shown: Some(shown), secret: true, key, ..entry })
    }

    fn expand<'t>(&self, name: &str, text: &'t str, render: Render) -> Result<Made<'t>, Problems> {
        let made = if render == Render::Jinja {
            self.jinja(name, text).map_err(|error| vec![error])
        } else {
            self.substitute(text)
        };
        made.map_err(|errors| errors.into_iter().map(|e| e.into_diagnostic(name)).collect())
    }

    fn jinja<'t>(&self, name: &str, text: &'t str) -> Result<Made<'t>, TemplateError> {
        let Scope { jinja, context, masked, .. } = &*self.scope;
        let (rendered, asked) = jinja.render_noting(name, text, context)?;
        // A template that works with a secret may want more of it than to be a text.
        let show = |context| jinja.render(name, text, context).unwrap_or_else(|_| MASK.to_owned());
        let masked = masked.as_ref().filter(|_| asked).map(show);
        Ok(Made { text: Cow::Owned(rendered), masked })
    }

    fn substitute<'t>(&self, text: &'t str) -> Result<Made<'t>, Vec<TemplateError>> {
        let Substituted { text: made, secret } = self.scope.values.substitute(text)?;
        let masked = secret.then(|| self.scope.values.masked(text)).transpose()?;
        Ok(Made { text: made, masked: masked.map(Cow::into_owned) })
    }

    /// Returns the mode of a file that is `mode` in the project; what is to be on no disk is its
    /// owner's alone, unless the project says otherwise.
    fn mode(&self, mode: Mode) -> Mode {
        let default = if self.layout == Layout::Runtime { mode.owner_only() } else { mode };
        self.mode.unwrap_or(default)
    }

    fn put(&self, sink: &dyn Sink, bytes: &[u8], mode: Mode) -> Result<FileEntry, Problems> {
        let mode = self.mode(mode);
        let digest = sink.put(&self.path, mode, bytes).map_err(|error| self.not_kept(&error))?;
        Ok(self.entry(self.path.clone(), mode, bytes.len() as u64, digest))
    }

    fn stream(
        &self,
        sink: &dyn Sink,
        mut source: SourceFile,
        mode: Mode,
    ) -> Result<FileEntry, Problems> {
        let mode = self.mode(mode);
        let (digest, size) = sink
            .put_file(&self.path, mode, &mut source.file)
            .map_err(|error| self.not_kept(&error))?;
        Ok(self.entry(self.path.clone(), mode, size, digest))
    }

    fn unpack(
        &self,
        sink: &dyn Sink,
        name: &str,
        source: SourceFile,
        kind: artifact::ArchiveKind,
        strip: u32,
    ) -> Result<Vec<FileEntry>, Problems> {
        let mut files = Vec::new();
        let mut visit = |entry: artifact::ArtifactEntry, reader: &mut dyn std::io::Read| {
            let invalid = |why: String| std::io::Error::new(std::io::ErrorKind::InvalidData, why);
            let stripped = stripped(&entry.path, strip).ok_or_else(|| {
                invalid(format!("entry {} has no more than {strip} components", entry.path))
            })?;
            let path = self.path.join(&stripped).map_err(|error| invalid(error.to_string()))?;
            let (digest, size) = sink.put_reader(&path, entry.mode, reader)?;
            files.push(self.entry(path, entry.mode, size, digest));
            Ok(())
        };
        artifact::unpack(source.file, kind, &Limits::default(), &mut visit).map_err(|error| {
            let problem = Diagnostic::error(format!("{name}: {}", describe(&error)));
            vec![self.placed(problem)]
        })?;
        Ok(files)
    }

    fn entry(
        &self,
        path: RelativePath,
        mode: Mode,
        size: u64,
        digest: windlass_core::digest::Digest,
    ) -> FileEntry {
        let (service, layout) = (self.service.clone(), self.layout);
        FileEntry {
            path,
            mode,
            size,
            digest,
            service,
            layout,
            shown: None,
            secret: false,
            key: None,
        }
    }

    pub(super) fn missing(&self, error: &SourceError) -> Problems {
        vec![self.placed(error.diagnostic())]
    }

    fn not_kept(&self, error: &std::io::Error) -> Problems {
        vec![self.placed(Diagnostic::error(format!("cannot write {}: {error}", self.path)))]
    }

    fn placed(&self, diagnostic: Diagnostic) -> Diagnostic {
        if self.place.width == 0 { diagnostic } else { scope::placed(diagnostic, &self.place) }
    }
}

fn stripped(path: &RelativePath, strip: u32) -> Option<RelativePath> {
    let rest: Vec<&str> = path.components().skip(strip as usize).collect();
    RelativePath::new(rest.join("/")).ok()
}

pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(LOOKED_AT)].contains(&0)
}

pub(super) fn not_text(name: &str, bytes: &[u8], error: std::str::Utf8Error) -> Problems {
    let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
    let at = windlass_core::diagnostic::Position::of_offset(&before, before.len());
    let problem = Diagnostic::error("not UTF-8 text, so variables cannot be substituted");
    vec![
        problem
            .in_file(name)
            .at(at)
            .hint("set `render = \"copy\"` to deploy the bytes as they are"),
    ]
}
