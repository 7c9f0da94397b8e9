//! Personal data planted in a service's body appears in no file of the server or the agent, and not on the wire.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use logline::Timestamp;

use super::agent::Agent;
use super::harness::{Server, eventually, files, now};

/// What must never be seen again, as a service might write it.
const PLANTED: [&str; 6] = [
    "anna.petrova@example.ru",
    "+7 (912) 345-67-89",
    "89123456780",
    "4111 1111 1111 1111",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl",
    "correct-horse-battery",
];

fn body() -> String {
    format!(
        r#"{{"customer":{{"name":"Анна","email":"{}","phone":"{}","alt":"{}"}},"card":"{}","password":"{}"}}"#,
        PLANTED[0], PLANTED[1], PLANTED[2], PLANTED[3], PLANTED[5]
    )
}

/// Passes bytes on to the server and keeps a copy of what the agent sent.
fn tap(server: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let target = server.strip_prefix("http://").unwrap().to_owned();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&seen);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let upstream = TcpStream::connect(&target).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            let copy = Arc::clone(&copy);
            std::thread::spawn(move || {
                let mut buffer = [0; 65536];
                while let Ok(n @ 1..) = from.read(&mut buffer) {
                    copy.lock().unwrap().extend_from_slice(&buffer[..n]);
                    if to.write_all(&buffer[..n]).is_err() {
                        break;
                    }
                }
            });
            std::thread::spawn(move || drop(std::io::copy(&mut &upstream, &mut &client)));
        }
    });
    (url, seen)
}

/// Looks for what was planted in bytes as they are, in every snappy block of pushes, and without separators.
fn leaks(bytes: &[u8]) -> Vec<&'static str> {
    let text = String::from_utf8_lossy(bytes);
    PLANTED.into_iter().filter(|planted| text.contains(planted)).collect()
}

/// The bodies of the pushes in what was seen on the wire, decompressed.
fn pushes(wire: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut rest = wire;
    while let Some(head_end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&rest[..head_end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap());
        let body = &rest[head_end + 4..head_end + 4 + length];
        bodies.push(snap::raw::Decoder::new().decompress_vec(body).unwrap());
        rest = &rest[head_end + 4 + length..];
    }
    bodies
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::open(&data);
    let (url, wire) = tap(&server.url);
    std::fs::create_dir_all(folder.path().join("logs")).unwrap();
    let base = now().0;
    let mut log = String::new();
    for n in 0..200 {
        let time = jiff::Timestamp::from(Timestamp(base - n));
        let token = PLANTED[4];
        writeln!(log, "[{time}][REQ][POST /orders] order_id={n} status=CREATED request_id=r{n} headers={{\"authorization\":\"Bearer {token}\"}} body={}", body()).unwrap();
        writeln!(log, "plain text for {} with card {} and phone {}", PLANTED[0], PLANTED[3], PLANTED[2]).unwrap();
    }
    std::fs::write(folder.path().join("logs/shop.log"), log).unwrap();
    let agent = Agent::start(folder.path(), &url);
    let range = (Timestamp(base - 3_600_000_000_000), Timestamp(base + 3_600_000_000_000));
    eventually("all lines arrive", async || {
        server.lines(r#"{service="shop-api"}"#, range.0, range.1).await.len() == 400
    })
    .await;
    agent.terminate();
    let wire = wire.lock().unwrap().clone();
    assert!(server.terminate().success());

    assert_eq!(leaks(&wire), [""; 0], "on the wire");
    let bodies = pushes(&wire);
    assert!(bodies.iter().map(Vec::len).sum::<usize>() > 40_000, "the pushes were not found on the wire");
    for body in &bodies {
        assert_eq!(leaks(body), [""; 0], "in a push");
    }
    for folder in [data, folder.path().join("state")] {
        let files = files(&folder);
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            assert_eq!(leaks(&std::fs::read(&file).unwrap()), [""; 0], "in {}", file.display());
        }
    }

    // Files are compressed, so what they hold is read through the door as well.
    let server = Server::open(&folder.path().join("data"));
    let found = server.lines(r#"{service="shop-api"}"#, range.0, range.1).await;
    assert_eq!(found.len(), 400);
    let all: String = found.into_iter().map(|(_, line)| line + "\n").collect();
    assert_eq!(leaks(all.as_bytes()), [""; 0], "in an answer");
    assert!(
        all.contains("order_id=7 ") && all.contains("status=CREATED") && all.contains("Анна"),
        "too much is masked"
    );
}
