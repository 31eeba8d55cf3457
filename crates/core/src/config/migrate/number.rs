//! Arithmetic that comes back exactly: what was multiplied by 1000 and divided by it is the same.

use crate::config::node::Data;
use crate::config::scalar;

/// A number as a fraction in lowest terms, the denominator above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fraction {
    numerator: i128,
    denominator: i128,
}

impl Fraction {
    fn new(numerator: i128, denominator: i128) -> Option<Self> {
        let divisor = greatest_common_divisor(numerator.checked_abs()?, denominator.checked_abs()?);
        let divisor = if denominator < 0 { divisor.checked_neg()? } else { divisor };
        let reduced = |part: i128| part.checked_div(divisor);
        Some(Self { numerator: reduced(numerator)?, denominator: reduced(denominator)? })
    }

    /// Returns the number that `text` writes in decimal, without an exponent.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) || text.ends_with('.') {
            return None;
        }
        let numerator: i128 = format!("{whole}{fraction}").parse().ok()?;
        let places = u32::try_from(fraction.len()).ok()?;
        let sign = if text.starts_with('-') { -1 } else { 1 };
        Self::new(sign * numerator, 10_i128.checked_pow(places)?)
    }

    /// Returns the number that `data` is, if it is one and not beyond all measure.
    pub(super) fn of(data: &Data) -> Option<Self> {
        match data {
            Data::Integer(number) => Self::new(*number, 1),
            // The shortest text that reads back as the same number: 0.1 means a tenth.
            Data::Float(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.numerator == 0
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.numerator)?;
        Self::new(numerator, self.denominator.checked_mul(other.denominator)?)
    }

    pub(super) fn over(self, other: Self) -> Option<Self> {
        let numerator = self.numerator.checked_mul(other.denominator)?;
        Self::new(numerator, self.denominator.checked_mul(other.numerator)?)
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        let left = self.numerator.checked_mul(other.denominator)?;
        let right = other.numerator.checked_mul(self.denominator)?;
        Self::new(left.checked_add(right)?, self.denominator.checked_mul(other.denominator)?)
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { numerator: other.numerator.checked_neg()?, ..other })
    }

    /// Returns it as an integer where it is one, else as the nearest float.
    pub(super) fn into_data(self) -> Option<Data> {
        if self.denominator == 1 {
            return scalar::checked_integer(self.numerator).ok();
        }
        Some(Data::Float(self.numerator as f64 / self.denominator as f64))
    }
}

/// Returns the greatest common divisor; at least 1 where one of them is not zero.
fn greatest_common_divisor(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_are_exact() {
        let times = |a: &str, b: &str| {
            let product = Fraction::parse(a)?.times(Fraction::parse(b)?)?;
            product.into_data()
        };
        assert_eq!(times("0.57", "100"), Some(Data::Integer(57)));
        assert_eq!(times("-1.5", "3"), Some(Data::Float(-4.5)));
        assert_eq!(times("18446744073709551615", "2"), None);
        for bad in ["", "-", "1.", ".5", "1e3", "+1", "0x1", "1.2.3"] {
            assert_eq!(Fraction::parse(bad), None, "{bad}");
        }
        assert_eq!(Fraction::of(&Data::Float(1e300)), None);
    }

    proptest! {
        #[test]
        fn dividing_undoes_multiplying(
            value in -1_000_000_000_i64..1_000_000_000, places in 0_u32..6, factor in 1_i64..100_000,
        ) {
            let before = Data::Float(value as f64 / f64::from(10_u32.pow(places)));
            let (number, factor) = (Fraction::of(&before), Fraction::of(&Data::Integer(factor.into())));
            let (number, factor) = (number.expect("a number"), factor.expect("a number"));
            let product = number.times(factor).and_then(Fraction::into_data).expect("in range");
            let back = Fraction::of(&product).expect("a number").over(factor).expect("not zero");
            prop_assert_eq!(back, number);
        }
    }
}
