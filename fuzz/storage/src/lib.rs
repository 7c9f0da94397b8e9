//! Hostile input for the storage engine, whose dependencies are too heavy for the package `fuzz`.

use std::sync::LazyLock;

use fuzz::Target;
use tempfile::TempDir;

/// Everything that storage reads back from a disk or a bucket.
pub const TARGETS: &[Target] = &[
    Target { name: "wal", run: wal, words: &["LAPWAL01"] },
    Target {
        name: "record",
        run: storage::fuzzing::record,
        words: &["(\u{b5}/\u{fd}", "\n\u{4}fake", "\0\n\u{4}fake"],
    },
    Target { name: "file", run: storage::fuzzing::file, words: &["PAR1", "lapidary.index", "\u{18}"] },
    Target { name: "index", run: storage::fuzzing::index, words: &["\n", "\norder\n", "\u{7f}", "\0\0\0\0"] },
    Target { name: "commit", run: storage::fuzzing::commit, words: COMMIT },
];

const COMMIT: &[&str] = &[
    "\n",
    "null",
    "{\"add\":{\"path\":\"",
    "{\"remove\":{\"path\":\"",
    "{\"txn\":{\"appId\":\"lapidary-wal/local\",\"version\":",
    "\"partitionValues\":{\"tenant\":\"fake\",\"day\":\"2026-11-22\"}",
    "\"stats\":\"{\\\"numRecords\\\":1}\"",
    "-9223372036854775808",
    "99999999999999999999",
    "9999-12-31T23:59:59.999Z",
    "%2",
];

fn wal(input: &[u8]) {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("there is a place for files"));
    storage::fuzzing::wal(FOLDER.path(), input);
}
