//! What a `transform` rule does with one value.

use std::fmt;

use super::number::Fraction;
use crate::config::node::{Data, Node};
use crate::config::scalar;
use crate::diagnostic::nearest;

/// A change of one value, as rules write it: `upper`, `multiply 1000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transform {
    /// `upper`: the text in capitals.
    Upper,
    /// `lower`: the text in small letters.
    Lower,
    /// `trim`: the text without white space around it.
    Trim,
    /// `to_string`: a number or boolean as text.
    ToString,
    /// `to_integer`: the integer that the text writes.
    ToInteger,
    /// `to_number`: the number that the text writes.
    ToNumber,
    /// `to_boolean`: what the text means: `true`, `yes`, `on`, `1`, and their opposites.
    ToBoolean,
    /// `not`: the opposite boolean.
    Not,
    /// `to_list`: a list with the value as its only element.
    ToList,
    /// `from_list`: the only element of the list.
    FromList,
    /// `multiply 1000`.
    Multiply(Operand),
    /// `divide 1000`.
    Divide(Operand),
    /// `add 1`.
    Add(Operand),
    /// `subtract 1`.
    Subtract(Operand),
    /// `prefix TEXT`: the text after `TEXT`.
    Prefix(String),
    /// `strip_prefix TEXT`: the text without `TEXT` before it.
    StripPrefix(String),
    /// `suffix TEXT`: the text before `TEXT`.
    Suffix(String),
    /// `strip_suffix TEXT`: the text without `TEXT` behind it.
    StripSuffix(String),
}

/// A number in a rule, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    text: String,
    number: Fraction,
}

/// Why a text is not a [`Transform`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransform {
    /// No transform has that name.
    #[error("unknown transform `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// The known one that was probably meant.
        meant: Option<&'static str>,
    },
    /// It needs something after its name, such as a number.
    #[error("`{name}` needs {what}, as in `{name} {example}`")]
    Operand {
        /// The transform.
        name: &'static str,
        /// What it needs.
        what: &'static str,
        /// An example of it.
        example: &'static str,
    },
    /// It takes nothing after its name.
    #[error("`{0}` stands alone")]
    Alone(&'static str),
}

/// Why a value cannot be transformed; it never quotes the value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unfit(pub(super) String);

const ALONE: [(&str, Transform); 10] = [
    ("upper", Transform::Upper),
    ("lower", Transform::Lower),
    ("trim", Transform::Trim),
    ("to_string", Transform::ToString),
    ("to_integer", Transform::ToInteger),
    ("to_number", Transform::ToNumber),
    ("to_boolean", Transform::ToBoolean),
    ("not", Transform::Not),
    ("to_list", Transform::ToList),
    ("from_list", Transform::FromList),
];

type WithNumber = fn(Operand) -> Transform;

const WITH_NUMBER: [(&str, WithNumber); 4] = [
    ("multiply", Transform::Multiply),
    ("divide", Transform::Divide),
    ("add", Transform::Add),
    ("subtract", Transform::Subtract),
];

type WithText = fn(String) -> Transform;

const WITH_TEXT: [(&str, WithText); 4] = [
    ("prefix", Transform::Prefix),
    ("strip_prefix", Transform::StripPrefix),
    ("suffix", Transform::Suffix),
    ("strip_suffix", Transform::StripSuffix),
];

