//! Real sockets take what is sent on.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use auth::{AuditEvent, Chain, Outcome};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use futures::future::BoxFuture;
use logline::{Tenant, Timestamp};
use stdx::SystemClock;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;

use super::*;

fn records() -> Vec<Record> {
    let mut chain = Chain::new("node a", None);
    let event = |detail: &str, outcome| AuditEvent::new("an\"na]", Tenant::default(), "cancel job", detail, outcome);
    let time = Timestamp(1_795_305_600_123_456_789);
    vec![
        chain.seal(event("line\none", Outcome::Allowed).at(Some([192, 0, 2, 1].into())), time),
        chain.seal(event("", Outcome::Denied), time),
    ]
}

/// What a receiver has, and a trail that it has not.
#[derive(Debug, Default)]
struct Memory {
    last: Mutex<Option<Sent>>,
    trail: Vec<Record>,
}

impl Past for Memory {
    fn last(&self) -> BoxFuture<'_, Result<Option<Sent>, String>> {
        Box::pin(async { Ok(*self.last.lock().unwrap()) })
    }

    fn keep(&self, sent: Sent) -> BoxFuture<'_, Result<(), String>> {
        *self.last.lock().unwrap() = Some(sent);
        Box::pin(async { Ok(()) })
    }

    fn behind(&self, sent: Sent) -> BoxFuture<'_, Result<Vec<Record>, String>> {
        let records = self.trail.iter().filter(|record| sent.sequence < record.sequence);
        let records = records.take(1_500).cloned().collect();
        Box::pin(async { Ok(records) })
    }
}

async fn start(place: &str) -> (Forward, Tasks) {
    let (forward, tasks, _) = start_behind(place, Arc::default(), Sent::NOTHING).await;
    (forward, tasks)
}

async fn start_behind(place: &str, past: Arc<Memory>, end: Sent) -> (Forward, Tasks, u64) {
    let target = Target {
        place: Place::parse(place).unwrap(),
        tls: Tls::default(),
        token: Some(Secret::new("t0ken".to_owned())),
    };
    let (clock, tasks): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Tasks::default());
    let (forward, too_far) = Forward::start(&target, (past as _, end), Arc::default(), (&clock, &tasks)).await.unwrap();
    (forward, tasks, too_far)
}

#[test]
fn a_record_is_a_message_that_no_field_breaks_out_of() {
    let text = syslog::message(&records()[0]);
    let hash = &records()[0].hash;
    assert_eq!(
        text,
        format!(
            "<109>1 2026-11-22T00:00:00.123456Z node_a lapidary - cancel_job [audit@32473 sequence=\"1\" \
             principal=\"an\\\"na\\]\" tenant=\"fake\" outcome=\"allowed\" address=\"192.0.2.1\" count=\"1\" \
             hash=\"{hash}\"] line one"
        )
    );
    assert!(syslog::message(&records()[1]).starts_with("<108>1 "));
}

#[test]
fn an_address_says_who_takes_records_and_whether_the_network_may_see_them() {
    assert_eq!(Place::parse("syslog+udp://logs.example"), Some(Place::Udp("logs.example:514".to_owned())));
    assert_eq!(Place::parse("syslog+tls://[::1]:7"), Some(Place::Tls("[::1]:7".to_owned())));
    assert_eq!(Place::parse("ftp://logs.example"), None);
    assert_eq!(Place::parse("logs.example:514"), None);
    assert!(Place::parse("http://a.example/x").unwrap().is_clear());
    assert!(!Place::parse("https://a.example/x").unwrap().is_clear());
}

