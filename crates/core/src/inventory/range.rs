//! Names with ranges in them: `web[01:50].example`, `db-[a:f]`, `[0:10:2]`.

use std::ops::Range;

/// How many names one range may stand for.
pub const MAX_NAMES: u64 = 100_000;

/// The letters in the order that ranges of letters have.
const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// The longest bound, in digits: what fits in 64 bits.
const DIGITS: usize = 18;

/// A name in which parts may be ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRange {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Numbers { bounds: Bounds, width: usize },
    Letters(Bounds),
}

/// Numbers from `first` on, of which there are `count`, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    first: u64,
    count: u64,
    step: u64,
}

/// Why a name with brackets is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// A bracket without its counterpart.
    #[error("has a bracket without its counterpart")]
    Unbalanced,
    /// Not two or three parts.
    #[error("has a range that is not `[FIRST:LAST]` or `[FIRST:LAST:STEP]`")]
    Form,
    /// Bounds that are neither numbers nor single letters.
    #[error(
        "has a range whose ends are neither whole numbers of up to {DIGITS} digits nor single letters"
    )]
    Bounds,
    /// `[01:100]`.
    #[error("has a range that starts with zeros, and whose ends have different lengths")]
    Width,
    /// `[9:1]`.
    #[error("has a range that ends before it begins")]
    Backwards,
    /// A step of 0, or one that is no number.
    #[error("has a range whose step is not a whole number from 1 on")]
    Step,
    /// More than [`MAX_NAMES`].
    #[error("stands for more than {MAX_NAMES} names")]
    TooMany,
}

