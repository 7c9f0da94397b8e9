//! The desk with a real state database and a server that plays a chat: nothing is lost and nothing told twice, whatever is
//! killed when.

use std::time::SystemTime;

use stdx::ManualClock;

use super::*;
use crate::message::tests::author;
use crate::notify::testing::Answers;
use crate::{Evidence, RuleRef};

const OK: &str = r#"{"ok":true,"result":{"message_id":5}}"#;

/// What lives on when the server is killed.
struct World {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    chat: Answers,
    rest: String,
}

impl World {
    async fn new(answers: Vec<(u16, &'static str)>) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_785_000_000);
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(ManualClock::at(start)),
            chat: Answers::start(answers).await,
            rest: String::new(),
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A desk whose loop does not run: tests make the steps.
    async fn desk(&self) -> Arc<Desk> {
        let state = State::open(&state::Location::File(self.folder.path().join("state.db"))).await.unwrap();
        let yaml = format!(
            "route: {{receiver: ops, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}}\n\
             receivers: [{{name: ops, telegram_configs: [{{api_url: '{}', bot_token: 't', chat_id: -1}}]}}]\n{}",
            self.chat.url, self.rest
        );
        let routing = Arc::new(Routing::parse(&yaml, &|_| Err(String::new())).unwrap());
        let (tasks, clock) = (Tasks::default(), Arc::clone(&self.clock) as Arc<dyn Clock>);
        let wake = Arc::new(tokio::sync::Notify::new());
        let book = Book::read(&state, &routing, self.now()).await.unwrap();
        let courier = Courier::new(Parts {
            state: state.clone(),
            clock: Arc::clone(&clock),
            tasks: tasks.clone(),
            routing: Arc::clone(&routing),
            author: author(),
            lines: None,
            wake: Arc::clone(&wake),
        });
        Arc::new(Desk {
            state,
            routing,
            alertmanagers: None,
            author: author(),
            clock,
            node: "n".to_owned(),
            deadline: Duration::from_secs(86_400),
            book: Mutex::new(book),
            courier,
            wake,
            well: AtomicBool::new(true),
        })
    }

    fn alert(&self, name: &str, ended: bool) -> Alert {
        let labels = [("alertname", "OrderStuck"), ("service_name", "mes"), ("status", "PACKAGING"), ("order", name)];
        let start = Timestamp(1_785_000_000_000_000_000);
        Alert {
            tenant: Tenant::default(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            annotations: BTreeMap::new(),
            starts_at: start,
            ends_at: ended.then(|| self.now()),
            updated_at: self.now(),
            value: 1.0,
            rule: RuleRef { name: "OrderStuck".to_owned(), ..RuleRef::default() },
            generator_url: String::new(),
            evidence: Evidence { first_seen: start.before(Duration::from_secs(60)), ..Evidence::default() },
        }
    }

    /// Methods and texts of what the chat was told.
    fn told(&self) -> Vec<(String, String)> {
        let read = |(head, body): (String, String)| {
            let method = head.split(' ').nth(1).unwrap().rsplit('/').next().unwrap().to_owned();
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            (method, body["text"].as_str().unwrap().lines().next().unwrap().to_owned())
        };
        self.chat.requests().into_iter().map(read).collect()
    }
}

/// Delivers until nothing is open that is due.
async fn deliver(desk: &Desk) {
    for _ in 0..400 {
        let next = desk.courier.round().await.unwrap();
        let open = desk.state.outbox().heads().await.unwrap();
        let waits = next.is_some_and(|next| next > desk.clock.now().into());
        if open.is_empty() || (waits && open.iter().all(|parcel| parcel.status == state::ParcelStatus::Waiting)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("deliveries do not end");
}

fn first(method: &str, text: &str) -> (String, String) {
    (method.to_owned(), text.to_owned())
}

#[tokio::test]
async fn an_alert_is_told_once_and_edited_when_it_is_over_though_every_step_is_followed_by_a_kill() {
    let world = World::new(vec![(200, OK)]).await;
    // A kill after each step: the next desk knows only what was kept.
    world.desk().await.notify(vec![world.alert("1", false)]).await.unwrap();
    world.pass(31);
    world.desk().await.decide(world.now()).await.unwrap();
    world.desk().await.decide(world.now()).await.unwrap();
    deliver(&*world.desk().await).await;
    let again = world.desk().await;
    again.notify(vec![world.alert("1", false)]).await.unwrap();
    again.decide(world.now()).await.unwrap();
    deliver(&again).await;
    assert_eq!(world.told(), [first("sendMessage", "🟠 OrderStuck (mes)")]);

    world.pass(300);
    world.desk().await.notify(vec![world.alert("1", true)]).await.unwrap();
    world.desk().await.decide(world.now()).await.unwrap();
    deliver(&*world.desk().await).await;
    world.pass(4_000);
    let last = world.desk().await;
    last.decide(world.now()).await.unwrap();
    deliver(&last).await;
    assert_eq!(world.told()[1..], [first("editMessageText", "✅ OrderStuck: resolved (mes)")]);
    assert!(last.alerts(&Tenant::default()).await.is_empty());
    assert_eq!(last.deliveries(&Tenant::default(), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_kill_while_a_message_is_on_its_way_repeats_it_and_says_so() {
    let world = World::new(vec![(200, OK)]).await;
    let desk = world.desk().await;
    desk.notify(vec![world.alert("1", false)]).await.unwrap();
    world.pass(31);
    desk.decide(world.now()).await.unwrap();
    let open = desk.state.outbox().heads().await.unwrap();
    // The kill comes between the note that it goes and the note that it arrived.
    desk.state.outbox().begin(&open[0].key).await.unwrap().unwrap();
    deliver(&*world.desk().await).await;
    assert_eq!(world.told(), [first("sendMessage", "🟠 OrderStuck (mes) (may be a repeat)")]);
}

#[tokio::test]
async fn a_chat_that_does_not_answer_is_tried_again_in_order_and_loses_nothing() {
    let busy = r#"{"ok":false,"parameters":{"retry_after":60}}"#;
    let world = World::new(vec![(429, busy), (502, ""), (200, OK)]).await;
    let desk = world.desk().await;
    desk.notify(vec![world.alert("1", false)]).await.unwrap();
    world.pass(31);
    desk.decide(world.now()).await.unwrap();
    deliver(&desk).await;
    world.pass(59);
    deliver(&desk).await;
    assert_eq!(world.told().len(), 1, "the minute is kept");
    world.pass(2);
    deliver(&desk).await;
    assert_eq!(world.told().len(), 2);
    desk.notify(vec![world.alert("2", false)]).await.unwrap();
    world.pass(300);
    desk.decide(world.now()).await.unwrap();
    deliver(&desk).await;
    world.pass(10);
    deliver(&desk).await;
    let texts: Vec<String> = world.told().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts[2..], ["🟠 OrderStuck (mes)".to_owned(), "🟠 OrderStuck: 2 alerts (mes)".to_owned()]);
    let log = desk.deliveries(&Tenant::default(), 10).await.unwrap();
    assert_eq!(log.iter().map(|parcel| parcel.attempts).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn a_silence_keeps_quiet_and_its_end_tells() {
    let world = World::new(vec![(200, OK)]).await;
    let desk = world.desk().await;
    let matcher = crate::WrittenMatcher {
        name: "service_name".to_owned(),
        value: "mes".to_owned(),
        is_regex: false,
        is_equal: true,
    };
    let silence = Silence {
        id: String::new(),
        tenant: Tenant::default(),
        matchers: vec![matcher],
        starts_at: world.now(),
        ends_at: world.now().after(Duration::from_secs(3_600)),
        updated_at: world.now(),
        created_by: "anna".to_owned(),
        comment: "works".to_owned(),
    };
    let id = desk.put_silence(silence.clone()).await.unwrap().unwrap();
    desk.notify(vec![world.alert("1", false)]).await.unwrap();
    world.pass(31);
    let again = world.desk().await;
    again.decide(world.now()).await.unwrap();
    deliver(&again).await;
    assert!(world.told().is_empty());
    assert_eq!(again.alerts(&Tenant::default()).await[0].silenced_by, std::slice::from_ref(&id));
    // The same id and matchers: changed in place. Other matchers: another silence.
    let longer = Silence { id: id.clone(), ends_at: world.now().after(Duration::from_secs(9_000)), ..silence.clone() };
    assert_eq!(again.put_silence(longer).await.unwrap().unwrap(), id);
    let mut other = Silence { id: id.clone(), ..silence };
    other.matchers[0].value = "crm".to_owned();
    assert_ne!(again.put_silence(other).await.unwrap().unwrap(), id);
    world.pass(300);
    again.decide(world.now()).await.unwrap();
    deliver(&again).await;
    assert_eq!(world.told().len(), 1, "the silence ended when another took its place");
    assert!(!again.expire_silence(&Tenant::default(), &id).await.unwrap());
}

#[tokio::test]
async fn what_another_node_takes_in_is_told_by_the_one_that_has_the_duty() {
    let world = World::new(vec![(200, OK)]).await;
    let (teller, other) = (world.desk().await, world.desk().await);
    other.notify(vec![world.alert("1", false)]).await.unwrap();
    world.pass(31);
    teller.decide(world.now()).await.unwrap();
    deliver(&teller).await;
    assert_eq!(world.told(), [first("sendMessage", "🟠 OrderStuck (mes)")]);
    let incident = other.incidents(&Tenant::default(), Timestamp(0), Timestamp::MAX, 10).await.unwrap().remove(0);
    let ack = crate::IncidentAction::Ack { comment: String::new() };
    other.act(&Tenant::default(), &incident.id, ack, "anna").await.unwrap().unwrap().unwrap();

    world.pass(300);
    other.notify(vec![world.alert("1", true)]).await.unwrap();
    teller.decide(world.now()).await.unwrap();
    deliver(&teller).await;
    assert_eq!(world.told()[1..], [first("editMessageText", "✅ OrderStuck: resolved (mes)")]);
    assert!(other.alerts(&Tenant::default()).await.is_empty());
    let incident = teller.incident(&Tenant::default(), &incident.id).await.unwrap().unwrap();
    assert_eq!((incident.notified_at.is_some(), incident.assignee.as_deref()), (true, Some("anna")));
    assert_eq!(incident.resolved_at, Some(world.now()));
    // Back within a quarter of an hour, after a restart: the same incident.
    world.pass(60);
    let again = Alert { starts_at: world.now(), ..world.alert("1", false) };
    world.desk().await.notify(vec![again]).await.unwrap();
    let all = teller.incidents(&Tenant::default(), Timestamp(0), Timestamp::MAX, 10).await.unwrap();
    assert_eq!(all.iter().map(|one| one.state).collect::<Vec<_>>(), [crate::IncidentState::Open]);
}

#[tokio::test]
async fn stuck_orders_at_one_place_are_one_incident_with_the_time_of_the_first_notification() {
    let world = World::new(vec![(200, OK)]).await;
    let desk = world.desk().await;
    desk.notify(vec![world.alert("1", false), world.alert("2", false)]).await.unwrap();
    world.pass(31);
    desk.decide(world.now()).await.unwrap();
    let desk = world.desk().await;
    let all = |desk: Arc<Desk>| async move {
        desk.incidents(&Tenant::default(), Timestamp(0), Timestamp::MAX, 10).await.unwrap()
    };
    let found = all(Arc::clone(&desk)).await;
    assert_eq!((found.len(), found[0].alerts.len()), (1, 2));
    let id = found[0].id.clone();
    let report = crate::report(&found);
    assert!((report.all.detect.mean_seconds - 91.0).abs() < 0.01, "{report:?}");
    let acted = desk.act(&Tenant::default(), &id, crate::IncidentAction::Ack { comment: String::new() }, "anna").await;
    assert_eq!(acted.unwrap().unwrap().unwrap().assignee.as_deref(), Some("anna"));
    world.pass(100);
    desk.notify(vec![world.alert("1", true), world.alert("2", true)]).await.unwrap();
    assert_eq!(all(desk).await[0].resolved_at, Some(world.now()));
}

#[tokio::test]
async fn a_test_goes_to_each_integration_and_says_that_it_is_one() {
    let world = World::new(vec![(200, OK)]).await;
    let desk = world.desk().await;
    let keys = desk.test_send(&Tenant::default(), "ops", "anna").await.unwrap();
    deliver(&desk).await;
    assert_eq!(world.told(), [first("sendMessage", "🔵 TEST: Test")]);
    assert_eq!(desk.deliveries(&Tenant::default(), 10).await.unwrap()[0].key, keys[0]);
    let unknown = desk.test_send(&Tenant::default(), "nobody", "anna").await.unwrap_err();
    assert!(unknown.to_string().contains("`ops`"), "{unknown}");
}
