//! Files and counts in, what `status` and `/metrics` show of them out.

use std::io::Write as _;

use super::*;
use crate::state::{FileId, Marker};

#[test]
fn a_renamed_file_is_shown_as_it_is_called_now() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new, gone] = ["app.log", "app.log.1", "gone.log"].map(|name| folder.path().join(name));
    fs::write(&old, "one\ntwo\n").unwrap();
    fs::write(&gone, "x").unwrap();
    let mut state = State::new();
    for (path, offset) in [(&old, 4), (&gone, 1)] {
        let (path, labels, marker) = (path.clone(), logline::Labels::default(), Marker::default());
        let file = FileId::of(&fs::metadata(&path).unwrap());
        state.meet(Position { path, file, labels, offset, marker });
    }
    fs::rename(&old, &new).unwrap();
    fs::write(&old, "a new file that has the old name").unwrap();
    fs::remove_file(&gone).unwrap();
    let mut files = Report::new(&state, BTreeMap::new(), Waiting::default(), SystemTime::UNIX_EPOCH).files;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let shown: Vec<_> = files.iter().map(|file| (file.path.clone(), file.offset, file.size, file.lag_bytes)).collect();
    assert_eq!(shown, [(new, 4, Some(8), 4), (gone, 1, None, 0)]);
}

#[test]
fn a_compressed_file_lags_by_what_of_its_content_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let content = "the same line again and again\n".repeat(1_000);
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let lag = |name: &str, bytes: &[u8], offset: usize| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let file_id = FileId::of(&fs::metadata(&path).unwrap());
        let (labels, marker, offset) = (logline::Labels::default(), Marker::default(), offset as u64);
        let report = file(&Position { path, file: file_id, labels, offset, marker }, SystemTime::UNIX_EPOCH);
        (report.size, report.lag_bytes)
    };
    let (all, half) = (content.len(), content.len() / 2);
    let (one, two) = (gzip(&content), [gzip(&content), gzip("end\n")].concat());
    assert_eq!(lag("read.gz", &one, all), (Some(all as u64), 0));
    assert_eq!(lag("half.gz", &one, half), (Some(all as u64), half as u64));
    assert_eq!(lag("members.gz", &two, all + 4).1, 0);
    assert_eq!(lag("plain.log", content.as_bytes(), half).1, half as u64);
}

#[test]
fn what_rules_dropped_and_masked_is_shown_whatever_they_are_called() {
    let mut state = State::new();
    state.totals.dropped = [("health checks".to_owned(), 7), ("a \"b\" \\\n".to_owned(), 2)].into();
    state.totals.masked = [("email".to_owned(), 3)].into();
    let report = Report::new(&state, BTreeMap::new(), Waiting::default(), SystemTime::UNIX_EPOCH);
    let table = report.table(Language::English);
    assert!(table.contains("count  dropped by rule\n") && table.contains("             7  health checks\n"), "{table}");
    let russian = report.table(Language::Russian);
    assert!(russian.contains("         число  отброшено правилом\n"), "{russian}");
    assert!(russian.starts_with("агент     ") && russian.contains("строк     0 (0 байт), обрезано: 0\n"), "{russian}");
    let metrics = report.metrics();
    for want in [
        "lapidary_agent_masked_total{rule=\"email\"} 3\n",
        "# TYPE lapidary_agent_dropped_total counter\n",
        "lapidary_agent_dropped_total{rule=\"health checks\"} 7\n",
        "lapidary_agent_dropped_total{rule=\"a \\\"b\\\" \\\\\\n\"} 2\n",
    ] {
        assert!(metrics.contains(want), "{want}{metrics}");
    }
}
