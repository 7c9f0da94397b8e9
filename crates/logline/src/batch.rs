//! What travels from a shipper to storage: entries of streams, for one tenant.

use std::fmt;

use crate::{Labels, Timestamp};

/// Lines of one push, grouped by stream, for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose lines these are.
    pub tenant: Tenant,
    /// Streams in the order they came; the same labels do not stand twice.
    pub streams: Vec<Stream>,
    /// Which batch of which agent this is, when the sender numbers them.
    pub id: Option<BatchId>,
    /// When the server received it; zero until then.
    pub received: Timestamp,
}

/// Entries that share their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The labels that identify the stream.
    pub labels: Labels,
    /// Its entries, in any order of time.
    pub entries: Vec<Entry>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The shipper's time.
    pub timestamp: Timestamp,
    /// The text as it came.
    pub line: String,
    /// Structured metadata: sorted by name, names unique.
    pub metadata: Vec<(String, String)>,
}

/// Numbers a batch of an agent, so that a repeat is recognised (`X-Lapidary-Batch: <uuid>/<sequence>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchId {
    /// The agent's id, a UUID.
    pub agent: u128,
    /// Counts up by one for each batch of that agent.
    pub sequence: u64,
}

impl Batch {
    /// How many lines there are.
    pub fn lines(&self) -> usize {
        self.streams.iter().map(|stream| stream.entries.len()).sum()
    }

    /// Bytes of text: lines and metadata.
    pub fn bytes(&self) -> usize {
        self.streams.iter().flat_map(|stream| &stream.entries).map(Entry::bytes).sum()
    }
}

impl Entry {
    /// Bytes of text: the line and its metadata.
    pub fn bytes(&self) -> usize {
        self.line.len() + self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
    }
}

/// Whose data it is; chosen by `X-Scope-OrgID` or by the caller's token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Tenant(String);

/// Why a tenant's name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTenant {
    /// Longer than 150 bytes.
    #[error("tenant ID is too long: max 150 characters")]
    TooLong,
    /// Empty, `.` or `..`.
    #[error("tenant ID is '.', '..' or empty")]
    Unsafe,
    /// A character that is not allowed.
    #[error("tenant ID '{0}' contains unsupported character '{1}'")]
    Character(String, char),
}

impl Tenant {
    /// Loki's rule: letters, digits and `!-_.*'()`, at most 150 bytes, neither `.` nor `..`.
    pub fn new(name: &str) -> Result<Self, InvalidTenant> {
        if matches!(name, "" | "." | "..") {
            return Err(InvalidTenant::Unsafe);
        }
        if name.len() > 150 {
            return Err(InvalidTenant::TooLong);
        }
        match name.chars().find(|c| !(c.is_ascii_alphanumeric() || "!-_.*'()".contains(*c))) {
            Some(c) => Err(InvalidTenant::Character(name.to_owned(), c)),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// Loki's tenant when nobody names one.
    fn default() -> Self {
        Self("fake".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Tenant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::new(&name).map_err(serde::de::Error::custom)
    }
}
