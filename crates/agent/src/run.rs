//! Commands, with a time limit and all their children.