impl Transform {
    /// Returns the names of all transforms.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let alone = ALONE.iter().map(|(name, _)| *name);
        let with_number = WITH_NUMBER.iter().map(|(name, _)| *name);
        alone.chain(with_number).chain(WITH_TEXT.iter().map(|(name, _)| *name))
    }

    /// Returns the transform that `text` writes.
    ///
    /// # Errors
    /// When there is none of that name, or what follows the name is not what it takes.
    pub fn parse(text: &str) -> Result<Self, InvalidTransform> {
        let (name, operand) = text.split_once(' ').unwrap_or((text, ""));
        if let Some((name, transform)) = ALONE.iter().find(|(known, _)| *known == name) {
            return if operand.is_empty() {
                Ok(transform.clone())
            } else {
                Err(InvalidTransform::Alone(name))
            };
        }
        if let Some((name, make)) = WITH_NUMBER.iter().find(|(known, _)| *known == name) {
            return with_number(name, operand).map(make);
        }
        if let Some((name, make)) = WITH_TEXT.iter().find(|(known, _)| *known == name) {
            let missing = InvalidTransform::Operand { name, what: "a text", example: "https://" };
            return if operand.is_empty() { Err(missing) } else { Ok(make(operand.to_owned())) };
        }
        Err(InvalidTransform::Unknown {
            name: name.to_owned(),
            meant: nearest(name, Self::names()),
        })
    }

    /// Returns the transform that gives back exactly what there was before, if there is one.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Upper | Self::Lower | Self::Trim => return None,
            Self::ToString | Self::ToNumber | Self::ToBoolean => return None,
            Self::ToInteger => Self::ToString,
            Self::Not => Self::Not,
            Self::ToList => Self::FromList,
            Self::FromList => Self::ToList,
            Self::Multiply(number) => Self::Divide(number),
            Self::Divide(number) => Self::Multiply(number),
            Self::Add(number) => Self::Subtract(number),
            Self::Subtract(number) => Self::Add(number),
            Self::Prefix(text) => Self::StripPrefix(text),
            Self::StripPrefix(text) => Self::Prefix(text),
            Self::Suffix(text) => Self::StripSuffix(text),
            Self::StripSuffix(text) => Self::Suffix(text),
        })
    }

    /// Returns `node` transformed; it stays where it was written.
    pub(super) fn apply(&self, node: &Node) -> Result<Node, Unfit> {
        let mut changed = node.clone();
        changed.data = match self {
            Self::ToList => Data::List(vec![node.clone()]),
            Self::FromList => only_element(node)?,
            Self::Not => Data::Bool(!boolean(&node.data)?),
            Self::ToString => Data::String(written(&node.data)?),
            Self::Multiply(by) => calculated(&node.data, by, Fraction::times)?,
            Self::Divide(by) => calculated(&node.data, by, Fraction::over)?,
            Self::Add(by) => calculated(&node.data, by, Fraction::plus)?,
            Self::Subtract(by) => calculated(&node.data, by, Fraction::minus)?,
            Self::ToInteger => read_integer(&node.data)?,
            Self::ToNumber => read_number(&node.data)?,
            Self::ToBoolean => read_boolean(&node.data)?,
            _ => Data::String(self.apply_to_text(text(&node.data)?)?),
        };
        Ok(changed)
    }

    fn apply_to_text(&self, text: &str) -> Result<String, Unfit> {
        let without = |rest: Option<&str>, end: &str| {
            let none = || Unfit(format!("does not {end}"));
            rest.map(str::to_owned).ok_or_else(none)
        };
        match self {
            Self::Upper => Ok(text.to_uppercase()),
            Self::Lower => Ok(text.to_lowercase()),
            Self::Prefix(before) => Ok(format!("{before}{text}")),
            Self::Suffix(after) => Ok(format!("{text}{after}")),
            Self::StripPrefix(before) => {
                without(text.strip_prefix(before), &format!("start with {before:?}"))
            }
            Self::StripSuffix(after) => {
                without(text.strip_suffix(after), &format!("end with {after:?}"))
            }
            _ => Ok(text.trim().to_owned()),
        }
    }
}

