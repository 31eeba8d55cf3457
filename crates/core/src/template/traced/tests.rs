//! What fills which part of a template, by construct.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::Position;
use crate::trace::Part;

fn data() -> Context {
    Context::new(&json!({
        "app": {
            "port": 8080, "debug": true, "name": "shop", "ratio": 0.5, "none": null, "other": 8080,
            "hosts": ["alpha", "beta"], "ports": [80, 443, 80],
            "upstreams": [{"host": "u1", "port": 1}, {"host": "u2", "port": 2}],
            "env": {"B": "x", "A": 7}, "a.b": {"c": "dotted"},
            "lines": "one\ntwo\n",
        },
        "NAME": "eight",
        "EMPTY": "",
    }))
}

fn traced(text: &str) -> Traced {
    let traced = Jinja::new().render_traced("t.j2", text, &data()).expect(text);
    let plain = Jinja::new().render("t.j2", text, &data()).expect(text);
    assert_eq!(traced.text, plain);
    let whole: String = traced.spans.iter().map(|span| &traced.text[span.output.clone()]).collect();
    assert_eq!(whole, plain, "{:?}", traced.spans);
    traced
}

/// Returns what fills what is not of the template: `text=key`, with `~` where it is derived.
fn filled(text: &str) -> Vec<String> {
    let traced = traced(text);
    let told = |span: &crate::trace::Span| {
        let names = span.sources.iter().map(|source| match source.part {
            Part::Exact => source.name.clone(),
            Part::Derived => format!("~{}", source.name),
            Part::Default => format!("?{}", source.name),
        });
        format!("{}={}", &traced.text[span.output.clone()], names.collect::<Vec<_>>().join(" "))
    };
    traced.spans.iter().filter(|span| !span.verbatim).map(told).collect()
}

#[test]
fn a_look_up_is_exact() {
    for (text, expected) in [
        ("{{ app.port }}", "8080=app.port"),
        ("{{ app['other'] }}", "8080=app.other"),
        ("{{ app.debug }} {{ 1 }}", "True=app.debug|1="),
        ("{{ app.name }}{{ NAME }}", "shop=app.name|eight=NAME"),
        ("{{ app.ratio }}", "0.5=app.ratio"),
        ("{{ app.ports[1] }} {{ app.ports[-1] }}", "443=app.ports.1|80=app.ports.2"),
        ("{{ app.upstreams[1].port }}", "2=app.upstreams.1.port"),
        ("{{ app['a.b'].c }}", "dotted=app.\"a.b\".c"),
        ("{{ app.none }}{{ EMPTY }}", ""),
        ("{{ app.hosts }}", "['alpha', 'beta']=app.hosts"),
        ("{{ app.name | default('x') }} {{ app.name | safe }}", "shop=app.name|shop=~app.name"),
        ("{{ app.name if app.debug else NAME }}", "shop=app.name"),
        ("{{ app[NAME] | default(app.name) }}", "shop=app.name"),
    ] {
        assert_eq!(filled(text).join("|"), expected, "{text}");
    }
}

#[test]
fn what_is_made_of_values_is_derived() {
    for (text, expected) in [
        ("{{ app.port + 1 }}", "8081=~app.port"),
        ("{{ app.name | upper }}", "SHOP=~app.name"),
        ("{{ app.hosts | join(',') }}", "alpha,beta=~app.hosts"),
        ("{{ app.name ~ ':' ~ app.port }}", "shop:8080=~app.name ~app.port"),
        ("{{ 'on' if app.debug else 'off' }}", "on=~app.debug"),
        ("{{ 8080 if app.port == 8080 else 1 }}", "8080=~app.port"),
        ("{{ [0, 8080][1] }}{{ 'x' }}", "8080=|x="),
        ("{{ app.env | to_json }}", "{\"A\":7,\"B\":\"x\"}=~app.env"),
        (
            "{{ app.upstreams | map(attribute='port') | join }}",
            "12=~app.upstreams.0.port ~app.upstreams.1.port",
        ),
        ("{% filter upper %}{{ app.name }}{% endfilter %}", "SHOP=~app.name"),
        ("{% macro m(x) %}[{{ x }}]{% endmacro %}{{ m(app.port) }}", "[8080]=~app.port"),
        ("{% macro m() %}[{{ app.name }}]{% endmacro %}{{ m() }}", "[shop]=~app.name"),
        (
            "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ NAME }}{% endcall %}",
            "[eight]=~NAME",
        ),
    ] {
        assert_eq!(filled(text).join("|"), expected, "{text}");
    }
}

