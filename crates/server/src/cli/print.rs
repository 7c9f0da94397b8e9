//! Rows for people and spreadsheets, whole answers for programs.

use serde::Serialize;

use super::client::Format;
use super::query::quoted;
use super::{Failure, say};

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
            json.map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")))? + "\n"
        }
        Format::Csv => {
            let rows = rows.iter().map(|row| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n");
            heading().join(",") + "\n" + &rows.collect::<String>()
        }
        Format::Table if head == Head::Both => table(&[&[heading()], rows].concat()),
        Format::Table => table(rows),
    });
    Ok(())
}

/// Cells under each other.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
