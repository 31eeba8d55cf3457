//! What has to be rendered: the project file's entries, one job a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use windlass_core::config::{Configuration, emit};
use windlass_core::diagnostic::{Diagnostic, Position};
use windlass_core::digest::DigestKey;
use windlass_core::environment::Environment;
use windlass_core::name::ServiceName;
use windlass_core::path::RelativePath;
use windlass_core::project::{ArtifactSpec, FileContent, FileSpec, Located, Render, ServiceSpec};
use windlass_core::release::{Layout, ServiceRelease};
use windlass_core::template::{Context, Jinja, Values};

use super::content::{Content, Job, Scope};
use super::scope;
use crate::artifact;
use crate::configuration::{Loaded, Loader};
use crate::error::Error;
use crate::project::LoadedProject;
use crate::remote::Remote;
use crate::secrets::Unlocked;
use crate::sources::Sources;

/// Services as they go into a release.
pub(crate) type Services = BTreeMap<ServiceName, ServiceRelease>;

type Problems = Vec<Diagnostic>;

/// Everything that has to be rendered for an environment.
pub(crate) struct Jobs {
    pub(crate) list: Vec<Job>,
    pub(crate) config_files: BTreeSet<String>,
    pub(crate) services: Services,
    /// What is probably not meant.
    pub(crate) warnings: Vec<String>,
}

impl Jobs {
    /// Returns the jobs of single files, each under its own name, as the service `files`.
    pub(crate) fn of_files(
        files: &[PathBuf],
        environment: &Environment,
        unlocked: &Unlocked,
    ) -> Result<Self, Error> {
        let service = ServiceName::new("files").expect("`files` is a name");
        let values = scope::of_environment("", environment, unlocked.secrets())
            .and_then(|values| scope::of_service(&values, &service, None))
            .map_err(Error::Invalid)?;
        let (jinja, key) = (Arc::new(Jinja::new()), digest_key(unlocked));
        let scope = Arc::new(service_scope(values, &BTreeMap::new(), &jinja, key));
        let mut jobs = Self {
            list: Vec::new(),
            config_files: BTreeSet::new(),
            services: Services::from([(service.clone(), ServiceRelease::default())]),
            warnings: Vec::new(),
        };
        let mut problems = Vec::new();
        for file in files {
            match single_file(file, &service, &scope) {
                Ok(job) => jobs.list.push(job),
                Err(problem) => problems.push(problem),
            }
            jobs.config_files.insert(file.display().to_string());
        }
        if problems.is_empty() { Ok(jobs) } else { Err(Error::Invalid(problems)) }
    }

    /// Returns the jobs of the services that an environment runs.
    pub(crate) fn of_project(
        loaded: &LoadedProject,
        environment: &Environment,
        unlocked: &Unlocked,
        remote: &Remote,
    ) -> Result<Self, Error> {
        Self::with_configurations(loaded, environment, unlocked, remote).map(|(jobs, _)| jobs)
    }

    /// Returns the jobs of the services that an environment runs, and the configurations that they
    /// use, by name.
    pub(crate) fn with_configurations(
        loaded: &LoadedProject,
        environment: &Environment,
        unlocked: &Unlocked,
        remote: &Remote,
    ) -> Result<(Self, BTreeMap<String, Configuration>), Error> {
        let name = &loaded.project.name;
        let values = scope::of_environment(name, environment, unlocked.secrets());
        let sources = Sources::open(&loaded.root).map_err(Error::io("open", &loaded.root))?;
        let mut collector = Collector {
            loaded,
            environment,
            unlocked,
            remote,
            sources: Arc::new(sources),
            values: values.map_err(Error::Invalid)?,
            jinja: Arc::new(Jinja::new()),
            configurations: BTreeMap::new(),
            jobs: Self {
                list: Vec::new(),
                config_files: BTreeSet::new(),
                services: Services::new(),
                warnings: Vec::new(),
            },
            problems: Vec::new(),
        };
        collector.load_configurations()?;
        for (name, spec) in running(loaded, environment) {
            collector.service(name, spec);
        }
        let Collector { jobs, problems, configurations, .. } = collector;
        if problems.is_empty() { Ok((jobs, configurations)) } else { Err(Error::Invalid(problems)) }
    }
}

/// Returns the services that run on any target of the environment.
fn running<'p>(
    loaded: &'p LoadedProject,
    environment: &'p Environment,
) -> BTreeMap<&'p ServiceName, &'p ServiceSpec> {
    let targets = environment.targets.iter();
    targets.flat_map(|target| loaded.project.services_of(environment, target)).collect()
}

struct Collector<'p> {
    loaded: &'p LoadedProject,
    environment: &'p Environment,
    unlocked: &'p Unlocked,
    remote: &'p Remote,
    sources: Arc<Sources>,
    values: Values,
    jinja: Arc<Jinja>,
    configurations: BTreeMap<String, Configuration>,
    jobs: Jobs,
    problems: Problems,
}

