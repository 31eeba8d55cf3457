//! Deployments with secrets from SOPS files.

#[path = "../agent_process/mod.rs"]
mod agent_process;
mod canaries;
mod place;
mod through_agent;
