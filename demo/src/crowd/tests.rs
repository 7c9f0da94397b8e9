//! Live orders travel through the three services over HTTP, and their lines look like history's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use logline::{Kind, Reader, Record};
use stdx::SystemClock;
use tempfile::TempDir;

use super::*;
use crate::history::{Plan, log_file, simulate};
use crate::lines::{CRM_IS_DOWN, Service, legacy};
use crate::world::{Order, Status};

/// A running company with everybody at home.
struct Town {
    crowd: Crowd,
    tasks: Tasks,
    faults: LiveFaults,
    folder: TempDir,
    _plans: mpsc::Receiver<(Timestamp, u64)>,
}

const GRACE: Duration = Duration::from_secs(20);

impl Town {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tasks, clock): (_, Arc<dyn Clock>) = (Tasks::default(), Arc::new(SystemClock));
        let faults = LiveFaults::new(Arc::clone(&clock));
        let components = Components { clock, tasks: tasks.clone(), faults: faults.clone(), rng: Rng::seeded(5) };
        let company = Company::open(folder.path(), Vec::new(), components.clone()).await.unwrap();
        let (crowd, plans) = Crowd::gather(company, 70_001, 1.0, components).unwrap();
        Self { crowd, tasks, faults, folder, _plans: plans }
    }

    /// An order of a new customer; with a 3D model, if that is wanted.
    async fn order(&self, with_model: bool) -> u64 {
        let order = loop {
            let order = self.crowd.world().create(12_345, SystemClock.now().into());
            if order.model.is_some() == with_model {
                break order;
            }
        };
        assert!(self.crowd.create(&order).await);
        order.id
    }

    /// Does what is planned for an order, without waiting, until nothing is left or it is `last`'s turn.
    async fn go_on_until(&self, id: u64, last: Option<Step>) {
        for _ in 0..40 {
            let next = self.crowd.company().book().order(id).and_then(|order| order.next);
            if next.is_none_or(|(step, _)| Some(step) == last) {
                return;
            }
            self.crowd.go_on(id).await;
        }
        panic!("order {id} comes to no end");
    }

    fn now(&self, id: u64) -> Option<Order> {
        self.crowd.company().book().order(id)
    }

    /// Ends everything and reads the logs.
    async fn logs(self) -> [String; 3] {
        // The queue's consumers are a moment behind.
        let consumed = |file: &str, want: usize| file.matches("][RESP][CONSUME").count() >= want;
        let published = |files: &[String; 3]| {
            files.iter().map(|file| file.matches("][RESP][PUBLISH").count()).sum::<usize>()
                - files.iter().map(|file| file.matches("not confirmed").count()).sum::<usize>()
        };
        let arrived = async {
            loop {
                assert!(self.crowd.company().flush(GRACE));
                let files = read(self.folder.path());
                if consumed(&files.concat(), published(&files)) {
                    return files;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let files = tokio::time::timeout(GRACE, arrived).await.expect("the queue delivers");
        self.tasks.drain(GRACE).await;
        files
    }
}

fn read(folder: &Path) -> [String; 3] {
    Service::ALL.map(|service| std::fs::read_to_string(log_file(folder, service)).unwrap())
}

fn records<'a>(reader: &'a Reader, file: &'a str) -> Vec<Record<'a>> {
    let context = logline::Context::default();
    let read = |line| {
        let record = reader.read(line, &context);
        let intended = record.message() == Some(legacy::PRINTED_AGAIN);
        assert!(intended || record.defects().is_empty(), "{:?} in {line}", record.defects());
        record
    };
    file.lines().map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_travels_through_all_three_services_with_one_trace_per_chain() {
    let town = Town::open().await;
    let id = town.order(true).await;
    town.go_on_until(id, None).await;
    assert_eq!(town.now(id), None, "a closed order leaves the book");
    let files = town.logs().await;
    let reader = Reader::default();
    let all: Vec<_> = files.iter().map(|file| records(&reader, file)).collect();

    let mut way: Vec<_> = all
        .iter()
        .flatten()
        .filter(|record| record.kind() == Some(Kind::Status) && record.endpoint() == "order")
        .map(|record| (record.time().unwrap().at, record.to().unwrap()))
        .collect();
    way.sort();
    let mut way: Vec<_> = way.into_iter().map(|(_, to)| Status::parse(to).unwrap()).collect();
    let loops = way.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(way.windows(2).all(|pair| pair[0].may_become(pair[1])));
    if loops == 0 {
        way.dedup();
        assert_eq!(way, Status::ALL);
    }

    // REQ tells the status from before, RESP the one from after, on both sides of a call.
    let told = |kind, endpoint: &str| {
        let records =
            all.iter().flatten().filter(|record| record.kind() == Some(kind) && record.endpoint() == endpoint);
        records.filter_map(Record::status).collect::<BTreeSet<_>>()
    };
    let price = "POST /api/v1/orders/{id}/price";
    assert_eq!(told(Kind::Req, price), BTreeSet::from(["SUBMITTED"]));
    assert_eq!(told(Kind::Resp, price), BTreeSet::from(["PRICE_CALCULATED"]));

    let services = |endpoint: &str| {
        let traces: BTreeSet<_> =
            all.iter().flatten().filter(|r| r.endpoint() == endpoint).filter_map(Record::trace_id).collect();
        assert_eq!(traces.len(), 1, "{endpoint}");
        let of = |records: &[Record<'_>]| {
            records.iter().any(|record| record.trace_id().is_some_and(|id| traces.contains(id)))
        };
        all.iter().map(|records| of(records)).collect::<Vec<_>>()
    };
    assert_eq!(services("POST /api/v1/orders/{id}/submit"), [true, true, false]);
    assert_eq!(services("POST /api/v1/models"), [true, false, true]);
    assert_eq!(services("CONSUME manufacturing"), [false, true, true]);
    assert_eq!(services("CONSUME handovers"), [false, true, true]);

    let [shop, crm, mes] = &files;
    assert!(!shop.contains("@example.") && !crm.contains("@example.") && mes.contains("@example."));
}

/// Keys, in order, of every kind of line: by service, kind, endpoint, direction and whether it failed.
fn shapes(files: &[String; 3]) -> BTreeMap<String, BTreeSet<String>> {
    let reader = Reader::default();
    let mut shapes: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (file, service) in files.iter().zip(Service::ALL) {
        for record in records(&reader, file) {
            let what = record.kind().map_or("raw", Kind::as_str);
            let dir = record.dir().map_or("", logline::Direction::as_str);
            let code = record.http_status().map(|code| code.to_string()).unwrap_or_default();
            let level = record.message().unwrap_or_default();
            let name = format!("{} {what} {} {dir} {code} {level}", service.name(), record.endpoint());
            let keys: Vec<_> = record.fields().iter().map(|field| shape(field)).collect();
            shapes.entry(name).or_default().insert(keys.join(" "));
        }
    }
    shapes
}

/// A field's key; of a body also the keys and markers in it.
fn shape(field: &logline::Field<'_>) -> String {
    let text = field.value.as_str();
    let masked = if text.contains("<phone>") { "masked" } else { "" };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(object)) => {
            format!("{}{{{}}}{masked}", field.key, object.keys().cloned().collect::<Vec<_>>().join(","))
        }
        _ => field.key.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_lines_have_the_shape_of_history() {
    let end: Timestamp = "2026-11-18T09:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
    let plan = Plan::usual(9, end, Duration::from_hours(8 * 24));
    let plan = Plan { orders_per_day: 200.0, visits_per_day: 100.0, ..plan };
    let (_, past) = simulate(&plan, [Vec::new(), Vec::new(), Vec::new()], |_| {}).unwrap();
    let past = shapes(&past.map(|file| String::from_utf8(file).unwrap()));

    let town = Town::open().await;
    for with_model in [true, false] {
        let id = town.order(with_model).await;
        town.crowd.visits_of_every_kind(12_345).await;
        town.go_on_until(id, None).await;
    }
    let live = shapes(&town.logs().await);
    assert!(live.len() > 60, "{} kinds of lines", live.len());
    for (name, keys) in &live {
        let like = past.get(name).unwrap_or_else(|| panic!("history has no line such as {name}"));
        assert!(keys.is_subset(like), "{name}: live {keys:?}, history {like:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_change_leaves_an_order_where_it_was() {
    let town = Town::open().await;
    let id = town.order(false).await;
    town.go_on_until(id, Some(Step::Start)).await;
    assert!(town.faults.trigger(Fault::FailedChange));
    assert!(!town.faults.trigger(Fault::FailedChange), "it is going on already");
    town.go_on_until(id, None).await;
    let order = town.now(id).unwrap();
    assert_eq!((order.status, order.next), (Status::ManufacturingApproved, None));
    let [_, _, mes] = town.logs().await;
    let broken =
        mes.lines().filter(|line| line.contains("http_status=500") && line.contains("status=MANUFACTURING_APPROVED"));
    assert_eq!(broken.count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_piece_is_never_packed() {
    let town = Town::open().await;
    let id = town.order(false).await;
    town.faults.trigger(Fault::StuckStatus);
    town.go_on_until(id, None).await;
    let order = town.now(id).unwrap();
    assert_eq!((order.status, order.next), (Status::ManufacturingCompleted, None));
    town.logs().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_that_is_never_confirmed_keeps_a_parcel_shipped() {
    let town = Town::open().await;
    let id = town.order(false).await;
    town.go_on_until(id, Some(Step::Ship)).await;
    town.faults.trigger(Fault::LostHandover);
    town.go_on_until(id, None).await;
    let order = town.now(id).unwrap();
    assert_eq!((order.status, order.next), (Status::Shipped, None));
    let [_, crm, mes] = town.logs().await;
    assert_eq!(mes.matches(r#"error="not confirmed within 4 s""#).count(), 3);
    assert!(!crm.contains("CONSUME handovers"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_service_answers_nobody_and_writes_nothing() {
    let town = Town::open().await;
    let id = town.order(false).await;
    town.faults.trigger(Fault::SilentService);
    town.go_on_until(id, Some(Step::Submit)).await;
    town.crowd.go_on(id).await;
    let order = town.now(id).unwrap();
    assert_eq!((order.status, order.attempt), (Status::Created, 2));
    let [shop, crm, _] = town.logs().await;
    assert!(crm.is_empty());
    assert!(shop.contains(&format!("error=\"{CRM_IS_DOWN}\"")));
}
