//! Diagnostics in the formats that continuous integration reads.
//!
//! | read | for |
//! |---|---|
//! | [`sarif()`] | SARIF 2.1.0: code scanning, editors |
//! | [`github_annotations`] | annotations in GitHub's logs and pull requests |
//!
//! Both keep the order of the diagnostics, and depend on nothing else.

mod github;
mod sarif;

pub use github::github_annotations;
pub use sarif::sarif;
