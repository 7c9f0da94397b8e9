//! `lapidary storage` with the real program: lines out of one server and into another, backups beside a running server.

use std::path::Path;
use std::process::Command;

use logline::{Entry, Labels, Stream, Timestamp};

use super::harness::{Server, files, now, program, run};

const SECOND: i64 = 1_000_000_000;
const LINES: i64 = 12_000;

fn lapidary(args: &[&str]) -> (Option<i32>, String) {
    run(Command::new(program("lapidary")).arg("storage").args(args))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Lines of two services, some in the same instant, some with metadata, more than a page of the API.
fn body(start: i64) -> Vec<u8> {
    let stream = |service: &str, odd: i64| {
        let entry = |n: i64| Entry {
            timestamp: Timestamp(start + n / 7 * 1_000),
            line: format!("{service} line {n} \"quoted\" и не только"),
            metadata: if n % 5 == 0 { vec![("order_id".to_owned(), n.to_string())] } else { Vec::new() },
        };
        let labels = Labels::new([("service_name".to_owned(), service.to_owned())]).unwrap();
        Stream { labels, entries: (0..LINES).filter(|n| n % 2 == odd).map(entry).collect() }
    };
    ingest::loki::encode(&[stream("shop", 0), stream("crm", 1)])
}

async fn filled(data: &Path, start: i64) -> Server {
    let server = Server::open(data);
    let pushed = server.push_raw(&[("Content-Type", "application/x-protobuf")], body(start)).await;
    assert_eq!(pushed, (204, String::new()));
    server
}

#[tokio::test]
async fn what_is_exported_equals_the_query_and_is_imported_once_however_often_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let start = now().0 - 3_600 * SECOND;
    let server = filled(&folder.path().join("one"), start).await;
    let (from, to) = (Timestamp(start), Timestamp(start + 60 * SECOND));
    let (begin, end) = (jiff::Timestamp::from(from).to_string(), jiff::Timestamp::from(to).to_string());
    let all = r#"{service_name=~"shop|crm"}"#;
    let whole = server.lines(all, from, to).await;
    assert_eq!(whole.len(), 12_000);
    for name in ["lines.ndjson", "lines.parquet"] {
        let file = folder.path().join(name);
        let args = ["export", all, "--from", &begin, "--to", &end, "--out", path(&file), "--addr", &server.url];
        let (code, said) = lapidary(&args);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("12000 lines written"), "{said}");
        let data = folder.path().join(format!("{name}.data"));
        let copy = Server::open(&data);
        let (code, said) = lapidary(&["import", path(&file), path(&file), "--addr", &copy.url]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(copy.lines(all, from, to).await, whole, "{name}");
        assert_eq!(copy.lines(r#"{service_name="shop"} | order_id="20""#, from, to).await.len(), 1);
        // Again after a crash, and after a restart that had its lines in files.
        copy.kill();
        let copy = Server::open(&data);
        assert_eq!(lapidary(&["import", path(&file), "--addr", &copy.url]).0, Some(0));
        assert!(copy.terminate().success());
        let copy = Server::open(&data);
        assert_eq!(lapidary(&["import", path(&file), "--addr", &copy.url]).0, Some(0));
        assert_eq!(copy.lines(all, from, to).await, whole, "{name}");
    }
    let nobody = lapidary(&["import", path(&folder.path().join("lines.ndjson")), "--addr", "http://127.0.0.1:1"]);
    assert_eq!(nobody.0, Some(1), "{}", nobody.1);
}

#[tokio::test]
async fn a_backup_beside_a_running_server_restores_to_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
    let start = now().0 - 3_600 * SECOND;
    let server = filled(&data, start).await;
    let (from, to) = (Timestamp(start), Timestamp(start + 60 * SECOND));
    let all = r#"{service_name=~".+"}"#;
    let whole = server.lines(all, from, to).await;
    // Once from the write-ahead log, once from files.
    for round in 0..2 {
        if round == 1 {
            server.try_flush().await;
        }
        let (code, said) = lapidary(&["backup", path(&backups), "--data-dir", path(&data)]);
        assert_eq!(code, Some(0), "{said}");
        let restored = folder.path().join(format!("restored{round}"));
        let (code, said) = lapidary(&["restore", path(&backups), "--data-dir", path(&restored)]);
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = lapidary(&["verify", "--data-dir", path(&restored)]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(Server::open(&restored).lines(all, from, to).await, whole);
    }
    let (code, said) = lapidary(&["inspect", "--data-dir", path(&data), "--format", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    let logs = found["tables"].as_array().unwrap().iter().find(|table| table["name"] == "logs");
    assert_eq!((&found["in_use"], &logs.unwrap()["rows"]), (&true.into(), &LINES.into()), "{said}");
    assert_eq!(lapidary(&["restore", path(&backups), "--data-dir", path(&data)]).0, Some(2));
    assert_eq!(lapidary(&["verify", "--backups", path(&backups)]).0, Some(0));
    assert!(server.terminate().success());

    let parquet = |file: &&std::path::PathBuf| file.extension().is_some_and(|end| end == "parquet");
    let all_files = files(&data);
    let file = all_files.iter().find(parquet).unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let (code, said) = lapidary(&["verify", "--data-dir", path(&data)]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(path(file)) && said.contains("checksum"), "{said}");
    let nothing = lapidary(&["inspect", "--data-dir", path(&folder.path().join("nothing"))]);
    assert_eq!(nothing.0, Some(2), "{}", nothing.1);
}
