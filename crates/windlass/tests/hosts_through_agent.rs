//! What every host does, for hosts behind an agent in a process of its own: the tests of `hosts`.

#[path = "hosts/main.rs"]
mod hosts;
