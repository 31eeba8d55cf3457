//! The filters that authors of configuration expect beside Jinja's own, by Ansible's names.

use minijinja::value::{Kwargs, Rest, StringInput, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use serde::Serialize;

/// What a filter may make at most, in bytes.
pub(super) const MAX_LEN: usize = 64 << 20;

/// `indent` and the widths of `format` are at most this, in characters.
const MAX_WIDTH: usize = 1000;

/// Adds the filters to `environment`.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("to_json", to_json);
    environment.add_filter("tojson", to_json);
    environment.add_filter("to_nice_json", to_nice_json);
    environment.add_filter("to_yaml", to_yaml);
    environment.add_filter("to_nice_yaml", to_yaml);
    environment.add_filter("quote", quote);
    environment.add_filter("b64encode", b64encode);
    environment.add_filter("ternary", ternary);
    environment.add_filter("replace", replace);
    environment.add_filter("join", join);
    environment.add_filter("indent", indent);
    environment.add_filter("format", format);
}

/// Returns `value` as JSON on one line, or indented: `to_json(indent=2)`.
fn to_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    kwargs.assert_all_used()?;
    json(value, indent)
}

/// Returns `value` as JSON, indented by 4 unless told otherwise.
fn to_nice_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    kwargs.assert_all_used()?;
    json(value, Some(indent.unwrap_or(4)))
}

fn json(value: &Value, indent: Option<usize>) -> Result<String, Error> {
    defined(value)?;
    let Some(indent) = indent else {
        return serde_json::to_string(value).map_err(|_| not_serializable("JSON"));
    };
    let spaces = " ".repeat(width(indent)?);
    let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    value.serialize(&mut serializer).map_err(|_| not_serializable("JSON"))?;
    String::from_utf8(out).map_err(|_| not_serializable("JSON"))
}

/// Returns `value` as YAML, ending in a newline.
fn to_yaml(value: &Value) -> Result<String, Error> {
    defined(value)?;
    serde_saphyr::to_string(value).map_err(|_| not_serializable("YAML"))
}

/// Returns `value` as one word for a POSIX shell.
fn quote(value: &Value) -> Result<String, Error> {
    defined(value)?;
    let text = value.to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Ok(text);
    }
    Ok(format!("'{}'", text.replace('\'', r#"'"'"'"#)))
}

/// Returns `value` in Base64 with padding.
fn b64encode(value: &Value) -> Result<String, Error> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    defined(value)?;
    let text = value.to_string();
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) & 63;
            out.push(if at <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    Ok(out)
}

/// Returns `yes` if `value` holds, else `no`.
fn ternary(value: &Value, yes: Value, no: Value) -> Result<Value, Error> {
    defined(value)?;
    Ok(if value.is_true() { yes } else { no })
}

/// Jinja's `replace`, its result bounded.
fn replace(
    value: StringInput<'_>,
    from: StringInput<'_>,
    to: StringInput<'_>,
) -> Result<String, Error> {
    let hits = value.as_str().matches(from.as_str()).count();
    bounded(value.as_str().len().saturating_add(hits.saturating_mul(to.as_str().len())))?;
    Ok(value.as_str().replace(from.as_str(), to.as_str()))
}

/// Jinja's `join`, its result bounded.
fn join(
    state: &mut State<'_, '_>,
    value: &Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let between = joiner.as_ref().map_or(0, |joiner| joiner.as_str().len());
    let mut len = 0_usize;
    for item in value.try_iter().into_iter().flatten() {
        len = len.saturating_add(between).saturating_add(item.as_str().map_or(1, str::len));
        bounded(len)?;
    }
    minijinja::filters::join(state, value, joiner, attribute, kwargs)
}

/// Jinja's `indent`, its width bounded.
fn indent(
    value: StringInput<'_>,
    by: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let named = kwargs.get::<Option<usize>>("width")?;
    let by = width(by.or(named).unwrap_or(4))?;
    let lines = value.as_str().matches('\n').count() + 1;
    bounded(value.as_str().len().saturating_add(lines * by))?;
    minijinja::filters::indent(value, Some(by), first, blank, kwargs)
}

/// Jinja's `format`, its widths and precisions bounded.
fn format(
    state: &mut State<'_, '_>,
    text: &Value,
    arguments: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    let pattern = text.as_str().unwrap_or_default();
    if pattern.contains("%*") || pattern.contains(".*") {
        return Err(refused("`*` as the width of a format"));
    }
    for digits in pattern.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() > 3) {
        width(digits.parse().unwrap_or(usize::MAX))?;
    }
    minijinja::filters::format(state, text, arguments)
}