fn with_number(name: &'static str, operand: &str) -> Result<Operand, InvalidTransform> {
    let text = operand.trim().to_owned();
    let is_factor = matches!(name, "multiply" | "divide");
    let what = if is_factor { "a number other than 0" } else { "a number" };
    Fraction::parse(&text)
        .filter(|number| !(is_factor && number.is_zero()))
        .map(|number| Operand { text, number })
        .ok_or(InvalidTransform::Operand { name, what, example: "1000" })
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiply(number) => write!(f, "multiply {}", number.text),
            Self::Divide(number) => write!(f, "divide {}", number.text),
            Self::Add(number) => write!(f, "add {}", number.text),
            Self::Subtract(number) => write!(f, "subtract {}", number.text),
            Self::Prefix(text) => write!(f, "prefix {text}"),
            Self::StripPrefix(text) => write!(f, "strip_prefix {text}"),
            Self::Suffix(text) => write!(f, "suffix {text}"),
            Self::StripSuffix(text) => write!(f, "strip_suffix {text}"),
            alone => {
                let named = ALONE.iter().find(|(_, transform)| transform == alone);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}

fn wanted(data: &Data, what: &str) -> Unfit {
    Unfit(format!("is {} where {what} is needed", data.kind()))
}

fn text(data: &Data) -> Result<&str, Unfit> {
    match data {
        Data::String(text) => Ok(text),
        other => Err(wanted(other, "a string")),
    }
}

fn boolean(data: &Data) -> Result<bool, Unfit> {
    match data {
        Data::Bool(flag) => Ok(*flag),
        other => Err(wanted(other, "a boolean")),
    }
}

fn only_element(node: &Node) -> Result<Data, Unfit> {
    match node.as_list() {
        Some([only]) => Ok(only.data.clone()),
        Some(list) => {
            Err(Unfit(format!("has {} elements where exactly one is needed", list.len())))
        }
        None => Err(wanted(&node.data, "a list")),
    }
}

/// Returns the scalar as text.
pub(super) fn written(data: &Data) -> Result<String, Unfit> {
    match data {
        Data::String(text) => Ok(text.clone()),
        Data::Integer(number) => Ok(number.to_string()),
        Data::Float(number) => Ok(number.to_string()),
        Data::Bool(flag) => Ok(flag.to_string()),
        other => Err(wanted(other, "a string, a number or a boolean")),
    }
}

/// Returns the integer that the text writes in the one way that gives the same text back.
pub(super) fn read_integer(data: &Data) -> Result<Data, Unfit> {
    if let Data::Integer(_) = data {
        return Ok(data.clone());
    }
    let text = text(data)?;
    let is_plain = scalar::is_json_integer(text) && text != "-0";
    let number = is_plain.then(|| scalar::integer(text, 10).ok()).flatten();
    number.ok_or_else(|| Unfit("is not an integer in plain decimal, within 64 bits".to_owned()))
}

fn read_number(data: &Data) -> Result<Data, Unfit> {
    if let Data::Integer(_) | Data::Float(_) = data {
        return Ok(data.clone());
    }
    let text = text(data)?;
    if scalar::is_json_integer(text) {
        return read_integer(data);
    }
    let number = scalar::is_json_number(text).then(|| scalar::float(text).ok()).flatten();
    number.ok_or_else(|| Unfit("is not a number".to_owned()))
}

fn read_boolean(data: &Data) -> Result<Data, Unfit> {
    if let Data::Bool(_) = data {
        return Ok(data.clone());
    }
    let text = written(data)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(Data::Bool(true)),
        "false" | "no" | "off" | "0" => Ok(Data::Bool(false)),
        _ => Err(Unfit("means neither true nor false".to_owned())),
    }
}

type Operation = fn(Fraction, Fraction) -> Option<Fraction>;

