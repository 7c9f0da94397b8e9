//! systemd's journal export format, as `journalctl -o export` writes it and systemd-journal-upload sends it.

use logline::{Entry, Timestamp};

use crate::fields::Fields;

/// An entry of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The message, with the fields that tell where it comes from as metadata: `level`, `unit`, `app`, `pid`, `host`,
    /// `transport`, and those that the program itself added, in lower case.
    pub entry: Entry,
    /// What the journal goes on behind.
    pub cursor: Option<String>,
}

/// Collects bytes and hands out entries. Holds one entry of at most `max` bytes for each field, and what was pushed last.
#[derive(Clone, Debug)]
pub struct Parser {
    buffer: Vec<u8>,
    taken: usize,
    fields: Vec<(String, Vec<u8>)>,
    /// Bytes of a field that are dropped, since it is too long.
    skip: u64,
    max: usize,
}

/// Fields of an entry that are kept.
const MAX_FIELDS: usize = 128;
/// Bytes that a field's name can have.
const MAX_NAME: usize = 256;
/// By priority, 0 to 7, in Loki's words.
const LEVELS: [&str; 8] = ["fatal", "critical", "critical", "error", "warn", "info", "info", "debug"];
/// The journal's own fields that become metadata.
const TRUSTED: [(&str, &str); 7] = [
    ("_SYSTEMD_UNIT", "unit"),
    ("_SYSTEMD_USER_UNIT", "user_unit"),
    ("SYSLOG_IDENTIFIER", "app"),
    ("_PID", "pid"),
    ("_HOSTNAME", "host"),
    ("_TRANSPORT", "transport"),
    ("CONTAINER_NAME", "container"),
];

enum Step {
    /// More bytes are needed.
    Wait,
    Go,
    End,
}

impl Parser {
    /// Keeps at most `max` bytes of a field.
    pub fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, fields: Vec::new(), skip: 0, max }
    }

    /// Takes what came. Call [`Self::next`] until it has nothing, before more is pushed.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole entry; one without a message is left out. `now` is the time of an entry without one.
    pub fn next(&mut self, now: Timestamp) -> Option<Record> {
        loop {
            match self.step() {
                Step::Wait => return None,
                Step::Go => {}
                Step::End => {
                    if let Some(record) = record(&std::mem::take(&mut self.fields), now) {
                        return Some(record);
                    }
                }
            }
        }
    }

    fn step(&mut self) -> Step {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        if self.skip > 0 {
            let gone = usize::try_from(self.skip).unwrap_or(usize::MAX).min(rest.len());
            self.taken += gone;
            self.skip -= gone as u64;
            return if self.skip > 0 { Step::Wait } else { Step::Go };
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            // A text field without an end that is far too long: its beginning is kept.
            return if rest.len() > self.max + MAX_NAME { self.long_line() } else { Step::Wait };
        };
        let line = rest.get(..end).unwrap_or_default();
        if line.is_empty() {
            self.taken += 1;
            return Step::End;
        }
        if let Some(at) = memchr::memchr(b'=', line) {
            let (name, value) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
            let (name, value) = (name.to_vec(), value.get(..self.max).unwrap_or(value).to_vec());
            self.keep(&name, value);
            self.taken += end + 1;
            return Step::Go;
        }
        self.binary(end)
    }

    /// `NAME\n`, the length in eight bytes, the value, `\n`.
    fn binary(&mut self, end: usize) -> Step {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some(length) = rest.get(end + 1..end + 9) else { return Step::Wait };
        let length = length.iter().rev().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        let kept = usize::try_from(length).unwrap_or(usize::MAX).min(self.max);
        let from = end + 9;
        let Some(value) = rest.get(from..from + kept) else { return Step::Wait };
        let (name, value) = (rest.get(..end).unwrap_or_default().to_vec(), value.to_vec());
        self.keep(&name, value);
        self.taken += from + kept;
        self.skip = (length - kept as u64).saturating_add(1);
        Step::Go
    }

    fn long_line(&mut self) -> Step {
        let rest = self.buffer.split_off(self.taken);
        self.buffer.clear();
        self.taken = 0;
        // The head stays, so that the field goes on being one; what lies between is dropped.
        self.buffer.extend_from_slice(rest.get(..self.max).unwrap_or(&rest));
        Step::Wait
    }

    fn keep(&mut self, name: &[u8], value: Vec<u8>) {
        let known = name == b"MESSAGE" || name == b"__CURSOR";
        if (self.fields.len() < MAX_FIELDS || known) && name.len() <= MAX_NAME {
            self.fields.push((String::from_utf8_lossy(name).into_owned(), value));
        }
    }
}

fn record(fields: &[(String, Vec<u8>)], now: Timestamp) -> Option<Record> {
    let get = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
    let text = |wanted: &str| get(wanted).map(String::from_utf8_lossy);
    let line = text("MESSAGE")?.into_owned();
    let micros = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok()).and_then(|at| at.checked_mul(1_000));
    let time = micros("_SOURCE_REALTIME_TIMESTAMP").or_else(|| micros("__REALTIME_TIMESTAMP"));
    let mut metadata = Fields::default();
    for (name, value) in fields.iter().filter(|(name, _)| is_own(name)) {
        metadata.set(&name.to_ascii_lowercase(), &String::from_utf8_lossy(value));
    }
    for (from, to) in TRUSTED {
        metadata.set(to, &text(from).unwrap_or_default());
    }
    let priority = text("PRIORITY").and_then(|text| text.parse::<usize>().ok());
    metadata.set("level", priority.and_then(|priority| LEVELS.get(priority)).copied().unwrap_or_default());
    let entry = Entry { timestamp: time.map_or(now, Timestamp), line, metadata: metadata.finish() };
    Some(Record { entry, cursor: text("__CURSOR").map(std::borrow::Cow::into_owned) })
}

/// Whether the program added the field itself.
fn is_own(name: &str) -> bool {
    let known = ["MESSAGE", "PRIORITY", "MESSAGE_ID"].contains(&name);
    !known && !name.starts_with(['_', '.']) && !name.starts_with("SYSLOG_") && !name.starts_with("CODE_")
}

#[cfg(test)]
mod tests;