#[test]
fn names_lead_to_what_they_were_bound_to() {
    for (text, expected) in [
        ("{% for h in app.hosts %}{{ h }}{% endfor %}", "alpha=app.hosts.0|beta=app.hosts.1"),
        (
            "{% for p in app.ports %}{{ p }}{{ loop.index }}{% endfor %}",
            "80=app.ports.0|1=|443=app.ports.1|2=|80=app.ports.2|3=",
        ),
        (
            "{% for u in app.upstreams %}{{ u.host }}:{{ u.port }}{% endfor %}",
            "u1=app.upstreams.0.host|1=app.upstreams.0.port|u2=app.upstreams.1.host|2=app.upstreams.1.port",
        ),
        (
            "{% for u in app.upstreams if u.port > 1 %}{{ u.port }}{% endfor %}",
            "2=app.upstreams.1.port",
        ),
        ("{% for p in app.ports if p > 80 %}{{ p }}{% endfor %}", "443=~app.ports"),
        (
            "{% for p in app.ports | sort %}{{ p }}{% endfor %}",
            "80=~app.ports|80=~app.ports|443=~app.ports",
        ),
        (
            "{% for k, v in app.env | dictsort %}{{ k }}={{ v }}{% endfor %}",
            "A=app.env.A|7=~app.env|B=app.env.B|x=app.env.B",
        ),
        (
            "{% for k in app.env %}{{ k }}{{ app.env[k] }}{% endfor %}",
            "A=app.env.A|7=~app.env.A|B=app.env.B|x=app.env.B",
        ),
        ("{% set p = app.port %}{{ p }}{{ p + 1 }}", "8080=app.port|8081=~app.port"),
        ("{% set p = app.port %}{% set p = app.other %}{{ p }}", "8080=~app.other"),
        ("{% set x %}<{{ app.name }}>{% endset %}{{ x }}", "<shop>=~app.name"),
        ("{% with p = app.port %}{{ p }}{% endwith %}", "8080=app.port"),
        ("{% set ns = namespace(n=0) %}{% set ns.n = app.port %}{{ ns.n }}", "8080=~app.port"),
        (
            "{% for h in app.hosts %}{% for p in app.ports %}{{ h }}{{ p }}{% endfor %}{% endfor %}",
            "alpha=app.hosts.0|80=app.ports.0|alpha=app.hosts.0|443=app.ports.1|alpha=app.hosts.0|80=app.ports.2|\
             beta=app.hosts.1|80=app.ports.0|beta=app.hosts.1|443=app.ports.1|beta=app.hosts.1|80=app.ports.2",
        ),
    ] {
        assert_eq!(filled(text).join("|"), expected, "{text}");
    }
}

#[test]
fn conditions_fill_nothing() {
    let text =
        "{% if app.port == 8080 %}{{ 1 }}{% elif app.debug %}{{ 2 }}{% else %}{{ 3 }}{% endif %}";
    assert_eq!(filled(text), ["1="]);
    assert_eq!(filled("{% if app.debug %}{% set x = 8080 %}{{ x }}{% endif %}"), ["8080="]);
}

#[test]
fn lines_have_their_place_in_the_template() {
    let text = "# {{ NAME }}\n{% for h in app.hosts %}\nserver {{ h }};\n  x\n{% endfor %}\n{{ app.lines }}end\n";
    let traced = traced(text);
    let lines: Vec<_> = traced
        .lines()
        .iter()
        .map(|line| (line.text, line.place.map_or(0, |place| place.line), line.sources.len()))
        .collect();
    let expected = [
        ("# eight", 1, 1),
        ("server alpha;", 3, 1),
        ("  x", 4, 0),
        ("server beta;", 3, 1),
        ("  x", 4, 0),
        ("one", 6, 1),
        ("two", 6, 1),
        ("end", 6, 0),
    ];
    assert_eq!(lines, expected);
    let first = traced.spans.iter().find(|span| !span.verbatim).and_then(|span| span.place);
    assert_eq!(first, Some(Position { line: 1, column: 6 }));
}

#[test]
fn partials_and_blocks() {
    let partials =
        [("head.j2", "# {{ app.name }}\n"), ("base.j2", "<{% block b %}base{% endblock %}>")];
    let partials = partials.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let jinja = Jinja::with_partials(partials.into()).expect("valid");
    let traced = jinja
        .render_traced("t", "{% include 'head.j2' %}x={{ app.port }}", &data())
        .expect("valid");
    let lines = traced.lines();
    assert_eq!(
        (lines[0].text, lines[0].place, &*lines[0].sources[0].name),
        ("# shop", None, "app.name")
    );
    assert_eq!((lines[1].text, lines[1].place.map(|at| at.line)), ("x=8080", Some(1)));
    let text = "{% extends 'base.j2' %}{% block b %}[{{ NAME }}]{% endblock %}";
    let traced = jinja.render_traced("t", text, &data()).expect("valid");
    assert_eq!(traced.text, "<[eight]>");
    assert_eq!(traced.lines()[0].sources[0].name, "NAME");
    assert_eq!(filled("{% block b %}{{ NAME }}{% endblock %}{{ self.b() }}")[0], "eight=NAME");
}

