//! Secrets of SOPS files in deployments, through the real binary.

mod canaries;
mod life;
mod locked;
mod runtime;
mod shop;
