//! Tables for people: plain columns, numbers to the right, no wider than the terminal.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, Width};

/// Spaces between two columns.
const GAP: u16 = 2;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    header: &'static str,
    is_number: bool,
    is_essential: bool,
}

/// Text, that must be there.
pub(crate) const fn text(header: &'static str) -> Column {
    Column { header, is_number: false, is_essential: true }
}

/// A number, that must be there.
pub(crate) const fn number(header: &'static str) -> Column {
    Column { header, is_number: true, is_essential: true }
}

impl Column {
    /// May be left out where there is no room. The last such column goes first.
    pub(crate) const fn optional(self) -> Self {
        Self { is_essential: false, ..self }
    }
}

/// Rows under headers.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    widths: Vec<u16>,
    has_header: bool,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[Column]) -> Self {
        let widths = columns.iter().map(|column| width_of(column.header)).collect();
        Self { columns: columns.to_vec(), rows: Vec::new(), widths, has_header: true }
    }

    /// Adds a row: a cell for each column.
    pub(crate) fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.push_row(cells.into());
    }

    /// The same where the number of columns is not known when this is written.
    pub(crate) fn push_row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(width_of(cell));
        }
        self.rows.push(cells);
    }

    /// The same columns without header or rows, as wide as here, so that it can be printed below.
    pub(crate) fn continued(&self) -> Self {
        Self {
            columns: self.columns.clone(),
            rows: Vec::new(),
            widths: self.widths.clone(),
            has_header: false,
        }
    }

    /// The table as text, each line with its newline. With `room`, no line is longer as far as optional columns can
    /// be left out; a last line says which were.
    pub(crate) fn render(&self, room: Option<u16>) -> String {
        let shown = self.fit(room);
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING);
        if self.has_header {
            let header =
                |&index: &usize| Cell::new(self.columns[index].header).add_attribute(Attribute::Bold);
            table.set_header(shown.iter().map(header).collect::<Vec<_>>());
        }
        for row in &self.rows {
            table.add_row(shown.iter().map(|&index| row[index].as_str()).collect::<Vec<_>>());
        }
        for (column, &index) in table.column_iter_mut().zip(&shown) {
            column.set_padding((0, GAP));
            // The width of a column is that of its cells and its padding.
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(self.widths[index] + GAP)));
            if self.columns[index].is_number {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = table.trim_fmt();
        if !text.is_empty() {
            text.push('\n');
        }
        let hidden = (0..self.columns.len()).filter(|index| !shown.contains(index));
        let names: Vec<_> = hidden.map(|index| self.columns[index].header).collect();
        if !names.is_empty() && self.has_header {
            text += &format!("(no room for: {})\n", names.join(", "));
        }
        text
    }

    /// The columns for which there is room.
    fn fit(&self, room: Option<u16>) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let needed = |shown: &[usize]| -> u32 {
            let cells: u32 = shown.iter().map(|&index| u32::from(self.widths[index])).sum();
            cells + u32::from(GAP) * u32::try_from(shown.len().saturating_sub(1)).unwrap_or(0)
        };
        while room.is_some_and(|room| needed(&shown) > u32::from(room)) {
            let Some(last) = shown.iter().rposition(|&index| !self.columns[index].is_essential) else {
                break;
            };
            shown.remove(last);
        }
        shown
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(None))
    }
}

/// The width of the terminal that standard output is; `None` when it is none.
pub(crate) fn terminal_width() -> Option<u16> {
    comfy_table::Table::new().width()
}

fn width_of(text: &str) -> u16 {
    u16::try_from(text.chars().count()).unwrap_or(u16::MAX - GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[
            text("server"),
            number("connections"),
            number("packets").optional(),
            text("state").optional(),
        ]);
        table.push(["192.0.2.100:80".into(), "5".into(), "1234567890".into(), "fine".into()]);
        table.push(["[2001:db8::1]:80".into(), "12345".into(), "0".into(), "failed".into()]);
        table
    }

    #[test]
    fn numbers_stand_to_the_right_and_lines_end_with_their_text() {
        assert_eq!(
            table().render(None),
            "server            connections     packets  state\n\
             192.0.2.100:80              5  1234567890  fine\n\
             [2001:db8::1]:80        12345           0  failed\n"
        );
    }

    #[test]
    fn columns_that_have_no_room_are_named() {
        assert_eq!(table().render(Some(49)), table().render(None));
        assert_eq!(
            table().render(Some(48)),
            "server            connections     packets\n\
             192.0.2.100:80              5  1234567890\n\
             [2001:db8::1]:80        12345           0\n\
             (no room for: state)\n"
        );
        let narrow = table().render(Some(5));
        assert!(narrow.starts_with("server            connections\n"), "{narrow}");
        assert!(narrow.ends_with("(no room for: packets, state)\n"), "{narrow}");
    }

    #[test]
    fn continued_table_keeps_its_columns() {
        let mut more = table().continued();
        more.push(["a".into(), "1".into(), "2".into(), "b".into()]);
        assert_eq!(more.render(None), "a                           1           2  b\n");
        assert_eq!(table().continued().render(None), "");
    }
}
