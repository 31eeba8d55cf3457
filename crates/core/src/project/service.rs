//! `[services.NAME]`: what is deployed.

use std::ops::RangeInclusive;

use super::fields::Item;
use super::file::{self, FileSpec};
use super::shape::{ANY, Field, Kind, List, PATH, Shape, TEXT};
use super::{Declared, Located, health, source};
use crate::command::Command;
use crate::diagnostic::Position;
use crate::health::HealthCheck;
use crate::path::RelativePath;

pub(super) static SERVICE: Shape = Shape {
    fields: &[
        Field::new(
            "files",
            Kind::List(&List::of(Kind::Table(&file::FILE))),
            "[{ source = \"templates/nginx.conf\" }]",
            "What is rendered or copied.",
        ),
        Field::new(
            "artifact",
            Kind::Any(&[Kind::Text(&PATH), Kind::Table(&ARTIFACT)]),
            "\"dist/web-${VERSION}.tar.gz\"",
            "An archive that is unpacked.",
        ),
        Field::new(
            "version",
            Kind::Text(&TEXT),
            "\"1.4.2\"",
            "`${VERSION}` in its files, its artifact and its commands, where none is given on the \
             command line.",
        ),
        Field::new(
            "check",
            COMMAND,
            "[\"nginx\", \"-t\", \"-c\", \"${STAGED}/nginx.conf\"]",
            "Runs on the staged release, before anything changes; its failure stops the deployment.",
        ),
        Field::new(
            "on_change",
            COMMAND,
            "\"systemctl reload nginx\"",
            "Runs after the switch, where a file of the service changed.",
        ),
        Field::new(
            "health",
            Kind::List(&List::of(Kind::Table(&health::CHECK))),
            "[{ http = \"http://${TARGET_ADDRESS}:8080/healthz\" }]",
            "Probed after the switch; a target that is not healthy is taken back.",
        ),
        Field::new("layout", Kind::Choice(&file::LAYOUT_NAMES), "\"plain\"", "As in `[project]`.")
            .or_else("that of the project"),
    ],
    ..Shape::header(
        "service",
        "`[services.NAME]`",
        "What is deployed: files, an artifact, and the commands and probes that go with them.",
    )
};

static ARTIFACT: Shape = Shape {
    fields: &[
        Field::new("source", Kind::Text(&PATH), "\"dist/web-${VERSION}.tar.gz\"", "The archive.")
            .required(),
        Field::new(
            "path",
            Kind::Text(&PATH),
            "\"web\"",
            "The directory it is unpacked into, below `config_path`.",
        )
        .or("\"app\"")
        .beside("source = \"dist/web.tar.gz\""),
        Field::new(
            "strip",
            Kind::Integer(&STRIP),
            "1",
            "How many leading components its entries lose.",
        )
        .or("0")
        .beside("source = \"dist/web.tar.gz\""),
    ],
    ..Shape::inline("artifact", "A table for `artifact`", "An archive, and where it goes.")
};

const STRIP: RangeInclusive<u32> = 0..=16;

/// A text for the shell, or a program and its arguments.
pub(super) const COMMAND: Kind =
    Kind::Any(&[Kind::Text(&TEXT), Kind::List(&List::some(Kind::Text(&ANY)))]);

/// `[services.NAME]`: files, an artifact, and the commands and probes that go with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSpec {
    /// `files`: what is rendered or copied.
    pub files: Vec<FileSpec>,
    /// `artifact`: what is unpacked.
    pub artifact: Option<ArtifactSpec>,
    /// `version`: the version of the service, where it is not given on the command line; variables
    /// in it are not substituted yet.
    pub version: Option<String>,
    /// `check`: run on the staged release, before activation; a failure stops the deployment.
    pub check: Option<Command>,
    /// `on_change`: run after activation, if a file of the service changed on the target.
    pub on_change: Option<Command>,
    /// `health`: probed after activation.
    pub health: Vec<HealthCheck>,
    /// Where the service is declared in the project file.
    pub position: Position,
}

/// `artifact`: `"dist/web-${VERSION}.tar.gz"`, or `{ source = "…", path = "app", strip = 1 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactSpec {
    /// `source`: the archive, relative to the project and inside it; variables in it are not
    /// substituted yet, and what they make of it must be checked again.
    pub source: Located<String>,
    /// `path`: the directory it is unpacked into, below the environment's `config_path`; `app`
    /// unless told otherwise.
    pub path: RelativePath,
    /// `strip`: how many leading components its entries lose; 0 unless told otherwise, 16 at most.
    pub strip: u32,
}

/// Reads `[services.NAME]`.
pub(super) fn read(item: &Item<'_>, name: &str, declared: &Declared<'_>) -> Option<ServiceSpec> {
    let fields = item.fields(format!("[services.{name}]"), &SERVICE)?;
    let layout = fields.get("layout").and_then(|layout| file::read_layout(&layout));
    let command = |key| fields.get(key).and_then(|command| read_command(&command));
    Some(ServiceSpec {
        files: file::read_all(&fields, declared, layout.unwrap_or(declared.layout)),
        artifact: fields.get("artifact").and_then(|artifact| read_artifact(&artifact)),
        version: fields.get("version").and_then(|version| version.text()),
        check: command("check"),
        on_change: command("on_change"),
        health: fields.get("health").map(|checks| health::read(&checks)).unwrap_or_default(),
        position: item.input.locate(&item.span(), ()).position,
    })
}

fn read_artifact(item: &Item<'_>) -> Option<ArtifactSpec> {
    let default = || RelativePath::new("app").expect("`app` is one plain component");
    if !item.is_table() {
        return Some(ArtifactSpec { source: source::read(item)?, path: default(), strip: 0 });
    }
    let fields = item.fields(item.label(), &ARTIFACT)?;
    let source = fields.require("source").and_then(|s| source::read(&s));
    let path = fields.get("path").and_then(|path| file::read_path(&path));
    let strip = fields.get("strip").and_then(|strip| strip.integer(&STRIP));
    Some(ArtifactSpec {
        source: source?,
        path: path.unwrap_or_else(default),
        strip: strip.unwrap_or_default(),
    })
}

/// Returns the command: a text for the shell, or a program and its arguments.
pub(super) fn read_command(item: &Item<'_>) -> Option<Command> {
    if item.is_string() {
        return item.text().map(Command::Shell);
    }
    if !item.is_list() {
        item.wrong_type("a command (a string, or a list of strings)", None);
        return None;
    }
    let words = item.nonempty_list("strings", "name a program")?;
    let (program, arguments) = words.split_first()?;
    let program = program.text();
    let arguments: Vec<_> = arguments.iter().map(Item::string).collect();
    let mut argv = vec![program?];
    for argument in arguments {
        argv.push(argument?.to_owned());
    }
    Some(Command::Argv(argv))
}
