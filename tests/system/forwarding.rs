//! The audit trail sent on to a syslog server that is away, comes back and loses its connection, while the server is killed.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::harness::{Server, eventually};

const OPS: &str = "ops-token-0123456789";

fn config(folder: &Path, port: u16) -> PathBuf {
    let path = folder.join("lapidary.toml");
    let text = format!(
        "data_dir = {:?}\n[audit]\nforward = \"syslog+tcp://127.0.0.1:{port}\"\n\
         [[auth.token]]\nname = \"ops\"\ntoken = \"{OPS}\"\nservices = [\"*\"]\npermissions = [\"read\", \"push\", \"audit\"]\n",
        folder.join("data"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Takes connections for as long as the test runs; the numbers of the records in them, in the order in which they came.
fn receive(listener: TcpListener) -> Arc<Mutex<Vec<u64>>> {
    let got = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&got);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let told = Arc::clone(&told);
            std::thread::spawn(move || {
                let (mut text, mut bytes) = (String::new(), [0; 4_096]);
                while let Ok(count) = stream.read(&mut bytes)
                    && count > 0
                {
                    text += &String::from_utf8_lossy(&bytes[..count]);
                    while let Some((_, rest)) = text.split_once("sequence=\"")
                        && let Some((number, rest)) = rest.split_once('"')
                    {
                        told.lock().unwrap().push(number.parse().unwrap());
                        text = rest.to_owned();
                    }
                }
            });
        }
    });
    got
}

async fn act(server: &Server, times: usize) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..times {
        let asked = client.get(format!("{}/loki/api/v1/labels", server.url)).bearer_auth(OPS);
        assert_eq!(server.request(asked).await.0, 200);
    }
}

/// The number of the newest record.
async fn last(server: &Server) -> u64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked = client.get(format!("{}/api/v1/audit?limit=1", server.url)).bearer_auth(OPS);
    let (status, text) = server.request(asked).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["records"][0]["sequence"].as_u64().unwrap()
}

/// Waits until at least so many are written.
async fn written(server: &Server, count: u64) {
    eventually("the trail is written", async || count <= last(server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_lost_to_its_receiver_by_kills_and_absence() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = config(folder.path(), address.port());
    // Nobody listens: what is done now waits, and dies with the server.
    drop(listener);
    let server = Server::configured(&config);
    act(&server, 20).await;
    written(&server, 20).await;
    server.kill();
    let server = Server::configured(&config);
    act(&server, 20).await;
    written(&server, 40).await;
    assert!(server.terminate().success());

    let got = receive(TcpListener::bind(address).unwrap());
    let server = Server::configured(&config);
    let all_up_to = async |count: u64| {
        eventually("all records came", async || {
            let got: BTreeSet<u64> = got.lock().unwrap().iter().copied().collect();
            (1..=count).all(|number| got.contains(&number))
        })
        .await;
    };
    all_up_to(40).await;
    let once: Vec<u64> = got.lock().unwrap().iter().copied().take(40).collect();
    assert_eq!(once, (1..=40).collect::<Vec<_>>(), "in order, and each once");
    // Killed in the midst of sending; the next run goes on where the receiver was.
    let mut server = server;
    for _ in 0..3 {
        act(&server, 10).await;
        server.kill();
        server = Server::configured(&config);
    }
    let end = last(&server).await;
    all_up_to(end).await;
    let got = got.lock().unwrap().clone();
    let repeated = got.len() - got.iter().collect::<BTreeSet<_>>().len();
    assert!(repeated < got.len() / 2, "not all over again: {repeated} of {}", got.len());
}
