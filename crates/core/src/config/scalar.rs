//! What a number or a plain YAML scalar means.

use super::node::Data;

/// Why a scalar cannot be in a configuration. It never quotes the scalar, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidScalar {
    #[error("integer does not fit in 64 bits")]
    IntegerRange,
    #[error("number is too large for a 64-bit float")]
    FloatRange,
    #[error("infinity and not-a-number cannot be in a configuration")]
    NotFinite,
    #[error("string holds a NUL character")]
    Nul,
}

impl InvalidScalar {
    pub(super) fn hint(self) -> Option<&'static str> {
        match self {
            Self::IntegerRange | Self::FloatRange => Some("quote it to make it a string"),
            Self::NotFinite | Self::Nul => None,
        }
    }
}

/// Returns the integer that `digits` (a sign and at least one digit of `radix`) write.
pub(super) fn integer(digits: &str, radix: u32) -> Result<Data, InvalidScalar> {
    let number = i128::from_str_radix(digits, radix).map_err(|_| InvalidScalar::IntegerRange)?;
    checked_integer(number)
}

/// Returns `number` if it fits in `i64` or `u64`.
pub(super) fn checked_integer(number: i128) -> Result<Data, InvalidScalar> {
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    if range.contains(&number) {
        Ok(Data::Integer(number))
    } else {
        Err(InvalidScalar::IntegerRange)
    }
}

/// Returns the number that `text` (a decimal number) writes.
pub(super) fn float(text: &str) -> Result<Data, InvalidScalar> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Data::Float(number)),
        Ok(_) if text.contains("inf") || text.contains("nan") => Err(InvalidScalar::NotFinite),
        _ => Err(InvalidScalar::FloatRange),
    }
}

/// Returns `text` unless it holds a NUL.
pub(super) fn string(text: &str) -> Result<Data, InvalidScalar> {
    if text.contains('\0') { Err(InvalidScalar::Nul) } else { Ok(Data::String(text.to_owned())) }
}

/// Returns what a plain YAML scalar means by the core schema of YAML 1.2: `no`, `off` and `1_000`
/// are strings, `0o644` is 420 and `0644` is 644.
pub(super) fn yaml(text: &str) -> Result<Data, InvalidScalar> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Data::Null),
        "true" | "True" | "TRUE" => return Ok(Data::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Data::Bool(false)),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        yaml_number(text)
    } else {
        string(text)
    }
}

fn yaml_number(text: &str) -> Result<Data, InvalidScalar> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_digits(unsigned, 10) {
        return integer(text, 10);
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix).filter(|digits| is_digits(digits, radix)) {
            return integer(digits, radix);
        }
    }
    match unsigned {
        ".inf" | ".Inf" | ".INF" => Err(InvalidScalar::NotFinite),
        ".nan" | ".NaN" | ".NAN" if unsigned == text => Err(InvalidScalar::NotFinite),
        _ if is_decimal(unsigned) => float(text),
        _ => string(text),
    }
}

/// Tells whether `text` is a whole JSON number without a fraction or an exponent.
pub(super) fn is_json_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    is_digits(digits, 10) && (digits == "0" || !digits.starts_with('0'))
}

/// Tells whether `text` is a JSON number.
pub(super) fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let whole = unsigned.split(['.', 'e', 'E']).next().unwrap_or_default();
    let fraction_ends_well =
        !unsigned.ends_with('.') && !unsigned.contains(".e") && !unsigned.contains(".E");
    is_json_integer(whole) && fraction_ends_well && is_decimal(unsigned)
}

fn is_digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_digit(radix))
}

/// Tells whether `text` is `1`, `1.`, `.5` or `1.5`, with or without an exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent), 10)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_fit = [whole, fraction].iter().all(|part| part.is_empty() || is_digits(part, 10));
    exponent_fits && digits_fit && !(whole.is_empty() && fraction.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_schema() {
        let text = |t: &str| Ok(Data::String(t.to_owned()));
        for (written, meant) in [
            ("no", text("no")),
            ("off", text("off")),
            ("Yes", text("Yes")),
            ("1_000", text("1_000")),
            ("0b1", text("0b1")),
            ("0o8", text("0o8")),
            ("-0o7", text("-0o7")),
            ("1.2.3", text("1.2.3")),
            ("12:30", text("12:30")),
            ("-", text("-")),
            (".", text(".")),
            ("-.", text("-.")),
            ("1e", text("1e")),
            ("e5", text("e5")),
            ("inf", text("inf")),
            ("2026-01-01", text("2026-01-01")),
            ("0o644", Ok(Data::Integer(420))),
            ("0644", Ok(Data::Integer(644))),
            ("0xFf", Ok(Data::Integer(255))),
            ("+12", Ok(Data::Integer(12))),
            ("-12", Ok(Data::Integer(-12))),
            ("18446744073709551615", Ok(Data::Integer(u64::MAX.into()))),
            ("18446744073709551616", Err(InvalidScalar::IntegerRange)),
            ("-9223372036854775809", Err(InvalidScalar::IntegerRange)),
            ("1.10", Ok(Data::Float(1.1))),
            ("1.", Ok(Data::Float(1.0))),
            (".5", Ok(Data::Float(0.5))),
            ("-1e3", Ok(Data::Float(-1000.0))),
            ("1e999", Err(InvalidScalar::FloatRange)),
            ("-.inf", Err(InvalidScalar::NotFinite)),
            (".nan", Err(InvalidScalar::NotFinite)),
            ("~", Ok(Data::Null)),
            ("", Ok(Data::Null)),
            ("TRUE", Ok(Data::Bool(true))),
        ] {
            assert_eq!(yaml(written), meant, "{written}");
        }
    }

    #[test]
    fn json_numbers() {
        for yes in ["0", "-0", "10", "1.5", "-1.5e+3", "1E9"] {
            assert!(is_json_number(yes), "{yes}");
        }
        for no in ["", "-", "01", "+1", "1.", ".5", "1.e3", "0x1", "1e", "١", " 1"] {
            assert!(!is_json_number(no), "{no}");
        }
        assert!(is_json_integer("-12") && !is_json_integer("0123") && !is_json_integer("1.0"));
    }
}
