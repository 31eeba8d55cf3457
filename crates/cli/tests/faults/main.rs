//! Hostile inputs, through the real binary: each is refused with one clear error, changes nothing
//! on the target, and leaves a failed record where a deployment was attempted.

mod archives;
mod identifiers;
mod parsing;
mod paths;
mod project_file;
mod schemas;
mod site;
mod sources;
mod state;
mod targets;
mod templates;
mod texts;