#[tokio::test]
async fn datagrams_and_streams_arrive_as_messages() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (forward, tasks) = start(&format!("syslog+udp://{}", socket.local_addr().unwrap())).await;
    forward.offer(records());
    let mut bytes = vec![0; 4_096];
    for record in records() {
        let count = socket.recv(&mut bytes).await.unwrap();
        assert_eq!(bytes[..count], *syslog::message(&record).as_bytes());
    }
    drop(tasks);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (forward, tasks) = start(&format!("syslog+tcp://{}", listener.local_addr().unwrap())).await;
    forward.offer(records());
    // The first connection breaks before anything was read; what was on it comes again or is the next to come.
    let (mut stream, _) = listener.accept().await.unwrap();
    let want: String = records().iter().map(syslog::message).map(|text| format!("{} {text}", text.len())).collect();
    let mut bytes = vec![0; want.len()];
    stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), want);
    drop(tasks);
}

#[tokio::test]
async fn a_group_is_not_lost_when_its_receiver_starts_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (forward, _tasks) = start(&format!("syslog+tcp://{address}")).await;
    let framed = |record: &Record| {
        let text = syslog::message(record);
        format!("{} {text}", text.len())
    };
    let [first, second] = records().try_into().unwrap();
    let read = async |listener: &TcpListener, want: &str| {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; want.len()];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), want);
    };
    assert_eq!(forward.offer(vec![first.clone()]), 0);
    // The connection ends here; what is written to it now would be lost without an error.
    read(&listener, &framed(&first)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(forward.offer(vec![second.clone()]), 0);
    // Nobody knows here that the first was read, so it comes again.
    let again = format!("{}{}", framed(&first), framed(&second));
    tokio::time::timeout(Duration::from_secs(20), read(&listener, &again)).await.expect("the second group is lost");
}

#[tokio::test]
async fn records_for_which_there_is_no_room_are_counted_until_there_is_again() {
    let (queue, mut waiting) = queue::new();
    let forward = Forward { queue, has_dropped: AtomicBool::default(), state: Arc::default() };
    let long = |mut record: Record| {
        record.detail = "x".repeat(9 << 20);
        record
    };
    let group = || records().into_iter().map(long).collect::<Vec<_>>();
    assert_eq!([forward.offer(group()), forward.offer(group())], [1, 2]);
    assert!(forward.has_dropped.load(Ordering::Relaxed));
    assert_eq!(waiting.next().await.unwrap().len(), 1);
    assert_eq!(forward.offer(records()), 0);
    assert!(!forward.has_dropped.load(Ordering::Relaxed), "the next time is told of as well");
}

#[tokio::test]
async fn datagrams_that_the_receiver_s_machine_refuses_are_sent_again() {
    let address = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (forward, _tasks) = start(&format!("syslog+udp://{address}")).await;
    forward.offer(records());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let socket = UdpSocket::bind(address).await.unwrap();
    let mut bytes = vec![0; 4_096];
    let count =
        tokio::time::timeout(Duration::from_secs(20), socket.recv(&mut bytes)).await.expect("it is lost").unwrap();
    assert_eq!(bytes[..count], *syslog::message(&records()[0]).as_bytes());
}

