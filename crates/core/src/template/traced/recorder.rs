//! What happened while a template was rendered.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::Value;
use minijinja::value::ValueKind;

use super::data::Recorded;
use crate::config::key;
use crate::trace::{Part, Places, Source, Span};

/// How many look-ups are remembered; an expression rarely needs more than ten.
const MAX_LOOK_UPS: usize = 1 << 16;

/// Where more keys than this went into one part, they are told by what they have in common.
const MAX_DERIVED: usize = 8;

/// So many keys of one part are kept apart, until it is known whether they are too many.
const MAX_KEPT: usize = 64;

/// A place of the template at which something is recorded.
pub(super) struct Site {
    /// Where it is in the template, in bytes.
    pub(super) offset: Option<usize>,
    pub(super) kind: SiteKind,
    /// Whether its value is looked up by constant keys, and nothing is made of it.
    pub(super) is_look_up: bool,
    /// The variables that its expression names.
    pub(super) names: Vec<String>,
}

/// What happens at a [`Site`].
pub(super) enum SiteKind {
    /// The bytes `input` of the template are written.
    Raw { input: Range<usize> },
    /// A value is printed.
    Print,
    /// A loop goes through a value.
    Loop { recursive: bool },
    /// A value gets a name.
    Bind { name: String, from: Bound },
    /// A value becomes part of what has a name.
    Add { name: String },
}

/// What gets a name.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// The value of an expression.
    Value,
    /// The next item of the loop at a site.
    Item(Option<usize>),
    /// A part of it: `for key, value in …`.
    PartOfItem(Option<usize>),
}

struct LookUp {
    key: Arc<str>,
    value: Value,
}

struct Loop {
    collection: Option<Value>,
    next: usize,
    sources: Vec<Source>,
}

struct Binding {
    value: Value,
    sources: Vec<Source>,
}

struct Piece {
    output: Range<usize>,
    offset: Option<usize>,
    /// The bytes of the template that were written as they are.
    input: Option<Range<usize>>,
    sources: Vec<Source>,
}

/// Records what fills which part of the output.
pub(super) struct Recorder {
    template: String,
    sites: Vec<Site>,
    /// Names that are bound in more than one place: which of them is meant is not known.
    ambiguous: HashSet<String>,
    written: Arc<AtomicUsize>,
    /// The texts of the data by their address, with their dotted keys. They are kept, so that no
    /// other text can be where one of them was.
    known: HashMap<usize, (Arc<str>, Arc<str>)>,
    look_ups: VecDeque<LookUp>,
    forgotten: usize,
    /// How many look-ups there had been when the expression of a site began.
    begins: HashMap<usize, usize>,
    loops: HashMap<usize, Loop>,
    bindings: HashMap<String, Binding>,
    printing: Option<usize>,
    raw: Option<(usize, usize)>,
    pieces: Vec<Piece>,
}

impl Recorder {
    pub(super) fn new(template: &str, sites: Vec<Site>) -> Self {
        let (mut seen, mut ambiguous) = (HashSet::new(), HashSet::new());
        for site in &sites {
            if let SiteKind::Bind { name, .. } = &site.kind
                && !seen.insert(name.clone())
            {
                ambiguous.insert(name.clone());
            }
        }
        Self {
            template: template.to_owned(),
            sites,
            ambiguous,
            written: Arc::default(),
            known: HashMap::new(),
            look_ups: VecDeque::new(),
            forgotten: 0,
            begins: HashMap::new(),
            loops: HashMap::new(),
            bindings: HashMap::new(),
            printing: None,
            raw: None,
            pieces: Vec::new(),
        }
    }

