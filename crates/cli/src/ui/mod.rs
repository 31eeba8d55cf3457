//! What a person sees: values of [`windlass_core`] as text for a terminal.
//!
//! | read | for |
//! |---|---|
//! | [`diagnostics`] | what is wrong with an input, with the source line and a caret |
//! | [`plan`] | what a deployment would do |
//! | [`record`], [`status`], [`environments`] | what was done, what is live, what there is |
//! | [`progress`] | what is being done |
//! | [`state`] | what is wrong with the workspace, and what was removed from it |
//! | [`style`], [`table`], [`escape`], [`human`] | colours, columns, safety, and how values are said |
//!
//! Each `render` function returns whole lines, the last one ended; with and without colour the text
//! is the same but for the escape sequences. Text that comes from files, targets or commands passes
//! through [`escape`] first.
#![cfg_attr(not(test), expect(dead_code, reason = "used by the commands"))]

pub(crate) mod diagnostics;
pub(crate) mod environments;
pub(crate) mod escape;
mod excerpt;
pub(crate) mod human;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod targets;

#[cfg(test)]
mod samples;