#[tokio::test]
async fn a_webhook_that_refuses_is_asked_again_and_shown_the_token() {
    let (tell, mut told) = mpsc::channel::<(String, Vec<Record>)>(8);
    let refusals = Arc::new(AtomicU64::new(0));
    let refusals_seen = Arc::clone(&refusals);
    let taken = move |headers: HeaderMap, Json(records): Json<Vec<Record>>| {
        let (tell, refusals) = (tell.clone(), Arc::clone(&refusals));
        async move {
            if refusals.fetch_add(1, Ordering::Relaxed) == 0 {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            let shown = headers["authorization"].to_str().unwrap().to_owned();
            tell.send((shown, records)).await.unwrap();
            StatusCode::OK
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = Tasks::default();
    serving.spawn(async move { axum::serve(listener, Router::new().route("/hook", post(taken))).await.unwrap() });
    let (forward, _tasks) = start(&format!("http://{address}/hook")).await;
    assert_eq!(forward.offer(records()[..1].to_vec()), 0);
    while refusals_seen.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // While it is away records come one by one, many more than groups would once have waited.
    let many = vec![records()[1].clone(); 1_000];
    assert!(many.iter().all(|record| forward.offer(vec![record.clone()]) == 0));
    let (shown, got) = told.recv().await.unwrap();
    assert_eq!((shown.as_str(), got), ("Bearer t0ken", records()[..1].to_vec()));
    let groups = [told.recv().await.unwrap().1, told.recv().await.unwrap().1];
    assert_eq!(groups.concat(), many);
}

/// A webhook that takes all, and the numbers of the records that it took.
async fn taker() -> (String, mpsc::Receiver<u64>, Tasks) {
    let (tell, told) = mpsc::channel(8_192);
    let take = move |Json(records): Json<Vec<Record>>| {
        let sent = records.iter().try_for_each(|record| tell.try_send(record.sequence));
        async move { if sent.is_ok() { StatusCode::OK } else { StatusCode::GONE } }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let serving = Tasks::default();
    serving.spawn(async move { axum::serve(listener, Router::new().route("/hook", post(take))).await.unwrap() });
    (address, told, serving)
}

async fn take(told: &mut mpsc::Receiver<u64>, count: usize) -> Vec<u64> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        taken.push(next.expect("a record is lost").unwrap());
    }
    taken
}

fn chain(count: usize) -> Vec<Record> {
    let mut chain = Chain::new("a", None);
    let event = || AuditEvent::new("anna", Tenant::default(), "query", "", Outcome::Allowed);
    (1..=count).map(|number| chain.seal(event(), Timestamp(number as i64))).collect()
}

#[tokio::test]
async fn what_an_earlier_run_left_comes_before_what_is_new() {
    let (address, mut told, _serving) = taker().await;
    let trail = chain(4_001);
    let (end, last) = (Sent::of(&trail[3_999]), Mutex::new(Some(Sent::of(&trail[9]))));
    let past = Arc::new(Memory { last, trail: trail.clone() });
    let (forward, _tasks, too_far) = start_behind(&address, Arc::clone(&past), end).await;
    assert_eq!((too_far, forward.offer(trail[4_000..].to_vec())), (0, 0));
    assert_eq!(take(&mut told, 3_991).await, (11..=4_001).collect::<Vec<_>>());
    while past.last.lock().unwrap().unwrap() != Sent::of(&trail[4_000]) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(forward.state.unsent.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_new_receiver_begins_at_the_end_and_has_its_place_before_anything_is_sent() {
    let trail = chain(3);
    let past = Arc::new(Memory { last: Mutex::default(), trail: trail.clone() });
    // Nobody is there to take anything.
    let (forward, tasks, _) = start_behind("http://127.0.0.1:9/", Arc::clone(&past), Sent::of(&trail[1])).await;
    forward.offer(trail[2..].to_vec());
    assert_eq!(*past.last.lock().unwrap(), Some(Sent::of(&trail[1])));
    drop((forward, tasks));
    // The next run sends what the first could not.
    let (address, mut told, _serving) = taker().await;
    let (_forward, _tasks, _) = start_behind(&address, past, Sent::of(&trail[2])).await;
    assert_eq!(take(&mut told, 1).await, [3]);
}

#[tokio::test]
async fn what_is_too_far_back_or_gone_is_counted() {
    let (address, mut told, _serving) = taker().await;
    let trail = chain(3);
    let at = |sequence| Sent { sequence, time: Timestamp(1) };
    let past = Arc::new(Memory { last: Mutex::new(Some(at(7))), trail: trail.clone() });
    let (forward, _tasks, too_far) = start_behind(&address, past, at(100_010)).await;
    assert_eq!((too_far, forward.state.unsent.load(Ordering::Relaxed)), (3, 3));
    forward.offer(trail[..1].to_vec());
    assert_eq!(take(&mut told, 1).await, [1], "all before is gone");
    assert_eq!(forward.state.unsent.load(Ordering::Relaxed), 100_003);
}
