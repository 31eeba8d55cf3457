//! One `config_path` on one root.
