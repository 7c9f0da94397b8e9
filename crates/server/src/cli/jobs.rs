//! `lapidary jobs`: background work.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::client::{Connection, Format};
use super::{Failure, block_on, say};
use crate::http::{Job, Jobs};

/// Which jobs, or what to do with one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    command: Option<JobsCommand>,
    /// Only those that run.
    #[arg(long)]
    running: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// Stops a running job; it leaves nothing half done, and its work is left alone for half an hour.
    Cancel {
        /// Its number.
        id: u64,
        #[command(flatten)]
        connection: Connection,
    },
}

impl JobsArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(JobsCommand::Cancel { id, connection }) = self.command {
            let cancel = connection.send(|client, address| client.delete(format!("{address}/api/v1/jobs/{id}")));
            let (status, body) = block_on(cancel)??;
            return if status < 300 { Ok(()) } else { Err(Failure::Failed(body.trim().to_owned())) };
        }
        let mut answer: Jobs = block_on(self.connection.get("/api/v1/jobs", &[]))??;
        answer.jobs.retain(|job| !self.running || job.state == "running");
        say(&match self.connection.format {
            Format::Table => table(&answer.jobs),
            Format::Json => {
                let json = serde_json::to_string_pretty(&answer);
                json.map_err(|error| Failure::Failed(format!("the answer cannot be printed: {error}")))? + "\n"
            }
            Format::Csv => lines(&answer.jobs, ","),
        });
        Ok(())
    }
}

const HEADING: [&str; 8] = ["id", "kind", "table", "state", "done", "started", "subject", "reason"];

fn cells(job: &Job) -> [String; 8] {
    let done =
        job.done.saturating_mul(100).checked_div(job.total).map_or(String::new(), |done| format!("{}%", done.min(100)));
    let reason = job.reason.clone().unwrap_or_default();
    let (table, started) = (job.table.clone(), job.started.clone());
    [job.id.to_string(), job.kind.clone(), table, job.state.clone(), done, started, job.subject.clone(), reason]
}

fn table(jobs: &[Job]) -> String {
    let rows: Vec<[String; 8]> = std::iter::once(HEADING.map(str::to_owned)).chain(jobs.iter().map(cells)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..HEADING.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            write!(line, "{cell:width$}  ").unwrap_or_default();
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

fn lines(jobs: &[Job], between: &str) -> String {
    let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let mut out = HEADING.join(between) + "\n";
    for job in jobs {
        out += &(cells(job).iter().map(quoted).collect::<Vec<_>>().join(between) + "\n");
    }
    out
}
