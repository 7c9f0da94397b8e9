//! Tails of everybody at once, as raw WebSockets: a server's frames are not masked, so that words are found in them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::planted::{Caller, SERVICES, World, callers, of, secret};
use super::{CARD, forbidden};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a tail has shown so far.
type Heard = Arc<Mutex<Vec<u8>>>;

pub(super) async fn check(world: &World) {
    let tasks = stdx::Tasks::default();
    let mut tails: Vec<(Caller, Heard)> = Vec::new();
    for caller in callers() {
        let heard = open(world, &caller, &tasks).await;
        tails.push((caller, heard));
    }
    for service in SERVICES {
        world.push(service, "live", Duration::ZERO).await;
    }
    let has = |heard: &Heard, word: &str| String::from_utf8_lossy(&heard.lock().unwrap()).contains(word);
    let all_heard = async {
        for (caller, heard) in tails.iter().filter(|(caller, _)| caller.reads) {
            for service in &caller.sees {
                while !has(heard, &of("live", service)) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, all_heard).await.expect("some tails do not show what they may");
    for (caller, heard) in &tails {
        let words = forbidden(caller, super::Shows::Lines, "").into_iter();
        let unseen = SERVICES.iter().filter(|service| !caller.reads || !caller.sees.contains(service));
        let found: Vec<_> =
            words.chain(unseen.map(|service| of("live", service))).filter(|word| has(heard, word)).collect();
        assert!(found.is_empty(), "the tail of `{}` shows {found:?}", caller.name);
        assert!(!caller.is_veiled || CARD.iter().all(|word| !has(heard, word)));
    }
    // The tails go on until the server ends; they are no longer listened to.
    tasks.drain(Duration::from_millis(1)).await;
}

/// Opens a tail; what it shows is gathered until the end of the test.
async fn open(world: &World, caller: &Caller, tasks: &stdx::Tasks) -> Heard {
    let mut socket = TcpStream::connect(world.server.address).await.unwrap();
    let query = form_urlencoded::byte_serialize(b"{service_name=~\".+\"}").collect::<String>();
    let request = format!(
        "GET /loki/api/v1/tail?query={query} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {}\r\n\r\n",
        world.server.address,
        secret(caller.name),
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 4096];
    let read = socket.read(&mut first).await.unwrap();
    let status = if caller.reads { "HTTP/1.1 101" } else { "HTTP/1.1 403" };
    let answer = String::from_utf8_lossy(&first[..read]).into_owned();
    assert!(answer.starts_with(status), "`{}`: {answer}", caller.name);
    let heard = Arc::new(Mutex::new(first[..read].to_vec()));
    let gathering = Arc::clone(&heard);
    tasks.spawn(async move {
        let mut bytes = [0; 16 << 10];
        while let Ok(read @ 1..) = socket.read(&mut bytes).await {
            gathering.lock().unwrap().extend_from_slice(&bytes[..read]);
        }
    });
    heard
}
