//! `lapidary query`: lines as they come from the server, or series; with a histogram in a terminal.

mod cost;
mod explain;
mod histogram;
mod lines;
mod metrics;
mod output;
mod progress;
mod thinned;

use clap::{Args, ValueEnum};
use serde_json::Value;
use stdx::Language;

use self::cost::Cost;
pub(crate) use self::lines::{Printer, Stream, braces, quoted};
pub(crate) use self::metrics::nanos;
pub(crate) use self::output::Output;
use self::output::Shape;
use self::thinned::Pages;
use super::client::{Login, encoded};
use super::time::{self, Stretch, duration};
use super::{Failure, block_on, complain, say, terminal};

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
    #[arg(long, conflicts_with_all = ["parallel", "interval", "instant", "explain"])]
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
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "parallel")]
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
            return self.explain().await;
        }
        if self.instant {
            let answer: Value = self.login.get("/loki/api/v1/query", &self.at_end()?).await?;
            return self.numbers(&answer);
        }
        let bounds = self.stretch.bounds()?;
        let is_parallel = self.parallel > 1 && self.limit == 0;
        let mut pages = self.thins().map(|interval| Pages::new(bounds, interval, self.is_forward(), self.limit));
        let first = match pages.as_ref().and_then(Pages::next) {
            Some((_, limit)) => limit,
            None if is_parallel => 1,
            None => self.limit,
        };
        let begun = self.begun(self.request(bounds, first, self.cursor.as_deref()).await?).await?;
        if let Begun::Numbers(answer) = &begun {
            return self.numbers(answer);
        }
        if self.histogram || (terminal::is_seen() && self.output.is_for_people()) {
            self.draw(bounds).await?;
        }
        let expected = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let way = if self.is_forward() { bounds } else { (bounds.1, bounds.0) };
        let mut printer = Printer::new(&self.output, expected, &self.login)?.with_progress(way);
        match (begun, &mut pages) {
            (Begun::Lines(response), _) if is_parallel => {
                drop(response);
                self.parallel(bounds, &mut printer).await?;
            }
            (Begun::Lines(response), _) => printer.read(response, &self.login).await?,
            (Begun::Streams(answer), pages) => self.thinned(answer, pages.as_mut(), &mut printer).await?,
            (Begun::Numbers(_), _) => {}
        }
        let cost = printer.finish();
        self.tell(cost);
        Ok(())
    }

    /// What kind of answer it is. One as JSON is read as a whole.
    async fn begun(&self, response: reqwest::Response) -> Result<Begun, Failure> {
        if is_lines(&response) {
            return Ok(Begun::Lines(response));
        }
        let answer = self.json(response).await?;
        if answer["data"]["resultType"] == "streams" {
            return Ok(Begun::Streams(answer));
        }
        if self.cursor.is_some() {
            let english = "--cursor goes on with a list of lines, and this query gives numbers; leave it out";
            let russian = "--cursor продолжает список строк, а этот запрос даёт числа; уберите его";
            return Err(Failure::Usage(self.login.language().pick(english, russian).to_owned()));
        }
        Ok(Begun::Numbers(answer))
    }

    async fn json(&self, response: reqwest::Response) -> Result<Value, Failure> {
        let text = response.text().await.map_err(|error| self.login.unreachable(&error))?;
        serde_json::from_str(&text).map_err(|error| unreadable(&error, self.login.language()))
    }

    /// Lines that come as JSON, from their first page on; without pages there is one.
    async fn thinned(
        &self,
        mut answer: Value,
        mut pages: Option<&mut Pages>,
        printer: &mut Printer<'_>,
    ) -> Result<(), Failure> {
        loop {
            printer.spend(&answer["data"]["stats"]);
            let result = &answer["data"]["result"];
            let lines = match &mut pages {
                Some(pages) => pages.take(result),
                None => thinned::lines(result, self.is_forward()),
            };
            let lines = lines.map_err(|error| unreadable(&error, self.login.language()))?;
            lines.into_iter().for_each(|line| printer.show(line));
            let Some((bounds, limit)) = pages.as_ref().and_then(|pages| pages.next()) else { return Ok(()) };
            answer = self.json(self.request(bounds, limit, None).await?).await?;
        }
    }

    async fn explain(&self) -> Result<(), Failure> {
        let params = if self.instant { self.at_end()? } else { self.params()? };
        let told: Value = self.login.get("/api/v1/explain", &params).await?;
        let text = match self.output.shape() {
            Shape::Json => format!("{told:#}\n"),
            Shape::Jsonl => format!("{told}\n"),
            Shape::Default | Shape::Table | Shape::Raw | Shape::Csv => explain::explained(&told, self.login.language()),
        };
        self.say(&text);
        Ok(())
    }

    /// The parameters of a query at the end of the stretch.
    fn at_end(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let (_, end) = self.stretch.bounds()?;
        Ok(vec![("query", self.query.clone()), ("time", end.to_string())])
    }

    /// How far lines are apart at least, if it matters.
    fn thins(&self) -> Option<std::time::Duration> {
        self.interval.filter(|interval| !interval.is_zero())
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
        let mut params = self.params_of(bounds, limit, cursor);
        params.extend(self.stats.then(|| ("stats", "true".to_owned())));
        let query = encoded(&params);
        // Thinned out lines come page by page only.
        let accept = if self.thins().is_some() { "application/json" } else { "application/x-ndjson" };
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
        say(&histogram::drawn(&answer, bounds, step, &zone, self.login.colours()));
        Ok(())
    }

    fn numbers(&self, answer: &Value) -> Result<(), Failure> {
        self.say(&metrics::shown(&answer["data"], &self.output)?);
        let mut cost = Cost::default();
        cost.add(&answer["data"]["stats"]);
        self.tell(Some(cost));
        Ok(())
    }

    fn say(&self, text: &str) {
        say(&if terminal::is_seen() { self.output.for_terminal(text) } else { text.into() });
    }

    /// Tells what the query cost, if that is wanted and known.
    fn tell(&self, cost: Option<Cost>) {
        if let Some(cost) = cost.filter(|_| self.stats) {
            complain(&cost.shown(self.login.language()));
        }
    }
}

/// An answer that has begun.
enum Begun {
    /// Lines one by one.
    Lines(reqwest::Response),
    /// A page of lines.
    Streams(Value),
    /// Series, or a number.
    Numbers(Value),
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
