//! A damaged file of a table, read as queries read it.

use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use deltalake_core::logstore::LogStoreRef;
use logline::{Batch, Entry, Labels, Stream, Tenant, Timestamp};

use super::damage;
use crate::files::{self, NewFile};
use crate::head::{Part, Sealed};
use crate::index::{Blocks, Chunks, Damaged, Head, Need, blocks};
use crate::read::{FileRows, Footers, Plan, Step, Steps};
use crate::store::{FileWriter, Listed, ReadRanges, Store, StoredFile};
use crate::{Error, FileRef, Kind, Metrics, Predicate, TextMatch, TimeRange, logs};

/// Rows of the file: two blocks of the index.
const ROWS: i64 = 9_000;
const MIDNIGHT: i64 = 1_795_305_600_000_000_000;

/// A whole file, what it answers, and where the part begins in which no damage may go unnoticed: index and footer.
struct Whole {
    file: NewFile,
    bytes: Vec<u8>,
    answers: Vec<RecordBatch>,
    guarded: usize,
}

/// Reads a file that the script has changed: in its index and footer when the first byte is below 0x80, else anywhere.
///
/// Nothing panics, and what fails tells of damage. Of a file with damage in index and footer only, an answer is right.
pub fn file(input: &[u8]) {
    static WHOLE: LazyLock<Whole> = LazyLock::new(whole);
    let Some((choice, script)) = input.split_first() else { return };
    let mut bytes = WHOLE.bytes.clone();
    let is_guarded = *choice < 0x80;
    if is_guarded {
        let mut tail = bytes.split_off(WHOLE.guarded);
        let len = tail.len();
        damage(&mut tail, script);
        tail.resize(len, 0);
        bytes.extend(tail);
    } else {
        damage(&mut bytes, script);
    }
    let store: Arc<dyn Store> = Arc::new(Memory::of(bytes));
    let footers = Arc::new(Footers::new(1 << 20, 1 << 20, Metrics::default()));
    for (question, right) in questions().into_iter().zip(&WHOLE.answers) {
        match ask(&store, &footers, &WHOLE.file.file, question) {
            Ok(answer) => assert!(!is_guarded || answer == *right, "a wrong answer out of a damaged footer or index"),
            Err(error) => assert_eq!(error.kind(), Kind::Corrupt, "damage is taken for something else: {error}"),
        }
    }
}

/// Asks an index of which nothing is known but that its checksum is right: its head is the input but for the first two
/// bytes, which say how much of the end are words and the lists of their blocks.
pub fn index(input: &[u8]) {
    let [words, lists, rest @ ..] = input else { return };
    let at = |part: u8| rest.len().saturating_sub(usize::from(part));
    let (head, rest) = rest.split_at(at(words.saturating_add(*lists)));
    let (words, lists) = rest.split_at(rest.len().min(usize::from(*words)));
    ask_index(&[b"LAPIDX03", head].concat(), (words, lists));
}

fn ask_index(head: &[u8], (words, lists): (&[u8], &[u8])) {
    let head = [head, &crc32fast::hash(head).to_le_bytes()].concat();
    let Ok(head) = Head::decode(&head, 1 << 20) else { return };
    let chunks = Parts(Arc::new(words.to_vec()), Arc::new(lists.to_vec()));
    let mut within = Blocks::none(head.blocks);
    (0..head.blocks.min(1_000)).for_each(|block| within.insert(block));
    let needs = [
        Need::contains(b"order 1"),
        Need::equals("order"),
        Need::regex("(?i)or[a-f]er=[0-9]+"),
        Need::contains(b"0123456789abc"),
        Need::contains(b" id_1234"),
    ];
    for need in needs {
        if let Ok(found) = blocks(&head, &need, &chunks, &within) {
            assert!(found.count() <= within.count(), "blocks that nobody asked for");
        }
    }
}

/// The same text and lists for every chunk.
struct Parts(Arc<Vec<u8>>, Arc<Vec<u8>>);

impl Chunks for Parts {
    type Error = Damaged;

    fn texts(&self, chunks: Range<usize>) -> Result<Vec<Arc<Vec<u8>>>, Damaged> {
        Ok(chunks.map(|_| Arc::clone(&self.0)).collect())
    }

    fn postings(&self, _: usize) -> Result<Arc<Vec<u8>>, Damaged> {
        Ok(Arc::clone(&self.1))
    }

    fn grams(&self, _: usize) -> Result<Arc<Vec<u8>>, Damaged> {
        Ok(Arc::clone(&self.1))
    }
}

