//! `lapidary query`: lines as they come from the server, or series; with a histogram in a terminal.

mod histogram;
mod lines;
mod metrics;
mod progress;

use clap::{Args, ValueEnum};
use serde_json::Value;
use stdx::Language;

pub(crate) use self::lines::{Output, Printer, braces, quoted};
use super::client::{Login, encoded};
use super::time::{self, Stretch, duration};
use super::{Failure, block_on, complain, say};

/// Windows of a parallel download at once.
const MAX_PARALLEL: u16 = 16;
/// Windows of a parallel download in all.
const MAX_WINDOWS: i64 = 100_000;
/// Lines of a window that are kept until it is its turn; the rest is asked for then.
const AHEAD: u64 = 50_000;

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
    #[arg(long, conflicts_with = "parallel")]
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
    /// How many windows of time to download at once; with --limit 0.
    #[arg(long, alias = "parallel-max-workers", value_name = "1..16", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_PARALLEL)))]
    parallel: u16,
    /// How long each of these windows is, such as 15m; a quarter of each download's share if not given.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    parallel_duration: Option<std::time::Duration>,
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
            say(&explained(&told, self.login.language()));
            return Ok(());
        }
        if self.instant {
            let (_, end) = self.stretch.bounds()?;
            let params = [("query", self.query.clone()), ("time", end.to_string())];
            let answer: Value = self.login.get("/loki/api/v1/query", &params).await?;
            return self.numbers(&answer);
        }
        let bounds = self.stretch.bounds()?;
        let is_parallel = self.parallel > 1 && self.limit == 0;
        let response = self.request(bounds, if is_parallel { 1 } else { self.limit }, self.cursor.as_deref()).await?;
        if !is_lines(&response) {
            let text = response.text().await.map_err(|error| self.login.unreachable(&error))?;
            let answer = serde_json::from_str(&text);
            return self.numbers(&answer.map_err(|error| unreadable(&error, self.login.language()))?);
        }
        if self.histogram || (Login::colours() && self.output.is_for_people()) {
            self.draw(bounds).await?;
        }
        let expected = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut printer = Printer::new(&self.output, expected, self.login.language())?;
        let way = if self.is_forward() { bounds } else { (bounds.1, bounds.0) };
        printer = printer.with_progress(way);
        if is_parallel {
            drop(response);
            self.parallel(bounds, &mut printer).await?;
        } else {
            printer.read(response, &self.login).await?;
        }
        let lines = printer.finish();
        if self.stats {
            complain(&match self.login.language() {
                Language::English => format!("{lines} lines"),
                Language::Russian => format!("строк: {lines}"),
            });
        }
        Ok(())
    }

    fn is_forward(&self) -> bool {
        self.forward || self.direction == Direction::Forward
    }

    fn params(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let (start, end) = self.stretch.bounds()?;
        Ok(self.params_of((start, end), self.limit, self.cursor.as_deref()))
    }

    fn params_of(&self, (start, end): (i64, i64), limit: u64, cursor: Option<&str>) -> Vec<(&'static str, String)> {
        let direction = if self.is_forward() { "forward" } else { "backward" };
        let mut params = vec![
            ("query", self.query.clone()),
            ("start", start.to_string()),
            ("end", end.to_string()),
            ("direction", direction.to_owned()),
        ];
        if limit > 0 {
            params.push(("limit", limit.to_string()));
        }
        params.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let given = [("step", self.step), ("interval", self.interval)];
        params.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?.as_secs_f64().to_string()))));
        params
    }

    async fn request(
        &self,
        bounds: (i64, i64),
        limit: u64,
        cursor: Option<&str>,
    ) -> Result<reqwest::Response, Failure> {
        let query = encoded(&self.params_of(bounds, limit, cursor));
        // Thinned out lines come page by page only.
        let accept = if self.interval.is_some() { "application/json" } else { "application/x-ndjson" };
        let ask = |client: &reqwest::Client, address: &str| {
            client.get(format!("{address}/loki/api/v1/query_range?{query}")).header("Accept", accept)
        };
        self.login.open(ask).await
    }

    /// Windows of time are downloaded beside each other and printed one after the other; what is kept of each is bounded.
    async fn parallel(&self, (start, end): (i64, i64), printer: &mut Printer<'_>) -> Result<(), Failure> {
        use futures::{StreamExt as _, TryStreamExt as _};
        let whole = end.saturating_sub(start);
        let asked = self.parallel_duration.map(|length| i64::try_from(length.as_nanos()).unwrap_or(i64::MAX));
        let length = asked.unwrap_or(whole / i64::from(self.parallel) / 4).max(whole / MAX_WINDOWS).max(1);
        let windows = whole / length + 1;
        let mut bounds: Vec<_> = (0..windows)
            .map(|index| start.saturating_add(length.saturating_mul(index)))
            .take_while(|from| *from < end)
            .map(|from| (from, from.saturating_add(length)))
            .collect();
        if let Some(last) = bounds.last_mut() {
            last.1 = end;
        }
        if !self.is_forward() {
            bounds.reverse();
        }
        let fetch = async |window| {
            let response = self.request(window, AHEAD, None).await?;
            response.bytes().await.map(|page| (window, page)).map_err(|error| self.login.unreachable(&error))
        };
        let mut pages = futures::stream::iter(bounds).map(fetch).buffered(usize::from(self.parallel));
        while let Some((window, page)) = pages.try_next().await? {
            printer.add(&page)?;
            if let Some(cursor) = printer.take_cut() {
                printer.read(self.request(window, 0, Some(&cursor)).await?, &self.login).await?;
            }
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
            complain(&metrics::summary(&answer["data"]["stats"]["summary"], self.login.language()));
        }
        Ok(())
    }
}

