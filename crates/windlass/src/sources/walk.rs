//! From a path to an open file, one component at a time.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::Errno;
use windlass_core::diagnostic::nearest;
use windlass_core::path::RESERVED;

use super::{Directory, SourceError, SourceErrorKind, SourceFile, Sources};

/// How many links one path may go through, as in the kernel.
const LINKS: usize = 40;

/// What a path leads to.
pub(super) enum Found {
    /// A regular file.
    File(SourceFile),
    /// A directory: all from the root to it, each inside the one before.
    Directory(Vec<Directory>),
}

/// A walk from a directory of the project.
pub(super) struct Walk<'s> {
    sources: &'s Sources,
    /// The path as the project names it, for messages.
    named: &'s str,
    /// Where it is: the root, and each directory below it on the way.
    stack: Vec<Directory>,
    /// What is still to be walked, the next component last.
    pending: Vec<Step>,
    links: Vec<Link>,
}

struct Step {
    name: String,
    /// The link that it comes from.
    link: Option<usize>,
}

struct Link {
    path: String,
    target: String,
}

impl<'s> Walk<'s> {
    /// Returns a walk from the root, for the path that the project calls `named`.
    pub(super) fn new(sources: &'s Sources, named: &'s str) -> Self {
        Self::from(sources, named, vec![sources.root.clone()])
    }

    /// Returns a walk from the last directory of `stack`, which starts at the root.
    pub(super) fn from(sources: &'s Sources, named: &'s str, stack: Vec<Directory>) -> Self {
        Self { sources, named, stack, pending: Vec::new(), links: Vec::new() }
    }

    /// Returns what `path` leads to.
    pub(super) fn find(mut self, path: &str) -> Result<Found, SourceError> {
        self.push(path, None);
        while let Some(step) = self.pending.pop() {
            match step.name.as_str() {
                "" | "." => {}
                ".." => self.up(&step)?,
                RESERVED => return Err(self.reserved(&step)),
                _ if self.pending.is_empty() => {
                    if let Some(file) = self.last(&step)? {
                        return Ok(Found::File(file));
                    }
                }
                _ => self.enter(&step)?,
            }
        }
        Ok(Found::Directory(self.stack))
    }

    fn push(&mut self, path: &str, link: Option<usize>) {
        let steps = path.split('/').rev().map(|name| Step { name: name.to_owned(), link });
        self.pending.extend(steps);
    }

    fn here(&self) -> &Directory {
        self.stack.last().expect("the root is never popped: `up` refuses to")
    }

    fn path_of(&self, name: &str) -> String {
        match self.here().path.as_str() {
            "" => name.to_owned(),
            above => format!("{above}/{name}"),
        }
    }

    fn up(&mut self, step: &Step) -> Result<(), SourceError> {
        if self.stack.len() == 1 {
            return Err(self.outside(step.link));
        }
        self.stack.pop();
        Ok(())
    }

    /// Goes into a directory that is not the end of the path.
    fn enter(&mut self, step: &Step) -> Result<(), SourceError> {
        let path = self.path_of(&step.name);
        if let Some(directory) = self.sources.held(&path) {
            self.stack.push(directory);
            return Ok(());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.here().fd, &step.name, flags, Mode::empty()) {
            Ok(fd) => {
                let directory = Directory { path, fd: Arc::new(fd) };
                self.sources.hold(&directory);
                self.stack.push(directory);
                Ok(())
            }
            Err(Errno::NOTDIR | Errno::LOOP) => self.follow(step),
            Err(errno) => Err(self.explain(step, errno)),
        }
    }