impl Collector<'_> {
    /// Loads and validates every configuration of the project: templates may use any of them.
    fn load_configurations(&mut self) -> Result<(), Error> {
        let (sources, unlocked) = (Arc::clone(&self.sources), self.unlocked);
        let loader = Loader::new(self.loaded, self.environment, unlocked, &sources, self.remote)?;
        for (name, spec) in &self.loaded.project.configs {
            match loader.load(spec).and_then(Loaded::valid) {
                Ok(loaded) => {
                    self.jobs.warnings.extend(loaded.warnings.iter().map(ToString::to_string));
                    self.configurations.insert(name.clone(), loaded.configuration);
                    self.jobs.config_files.extend(loaded.files);
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        Ok(())
    }

    fn service(&mut self, name: &ServiceName, spec: &ServiceSpec) {
        let known = self.version(spec).and_then(|version| {
            Ok((scope::of_service(&self.values, name, version.as_deref())?, version))
        });
        let (values, version) = match known {
            Ok(known) => known,
            Err(problems) => return self.problems.extend(problems),
        };
        let key = digest_key(self.unlocked);
        let scope = Arc::new(service_scope(values, &self.configurations, &self.jinja, key));
        for file in &spec.files {
            if let Err(problems) = self.file(name, file, &scope) {
                self.problems.extend(problems);
            }
        }
        if let Some(artifact) = &spec.artifact
            && let Err(problems) = self.artifact(name, artifact, &scope)
        {
            self.problems.extend(problems);
        }
        let service = ServiceRelease {
            version,
            check: spec.check.clone(),
            on_change: spec.on_change.clone(),
            health: spec.health.clone(),
        };
        self.jobs.services.insert(name.clone(), service);
    }

    /// Returns the version of a service: a `VERSION` of the environment wins over its own.
    fn version(&self, spec: &ServiceSpec) -> Result<Option<String>, Problems> {
        if let Some(version) = self.environment.variables.get("VERSION") {
            return Ok(Some(version.clone()));
        }
        let Some(version) = &spec.version else { return Ok(None) };
        let place = Located { value: version.clone(), position: spec.position, width: 1 };
        scope::resolve(&place, &self.values).map(Some)
    }

    fn file(
        &mut self,
        service: &ServiceName,
        spec: &FileSpec,
        scope: &Arc<Scope>,
    ) -> Result<(), Problems> {
        match &spec.content {
            FileContent::Source { source, render } => {
                let name = scope::resolve(source, &scope.values)?;
                self.jobs.config_files.insert(name.clone());
                let path = spec.path.clone().ok_or_else(|| vec![no_path(spec)])?;
                let content =
                    Content::Source { sources: Arc::clone(&self.sources), name, render: *render };
                self.push(service, spec, scope, path, content, source.with(()));
                Ok(())
            }
            FileContent::Directory { source, render } => {
                self.directory(service, spec, scope, source, *render)
            }
            FileContent::Config { name, format } => {
                let Some(configuration) = self.configurations.get(name) else { return Ok(()) };
                let text = configuration.emit(*format)?;
                let root = configuration.root();
                let masked = root.holds_secret().then(|| emit(&root.masked(), *format));
                let masked = masked.transpose()?;
                let path = spec.path.clone().ok_or_else(|| vec![no_path(spec)])?;
                let content = Content::Config { name: name.clone(), format: *format, text, masked };
                self.push(service, spec, scope, path, content, place_of(spec));
                Ok(())
            }
        }
    }

    fn directory(
        &mut self,
        service: &ServiceName,
        spec: &FileSpec,
        scope: &Arc<Scope>,
        source: &Located<String>,
        render: Render,
    ) -> Result<(), Problems> {
        let directory = scope::resolve(source, &scope.values)?;
        let listed = self.sources.list_directory(&directory);
        let names = listed.map_err(|error| vec![scope::placed(error.diagnostic(), source)])?;
        if names.is_empty() && !spec.allow_empty {
            let problem = Diagnostic::error(format!("directory {directory} holds no files"))
                .hint("if that is meant, set `allow_empty = true`");
            return Err(vec![scope::placed(problem, source)]);
        }
        self.jobs.config_files.insert(directory.clone());
        for name in names {
            let path = placed_in(spec.path.as_ref(), render.of(&name).0).map_err(|error| {
                vec![scope::placed(Diagnostic::error(error.to_string()), source)]
            })?;
            let name = format!("{}/{name}", directory.trim_end_matches('/'));
            let content = Content::Source { sources: Arc::clone(&self.sources), name, render };
            self.push(service, spec, scope, path, content, source.with(()));
        }
        Ok(())
    }

    fn artifact(
        &mut self,
        service: &ServiceName,
        spec: &ArtifactSpec,
        scope: &Arc<Scope>,
    ) -> Result<(), Problems> {
        let name = scope::resolve(&spec.source, &scope.values)?;
        self.jobs.config_files.insert(name.clone());
        let sources = Arc::clone(&self.sources);
        let (path, content) = match artifact::kind_of(&name) {
            Some(kind) => {
                (spec.path.clone(), Content::Archive { sources, name, kind, strip: spec.strip })
            }
            None => {
                let file_name = name.rsplit('/').next().unwrap_or(&name).to_owned();
                let path = placed_in(Some(&spec.path), &file_name).map_err(|error| {
                    vec![scope::placed(Diagnostic::error(error.to_string()), &spec.source)]
                })?;
                (path, Content::Source { sources, name, render: Render::Copy })
            }
        };
        self.jobs.list.push(Job {
            service: service.clone(),
            scope: Arc::clone(scope),
            content,
            path,
            mode: None,
            layout: Layout::Linked,
            allow_empty: true,
            place: spec.source.with(()),
        });
        Ok(())
    }

    fn push(
        &mut self,
        service: &ServiceName,
        spec: &FileSpec,
        scope: &Arc<Scope>,
        path: RelativePath,
        content: Content,
        place: Located<()>,
    ) {
        self.jobs.list.push(Job {
            service: service.clone(),
            scope: Arc::clone(scope),
            content,
            path,
            mode: spec.mode,
            layout: spec.layout,
            allow_empty: spec.allow_empty,
            place,
        });
    }
}

fn no_path(spec: &FileSpec) -> Diagnostic {
    scope::placed(Diagnostic::error("the file has no `path`"), &place_of(spec))
}

fn place_of(spec: &FileSpec) -> Located<()> {
    Located { value: (), position: spec.position, width: spec.width }
}

fn placed_in(
    directory: Option<&RelativePath>,
    name: &str,
) -> Result<RelativePath, windlass_core::path::InvalidPath> {
    let name = RelativePath::new(name)?;
    directory.map_or(Ok(name.clone()), |directory| directory.join(&name))
}

/// Returns what the templates of a service see. In a `.j2` each configuration is a variable under
/// its name; where there is one only, it is also `config`, and its keys are variables themselves.
/// The environment's variables and secrets win over both, but for the tree `secrets`.
fn service_scope(
    values: Values,
    configurations: &BTreeMap<String, Configuration>,
    jinja: &Arc<Jinja>,
    digest_key: Option<DigestKey>,
) -> Scope {
    let jinja = Arc::clone(jinja);
    let data = data(&values, configurations, false);
    let in_configurations = || configurations.values().any(|one| one.root().holds_secret());
    if values.secrets().is_empty() && !in_configurations() {
        return Scope { values, context: Context::new(&data), masked: None, jinja, digest_key };
    }
    let shown = self::data(&values, configurations, true);
    let (context, masked) = (Context::hiding(&data, &shown), Some(Context::new(&shown)));
    Scope { values, context, masked, jinja, digest_key }
}

fn data(values: &Values, configurations: &BTreeMap<String, Configuration>, masked: bool) -> Value {
    let json = if masked { Configuration::to_masked_json } else { Configuration::to_json };
    let mut data = Map::new();
    if let (1, Some(only)) = (configurations.len(), configurations.values().next()) {
        let json = json(only);
        if let Value::Object(keys) = &json {
            data.extend(keys.clone());
        }
        data.insert("config".to_owned(), json);
    }
    data.extend(configurations.iter().map(|(name, config)| (name.clone(), json(config))));
    let is_tree = |name: &str, value: &Value| name == "secrets" && value.is_object();
    for (name, value) in values.data(masked) {
        if !(is_tree(&name, &value) && data.contains_key(&name)) {
            data.insert(name, value);
        }
    }
    Value::Object(data)
}

/// Returns what digests of files with secrets depend on.
fn digest_key(unlocked: &Unlocked) -> Option<DigestKey> {
    unlocked.keys().map(|keys| keys.fingerprints.digest_key())
}

/// Returns the job of one file anywhere on this machine.
fn single_file(file: &Path, service: &ServiceName, scope: &Arc<Scope>) -> Result<Job, Diagnostic> {
    let problem = |message: String| Diagnostic::error(message).in_file(file.display().to_string());
    let name = file.file_name().ok_or_else(|| problem("names no file".to_owned()))?;
    let name = name.to_str().ok_or_else(|| problem("its name is not UTF-8".to_owned()))?;
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let sources = Sources::open(directory)
        .map_err(|error| problem(format!("cannot open its directory: {error}")))?;
    sources
        .open_file(name)
        .map_err(|error| error.diagnostic().in_file(file.display().to_string()))?;
    let path = RelativePath::new(Render::Auto.of(name).0).map_err(|e| problem(e.to_string()))?;
    Ok(Job {
        service: service.clone(),
        scope: Arc::clone(scope),
        content: Content::Source {
            sources: Arc::new(sources),
            name: name.to_owned(),
            render: Render::Auto,
        },
        path,
        mode: None,
        layout: Layout::Linked,
        allow_empty: false,
        place: Located { value: (), position: Position { line: 1, column: 1 }, width: 0 },
    })
}
