//! `windlass secrets`, through the real binary.

mod checking;
mod crash;
mod editing;
mod files;
mod hostile;
mod locked;
mod merging;
mod prompt;
mod side_by_side;
mod values;
mod world;
