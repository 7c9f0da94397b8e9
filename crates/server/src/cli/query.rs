//! `lapidary query`: lines as they come from the server, or series; with a histogram in a terminal.

mod histogram;
mod lines;
mod metrics;

use clap::{Args, ValueEnum};
use serde_json::Value;

pub(crate) use self::lines::{Output, Printer, braces, quoted};
use super::client::{Login, encoded};
use super::time::{self, Stretch, duration};
use super::{Failure, block_on, complain, say};

/// Windows of a parallel download.
const MAX_PARALLEL: u16 = 16;

/// What to ask, and how to print the answer.
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The query, in LogQL: `{service_name="shop-api"} |= "error"`.
    query: String,
    #[command(flatten)]
    stretch: Stretch,
    /// Most lines; 0 for all there are.
    #[arg(long, default_value_t = 30)]
    limit: u64,
    /// Goes on where another list ended, as that list tells.
    #[arg(long)]
    cursor: Option<String>,
    /// Which end of the stretch comes first.
    #[arg(long, value_enum, default_value_t = Direction::Backward)]
    direction: Direction,
    /// The same as --direction forward: the oldest first.
    #[arg(long, conflicts_with = "direction")]
    forward: bool,
    /// From point to point of a series, such as 30s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    step: Option<std::time::Duration>,
    /// Leaves out lines closer than this to the one before.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    interval: Option<std::time::Duration>,
    /// Values at the end of the stretch only, no series.
    #[arg(long)]
    instant: bool,
    /// How many windows of time to download at once.
    #[arg(long, value_name = "1..16", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_PARALLEL)))]
    parallel: u16,
    /// Shows how many lines there are over time, also where nobody looks.
    #[arg(long)]
    histogram: bool,
    /// Prints what the query cost.
    #[arg(long)]
    stats: bool,
    /// Runs the query and tells how: what was read, what was ruled out by what. Prints no lines.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    login: Login,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    Backward,
    Forward,
}

