//! Environments, records and locks, persisted.
