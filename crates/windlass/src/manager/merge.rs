//! Layers, merged, substituted, and environment variables over them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use windlass_core::config::{Configuration as Merged, Node, SubstitutionError, environment_layer};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::template::substitute;

use super::ConfigurationManager;
use crate::configuration::first_error;

/// The merged layers, and whether environment variables are one of them.
type WithVariables = (Merged, bool);

impl ConfigurationManager {
    /// Returns the merged layers of the configuration called `name`, the defaults of the schema below
    /// them.
    pub(super) fn merge(
        &self,
        name: &str,
        mut nodes: Vec<Node>,
    ) -> Result<WithVariables, Vec<Diagnostic>> {
        let variables = self.variables();
        let Some(schema) = &self.schema else { return self.merge_all(name, nodes, &variables) };
        // Which sections get defaults depends on what the layers say.
        let (without, _) = self.merge_all(name, nodes.clone(), &variables)?;
        nodes.insert(0, schema.defaults(without.root()));
        self.merge_all(name, nodes, &variables)
    }

    fn merge_all(
        &self,
        name: &str,
        nodes: Vec<Node>,
        variables: &BTreeMap<String, String>,
    ) -> Result<WithVariables, Vec<Diagnostic>> {
        let mut merged = Merged::from_nodes(nodes, &self.rules)?;
        merged.substitute(&mut |text| substituted(text, variables))?;
        let own = variables.iter().map(|(name, value)| (name.clone(), value.clone()));
        let schema = self.schema.as_deref();
        let layer = environment_layer(&prefix(name), own, schema, Some(merged.root()))?;
        let is_there = layer.as_map().is_some();
        merged.with_layer(layer, &self.rules).map(|merged| (merged, is_there))
    }

    /// Returns the variables that it was given, or those of the process that are UTF-8.
    fn variables(&self) -> BTreeMap<String, String> {
        let of_process = || {
            let texts = std::env::vars_os();
            let texts = texts.map(|(name, value)| (name.into_string(), value.into_string()));
            texts.filter_map(|(name, value)| Some((name.ok()?, value.ok()?))).collect()
        };
        self.variables.clone().unwrap_or_else(of_process)
    }
}

/// Returns what `text` becomes, or nothing where it stays as it is.
fn substituted(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Option<windlass_core::config::Substitution>, SubstitutionError> {
    match substitute(text, variables) {
        Ok(Cow::Borrowed(_)) => Ok(None),
        Ok(Cow::Owned(new)) => Ok(Some(new.into())),
        Err(errors) => Err(first_error(text, errors)),
    }
}

/// Returns what variables of the configuration called `name` start with.
pub(super) fn prefix(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(part).collect()
}