impl HostRange {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidRange`], and the bytes of `text` that it is about.
    pub fn parse(text: &str) -> Result<Self, (InvalidRange, Range<usize>)> {
        let whole = 0..text.len();
        let mut parts = Vec::new();
        let (mut at, mut names) = (0, 1_u64);
        while let Some(open) = text[at..].find(['[', ']']) {
            let open = at + open;
            let close = text[open + 1..].find(['[', ']']).map_or(text.len(), |n| open + 1 + n);
            if !text[open..].starts_with('[') || !text[close..].starts_with(']') {
                return Err((InvalidRange::Unbalanced, open..open + 1));
            }
            let part = read(&text[open + 1..close]).map_err(|error| (error, open..close + 1))?;
            names = names.saturating_mul(part.count());
            parts.extend([Part::Text(text[at..open].to_owned()), part]);
            at = close + 1;
        }
        if names > MAX_NAMES {
            return Err((InvalidRange::TooMany, whole));
        }
        parts.push(Part::Text(text[at..].to_owned()));
        Ok(Self { parts })
    }

    /// Returns `name` itself, brackets being nothing special.
    pub(super) fn of(name: String) -> Self {
        Self { parts: vec![Part::Text(name)] }
    }

    /// Returns how many names there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.parts.iter().map(Part::count).product()
    }

    /// Returns the names in order, the first range moving slowest.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.count()).map(|nth| self.name(nth))
    }

    /// Returns the first name and the last, which is as long as any.
    pub(super) fn ends(&self) -> [String; 2] {
        [self.name(0), self.name(self.count() - 1)]
    }

    /// Returns the name number `nth`, from 0.
    fn name(&self, nth: u64) -> String {
        let mut left = self.count();
        let mut rest = nth;
        let mut name = String::new();
        for part in &self.parts {
            left /= part.count();
            part.write(rest / left, &mut name);
            rest %= left;
        }
        name
    }
}

impl Part {
    fn count(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::Numbers { bounds, .. } | Self::Letters(bounds) => bounds.count,
        }
    }

    fn write(&self, nth: u64, name: &mut String) {
        match self {
            Self::Text(text) => name.push_str(text),
            Self::Numbers { bounds, width } => {
                let digits = bounds.nth(nth).to_string();
                name.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
                name.push_str(&digits);
            }
            Self::Letters(bounds) => {
                let letter = usize::try_from(bounds.nth(nth)).ok().and_then(|at| LETTERS.get(at));
                name.extend(letter.map(|letter| char::from(*letter)));
            }
        }
    }
}

impl Bounds {
    fn new(first: u64, last: u64, step: u64) -> Result<Self, InvalidRange> {
        let span = last.checked_sub(first).ok_or(InvalidRange::Backwards)?;
        Ok(Self { first, count: span / step + 1, step })
    }

    fn nth(self, nth: u64) -> u64 {
        self.first + nth * self.step
    }
}

/// Reads what is between the brackets.
fn read(text: &str) -> Result<Part, InvalidRange> {
    let mut fields = text.split(':');
    let (first, last) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let step = fields.next();
    if last.is_empty() || fields.next().is_some() {
        return Err(InvalidRange::Form);
    }
    let step =
        step.map_or(Ok(1), |step| number(step).filter(|n| *n > 0).ok_or(InvalidRange::Step))?;
    let first = if first.is_empty() { "0" } else { first };
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        return Ok(Part::Letters(Bounds::new(first, last, step)?));
    }
    let padded = first.len() > 1 && first.starts_with('0');
    let (from, to) = number(first).zip(number(last)).ok_or(InvalidRange::Bounds)?;
    if padded && first.len() != last.len() {
        return Err(InvalidRange::Width);
    }
    let width = if padded { first.len() } else { 0 };
    Ok(Part::Numbers { bounds: Bounds::new(from, to, step)?, width })
}

fn letter(text: &str) -> Option<u64> {
    let [letter] = text.as_bytes() else { return None };
    let at = LETTERS.iter().position(|other| other == letter)?;
    u64::try_from(at).ok()
}

fn number(text: &str) -> Option<u64> {
    let digits = text.len() <= DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        HostRange::parse(text).expect(text).names().collect()
    }

    fn refused(text: &str) -> InvalidRange {
        HostRange::parse(text).expect_err(text).0
    }

    #[test]
    fn ranges_are_those_of_ansible() {
        for (text, expected) in [
            ("web", vec!["web"]),
            ("", vec![""]),
            ("web[1:3]", vec!["web1", "web2", "web3"]),
            ("web[08:10].x", vec!["web08.x", "web09.x", "web10.x"]),
            ("web[8:10]", vec!["web8", "web9", "web10"]),
            ("web[:2]", vec!["web0", "web1", "web2"]),
            ("[0:10:5]", vec!["0", "5", "10"]),
            ("[0:9:5]", vec!["0", "5"]),
            ("[00:02:2]", vec!["00", "02"]),
            ("db-[a:c]", vec!["db-a", "db-b", "db-c"]),
            ("[y:B]", vec!["y", "z", "A", "B"]),
            ("[a:e:2]", vec!["a", "c", "e"]),
            ("[1:2]x[a:b]", vec!["1xa", "1xb", "2xa", "2xb"]),
            ("[3:3]", vec!["3"]),
            ("fe80::[9:11]", vec!["fe80::9", "fe80::10", "fe80::11"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_told() {
        for (text, expected) in [
            ("web[1", InvalidRange::Unbalanced),
            ("web1]", InvalidRange::Unbalanced),
            ("a]b[1:2]", InvalidRange::Unbalanced),
            ("[[1:2]]", InvalidRange::Unbalanced),
            ("web[]", InvalidRange::Form),
            ("web[1]", InvalidRange::Form),
            ("web[1:]", InvalidRange::Form),
            ("web[1:2:3:4]", InvalidRange::Form),
            ("web[a:2]", InvalidRange::Bounds),
            ("web[aa:bb]", InvalidRange::Bounds),
            ("web[-1:2]", InvalidRange::Bounds),
            ("web[1:+2]", InvalidRange::Bounds),
            ("web[1: 2]", InvalidRange::Bounds),
            ("web[1:9999999999999999999]", InvalidRange::Bounds),
            ("web[01:100]", InvalidRange::Width),
            ("web[3:1]", InvalidRange::Backwards),
            ("web[b:a]", InvalidRange::Backwards),
            ("web[A:a]", InvalidRange::Backwards),
            ("web[1:3:0]", InvalidRange::Step),
            ("web[1:3:]", InvalidRange::Step),
            ("web[1:3:x]", InvalidRange::Step),
            ("web[1:999999999]", InvalidRange::TooMany),
            (
                "[1:1000][1:1000][1:1000][1:1000][1:1000][1:1000][1:1000][1:1000]",
                InvalidRange::TooMany,
            ),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
        assert_eq!(HostRange::parse("a[9:1]b").expect_err("backwards").1, 1..6);
    }

    /// Returns the names as simply as possible: one bracket after the other, from the left.
    fn model(text: &str) -> Vec<String> {
        let Some((head, rest)) = text.split_once('[') else { return vec![text.to_owned()] };
        let (inside, tail) = rest.split_once(']').expect("balanced");
        let fields: Vec<&str> = inside.split(':').collect();
        let step = fields.get(2).map_or(1, |step| step.parse().expect("a number"));
        let width = if fields[0].starts_with('0') { fields[0].len() } else { 0 };
        let (first, last): (usize, usize) =
            (fields[0].parse().expect("a number"), fields[1].parse().expect("a number"));
        let numbers = (first..=last).step_by(step);
        numbers.flat_map(|n| model(&format!("{head}{n:0width$}{tail}"))).collect()
    }

    fn bracket() -> impl Strategy<Value = String> {
        let numbers = (0..20_u32, 0..20_u32, 1..4_u32, any::<bool>(), any::<bool>());
        numbers.prop_map(|(first, span, step, padded, stepped)| {
            let last = first + span;
            let bounds =
                if padded { format!("{first:03}:{last:03}") } else { format!("{first}:{last}") };
            if stepped { format!("[{bounds}:{step}]") } else { format!("[{bounds}]") }
        })
    }

    proptest! {
        #[test]
        fn names_are_those_of_a_simple_model(
            parts in prop::collection::vec(("[a-z.-]{0,4}", bracket()), 0..3),
            tail in "[a-z.]{0,4}",
        ) {
            let text: String = parts.iter().map(|(a, b)| format!("{a}{b}")).chain([tail]).collect();
            let range = HostRange::parse(&text).expect("valid");
            let names: Vec<_> = range.names().collect();
            prop_assert_eq!(names.len() as u64, range.count());
            prop_assert_eq!(names, model(&text));
        }

        #[test]
        fn nothing_panics(text in r"[\[\]:0-9a-cZé]{0,30}") {
            if let Ok(range) = HostRange::parse(&text) {
                prop_assert!(range.names().count() <= 100_000);
            }
        }
    }
}
