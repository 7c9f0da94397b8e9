//! The same lines in three storages: all in memory, all in files, and some of each. Every answer must be the same.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use auth::{AuditEvent, AuditSink, Authenticator, Credentials, Scope, Token};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use expect_test::Expect;
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};
use stdx::{Clock, Secret, SystemClock, Tasks};
use storage::{AckLevel, Components, Derive, Storage, TimeRange};
use tempfile::TempDir;

use crate::exec::PlanCodec;
use crate::run::Run;
use crate::{Answer, Config, Data, Direction, Engine, Error, LogEntry, Params};

/// Second zero of every test.
pub(crate) const START: i64 = 1_700_000_000;
const SECOND: i64 = 1_000_000_000;

/// The plan as another node would get it. Every plan that a test of this crate executes comes through here.
pub(crate) fn travelled(run: &Run, plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, Error> {
    let codec = PlanCodec::new(Arc::clone(run.storage()));
    let bytes = physical_plan_to_bytes_with_extension_codec(plan, &codec)?;
    Ok(physical_plan_from_bytes_with_extension_codec(&bytes, run.task(), &codec)?)
}

/// A line of a test: second, labels, text, metadata.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) second: f64,
    pub(crate) labels: String,
    pub(crate) text: String,
    pub(crate) metadata: Vec<(String, String)>,
}

pub(crate) fn line(second: impl Into<f64>, labels: &str, text: &str) -> Line {
    Line { second: second.into(), labels: labels.to_owned(), text: text.to_owned(), metadata: Vec::new() }
}

impl Line {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.metadata.push((name.to_owned(), value.to_owned()));
        self
    }

    #[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
    pub(crate) fn nanos(&self) -> i64 {
        START * SECOND + (self.second * 1e9).round() as i64
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp((START + second) * SECOND)
}

#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

pub(crate) fn everything() -> Scope {
    Scope::system("a test", Tenant::default(), &NoAudit)
}

/// What a token for some services sees.
pub(crate) fn only(services: &[&str]) -> Scope {
    let token = Token {
        name: "developer".to_owned(),
        secret: Secret::new("0123456789abcdef".to_owned()),
        certificates: Vec::new(),
        tenants: vec![Tenant::default()],
        roles: Vec::new(),
        services: services.iter().map(|service| (*service).to_owned()).collect(),
        permissions: auth::Permission::ALL.into(),
    };
    let authenticator = Authenticator::with_tokens(vec![token]).unwrap();
    let credentials = Credentials { authorization: Some("Bearer 0123456789abcdef"), ..Credentials::default() };
    authenticator.authenticate(credentials).unwrap().scope()
}

/// Three engines over the same lines.
#[derive(Debug)]
pub(crate) struct World {
    engines: Vec<Arc<Engine>>,
    _folders: Vec<TempDir>,
}

/// How many of the lines go to files, in two flushes, before the rest stays in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Memory,
    Files,
    Both,
}

impl World {
    pub(crate) async fn new(lines: &[Line]) -> Self {
        Self::with_config(lines, &Config { parallelism: 2, ..Config::default() }).await
    }

    pub(crate) async fn with_config(lines: &[Line], config: &Config) -> Self {
        Self::with_derives(lines, config, &[]).await
    }

    pub(crate) async fn with_derives(lines: &[Line], config: &Config, derives: &[Arc<dyn Derive>]) -> Self {
        let mut world = Self { engines: Vec::new(), _folders: Vec::new() };
        for layout in [Layout::Memory, Layout::Files, Layout::Both] {
            let folder = tempfile::tempdir().unwrap();
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let mut storage = storage::Config::at(folder.path());
            storage.ack = AckLevel::Memory;
            storage.flush_interval = Duration::from_secs(3600);
            // What is deleted may be rewritten at once, but only when a test says so.
            storage.lifecycle.interval = None;
            storage.lifecycle.cancel_period = Duration::ZERO;
            let components =
                Components { clock: Arc::clone(&clock), derives: derives.to_vec(), tasks: Tasks::default() };
            let storage = Storage::open(storage, components).await.unwrap();
            for (part, chunk) in lines.chunks(lines.len().div_ceil(3).max(1)).enumerate() {
                storage.append(batch(chunk, part)).await.unwrap();
                if matches!(layout, Layout::Files) || (matches!(layout, Layout::Both) && part < 2) {
                    storage.flush().await.unwrap();
                }
            }
            world.engines.push(Arc::new(Engine::new(storage, config.clone(), clock).unwrap()));
            world._folders.push(folder);
        }
        world
    }

    pub(crate) fn engines(&self) -> &[Arc<Engine>] {
        &self.engines
    }

    /// Adds lines to all three; they stay in memory.
    pub(crate) async fn append(&self, lines: &[Line]) {
        for engine in &self.engines {
            let (run, _) = engine.begin(&everything(), storage::LOGS).unwrap();
            run.storage().append(batch(lines, 9)).await.unwrap();
        }
    }

