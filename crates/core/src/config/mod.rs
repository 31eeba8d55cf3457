//! Configuration: layers, merged with provenance, validated.
//!
//! A [`Layer`] is a text in YAML, TOML, JSON or `.env`; [`Configuration::from_layers`] merges layers in
//! order, later ones winning. Each [`Node`] knows the file, line and column that it comes from and
//! what it replaced, so that [`Configuration::origins`] can explain a value and a [`Schema`] can place
//! every error in the layer that made it.
//!
//! | read | for |
//! |---|---|
//! | [`Format`], [`decode`], [`parse`] | texts, within bounds |
//! | [`Node`], [`Data`], [`Origin`] | values with places |
//! | [`merge()`], [`MergeRules`], [`ListMerge`] | one layer over another |
//! | [`environment_layer`] | environment variables as a layer |
//! | [`Configuration`], [`KeyOrigin`] | the merged whole, by dotted key |
//! | [`emit()`], [`emit_traced`] | values to text; with which key is on which line |
//! | [`Substitution`] | `${VAR}` inside values |
//! | [`Schema`], [`ValidationError`] | what values are allowed, required, secret |
//! | [`infer()`], [`skeleton()`] | a schema from configurations, a configuration from a schema |
//! | [`report`] | diagnostics for continuous integration |
//! | [`edit`] | one value changed in a text, comments kept |
//! | [`migrate`] | documents brought from one version to another |
//!
//! Nothing is nested more than [`MAX_DEPTH`] levels deep, so walking a value by recursion is safe.

mod configuration;
mod deserialize;
pub(crate) mod dotenv;
pub mod edit;
mod emit;
mod emit_traced;
mod encoding;
mod environment_variables;
mod flat;
mod format;
mod infer;
pub mod key;
mod leaves;
mod merge;
pub mod migrate;
mod node;
mod parse;
pub mod report;
mod scalar;
mod schema;
mod skeleton;
mod substitute;

pub use configuration::{Configuration, KeyOrigin, Layer};
pub use emit::emit;
pub use emit_traced::emit_traced;
pub use encoding::decode;
pub use environment_variables::environment_layer;
pub use format::{Format, UnknownFormat};
pub use infer::infer;
pub use leaves::Leaves;
pub use merge::{ListMerge, MergeRules, merge};
pub use node::{Data, MASK, Map, Node, Origin, Span};
pub use parse::{MAX_COPIES, MAX_DEPTH, MAX_NODES, MAX_TEXT, parse};
pub use schema::{MAX_SCHEMA_FILES, Schema, ValidationError};
pub use skeleton::skeleton;
pub use substitute::{Substitution, SubstitutionError};

#[cfg(test)]
mod tests;
