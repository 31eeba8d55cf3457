//! `group_vars` and `host_vars` beside an inventory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use windlass_core::diagnostic::Diagnostic;
use windlass_core::inventory::{Inventory, Owner};

use super::text_of;

/// How a file of variables may end, the first that is there being the one.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// How deep directories of variables may lie in each other.
const DEEPEST: usize = 8;

/// Adds the variables that lie beside the inventory called `name`, below `root`.
///
/// # Errors
/// Everything that is wrong in all of the files.
pub(super) fn add(
    inventory: &mut Inventory,
    root: &Path,
    name: &str,
) -> Result<(), Vec<Diagnostic>> {
    let directory = Path::new(name).parent().unwrap_or(Path::new(""));
    let groups: Vec<String> = inventory.groups().map(ToString::to_string).collect();
    let hosts: Vec<String> = inventory.hosts().map(str::to_owned).collect();
    let mut problems = Vec::new();
    for (names, kind) in [(&groups, "group_vars"), (&hosts, "host_vars")] {
        let finder = Finder::new(root, directory.join(kind))?;
        for owner in names {
            let who = if kind == "group_vars" { Owner::Group(owner) } else { Owner::Host(owner) };
            for file in finder.files(owner)? {
                let label = file.display().to_string();
                let added = text_of(&root.join(&file), &label)
                    .and_then(|text| inventory.add_file(who, &label, &text));
                problems.extend(added.err().into_iter().flatten());
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Finds files in one directory, which is listed once.
struct Finder<'a> {
    root: &'a Path,
    directory: PathBuf,
    names: BTreeSet<String>,
}

impl<'a> Finder<'a> {
    fn new(root: &'a Path, directory: PathBuf) -> Result<Self, Vec<Diagnostic>> {
        let names = listed(root, &directory)?;
        Ok(Self { root, directory, names })
    }

    /// Returns the files that hold the variables of `owner`, in the order in which they count.
    fn files(&self, owner: &str) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
        let found = ENDINGS.iter().map(|ending| format!("{owner}{ending}"));
        let Some(found) = found.into_iter().find(|name| self.names.contains(name)) else {
            return Ok(Vec::new());
        };
        let path = self.directory.join(found);
        match self.root.join(&path).is_dir() {
            true => within(self.root, &path, DEEPEST),
            false => Ok(vec![path]),
        }
    }
}

/// Returns the files of variables in a directory, by name, those of directories in it among them.
fn within(root: &Path, directory: &Path, deepest: usize) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
    if deepest == 0 {
        let message = format!("directories lie in each other, more than {DEEPEST} of them");
        return Err(vec![Diagnostic::error(message).in_file(directory.display().to_string())]);
    }
    let mut files = Vec::new();
    for name in listed(root, directory)? {
        let path = directory.join(&name);
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if root.join(&path).is_dir() {
            files.extend(within(root, &path, deepest - 1)?);
        } else if is_variables(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_variables(path: &Path) -> bool {
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    extension.is_none_or(|extension| ENDINGS.contains(&extension.as_str()))
}

/// Returns the names in a directory; none where there is no such directory, or of no text.
fn listed(root: &Path, directory: &Path) -> Result<BTreeSet<String>, Vec<Diagnostic>> {
    let cannot = |error: std::io::Error| {
        let message = format!("cannot be read: {error}");
        vec![Diagnostic::error(message).in_file(directory.display().to_string())]
    };
    let entries = match std::fs::read_dir(root.join(directory)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(cannot(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.extend(entry.map_err(cannot)?.file_name().into_string());
    }
    Ok(names)
}
