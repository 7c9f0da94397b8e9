//! The demo's past in a storage of its own, with orders that are followed, on a clock that stands at its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use alert::backtest::{self, Episode, RuleHistory};
use alert::eval::{Source, Surroundings};
use alert::rule::{Group, default_groups};
use auth::{AuditEvent, AuditSink, Scope};
use demo::faults::Fault;
use demo::history::{Plan, log_file, write};
use demo::lines::Service;
use demo::state::State;
use logline::{Batch, Context, Entry, Labels, Reader, Stream, Tenant, Timestamp, level_of};
use orders::{Graphs, OrderEvents, Orders};
use query::Engine;
use stdx::{Clock, ManualClock, Tasks};
use storage::{AckLevel, Kind, Storage};
use tempfile::TempDir;

/// Lines of one batch.
const BATCH: usize = 5_000;
/// How long orders may take to be read.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Wednesday at noon.
pub(crate) fn end() -> Timestamp {
    "2026-11-18T09:00:00Z".parse::<jiff::Timestamp>().unwrap().into()
}

/// A company a third as large as the demo's.
fn plan(days: u64, faults: BTreeSet<Fault>) -> Plan {
    let usual = Plan::usual(7, end(), Duration::from_hours(24 * days));
    Plan { orders_per_day: 520.0, visits_per_day: 190.0, faults, ..usual }
}

/// Lines of each service with their times, oldest first.
pub(crate) type AllLines = Vec<(&'static str, Vec<(Timestamp, String)>)>;

/// How long a company has been at work before its lines begin to be kept.
const BEFORE: Duration = Duration::from_hours(14 * 24);

/// The last days of a company: when they begin, what is open at their end, and the lines.
pub(crate) fn last_days(days: u64, faults: BTreeSet<Fault>) -> (Timestamp, State, AllLines) {
    let plan = plan(days + 14, faults);
    let start = plan.start.after(BEFORE);
    let (state, mut services) = simulated(&plan);
    services.iter_mut().for_each(|(_, lines)| lines.retain(|(time, _)| start <= *time));
    (start, state, services)
}

/// A company of the usual size from its first day on, without a fault: when it begins, and the lines.
pub(crate) fn first_days(days: u64) -> (Timestamp, AllLines) {
    let plan = Plan { faults: BTreeSet::new(), ..Plan::usual(7, end(), Duration::from_hours(24 * days)) };
    (plan.start, simulated(&plan).1)
}

fn simulated(plan: &Plan) -> (State, AllLines) {
    let folder = tempfile::tempdir().unwrap();
    let state = write(folder.path(), plan, &mut |_| {}).unwrap();
    let (reader, context) = (Reader::default(), Context::default());
    let read = |service: Service| {
        let mut last = plan.start;
        let timed = |line: &str| {
            last = reader.read(line, &context).time().map_or(last, |time| time.at);
            (last, line.to_owned())
        };
        let text = std::fs::read_to_string(log_file(folder.path(), service)).unwrap();
        (service.name(), text.lines().map(timed).collect())
    };
    (state, Service::ALL.into_iter().map(read).collect())
}

#[derive(Debug)]
pub(crate) struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

/// What is stored, and who knows it.
pub(crate) struct Past {
    pub(crate) orders: Arc<Orders>,
    engine: Arc<Engine>,
    storage: Arc<Storage>,
    clock: Arc<ManualClock>,
    tasks: Tasks,
    _folder: TempDir,
}

impl Past {
    /// Nothing yet, at this time.
    pub(crate) async fn new(now: Timestamp) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let since = Duration::from_nanos(u64::try_from(now.0).unwrap());
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + since));
        let tasks = Tasks::default();
        let mut config = storage::Config::at(folder.path());
        config.ack = AckLevel::Memory;
        let components = storage::Components {
            clock: Arc::clone(&clock) as _,
            derives: vec![Arc::new(OrderEvents::default()) as _],
            tasks: tasks.clone(),
        };
        let storage = Storage::open(config, components).await.unwrap();
        let engine =
            Arc::new(Engine::new(Arc::clone(&storage), query::Config::default(), Arc::clone(&clock) as _).unwrap());
        let orders = Orders::start(orders::Components {
            engine: Arc::clone(&engine),
            storage: Arc::clone(&storage),
            graphs: Graphs::default(),
            history: stdx::ByteSize(64 << 20),
            clock: Arc::clone(&clock) as _,
            tasks: tasks.clone(),
            audit: Arc::new(NoAudit),
        });
        Self { orders: orders.unwrap(), engine, storage, clock, tasks, _folder: folder }
    }

    pub(crate) fn scope() -> Scope {
        Scope::system("a test", Tenant::default(), &NoAudit)
    }

    /// Stores lines of a service.
    pub(crate) async fn store(&self, service: &str, lines: &[(Timestamp, String)]) {
        let labels = Labels::new([("service_name".to_owned(), service.to_owned())]).unwrap();
        for chunk in lines.chunks(BATCH) {
            let entry = |(timestamp, line): &(Timestamp, String)| {
                let level = level_of(line, &[]).as_str().to_owned();
                Entry {
                    timestamp: *timestamp,
                    line: line.clone(),
                    metadata: vec![("detected_level".to_owned(), level)],
                }
            };
            let entries = chunk.iter().map(entry).collect();
            let streams = vec![Stream { labels: labels.clone(), entries }];
            let received = self.clock.now().into();
            let batch = Batch { tenant: Tenant::default(), streams, id: None, received };
            // Whoever is told to come back later does.
            while let Err(error) = self.storage.append(batch.clone()).await {
                assert!(matches!(error.kind(), Kind::Busy { .. }), "{error}");
                self.storage.flush().await.unwrap();
            }
        }
    }

    /// Moves the clock on.
    pub(crate) fn move_to(&self, time: Timestamp) {
        self.clock.advance(time.since(self.clock.now().into()));
    }

    /// Waits until orders are read, and stuck ones are so many; how many there are in the end.
    pub(crate) async fn stuck(&self, wanted: usize) -> usize {
        let count = || {
            let page = self.orders.stuck(&Self::scope(), &orders::Filter::default()).unwrap();
            (page.loading, page.total)
        };
        let settled = async {
            while count() != (false, wanted) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        drop(tokio::time::timeout(PATIENCE, settled).await);
        count().1
    }

    /// Waits until orders are read.
    pub(crate) async fn read(&self) {
        let read = async {
            while self.orders.summary(&Self::scope()).loading {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
    }

    /// What the rules that need no configuration would have told.
    pub(crate) async fn told(&self, start: Timestamp, end: Timestamp) -> Vec<RuleHistory> {
        self.would_tell(default_groups(), start, end).await
    }

    /// What rules would have told.
    pub(crate) async fn would_tell(&self, groups: &[Arc<Group>], start: Timestamp, end: Timestamp) -> Vec<RuleHistory> {
        let source = || Source::new(Arc::clone(&self.engine), Self::scope(), Some(Arc::clone(&self.orders)));
        backtest::run(groups, (start, end), &source, &Surroundings::default(), |_| {}).await.unwrap()
    }

    pub(crate) async fn close(self) {
        self.storage.close().await.unwrap();
        self.tasks.drain(Duration::from_secs(10)).await;
    }
}

/// An episode for people.
pub(crate) fn shown(rule: &str, one: &Episode) -> String {
    let time = |time: Timestamp| jiff::Timestamp::from(time).to_string();
    let until = one.resolved_at.map_or("still".to_owned(), time);
    format!("{rule} {} .. {until}: {} {:?}", time(one.fired_at), one.summary, one.labels)
}
