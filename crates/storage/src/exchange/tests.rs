//! Lines go into files and come back.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Kind;

fn lines(reader: &mut Reader) -> Vec<Exported> {
    let mut found = Vec::new();
    while let Some(streams) = reader.batch().unwrap() {
        for Stream { labels, entries } in streams {
            found.extend(entries.into_iter().map(|entry| Exported { labels: labels.clone(), entry }));
        }
    }
    found
}

fn key(line: &Exported) -> (i64, String, String) {
    (line.entry.timestamp.0, line.labels.to_string(), line.entry.line.clone())
}

prop_compose! {
    fn exported()(
        service in "[a-z]{1,8}",
        time in 0_i64..4_000_000_000_000_000_000,
        line in ".{0,40}",
        metadata in proptest::collection::btree_map("[a-z_]{1,6}", ".{0,10}", 0..3),
    ) -> Exported {
        let labels = Labels::new([("service_name".to_owned(), service)]).unwrap();
        let metadata = metadata.into_iter().collect();
        Exported { labels, entry: Entry { timestamp: Timestamp(time), line, metadata } }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_reads_back(mut all in proptest::collection::vec(exported(), 0..50), parquet: bool) {
        let (format, name) = if parquet { (Format::Parquet, "lines.parquet") } else { (Format::Ndjson, "lines.ndjson") };
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(name);
        let mut writer = Writer::create(&path, format).unwrap();
        for part in all.chunks(20) {
            writer.write(part.to_vec()).unwrap();
        }
        writer.finish().unwrap();
        let mut found = lines(&mut Reader::open(&path).unwrap());
        found.sort_by_key(key);
        all.sort_by_key(key);
        prop_assert_eq!(found, all);
    }
}

#[test]
fn the_same_file_gives_the_same_batches() {
    let line = |n: usize| format!("{{\"timestamp\":{n},\"labels\":{{\"a\":\"{}\"}},\"line\":\"{n}\"}}\n", n % 3);
    let text: String = (0..12_000).map(line).collect();
    let read = || {
        let mut reader = Reader::ndjson(std::io::Cursor::new(text.clone()), "test");
        std::iter::from_fn(move || reader.batch().unwrap()).collect::<Vec<_>>()
    };
    let batches = read();
    assert_eq!(batches.len(), 3);
    assert_eq!(batches, read());
}

#[test]
fn a_line_that_is_none_is_named_by_its_number_and_never_quoted() {
    let good = r#"{"timestamp":"2026-11-22T00:00:00Z","labels":"{a=\"b\"}","line":"secret"}"#;
    let check = |text: &str| {
        let mut reader = Reader::ndjson(std::io::Cursor::new(format!("{good}\n\n{text}\n")), "input");
        let error = reader.batch().unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        let message = error.to_string();
        assert!(message.starts_with("`input`, line 3: ") && !message.contains("secret"), "{message}");
    };
    check("secret");
    check(r#"{"timestamp":"yesterday","labels":{},"line":"secret"}"#);
    check(r#"{"timestamp":1,"labels":"secret","line":"secret"}"#);
    check(r#"{"timestamp":1,"labels":{},"line":7,"x":"secret"}"#);
}

#[test]
fn a_file_is_known_by_its_bytes() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        fingerprint(&path).unwrap()
    };
    let first = write("a", "one");
    assert_eq!(first, write("b", "one"));
    assert_ne!(first, write("a", "two"));
}
