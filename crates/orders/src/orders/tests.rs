//! The whole way over real storage and queries: lines in, stories and lists out.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use auth::{AuditEvent, Authenticator, Credentials, Permission, Token};
use logline::Batch;
use stdx::{ManualClock, Secret};
use storage::Config;

use super::*;
use crate::fixture::{ORDER_4711, at, batch};
use crate::{EventKind, Kind, Line, OrderEvents};

#[derive(Debug)]
struct NoAudit;

impl AuditSink for NoAudit {
    fn record(&self, _: AuditEvent) {}
}

struct Server {
    storage: Arc<Storage>,
    orders: Arc<Orders>,
    clock: Arc<ManualClock>,
    tasks: Tasks,
}

impl Server {
    async fn open(folder: &Path) -> Self {
        Self::with(folder, Graphs::default()).await
    }

    async fn with(folder: &Path, graphs: Graphs) -> Self {
        let clock = Arc::new(ManualClock::at(jiff::Timestamp::from(at("2026-03-16T06:00:00Z")).into()));
        let tasks = Tasks::default();
        let components = storage::Components {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            derives: vec![Arc::new(OrderEvents::default())],
            tasks: tasks.clone(),
        };
        let storage = Storage::open(Config::at(folder), components).await.unwrap();
        let engine =
            Engine::new(Arc::clone(&storage), query::Config::default(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let orders = Orders::start(Components {
            engine: Arc::new(engine),
            storage: Arc::clone(&storage),
            graphs,
            history: ByteSize(1 << 20),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            tasks: tasks.clone(),
            audit: Arc::new(NoAudit),
        })
        .unwrap();
        Self { storage, orders, clock, tasks }
    }

    async fn append(&self, batch: Batch) {
        let received = self.orders.now();
        self.storage.append(Batch { received, ..batch }).await.unwrap();
    }

    /// Waits until the live state satisfies a condition; fails after ten seconds.
    async fn until(&self, what: &str, mut holds: impl FnMut(&Orders) -> bool) {
        for _ in 0..1_000 {
            if holds(&self.orders) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} never came about");
    }

    async fn close(self) {
        self.tasks.drain(Duration::from_secs(10)).await;
        self.storage.close().await.unwrap();
    }
}

/// The scope of somebody who may see the lines of these services; `*` is all.
fn scope(services: &[&str]) -> Scope {
    let token = Token {
        name: "reader".to_owned(),
        secret: Secret::new("0123456789abcdef".to_owned()),
        certificates: Vec::new(),
        tenants: vec![Tenant::default()],
        roles: Vec::new(),
        services: services.iter().map(|&name| name.to_owned()).collect(),
        permissions: BTreeSet::from([Permission::Read, Permission::Orders]),
    };
    let credentials = Credentials { authorization: Some("Bearer 0123456789abcdef"), ..Credentials::default() };
    Authenticator::with_tokens(vec![token]).unwrap().authenticate(credentials).unwrap().scope()
}

fn ids(orders: &Orders) -> Vec<String> {
    let page = orders.list(&scope(&["*"]), &Filter::default()).unwrap();
    page.items.into_iter().map(|item| item.object.id).collect()
}

fn events(story: &Story) -> impl Iterator<Item = &crate::StepEvent> {
    story.steps.iter().flat_map(|step| &step.events)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_has_every_line_behind_it_in_memory_and_in_files() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.append(batch(ORDER_4711)).await;
    let all = scope(&["*"]);
    let in_memory = server.orders.story(&all, "order", "4711", StoryOptions::default()).await.unwrap();
    assert_eq!(in_memory.steps.len(), 7);
    let mut lines: Vec<&str> = events(&in_memory)
        .map(|event| match &event.line {
            Line::Shown { text } => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    let mut written: Vec<&str> = crate::fixture::rows(ORDER_4711).map(|(_, line)| line).collect();
    lines.sort_unstable();
    written.sort_unstable();
    assert_eq!(lines, written);

    server.storage.flush().await.unwrap();
    let in_files = server.orders.story(&all, "order", "4711", StoryOptions::default()).await.unwrap();
    assert_eq!(in_files, in_memory);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_scope_sees_all_steps_and_only_its_own_lines() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.append(batch(ORDER_4711)).await;
    let story = server.orders.story(&scope(&["crm-api"]), "order", "4711", StoryOptions::default()).await.unwrap();
    assert_eq!(story.steps.len(), 7);
    for event in events(&story) {
        let shown = matches!(event.line, Line::Shown { .. });
        assert_eq!(shown, event.service == "crm-api", "{event:?}");
        assert!(shown || event.line == Line::Hidden);
    }
    assert!(events(&story).any(|event| event.service == "mes-api" && event.kind == EventKind::Status));
    assert!(story.failures.iter().any(|failure| failure.hidden && failure.error.is_none()));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_lines_a_story_reads_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.append(batch(ORDER_4711)).await;
    let options = StoryOptions { lines: false };
    let story = server.orders.story(&scope(&["*"]), "order", "4711", options).await.unwrap();
    assert!(events(&story).all(|event| event.line == Line::Omitted));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_line_speaks_of_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.append(batch(ORDER_4711)).await;
    for (object, id) in [("order", "4712"), ("model", "4711")] {
        let error = server.orders.story(&scope(&["*"]), object, id, StoryOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
    }
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_state_follows_what_is_appended_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.until("the first load", |orders| !orders.summary(&scope(&["*"])).loading).await;
    server.append(batch(ORDER_4711)).await;
    server.until("order 4711", |orders| ids(orders) == ["4711"]).await;
    let closed = "crm-api [2026-03-15T10:00:00Z][STATUS][order] order_id=12 from=DELIVERED to=CLOSED
                  shop-api [2026-03-16T05:00:00Z][STATUS][order] order_id=13 to=CREATED";
    server.append(batch(closed)).await;
    server.until("order 13", |orders| ids(orders) == ["4711", "13"]).await;
    server.close().await;

    let server = Server::open(folder.path()).await;
    server.until("the first load", |orders| !orders.summary(&scope(&["*"])).loading).await;
    assert_eq!(ids(&server.orders), ["4711", "13"]);
    let late = "mes-api [2026-03-14T10:00:00Z][STATUS][order] order_id=12 from=PACKAGING to=SHIPPED";
    server.append(batch(late)).await;
    server.append(batch("shop-api [2026-03-16T05:59:00Z][STATUS][order] order_id=14 to=CREATED")).await;
    server.until("order 14", |orders| ids(orders).contains(&"14".to_owned())).await;
    assert_eq!(ids(&server.orders), ["4711", "13", "14"]);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_gets_stuck_when_its_deadline_passes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.append(batch("shop-api [2026-03-16T05:59:00Z][STATUS][order] order_id=14 from=CREATED to=SUBMITTED")).await;
    server.until("order 14", |orders| ids(orders) == ["14"]).await;
    let all = scope(&["*"]);
    let stuck = || server.orders.stuck(&all, &Filter::default()).unwrap();
    assert_eq!(stuck().total, 0);
    server.clock.advance(Duration::from_secs(29 * 60 + 1));
    let page = stuck();
    assert_eq!((page.total, page.items[0].stuck.unwrap().overdue_ms), (1, 1_000));
    let story = server.orders.story(&all, "order", "14", StoryOptions::default()).await.unwrap();
    assert_eq!(story.stuck, page.items[0].stuck);
    let summary = server.orders.summary(&all);
    assert_eq!((summary.types[0].open, summary.types[0].stuck), (1, 1));
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    let other = Tenant::new("other").unwrap();
    server.append(Batch { tenant: other.clone(), ..batch(ORDER_4711) }).await;
    let theirs = Scope::system("a test", other, &NoAudit);
    server.until("their order", |orders| orders.list(&theirs, &Filter::default()).unwrap().total == 1).await;
    assert!(ids(&server.orders).is_empty());
    let mine = server.orders.story(&scope(&["*"]), "order", "4711", StoryOptions::default()).await;
    assert_eq!(mine.unwrap_err().kind(), Kind::NotFound);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_over_is_corrected_by_what_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.until("the first load", |orders| !orders.summary(&scope(&["*"])).loading).await;
    let all = scope(&["*"]);
    let way = async || {
        let variants = server.orders.variants(&all, &Select::default(), 9).await.unwrap();
        variants.variants.into_iter().flat_map(|variant| variant.statuses).collect::<Vec<_>>()
    };
    server
        .append(batch(
            "crm-api [2026-03-15T08:00:00Z][STATUS][order] order_id=12 to=SHIPPED
             crm-api [2026-03-15T10:00:00Z][STATUS][order] order_id=12 from=DELIVERED to=CLOSED",
        ))
        .await;
    server.until("order 12", |orders| orders.held().tenants.contains_key(&Tenant::default())).await;
    assert_eq!(way().await, ["SHIPPED", "CLOSED"]);
    server.clock.advance(Duration::from_secs(3_600));
    server.orders.refresh();
    server.append(batch("mes-api [2026-03-15T09:00:00Z][STATUS][order] order_id=12 from=SHIPPED to=DELIVERED")).await;
    for _ in 0..1_000 {
        if way().await.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(way().await, ["SHIPPED", "DELIVERED", "CLOSED"]);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_graph_holds_for_what_was_kept_before() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.append(batch("shop-api [2026-03-15T08:00:00Z][STATUS][order] order_id=12 from=CREATED to=ON_HOLD")).await;
    server.until("order 12", |orders| ids(orders) == ["12"]).await;
    let told = server.orders.conformance(&scope(&["*"]), &Select::default()).await.unwrap();
    assert_eq!(told.deviations[0].kind, "unknown_status");
    server.close().await;

    let text = "[[status]]\nname = \"CREATED\"\nowner = \"shop\"\nnext = [\"ON_HOLD\"]\n[[status]]\nname = \"ON_HOLD\"\nowner = \"shop\"";
    let graphs = Graphs::new([crate::Graph::read(text).unwrap()]);
    let server = Server::with(folder.path(), graphs).await;
    server.until("the first load", |orders| !orders.summary(&scope(&["*"])).loading).await;
    let told = server.orders.conformance(&scope(&["*"]), &Select::default()).await.unwrap();
    assert_eq!((told.basis.objects, told.conforming), (1, 1));
    let reading = server.orders.reading().unwrap();
    assert!(reading.ended.is_some() && reading.done == 1 && reading.total == 1, "{reading:?}");
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_lines_were_hidden_is_not_taken_in_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    server.until("the first load", |orders| !orders.summary(&scope(&["*"])).loading).await;
    server.append(batch("shop-api [2026-03-16T05:59:00Z][STATUS][order] order_id=14 to=CREATED")).await;
    server.until("order 14", |orders| ids(orders) == ["14"]).await;
    let (orders, tenant) = (&server.orders, Tenant::default());
    let system = Scope::system("a test", tenant.clone(), &NoAudit);
    let rows = read::all_events(&orders.components.engine, &system, TimeRange::ALL).await.unwrap();
    let turn = orders.start_reading();
    assert_eq!(orders.apply_read(turn, &tenant, &rows[0]).unwrap(), Some(1));
    orders.forget();
    assert_eq!(orders.apply_read(turn, &tenant, &rows[0]).unwrap(), None);
    assert!(ids(orders).is_empty() && orders.is_loading());
    let turn = orders.start_reading();
    assert_eq!(orders.apply_read(turn, &tenant, &rows[0]).unwrap(), Some(1));
    assert_eq!(ids(orders), ["14"]);
    server.close().await;
}

#[tokio::test]
async fn events_that_are_taken_from_lines_again_tell_the_same_story() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path()).await;
    // Some lines were shipped so late that their entries are of the next day.
    let mut late = batch(ORDER_4711);
    for (index, entry) in late.streams.iter_mut().flat_map(|stream| &mut stream.entries).enumerate() {
        if index % 2 == 0 {
            entry.timestamp = entry.timestamp.after(Duration::from_hours(20));
        }
    }
    server.append(late).await;
    server.storage.flush().await.unwrap();
    let scope = Scope::system("a test", Tenant::default(), &NoAudit);
    let story = || server.orders.story(&scope, "order", "4711", StoryOptions { lines: false });
    let rows = || {
        let tables = server.storage.status().tables;
        tables.iter().find(|table| table.name == crate::ORDER_EVENTS).map(|table| (table.version, table.file_rows))
    };
    server.until("the state", |orders| !orders.is_loading()).await;
    let (before, (version, count)) = (story().await.unwrap(), rows().unwrap());
    server.storage.reread(crate::ORDER_EVENTS, &Tenant::default()).await.unwrap();
    server.storage.maintain().await.unwrap();
    let (newer, again) = rows().unwrap();
    assert!(version < newer && 20 < count, "version {version} to {newer}, {count} rows");
    assert_eq!((again, story().await.unwrap()), (count, before), "each event is there once, and says what it said");
    let read_again = |orders: &Orders| orders.reading().is_some_and(|reading| reading.ended.is_some());
    server.until("another reading", read_again).await;
    server.close().await;
}
