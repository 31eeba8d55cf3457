//! Choosing targets: `--target 'web*'`, `--target 'web[1:3],!web2'`, `--group eu`.

mod glob;
mod pattern;

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, nearest};
use crate::target::{GroupName, Target, TargetId};

use glob::Glob;
use pattern::{InvalidPattern, Pattern};

/// How many names a word is compared with to find the one that was meant.
const MOST_NAMES: usize = 10_000;
/// How many names a message lists.
const LISTED: usize = 10;
/// How many comparisons of names with patterns one argument may take.
const MOST_COMPARISONS: usize = 20_000_000;

/// Which targets of an environment are meant: those in one of the groups and, of these, those that a
/// pattern names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    targets: Vec<String>,
    groups: Vec<String>,
}

/// One item of `--target`.
struct Item<'a> {
    text: &'a str,
    excluded: bool,
}

impl Selection {
    /// Returns the selection that the arguments of `--target` and `--group` say. Each may be several,
    /// with commas between them.
    ///
    /// A target is named by its id; by a pattern in which `*` is anything, `?` a character, and
    /// `[abc]`, `[a-c]` and `[!abc]` one of, or one that is none of, some characters; or by a range,
    /// `web[01:50]`, of which every target must exist. `!` before any of them takes it out. Without a
    /// pattern that is not taken out, all targets are meant. The id of a target always means that target,
    /// whatever characters it has.
    #[must_use]
    pub fn new(targets: Vec<String>, groups: Vec<String>) -> Self {
        Self { targets, groups }
    }

    /// Tells whether nothing was chosen, and so everything is meant.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.targets.is_empty() && self.groups.is_empty()
    }

    /// Returns the ids that are meant, at least one, in the order of `targets`.
    ///
    /// # Errors
    /// Every pattern and group that means nothing, with what was probably meant; or that nothing is left.
    pub fn choose(&self, targets: &[Target]) -> Result<Vec<TargetId>, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let within = self.within_groups(targets, &mut problems);
        let ids: HashSet<&str> = within.iter().map(|target| target.id.as_str()).collect();
        let mut chooser = Chooser { all: targets, within: &within, ids, problems };
        let (mut taken, mut left_out) = (HashSet::new(), HashSet::new());
        let items: Vec<Item<'_>> =
            self.targets.iter().flat_map(|text| chooser.items(text)).collect();
        let everything = items.iter().all(|item| item.excluded);
        for item in &items {
            let set = if item.excluded { &mut left_out } else { &mut taken };
            set.extend(chooser.matches(item.text));
        }
        let meant = |id: &str| (everything || taken.contains(id)) && !left_out.contains(id);
        let chosen = within.iter().filter(|target| meant(target.id.as_str()));
        let chosen: Vec<TargetId> = chosen.map(|target| target.id.clone()).collect();
        let mut problems = chooser.problems;
        if chosen.is_empty() && problems.is_empty() {
            problems.push(Diagnostic::error("no target is left to be chosen"));
        }
        if problems.is_empty() { Ok(chosen) } else { Err(problems) }
    }

    /// Returns the targets in one of the groups, or all without a group.
    fn within_groups<'t>(
        &self,
        targets: &'t [Target],
        problems: &mut Vec<Diagnostic>,
    ) -> Vec<&'t Target> {
        let groups = || targets.iter().flat_map(|target| &target.groups).map(GroupName::as_str);
        let known: HashSet<&str> = groups().chain(["all"]).collect();
        let named = self.groups.iter().flat_map(|text| {
            if known.contains(text.as_str()) { vec![text.as_str()] } else { split(text) }
        });
        let named: HashSet<&str> = named.collect();
        for group in &named {
            if !known.contains(group) {
                let mut names: Vec<&str> =
                    known.iter().copied().filter(|name| *name != "all").collect();
                names.sort_unstable();
                problems.push(unknown(
                    &format!("no group is called `{}`", shown(group)),
                    group,
                    &names,
                ));
            }
        }
        problems.sort_by(|a, b| a.message.cmp(&b.message));
        let all = named.is_empty() || named.contains("all");
        let inside =
            |target: &&Target| target.groups.iter().any(|group| named.contains(group.as_str()));
        targets.iter().filter(|target| all || inside(target)).collect()
    }
}

