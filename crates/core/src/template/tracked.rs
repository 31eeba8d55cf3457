//! Data of templates that tells when a secret in it was looked at.
//!
//! What a template makes of a secret can be anything: a hash, a Base64 text, a branch that was not
//! taken. So the question is not whether a value is in the output, but whether it was asked for.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};
use serde_json::Value as Json;

thread_local! {
    /// Whether the template that this thread renders has asked for a secret.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Returns what `work` does, and whether it asked for a secret on this thread.
pub(super) fn watching<T>(work: impl FnOnce() -> T) -> (T, bool) {
    let outer = ASKED.replace(false);
    let done = work();
    let asked = ASKED.replace(outer);
    ASKED.set(outer || asked);
    (done, asked)
}

/// Returns `data` as templates see it; where `masked` differs from it there are secrets.
pub(super) fn tracked(data: &Json, masked: &Json) -> Value {
    match (data, masked) {
        (Json::Object(map), Json::Object(shown)) if data != masked => {
            let child = |(key, value): (&String, &Json)| {
                let shown = shown.get(key).unwrap_or(&Json::Null);
                (key.clone(), Child::of(value, shown))
            };
            Value::from_object(TrackedMap(map.iter().map(child).collect()))
        }
        (Json::Array(list), Json::Array(shown)) if list.len() == shown.len() && data != masked => {
            let children = list.iter().zip(shown).map(|(value, shown)| Child::of(value, shown));
            Value::from_object(TrackedList(children.collect()))
        }
        _ => Value::from(Serde(data)),
    }
}

struct Child {
    value: Value,
    secret: bool,
}

impl Child {
    fn of(data: &Json, masked: &Json) -> Self {
        let inner = matches!(
            (data, masked),
            (Json::Object(_), Json::Object(_)) | (Json::Array(_), Json::Array(_))
        );
        Self { value: tracked(data, masked), secret: !inner && data != masked }
    }

    fn ask(&self) -> Value {
        if self.secret {
            ASKED.set(true);
        }
        self.value.clone()
    }
}

struct TrackedMap(BTreeMap<String, Child>);

impl Object for TrackedMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.get(key).map(Child::ask)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().map(|key| Value::from(key.as_str())).collect())
    }
}

struct TrackedList(Vec<Child>);

impl Object for TrackedList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).map(Child::ask)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}

impl fmt::Debug for TrackedMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{…}")
    }
}

impl fmt::Debug for TrackedList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[…]")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Context, Jinja};

    fn data() -> Context {
        let data = json!({
            "TOKEN": "hunter2", "HOST": "db", "list": ["a", "hunter2"], "open": {"x": [1, 2]},
            "config": {"database": {"host": "db", "password": "hunter2"}, "workers": [1, 2]},
        });
        let mut masked = data.clone();
        for secret in ["/TOKEN", "/list/1", "/config/database/password"] {
            *masked.pointer_mut(secret).expect("it is there") = json!("<secret>");
        }
        Context::hiding(&data, &masked)
    }

    fn render(text: &str) -> (String, bool) {
        Jinja::new().render_noting("t.j2", text, &data()).expect(text)
    }

    #[test]
    fn a_template_that_asks_for_a_secret_is_known_whatever_it_makes_of_it() {
        for text in [
            "{{ TOKEN }}",
            "{% if TOKEN == 'x' %}a{% else %}b{% endif %}",
            "{% if TOKEN is defined %}a{% endif %}",
            "{{ TOKEN | length }}",
            "{{ TOKEN | b64encode }}",
            "{{ config.database.password }}",
            "{{ config['database']['password'] }}",
            "{% set db = config.database %}{{ db.password | upper }}",
            "{{ config | to_json }}",
            "{{ config | to_nice_yaml }}",
            "{{ 'password' in config.database }}",
            "{% for key, value in config.database | items %}{{ key }}{% endfor %}",
            "{{ list | last }}",
            "{{ list | join(',') }}",
            "{{ list == ['a', 'b'] }}",
            "{{ 'hunter2' in list }}",
            "{{ 'a' ~ TOKEN }}",
            "{% macro m() %}{{ TOKEN }}{% endmacro %}{{ m() | length }}",
            "{% set TOKEN2 = TOKEN %}x",
            "{{ config.database }}",
            "{{ config.database | dictsort | length }}",
        ] {
            assert!(render(text).1, "{text}");
        }
    }

    #[test]
    fn one_that_does_not_is_not() {
        for (text, expected) in [
            ("{{ HOST }}", "db"),
            ("{{ config.database.host }}", "db"),
            ("{{ config.workers | join(',') }}", "1,2"),
            ("{{ list | length }}{{ list[0] }}", "2a"),
            ("{{ config.database | length }}", "2"),
            ("{% for key in config.database %}{{ key }} {% endfor %}", "host password "),
            ("{% if false %}{{ TOKEN }}{% endif %}x", "x"),
            ("{% set TOKEN = 1 %}{{ TOKEN }}", "1"),
            ("{{ open | to_json }}", "{\"x\":[1,2]}"),
        ] {
            assert_eq!(render(text), (expected.to_owned(), false), "{text}");
        }
    }

    #[test]
    fn tracked_data_look_like_any_other() {
        let plain = json!({"config": {"b": {"c": "s", "d": [1, "s"]}, "a": 1}});
        let masked = json!({"config": {"b": {"c": "<secret>", "d": [1, "<secret>"]}, "a": 1}});
        for text in [
            "{{ config | to_json }}",
            "{{ config | to_nice_yaml }}",
            "{{ config }}",
            "{% for key, value in config | dictsort %}{{ key }}={{ value }};{% endfor %}",
            "{{ config is mapping }} {{ config.b.d is sequence }} {{ config.b.d[-1] }}",
            "{{ config.b.d[:1] }} {{ config.b.d | first }} {{ config.b.d | reverse | list }}",
            "{{ config == config }} {{ config.b.d + [2] }} {{ config.b.nope is defined }}",
            "{{ config.b | tojson }} {{ config.b | items | list }} {{ 'c' in config.b }}",
        ] {
            let jinja = Jinja::new();
            let expected = jinja.render("t.j2", text, &Context::new(&plain)).expect(text);
            let hiding = Context::hiding(&plain, &masked);
            assert_eq!(jinja.render("t.j2", text, &hiding).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_and_debug_show_no_value() {
        let jinja = Jinja::new();
        for text in
            ["{{ TOKEN + 1 }}", "{{ config.database.password.x }}", "{{ config.database.pasword }}"]
        {
            let error = jinja.render_noting("t.j2", text, &data()).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
        }
        let error = jinja.render_noting("t", "{{ config.database.pasword }}", &data());
        assert_eq!(
            error.expect_err("undefined").hint.as_deref(),
            Some("did you mean `config.database.password`?")
        );
        assert!(!format!("{:?}", data()).contains("hunter2"));
    }
}
