//! `lapidary storage import`: files of lines to a server, in numbered batches, so that a repeat is recognised.
//!
//! The number of a file is made of its bytes and batches are always cut at the same places: whoever sends a file again,
//! whole or after an interruption, sends the same numbers, and the server keeps each once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ingest::{BATCH_HEADER, format_batch_id};
use logline::BatchId;
use storage::exchange::{Reader, fingerprint};

use super::failed;
use crate::cli::client::Connection;
use crate::cli::{Failure, block_on, complain};

/// A server that is busy is asked again, so often at most.
const TRIES: u32 = 120;
const WAIT: Duration = Duration::from_secs(1);

/// Which files.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files of lines: Parquet if the name ends so, else NDJSON; `-` is NDJSON from standard input, which has no number.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl ImportArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        block_on(async {
            for path in &self.files {
                let (lines, batches) = self.file(path).await?;
                complain(&format!("{}: {lines} lines in {batches} batches are kept", path.display()));
            }
            Ok(())
        })?
    }

    async fn file(&self, path: &Path) -> Result<(u64, u64), Failure> {
        let standard_input = path == Path::new("-");
        let (mut reader, agent) = if standard_input {
            (Reader::ndjson(std::io::stdin(), "standard input"), None)
        } else {
            (Reader::open(path).map_err(failed)?, Some(fingerprint(path).map_err(failed)?))
        };
        let (mut lines, mut sequence) = (0, 0);
        while let Some(streams) = reader.batch().map_err(failed)? {
            sequence += 1;
            lines += streams.iter().map(|stream| stream.entries.len() as u64).sum::<u64>();
            let id = agent.map(|agent| BatchId { agent, sequence });
            self.send(ingest::loki::encode(&streams), id).await.map_err(|failure| {
                let (Failure::Failed(reason) | Failure::Usage(reason)) = failure;
                let remedy = if standard_input { "" } else { "; run the same import again, nothing will be doubled" };
                Failure::Failed(format!("{}: batch {sequence}: {reason}{remedy}", path.display()))
            })?;
        }
        Ok((lines, sequence))
    }

    async fn send(&self, body: Vec<u8>, id: Option<BatchId>) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let (status, text) = self
                .connection
                .send(|client, address| {
                    let request = client.post(format!("{address}/loki/api/v1/push")).body(body.clone());
                    let request = request.header("Content-Type", "application/x-protobuf");
                    match id {
                        Some(id) => request.header(BATCH_HEADER, format_batch_id(id)),
                        None => request,
                    }
                })
                .await?;
            match status {
                200 | 204 => return Ok(()),
                429 | 503 => tokio::time::sleep(WAIT).await,
                status => return Err(Failure::Failed(format!("the server answered {status}: {}", text.trim()))),
            }
        }
        Err(Failure::Failed("the server stays busy".to_owned()))
    }
}
