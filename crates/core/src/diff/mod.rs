//! Differences: of texts, and of settings key by key.
