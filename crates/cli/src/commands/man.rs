//! `windlass man`

use clap::CommandFactory;
use serde_json::json;
use windlass::Error;

use super::{CliError, Outcome};
use crate::app::App;
use crate::args::{self, Cli};
use crate::error::Exit;

pub(crate) fn run(app: &App, args: &args::Man) -> Outcome {
    let command = Cli::command();
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(CliError::Output)?;
        let page = String::from_utf8_lossy(&page).into_owned();
        app.print(|| page.clone(), json!({ "page": page }))?;
        return Ok(Exit::Done);
    };
    let io =
        |source| Error::Io { action: "write manual pages to", path: directory.clone(), source };
    std::fs::create_dir_all(directory).map_err(io)?;
    clap_mangen::generate_to(command, directory).map_err(io)?;
    let text = format!("wrote the manual pages to {}\n", directory.display());
    app.print(|| text, json!({ "directory": directory }))?;
    Ok(Exit::Done)
}
