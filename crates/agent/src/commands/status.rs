//! Positions, lags and counters from the state folder.

use std::path::Path;

use agent::Report;
use anyhow::{Context, Result, bail};
use stdx::{Clock, Language, SystemClock};

/// How to show them.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
}

/// The state of an agent as text.
pub(crate) fn show(dir: &Path, format: Format, language: Language) -> Result<String> {
    let Some(report) = Report::load(dir, SystemClock.now())? else {
        bail!("no agent has run with the state folder `{}`", dir.display())
    };
    match format {
        Format::Json => Ok(serde_json::to_string_pretty(&report).context("cannot write JSON")? + "\n"),
        Format::Table => Ok(report.table(language)),
    }
}
