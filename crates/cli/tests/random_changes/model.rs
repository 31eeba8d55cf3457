//! What a project says and what a target should then show, in the plainest terms.

use std::collections::{BTreeMap, BTreeSet};

use windlass_testing::{SplitMix64, TestProject, Tree};

pub(crate) const SERVICES: [&str; 2] = ["one", "two"];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const MODES: [u32; 6] = [0o400, 0o444, 0o600, 0o640, 0o644, 0o755];

/// A file that a target should show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    service: &'static str,
    plain: bool,
    mode: u32,
    bytes: Vec<u8>,
}

/// The files that a target should show.
pub(crate) type Wanted = BTreeMap<String, Entry>;

/// A file of the project.
struct Source {
    service: &'static str,
    mode: Option<u32>,
    executable: bool,
    content: Content,
}

enum Content {
    Copied(Vec<u8>),
    Substituted(usize),
}

/// The project, as something that changes.
pub(crate) struct Sources {
    files: BTreeMap<String, Source>,
    plain: [bool; 2],
    settings: BTreeMap<String, usize>,
    settings_path: &'static str,
    variables: [usize; 3],
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self {
            files: BTreeMap::new(),
            plain: [false, true],
            settings: BTreeMap::from([("start".to_owned(), 1)]),
            settings_path: "settings/app.yaml",
            variables: [1, 2, 3],
        }
    }

    /// Makes one random change.
    pub(crate) fn change(&mut self, random: &mut SplitMix64) {
        match random.below(12) {
            0..=3 => self.add(random),
            4 | 5 => self.edit(random, |file, random| file.content = content(random)),
            6 => self.edit(random, |file, random| {
                file.mode = random.chance(80).then(|| *random.pick(&MODES));
                file.executable = random.chance(50);
            }),
            7 => self
                .edit(random, |file, random| file.service = SERVICES[random.below(SERVICES.len())]),
            8 => drop(self.pick(random).and_then(|path| self.files.remove(&path))),
            9 => self.set(random),
            10 => self.variables[random.below(3)] = random.below(1000),
            _ => self.switch(random),
        }
    }

    /// Adds a file; one that stands where it needs a directory goes, and so does a directory that
    /// stands where it goes.
    fn add(&mut self, random: &mut SplitMix64) {
        let names: Vec<_> = (0..=random.below(3)).map(|_| *random.pick(&NAMES)).collect();
        let path = names.join("/");
        self.files.retain(|other, _| !is_below(other, &path) && !is_below(&path, other));
        let file = Source {
            service: SERVICES[random.below(SERVICES.len())],
            mode: random.chance(50).then(|| *random.pick(&MODES)),
            executable: random.chance(20),
            content: content(random),
        };
        self.files.insert(path, file);
    }

    fn edit(&mut self, random: &mut SplitMix64, edit: impl Fn(&mut Source, &mut SplitMix64)) {
        let picked = self.pick(random);
        if let Some(file) = picked.and_then(|path| self.files.get_mut(&path)) {
            edit(file, random);
        }
    }

    fn pick(&self, random: &mut SplitMix64) -> Option<String> {
        let paths: Vec<_> = self.files.keys().cloned().collect();
        (!paths.is_empty()).then(|| random.pick(&paths).clone())
    }

    fn set(&mut self, random: &mut SplitMix64) {
        let key = format!("key{}", random.below(6));
        if self.settings.remove(&key).is_none() || random.chance(60) {
            self.settings.insert(key, random.below(1000));
        }
    }

    /// Switches a layout, or turns the directory of the settings into a file and back.
    fn switch(&mut self, random: &mut SplitMix64) {
        match random.below(3) {
            2 if self.settings_path == "settings" => self.settings_path = "settings/app.yaml",
            2 => self.settings_path = "settings",
            service => self.plain[service] = !self.plain[service],
        }
    }

    /// Returns what a target should show of it.
    pub(crate) fn wanted(&self) -> Wanted {
        let plain = |service: &str| self.plain[usize::from(service == "two")];
        let entries = self.files.iter().map(|(path, file)| {
            let default = if file.executable { 0o755 } else { 0o644 };
            let bytes = match &file.content {
                Content::Copied(bytes) => bytes.clone(),
                Content::Substituted(nth) => format!("v = {}\n", self.variables[*nth]).into_bytes(),
            };
            let (service, mode) = (file.service, file.mode.unwrap_or(default));
            (path.clone(), Entry { service, plain: plain(service), mode, bytes })
        });
        let mut wanted: Wanted = entries.collect();
        let settings = self.settings.iter().map(|(key, value)| format!("{key}: {value}\n"));
        let bytes = settings.collect::<String>().into_bytes();
        let entry = Entry { service: "one", plain: plain("one"), mode: 0o640, bytes };
        wanted.insert(self.settings_path.to_owned(), entry);
        wanted
    }

    /// Writes it down.
    pub(crate) fn write(&self, project: &TestProject) {
        if project.at("src").exists() {
            project.remove("src");
        }
        for (path, file) in &self.files {
            let source = source_of(path);
            match &file.content {
                Content::Copied(bytes) => project.write(&source, bytes),
                Content::Substituted(nth) => project.write(&source, format!("v = ${{V{nth}}}\n")),
            };
            project.chmod(&source, if file.executable { 0o755 } else { 0o644 });
        }
        let settings = self.settings.iter().map(|(key, value)| format!("{key}: {value}\n"));
        project.write("app.yaml", settings.collect::<String>());
        project.write("windlass.toml", self.project_file());
    }

    fn project_file(&self) -> String {
        let services: String = SERVICES.iter().map(|service| self.service(service)).collect();
        let [v0, v1, v2] = self.variables;
        format!(
            r#"project = {{ name = "random", retain = 1000 }}
[config.app]
layers = ["app.yaml"]
{services}
[environments.staging]
type = "staging"
config_path = "/etc/random"
variables = {{ V0 = "{v0}", V1 = "{v1}", V2 = "{v2}" }}
targets = ["local:state/1", "local:state/2"]
"#
        )
    }

    fn service(&self, service: &str) -> String {
        let mut files: Vec<_> = self
            .files
            .iter()
            .filter(|(_, file)| file.service == service)
            .map(|(path, file)| file_line(path, file))
            .collect();
        if service == "one" {
            let path = self.settings_path;
            files.push(format!(
                r#"{{ config = "app", path = "{path}", format = "yaml", mode = "0640" }}"#
            ));
        }
        if files.is_empty() {
            return String::new();
        }
        let layout = if self.plain[usize::from(service == "two")] { "plain" } else { "linked" };
        format!(
            "[services.{service}]\nlayout = \"{layout}\"\non_change = 'echo \"$SERVICE\" >> \
             \"$TARGET_ROOT/reloads.log\"'\nfiles = [\n  {},\n]\n",
            files.join(",\n  ")
        )
    }
}