fn calculated(data: &Data, by: &Operand, operation: Operation) -> Result<Data, Unfit> {
    if !matches!(data, Data::Integer(_) | Data::Float(_)) {
        return Err(wanted(data, "a number"));
    }
    let result = Fraction::of(data).and_then(|number| operation(number, by.number));
    let result = result.and_then(Fraction::into_data);
    result.ok_or_else(|| Unfit("is too large a number to calculate with".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Origin;

    fn apply(transform: &str, value: &Value) -> Result<Value, String> {
        let transform = Transform::parse(transform).map_err(|error| error.to_string())?;
        let node = Node::from_json(value, &Origin::of_source("test")).expect("a value");
        transform.apply(&node).map(|node| node.to_json()).map_err(|unfit| unfit.to_string())
    }

    #[test]
    fn values_are_transformed() {
        for (transform, before, after) in [
            ("upper", json!("straße"), json!("STRASSE")),
            ("lower", json!("INFO"), json!("info")),
            ("trim", json!(" x "), json!("x")),
            ("to_string", json!(1.5), json!("1.5")),
            ("to_integer", json!("8080"), json!(8080)),
            ("to_number", json!("1.5"), json!(1.5)),
            ("to_boolean", json!("Yes"), json!(true)),
            ("to_boolean", json!(0), json!(false)),
            ("not", json!(true), json!(false)),
            ("to_list", json!({"a": 1}), json!([{"a": 1}])),
            ("from_list", json!([1]), json!(1)),
            ("multiply 1000", json!(0.57), json!(570)),
            ("divide 1000", json!(1500), json!(1.5)),
            ("add -1", json!(1), json!(0)),
            ("subtract 0.5", json!(1), json!(0.5)),
            ("prefix https://", json!("a"), json!("https://a")),
            ("strip_suffix ms", json!("30ms"), json!("30")),
        ] {
            assert_eq!(apply(transform, &before), Ok(after), "{transform}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_without_the_value() {
        for (transform, value, reason) in [
            ("upper", json!(1), "is an integer where a string is needed"),
            ("to_integer", json!("007"), "is not an integer in plain decimal, within 64 bits"),
            (
                "to_integer",
                json!("99999999999999999999"),
                "is not an integer in plain decimal, within 64 bits",
            ),
            ("to_number", json!("x"), "is not a number"),
            ("to_boolean", json!("maybe"), "means neither true nor false"),
            ("not", json!("true"), "is a string where a boolean is needed"),
            ("from_list", json!([1, 2]), "has 2 elements where exactly one is needed"),
            ("multiply 1000", json!("1"), "is a string where a number is needed"),
            ("multiply 1000", json!(u64::MAX), "is too large a number to calculate with"),
            ("strip_prefix http", json!("ftp"), "does not start with \"http\""),
            ("to_string", json!({}), "is a map where a string, a number or a boolean is needed"),
        ] {
            assert_eq!(apply(transform, &value), Err(reason.to_owned()), "{transform}");
        }
    }

    #[test]
    fn mistakes_in_transforms() {
        for (text, reason) in [
            ("uper", "unknown transform `uper`"),
            ("upper x", "`upper` stands alone"),
            ("multiply", "`multiply` needs a number other than 0, as in `multiply 1000`"),
            ("divide 0", "`divide` needs a number other than 0, as in `divide 1000`"),
            ("prefix ", "`prefix` needs a text, as in `prefix https://`"),
        ] {
            assert_eq!(apply(text, &json!(1)), Err(reason.to_owned()));
        }
        let error = Transform::parse("uper").expect_err("unknown");
        assert!(matches!(error, InvalidTransform::Unknown { meant: Some("upper"), .. }));
    }

    #[test]
    fn inverses_give_back_what_was() {
        let values = [json!("https://12ms"), json!("12"), json!(true), json!([7]), json!(0.25)];
        let texts = Transform::names().map(|name| match name {
            "multiply" | "divide" | "add" | "subtract" => format!("{name} 3"),
            "prefix" | "strip_prefix" => format!("{name} https://"),
            "suffix" | "strip_suffix" => format!("{name} ms"),
            _ => name.to_owned(),
        });
        let mut undone = 0;
        for transform in texts.map(|text| Transform::parse(&text).expect("valid")) {
            assert_eq!(Transform::parse(&transform.to_string()).as_ref(), Ok(&transform));
            let Some(inverse) = transform.inverse() else { continue };
            for value in &values {
                let Ok(after) = apply(&transform.to_string(), value) else { continue };
                assert_eq!(apply(&inverse.to_string(), &after).as_ref(), Ok(value), "{transform}");
                undone += 1;
            }
        }
        assert!(undone >= 12, "{undone}");
    }
}
