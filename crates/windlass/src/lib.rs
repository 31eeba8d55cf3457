//! The engine of Windlass: it carries plans out, and emits events about it.

pub mod artifact;
pub mod objects;
pub mod sources;
pub mod store;
