//! The data of a template, wrapped so that look-ups are recorded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};

use super::{Shared, lock};
use crate::config::key;

/// A list or a map of the data that knows its dotted key.
pub(super) struct Recorded {
    /// Its dotted key; empty for the whole.
    pub(super) key: Arc<str>,
    is_map: bool,
    entries: Vec<Entry>,
    /// For a map, where in `entries` a key is.
    index: BTreeMap<Box<str>, usize>,
    recorder: Shared,
}

struct Entry {
    /// The key in a map; the index in a list.
    name: Value,
    value: Value,
    /// The dotted key of the value.
    key: Arc<str>,
}

/// Returns `data` so that `recorder` is told of each look-up, and knows its texts.
pub(super) fn recorded(data: &Value, recorder: &Shared) -> Value {
    wrap(data, &Arc::from(""), recorder)
}

impl Recorded {
    /// Returns the dotted key of the item `index`, and the item.
    pub(super) fn item(&self, index: usize) -> Option<(&Arc<str>, &Value)> {
        let entry = self.entries.get(index).filter(|_| !self.is_map)?;
        Some((&entry.key, &entry.value))
    }

    fn find(&self, name: &Value) -> Option<&Entry> {
        let index = match self.is_map {
            true => *self.index.get(name.as_str()?)?,
            false => name.as_usize()?,
        };
        self.entries.get(index)
    }
}

fn wrap(value: &Value, key: &Arc<str>, recorder: &Shared) -> Value {
    if let Some(text) = value.as_str() {
        let own: Arc<str> = Arc::from(text);
        lock(recorder).knows(&own, key);
        return Value::from(own);
    }
    match value.kind() {
        ValueKind::Map | ValueKind::Seq => {
            Value::from_object(collection(value, Arc::clone(key), recorder))
        }
        _ => value.clone(),
    }
}

fn collection(value: &Value, key: Arc<str>, recorder: &Shared) -> Recorded {
    let is_map = value.kind() == ValueKind::Map;
    let (mut entries, mut index) = (Vec::new(), BTreeMap::new());
    for (at, item) in value.try_iter().into_iter().flatten().enumerate() {
        let (name, inner) = match is_map {
            true => (item.clone(), value.get_item(&item).unwrap_or_default()),
            false => (Value::from(at), item),
        };
        let segment = name.as_str().map_or_else(|| at.to_string(), str::to_owned);
        let mut below = key.to_string();
        key::push(&mut below, &segment);
        let below: Arc<str> = Arc::from(below);
        // The name of a key was written where its value was.
        let name = if is_map { wrap(&name, &below, recorder) } else { name };
        let inner = wrap(&inner, &below, recorder);
        index.insert(segment.into_boxed_str(), at);
        entries.push(Entry { name, value: inner, key: below });
    }
    Recorded { key, is_map, entries, index, recorder: Arc::clone(recorder) }
}

impl Object for Recorded {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.is_map { ObjectRepr::Map } else { ObjectRepr::Seq }
    }

    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        let entry = self.find(name)?;
        lock(&self.recorder).looked_up(&entry.key, &entry.value);
        Some(entry.value.clone())
    }

    /// Going through all of it looks nothing up: it is the collection that is used.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.is_map {
            let pairs = self.entries.iter().map(|entry| (entry.name.clone(), entry.value.clone()));
            return Enumerator::RevKeyValueIter(Box::new(pairs.collect::<Vec<_>>().into_iter()));
        }
        Enumerator::Values(self.entries.iter().map(|entry| entry.value.clone()).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Shows the key alone: values may be secrets.
impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("key", &self.key).finish_non_exhaustive()
    }
}