fn source_of(path: &str) -> String {
    format!("src/{}", path.replace('/', "+"))
}

fn file_line(path: &str, file: &Source) -> String {
    let render = match file.content {
        Content::Copied(_) => "copy",
        Content::Substituted(_) => "substitute",
    };
    let mode = file.mode.map(|mode| format!(", mode = \"{mode:04o}\"")).unwrap_or_default();
    let source = source_of(path);
    format!(r#"{{ source = "{source}", path = "{path}", render = "{render}"{mode} }}"#)
}

fn content(random: &mut SplitMix64) -> Content {
    if random.chance(40) {
        Content::Substituted(random.below(3))
    } else {
        let length = 1 + random.below(200);
        Content::Copied(random.bytes(length))
    }
}

pub(crate) fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

fn parents<'a>(paths: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let parents = |path: &'a String| path.match_indices('/').map(|(at, _)| path[..at].to_owned());
    paths.into_iter().flat_map(parents).collect()
}

/// The `config_path` of a target.
#[derive(Default)]
pub(crate) struct Site {
    live: Wanted,
    /// What a person put beside the files of the release.
    pub(crate) foreign: BTreeMap<String, Vec<u8>>,
    /// Files of the release that a person changed.
    pub(crate) drifted: BTreeSet<String>,
    /// Directories that Windlass made and the release needs.
    owned: BTreeSet<String>,
    /// Directories that are there for another reason.
    others: BTreeSet<String>,
}

impl Site {
    pub(crate) const fn live(&self) -> &Wanted {
        &self.live
    }

    /// Tells whether something that is not of the release stands where a file of `wanted` goes.
    pub(crate) fn obstructs(&self, wanted: &Wanted) -> bool {
        let mut others = self.foreign.keys().chain(&self.others);
        others.any(|other| wanted.keys().any(|path| path == other || is_below(other, path)))
    }

    /// Moves to `wanted` and returns the services that must be reloaded.
    pub(crate) fn go_to(&mut self, wanted: &Wanted) -> BTreeSet<&'static str> {
        let drifted = std::mem::take(&mut self.drifted);
        let changed = SERVICES.into_iter().filter(|service| {
            let of = |files: &Wanted| -> Wanted {
                let of = files.iter().filter(|(_, entry)| entry.service == *service);
                of.map(|(path, entry)| (path.clone(), entry.clone())).collect()
            };
            let (before, after) = (of(&self.live), of(wanted));
            let touched = drifted.iter().any(|path| after.contains_key(path));
            !after.is_empty() && (before != after || touched)
        });
        let changed = changed.collect();
        self.move_directories(&parents(wanted.keys()));
        self.live = wanted.clone();
        changed
    }

    fn move_directories(&mut self, needed: &BTreeSet<String>) {
        let kept = parents(self.foreign.keys().chain(&self.others));
        for path in std::mem::take(&mut self.owned) {
            if !needed.contains(&path) && kept.contains(&path) {
                self.others.insert(path);
            }
        }
        self.owned = needed.difference(&self.others).cloned().collect();
    }

    /// Takes note of a directory that a person removed with all that was in it.
    pub(crate) fn lose(&mut self, directory: &str) {
        let lost = |path: &String| path == directory || is_below(path, directory);
        self.foreign.retain(|path, _| !lost(path));
        self.others.retain(|path| !lost(path));
        self.drifted.extend(self.live.keys().filter(|path| lost(path)).cloned());
    }

    /// Returns the files that are there.
    pub(crate) fn tree(&self) -> Tree {
        let ours = self.live.iter().map(|(path, file)| (path, file.mode, &file.bytes));
        let theirs = self.foreign.iter().map(|(path, bytes)| (path, 0o644, bytes));
        ours.chain(theirs)
            .map(|(path, mode, bytes)| (path.clone(), (mode, bytes.clone())))
            .collect()
    }

    /// Returns the directories that are there.
    pub(crate) fn directories(&self) -> BTreeSet<String> {
        self.owned.union(&self.others).cloned().collect()
    }
}
