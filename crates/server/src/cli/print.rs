//! Rows for people and spreadsheets, whole answers for programs.

use std::borrow::Cow;

use serde::Serialize;

use super::client::Format;
use super::query::quoted;
use super::{Failure, say, terminal};

/// Where the heading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Over spreadsheets only: the rows of the table speak for themselves.
    Csv,
    /// Over tables as well.
    Both,
}

/// Rows for people, all of the answer for programs.
pub(super) fn print<T: Serialize + ?Sized>(
    format: Format,
    head: Head,
    heading: &[&str],
    rows: &[Vec<String>],
    answer: &T,
) -> Result<(), Failure> {
    let heading = || heading.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    say(&match format {
        Format::Json => {
            let json = serde_json::to_string_pretty(answer);
            let json = json.map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")))?;
            shown(&json, terminal::json).into_owned() + "\n"
        }
        Format::Csv => {
            let quoted = |cell: &String| quoted(&shown(cell, terminal::printable));
            let rows = rows.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n");
            heading().join(",") + "\n" + &rows.collect::<String>()
        }
        Format::Table if head == Head::Both => table(&[&[heading()], rows].concat()),
        Format::Table => table(rows),
    });
    Ok(())
}

/// Text where it goes: as it is, or as a terminal may have it.
fn shown<'t>(text: &'t str, escaped: fn(&'t str) -> Cow<'t, str>) -> Cow<'t, str> {
    if terminal::is_seen() { escaped(text) } else { Cow::Borrowed(text) }
}

/// Cells under each other; what would break a row or command a terminal is escaped.
fn table(rows: &[Vec<String>]) -> String {
    let printable = |row: &Vec<String>| row.iter().map(|cell| terminal::row(cell).into_owned()).collect::<Vec<_>>();
    let rows: Vec<_> = rows.iter().map(printable).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_neither_breaks_its_row_nor_commands_a_terminal() {
        let rows = [["a\u{1b}[2J", "b\nc"], ["plain", "d"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "a\\x1b[2J  b\\x0ac\nplain     d\n");
    }
}
