//! Differences: of texts, and of settings key by key.
//!
//! | read | for |
//! |---|---|
//! | [`unified`], [`is_text`] | the unified diff of two texts |
//! | [`SettingsFormat`], [`flatten`], [`changed`] | what differs between two files of settings |

mod dotenv;
mod ini;
mod settings;
mod text;
mod yaml;

pub use settings::{SettingsFormat, changed, flatten};
pub use text::{is_text, unified};