    /// Returns what counts the bytes of the output.
    pub(super) fn written(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.written)
    }

    /// Learns that `text` is the value of `key`.
    pub(super) fn knows(&mut self, text: &Arc<str>, key: &Arc<str>) {
        self.known.insert(text.as_ptr().addr(), (Arc::clone(text), Arc::clone(key)));
    }

    /// Learns that `value` was looked up under `key`.
    pub(super) fn looked_up(&mut self, key: &Arc<str>, value: &Value) {
        if self.look_ups.len() == MAX_LOOK_UPS {
            self.look_ups.pop_front();
            self.forgotten += 1;
        }
        self.look_ups.push_back(LookUp { key: Arc::clone(key), value: value.clone() });
    }

    /// Learns that the expression, or the text, of a site begins.
    pub(super) fn begin(&mut self, site: usize) {
        match self.sites.get(site).map(|site| &site.kind) {
            Some(SiteKind::Raw { .. }) => {
                self.raw = Some((site, self.written.load(Ordering::Relaxed)));
            }
            _ => drop(self.begins.insert(site, self.forgotten + self.look_ups.len())),
        }
    }

    /// Learns that the text of a site has been written, into the output or into a capture.
    pub(super) fn wrote(&mut self, site: usize) {
        let begun = self.raw.take().filter(|(raw, _)| *raw == site);
        let Some(SiteKind::Raw { input }) = self.sites.get(site).map(|site| &site.kind) else {
            return;
        };
        let now = self.written.load(Ordering::Relaxed);
        if let Some((_, start)) = begun
            && now == start + input.len()
        {
            let (output, offset) = (start..now, Some(input.start));
            let (input, sources) = (Some(input.clone()), Vec::new());
            self.pieces.push(Piece { output, offset, input, sources });
        }
    }

    /// Learns which value a site has.
    pub(super) fn value(&mut self, site: usize, value: &Value) {
        match self.sites.get(site).map(|site| &site.kind) {
            Some(SiteKind::Print) => self.printing = Some(site),
            Some(SiteKind::Loop { recursive }) => self.goes_through(site, value, *recursive),
            Some(SiteKind::Bind { name, from }) => {
                let (name, from) = (name.clone(), *from);
                let sources = self.bound(site, from, value);
                self.bindings.insert(name, Binding { value: value.clone(), sources });
            }
            Some(SiteKind::Add { name }) => {
                let (name, sources) = (name.clone(), derived(self.sources(site, value)));
                if let Some(binding) = self.bindings.get_mut(&name) {
                    binding.sources.extend(sources);
                }
            }
            _ => {}
        }
    }

    fn goes_through(&mut self, site: usize, value: &Value, recursive: bool) {
        let sources = derived(self.sources(site, value));
        // What calls itself goes through other collections too.
        let collection = (!recursive).then(|| value.clone());
        self.loops.insert(site, Loop { collection, next: 0, sources });
    }

    /// Returns what fills `value`, which gets a name.
    fn bound(&mut self, site: usize, from: Bound, value: &Value) -> Vec<Source> {
        let (index, is_whole) = match from {
            Bound::Value => return self.sources(site, value),
            Bound::Item(index) => (index, true),
            Bound::PartOfItem(index) => (index, false),
        };
        let Some(run) = index.and_then(|index| self.loops.get_mut(&index)) else {
            return Vec::new();
        };
        if !is_whole {
            return run.sources.clone();
        }
        let collection = run.collection.as_ref().and_then(Value::downcast_object_ref::<Recorded>);
        let item = collection.and_then(|collection| collection.item(run.next));
        run.next += 1;
        match item {
            Some((key, item)) if is_same(item, value) => vec![Source::exact(&**key)],
            _ => run.sources.clone(),
        }
    }

    /// Learns that the bytes `output` are `value`, printed by the template `name`.
    pub(super) fn printed(&mut self, name: &str, value: &Value, output: Range<usize>) {
        let site = self.printing.take();
        if output.is_empty() {
            return;
        }
        let (offset, sources) = match site {
            Some(site) if name == self.template => {
                (self.sites[site].offset, self.sources(site, value))
            }
            _ => (None, self.identity(value).into_iter().collect()),
        };
        self.pieces.push(Piece { output, offset, input: None, sources });
    }

    /// Returns what fills the value of a site.
    fn sources(&self, site: usize, value: &Value) -> Vec<Source> {
        if let Some(source) = self.identity(value) {
            return vec![source];
        }
        let looked_up = self.looked_up_since(site);
        let Site { is_look_up, names, .. } = &self.sites[site];
        match (&looked_up[..], &names[..]) {
            ([.., last], _) if *is_look_up && is_same(&last.value, value) => {
                vec![Source::exact(&*last.key)]
            }
            ([], [name]) if *is_look_up => self.of_binding(name, value),
            _ => self.derived_from(&looked_up, names),
        }
    }

    /// Returns the key whose value `value` is: the very text, list or map.
    fn identity(&self, value: &Value) -> Option<Source> {
        let key = match value.as_str() {
            Some(text) => {
                let (known, key) = self.known.get(&text.as_ptr().addr())?;
                (known.len() == text.len()).then_some(key)?
            }
            None => &value.downcast_object_ref::<Recorded>()?.key,
        };
        (!key.is_empty()).then(|| Source::exact(&**key))
    }

    fn looked_up_since(&self, site: usize) -> Vec<&LookUp> {
        let Some(begin) = self.begins.get(&site) else { return Vec::new() };
        self.look_ups.iter().skip(begin.saturating_sub(self.forgotten)).collect()
    }

    /// Returns what fills `value`, which is what has the name, or a part of that.
    fn of_binding(&self, name: &str, value: &Value) -> Vec<Source> {
        let Some(binding) = self.bindings.get(name) else { return Vec::new() };
        if is_same(&binding.value, value) && !self.ambiguous.contains(name) {
            return binding.sources.clone();
        }
        derived(binding.sources.clone())
    }

    fn derived_from(&self, looked_up: &[&LookUp], names: &[String]) -> Vec<Source> {
        let is_data = |name: &str| looked_up.iter().any(|look_up| *look_up.key == *name);
        let bound = names.iter().filter(|name| !is_data(name));
        let bound = bound.filter_map(|name| self.bindings.get(name));
        let of_bound = bound.flat_map(|binding| &binding.sources).map(|source| &*source.name);
        let keys = looked_up.iter().map(|look_up| &*look_up.key).chain(of_bound);
        deepest(keys).into_iter().map(Source::derived).collect()
    }

    /// Returns what was recorded about `output`, which the template `text` was rendered to.
    pub(super) fn spans(&mut self, text: &str, output: &str) -> Vec<Span> {
        let places = Places::of(text);
        let span = |piece: Piece| {
            let place = piece.offset.map(|offset| places.position(offset));
            let Some(input) = piece.input else {
                let Piece { output, sources, .. } = piece;
                return Some(Span { output, place, verbatim: false, sources });
            };
            let is_so = text.get(input) == output.get(piece.output.clone());
            let (output, sources) = (piece.output, piece.sources);
            is_so.then_some(Span { output, place, verbatim: true, sources })
        };
        std::mem::take(&mut self.pieces).into_iter().filter_map(span).collect()
    }
}

