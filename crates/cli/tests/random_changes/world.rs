//! A project, its two targets and their history, beside what they should be.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use windlass_testing::{SplitMix64, TestProject, Tree, Windlass};

use crate::model::{Site, Sources, Wanted};

/// A permission that no release has.
const BY_HAND: u32 = 0o611;

/// A deployment or a rollback that was done.
struct Done {
    id: String,
    before: Wanted,
    after: Wanted,
    undone: bool,
}

pub(crate) struct World {
    project: TestProject,
    windlass: Windlass,
    random: SplitMix64,
    sources: Sources,
    sites: [Site; 2],
    history: Vec<Done>,
    /// The deployments in effect, as places in `history`.
    in_effect: Vec<usize>,
    seed: u64,
    steps: usize,
    last: String,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (seed, steps, last) = (self.seed, self.steps, &self.last);
            eprintln!("seed {seed}, step {steps}: {last}");
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let project = TestProject::new();
        Self {
            windlass: project.windlass(env!("CARGO_BIN_EXE_windlass")),
            project,
            random: SplitMix64::new(seed),
            sources: Sources::new(),
            sites: Default::default(),
            history: Vec::new(),
            in_effect: Vec::new(),
            seed,
            steps: 0,
            last: String::new(),
        }
    }

    /// Does something at random and looks at what became of it.
    pub(crate) fn step(&mut self) {
        self.steps += 1;
        for nth in 0..2 {
            match self.random.below(10) {
                0 | 1 => self.meddle(nth),
                2 => self.add_foreign(nth),
                3 | 4 => self.remove_foreign(nth),
                _ => {}
            }
        }
        match self.random.below(10) {
            0..=4 => self.change_and_deploy(),
            5 => self.deploy(),
            6 | 7 => self.rollback_latest(),
            8 => self.rollback_one(),
            _ => self.return_to_one(),
        }
    }

    /// Takes everything back, one deployment at a time.
    pub(crate) fn end(&mut self) {
        for nth in 0..2 {
            while !self.sites[nth].foreign.is_empty() {
                self.remove_foreign(nth);
            }
        }
        while !self.in_effect.is_empty() {
            self.steps += 1;
            let undone = self.in_effect.len();
            self.rollback_latest();
            if self.in_effect.len() == undone {
                return;
            }
        }
    }

    fn change_and_deploy(&mut self) {
        for _ in 0..=self.random.below(5) {
            self.sources.change(&mut self.random);
        }
        self.sources.write(&self.project);
        self.deploy();
    }

    fn deploy(&mut self) {
        self.sources.write(&self.project);
        let wanted = self.sources.wanted();
        if let Some(record) = self.act(&["deploy", "staging"], &wanted) {
            let moved = self.note(&record, wanted);
            self.in_effect.extend(moved);
        }
    }

    fn rollback_latest(&mut self) {
        let Some(latest) = self.in_effect.last().copied() else {
            self.run(&["rollback", "staging"], 1);
            return;
        };
        let wanted = self.history[latest].before.clone();
        if let Some(record) = self.act(&["rollback", "staging"], &wanted) {
            let subject = &record["rollback_info"]["deployment"];
            assert_eq!(subject, self.history[latest].id.as_str());
            self.undo(&record, latest, wanted);
        }
    }

    fn rollback_one(&mut self) {
        let Some(nth) = self.any_done() else { return };
        let (id, wanted) = (self.history[nth].id.clone(), self.history[nth].before.clone());
        if self.history[nth].undone {
            self.run(&["rollback", &id], 1);
        } else if let Some(record) = self.act(&["rollback", &id], &wanted) {
            self.undo(&record, nth, wanted);
        }
    }

    fn return_to_one(&mut self) {
        let Some(nth) = self.any_done() else { return };
        let (id, wanted) = (self.history[nth].id.clone(), self.history[nth].after.clone());
        if let Some(record) = self.act(&["rollback", "staging", "--to", &id], &wanted) {
            match self.in_effect.iter().position(|done| *done == nth) {
                Some(at) => {
                    self.note(&record, wanted);
                    self.take_out(at + 1);
                }
                None => {
                    let moved = self.note(&record, wanted);
                    self.in_effect.extend(moved);
                }
            }
        }
    }

    fn any_done(&mut self) -> Option<usize> {
        let count = self.history.len();
        (count > 0).then(|| self.random.below(count))
    }

    /// Takes note of a rollback of `subject`.
    fn undo(&mut self, record: &Value, subject: usize, wanted: Wanted) {
        let moved = self.note(record, wanted);
        match self.in_effect.iter().position(|done| *done == subject) {
            Some(at) => self.take_out(at),
            None => self.in_effect.extend(moved),
        }
    }

    fn take_out(&mut self, from: usize) {
        for undone in self.in_effect.split_off(from) {
            self.history[undone].undone = true;
        }
    }

    /// Adds to the history and returns the place there if a target now holds another release.
    fn note(&mut self, record: &Value, after: Wanted) -> Option<usize> {
        let before = self.history.last().map(|done| done.after.clone()).unwrap_or_default();
        let id = record["deployment_id"].as_str().expect("a record has an id").to_owned();
        self.history.push(Done { id, before, after, undone: false });
        let targets = record["targets"].as_array().expect("a record has targets");
        let moved = targets.iter().any(|target| target["from"] != target["release"]);
        moved.then(|| self.history.len() - 1)
    }

    /// Runs what should make both targets show `wanted` and returns its record, or nothing where
    /// something of somebody else's is in the way and it was refused.
    fn act(&mut self, arguments: &[&str], wanted: &Wanted) -> Option<Value> {
        if self.sites.iter().any(|site| site.obstructs(wanted)) {
            let before = self.trees();
            let refused = self.run(arguments, 1);
            assert_eq!(refused["error"]["kind"], "obstructed", "{refused}");
            assert!(before == self.trees(), "what was refused changed something");
            return None;
        }
        let record = self.run(arguments, 0);
        for nth in 0..2 {
            let reloads = self.sites[nth].go_to(wanted);
            self.verify(nth, &reloads);
        }
        Some(record)
    }

    fn run(&mut self, arguments: &[&str], code: i32) -> Value {
        self.last = arguments.join(" ");
        let arguments: Vec<_> = arguments.iter().copied().chain(["--output", "json"]).collect();
        self.windlass.run(&arguments).code(code).json()
    }

    fn verify(&self, nth: usize, reloads: &BTreeSet<&str>) {
        let site = &self.sites[nth];
        let difference = site.tree().difference(&Tree::read(self.config_path(nth)));
        assert!(difference.is_empty(), "target {}:\n{difference}", nth + 1);
        let mut directories = BTreeSet::new();
        find_directories(&self.config_path(nth), "", &mut directories);
        assert_eq!(directories, site.directories(), "directories of target {}", nth + 1);
        let log = self.project.at(format!("state/{}/reloads.log", nth + 1));
        let reloaded = fs::read_to_string(&log).unwrap_or_default();
        let reloads: Vec<_> = reloads.iter().copied().collect();
        assert_eq!(reloaded.lines().collect::<Vec<_>>(), reloads, "reloads of target {}", nth + 1);
        let _ = fs::remove_file(log);
    }

    fn trees(&self) -> [Tree; 2] {
        [0, 1].map(|nth| Tree::read(self.config_path(nth)))
    }

    fn config_path(&self, nth: usize) -> PathBuf {
        self.project.at(format!("state/{}/etc/random", nth + 1))
    }

    /// Changes a file of the release by hand.
    fn meddle(&mut self, nth: usize) {
        let paths: Vec<_> = self.sites[nth].live().keys().cloned().collect();
        if paths.is_empty() {
            return;
        }
        let path = self.random.pick(&paths).clone();
        let file = self.config_path(nth).join(&path);
        match self.random.below(5) {
            0 if file.exists() => fs::write(&file, "changed by hand").expect("it is writable"),
            1 if file.exists() => {
                fs::set_permissions(&file, fs::Permissions::from_mode(BY_HAND))
                    .expect("it is ours");
            }
            2 if file.exists() => {
                fs::remove_file(&file).expect("it is there");
                fs::write(&file, "put there by hand").expect("the directory is there");
            }
            3 if path.contains('/') => return self.remove_directory(nth, &path),
            _ => drop(fs::remove_file(&file)),
        }
        self.sites[nth].drifted.insert(path);
    }

    fn remove_directory(&mut self, nth: usize, path: &str) {
        let (directory, _) = path.split_once('/').expect("the path has a directory");
        let _ = fs::remove_dir_all(self.config_path(nth).join(directory));
        self.sites[nth].lose(directory);
    }

    /// Puts a file beside those of the release.
    fn add_foreign(&mut self, nth: usize) {
        let directories: Vec<_> = self.sites[nth].directories().into_iter().collect();
        let name = format!("foreign-{}", self.steps);
        let path = match directories.as_slice() {
            [_, ..] if self.random.chance(70) => {
                format!("{}/{name}", self.random.pick(&directories))
            }
            _ => name,
        };
        let bytes = self.random.bytes(20);
        // The directory may have been removed by hand, and the first deployment is still to come.
        let file = self.config_path(nth).join(&path);
        if fs::write(&file, &bytes).is_ok() {
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
            self.sites[nth].foreign.insert(path, bytes);
        }
    }

    fn remove_foreign(&mut self, nth: usize) {
        if let Some((path, _)) = self.sites[nth].foreign.pop_first() {
            fs::remove_file(self.config_path(nth).join(path)).expect("it is there");
        }
    }
}

fn find_directories(directory: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let entry = entry.expect("the directory can be read");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        if name == ".windlass" || !entry.file_type().expect("it is there").is_dir() {
            continue;
        }
        let path = format!("{prefix}{name}");
        find_directories(&entry.path(), &format!("{path}/"), found);
        found.insert(path);
    }
}
