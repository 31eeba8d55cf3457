//! What the engine makes of hosts that fail, for hosts behind an agent in a process of its own: the tests of `failing_hosts`.

#[path = "failing_hosts/main.rs"]
mod failing_hosts;
