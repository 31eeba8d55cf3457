//! Values that know where they were written.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::diagnostic::{Diagnostic, Position};

/// What stands in for a secret wherever a value is shown.
pub const MASK: &str = "<secret>";

/// A stretch of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it starts.
    pub position: Position,
    /// How many characters it takes on its first line, at least 1.
    pub width: u32,
}

/// Where a value was written.
///
/// Two layers never share the `file` allocation, even when both name the same file: a layer is
/// told from another by [`Arc::ptr_eq`].
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as the user would name it, or another name for the source.
    pub file: Arc<str>,
    /// Where in the file; nothing for a source without lines, such as the process environment.
    pub span: Option<Span>,
}

impl Origin {
    /// Returns a place in `file`.
    #[must_use]
    pub fn new(file: Arc<str>, span: Span) -> Self {
        Self { file, span: Some(span) }
    }

    /// Returns the place of everything in a source without lines.
    #[must_use]
    pub fn of_source(file: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), span: None }
    }

    /// Returns an error with `message`, placed here.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        let error = Diagnostic::error(message).in_file(&*self.file);
        match self.span {
            Some(span) => error.at(span.position).wide(span.width as usize),
            None => error,
        }
    }

    pub(crate) fn is_of(&self, file: &Arc<str>) -> bool {
        Arc::ptr_eq(&self.file, file)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match self.span {
            Some(Span { position, .. }) => write!(f, ":{}:{}", position.line, position.column),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A map in the order of the document.
pub type Map = IndexMap<String, Node>;

/// A value, as JSON knows them.
#[derive(Clone, PartialEq)]
pub enum Data {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number that fits in `i64` or `u64`; every parser sees to it.
    Integer(i128),
    /// A finite number; every parser sees to it.
    Float(f64),
    /// Text without NUL.
    String(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in the order of the document.
    Map(Box<Map>),
}

impl Data {
    /// Returns the kind of value, with its article.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// Tells whether it is a list or a map.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        matches!(self, Self::List(_) | Self::Map(_))
    }
}

/// A value with its place, and the values of earlier layers that it replaced.
#[derive(Clone)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it was written; for a map that several layers fill, where it first appeared.
    pub origin: Origin,
    pub(super) key: Option<Span>,
    pub(super) earlier: Option<Box<Earlier>>,
    pub(super) substituted: bool,
    pub(super) untyped: bool,
    pub(super) secret: bool,
}

/// What a node was before a later layer changed it.
#[derive(Clone)]
pub(super) struct Earlier {
    /// What was there before, as `change` says.
    pub(super) node: Node,
    /// What the later layer did.
    pub(super) change: Change,
}

/// What a later layer did to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It put another value in its place.
    Replaced,
    /// It combined its list with the one before. That is kept as an empty list, for its place: its
    /// elements live on in the node itself.
    Combined,
    /// It deleted keys. Those are kept in a map, each as the null that deleted it.
    Deleted,
}

impl Node {
    /// Returns `data` written at `origin`.
    #[must_use]
    pub fn new(data: Data, origin: Origin) -> Self {
        let (substituted, untyped, secret) = (false, false, false);
        Self { data, origin, key: None, earlier: None, substituted, untyped, secret }
    }

    /// Returns the value of `json` with everything in it placed at `origin`.
    ///
    /// # Errors
    /// When a number or string cannot be in a configuration, or it is nested too deeply.
    pub fn from_json(json: &serde_json::Value, origin: &Origin) -> Result<Self, Diagnostic> {
        super::parse::from_json(json, origin)
    }

    /// Returns where its key was written, for the value of a map.
    #[must_use]
    pub fn key_origin(&self) -> Option<Origin> {
        self.key.map(|span| Origin::new(Arc::clone(&self.origin.file), span))
    }

    /// Returns where a reader looks for it: at the value, or at the key when the value is a
    /// collection that starts on a later line.
    #[must_use]
    pub fn place(&self) -> Origin {
        let starts_later = |key: Span| {
            self.origin.span.is_none_or(|value| key.position.line < value.position.line)
        };
        match self.key {
            Some(key) if self.data.is_collection() && starts_later(key) => {
                Origin::new(Arc::clone(&self.origin.file), key)
            }
            _ => self.origin.clone(),
        }
    }

