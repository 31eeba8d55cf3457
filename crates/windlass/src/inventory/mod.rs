//! The inventories of environments: read from files, or from programs that list hosts.

mod beside;
mod program;

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::inventory::{self, Format, Inventory};
use windlass_core::project::Located;
use windlass_core::target::Target;

use crate::engine::Engine;
use crate::error::Error;
use crate::project::PROJECT_FILE;

/// The most bytes that an inventory, or a file of variables beside it, may have.
const MOST_BYTES: u64 = 16 << 20;

impl Engine {
    /// Returns `environment` with the hosts of its inventory as further targets. It is read once, and
    /// only for an environment that something is asked of: it may be a program that asks a cloud.
    pub(crate) async fn with_inventory(
        &self,
        environment: Environment,
    ) -> Result<Environment, Error> {
        let Some(project) = &self.project else { return Ok(environment) };
        let Some(file) = project.project.inventories.get(&environment.name) else {
            return Ok(environment);
        };
        let mut known = self.inventories.lock().await;
        let hosts = match known.get(&environment.name) {
            Some(hosts) => hosts.clone(),
            None => {
                let (hosts, warnings) = read(&project.root, file).await.map_err(Error::Invalid)?;
                let say = |warning: &Diagnostic| self.warn(&environment.name, told(warning));
                warnings.iter().for_each(say);
                known.insert(environment.name.clone(), hosts.clone());
                hosts
            }
        };
        joined(environment, hosts, file).map_err(Error::Invalid)
    }
}

fn told(warning: &Diagnostic) -> String {
    match (&warning.file, warning.position) {
        (Some(file), Some(at)) => format!("{file}:{}: {}", at.line, warning.message),
        (Some(file), None) => format!("{file}: {}", warning.message),
        (None, _) => warning.message.clone(),
    }
}

/// Returns the targets that the inventory says, and what is strange about it.
async fn read(
    root: &Path,
    file: &Located<String>,
) -> Result<(Vec<Target>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let path = root.join(&file.value);
    let unusable = |why: String| vec![file.error(PROJECT_FILE, why)];
    let cannot = |error: std::io::Error| unusable(format!("cannot read {}: {error}", file.value));
    let metadata = tokio::task::spawn_blocking({
        let path = path.clone();
        move || std::fs::metadata(path)
    });
    let metadata = metadata.await.map_err(|error| unusable(error.to_string()))?.map_err(cannot)?;
    if !metadata.is_file() {
        return Err(unusable(format!("{} is no file", file.value)));
    }
    let listed = match metadata.permissions().mode() & 0o111 != 0 {
        true => Some(program::list(&path, root).await.map_err(|why| {
            let hint = "an inventory that is no program must not be executable: chmod -x";
            vec![file.error(PROJECT_FILE, format!("{}: {why}", file.value)).hint(hint)]
        })?),
        false => None,
    };
    let (root, name) = (root.to_owned(), file.value.clone());
    let read = tokio::task::spawn_blocking(move || parse(&root, &name, listed)).await;
    read.map_err(|panic| unusable(panic.to_string()))?
}

fn parse(
    root: &Path,
    name: &str,
    listed: Option<String>,
) -> Result<(Vec<Target>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (text, format) = match listed {
        Some(text) => (text, Format::Json),
        None => (text_of(&root.join(name), name)?, Format::from_path(name)),
    };
    let mut inventory: Inventory = inventory::parse(&text, format, name)?;
    beside::add(&mut inventory, root, name)?;
    let read = inventory.targets()?;
    Ok((read.targets, read.warnings))
}

/// Returns the text of a file that messages call `name`.
fn text_of(path: &Path, name: &str) -> Result<String, Vec<Diagnostic>> {
    let wrong = |why: String| vec![Diagnostic::error(why).in_file(name)];
    let cannot = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("more than {MOST_BYTES} bytes")));
    }
    windlass_core::config::decode(name, bytes).map_err(|error| vec![error])
}

/// Returns the environment with further targets, none of which is another one.
fn joined(
    environment: Environment,
    hosts: Vec<Target>,
    file: &Located<String>,
) -> Result<Environment, Vec<Diagnostic>> {
    let targets = [environment.targets, hosts].concat();
    let (mut ids, mut places) = (BTreeMap::new(), BTreeMap::new());
    let mut problems = Vec::new();
    for target in &targets {
        let gateway = target.connection.jump.last().map(ToString::to_string).unwrap_or_default();
        let place = format!("{} {gateway}", target.address.place());
        let message = match (ids.insert(&target.id, ()), places.insert(place, &target.id)) {
            (Some(()), _) => format!("two targets are called `{}`", target.id),
            (None, Some(first)) => format!("targets `{first}` and `{}` are the same", target.id),
            (None, None) => continue,
        };
        let hint = "one is in `targets`, the other in the inventory: remove one of them";
        problems.push(file.error(PROJECT_FILE, message).hint(hint));
    }
    if problems.is_empty() { Ok(Environment { targets, ..environment }) } else { Err(problems) }
}
