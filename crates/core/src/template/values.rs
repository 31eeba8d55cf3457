//! Variables of which some are secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::TemplateError;
use super::substitute::{Variables, substitute, substitute_noting, substitute_traced};
use crate::config::MASK;
use crate::diagnostic::Diagnostic;
use crate::secret::Secrets;
use crate::trace::Traced;

/// What `${KEY}` becomes: plain values, and secrets by their variable names.
#[derive(Debug, Clone, Default)]
pub struct Values {
    plain: BTreeMap<String, String>,
    secrets: Arc<Secrets>,
}

/// A text with its variables replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct Substituted<'t> {
    /// The text.
    pub text: Cow<'t, str>,
    /// Whether a secret decided any of it, so that it may not be shown. That is so too where only
    /// its being there did (`${TOKEN:+on}`), and the text does not hold it.
    pub secret: bool,
}

impl Values {
    /// Returns `plain` values and `secrets` as one.
    ///
    /// # Errors
    /// One for each name that is both: no one could tell which is meant.
    pub fn new(
        plain: BTreeMap<String, String>,
        secrets: Arc<Secrets>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let both = secrets.variables().filter(|(variable, _)| plain.contains_key(*variable));
        let problems: Vec<_> = both
            .map(|(variable, name)| {
                let message =
                    format!("`${{{variable}}}` is both a variable and the secret `{name}`");
                Diagnostic::error(message).hint("rename the variable or the secret")
            })
            .collect();
        if problems.is_empty() { Ok(Self { plain, secrets }) } else { Err(problems) }
    }

    /// Returns `plain` values without any secret.
    #[must_use]
    pub fn plain(plain: BTreeMap<String, String>) -> Self {
        Self { plain, secrets: Arc::default() }
    }

    /// Returns the same with `more` values, which need not be secrets' names, where they are not set.
    ///
    /// # Errors
    /// As [`Values::new`].
    pub fn with(
        &self,
        more: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut plain = self.plain.clone();
        for (name, value) in more {
            plain.entry(name).or_insert(value);
        }
        Self::new(plain, Arc::clone(&self.secrets))
    }

    /// Returns the values that are not secret.
    #[must_use]
    pub const fn variables(&self) -> &BTreeMap<String, String> {
        &self.plain
    }

    /// Returns the secrets.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Returns `text` with each variable replaced, and whether that made it secret.
    ///
    /// # Errors
    /// As [`substitute`]; a secret that is no text cannot be substituted.
    pub fn substitute<'t>(&self, text: &'t str) -> Result<Substituted<'t>, Vec<TemplateError>> {
        let mut secret = false;
        let mut note = |name: &str| secret |= self.secrets.by_variable(name).is_some();
        let text = substitute_noting(text, &All(self), &mut note)?;
        Ok(Substituted { text, secret })
    }

    /// Returns `text` with [`MASK`] in place of each secret: for showing.
    ///
    /// # Errors
    /// As [`Values::substitute`].
    pub fn masked<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Vec<TemplateError>> {
        substitute(text, &Masked(self))
    }

    /// Returns what [`Values::substitute`] returns, with which variable filled which part of it; and
    /// the same of [`Values::masked`], where a secret went into it.
    ///
    /// # Errors
    /// As [`Values::substitute`].
    pub fn traced(&self, text: &str) -> Result<(Traced, Option<Traced>), Vec<TemplateError>> {
        let traced = substitute_traced(text, &All(self))?;
        let is_secret = self.substitute(text)?.secret;
        let masked = is_secret.then(|| substitute_traced(text, &Masked(self))).transpose()?;
        Ok((traced, masked))
    }

    /// Returns `text`, a path or anything else that is shown, with its variables replaced.
    ///
    /// # Errors
    /// As [`substitute`]; a secret has no place there.
    pub fn substitute_openly<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, Vec<TemplateError>> {
        substitute(text, &Open(self))
    }

    /// Returns the values as `.j2` templates see them: each under its own name, and all secrets that
    /// are text as the tree `secrets` (`secrets.database.password`), unless another value has that
    /// name. With `masked`, [`MASK`] stands in place of each secret.
    #[must_use]
    pub fn data(&self, masked: bool) -> Map<String, Json> {
        let mut data = Map::new();
        let mut tree = Json::Object(Map::new());
        for (name, secret) in self.secrets.iter() {
            let Some(text) = secret.expose_text() else { continue };
            let value = if masked { MASK } else { text };
            data.insert(name.variable(), value.into());
            plant(&mut tree, &name.segments(), value);
        }
        if !self.secrets.is_empty() {
            data.insert("secrets".to_owned(), with_lists(tree));
        }
        data.extend(self.plain.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
        data
    }

    fn names(&self) -> Vec<&str> {
        let secrets = self.secrets.variables().map(|(variable, _)| variable);
        self.plain.keys().map(String::as_str).chain(secrets).collect()
    }
}

/// Puts `value` below `tree` where `segments` lead.
fn plant(tree: &mut Json, segments: &[Cow<'_, str>], value: &str) {
    let (Some((first, rest)), Json::Object(map)) = (segments.split_first(), tree) else { return };
    let child = map.entry(first.as_ref()).or_insert_with(|| Json::Object(Map::new()));
    match rest {
        [] => *child = value.into(),
        rest => plant(child, rest, value),
    }
}

/// Returns `tree` with a list in place of each map whose keys are 0, 1, 2….
fn with_lists(tree: Json) -> Json {
    let Json::Object(map) = tree else { return tree };
    let mut map: Map<_, _> = map.into_iter().map(|(key, child)| (key, with_lists(child))).collect();
    let is_list = !map.is_empty() && (0..map.len()).all(|at| map.contains_key(&at.to_string()));
    if is_list {
        return (0..map.len()).filter_map(|at| map.remove(&at.to_string())).collect();
    }
    Json::Object(map)
}

/// Everything, secrets in the clear.
struct All<'v>(&'v Values);