fn defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(()) }
}

pub(super) fn bounded(len: usize) -> Result<(), Error> {
    if len <= MAX_LEN { Ok(()) } else { Err(refused("a result of more than 64 MiB")) }
}

fn width(width: usize) -> Result<usize, Error> {
    if width <= MAX_WIDTH { Ok(width) } else { Err(refused("a width of more than 1000")) }
}

pub(super) fn refused(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{what} is refused"))
}

fn not_serializable(format: &'static str) -> Error {
    Error::new(ErrorKind::BadSerialization, format!("the value has no form in {format}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Context, Jinja};

    fn render(text: &str) -> String {
        let data = json!({
            "app": {"port": 80, "on": true, "name": "it's"}, "list": ["a", "b"], "lines": "a\nb",
        });
        Jinja::new().render("t.j2", text, &Context::new(&data)).expect("the template is valid")
    }

    fn refused(text: &str) -> String {
        let result = Jinja::new().render("t.j2", text, &Context::new(&json!({})));
        result.expect_err("the template is refused").message
    }

    #[test]
    fn serialize() {
        let line = r#"{"name":"it's","on":true,"port":80}"#;
        assert_eq!(render("{{ app | to_json }}"), line);
        assert_eq!(render("{{ app | tojson }}"), line);
        assert_eq!(render("{{ list | to_json(indent=2) }}"), "[\n  \"a\",\n  \"b\"\n]");
        assert_eq!(render("{{ list | to_nice_json }}"), "[\n    \"a\",\n    \"b\"\n]");
        assert_eq!(render("{{ {'no': '1.10'} | to_yaml }}"), "\"no\": \"1.10\"\n");
    }

    #[test]
    fn quote_for_the_shell() {
        assert_eq!(render("{{ app.name | quote }} {{ app.port | quote }}"), "'it'\"'\"'s' 80");
        assert_eq!(render("{{ '' | quote }} {{ '$(x)' | quote }}"), "'' '$(x)'");
    }

    #[test]
    fn encode_base64() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(render(&format!("{{{{ '{text}' | b64encode }}}}")), expected);
        }
    }

    #[test]
    fn jinja_s_own_work_as_ever() {
        assert_eq!(render("{{ list | join(', ') }} {{ nope | default('d') }}"), "a, b d");
        assert_eq!(
            render("{{ lines | indent(2) }} {{ lines | indent(width=1, first=true) }}"),
            "a\n  b  a\n b"
        );
        assert_eq!(render("{{ '%05.1f|%s' | format(2.5, 'x') }}"), "002.5|x");
        assert_eq!(render("{{ 'a-b' | replace('-', '+') }}"), "a+b");
        assert_eq!(render("{{ app.on | ternary('yes', 'no') }}"), "yes");
    }

    #[test]
    fn bombs_are_refused() {
        for text in [
            "{{ '%999999999d' | format(1) }}",
            "{{ '%*d' | format(999999999, 1) }}",
            "{{ 'x' | indent(999999999, true) }}",
            "{{ range(100000) | join('x' * 1000000) }}",
            "{{ (['x' * 1000000] * 100000) | join }}",
            "{{ ('x' * 100000) | replace('x', 'x' * 100000) }}",
            "{{ [1] | to_json(indent=999999999) }}",
        ] {
            assert!(refused(text).ends_with("is refused"), "{text}");
        }
    }

    #[test]
    fn an_undefined_value_is_an_error() {
        for filter in ["to_json", "to_yaml", "quote", "b64encode", "ternary(1, 2)"] {
            let message = refused(&format!("{{{{ nope | {filter} }}}}"));
            assert_eq!(message, "`nope` is not defined", "{filter}");
        }
    }
}
