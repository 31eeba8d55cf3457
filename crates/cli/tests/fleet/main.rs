//! Several targets at once: the same scenarios on directories of this machine and on hosts behind
//! OpenSSH's server, and what can go wrong with hosts alone.

mod bootstrap;
mod confirm;
mod fixture;
mod inventory;
mod many;
mod reach;
mod scenarios;
mod sudo;
mod wire;