    /// Returns the file that ends the path; nothing if it was a directory or a link, and the walk
    /// goes on there.
    fn last(&mut self, step: &Step) -> Result<Option<SourceFile>, SourceError> {
        // Without NONBLOCK a FIFO would wait for its writer.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match openat(&self.here().fd, &step.name, flags, Mode::empty()) {
            Ok(fd) => self.judge(step, fd),
            Err(Errno::LOOP) => self.follow(step).map(|()| None),
            Err(Errno::NXIO) => Err(self.not_regular(step, "a socket or a device")),
            Err(errno) => Err(self.explain(step, errno)),
        }
    }

    fn judge(&mut self, step: &Step, fd: OwnedFd) -> Result<Option<SourceFile>, SourceError> {
        let stat = fstat(&fd).map_err(|errno| self.explain(step, errno))?;
        let path = self.path_of(&step.name);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => return Ok(Some(source_file(fd, &stat, path))),
            FileType::Directory => self.stack.push(Directory { path, fd: Arc::new(fd) }),
            FileType::Fifo => return Err(self.not_regular(step, "a FIFO")),
            _ => return Err(self.not_regular(step, "a device")),
        }
        Ok(None)
    }

    /// Puts the target of the link at `step` in its place.
    fn follow(&mut self, step: &Step) -> Result<(), SourceError> {
        let path = self.path_of(&step.name);
        let target = match readlinkat(&self.here().fd, &step.name, Vec::new()) {
            Ok(target) => text_of(&target).map_err(|shown| odd_target(&path, &shown))?,
            Err(Errno::INVAL) => return Err(SourceError::not_a_directory(&path)),
            Err(errno) => return Err(self.explain(step, errno)),
        };
        let link = self.links.len();
        self.links.push(Link { path, target: target.clone() });
        if self.links.len() > LINKS {
            return Err(self.circle(link));
        }
        if !target.starts_with('/') {
            self.push(&target, Some(link));
            return Ok(());
        }
        let inside = self.below_root(&target).ok_or_else(|| self.outside(Some(link)))?;
        self.stack.truncate(1);
        self.push(&inside, Some(link));
        Ok(())
    }

    /// Returns what follows the root in the absolute path `target`, if it starts with the root.
    fn below_root(&self, target: &str) -> Option<String> {
        let target = Path::new(target);
        let rest = self.sources.roots.iter().find_map(|root| target.strip_prefix(root).ok())?;
        let names = rest.components().map(Component::as_os_str);
        Some(names.map(|name| name.to_string_lossy()).collect::<Vec<_>>().join("/"))
    }

    fn outside(&self, link: Option<usize>) -> SourceError {
        let message = match link {
            Some(at) => {
                let Link { path, target } = &self.links[at];
                format!("link {path} leaves the project: it points to {target:?}")
            }
            None => format!("{} leaves the project", self.named),
        };
        SourceError::new(SourceErrorKind::Outside, message)
            .with_hint("copy what it points to into the project")
    }

    fn circle(&self, link: usize) -> SourceError {
        let Link { path, target } = &self.links[link];
        let message = format!(
            "{} goes through more than {LINKS} links; {path} points to {target:?}",
            self.named
        );
        SourceError::new(SourceErrorKind::Loop, message)
    }

    fn reserved(&self, step: &Step) -> SourceError {
        let path = self.path_of(&step.name);
        let message = format!("{path} is reserved: windlass keeps its own state in {RESERVED}");
        SourceError::new(SourceErrorKind::Path, message)
    }

    fn not_regular(&self, step: &Step, what: &str) -> SourceError {
        SourceError::not_regular(&self.path_of(&step.name), what)
    }

    fn explain(&self, step: &Step, errno: Errno) -> SourceError {
        let path = self.path_of(&step.name);
        match errno {
            Errno::NOENT => self.missing(step, &path),
            Errno::NOTDIR => SourceError::not_a_directory(&self.here().path),
            _ => SourceError::read(&path, errno.into()),
        }
    }

    fn missing(&self, step: &Step, path: &str) -> SourceError {
        let message = match step.link.map(|at| &self.links[at]) {
            Some(link) => format!("link {} points to {path}, which does not exist", link.path),
            None => format!("{path} does not exist"),
        };
        let error = SourceError::new(SourceErrorKind::Missing, message);
        match self.sibling(&step.name) {
            Some(sibling) => error.with_hint(format!("did you mean `{sibling}`?")),
            None => error.with_hint("paths are relative to the project directory"),
        }
    }

    /// Returns the path of what exists here and has the name most like `name`.
    fn sibling(&self, name: &str) -> Option<String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(self.here().fd.as_fd(), ".", flags, Mode::empty()).ok()?;
        let entries = Dir::new(fd).ok()?.take(10_000).filter_map(Result::ok);
        let names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
            .collect();
        let plain = |name: &&str| !matches!(*name, "." | "..") && !name.contains(char::is_control);
        nearest(name, names.iter().map(String::as_str).filter(plain))
            .map(|sibling| self.path_of(sibling))
    }
}

/// Returns the text of a link's target, or how it may be shown if it is none.
fn text_of(target: &CStr) -> Result<String, String> {
    match target.to_str() {
        Ok(text) if !text.contains(char::is_control) => Ok(text.to_owned()),
        _ => Err(target.to_string_lossy().into_owned()),
    }
}

fn odd_target(link: &str, shown: &str) -> SourceError {
    let message =
        format!("link {link} points to {shown:?}: not UTF-8, or it holds a control character");
    SourceError::new(SourceErrorKind::Path, message)
}

fn source_file(fd: OwnedFd, stat: &Stat, path: String) -> SourceFile {
    SourceFile {
        file: File::from(fd),
        // A regular file has no negative size.
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode_is_executable: stat.st_mode & 0o100 != 0,
        path,
    }
}
