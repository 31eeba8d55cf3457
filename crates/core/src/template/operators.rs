//! `+`, `~` and `*` with bounded results.
//!
//! Each can double a text or a list, so that sixty steps of a loop ask for more memory than there
//! is, and Jinja bounds steps only. A template that has one of them is therefore compiled so that
//! it calls a filter of the same name instead, which no template can spell.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::io;
use std::sync::Arc;

use minijinja::machinery::{
    CompiledTemplate, Instruction, Instructions, TemplateConfig, eval, get_compiled_template,
    make_string_output,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, Template, Value};

use super::filters::{MAX_LEN, bounded, refused};

/// How many bytes all results of one rendering may have together, since it may keep each of them.
const MAX_TOTAL: usize = 256 << 20;

/// How many items a list may have.
const MAX_ITEMS: usize = 1_000_000;

/// The block in which a whole template is, once its operators are replaced.
const MAIN: &str = "the whole template";

/// What the results of one rendering have in bytes so far.
#[derive(Default)]
struct Total(usize);

/// Adds the filters that stand for the operators, and bounds `sum`, which adds too.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("+", add);
    environment.add_filter("~", concat);
    environment.add_filter("*", multiply);
    environment.add_filter("sum", sum);
}

/// Tells whether `template` has an operator whose result has to be bounded.
pub(super) fn are_in(template: &Template<'_, '_>) -> bool {
    let compiled = get_compiled_template(template);
    let mut all = compiled.blocks.values().chain([&compiled.instructions]);
    all.any(|instructions| {
        let each = (0..).map_while(|at| instructions.get(at));
        each.into_iter().any(|instruction| stand_in(instruction).is_some())
    })
}

/// Renders `text` with its operators bounded.
pub(super) fn render<'e>(
    environment: &'e Environment<'e>,
    (name, text): (&'e str, &'e str),
    syntax_config: SyntaxConfig,
    data: Value,
    output: impl io::Write,
) -> Result<(), Error> {
    let blocks = compile((name, text), syntax_config)?;
    run(environment, (name, text), blocks, data, output)
}

/// Returns the blocks of a template, of which one is the whole.
pub(super) fn compile<'e>(
    (name, text): (&'e str, &'e str),
    syntax_config: SyntaxConfig,
) -> Result<BTreeMap<&'e str, Instructions<'e>>, Error> {
    let default_auto_escape = Arc::new(|_: &str| AutoEscape::None);
    let config = TemplateConfig { syntax_config, default_auto_escape };
    let compiled = CompiledTemplate::new(name, text, &config)?;
    let mut blocks = compiled.blocks;
    blocks.insert(MAIN, compiled.instructions);
    Ok(blocks)
}

/// Renders what was compiled, with its operators bounded.
pub(super) fn run<'e>(
    environment: &'e Environment<'e>,
    (name, text): (&'e str, &'e str),
    mut blocks: BTreeMap<&'e str, Instructions<'e>>,
    data: Value,
    output: impl io::Write,
) -> Result<(), Error> {
    blocks.values_mut().for_each(replace);
    // Only a block can be rendered to an output that has an end.
    let (nothing, mut discarded) = (Instructions::new(name, text), String::new());
    let discard = &mut make_string_output(&mut discarded);
    let (_, mut state) = eval(environment, &nothing, data, &blocks, discard, AutoEscape::None)?;
    state.render_block_to_write(MAIN, output)
}

fn replace(instructions: &mut Instructions<'_>) {
    let mut at = 0;
    while let Some(instruction) = instructions.get_mut(at) {
        if let Some(filter) = stand_in(instruction) {
            *instruction = Instruction::ApplyFilter(filter, Some(2), UNCACHED);
        }
        at += 1;
    }
}

/// The place of a filter that is looked up each time.
pub(super) const UNCACHED: u8 = u8::MAX;