#[test]
fn errors_are_those_of_rendering() {
    let jinja = Jinja::new();
    for text in [
        "{{ app.prot }}",
        "{{",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    ] {
        let traced = jinja.render_traced("t", text, &data()).expect_err("refused");
        assert_eq!(Err(traced), jinja.render("t", text, &data()).map(drop));
    }
}

#[test]
fn many_keys_are_told_by_what_they_have_in_common() {
    let keys: Vec<String> = (0..20).map(|n| format!("app.a.k{n}")).collect();
    assert_eq!(deepest_of(&keys), ["app.a"]);
    let mixed = ["app", "app.a", "app.a", "application", "app.b.c"].map(str::to_owned);
    assert_eq!(deepest_of(&mixed), ["app.a", "application", "app.b.c"]);
    let keys = (0..100_000).flat_map(|n| [format!("app.hosts.{n}"), format!("app.hosts.{n}.x")]);
    let mut keys: Vec<String> = keys.collect();
    keys.push("NAME".to_owned());
    assert_eq!(deepest_of(&keys), ["app.hosts", "NAME"]);
}

fn deepest_of(keys: &[String]) -> Vec<String> {
    recorder::deepest(keys.iter().map(String::as_str))
}

#[test]
fn debug_output_shows_no_value() {
    let shared: Shared = Arc::new(Mutex::new(Recorder::new("t", Vec::new())));
    let wrapped = data::recorded(&data().0, &shared);
    let recorded = wrapped.downcast_object_ref::<data::Recorded>().expect("a map");
    assert!(!format!("{recorded:?}").contains("shop"));
}

/// A piece of a template that is valid wherever it stands.
fn piece() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z \\n;=]{0,6}",
        prop::sample::select(vec![
            "{{ app.port }}",
            "{{ app.name }}",
            "{{ NAME | upper }}",
            "{{ app.ports | join('-') }}",
            "{{ app.port + app.other }}",
            "{{ app.upstreams[0].host ~ NAME }}",
            "{{ EMPTY }}",
            "{% set v = app.port %}",
            "{{ v | default(NAME) }}",
            "{{ app.lines }}",
            "{# note #}",
            "{{ app.env | to_yaml }}",
            "{% raw %}{{ x }}{% endraw %}",
            "{{ app.none }}",
            "{{ app.name if app.debug else NAME }}",
            "{{ app.hosts | length }}",
            "{{ app.env }}",
            "{% set c %}<{{ NAME }}>\n{% endset %}",
            "{{ c | default('') | trim }}",
            "{{ app.hosts | first }}",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|all| all.concat());
        let around = prop::sample::select(vec![
            ("{% for i in app.ports %}", "{{ i }}{% else %}{{ NAME }}{% endfor %}\n"),
            ("{% for k, v in app.env | dictsort -%}\n {{ k }}", "{{ v }}{% endfor %}"),
            ("{% for u in app.upstreams if u.port > 1 %}", "{{ loop.index ~ u.host }}{% endfor %}"),
            ("{% if app.debug and not EMPTY %}", "{% endif %}"),
            ("{% if app.none %}x{% else %}", "{% endif %}"),
            ("{% filter upper %}", "{% endfilter %}"),
            ("{% with w = app.ratio %}", "{{ w }}{% endwith %}"),
        ]);
        (around, body).prop_map(|((before, after), body)| format!("{before}{body}{after}"))
    })
}

proptest! {
    #[test]
    fn a_traced_text_is_the_same(pieces in prop::collection::vec(piece(), 0..8)) {
        let text = pieces.concat();
        let plain = Jinja::new().render("t", &text, &data());
        let traced = Jinja::new().render_traced("t", &text, &data());
        if let Ok(traced) = &traced {
            let parts = traced.spans.iter().map(|span| &traced.text[span.output.clone()]);
            prop_assert_eq!(parts.collect::<String>(), traced.text.clone());
            prop_assert!(traced.spans.iter().all(|span| span.place.is_some()), "{:?}", traced.spans);
            let lines: Vec<_> = traced.lines().iter().map(|line| line.text).collect();
            prop_assert_eq!(lines, traced.text.split_terminator('\n').collect::<Vec<_>>());
        }
        prop_assert_eq!(traced.map(|traced| traced.text), plain);
    }
}
