//! Paths of files in the project: relative, and inside it.

use super::Located;
use super::fields::Item;
use crate::path::{InvalidPath, RelativePath};

/// Schemes that are URLs without `//` too.
const SCHEMES: [&str; 9] =
    ["http:", "https:", "file:", "ftp:", "ssh:", "git:", "s3:", "oci:", "data:"];

/// Returns the path as written, which stays inside the project; `${VARIABLES}` in it are not
/// substituted yet, and what they make of it is checked again then.
pub(super) fn read(item: &Item<'_>) -> Option<Located<String>> {
    read_at(item, item.string()?)
}

/// Does the same as [`read`] with `path`, a part of what `item` says.
pub(super) fn read_at(item: &Item<'_>, path: &str) -> Option<Located<String>> {
    let source = item.located()?.with(path.to_owned());
    match check(&source.value) {
        Ok(()) => Some(source),
        Err((fault, hint)) => {
            item.report(format!("{} {fault}", item.label()), hint);
            None
        }
    }
}

/// A path never appears in the message: a URL may hold a password, and the caret shows the rest.
fn check(path: &str) -> Result<(), (String, Option<String>)> {
    if is_url(path) {
        let hint = "keep a copy in the project and write its path";
        return Err(("is a URL where a path in the project belongs".to_owned(), Some(hint.into())));
    }
    if path == "~" || path.starts_with("~/") {
        return Err(("starts at a home directory, outside the project".to_owned(), Some(inside())));
    }
    RelativePath::new(path).map(drop).map_err(|error| describe(path, &error))
}

fn is_url(path: &str) -> bool {
    let start: String = path.chars().take(8).collect::<String>().to_ascii_lowercase();
    path.contains("://") || SCHEMES.iter().any(|scheme| start.starts_with(scheme))
}

fn describe(path: &str, error: &InvalidPath) -> (String, Option<String>) {
    let cleaned = || Some(format!("write `{}`", without_noise(path))).filter(|_| path.len() <= 255);
    match error {
        InvalidPath::EmptyComponent(_) if path.is_empty() => ("is empty".to_owned(), None),
        InvalidPath::EmptyComponent(_) => ("has an empty component".to_owned(), cleaned()),
        InvalidPath::Absolute(_) => ("is absolute".to_owned(), Some(inside())),
        InvalidPath::Dots(_) if path.split('/').any(|part| part == "..") => {
            ("leaves the directory with `..`".to_owned(), Some(inside()))
        }
        InvalidPath::Dots(_) if without_noise(path).is_empty() => {
            ("is the whole project".to_owned(), Some("name a directory in it".to_owned()))
        }
        InvalidPath::Dots(_) => ("has a `.` component".to_owned(), cleaned()),
        other => (format!("is unusable: {other}"), None),
    }
}

fn inside() -> String {
    "write a path relative to the directory of the project file, and inside it".to_owned()
}

fn without_noise(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str) -> (String, Option<String>) {
        check(path).expect_err(path)
    }

    #[test]
    fn paths_with_variables_pass() {
        for good in ["a.conf", "environments/${ENVIRONMENT}/app.yaml", "dist/web-$VERSION.tar.gz"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_not_inside_is_refused() {
        assert!(fault("../../etc/x").0.contains(".."));
        assert!(fault("a/../../b").0.contains(".."));
        assert!(fault("/etc/passwd").0.contains("absolute"));
        assert!(fault("~/.ssh/id").0.contains("home"));
        assert!(fault("a\nb").0.contains("control character"));
        assert_eq!(fault("").0, "is empty");
    }

    #[test]
    fn urls_are_refused_and_never_quoted() {
        for url in ["https://user:hunter2@x/y", "file:/etc/hunter2", "HTTP:hunter2", "x://hunter2"]
        {
            let (message, hint) = fault(url);
            assert!(message.contains("URL"), "{message}");
            assert!(!format!("{message}{hint:?}").contains("hunter2"));
        }
    }

    #[test]
    fn noise_is_refused_with_what_to_write() {
        assert_eq!(fault("./a//b/").1.as_deref(), Some("write `a/b`"));
        assert_eq!(fault("./a").1.as_deref(), Some("write `a`"));
        assert_eq!(fault("./").0, "has an empty component");
        assert_eq!(fault(".").0, "is the whole project");
    }
}
