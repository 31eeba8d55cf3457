//! `.sops.yaml`: found, read, and changed in place.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use windlass_core::config::{Format, edit};
use windlass_sops::{CreationRules, Recipient, Rules};

use super::error::SecretsError;
use super::files;

/// The name that SOPS looks for.
pub const RULES_FILE: &str = ".sops.yaml";

/// A `.sops.yaml`: for whom files below its directory are.
#[derive(Debug, Clone)]
pub struct CreationRulesFile {
    /// Where it is.
    pub path: PathBuf,
    text: String,
    rules: CreationRules,
}

impl CreationRulesFile {
    /// Returns the `.sops.yaml` that is for `file`: the first one in its directory and those above it, up
    /// to `root`, or else to the root of the git repository.
    ///
    /// # Errors
    /// When it cannot be read, or says what cannot be followed.
    pub fn find(file: &Path, root: Option<&Path>) -> Result<Option<Self>, SecretsError> {
        let file = std::path::absolute(file).map_err(SecretsError::io("find", file))?;
        for directory in file.ancestors().skip(1) {
            if let Some(found) = Self::read(&directory.join(RULES_FILE))? {
                return Ok(Some(found));
            }
            if root == Some(directory) || directory.join(".git").exists() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Returns the `.sops.yaml` at `path`, if there is one.
    ///
    /// # Errors
    /// As [`CreationRulesFile::find`].
    pub fn read(path: &Path) -> Result<Option<Self>, SecretsError> {
        let Some(bytes) = files::read_if_there(path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| SecretsError::Refused {
            message: format!("{}: not UTF-8", path.display()),
            hint: "write it as UTF-8".to_owned(),
        })?;
        let rules = CreationRules::parse(&text).map_err(SecretsError::sops(path))?;
        Ok(Some(Self { path: path.to_owned(), text, rules }))
    }

    /// Returns the rules for `file`; nothing where none is for it.
    #[must_use]
    pub fn for_file(&self, file: &Path) -> Option<&Rules> {
        self.rules.for_path(&self.relative(file)?)
    }

    /// Returns whether a rule for some paths, not for all, is for `file`.
    pub(super) fn names(&self, file: &Path) -> bool {
        let Some(path) = self.relative(file) else { return false };
        let fits = |rule: &windlass_sops::CreationRule| {
            rule.path_regex.as_ref().is_none_or(|regex| regex.is_match(&path))
        };
        let rule = self.rules.rules().iter().find(|rule| fits(rule));
        rule.is_some_and(|rule| rule.path_regex.is_some())
    }

    /// Returns `file` as the rules name it: from the directory of `.sops.yaml`, with `/`.
    fn relative(&self, file: &Path) -> Option<String> {
        let directory = self.path.parent()?;
        let file = std::path::absolute(file).ok()?;
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let relative = file.strip_prefix(directory).map(Path::to_owned).or_else(|_| {
            let above = real(file.parent().unwrap_or(Path::new("/")));
            above
                .join(file.file_name().unwrap_or_default())
                .strip_prefix(real(directory))
                .map(Path::to_owned)
        });
        Some(relative.ok()?.to_string_lossy().into_owned())
    }

    /// Returns the text of the file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.rules().len()
    }

    /// Returns whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.rules().is_empty()
    }

    /// Returns the text of the file in which the rules that are for `files` have `added` and do not have
    /// `removed` among their recipients; comments and all else stay. It is the text as it is where
    /// they are so already.
    ///
    /// # Errors
    /// When recipients are not under `age` as a text or a list, or nobody would be left.
    pub fn with_recipients(
        &self,
        files: &[PathBuf],
        added: &[Recipient],
        removed: &[Recipient],
    ) -> Result<String, SecretsError> {
        let mut text = self.text.clone();
        for at in self.rules_of(files) {
            let known = &self.rules.rules()[at].rules.recipients;
            let mut after: Vec<_> =
                known.iter().filter(|one| !removed.contains(one)).cloned().collect();
            let new: Vec<_> = added.iter().filter(|one| !after.contains(one)).cloned().collect();
            after.extend(new);
            if after == *known {
                continue;
            }
            if after.is_empty() {
                return Err(self.refuse(at, "nobody would be left to read new files"));
            }
            text = self.with_age(&text, at, &after)?;
        }
        CreationRules::parse(&text).map_err(SecretsError::sops(&self.path))?;
        Ok(text)
    }

    fn rules_of(&self, files: &[PathBuf]) -> Vec<usize> {
        let rules = self.rules.rules();
        let rule = |file: &PathBuf| {
            let path = self.relative(file)?;
            rules
                .iter()
                .position(|rule| rule.path_regex.as_ref().is_none_or(|regex| regex.is_match(&path)))
        };
        let mut all: Vec<usize> = files.iter().filter_map(rule).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns `text` with `recipients` under `age` of the rule `at`, written as they are now: as one text
    /// with commas, or as a list.
    fn with_age(
        &self,
        text: &str,
        at: usize,
        recipients: &[Recipient],
    ) -> Result<String, SecretsError> {
        let names: Vec<String> = recipients.iter().map(ToString::to_string).collect();
        let key = format!("creation_rules.{at}.age");
        let name = self.path.display().to_string();
        let listed = Json::from(names.clone());
        let set = |value: &Json| edit::set(Format::Yaml, &name, text, &key, value);
        let is_list = self.age_is_list(at)?;
        let result = if is_list { set(&listed) } else { set(&Json::from(names.join(","))) };
        result.map_err(|diagnostic| self.refuse(at, &diagnostic.message))
    }

    fn age_is_list(&self, at: usize) -> Result<bool, SecretsError> {
        let document = windlass_core::config::parse(Format::Yaml, "", &self.text);
        let document = document.map_err(|_| self.refuse(at, "it cannot be edited in place"))?;
        let json = document.to_json();
        let age = &json["creation_rules"][at]["age"];
        match age {
            Json::Array(_) => Ok(true),
            Json::String(_) => Ok(false),
            _ => Err(self.refuse(at, "its recipients are not under `age`")),
        }
    }

    fn refuse(&self, at: usize, problem: &str) -> SecretsError {
        SecretsError::Refused {
            message: format!("{}: creation_rules[{at}]: {problem}", self.path.display()),
            hint: "edit the file by hand, then run the command again".to_owned(),
        }
    }
}
