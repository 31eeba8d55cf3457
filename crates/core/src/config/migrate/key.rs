//! The keys that rules name.

use std::fmt;

use crate::config::key;
use crate::config::node::{Data, Node};

/// Stands for every key of a map and every element of a list.
const ANY: &str = "*";

/// A dotted key in a rule; a segment `*` stands for every child of what is above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(Vec<String>);

impl Key {
    /// Returns the key that `text` writes, or nothing if it is not a dotted key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let segments = key::split(text)?;
        Some(Self(segments.into_iter().map(std::borrow::Cow::into_owned).collect()))
    }

    /// Returns its segments, of which there is at least one.
    #[must_use]
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// Returns the last segment, and those above it.
    pub(super) fn split_last(&self) -> (&str, &[String]) {
        let (last, parents) = self.0.split_last().expect("a key has at least one segment");
        (last, parents)
    }

    /// Returns the key of the map that holds it; nothing for a key at the top.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, parents) = self.split_last();
        (!parents.is_empty()).then(|| Self(parents.to_vec()))
    }

    /// Returns the key of the child under `segment` of what is `at` a key, or at the top.
    pub(super) fn below(at: Option<&Self>, segment: &str) -> Self {
        let parents = at.map_or(&[][..], Self::segments);
        Self(parents.iter().map(String::as_str).chain([segment]).map(str::to_owned).collect())
    }

    /// Returns the keys above it, outermost first, and then itself.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = Self> {
        (1..=self.0.len()).map(|length| Self(self.0[..length].to_vec()))
    }

    /// Tells whether it is `other`, or a key below it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Returns how many `*` it has.
    pub(super) fn wildcards(&self) -> usize {
        self.0.iter().filter(|segment| *segment == ANY).count()
    }

    /// Returns it with its `*`s replaced, in order, by `names`.
    pub(super) fn filled(&self, names: &[String]) -> Self {
        let mut names = names.iter();
        let fill = |segment: &String| match segment.as_str() {
            ANY => names.next().unwrap_or(segment).clone(),
            _ => segment.clone(),
        };
        Self(self.0.iter().map(fill).collect())
    }

    /// Returns what its `*`s stand for in `root`: one list of names for each place there is. A key
    /// without `*` has one place, even where nothing is.
    pub(super) fn places(&self, root: &Node) -> Vec<Vec<String>> {
        let Some(last) = self.0.iter().rposition(|segment| segment == ANY) else {
            return vec![Vec::new()];
        };
        let mut places = vec![(Vec::new(), root)];
        for segment in &self.0[..=last] {
            places = places.into_iter().flat_map(|place| below(place, segment)).collect();
        }
        places.into_iter().map(|(names, _)| names).collect()
    }
}

type Place<'n> = (Vec<String>, &'n Node);

fn below<'n>((names, node): Place<'n>, segment: &str) -> Vec<Place<'n>> {
    if segment != ANY {
        return node.child(segment).map(|child| (names, child)).into_iter().collect();
    }
    let named = |name: String, child: &'n Node| {
        let names = names.iter().cloned().chain([name]).collect();
        (names, child)
    };
    match &node.data {
        Data::Map(map) => map.iter().map(|(name, child)| named(name.clone(), child)).collect(),
        Data::List(list) => {
            list.iter().enumerate().map(|(index, child)| named(index.to_string(), child)).collect()
        }
        _ => Vec::new(),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key::join(self.0.iter().map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Format, parse};

    #[test]
    fn stars_stand_for_what_is_there() {
        let root = parse(Format::Yaml, "a.yaml", "s: [{p: 1}, {q: {r: 2}}]\nm: {x: 1}\n");
        let root = root.expect("valid");
        let places = |key: &str| Key::parse(key).expect("a key").places(&root);
        assert_eq!(places("s.*.p"), [["0"], ["1"]]);
        assert_eq!(places("s.*.*"), [["0", "p"], ["1", "q"]]);
        assert_eq!(places("*.x"), [["s"], ["m"]]);
        assert_eq!(places("nowhere.*"), Vec::<Vec<String>>::new());
        assert_eq!(places("nowhere"), [Vec::<String>::new()]);
        let key = Key::parse("t.*.a.*").expect("a key");
        assert_eq!(key.filled(&["0".to_owned(), "x.y".to_owned()]).to_string(), "t.0.a.\"x.y\"");
    }
}
