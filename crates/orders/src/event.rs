//! One event of an object, as it is taken from a line and as it stands in a row of `order_events`.

use logline::{Kind, Level, Record, Timestamp};

use crate::EventKind;

/// Longest id of an object, trace or request that is kept; what is longer names nothing a person could ask for.
const ID_BYTES: usize = 128;
/// Longest name of an object type, status, service, direction or peer that is kept.
const NAME_BYTES: usize = 64;
/// Bytes of an endpoint or an error that are kept.
const TEXT_BYTES: usize = 160;
/// What a `rating` (or `csat`) of a line may be.
const RATINGS: std::ops::RangeInclusive<u8> = 1..=5;
/// Related objects that are kept of one line.
const RELATED: usize = 8;

/// An event; borrows from a line or from a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event<'a> {
    /// Hash of (stream, timestamp, line, n): the same line always gives the same event. It tells events of one place in
    /// one stream apart.
    pub(crate) id: u64,
    pub(crate) time: Timestamp,
    pub(crate) object: &'a str,
    pub(crate) object_id: &'a str,
    pub(crate) kind: EventKind,
    pub(crate) from: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
    pub(crate) service: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) dir: Option<&'a str>,
    pub(crate) peer: Option<&'a str>,
    pub(crate) trace_id: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) http_status: Option<u16>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) error: Option<&'a str>,
    pub(crate) duration_ms: Option<f64>,
    pub(crate) attempt: Option<u32>,
    /// Canonical labels of the line's stream: with `line_time` it finds the line again.
    pub(crate) stream: &'a str,
    pub(crate) line_time: Timestamp,
    /// Other objects of the line, `model/77 customer/5`.
    pub(crate) related: Option<&'a str>,
    /// What the customer thought of it, 1 to 5.
    pub(crate) rating: Option<u8>,
}

/// How the thing the line tells of ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response without fault.
    Done,
    /// The other side did not want it: 4xx.
    Rejected,
    /// It broke: 5xx, an `error`, or level error.
    Failed,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "ok",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Done, Self::Rejected, Self::Failed].into_iter().find(|outcome| outcome.as_str() == text)
    }

    fn of(record: &Record<'_>) -> Option<Self> {
        if record.error().is_some() || Level::Error <= record.level() {
            return Some(Self::Failed);
        }
        match record.http_status() {
            Some(500..) => Some(Self::Failed),
            Some(400..) => Some(Self::Rejected),
            Some(_) => Some(Self::Done),
            None => None,
        }
    }
}

impl EventKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Req => "REQ",
            Self::Status => "STATUS",
            Self::Log => "LOG",
            Self::Resp => "RESP",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Req, Self::Status, Self::Log, Self::Resp].into_iter().find(|kind| kind.as_str() == text)
    }

    const fn of(kind: Option<Kind>) -> Self {
        match kind {
            Some(Kind::Req) => Self::Req,
            Some(Kind::Resp) => Self::Resp,
            Some(Kind::Status) => Self::Status,
            None => Self::Log,
        }
    }
}

impl<'a> Event<'a> {
    /// The event a line tells of; none if it names no object. Its `id` is still to be set, and `related` is handed in
    /// because it has to be put together.
    pub(crate) fn of(record: &'a Record<'_>, source: Source<'a>, related: &'a str) -> Option<Self> {
        let subject = record.subject()?;
        let fits = |text: &&str| !text.is_empty() && text.len() <= NAME_BYTES;
        if ID_BYTES < subject.id.len() || NAME_BYTES < subject.object.len() {
            return None;
        }
        Some(Self {
            id: 0,
            time: record.event_time(source.time),
            object: subject.object,
            object_id: subject.id,
            kind: EventKind::of(record.kind()),
            from: record.from().filter(fits),
            status: record.status().filter(fits),
            service: shortened(source.service, NAME_BYTES),
            endpoint: shortened(record.endpoint(), TEXT_BYTES),
            dir: record.dir().map(logline::Direction::as_str),
            peer: record.peer().filter(fits),
            trace_id: record.trace_id().filter(is_id),
            request_id: record.request_id().filter(is_id),
            http_status: record.http_status(),
            outcome: Outcome::of(record),
            error: reason(record).map(|text| shortened(text, TEXT_BYTES)),
            duration_ms: record.duration_ms(),
            attempt: record.attempt(),
            stream: source.stream,
            line_time: source.time,
            related: (!related.is_empty()).then_some(related),
            rating: ["rating", "csat"]
                .into_iter()
                .find_map(|key| record.get(key)?.parse().ok())
                .filter(|rating| RATINGS.contains(rating)),
        })
    }

    /// Whether something went wrong.
    pub(crate) const fn failed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Rejected | Outcome::Failed))
    }
}

/// Why it went wrong: the `error` of the line; of a bad line that is no call, its message.
fn reason<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    let bad = record.kind().is_none() && Level::Error <= record.level();
    record.error().or_else(|| record.message().filter(|_| bad))
}

/// Where a line comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) stream: &'a str,
    pub(crate) service: &'a str,
    /// The entry's timestamp.
    pub(crate) time: Timestamp,
}

/// Writes the objects a line names beside its subject into `out`.
pub(crate) fn related(record: &Record<'_>, out: &mut String) {
    out.clear();
    let subject = record.subject();
    let others = record.entities().filter(|entity| Some(*entity) != subject);
    for entity in others.filter(|entity| is_id(&entity.id) && entity.object.len() <= NAME_BYTES).take(RELATED) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(entity.object);
        out.push('/');
        out.push_str(entity.id);
    }
}

fn is_id(text: &&str) -> bool {
    // Most are plain letters and digits, which is found out many at a time.
    let is_plain = || text.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic());
    !text.is_empty() && text.len() <= ID_BYTES && (is_plain() || !text.contains(char::is_whitespace))
}

/// The first line of a text, cut at a character border.
fn shortened(text: &str, bytes: usize) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.get(..line.floor_char_boundary(bytes)).unwrap_or(line)
}

/// Names the lines of one stream by what they are; what it hashes is put together in one place, which is several times
/// faster than to hash it in parts.
#[derive(Debug)]
pub(crate) struct LineHash {
    text: Vec<u8>,
    stream: usize,
}

impl LineHash {
    pub(crate) fn new(stream: &str) -> Self {
        let mut text = stream.len().to_le_bytes().to_vec();
        text.extend_from_slice(stream.as_bytes());
        Self { stream: text.len(), text }
    }

    /// The id of the first event of such a line in its batch.
    pub(crate) fn of(&mut self, time: Timestamp, line: &str) -> u64 {
        self.text.truncate(self.stream);
        self.text.extend_from_slice(&time.0.to_le_bytes());
        self.text.extend_from_slice(line.as_bytes());
        id(&self.text)
    }
}

/// The id of the event of the `n`-th line that is equal to others of its stream in text and time; 0 is the first.
pub(crate) fn nth(first: u64, n: u64) -> u64 {
    if n == 0 {
        return first;
    }
    let [first, n] = [first, n].map(u64::to_le_bytes);
    id(&[first, n].concat())
}

/// The upper half of what ids were when they had 128 bits: the digits of the one begin with those of the other.
fn id(text: &[u8]) -> u64 {
    let hash = *blake3::hash(text).as_bytes();
    hash.as_chunks::<8>().0.get(1).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
