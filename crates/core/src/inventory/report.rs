//! What is wrong with an inventory so far.

use crate::diagnostic::{Diagnostic, Severity};

/// How many errors, and how many warnings, are told one by one; the rest is counted.
const MOST: usize = 200;

/// Errors and warnings, each told once however many hosts share what is wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    errors: Told,
    warnings: Told,
}

#[derive(Debug, Clone, Default)]
struct Told {
    diagnostics: Vec<Diagnostic>,
    untold: usize,
}

impl Told {
    fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.contains(&diagnostic) {
            return;
        }
        if self.diagnostics.len() < MOST {
            self.diagnostics.push(diagnostic);
        } else {
            self.untold += 1;
        }
    }

    /// Returns them in the order of the text.
    fn finish(mut self, what: &str) -> Vec<Diagnostic> {
        self.diagnostics.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        if let (Some(last), 1..) = (self.diagnostics.last(), self.untold) {
            let (severity, file) = (last.severity, last.file.clone());
            let count = Diagnostic::error(format!("{} more {what}", self.untold));
            self.diagnostics.push(Diagnostic { severity, file, ..count });
        }
        self.diagnostics
    }
}

impl Report {
    /// Adds an error.
    pub(super) fn error(&mut self, error: Diagnostic) {
        self.errors.push(error);
    }

    /// Adds a warning with the text and place of `error`.
    pub(super) fn warn(&mut self, error: Diagnostic) {
        self.warnings.push(Diagnostic { severity: Severity::Warning, ..error });
    }

    /// Tells whether there is an error.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.diagnostics.is_empty()
    }

    /// Returns the warnings, or all errors if there is one.
    pub(super) fn finish(self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        if self.has_errors() {
            Err(self.errors.finish("errors"))
        } else {
            Ok(self.warnings.finish("warnings"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Position;

    fn at(line: u32) -> Diagnostic {
        Diagnostic::error("no").in_file("hosts").at(Position { line, column: 1 })
    }

    #[test]
    fn what_is_wrong_is_told_once_in_order_and_within_bounds() {
        let mut report = Report::default();
        for line in [3, 1, 3] {
            report.error(at(line));
        }
        let lines = |told: &[Diagnostic]| -> Vec<_> {
            told.iter().filter_map(|d| d.position.map(|at| at.line)).collect()
        };
        assert_eq!(lines(&report.clone().finish().expect_err("errors")), [1, 3]);
        (0..1_000).for_each(|line| report.error(at(line + 10)));
        let told = report.finish().expect_err("errors");
        assert_eq!(told.len(), MOST + 1);
        assert_eq!(told[MOST].to_string(), "hosts: 802 more errors");
    }

    #[test]
    fn warnings_alone_refuse_nothing() {
        let mut report = Report::default();
        report.warn(at(1));
        let warnings = report.finish().expect("no errors");
        assert_eq!(warnings[0].severity, Severity::Warning);
    }
}
