//! What a YAML scalar is, as the YAML library of SOPS sees it: the authentication code depends on it.

use crate::error::Problem;
use crate::time::yaml_timestamp;
use crate::value::{Kind, Value};

/// Returns what the plain scalar `text` is.
pub(crate) fn plain(text: &str) -> Result<Value, Problem> {
    let word = match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::null()),
        "true" | "True" | "TRUE" => Some(Value::boolean(true)),
        "false" | "False" | "FALSE" => Some(Value::boolean(false)),
        ".nan" | ".NaN" | ".NAN" => Some(Value::float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(Value::float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => Some(Value::float(f64::NEG_INFINITY)),
        _ => None,
    };
    if let Some(value) = word {
        return Ok(value);
    }
    match text.as_bytes().first() {
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(text),
        _ => Ok(Value::text(text)),
    }
}

/// Returns what a scalar is that looks like a number or a time.
fn number(text: &str) -> Result<Value, Problem> {
    if let Some(time) = yaml_timestamp(text) {
        return Ok(Value::new(Kind::Time, time.into_bytes()));
    }
    let digits = text.replace('_', "");
    if text.starts_with('.') {
        return Ok(float(text).unwrap_or_else(|| Value::text(text)));
    }
    match integer(&digits) {
        Some(Some(number)) => Ok(Value::integer(number)),
        Some(None) => Err(Problem::NumberTooLarge),
        None => Ok(float(&digits).unwrap_or_else(|| Value::text(text))),
    }
}

/// Returns the whole number that `text` is: nothing if it is none, and nothing in something if it does
/// not fit 64 bits.
fn integer(text: &str) -> Option<Option<i64>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok();
    let number = magnitude.map(|number| if negative { -number } else { number });
    Some(number.and_then(|number| i64::try_from(number).ok()))
}

/// Returns the floating-point number that `text` is: digits, a point among or around them, an exponent.
fn float(text: &str) -> Option<Value> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fits = (digits(whole) && (fraction.is_empty() || digits(fraction)))
        || (whole.is_empty() && digits(fraction));
    let exponent =
        exponent.is_none_or(|text| digits(text.strip_prefix(['-', '+']).unwrap_or(text)));
    let number: f64 = if fits && exponent { text.parse().ok()? } else { return None };
    number.is_finite().then(|| Value::float(number))
}

/// Returns what a scalar is that has the tag `!!` and `tag`.
pub(crate) fn tagged(tag: &str, text: &str, is_plain: bool) -> Result<Value, Problem> {
    match tag {
        "str" => return Ok(Value::text(text)),
        "binary" => return binary(text),
        "null" | "bool" | "int" | "float" | "timestamp" => {}
        _ => return Err(Problem::Tag(format!("!!{tag}"))),
    }
    let value = if is_plain { plain(text)? } else { plain(text.trim())? };
    match (tag, value.kind()) {
        ("null", Kind::Null)
        | ("bool", Kind::Boolean)
        | ("int", Kind::Integer)
        | ("float", Kind::Float)
        | ("timestamp", Kind::Time) => Ok(value),
        ("float", Kind::Integer) => {
            let number = value.as_str().and_then(|text| text.parse().ok());
            number.map(Value::float).ok_or(Problem::NotOfItsTag)
        }
        _ => Err(Problem::NotOfItsTag),
    }
}

fn binary(text: &str) -> Result<Value, Problem> {
    use base64::Engine;
    let letters: String = text.split_ascii_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(letters);
    bytes.map(Value::text).map_err(|_| Problem::NotOfItsTag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_the_library_of_sops_takes_them_for() {
        let integers = [
            ("0", 0),
            ("-12", -12),
            ("+5", 5),
            ("0x1F", 31),
            ("0o17", 15),
            ("017", 15),
            ("0b101", 5),
            ("1_000", 1000),
        ];
        for (text, number) in integers {
            assert_eq!(plain(text), Ok(Value::integer(number)), "{text}");
        }
        for (text, number) in [
            ("1.5", 1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-1.5E-3", -0.0015),
            ("089", 89.0),
        ] {
            assert_eq!(plain(text), Ok(Value::float(number)), "{text}");
        }
        for text in [
            "yes", "no", "on", "y", "1.2.3", "10.0.0.1", "-", "+", ".", "-x", "0x", "1e",
            "12:30:45", "<<", "nan", "inf",
        ] {
            assert_eq!(plain(text), Ok(Value::text(text)), "{text}");
        }
        assert_eq!(plain("2020-01-02").map(|value| value.kind()), Ok(Kind::Time));
        assert_eq!(plain("~"), Ok(Value::null()));
    }

    #[test]
    fn numbers_that_would_lose_digits_are_refused() {
        assert_eq!(plain("9223372036854775807"), Ok(Value::integer(i64::MAX)));
        assert_eq!(plain("9223372036854775808"), Err(Problem::NumberTooLarge));
        assert_eq!(plain("-9223372036854775809"), Err(Problem::NumberTooLarge));
        assert_eq!(plain("1e999"), Ok(Value::text("1e999")));
    }

    #[test]
    fn tags_decide() {
        assert_eq!(tagged("str", "12", true), Ok(Value::text("12")));
        assert_eq!(tagged("float", "12", true), Ok(Value::float(12.0)));
        assert_eq!(tagged("int", "12", false), Ok(Value::integer(12)));
        assert_eq!(tagged("binary", "/w==", true), Ok(Value::text([0xff])));
        assert_eq!(tagged("int", "x", true), Err(Problem::NotOfItsTag));
        assert_eq!(tagged("set", "x", true), Err(Problem::Tag("!!set".to_owned())));
    }
}