/// Tells whether two values that have no identity are the same number or boolean.
fn is_same(one: &Value, other: &Value) -> bool {
    let has_none = matches!(one.kind(), ValueKind::Number | ValueKind::Bool);
    has_none && one.kind() == other.kind() && one == other
}

fn derived(sources: Vec<Source>) -> Vec<Source> {
    sources.into_iter().map(|source| Source { part: Part::Derived, ..source }).collect()
}

/// Returns those of `keys` that are not above others, each once: what was meant by looking up the
/// others. Many are told by the keys above them.
pub(super) fn deepest<'k>(keys: impl IntoIterator<Item = &'k str>) -> Vec<String> {
    // What is below these is told by them.
    let mut whole: Vec<String> = Vec::new();
    let mut kept: Vec<String> = Vec::new();
    for key in keys {
        let covers = |other: &String| other == key || is_above(key, other);
        if kept.iter().any(covers) || whole.iter().any(|it| covers(it) || is_above(it, key)) {
            continue;
        }
        kept.retain(|other| !is_above(other, key));
        kept.push(key.to_owned());
        if kept.len() > MAX_KEPT {
            whole.append(&mut kept);
            whole = shortened(whole);
        }
    }
    whole.append(&mut kept);
    shortened(whole)
}

/// Returns `keys`; where they are more than [`MAX_DERIVED`], the keys above the deepest of them.
fn shortened(mut keys: Vec<String>) -> Vec<String> {
    while keys.len() > MAX_DERIVED {
        let depth = |key: &str| key::split(key).map_or(1, |segments| segments.len());
        let deepest = keys.iter().map(|key| depth(key)).max().unwrap_or(1);
        if deepest == 1 {
            break;
        }
        let mut above: Vec<String> = Vec::new();
        for key in keys {
            let key = if depth(&key) == deepest { parent(&key) } else { key };
            if !above.iter().any(|other| *other == key || is_above(other, &key)) {
                above.retain(|other| !is_above(&key, other));
                above.push(key);
            }
        }
        keys = above;
    }
    keys
}

/// Tells whether `key` holds what is under `other`.
fn is_above(key: &str, other: &str) -> bool {
    other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
}

/// Returns the key above `key`, or itself where there is none.
fn parent(key: &str) -> String {
    match key::split(key).as_deref() {
        Some([above @ .., _]) if !above.is_empty() => key::join(above.iter().map(|s| &**s)),
        _ => key.to_owned(),
    }
}