const fn stand_in(instruction: &Instruction<'_>) -> Option<&'static str> {
    match instruction {
        Instruction::Add => Some("+"),
        Instruction::StringConcat => Some("~"),
        Instruction::Mul => Some("*"),
        _ => None,
    }
}

fn add(state: &mut State<'_, '_>, left: Value, right: Value) -> Result<Value, Error> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        grow(state, left.len().saturating_add(right.len()))?;
        return Ok(Value::from([left, right].concat()));
    }
    if is_list(&left) && is_list(&right) {
        let more = items(&right)?;
        bounded_items(items(&left)?.saturating_add(more))?;
        grow(state, more.saturating_mul(size_of::<Value>()))?;
    }
    plainly(state, "left + right", left, right)
}

fn concat(state: &mut State<'_, '_>, left: Value, right: Value) -> Result<Value, Error> {
    if left.is_undefined() || right.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let mut text = Bounded::default();
    write!(text, "{left}{right}").map_err(|_| refused("a result of more than 64 MiB"))?;
    grow(state, text.0.len())?;
    Ok(Value::from(text.0))
}

fn multiply(state: &mut State<'_, '_>, left: Value, right: Value) -> Result<Value, Error> {
    let (what, times) = match right.as_usize() {
        Some(times) => (&left, times),
        // What is no number of times is refused by the operator itself.
        None => (&right, left.as_usize().unwrap_or(1)),
    };
    if let Some(text) = what.as_str() {
        grow(state, text.len().saturating_mul(times))?;
    } else if is_list(what) {
        let items = items(what)?.saturating_mul(times);
        bounded_items(items)?;
        grow(state, items.saturating_mul(size_of::<Value>()))?;
    }
    plainly(state, "left * right", left, right)
}

/// Jinja's `sum`, of numbers or lists; the result is bounded.
fn sum(
    state: &mut State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    start: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let start = start.map_or_else(|| kwargs.get::<Option<Value>>("start"), |it| Ok(Some(it)))?;
    let by = match attribute {
        Some(attribute) => Some(attribute.to_owned()),
        None => kwargs.get::<Option<String>>("attribute")?,
    };
    let by = by.as_deref();
    match &start {
        Some(start) if is_list(start) => {
            let mut total = items(start)?;
            for value in values.try_iter().into_iter().flatten() {
                let part =
                    by.map_or_else(|| Ok(value.clone()), |path| attribute_of(&value, path))?;
                total = total.saturating_add(items(&part)?);
                bounded_items(total)?;
            }
            grow(state, total.saturating_mul(size_of::<Value>()))?;
        }
        Some(start) if !start.is_number() => return Err(refused("a `sum` of texts")),
        _ => {}
    }
    minijinja::filters::sum(state, values, by, start, kwargs)
}

fn attribute_of(value: &Value, path: &str) -> Result<Value, Error> {
    path.split('.').try_fold(value.clone(), |value, part| value.get_attr(part))
}

