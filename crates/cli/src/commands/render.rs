//! `windlass render`

use std::io::Write;

use serde_json::json;
use windlass::render::Rendered;
use windlass_core::diagnostic::{Diagnostic, nearest};

use super::Outcome;
use crate::app::App;
use crate::args;
use crate::error::{CliError, Exit};
use crate::ui::human::count;

pub(crate) async fn run(app: &App, args: &args::Render) -> Outcome {
    let engine = app.engine()?;
    let target = args.target.as_deref();
    if let Some(directory) = &args.out {
        let files = engine.render_to(&args.environment, target, directory).await?;
        let text =
            format!("rendered {} into {}\n", count(files.len(), "file"), directory.display());
        app.print(|| text, json!({ "environment": args.environment, "files": files }))?;
        return Ok(Exit::Done);
    }
    let mut files = engine.render(&args.environment, target).await?;
    match &args.file {
        Some(path) => {
            let file = choose(&mut files, path)?;
            print_one(app, &file)?;
        }
        None => print_all(app, &args.environment, &files)?,
    }
    Ok(Exit::Done)
}

fn choose(files: &mut Vec<Rendered>, path: &str) -> Result<Rendered, CliError> {
    if let Some(at) = files.iter().position(|rendered| rendered.file.path.as_str() == path) {
        return Ok(files.swap_remove(at));
    }
    let known = files.iter().map(|rendered| rendered.file.path.as_str());
    let problem = Diagnostic::error(format!("no file is rendered to {path}"));
    let problem = match nearest(path, known) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem,
    };
    Err(windlass::Error::invalid(problem).into())
}

fn print_one(app: &App, rendered: &Rendered) -> Result<(), CliError> {
    if !app.is_json() {
        return app.print_bytes(&rendered.bytes);
    }
    let mut object = json!(rendered.file);
    object["content"] = json!(String::from_utf8_lossy(&rendered.bytes));
    app.print_json(object)
}

fn print_all(app: &App, environment: &str, files: &[Rendered]) -> Result<(), CliError> {
    if app.is_json() {
        let files: Vec<_> = files.iter().map(|rendered| &rendered.file).collect();
        return app.print_json(json!({ "environment": environment, "files": files }));
    }
    let mut out = Vec::new();
    for Rendered { file, bytes } in files {
        let head = format!("==> {} ({}, {} bytes)", file.path, file.mode, file.size);
        let _ = writeln!(out, "{}", app.style.bold(&head));
        if bytes.contains(&0) {
            let _ = writeln!(out, "{}", app.style.dim("(not text)"));
        } else {
            out.extend_from_slice(bytes);
        }
        out.push(b'\n');
    }
    app.print_bytes(&out)
}