    /// The storages of all three.
    pub(crate) fn storages(&self) -> Vec<Arc<Storage>> {
        let storage =
            |engine: &Arc<Engine>| Arc::clone(engine.begin(&everything(), storage::LOGS).unwrap().0.storage());
        self.engines.iter().map(storage).collect()
    }

    /// Moves what is in memory to files.
    pub(crate) async fn flush(&self) {
        for engine in &self.engines {
            let (run, _) = engine.begin(&everything(), storage::LOGS).unwrap();
            run.storage().flush().await.unwrap();
        }
    }

    /// The one answer that all three give, as text.
    pub(crate) async fn range(&self, scope: &Scope, params: &Params) -> String {
        let mut answers = Vec::new();
        for engine in &self.engines {
            answers.push(shown(engine.query_range(scope, params).await));
        }
        same(answers, &params.query)
    }

    pub(crate) async fn instant(&self, scope: &Scope, query: &str, second: i64) -> String {
        let mut answers = Vec::new();
        for engine in &self.engines {
            answers.push(shown(engine.query_instant(scope, query, at(second)).await));
        }
        same(answers, query)
    }

    /// Lines of the first hour, oldest first.
    pub(crate) async fn lines(&self, query: &str, want: Expect) {
        let answer = self.range(&everything(), &forward(query)).await;
        want.assert_eq(&answer);
    }

    /// Series at second 300.
    pub(crate) async fn values(&self, query: &str, want: Expect) {
        want.assert_eq(&self.instant(&everything(), query, 300).await);
    }

    /// Series over the first five minutes, a point a minute.
    pub(crate) async fn series(&self, query: &str, want: Expect) {
        let answer = self.range(&everything(), &by_minute(query)).await;
        want.assert_eq(&answer);
    }
}

fn same(answers: Vec<String>, query: &str) -> String {
    let [memory, files, both] = answers.try_into().unwrap();
    assert_eq!(memory, files, "files answer differently: {query}");
    assert_eq!(memory, both, "files and memory together answer differently: {query}");
    memory
}

pub(crate) fn forward(query: &str) -> Params {
    Params {
        query: query.to_owned(),
        start: at(0),
        end: at(3600),
        step: Duration::from_secs(60),
        interval: Duration::ZERO,
        limit: 100,
        direction: Direction::Forward,
    }
}

pub(crate) fn by_minute(query: &str) -> Params {
    Params { start: at(60), end: at(300), ..forward(query) }
}

pub(crate) const fn hour() -> TimeRange {
    TimeRange { start: Timestamp(START * SECOND), end: Timestamp((START + 3600) * SECOND) }
}

fn batch(lines: &[Line], part: usize) -> Batch {
    let mut streams: Vec<Stream> = Vec::new();
    for line in lines {
        let labels = Labels::parse(&line.labels).unwrap();
        let entry =
            Entry { timestamp: Timestamp(line.nanos()), line: line.text.clone(), metadata: line.metadata.clone() };
        match streams.iter_mut().find(|stream| stream.labels == labels) {
            Some(stream) => stream.entries.push(entry),
            None => streams.push(Stream { labels, entries: vec![entry] }),
        }
    }
    let received = at(4000 + i64::try_from(part).unwrap());
    Batch { tenant: Tenant::default(), streams, id: None, received }
}

/// An answer for people: streams with their lines, or series with their points, times in seconds since the start.
pub(crate) fn shown(answer: Result<Answer, Error>) -> String {
    let mut out = String::new();
    match answer.map(|answer| answer.data) {
        Err(error) => writeln!(out, "{:?}: {error}", error.kind()).unwrap(),
        Ok(Data::Streams(streams)) => {
            for stream in streams {
                writeln!(out, "{}", stream.labels).unwrap();
                stream.entries.iter().for_each(|entry| entry_shown(&mut out, entry));
            }
        }
        Ok(Data::Matrix(series)) => {
            for series in series {
                let points: Vec<_> = series
                    .points
                    .iter()
                    .map(|(time, value)| format!("{}:{}", seconds(*time), number(*value)))
                    .collect();
                writeln!(out, "{} {}", series.labels, points.join(" ")).unwrap();
            }
        }
        Ok(Data::Vector(samples)) => {
            for sample in samples {
                writeln!(out, "{} {}", sample.labels, number(sample.value)).unwrap();
            }
        }
        Ok(Data::Scalar(_, value)) => writeln!(out, "scalar {}", number(value)).unwrap(),
    }
    out
}

fn entry_shown(out: &mut String, entry: &LogEntry) {
    write!(out, "  {} {}", seconds(entry.timestamp), entry.line).unwrap();
    for (mark, pairs) in [("m", &entry.metadata), ("p", &entry.parsed)] {
        for (name, value) in pairs {
            write!(out, " {mark}.{name}={value}").unwrap();
        }
    }
    out.push('\n');
}

fn seconds(time: Timestamp) -> f64 {
    (time.0 - START * SECOND) as f64 / 1e9
}

/// Enough digits to tell numbers apart, few enough that the last bit does not show.
fn number(value: f64) -> String {
    let rounded = format!("{value:.9}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    if rounded.contains('.') { short.to_owned() } else { rounded }
}