/// Returns what Jinja itself makes of `operation` with `left` and `right`.
fn plainly(
    state: &State<'_, '_>,
    operation: &'static str,
    left: Value,
    right: Value,
) -> Result<Value, Error> {
    if left.is_undefined() || right.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let operands = Value::from(BTreeMap::from([("left", left), ("right", right)]));
    let result = state.env().compile_expression(operation)?.eval(operands);
    // The place in that expression would hide the place in the template.
    result.map_err(|error| match error.detail() {
        Some(detail) => Error::new(error.kind(), detail.to_owned()),
        None => Error::from(error.kind()),
    })
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn items(list: &Value) -> Result<usize, Error> {
    list.len().ok_or_else(|| refused("a list of unknown length in a calculation"))
}

fn bounded_items(items: usize) -> Result<(), Error> {
    if items <= MAX_ITEMS { Ok(()) } else { Err(refused("a list of more than 1000000 items")) }
}

/// Counts `bytes` of a result that is about to be made.
fn grow(state: &mut State<'_, '_>, bytes: usize) -> Result<(), Error> {
    bounded(bytes)?;
    let total = state.get_or_insert_extension_with(Total::default);
    total.0 = total.0.saturating_add(bytes);
    if total.0 <= MAX_TOTAL { Ok(()) } else { Err(refused("more than 256 MiB of calculated text")) }
}

/// Text that ends at [`MAX_LEN`].
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len().saturating_add(text.len()) > MAX_LEN {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Context, Jinja, TemplateError};

    fn render(text: &str) -> Result<String, TemplateError> {
        let data = json!({"a": "x", "n": 2, "list": [1, 2], "maps": [{"l": [1]}, {"l": [2]}]});
        Jinja::new().render("t.j2", text, &Context::new(&data))
    }

    #[test]
    fn operators_mean_what_they_mean_in_jinja() {
        for (text, expected) in [
            (
                "{{ a + 'y' }} {{ n + 1 }} {{ n + 0.5 }} {{ (list + [3]) | join(',') }}",
                "xy 3 2.5 1,2,3",
            ),
            ("{{ a ~ n ~ list }} {{ n ~ (1 + 2 * n) }}", "x2[1, 2] 25"),
            ("{{ a * n }} {{ n * a }} {{ n * n }} {{ (list * 2) | length }}", "xx xx 4 4"),
            ("{{ list | sum }} {{ maps | sum(attribute='l', start=[]) | join(',') }}", "3 1,2"),
            ("{% set t = a ~ 1 %}{% macro m(x) %}<{{ x ~ t }}>{% endmacro %}{{ m(a) }}", "<xx1>"),
            ("{% block b %}{{ a ~ n }}{% endblock %}|{{ self.b() }}", "x2|x2"),
            ("{% for i in list %}{{ loop.index ~ ':' ~ i }}\n{% endfor %}", "1:1\n2:2\n"),
            ("{% if a ~ n == 'x2' and n + 1 > 2 or nope %}yes{% else %}no{% endif %}", "yes"),
        ] {
            assert_eq!(render(text).expect("valid"), expected, "{text}");
        }
    }

    #[test]
    fn an_error_has_the_place_of_its_operator() {
        let error = render("1\n {{ a + n }}").expect_err("a text and a number");
        assert_eq!((error.position.line, error.position.column), (2, 5), "{error}");
        let error = render("1\n {{ a ~ nope }}").expect_err("undefined");
        assert_eq!(error.message, "`nope` is not defined");
        let error = render("1\n {{ nope + 1 }}").expect_err("undefined");
        assert_eq!((error.message.as_str(), error.position.line), ("`nope` is not defined", 2));
    }

    #[test]
    fn what_doubles_is_refused() {
        for (start, next) in [
            ("'aaaaaaaa'", "ns.s ~ ns.s"),
            ("'aaaaaaaa'", "ns.s + ns.s"),
            ("'aaaaaaaa'", "ns.s * 8"),
            ("'aaaaaaaa'", "[ns.s, ns.s] | sum(start='')"),
            ("[1, 2, 3]", "ns.s + ns.s"),
            ("[1, 2, 3]", "ns.s * 8"),
            ("[1, 2, 3]", "[ns.s, ns.s] | sum(start=[])"),
        ] {
            let text = format!(
                "{{% set ns = namespace(s={start}) %}}{{% for i in range(60) %}}{{% set ns.s = {next} %}}{{% endfor %}}"
            );
            let error = render(&text).expect_err("refused");
            assert!(error.message.ends_with("is refused"), "{next}: {error}");
            assert_eq!(error.position.line, 1);
        }
    }

    #[test]
    fn what_is_kept_is_bounded_together() {
        let kept = "{% set ns = namespace(l=[]) %}{% for i in range(100) %}\
            {% set ns.l = ns.l + ['x' * (30000000 + i)] %}{% endfor %}";
        let error = render(kept).expect_err("refused");
        assert_eq!(error.message, "more than 256 MiB of calculated text is refused");
    }

    #[test]
    fn output_of_such_a_template_is_bounded_too() {
        let text = "{% for i in range(100000) %}{{ '' ~ i }}".to_owned() + &"x".repeat(1000);
        let error = render(&(text + "{% endfor %}")).expect_err("refused");
        assert_eq!(error.message, "the template writes more than 64 MiB");
    }
}
