//! `lapidary storage export`: lines of a server into a file, page by page.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use logline::{Entry, Labels, Timestamp};
use serde_json::Value;
use storage::exchange::{Exported, Format, Writer};

use super::failed;
use crate::cli::client::Connection;
use crate::cli::{Failure, block_on};

/// Lines of one page; the server's default limit.
const PAGE: usize = 5_000;

/// Which lines, and where to.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Which lines, in LogQL: `{service_name="shop-api"}`.
    query: String,
    /// Begin, RFC 3339.
    #[arg(long, value_name = "TIME")]
    from: jiff::Timestamp,
    /// End, RFC 3339; lines of this very instant are left out.
    #[arg(long, value_name = "TIME")]
    to: jiff::Timestamp,
    /// File to write [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Format of the file [default: parquet if its name ends so, else ndjson].
    #[arg(long = "as", value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Ndjson,
    Parquet,
}

impl ExportArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let format = match (self.kind, &self.out) {
            (Some(Kind::Ndjson), _) | (None, None) => Format::Ndjson,
            (Some(Kind::Parquet), _) => Format::Parquet,
            (None, Some(path)) => Format::of(path),
        };
        let Some(path) = self.out.clone() else {
            let writer = Writer::to(std::io::stdout(), "standard output".into(), format);
            return block_on(self.pages(writer))?.map(drop);
        };
        // Nobody takes half an export for a whole one.
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(".unfinished");
        let writer = Writer::create(unfinished.as_ref(), format).map_err(failed)?;
        let lines = block_on(self.pages(writer))??;
        fs::rename(&unfinished, &path)
            .map_err(|error| Failure::Failed(format!("cannot write to `{}`: {error}", path.display())))?;
        crate::cli::complain(&format!("{lines} lines written to {}", path.display()));
        Ok(())
    }

    async fn pages(&self, mut writer: Writer) -> Result<u64, Failure> {
        let mut lines = 0;
        let mut from = Timestamp::from(self.from);
        let to = Timestamp::from(self.to);
        loop {
            let mut page = self.page(from, to).await?;
            page.sort_by_key(|line| line.entry.timestamp);
            let full = PAGE <= page.len();
            if let Some(last) = page.last().map(|line| line.entry.timestamp).filter(|_| full) {
                if last <= from {
                    let instant = jiff::Timestamp::from(from);
                    return Err(Failure::Failed(format!("more than {PAGE} lines at {instant}: narrow the query")));
                }
                // The last instant may go on beyond the page: it is asked for again.
                page.retain(|line| line.entry.timestamp < last);
                from = last;
            }
            lines += page.len() as u64;
            writer.write(page).map_err(failed)?;
            if !full {
                writer.finish().map_err(failed)?;
                return Ok(lines);
            }
        }
    }

    async fn page(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Exported>, Failure> {
        let params = [
            ("query", self.query.clone()),
            ("start", from.0.to_string()),
            ("end", to.0.to_string()),
            ("limit", PAGE.to_string()),
            ("direction", "forward".to_owned()),
        ];
        let (status, body) = self
            .connection
            .send(|client, address| {
                let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
                let request = client.post(format!("{address}/loki/api/v1/query_range")).body(query);
                request
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .header("X-Loki-Response-Encoding-Flags", "categorize-labels")
            })
            .await?;
        if status != 200 {
            return Err(Failure::Failed(body.trim().to_owned()));
        }
        lines(&body).ok_or_else(|| {
            Failure::Failed("the server's answer is not one of lines; ask for lines, not for numbers".to_owned())
        })
    }
}

fn lines(body: &str) -> Option<Vec<Exported>> {
    let body: Value = serde_json::from_str(body).ok()?;
    let data = &body["data"];
    if data["resultType"] != "streams" {
        return None;
    }
    let mut found = Vec::new();
    for stream in data["result"].as_array()? {
        let labels = Labels::new(pairs(&stream["stream"])).ok()?;
        for value in stream["values"].as_array()? {
            let timestamp = Timestamp(value[0].as_str()?.parse().ok()?);
            let mut metadata = pairs(&value[2]["structuredMetadata"]);
            metadata.sort();
            let entry = Entry { timestamp, line: value[1].as_str()?.to_owned(), metadata };
            found.push(Exported { labels: labels.clone(), entry });
        }
    }
    Some(found)
}

fn pairs(object: &Value) -> Vec<(String, String)> {
    let pairs = object.as_object().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
