//! The project file, `windlass.toml`.