impl Variables for All<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let secret = || self.0.secrets.by_variable(name)?.1.expose_text();
        self.0.plain.get(name).map(String::as_str).or_else(secret)
    }

    fn names(&self) -> Vec<&str> {
        self.0.names()
    }

    fn refusal(&self, name: &str) -> Option<String> {
        let (name, secret) = self.0.secrets.by_variable(name)?;
        let is_binary = secret.expose_text().is_none();
        is_binary.then(|| format!("secret `{name}` is not UTF-8 text: it cannot be substituted"))
    }
}

/// Everything, masks in place of secrets.
struct Masked<'v>(&'v Values);

impl Variables for Masked<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let mask = || self.0.secrets.by_variable(name).map(|_| MASK);
        self.0.plain.get(name).map(String::as_str).or_else(mask)
    }

    fn names(&self) -> Vec<&str> {
        self.0.names()
    }
}

/// Plain values; to use a secret is an error.
struct Open<'v>(&'v Values);

impl Variables for Open<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.plain.get(name).map(String::as_str)
    }

    fn names(&self) -> Vec<&str> {
        self.0.plain.keys().map(String::as_str).collect()
    }

    fn refusal(&self, name: &str) -> Option<String> {
        let (name, _) = self.0.secrets.by_variable(name)?;
        Some(format!("secret `{name}` has no place here: paths, URLs and versions are shown"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, SecretName};

    fn values() -> Values {
        let secrets = [
            ("TOKEN", b"hunter2 ${HOST} {{ x }}".to_vec()),
            ("EMPTY", Vec::new()),
            ("db.password", b"s3cr3t".to_vec()),
            ("BINARY", vec![0xff, 0]),
        ];
        let named = secrets
            .map(|(name, value)| (SecretName::new(name).expect("a name"), Secret::new(value)));
        let plain = BTreeMap::from([("HOST".to_owned(), "db".to_owned())]);
        Values::new(plain, Arc::new(Secrets::new(named).expect("told apart")))
            .expect("no collision")
    }

    fn is_secret(text: &str) -> bool {
        values().substitute(text).expect(text).secret
    }

    #[test]
    fn a_secret_that_decides_anything_makes_the_text_secret() {
        for text in [
            "${TOKEN}",
            "$TOKEN",
            "${db__password}",
            "${TOKEN:+on}",
            "${EMPTY:-x}",
            "${NO:-$TOKEN}",
        ] {
            assert!(is_secret(text), "{text}");
        }
        for text in ["${HOST}", "plain", "$$TOKEN", "${HOST:-$TOKEN}", "${HOST:+on}", "$TOKENS"] {
            assert!(!is_secret(text), "{text}");
        }
    }

    #[test]
    fn a_secret_is_substituted_once_and_masked_where_it_is_shown() {
        let values = values();
        let text = "${HOST}:${TOKEN}:${db__password}";
        let substituted = values.substitute(text).expect("valid");
        assert_eq!(substituted.text, "db:hunter2 ${HOST} {{ x }}:s3cr3t");
        assert_eq!(values.masked(text).expect("valid"), "db:<secret>:<secret>");
    }

    #[test]
    fn errors_name_secrets_and_never_quote_them() {
        let errors = values().substitute("${TOKEN:?}\n${BINARY} $BINARY ${BINARY:-x}\n${TOKE}");
        let errors = errors.err().expect("four are wrong");
        let said: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        let binary = "secret `BINARY` is not UTF-8 text: it cannot be substituted";
        assert_eq!(said, [binary, binary, binary, "variable `TOKE` is not set"]);
        assert_eq!(errors[3].hint.as_deref(), Some("did you mean `TOKEN`?"));
        assert_eq!(
            (errors[0].position.line, errors[0].position.column, errors[0].width),
            (2, 3, 6)
        );
        assert!(!format!("{errors:?}").contains("hunter2"));
    }

    #[test]
    fn templates_see_secrets_by_both_their_names() {
        let secrets = ["a.b", "list.0", "list.1", "TOP"]
            .map(|name| (SecretName::new(name).expect("a name"), Secret::new(format!("<{name}>"))));
        let secrets = Arc::new(Secrets::new(secrets).expect("told apart"));
        let values = Values::new(BTreeMap::new(), secrets).expect("no collision");
        let expected = serde_json::json!({
            "a__b": "<a.b>", "list__0": "<list.0>", "list__1": "<list.1>", "TOP": "<TOP>",
            "secrets": {"a": {"b": "<a.b>"}, "list": ["<list.0>", "<list.1>"], "TOP": "<TOP>"},
        });
        assert_eq!(Json::Object(values.data(false)), expected);
        assert!(!format!("{:?}", values.data(true)).contains("<a.b>"));
        assert!(Values::default().data(false).is_empty());
    }

    #[test]
    fn a_path_holds_no_secret() {
        let values = values();
        assert_eq!(values.substitute_openly("env/${HOST}.yaml").expect("valid"), "env/db.yaml");
        let errors = values.substitute_openly("env/$TOKEN.yaml").expect_err("a secret");
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.starts_with("secret `TOKEN` has no place here"));
    }

    #[test]
    fn a_name_that_is_both_is_an_error_naming_both() {
        let problems = values().with([("db__password".to_owned(), "x".to_owned())]);
        let problems = problems.expect_err("both");
        assert_eq!(
            problems[0].message,
            "`${db__password}` is both a variable and the secret `db.password`"
        );
        assert!(values().with([("HOST".to_owned(), "other".to_owned())]).is_ok());
    }
}
