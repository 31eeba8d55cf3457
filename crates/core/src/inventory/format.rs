//! The formats of inventories.

use std::sync::Arc;

use super::draft::Draft;
use super::values::{VAULT, VAULT_HINT};
use super::{Inventory, ini, listing, tree};
use crate::config::{self, MAX_TEXT, Node};
use crate::diagnostic::{Diagnostic, Position};

/// A format that inventories are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Ansible's INI: `[web]`, `[site:children]`, `[web:vars]`, hosts with `key=value` behind them.
    AnsibleIni,
    /// Ansible's YAML: groups with `hosts`, `children` and `vars`. It is read as YAML 1.2.
    AnsibleYaml,
    /// What an executable inventory and `ansible-inventory --list` print; also Ansible's YAML, written
    /// as JSON.
    Json,
}

impl Format {
    /// Returns the format of a file by its name, as Ansible does: `.yaml`, `.yml` and `.json`;
    /// everything else is INI.
    #[must_use]
    pub fn from_path(path: &str) -> Self {
        match config::Format::from_path(path) {
            Some(config::Format::Yaml) => Self::AnsibleYaml,
            Some(config::Format::Json) => Self::Json,
            _ => Self::AnsibleIni,
        }
    }
}

/// Returns the inventory that `text` writes, each value placed in `file`.
///
/// # Errors
/// Everything that is wrong with it, or the first thing that is wrong with the syntax of YAML or
/// JSON.
pub fn parse(text: &str, format: Format, file: &str) -> Result<Inventory, Vec<Diagnostic>> {
    check(text, file).map_err(|error| vec![error])?;
    let name: Arc<str> = Arc::from(file);
    let mut draft = Draft::new(&name);
    // What stopped the reading is in the report of the draft.
    let _ = match format {
        Format::AnsibleIni => ini::read(text, &name, &mut draft),
        Format::AnsibleYaml => {
            let root = read_config(config::Format::Yaml, file, text)?;
            tree::read(root, &mut draft)
        }
        Format::Json => {
            let root = read_config(config::Format::Json, file, text)?;
            if listing::is_listing(&root) {
                listing::read(root, &mut draft)
            } else {
                tree::read(root, &mut draft)
            }
        }
    };
    draft.finish()
}

fn check(text: &str, file: &str) -> Result<(), Diagnostic> {
    let start = Position { line: 1, column: 1 };
    if text.len() > MAX_TEXT {
        let message = format!("text has {} bytes: {MAX_TEXT} at most", text.len());
        return Err(Diagnostic::error(message).in_file(file));
    }
    if text.starts_with(VAULT) {
        let message = "file is encrypted with Ansible Vault, which is not read";
        return Err(Diagnostic::error(message).in_file(file).at(start).hint(VAULT_HINT));
    }
    Ok(())
}

/// Returns the value of a YAML or JSON text. Tags of Ansible are refused with what to do.
pub(super) fn read_config(
    format: config::Format,
    file: &str,
    text: &str,
) -> Result<Node, Vec<Diagnostic>> {
    check(text, file).map_err(|error| vec![error])?;
    let explained = |errors: Vec<Diagnostic>| errors.into_iter().map(explain_tag).collect();
    config::parse(format, file, text).map_err(explained)
}

fn explain_tag(error: Diagnostic) -> Diagnostic {
    match error.message.as_str() {
        "tag `!vault` is not supported" | "tag `!vault-encrypted` is not supported" => {
            let message = "value is encrypted with Ansible Vault, which is not read";
            Diagnostic { message: message.to_owned(), ..error }.hint(VAULT_HINT)
        }
        "tag `!unsafe` is not supported" => {
            error.hint("leave it out: Windlass never expands values of inventories")
        }
        _ => error,
    }
}