fn is_lines(response: &reqwest::Response) -> bool {
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-ndjson"))
}

/// An answer that is not what it should be.
pub(crate) fn unreadable(error: &dyn std::fmt::Display, words: Language) -> Failure {
    let text = words.pick("the server's answer cannot be read", "ответ сервера не читается");
    Failure::Failed(format!("{text}: {error}"))
}

/// The plan of a query and what it cost, for people.
fn explained(told: &Value, words: Language) -> String {
    let number = |name: &str| told["cost"][name].as_u64().unwrap_or(0);
    let mut out = words.pick("plan:\n", "план:\n").to_owned();
    for line in told["plan"].as_str().unwrap_or_default().lines() {
        out += &format!("  {line}\n");
    }
    let bytes = |name: &str| stdx::ByteSize(number(name)).to_string();
    let [pruned, by_time, by_stream, by_index] =
        ["", "_by_time", "_by_stream", "_by_index"].map(|of| number(&format!("lines_pruned{of}")));
    let pruned = match words {
        Language::English => format!(
            "lines ruled out unread: {pruned} (by time {by_time}, by stream {by_stream}, by the index of words alone {by_index})\n"
        ),
        Language::Russian => format!(
            "строк исключено без чтения: {pruned} (по времени {by_time}, по потоку {by_stream}, одним индексом слов {by_index})\n"
        ),
    };
    let row = |english, russian, value: String| format!("{}: {value}\n", words.pick(english, russian));
    out += &row("files opened", "открыто файлов", number("files_opened").to_string());
    out += &pruned;
    out += &row("index of words read", "прочитано индекса слов", bytes("index_bytes"));
    out += &row("lines read", "прочитано строк", number("lines_read").to_string());
    out += &row(
        "of these, counted by statistics",
        "из них сосчитано по статистике",
        number("lines_by_statistics").to_string(),
    );
    out += &row(
        "of these, decided by the patterns of lines",
        "из них решено по шаблонам строк",
        number("lines_by_pattern").to_string(),
    );
    out += &row("text decoded", "разобрано текста", bytes("bytes_decoded"));
    out += &row("lines kept", "подошло строк", number("lines_kept").to_string());
    out += &row("returned", "возвращено", number("returned").to_string());
    out + &row("time", "время", format!("{} {}", number("took_ms"), words.pick("ms", "мс")))
}
