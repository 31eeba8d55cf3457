//! Values that a schema calls deprecated.

use serde_json::Value;

use super::walk::Walker;
use crate::config::key;
use crate::config::node::{Data, Node};
use crate::diagnostic::{Diagnostic, Severity};

/// Returns a warning for each value below `root` that `schema` calls deprecated, in the order of the
/// document: at its key, in the layer that set it.
pub(super) fn deprecated(schema: &Value, root: &Node) -> Vec<Diagnostic> {
    let walker = Walker::certain(schema);
    let mut search = Search { walker: &walker, path: String::new(), found: Vec::new() };
    search.node(root, &walker.start());
    search.found
}

struct Search<'w, 's> {
    walker: &'w Walker<'s>,
    path: String,
    found: Vec<Diagnostic>,
}

impl<'s> Search<'_, 's> {
    fn node(&mut self, node: &Node, schemas: &[&'s Value]) {
        match &node.data {
            _ if schemas.is_empty() => {}
            Data::List(list) => {
                for (index, child) in list.iter().enumerate() {
                    self.child(&index.to_string(), child, schemas);
                }
            }
            Data::Map(map) => {
                for (name, child) in map.iter() {
                    self.child(name, child, schemas);
                }
            }
            _ => {}
        }
    }

    fn child(&mut self, segment: &str, node: &Node, schemas: &[&'s Value]) {
        let before = key::push(&mut self.path, segment);
        let schemas = self.walker.child(schemas, segment);
        match schemas.iter().find(|schema| schema.get("deprecated") == Some(&Value::Bool(true))) {
            Some(_) => self.found.push(warning(&self.path, node, &schemas)),
            None => self.node(node, &schemas),
        }
        self.path.truncate(before);
    }
}

/// Returns the warning, with what the schema says about the value as its hint.
fn warning(path: &str, node: &Node, schemas: &[&Value]) -> Diagnostic {
    let place = node.key_origin().unwrap_or_else(|| node.place());
    let warning = place.error(format!("`{path}` is deprecated"));
    let warning = Diagnostic { severity: Severity::Warning, ..warning };
    let said = |keyword: &str| schemas.iter().find_map(|schema| schema.get(keyword)?.as_str());
    match said("deprecationMessage").or_else(|| said("description")) {
        Some(text) => warning.hint(text.lines().next().unwrap_or_default()),
        None => warning,
    }
}