struct Chooser<'t> {
    all: &'t [Target],
    within: &'t [&'t Target],
    ids: HashSet<&'t str>,
    problems: Vec<Diagnostic>,
}

impl<'t> Chooser<'t> {
    fn items<'a>(&self, text: &'a str) -> Vec<Item<'a>> {
        let item = |text: &'a str| match text.strip_prefix('!') {
            Some(rest) if !self.ids.contains(text) => Item { text: rest.trim(), excluded: true },
            _ => Item { text, excluded: false },
        };
        let bare = text.strip_prefix('!').unwrap_or(text);
        if self.ids.contains(text) || self.ids.contains(bare) {
            return vec![item(text)];
        }
        split(text).into_iter().map(item).collect()
    }

    /// Returns the ids that `text` means; that it means none is reported.
    fn matches(&mut self, text: &str) -> Vec<&'t str> {
        if let Some(id) = self.ids.get(text) {
            return vec![id];
        }
        let found = match Pattern::parse(text) {
            Ok(Pattern::Name) => Vec::new(),
            Ok(Pattern::Glob(glob)) => self.matching(&glob),
            Ok(Pattern::Names(names)) => return self.range(text, &names),
            Err(error) => {
                self.invalid(text, &error);
                return Vec::new();
            }
        };
        if found.is_empty() {
            self.nothing(text);
        }
        found
    }

    fn matching(&self, glob: &Glob) -> Vec<&'t str> {
        let ids = self.within.iter().map(|target| target.id.as_str());
        ids.filter(|id| glob.matches(id)).collect()
    }

    /// Returns the ids that the names of a range mean: each name must mean one.
    fn range(&mut self, text: &str, names: &[String]) -> Vec<&'t str> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        let effort = names.len().saturating_mul(self.within.len());
        if names.iter().any(|name| Glob::is_one(name)) && effort > MOST_COMPARISONS {
            self.invalid(text, &InvalidPattern::TooMany);
            return found;
        }
        for name in names {
            let matching = match Glob::parse(name) {
                Some(glob) if Glob::is_one(name) => self.matching(&glob),
                _ => self.ids.get(name.as_str()).copied().into_iter().collect(),
            };
            if matching.is_empty() {
                missing.push(name.as_str());
            }
            found.extend(matching);
        }
        if missing.len() == names.len() {
            self.nothing(text);
        } else if !missing.is_empty() {
            let message = format!("`{}` names targets that are not there", shown(text));
            let hint = format!("missing: {}", listed(&missing));
            self.problems.push(Diagnostic::error(message).hint(hint));
        }
        found
    }

    fn invalid(&mut self, text: &str, error: &InvalidPattern) {
        let message = format!("pattern `{}` {error}", shown(text));
        self.problems.push(Diagnostic::error(message));
    }

    /// Reports that `text` means nothing, with why that may be.
    fn nothing(&mut self, text: &str) {
        let message = format!("no target matches `{}`", shown(text));
        let is_group = |target: &Target| target.groups.iter().any(|group| group.as_str() == text);
        let problem = if self.all.iter().any(|target| target.id.as_str() == text) {
            Diagnostic::error(message).hint("there is one, in none of the chosen groups")
        } else if self.all.iter().any(is_group) {
            Diagnostic::error(message).hint(format!("to mean the group, write `--group {text}`"))
        } else {
            let names: Vec<&str> = self.within.iter().map(|target| target.id.as_str()).collect();
            unknown(&message, text, &names)
        };
        self.problems.push(problem);
    }
}

/// Returns an error with the nearest of `names`, or some of them.
fn unknown(message: &str, word: &str, names: &[&str]) -> Diagnostic {
    let short = word.len() <= 255;
    let candidates = names.iter().copied().take(if short { MOST_NAMES } else { 0 });
    let hint = match nearest(word, candidates) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "there is none".to_owned(),
        None => format!("known are {}", listed(names)),
    };
    Diagnostic::error(message).hint(hint)
}

fn listed(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(LISTED).map(|name| shown(name)).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Returns what is between the commas that are not in brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let items = text.split(move |c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    items.map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
