//! `.j2` templates.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Template, UndefinedBehavior, Value,
    escape_formatter,
};

use super::{TemplateError, filters, operators, tracked};
use crate::diagnostic::{Position, nearest};

/// How many instructions a template may execute: a second or so.
pub(super) const MAX_STEPS: u64 = 5_000_000;

/// How many bytes a template may write, into its output and into captures together.
const MAX_WRITTEN: usize = 64 << 20;

/// The data of templates, converted once for as many renderings as there are.
#[derive(Clone)]
pub struct Context(pub(super) Value);

impl Context {
    /// Returns `data` as templates see it: the keys of the map are their variables.
    #[must_use]
    pub fn new(data: &serde_json::Value) -> Self {
        Self(Value::from(Serde(data)))
    }

    /// Does the same for data that hold secrets: `masked` is `data` with something else in their
    /// place. [`Jinja::render_noting`] then tells whether one was asked for.
    #[must_use]
    pub fn hiding(data: &serde_json::Value, masked: &serde_json::Value) -> Self {
        Self(tracked::tracked(data, masked))
    }
}

/// Shows no data: there may be secrets in it.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// Renders `.j2` templates: Jinja as Ansible sets it up.
///
/// A variable that is not defined is an error; nothing is escaped; a newline after a block tag goes
/// (`trim_blocks`), space before it stays (no `lstrip_blocks`), and so does the newline at the end;
/// a null prints nothing. Values are never expanded again. `{% include %}`, `{% import %}` and
/// `{% extends %}` see the partials only, never a file. A template that does not end, or that
/// writes more than 64 MiB, is stopped.
#[derive(Debug, Clone)]
pub struct Jinja {
    pub(super) environment: Environment<'static>,
    partials: Arc<BTreeMap<String, String>>,
}

impl Default for Jinja {
    fn default() -> Self {
        Self::new()
    }
}

impl Jinja {
    /// Returns a renderer whose templates can include nothing.
    #[must_use]
    pub fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Its debug output prints variables, and those may be secrets.
        environment.set_debug(false);
        environment.remove_global("debug");
        environment.set_fuel(Some(MAX_STEPS));
        environment.set_syntax(syntax());
        filters::add_to(&mut environment);
        operators::add_to(&mut environment);
        Self { environment, partials: Arc::default() }
    }

    /// Returns a renderer whose templates can include `partials`, by name.
    ///
    /// # Errors
    /// The syntax error of each partial that has one.
    pub fn with_partials(partials: BTreeMap<String, String>) -> Result<Self, Vec<TemplateError>> {
        let mut jinja = Self::new();
        jinja.partials = Arc::new(partials);
        let mut errors = Vec::new();
        for (name, text) in jinja.partials.iter() {
            if let Err(error) = jinja.environment.add_template_owned(name.clone(), text.clone()) {
                let error = describe(&error, text);
                errors.push(TemplateError { partial: Some(name.clone()), ..error });
            }
        }
        if errors.is_empty() { Ok(jinja) } else { Err(errors) }
    }

    /// Returns `text` rendered with `data`; `name` tells it from the partials, and so may not be the
    /// name of one.
    ///
    /// # Errors
    /// The first thing that is wrong; what follows it depends on it.
    pub fn render(&self, name: &str, text: &str, data: &Context) -> Result<String, TemplateError> {
        let mut environment = self.environment.clone();
        let written = Arc::new(AtomicUsize::new(0));
        environment.set_formatter(move |out, state, value| print(out, state, value, &written));
        let template = environment
            .template_from_named_str(name, text)
            .map_err(|error| describe(&error, text))?;
        let mut output = Limited(Vec::with_capacity(text.len()));
        let rendered = if operators::are_in(&template) {
            operators::render(&environment, (name, text), syntax(), data.0.clone(), &mut output)
        } else {
            template.render_captured_to(data.0.clone(), &mut output).map(drop)
        };
        rendered.map_err(|error| self.explain(&error, &template, data))?;
        Ok(String::from_utf8(output.0).expect("a template is text, and so is every value"))
    }

    /// Returns `text` rendered with `data`, as [`Jinja::render`] does, and whether it asked for any of
    /// the secrets in it: to print it, to compare it or to see whether it is there. A value that no
    /// branch taken asked for does not count.
    ///
    /// # Errors
    /// As [`Jinja::render`].
    pub fn render_noting(
        &self,
        name: &str,
        text: &str,
        data: &Context,
    ) -> Result<(String, bool), TemplateError> {
        let (rendered, asked) = tracked::watching(|| self.render(name, text, data));
        Ok((rendered?, asked))
    }

    /// Checks that `text` is an expression, as stands between `{{` and `}}`.
    ///
    /// # Errors
    /// What is wrong with its syntax, placed in `text`.
    pub fn check_expression(&self, text: &str) -> Result<(), TemplateError> {
        let parsed = self.environment.compile_expression(text);
        parsed.map(|_| ()).map_err(|error| describe(&error, text))
    }

    /// Returns the value of the expression `text` with `data`.
    ///
    /// # Errors
    /// What is wrong with it; so is a result that is not defined, or that JSON cannot hold.
    pub fn evaluate(&self, text: &str, data: &Context) -> Result<serde_json::Value, TemplateError> {
        let failed = |error: Error| describe(&error, text);
        let expression = self.environment.compile_expression(text).map_err(failed)?;
        let value = expression.eval(data.0.clone()).map_err(failed)?;
        let unusable = |what: &str| TemplateError::spanning(text, 0..text.len(), what);
        if value.is_undefined() {
            return Err(unusable("the result is not defined"));
        }
        serde_json::to_value(&value).map_err(|_| unusable("the result is not a JSON value"))
    }

    /// Returns the error of rendering `main` with `data`, as its author needs it.
    fn explain(&self, error: &Error, main: &Template<'_, '_>, data: &Context) -> TemplateError {
        let cause = innermost(error);
        let partial = cause.name().filter(|name| *name != main.name());
        let partial = partial.and_then(|name| self.environment.get_template(name).ok());
        let template = partial.as_ref().unwrap_or(main);
        let mut found = describe(cause, template.source());
        found.partial = partial.as_ref().map(|template| template.name().to_owned());
        match cause.kind() {
            ErrorKind::UndefinedError => name_undefined(found, cause, template, data),
            ErrorKind::TemplateNotFound => self.name_partial(found, cause, template.source()),
            _ => found,
        }
    }

    /// Returns `error` with the name of the partial that does not exist, if it is written in
    /// `source`: one that is computed may be a secret.
    fn name_partial(&self, error: TemplateError, cause: &Error, source: &str) -> TemplateError {
        let tag = cause.range().and_then(|range| source.get(range)).unwrap_or_default();
        let Some(wanted) = tag.split(['"', '\'']).nth(1) else { return error };
        let known = self.partials.keys().map(String::as_str);
        let hint = nearest(wanted, known).map_or_else(
            || "only partials can be included, by the name that the project gives".to_owned(),
            |known| format!("did you mean `{known}`?"),
        );
        TemplateError { message: format!("no partial is called `{wanted}`"), ..error }.hint(hint)
    }
}

pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(false)
        .keep_trailing_newline(true)
        .build()
        .expect("the delimiters are the default ones")
}

/// Prints `value` and counts its bytes, so that captures are bounded too.
pub(super) fn print(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
    written: &AtomicUsize,
) -> Result<(), Error> {
    let len = value.as_str().map_or(0, str::len);
    let before = written.fetch_add(len, Ordering::Relaxed);
    if before.saturating_add(len) > MAX_WRITTEN {
        return Err(Error::from(ErrorKind::WriteFailure));
    }
    if value.is_none() {
        return Ok(());
    }
    escape_formatter(out, state, value)
}

/// Output that ends at [`MAX_WRITTEN`].
pub(super) struct Limited(pub(super) Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > MAX_WRITTEN {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the error that began it: an error in an included template is the source of another.
fn innermost(error: &Error) -> &Error {
    let mut cause = error;
    while let Some(inner) =
        std::error::Error::source(cause).and_then(|source| source.downcast_ref::<Error>())
        && inner.line().is_some()
    {
        cause = inner;
    }
    cause
}

/// Returns `error`, which arose in `source`, with its place.
pub(super) fn describe(error: &Error, source: &str) -> TemplateError {
    let message = message(error);
    if let Some(range) = error.range().filter(|range| source.get(range.clone()).is_some()) {
        return TemplateError::spanning(source, range, message);
    }
    let line = u32::try_from(error.line().unwrap_or(1)).unwrap_or(u32::MAX);
    let position = Position { line, column: 1 };
    TemplateError { message, partial: None, position, width: 1, hint: None }
}

/// Returns what went wrong without the values it went wrong with.
fn message(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => {
            format!("the template does not end: stopped after {MAX_STEPS} steps")
        }
        (ErrorKind::WriteFailure, _) => "the template writes more than 64 MiB".to_owned(),
        // The detail quotes both operands.
        (ErrorKind::InvalidOperation, Some(detail))
            if detail.starts_with("unable to calculate") =>
        {
            "the result of a calculation is out of range".to_owned()
        }
        (ErrorKind::InvalidOperation | ErrorKind::SyntaxError, Some(detail)) => detail.to_owned(),
        (ErrorKind::TemplateNotFound, _) => "no partial has that name".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// Returns `error` with the name of what is not defined, and the nearest that is.
fn name_undefined(
    error: TemplateError,
    cause: &Error,
    template: &Template<'_, '_>,
    data: &Context,
) -> TemplateError {
    let source = template.source();
    let Some(range) = cause.range().filter(|range| source.get(range.clone()).is_some()) else {
        return error;
    };
    let free = template.undeclared_variables(false);
    let expression = &source[range.clone()];
    // The range of a failed filter or test is its name: what it was applied to stands before.
    let tag = &source[source[..range.start].rfind(['{', '%']).unwrap_or(0)..range.end];
    let words = paths(expression).chain(paths(tag));
    let Some((word, missing)) =
        words.filter_map(|path| Some((path, missing(path, &free, data)?))).next()
    else {
        let shown = expression.lines().next().unwrap_or_default();
        return TemplateError { message: format!("`{shown}` is not defined"), ..error };
    };
    let start = word.as_ptr().addr() - source.as_ptr().addr();
    let message = format!("`{}` is not defined", missing.path);
    let hint = missing.nearest.map_or_else(
        || format!("define it, or give a default: `{{{{ {} | default('…') }}}}`", missing.path),
        |known| format!("did you mean `{known}`?"),
    );
    let found = TemplateError::spanning(source, start..start + word.len(), message).hint(hint);
    TemplateError { partial: error.partial, ..found }
}

/// Returns the dotted names in `expression`.
fn paths(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// The first part of a dotted name that does not exist.
struct Missing {
    path: String,
    nearest: Option<String>,
}

/// Returns what of `path` does not exist in `data`; `None` if all does, or if its first name is
/// none of the `free` ones, which the data define.
fn missing(path: &str, free: &HashSet<String>, data: &Context) -> Option<Missing> {
    let mut parts = path.split('.').peekable();
    if !parts.peek().is_some_and(|root| free.contains(*root)) {
        return None;
    }
    let mut value = data.0.clone();
    let mut before = String::new();
    for part in parts {
        let inner = value.get_attr(part).unwrap_or(Value::UNDEFINED);
        if inner.is_undefined() {
            let known = keys(&value);
            let nearest = nearest(part, known.iter().map(String::as_str));
            let nearest = nearest.map(|known| format!("{before}{known}"));
            return Some(Missing { path: format!("{before}{part}"), nearest });
        }
        value = inner;
        before = format!("{before}{part}.");
    }
    None
}

fn keys(value: &Value) -> Vec<String> {
    if value.kind() != ValueKind::Map {
        return Vec::new();
    }
    let keys = value.try_iter().into_iter().flatten();
    keys.filter_map(|key| key.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Context {
        Context::new(&json!({
            "app": {"port": 8080, "hosts": ["a", "b"], "empty": null, "secret": "hunter2"},
            "tricky": "${KEY} {{ app.port }} {% raw %}\nINJECTED=1",
        }))
    }

    fn render(text: &str) -> Result<String, TemplateError> {
        Jinja::new().render("t.j2", text, &data())
    }

    fn partials(partials: &[(&str, &str)]) -> Result<Jinja, Vec<TemplateError>> {
        let own = partials.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Jinja::with_partials(own.collect())
    }

    #[test]
    fn expressions_have_values() {
        let jinja = Jinja::new();
        let value = |text: &str| jinja.evaluate(text, &data()).map_err(|error| error.message);
        assert_eq!(value("app.port + 1"), Ok(json!(8081)));
        assert_eq!(value("app.hosts | join('+')"), Ok(json!("a+b")));
        assert_eq!(value("app.empty"), Ok(json!(null)));
        assert_eq!(value("app.nope"), Err("the result is not defined".to_owned()));
        assert!(value("app.secret + 1").is_err_and(|message| !message.contains("hunter2")));
        assert!(value("range(99999999) | list | length").is_err());
        let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(value(&deep).is_err(), "not an exhausted stack");
        assert!(jinja.check_expression("app.port + 1").is_ok());
        assert!(jinja.check_expression("app.port +").is_err());
        assert!(jinja.check_expression("x | nofilter").is_ok(), "known only when it runs");
    }

    #[test]
    fn renders_as_ansible_does() {
        let text = "p={{ app.port }}\n{% for h in app.hosts %}\n  - {{ h }}\n{% endfor %}\n[{{ app.empty }}]\n";
        assert_eq!(render(text).expect("valid"), "p=8080\n  - a\n  - b\n[]\n");
        assert_eq!(render("  {% if true %}\nx{% endif %}\n\n").expect("valid"), "  x\n");
        assert_eq!(render("<{{ '&<>' }}>").expect("valid"), "<&<>>");
    }

    #[test]
    fn a_value_is_never_expanded_again() {
        let expected = "${KEY} {{ app.port }} {% raw %}\nINJECTED=1";
        for text in [
            "{{ tricky }}",
            "{% set x = tricky %}{{ x }}",
            "{% set x %}{{ tricky }}{% endset %}{{ x }}",
        ] {
            assert_eq!(render(text).expect("valid"), expected, "{text}");
        }
    }

    #[test]
    fn an_undefined_name_is_an_error_with_its_place_and_the_nearest() {
        let error = render("a\n  {{ app.prot }}").expect_err("undefined");
        assert_eq!(error.message, "`app.prot` is not defined");
        assert_eq!((error.position.line, error.position.column, error.width), (2, 6, 8));
        assert_eq!(error.hint.as_deref(), Some("did you mean `app.port`?"));
        let error = render("{{ ap.port + 1 }}").expect_err("undefined");
        assert_eq!(error.message, "`ap` is not defined");
        assert_eq!(error.hint.as_deref(), Some("did you mean `app`?"));
        let error =
            render("{% for x in app.hosts %}{{ x.name }}{% endfor %}").expect_err("undefined");
        assert_eq!(error.message, "`x.name` is not defined");
        let error = render("{% if region %}x{% endif %}").expect_err("undefined");
        assert_eq!(error.message, "`region` is not defined");
        let error = render("x {{ 1 }}{{ region | int }}").expect_err("undefined");
        assert_eq!(
            (error.message.as_str(), error.position.column),
            ("`region` is not defined", 13)
        );
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let error = render("x\n{{ app.port").expect_err("unterminated");
        assert_eq!(error.position.line, 2);
        let error = render("x\n  {% fro x in y %}").expect_err("no such tag");
        assert_eq!((error.position.line, error.position.column), (2, 6));
        assert_eq!(error.into_diagnostic("a.j2").to_string(), "a.j2:2:6: unknown statement fro");
    }

    #[test]
    fn templates_without_end_are_stopped() {
        for text in [
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{{ 'x' * 100000000 }}",
            "{{ 'x' * 1000000000000 }}",
            "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
            "{% set x %}{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}{% endset %}",
            "{% include 't.j2' %}",
        ] {
            let error = render(text).expect_err("it is stopped");
            assert_eq!(error.position.line, 1, "{text}");
        }
        let error = render(
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        );
        let message = error.expect_err("it is stopped").message;
        assert_eq!(message, "the template does not end: stopped after 5000000 steps");
    }

    #[test]
    fn an_error_never_shows_a_value() {
        for text in [
            "{{ app.secret + 1 }}",
            "{{ app.secret | int }}",
            "{{ app.secret.x }}",
            "{{ app.secret() }}",
            "{{ app.secret | nope }}",
            "{{ app[app.secret] }}",
            "{{ debug() }}",
            "{% include app.secret %}",
            "{% for a, b in [app.secret] %}{% endfor %}",
            "{{ 170141183460469231731687303715884105727 * 170141183460469231731687303715884105727 }}",
        ] {
            let error = render(text).expect_err("the template fails");
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains("hunter2") && !shown.contains("calculate 1"),
                "{text}: {shown}"
            );
        }
    }

    #[test]
    fn partials_are_included_by_name_only() {
        let jinja = partials(&[("head.j2", "# {{ app.port }}\n"), ("bad.j2", "1\n{{ app.nope }}")])
            .expect("the partials are valid");
        let out = jinja.render("t.j2", "{% include 'head.j2' %}x", &data()).expect("valid");
        assert_eq!(out, "# 8080\nx");
        let error =
            jinja.render("t.j2", "\n{% include 'bad.j2' %}", &data()).expect_err("undefined");
        assert_eq!(error.message, "`app.nope` is not defined");
        assert_eq!((error.partial.as_deref(), error.position.line), (Some("bad.j2"), 2));
        assert_eq!(error.into_diagnostic("t.j2").file.as_deref(), Some("bad.j2"));
        let error = jinja.render("t.j2", "{% include 'haed.j2' %}", &data()).expect_err("unknown");
        assert_eq!(error.message, "no partial is called `haed.j2`");
        assert_eq!(error.hint.as_deref(), Some("did you mean `head.j2`?"));
        assert!(render("{% include '/etc/passwd' %}").is_err());
    }

    #[test]
    fn every_bad_partial_is_named() {
        let errors =
            partials(&[("a", "{{"), ("b", "ok"), ("c", "{% x %}")]).expect_err("two are bad");
        let names: Vec<_> = errors.iter().map(|error| error.partial.as_deref()).collect();
        assert_eq!(names, [Some("a"), Some("c")]);
    }

    #[test]
    fn renders_on_several_threads() {
        let (jinja, data) = (Jinja::new(), data());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    assert_eq!(jinja.render("t", "{{ app.port }}", &data).expect("valid"), "8080");
                });
            }
        });
    }
}
