//! Positions and counters from the state folder.

use std::fmt::Write;
use std::path::Path;

use agent::State;
use anyhow::{Context, Result, bail};

/// How to show them.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

/// The state of an agent as text.
pub(crate) fn show(dir: &Path, format: Format) -> Result<String> {
    let Some(state) = State::load(dir)? else { bail!("no agent has run with the state folder `{}`", dir.display()) };
    match format {
        Format::Json => Ok(serde_json::to_string_pretty(&state).context("cannot write JSON")? + "\n"),
        Format::Table => table(&state).context("cannot write text"),
    }
}

fn table(state: &State) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let totals = &state.totals;
    writeln!(out, "agent     {}", state.agent)?;
    writeln!(out, "batches   {}", totals.batches)?;
    writeln!(out, "lines     {} ({} bytes), {} cut", totals.lines, totals.bytes, totals.cut_lines)?;
    let masked: Vec<_> = totals.masked.iter().map(|(rule, count)| format!("{count} {rule}")).collect();
    writeln!(out, "masked    {}", if masked.is_empty() { "nothing".to_owned() } else { masked.join(", ") })?;
    if totals.mask_errors > 0 {
        writeln!(out, "defects   {} lines not masked and so replaced", totals.mask_errors)?;
    }
    writeln!(out, "\n{:>14} {:>14}  file", "read", "of bytes")?;
    for position in state.files.values() {
        let len =
            std::fs::metadata(&position.path).map_or_else(|_| "-".to_owned(), |metadata| metadata.len().to_string());
        writeln!(out, "{:>14} {len:>14}  {}", position.offset, position.path.display())?;
    }
    Ok(out)
}