impl QueryArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        block_on(self.ask())?
    }

    async fn ask(&self) -> Result<(), Failure> {
        if self.explain {
            let told: Value = self.login.get("/api/v1/explain", &self.params()?).await?;
            say(&explained(&told));
            return Ok(());
        }
        if self.instant {
            let (_, end) = self.stretch.bounds()?;
            let params = [("query", self.query.clone()), ("time", end.to_string())];
            let answer: Value = self.login.get("/loki/api/v1/query", &params).await?;
            return self.numbers(&answer);
        }
        let bounds = self.stretch.bounds()?;
        let response = self.request(bounds, self.limit).await?;
        if !is_lines(&response) {
            let text = response.text().await.map_err(|error| self.login.unreachable(&error))?;
            let answer = serde_json::from_str(&text);
            return self.numbers(&answer.map_err(|error| unreadable(&error))?);
        }
        if self.histogram || (Login::colours() && self.output.is_for_people()) {
            self.draw(bounds).await?;
        }
        let mut printer = Printer::new(&self.output, usize::try_from(self.limit).unwrap_or(usize::MAX))?;
        if self.parallel > 1 && self.limit == 0 {
            drop(response);
            self.parallel(bounds, &mut printer).await?;
        } else {
            printer.read(response, &self.login).await?;
        }
        let lines = printer.finish();
        if self.stats {
            complain(&format!("{lines} lines"));
        }
        Ok(())
    }

    fn params(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let (start, end) = self.stretch.bounds()?;
        Ok(self.params_of((start, end), self.limit))
    }

    fn params_of(&self, (start, end): (i64, i64), limit: u64) -> Vec<(&'static str, String)> {
        let forward = self.forward || self.direction == Direction::Forward;
        let direction = if forward { "forward" } else { "backward" };
        let mut params = vec![
            ("query", self.query.clone()),
            ("start", start.to_string()),
            ("end", end.to_string()),
            ("direction", direction.to_owned()),
        ];
        if limit > 0 {
            params.push(("limit", limit.to_string()));
        }
        params.extend(self.cursor.clone().map(|cursor| ("cursor", cursor)));
        let given = [("step", self.step), ("interval", self.interval)];
        params.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?.as_secs_f64().to_string()))));
        params
    }

    async fn request(&self, bounds: (i64, i64), limit: u64) -> Result<reqwest::Response, Failure> {
        let query = encoded(&self.params_of(bounds, limit));
        // Thinned out lines come page by page only.
        let accept = if self.interval.is_some() { "application/json" } else { "application/x-ndjson" };
        let ask = |client: &reqwest::Client, address: &str| {
            client.get(format!("{address}/loki/api/v1/query_range?{query}")).header("Accept", accept)
        };
        self.login.open(ask).await
    }

    /// Windows of time are downloaded beside each other and printed one after the other.
    async fn parallel(&self, (start, end): (i64, i64), printer: &mut Printer<'_>) -> Result<(), Failure> {
        use futures::{StreamExt as _, TryStreamExt as _};
        let forward = self.forward || self.direction == Direction::Forward;
        let windows = i64::from(self.parallel).saturating_mul(4);
        let length = (end.saturating_sub(start) / windows).max(1);
        let mut bounds: Vec<_> = (0..windows)
            .map(|index| start.saturating_add(length.saturating_mul(index)))
            .take_while(|from| *from < end)
            .map(|from| (from, from.saturating_add(length)))
            .collect();
        if let Some(last) = bounds.last_mut() {
            last.1 = end;
        }
        if !forward {
            bounds.reverse();
        }
        let fetch = async |window| {
            let response = self.request(window, 0).await?;
            response.bytes().await.map_err(|error| self.login.unreachable(&error))
        };
        let mut pages = futures::stream::iter(bounds).map(fetch).buffered(usize::from(self.parallel));
        while let Some(page) = pages.try_next().await? {
            printer.add(&page)?;
        }
        Ok(())
    }

    async fn draw(&self, bounds: (i64, i64)) -> Result<(), Failure> {
        let zone = time::zone(self.output.zone())?;
        let (query, step) = histogram::query(&self.query, bounds);
        let params = [
            ("query", query),
            ("start", bounds.0.saturating_add(step).to_string()),
            ("end", bounds.1.to_string()),
            ("step", format!("{}", step as f64 / 1e9)),
        ];
        let answer: Value = self.login.get("/loki/api/v1/query_range", &params).await?;
        say(&histogram::drawn(&answer, bounds, step, &zone, Login::colours()));
        Ok(())
    }

    fn numbers(&self, answer: &Value) -> Result<(), Failure> {
        say(&metrics::shown(&answer["data"], &self.output)?);
        if self.stats {
            complain(&metrics::summary(&answer["data"]["stats"]["summary"]));
        }
        Ok(())
    }
}

fn is_lines(response: &reqwest::Response) -> bool {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-ndjson"))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(format!("the server's answer cannot be read: {error}"))
}

/// The plan of a query and what it cost, for people.
fn explained(told: &Value) -> String {
    let number = |name: &str| told["cost"][name].as_u64().unwrap_or(0);
    let mut out = String::from("plan:\n");
    for line in told["plan"].as_str().unwrap_or_default().lines() {
        out += &format!("  {line}\n");
    }
    let bytes = stdx::ByteSize(number("bytes_decoded"));
    out += &format!(
        "files opened: {}\nlines ruled out unread: {}, {} of them by the index of words alone\n\
         lines read: {}\ntext decoded: {bytes}\nlines kept: {}\nreturned: {}\ntime: {} ms\n",
        number("files_opened"),
        number("lines_pruned"),
        number("lines_pruned_by_index"),
        number("lines_read"),
        number("lines_kept"),
        number("returned"),
        number("took_ms"),
    );
    out
}
