//! Pushes that are wrong in every way get Loki's status and words, and their good part is kept.

use std::io::Write as _;

use logline::Timestamp;
use serde_json::json;

use super::harness::{Server, now};

const MINUTE: i64 = 60_000_000_000;

fn body(values: &serde_json::Value) -> Vec<u8> {
    json!({"streams": [{"stream": {"service": "bad"}, "values": values}]}).to_string().into_bytes()
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PROTOBUF: (&str, &str) = ("Content-Type", "application/x-protobuf");

#[tokio::test]
async fn whatever_cannot_be_read_is_refused_in_lokis_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let good = body(&json!([[now().0.to_string(), "fine"]]));
    let claims_4_gb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let cases: [(&str, Vec<(&str, &str)>, Vec<u8>, u16, &str); 10] = [
        ("broken JSON", vec![JSON], b"{\"streams\": [".to_vec(), 400, "at line 1 column 13"),
        ("broken snappy", vec![PROTOBUF], b"not snappy at all".to_vec(), 400, "snappy"),
        ("a header that claims 4 GB", vec![PROTOBUF], claims_4_gb, 413, ""),
        (
            "unknown encoding",
            vec![JSON, ("Content-Encoding", "br")],
            good.clone(),
            400,
            "Content-Encoding \"br\" not supported",
        ),
        ("broken gzip", vec![JSON, ("Content-Encoding", "gzip")], good.clone(), 400, ""),
        ("a number as timestamp", vec![JSON], body(&json!([[now().0, "x"]])), 400, ""),
        (
            "no streams",
            vec![JSON],
            b"{\"streams\": []}".to_vec(),
            422,
            "error at least one valid stream is required for ingestion",
        ),
        ("no content type", vec![], good.clone(), 400, "no media type"),
        (
            "JSON that is not called so",
            vec![("Content-Type", "application/x-www-form-urlencoded")],
            good,
            400,
            "JSON needs `Content-Type: application/json`",
        ),
        (
            "metadata that is not flat",
            vec![JSON],
            body(&json!([[now().0.to_string(), "x", {"a": {"b": "c"}}]])),
            400,
            "",
        ),
    ];
    for (what, headers, bytes, status, text) in cases {
        let (got, answer) = server.push_raw(&headers, bytes).await;
        assert_eq!(got, status, "{what}: {answer}");
        assert!(answer.contains(text), "{what}: {answer}");
    }
    let (status, answer) = server.push_raw(&[JSON], vec![b' '; 40 << 20]).await;
    assert_eq!(status, 413, "{answer}");
}

#[tokio::test]
async fn the_good_part_of_a_push_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let time = now().0;
    let future = time + 20 * MINUTE;
    let values =
        json!([[time.to_string(), "first"], [future.to_string(), "from the future"], [(time + 1).to_string(), "last"]]);
    let (status, answer) = server.push_raw(&[JSON], body(&values)).await;
    assert_eq!(status, 400);
    assert!(answer.contains("has timestamp too new"), "{answer}");
    assert!(!answer.contains("from the future"), "an error must not repeat the line: {answer}");
    let found = server.lines(r#"{service="bad"}"#, Timestamp(time - MINUTE), Timestamp(future + MINUTE)).await;
    assert_eq!(found, [(time, "first".to_owned()), (time + 1, "last".to_owned())]);
}

#[tokio::test]
async fn a_long_line_is_cut_with_a_mark_or_refused_when_so_set() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lapidary.toml");
    let text = |truncate: bool| {
        let data = folder.path().join(format!("data-{truncate}"));
        format!(
            "data_dir = {data:?}\n[auth]\nmode = \"none\"\n[limits]\nmax_line_size = \"1KiB\"\nmax_line_size_truncate = {truncate}\n"
        )
    };
    let time = now().0;
    let values = json!([[time.to_string(), "short"], [(time + 1).to_string(), "x".repeat(2000)]]);

    std::fs::write(&config, text(false)).unwrap();
    let strict = Server::configured(&config);
    let (status, answer) = strict.push_raw(&[JSON], body(&values)).await;
    assert_eq!(status, 400);
    assert!(answer.contains("max entry size '1024' bytes exceeded for stream"), "{answer}");
    assert!(answer.contains("with length '2000' bytes"), "{answer}");
    let found = strict.lines(r#"{service="bad"}"#, Timestamp(time - MINUTE), Timestamp(time + MINUTE)).await;
    assert_eq!(found, [(time, "short".to_owned())]);

    std::fs::write(&config, text(true)).unwrap();
    let lenient = Server::configured(&config);
    assert_eq!(lenient.push_raw(&[JSON], body(&values)).await.0, 204);
    let found = lenient.lines(r#"{service="bad"}"#, Timestamp(time - MINUTE), Timestamp(time + MINUTE)).await;
    assert_eq!(found.len(), 2);
    assert!(found[1].1.len() <= 1024 && found[1].1.starts_with("xxx") && !found[1].1.ends_with('x'), "{}", found[1].1);
}

#[tokio::test]
async fn every_form_of_a_push_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(folder.path());
    let time = now().0;
    let plain = |n: i64| body(&json!([[(time + n).to_string(), format!("form {n}"), {"trace_id": "t1"}]]));
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let deflate = |bytes: &[u8]| {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let protobuf = |n: i64| {
        ingest::loki::encode(&[super::harness::stream(
            r#"{service="bad"}"#,
            &[(Timestamp(time + n), format!("form {n}"))],
        )])
    };
    let utf8 = ("Content-Type", "application/json; charset=utf-8");
    let forms: [(Vec<(&str, &str)>, Vec<u8>); 7] = [
        (vec![JSON], plain(0)),
        (vec![utf8, ("Content-Encoding", "gzip")], gzip(&plain(1))),
        (vec![JSON, ("Content-Encoding", "deflate")], deflate(&plain(2))),
        (vec![PROTOBUF], protobuf(3)),
        (vec![PROTOBUF, ("Content-Encoding", "snappy")], protobuf(4)),
        (vec![PROTOBUF, ("Content-Encoding", "gzip")], gzip(&protobuf(5))),
        (vec![("Content-Type", "application/octet-stream")], protobuf(6)),
    ];
    for (headers, bytes) in forms {
        let (status, answer) = server.push_raw(&headers, bytes).await;
        assert_eq!((status, answer.as_str()), (204, ""), "{headers:?}");
    }
    let found = server.lines(r#"{service="bad"}"#, Timestamp(time - MINUTE), Timestamp(time + MINUTE)).await;
    let texts: Vec<_> = found.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(texts, ["form 0", "form 1", "form 2", "form 3", "form 4", "form 5", "form 6"]);
}
