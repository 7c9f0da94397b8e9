//! Real sockets take what is sent on.

use std::sync::atomic::AtomicU64;

use auth::{AuditEvent, Chain, Outcome};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
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

fn start(place: &str) -> (Forward, Tasks) {
    let target = Target {
        place: Place::parse(place).unwrap(),
        tls: Tls::default(),
        token: Some(Secret::new("t0ken".to_owned())),
    };
    let (clock, tasks): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Tasks::default());
    (Forward::start(&target, &clock, &tasks).unwrap(), tasks)
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
    let (forward, tasks) = start(&format!("syslog+udp://{}", socket.local_addr().unwrap()));
    forward.offer(records());
    let mut bytes = vec![0; 4_096];
    for record in records() {
        let count = socket.recv(&mut bytes).await.unwrap();
        assert_eq!(bytes[..count], *syslog::message(&record).as_bytes());
    }
    drop(tasks);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (forward, tasks) = start(&format!("syslog+tcp://{}", listener.local_addr().unwrap()));
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
    let (forward, _tasks) = start(&format!("syslog+tcp://{address}"));
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
    let forward = Forward { queue, has_dropped: AtomicBool::default() };
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
    let (forward, _tasks) = start(&format!("syslog+udp://{address}"));
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
    let (forward, _tasks) = start(&format!("http://{address}/hook"));
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