    /// Returns the map, if it is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Returns the list, if it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(list) => Some(list),
            _ => None,
        }
    }

    /// Returns the text, if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// Tells whether the text came out of a substitution.
    #[must_use]
    pub fn is_substituted(&self) -> bool {
        self.substituted
    }

    /// Tells whether the value may not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Tells whether it or anything in it may not be shown.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        self.secret
            || match &self.data {
                Data::List(list) => list.iter().any(Self::holds_secret),
                Data::Map(map) => map.values().any(Self::holds_secret),
                _ => false,
            }
    }

    /// Returns the keys that later layers deleted from the map, each as the null that did so.
    pub(super) fn deleted(&self) -> Option<&Map> {
        let earlier = self.earlier.as_deref()?;
        if earlier.change == Change::Deleted { earlier.node.as_map() } else { None }
    }

    /// Returns the child under `segment`: a key of a map or an index of a list.
    #[must_use]
    pub fn child(&self, segment: &str) -> Option<&Node> {
        match &self.data {
            Data::Map(map) => map.get(segment),
            Data::List(list) => list.get(index(segment)?),
            _ => None,
        }
    }

    pub(super) fn child_mut(&mut self, segment: &str) -> Option<&mut Node> {
        match &mut self.data {
            Data::Map(map) => map.get_mut(segment),
            Data::List(list) => list.get_mut(index(segment)?),
            _ => None,
        }
    }

    /// Tells whether both hold the same value, in the same order, wherever they were written.
    #[must_use]
    pub fn same_value(&self, other: &Node) -> bool {
        match (&self.data, &other.data) {
            (Data::List(a), Data::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_value(b))
            }
            (Data::Map(a), Data::Map(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b.iter()).all(|((j, a), (k, b))| j == k && a.same_value(b))
            }
            (Data::List(_) | Data::Map(_), _) | (_, Data::List(_) | Data::Map(_)) => false,
            (a, b) => a == b,
        }
    }

    /// Returns how many levels of collections there are in it, itself included.
    #[must_use]
    pub fn height(&self) -> usize {
        let tallest = |heights: &mut dyn Iterator<Item = usize>| 1 + heights.max().unwrap_or(0);
        match &self.data {
            Data::List(list) => tallest(&mut list.iter().map(Self::height)),
            Data::Map(map) => tallest(&mut map.values().map(Self::height)),
            _ => 0,
        }
    }

    /// Returns the value as a `T`.
    ///
    /// # Errors
    /// What does not fit, placed at the innermost value, which is not quoted if it is secret.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        super::deserialize::from_node(self)
    }

    /// Returns the value as JSON, secrets included: for validating and for what reaches the target.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.json(&|_| false)
    }

    /// Returns the value as JSON with [`MASK`] in place of each secret: for showing.
    #[must_use]
    pub fn to_masked_json(&self) -> serde_json::Value {
        self.json(&Self::is_secret)
    }

    /// Returns the same value with [`MASK`] in place of each secret: for showing.
    #[must_use]
    pub fn masked(&self) -> Self {
        let data = match &self.data {
            _ if self.secret => Data::String(MASK.to_owned()),
            Data::List(list) => Data::List(list.iter().map(Self::masked).collect()),
            Data::Map(map) => {
                let masked = map.iter().map(|(key, node)| (key.clone(), node.masked()));
                Data::Map(Box::new(masked.collect()))
            }
            scalar => scalar.clone(),
        };
        Self::new(data, self.origin.clone())
    }

    fn json(&self, masked: &dyn Fn(&Self) -> bool) -> serde_json::Value {
        use serde_json::Value;
        if masked(self) {
            return Value::from(MASK);
        }
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(flag) => Value::from(*flag),
            Data::Integer(number) => integer_json(*number),
            Data::Float(number) => Value::from(*number),
            Data::String(text) => Value::from(text.as_str()),
            Data::List(list) => list.iter().map(|node| node.json(masked)).collect(),
            Data::Map(map) => {
                map.iter().map(|(key, node)| (key.clone(), node.json(masked))).collect()
            }
        }
    }
}

fn integer_json(number: i128) -> serde_json::Value {
    match i64::try_from(number) {
        Ok(small) => small.into(),
        Err(_) => u64::try_from(number).map_or(serde_json::Value::Null, Into::into),
    }
}

/// Returns the list index that `segment` writes, in the one way it can be written.
fn index(segment: &str) -> Option<usize> {
    let canonical = segment == "0" || !segment.starts_with(['0', '+']);
    if canonical { segment.parse().ok() } else { None }
}

/// The same value in the same places; what it replaced is not looked at.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data && self.origin == other.origin
    }
}

/// Shows the value and its place, never a secret.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            _ if self.secret => f.write_str(MASK)?,
            Data::List(list) => f.debug_list().entries(list).finish()?,
            Data::Map(map) => f.debug_map().entries(map.iter()).finish()?,
            scalar => scalar.fmt(f)?,
        }
        write!(f, " @ {}", self.origin)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::String(text) => text.fmt(f),
            Self::List(list) => list.fmt(f),
            Self::Map(map) => map.fmt(f),
        }
    }
}

/// Writes the value alone, secrets included, maps in the order of the document.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.data {
            Data::Null => serializer.serialize_unit(),
            Data::Bool(flag) => serializer.serialize_bool(*flag),
            Data::Integer(number) => serialize_integer(*number, serializer),
            Data::Float(number) => serializer.serialize_f64(*number),
            Data::String(text) => serializer.serialize_str(text),
            Data::List(list) => {
                let mut out = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|node| out.serialize_element(node))?;
                out.end()
            }
            Data::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                map.iter().try_for_each(|(key, node)| out.serialize_entry(key, node))?;
                out.end()
            }
        }
    }
}

fn serialize_integer<S: Serializer>(number: i128, serializer: S) -> Result<S::Ok, S::Error> {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => serializer.serialize_i64(number),
        (_, Ok(number)) => serializer.serialize_u64(number),
        _ => serializer.serialize_i128(number),
    }
}