fn questions() -> [(TimeRange, Predicate); 5] {
    let line = |text| Predicate::Column { name: logs::LINE.to_owned(), text };
    let second = TimeRange { start: Timestamp(MIDNIGHT + 7_000_000_000), end: Timestamp(MIDNIGHT + 8_000_000_000) };
    let service = TextMatch::Equals("crm".to_owned());
    [
        (TimeRange::ALL, Predicate::True),
        (TimeRange::ALL, line(TextMatch::Contains("order 4242 ".to_owned()))),
        (TimeRange::ALL, line(TextMatch::Regex("order [0-9]*77 ".to_owned()))),
        (TimeRange::ALL, Predicate::Label { name: "service_name".to_owned(), text: service }),
        (second, Predicate::Metadata { name: "trace_id".to_owned(), text: TextMatch::Equals("trace7".to_owned()) }),
    ]
}

fn ask(
    store: &Arc<dyn Store>,
    footers: &Arc<Footers>,
    file: &FileRef,
    (range, predicate): (TimeRange, Predicate),
) -> Result<RecordBatch, Error> {
    let (spec, schema) = (logs::spec(), logs::schema());
    let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let plan = Arc::new(Plan::own(&spec, range, &predicate, &[], &columns)?);
    let mut rows = FileRows::new(plan, Arc::clone(store), Arc::clone(footers), [file.clone()]);
    let mut found = Vec::new();
    loop {
        match rows.step()? {
            Step::Rows(rows) => found.push(rows),
            Step::More => {}
            Step::Done => break,
        }
    }
    let schema = found.first().map_or(schema, RecordBatch::schema);
    concat_batches(&schema, &found).map_err(Error::internal)
}

fn whole() -> Whole {
    let store = Arc::new(Memory::default());
    let rows = logs::rows(&batch()).ok().and_then(Part::new).expect("a batch has rows");
    let parts = [(Tenant::default(), vec![Arc::new(rows)])].into();
    let sealed = Sealed { position: 1, parts: Arc::new(parts), marks: Arc::default() };
    let written = files::write(store.as_ref(), &logs::spec(), "local", &sealed);
    let file = written.ok().and_then(|mut files| files.pop()).expect("a file can be written to memory");
    let bytes = store.bytes();
    let guarded = bytes.windows(8).position(|window| window == b"LAPIDX03").expect("the file has an index");
    let footers = Arc::new(Footers::new(1 << 20, 1 << 20, Metrics::default()));
    let store: Arc<dyn Store> = store;
    let answers = questions().map(|question| {
        let answer = ask(&store, &footers, &file.file, question).expect("a whole file is read");
        assert!(0 < answer.num_rows(), "a question without an answer tells nothing");
        answer
    });
    Whole { file, bytes, answers: answers.into(), guarded }
}

fn batch() -> Batch {
    let stream = |(number, service): (i64, &str)| {
        let entry = |at: i64| Entry {
            timestamp: Timestamp(MIDNIGHT + (at * 3 + number) * 1_000_000),
            line: format!("order {} is kept {}", at * 3 + number, at % 7),
            metadata: vec![
                ("flavour".to_owned(), format!("f{}", at % 5)),
                ("trace_id".to_owned(), format!("trace{}", at % 11)),
            ],
        };
        let labels = Labels::new([("service_name".to_owned(), service.to_owned())]).unwrap_or_default();
        Stream { labels, entries: (0..ROWS / 3).map(entry).collect() }
    };
    let streams = (0..).zip(["crm", "mes", "shop"]).map(stream).collect();
    Batch { tenant: Tenant::default(), streams, id: None, received: Timestamp(MIDNIGHT) }
}

/// A store with one file.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Store for Memory {
    fn open(&self, path: &str, bytes: u64) -> Result<StoredFile, Error> {
        Ok(StoredFile::new(path.into(), bytes, Arc::new(InMemory(self.bytes().into(), path.into()))))
    }

    fn create(&self, _: &str) -> Result<Box<dyn FileWriter>, Error> {
        Ok(Box::new(self.clone()))
    }

    fn create_new(&self, _: &str, _: &[u8]) -> Result<bool, Error> {
        Ok(false)
    }

    fn delete(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn list(&self, _: &str) -> Result<Vec<Listed>, Error> {
        Ok(Vec::new())
    }

    fn sync(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn location(&self, path: &str) -> PathBuf {
        path.into()
    }

    fn answers_late(&self) -> bool {
        false
    }

    fn log_store(&self) -> Result<LogStoreRef, Error> {
        Err(Error::internal("one file is no table"))
    }
}

impl Write for Memory {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl FileWriter for Memory {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        Ok(self.bytes().len() as u64)
    }
}

/// The bytes of a file, and its path.
#[derive(Debug)]
struct InMemory(Bytes, PathBuf);

impl ReadRanges for InMemory {
    fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let read = |range: &Range<u64>| match self.0.get(at(range.start)..at(range.end)) {
            Some(bytes) => Ok(self.0.slice_ref(bytes)),
            None => Err(Error::corrupt(&self.1, format!("it ends before byte {}", range.end))),
        };
        ranges.iter().map(read).collect()
    }
}
