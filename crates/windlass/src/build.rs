//! Builds a release: everything rendered, kept in the object store and named by content.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use windlass_core::diagnostic::Diagnostic;
use windlass_core::digest::Digest;
use windlass_core::environment::Environment;
use windlass_core::fingerprint::FingerprintKey;
use windlass_core::name::ServiceName;
use windlass_core::release::{FileEntry, Manifest, Release, ReleaseId};
use windlass_core::target::Target;

use crate::deploy::Input;
use crate::engine::Engine;
use crate::error::Error;
use crate::objects::Hold;
use crate::project::PROJECT_FILE;
use crate::render::{Kept, Output, Services};
use crate::secrets::Unlocked;

/// A release and all that it consists of; its objects are durable.
pub(crate) struct Built {
    pub(crate) id: ReleaseId,
    pub(crate) release: Release,
    pub(crate) manifests: BTreeMap<Digest, Arc<Manifest>>,
    pub(crate) config_files: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// What fingerprints of its secrets depend on, where it has any.
    pub(crate) fingerprints: Option<FingerprintKey>,
    /// Keeps the objects from being collected until a record or a plan refers to them.
    pub(crate) hold: Hold,
}

/// What was rendered for the targets that have the same variables.
struct Part {
    variant: Environment,
    output: Output,
}

impl Engine {
    /// Renders an environment and returns its release.
    pub(crate) fn build(&self, environment: &Environment, input: &Input) -> Result<Built, Error> {
        if environment.targets.is_empty() {
            let message = format!("environment `{}` has no targets", environment.name);
            return Err(Error::invalid(Diagnostic::error(message).in_file(PROJECT_FILE)));
        }
        let unlocked = self.unlock(environment)?;
        let sink = Kept { batch: self.objects.batch(), keys: unlocked.keys() };
        let parts = self.render_variants(environment, input, &unlocked, &sink)?;
        let (release, manifests) = self.assemble(environment, &parts)?;
        for manifest in manifests.values() {
            sink.put_manifest(manifest).map_err(self.objects_error("write to"))?;
        }
        sink.batch.put_json(&release).map_err(self.objects_error("write to"))?;
        let hold = sink.batch.commit().map_err(self.objects_error("write to"))?;
        let config_files: BTreeSet<String> =
            parts.iter().flat_map(|part| part.output.config_files.clone()).collect();
        let warnings: BTreeSet<String> =
            parts.iter().flat_map(|part| warnings(&part.output)).collect();
        Ok(Built {
            id: release.id(),
            release,
            manifests,
            config_files: config_files.into_iter().collect(),
            warnings: warnings.into_iter().collect(),
            fingerprints: unlocked.keys().map(|keys| keys.fingerprints.clone()),
            hold,
        })
    }

    /// Renders the environment once for each set of variables that its targets have, and returns
    /// all that is wrong with any of them.
    fn render_variants(
        &self,
        environment: &Environment,
        input: &Input,
        unlocked: &Unlocked,
        sink: &Kept<'_>,
    ) -> Result<Vec<Part>, Error> {
        let mut parts = Vec::new();
        let mut problems: Vec<Diagnostic> = Vec::new();
        for variant in environment.variants() {
            match self.render_into(&variant, input, unlocked, sink) {
                Ok(output) => parts.push(Part { variant, output }),
                Err(Error::Invalid(more)) => {
                    let new: Vec<_> = more.into_iter().filter(|d| !problems.contains(d)).collect();
                    problems.extend(new);
                }
                Err(other) => return Err(other),
            }
        }
        if problems.is_empty() { Ok(parts) } else { Err(Error::Invalid(problems)) }
    }

    /// Returns the release of what was rendered, and its manifests; targets with the same files
    /// share one.
    fn assemble(
        &self,
        environment: &Environment,
        parts: &[Part],
    ) -> Result<(Release, BTreeMap<Digest, Arc<Manifest>>), Error> {
        let mut release = Release {
            project: self.project_name().to_owned(),
            environment: environment.name.clone(),
            config_path: environment.config_path.clone(),
            services: Services::new(),
            variables: environment.variables.clone(),
            target_variables: BTreeMap::new(),
            targets: BTreeMap::new(),
        };
        let mut manifests = BTreeMap::new();
        for part in parts {
            release.services.extend(part.output.services.clone());
            self.place(part, &mut release, &mut manifests)?;
        }
        Ok((release, manifests))
    }

    /// Gives each target of `part` its manifest; targets with the same services share one.
    fn place(
        &self,
        part: &Part,
        release: &mut Release,
        manifests: &mut BTreeMap<Digest, Arc<Manifest>>,
    ) -> Result<(), Error> {
        let Part { variant, output } = part;
        let mut by_services: BTreeMap<Vec<ServiceName>, Digest> = BTreeMap::new();
        for target in &variant.targets {
            let services = self.services_on(variant, target, &output.services);
            let digest = match by_services.get(&services) {
                Some(digest) => *digest,
                None => {
                    let manifest = manifest(&output.files, &services)?;
                    let digest = manifest.id();
                    manifests.insert(digest, Arc::new(manifest));
                    by_services.insert(services, digest);
                    digest
                }
            };
            release.targets.insert(target.id.clone(), digest);
            if !target.variables.is_empty() {
                release.target_variables.insert(target.id.clone(), target.variables.clone());
            }
        }
        Ok(())
    }

    fn project_name(&self) -> &str {
        self.project.as_ref().map_or("", |loaded| &loaded.project.name)
    }

    /// Returns the services that were rendered and run on `target`.
    fn services_on(
        &self,
        environment: &Environment,
        target: &Target,
        rendered: &Services,
    ) -> Vec<ServiceName> {
        let chosen = target.services.as_ref().or(environment.services.as_ref());
        let runs = |name: &&ServiceName| chosen.is_none_or(|chosen| chosen.contains(name));
        let is_single_file = |name: &&ServiceName| name.as_str() == "files";
        let of_project = self.project.as_ref().map(|loaded| &loaded.project.services);
        let declared = |name: &ServiceName| of_project.is_some_and(|all| all.contains_key(name));
        rendered
            .keys()
            .filter(|name| runs(name) || (is_single_file(name) && !declared(name)))
            .cloned()
            .collect()
    }

    fn objects_error(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> Error {
        Error::io(action, self.objects.path())
    }
}

fn manifest(files: &[FileEntry], services: &[ServiceName]) -> Result<Manifest, Error> {
    let here = files.iter().filter(|file| services.contains(&file.service)).cloned();
    Manifest::new(here.collect()).map_err(|conflict| {
        let problem = Diagnostic::error(conflict.to_string()).in_file(PROJECT_FILE);
        Error::invalid(problem.hint("give one of them another `path`"))
    })
}

fn warnings(output: &Output) -> Vec<String> {
    let empty = output
        .services
        .keys()
        .filter(|name| !output.files.iter().any(|file| file.service == **name));
    let empty = empty.map(|name| format!("service `{name}` has no files: its commands never run"));
    let open = output.files.iter().filter(|file| file.secret && file.mode.grants_others());
    let open = open.map(|file| {
        format!("{} holds a secret, and its mode {} lets everybody read it", file.path, file.mode)
    });
    empty.chain(open).chain(output.warnings.iter().cloned()).collect()
}
