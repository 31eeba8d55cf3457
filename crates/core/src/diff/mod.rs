//! Differences: of texts, and of settings key by key.

mod dotenv;
mod ini;
pub mod settings;
pub mod text;
mod yaml;
