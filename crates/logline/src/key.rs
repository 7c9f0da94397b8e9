//! The reserved keys: those whose meaning the platform knows.

/// A key with a meaning of its own; every other key is carried as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Key {
    OrderId,
    TraceId,
    SpanId,
    RequestId,
    Status,
    From,
    To,
    HttpStatus,
    DurationMs,
    Dir,
    Peer,
    Attempt,
    Error,
    Level,
    Path,
    Headers,
    Body,
    Msg,
}

impl Key {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::Msg as usize + 1;

    /// The reserved key of this name. Grouped by length, so that most names are told apart by one comparison.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let among = |keys: &[(&str, Self)]| keys.iter().find(|(key, _)| *key == name).map(|(_, key)| *key);
        match name.len() {
            2 => among(&[("to", Self::To)]),
            3 => among(&[("dir", Self::Dir), ("msg", Self::Msg)]),
            4 => among(&[("from", Self::From), ("peer", Self::Peer), ("path", Self::Path), ("body", Self::Body)]),
            5 => among(&[("error", Self::Error), ("level", Self::Level)]),
            6 => among(&[("status", Self::Status)]),
            7 => among(&[("span_id", Self::SpanId), ("attempt", Self::Attempt), ("headers", Self::Headers)]),
            8 => among(&[("order_id", Self::OrderId), ("trace_id", Self::TraceId)]),
            10 => among(&[("request_id", Self::RequestId)]),
            11 => among(&[("http_status", Self::HttpStatus), ("duration_ms", Self::DurationMs)]),
            _ => None,
        }
    }
}
