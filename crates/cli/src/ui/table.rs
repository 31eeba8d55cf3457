//! Text in columns.

use super::escape;
use super::style::{Style, Tint};

/// What stands between two columns.
const GAP: &str = "  ";

/// One cell: text on one line, safe for a terminal, in one colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tint: Tint,
}

impl Cell {
    /// Returns a cell with `text` escaped, in the colour of `tint`.
    pub(crate) fn new(tint: Tint, text: impl AsRef<str>) -> Self {
        Self { text: escape::line(text.as_ref()).into_owned(), tint }
    }

    /// Returns a cell with `text` escaped.
    pub(crate) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Tint::Plain, text)
    }

    /// Returns the text, escaped, without colour.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text in its colour.
    pub(crate) fn paint(&self, style: Style) -> String {
        style.paint(self.tint, &self.text)
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Rows of cells, aligned. Characters are counted, not terminal columns.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Returns a table without headings.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns a table with a row of headings.
    pub(crate) fn headed<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        let headings = headings.into_iter().map(|text| Cell::new(Tint::Bold, text));
        Self { rows: vec![headings.collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a row of a name and what it stands for.
    pub(crate) fn entry(&mut self, name: &str, value: Cell) {
        self.row([Cell::new(Tint::Dim, name), value]);
    }

    /// Returns one line for each row, without line ends and without blanks at their ends.
    pub(crate) fn lines(&self, style: Style) -> Vec<String> {
        let widths = self.widths();
        self.rows.iter().map(|row| aligned(row, &widths, style)).collect()
    }

    /// Returns all lines, each indented by `indent` and ended.
    pub(crate) fn render(&self, indent: &str, style: Style) -> String {
        self.lines(style).iter().map(|line| format!("{indent}{line}\n")).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at| self.rows.iter().filter_map(|row| row.get(at)).map(Cell::width).max();
        (0..columns).map(|at| width(at).unwrap_or(0)).collect()
    }
}

fn aligned(row: &[Cell], widths: &[usize], style: Style) -> String {
    let filled = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |last| last + 1);
    let mut line = String::new();
    let mut owed = 0;
    for (cell, width) in row[..filled].iter().zip(widths) {
        line.extend(std::iter::repeat_n(' ', owed));
        line.push_str(&cell.paint(style));
        owed = width - cell.width() + GAP.len();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::headed(["NAME", "STATE", "WHY"]);
        table.row([Cell::plain("über"), Cell::new(Tint::Ok, "healthy"), Cell::plain("")]);
        table.row([Cell::plain("a"), Cell::plain(""), Cell::plain("x\u{1b}y")]);
        table
    }

    #[test]
    fn columns_are_aligned_by_characters_and_nothing_trails() {
        let expected = "NAME  STATE    WHY\nüber  healthy\na              x\\u{1b}y\n";
        assert_eq!(table().render("", Style::PLAIN), expected);
    }

    #[test]
    fn colour_does_not_move_the_columns() {
        let colored = table().render("  ", Style::COLORED);
        let stripped = anstream::adapter::strip_str(&colored).to_string();
        assert_ne!(colored, stripped);
        assert_eq!(stripped, table().render("  ", Style::PLAIN));
    }

    #[test]
    fn an_empty_table_is_no_lines() {
        assert_eq!(Table::new().render("", Style::PLAIN), "");
    }
}
