//! A value in the clear, which cannot be printed.

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use crate::cipher::is_ciphertext;

/// What a value is, apart from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Text, or bytes that are no UTF-8.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A point in time, from a YAML timestamp.
    Time,
    /// Nothing: SOPS leaves it as it is.
    Null,
}

/// A value in the clear; its bytes are zeroized when the last copy of it is dropped.
///
/// It has no `Display`, and `Debug` shows the kind alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    kind: Kind,
    bytes: Arc<Wiped>,
}

/// Bytes that are zeroized when dropped, unless they are a ciphertext, which everybody can read.
#[derive(PartialEq, Eq)]
struct Wiped(Vec<u8>);

impl Drop for Wiped {
    fn drop(&mut self) {
        if !is_ciphertext(&self.0) {
            self.0.zeroize();
        }
    }
}

impl Value {
    /// Returns a text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::new(Kind::Text, text.as_ref().to_vec())
    }

    /// Returns a whole number.
    pub fn integer(number: i64) -> Self {
        Self::new(Kind::Integer, number.to_string().into_bytes())
    }

    /// Returns a floating-point number.
    pub fn float(number: f64) -> Self {
        Self::new(Kind::Float, float_text(number).into_bytes())
    }

    /// Returns `true` or `false`.
    pub fn boolean(flag: bool) -> Self {
        let text: &[u8] = if flag { b"True" } else { b"False" };
        Self::new(Kind::Boolean, text.to_vec())
    }

    /// Returns a value that is nothing.
    pub fn null() -> Self {
        Self::new(Kind::Null, Vec::new())
    }

    pub(crate) fn new(kind: Kind, bytes: Vec<u8>) -> Self {
        Self { kind, bytes: Arc::new(Wiped(bytes)) }
    }

    /// Returns what the value is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the bytes that SOPS encrypts and authenticates: a text as it is, a number in decimal,
    /// a boolean as `True` or `False`, a time by RFC 3339, and no bytes for null.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes.0
    }

    /// Returns the text of [`Value::as_bytes`], if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes.0).ok()
    }

    /// Returns the flag that a boolean is.
    pub fn as_bool(&self) -> Option<bool> {
        (self.kind == Kind::Boolean).then(|| self.as_bytes() == b"True")
    }

    /// Returns whether this is the same value as `other`, also where one is a whole number and the other a
    /// floating-point number, as JSON does not tell them apart.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let number = |value: &Self| matches!(value.kind, Kind::Integer | Kind::Float);
        self == other || number(self) && number(other) && self.bytes == other.bytes
    }

    /// Returns whether this is a text without bytes, which SOPS leaves in the clear.
    pub fn is_empty_text(&self) -> bool {
        self.kind == Kind::Text && self.bytes.0.is_empty()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?}, redacted)", self.kind)
    }
}

/// Returns `number` in decimal without an exponent, as short as it is exact: what SOPS authenticates.
pub(crate) fn float_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        number.to_string()
    }
}

/// Returns the value that the decrypted `bytes` are under SOPS's word for their type; nothing if they
/// are no such value.
pub(crate) fn of_type(name: &str, mut bytes: Zeroizing<Vec<u8>>) -> Option<Value> {
    let text = || std::str::from_utf8(&bytes).ok();
    Some(match name {
        "str" | "bytes" => Value::new(Kind::Text, std::mem::take(&mut *bytes)),
        "int" => Value::integer(text()?.parse().ok()?),
        "float" => Value::float(text()?.parse().ok()?),
        "bool" => Value::boolean(match text()? {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => true,
            "0" | "f" | "F" | "FALSE" | "false" | "False" => false,
            _ => return None,
        }),
        "time" => Value::new(Kind::Time, crate::time::rfc3339_nanos(text()?)?.into_bytes()),
        _ => return None,
    })
}

impl Kind {
    /// Returns SOPS's word for the type; nothing for null, which is never encrypted.
    pub(crate) fn sops_type(self) -> Option<&'static str> {
        Some(match self {
            Self::Text => "str",
            Self::Integer => "int",
            Self::Float => "float",
            Self::Boolean => "bool",
            Self::Time => "time",
            Self::Null => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_never_shows_itself() {
        let shown = format!("{:?} {:#?}", Value::text("hunter2"), vec![Value::integer(4711)]);
        assert!(!shown.contains("hunter2") && !shown.contains("4711"), "{shown}");
    }

    #[test]
    fn numbers_have_the_text_that_the_code_is_computed_over() {
        for (number, text) in [
            (1.5, "1.5"),
            (1.0, "1"),
            (-0.0, "-0"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (1234.56789, "1234.56789"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Value::float(number).as_bytes(), text.as_bytes());
        }
        assert_eq!(Value::boolean(true).as_bytes(), b"True");
    }

    #[test]
    fn a_decrypted_text_becomes_what_its_type_says_or_nothing() {
        let value = |name, text: &str| of_type(name, Zeroizing::new(text.as_bytes().to_vec()));
        assert_eq!(value("int", "007"), Some(Value::integer(7)));
        assert_eq!(value("bool", "true"), Some(Value::boolean(true)));
        assert_eq!(value("float", "1.50"), Some(Value::float(1.5)));
        assert_eq!(value("str", "x"), Some(Value::text("x")));
        for (name, text) in [
            ("int", "x"),
            ("int", "99999999999999999999"),
            ("bool", "yes"),
            ("sts", "a"),
            ("time", "x"),
        ] {
            assert_eq!(value(name, text), None, "{name} {text}");
        }
    }
}
