//! A write-ahead log that was damaged gives a prefix of what was written, or says where the damage is.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use logline::{Batch, BatchId, Entry, Labels, Stream, Tenant, Timestamp};

use super::damage;
use crate::wal::{LocalWal, Replay, Wal as _, check, decode, encode};
use crate::{Error, paths};

/// Segments of a whole log by their names, and the payloads of its records.
struct Whole {
    segments: Vec<(String, Vec<u8>)>,
    payloads: Vec<Vec<u8>>,
}

/// Opens a log below `folder`, which is emptied. Of a log that was written in two runs, the first byte chooses the
/// segment, and the rest says how it is changed; from 0x80 on the rest is all there is of a log.
///
/// Records come back as they were written, from the first on and without a gap; what proves that one is missing is an
/// error, which `check` finds too. A log that opens goes on behind what it gave.
pub fn wal(folder: &Path, input: &[u8]) {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    let whole = WHOLE.get_or_init(|| whole(&folder.join("whole")));
    let Some((choice, rest)) = input.split_first() else { return };
    let log = folder.join("log");
    drop(fs::remove_dir_all(&log));
    fs::create_dir_all(&log).expect("the folder can be written to");
    let write = |name: &str, bytes: &[u8]| fs::write(log.join(name), bytes).expect("a segment can be written");
    let is_foreign = 0x80 <= *choice;
    if is_foreign {
        write(&paths::segment(1), rest);
    } else {
        for (index, (name, bytes)) in whole.segments.iter().enumerate() {
            let mut bytes = bytes.clone();
            if index == usize::from(*choice) % whole.segments.len() {
                damage(&mut bytes, rest);
            }
            write(name, &bytes);
        }
    }
    let checked = check(&log, 0).expect("the folder can be read");
    let opened = open(&log);
    let found = checked.damages.iter().all(|(_, _, reason)| reason.starts_with("record") && reason.contains(": "));
    assert_eq!(opened.is_ok(), found, "{:?}, but {:?}", opened.as_ref().map(|_| ()), checked.damages);
    let Ok((mut wal, records)) = opened else { return };
    let expected = |position: u64| whole.payloads.get(usize::try_from(position - 1).unwrap_or(usize::MAX));
    for (position, (found, payload)) in (1..).zip(&records) {
        assert_eq!(*found, position, "records are not counted through");
        assert!(is_foreign || expected(position) == Some(payload), "record {position} is another one");
    }
    let next = wal.append(&[b"more".to_vec()], false).expect("a log that opens goes on");
    assert!((records.len() as u64) < next, "a position is given out twice");
    drop(wal);
    let (_, again) = open(&log).expect("a log that went on opens");
    assert_eq!(again.len(), records.len() + 1, "reading has changed what is there");
    assert_eq!(again.last(), Some(&(next, b"more".to_vec())), "what was appended is not there");
}

/// Reads the payload of a record; a batch that it holds is written and read as the same.
pub fn record(bytes: &[u8]) {
    if let Ok(batch) = decode(bytes) {
        let again = encode(&batch).map_err(|error| error.to_string()).and_then(|bytes| decode(&bytes));
        assert_eq!(again, Ok(batch), "written and read it is another batch");
    }
}

type Opened = (LocalWal, Vec<(u64, Vec<u8>)>);

fn open(folder: &Path) -> Result<Opened, Error> {
    let mut replay = Replay::open(folder, 0, 0)?;
    let mut records = Vec::new();
    while let Some(record) = replay.next()? {
        records.push(record);
    }
    Ok((replay.finish().0, records))
}

/// Two segments of some records each, in groups of one to three.
fn whole(folder: &Path) -> Whole {
    drop(fs::remove_dir_all(folder));
    let payloads: Vec<Vec<u8>> =
        (0..14).map(|number| encode(&batch(number)).expect("a batch can be written")).collect();
    for half in payloads.chunks(8) {
        let (mut wal, _) = open(folder).expect("a new log opens");
        for group in half.chunks(3) {
            wal.append(group, true).expect("a log can be written to");
        }
    }
    let mut segments: Vec<_> = fs::read_dir(folder)
        .expect("the folder can be read")
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, fs::read(entry.path()).ok()?)))
        .collect();
    segments.sort();
    assert_eq!(segments.len(), 2, "the log has as many segments as runs");
    Whole { segments, payloads }
}

fn batch(number: u64) -> Batch {
    let entry = |at: u64| Entry {
        timestamp: Timestamp((number * 10 + at).cast_signed()),
        line: format!("line {at} of batch {number}"),
        metadata: vec![("order_id".to_owned(), at.to_string())],
    };
    let labels = Labels::new([("service_name".to_owned(), format!("service {}", number % 3))]);
    Batch {
        tenant: Tenant::default(),
        streams: vec![Stream { labels: labels.unwrap_or_default(), entries: (0..1 + number % 4).map(entry).collect() }],
        id: number.is_multiple_of(2).then_some(BatchId { agent: 7, sequence: number }),
        received: Timestamp(number.cast_signed()),
    }
}
