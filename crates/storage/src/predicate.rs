//! What a scan may be asked to keep: a serialisable condition over a table's columns and a stream's labels.

use logline::Timestamp;
use serde::{Deserialize, Serialize};

/// A condition on a row. It travels to other nodes inside a [`crate::Scan`], so it is data, not code.
///
/// Text conditions look at UTF-8 columns (plain or dictionary). A null or missing value counts as the empty text, as
/// a missing label does in LogQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// Keeps every row.
    True,
    /// Keeps no row.
    False,
    /// Keeps what all of them keep; every row when empty.
    And(Vec<Self>),
    /// Keeps what any of them keeps; no row when empty.
    Or(Vec<Self>),
    /// Keeps what the other drops.
    Not(Box<Self>),
    /// Looks at one label of the row's stream.
    Label {
        /// Name of the label.
        name: String,
        /// What its value must be.
        text: TextMatch,
    },
    /// Looks at the row's structured metadata, by one of [`crate::logs::KEYS`]. A row whose stream has a label of
    /// that name is kept: there the label counts.
    Metadata {
        /// The key.
        name: String,
        /// What its value must be.
        text: TextMatch,
    },
    /// Looks at the row's time.
    Within(TimeRange),
    /// Looks at a text column.
    Column {
        /// Name of the column.
        name: String,
        /// What its value must be.
        text: TextMatch,
    },
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextMatch {
    /// The text is exactly this.
    Equals(String),
    /// The text is one of these.
    OneOf(Vec<String>),
    /// The text has this in it, byte for byte.
    Contains(String),
    /// The regular expression (syntax of the `regex` crate) finds a match; anchor it yourself.
    Regex(String),
}

/// A stretch of time: `start` belongs to it, `end` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl TimeRange {
    /// All of time (but its very last nanosecond).
    pub const ALL: Self = Self { start: Timestamp::MIN, end: Timestamp::MAX };

    /// Whether an instant lies in it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether it shares an instant with `first..=last`.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        first < self.end && self.start <= last
    }
}

impl Predicate {
    /// Both conditions; drops what is trivially true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, other) | (other, Self::True) => other,
            (Self::And(mut all), Self::And(others)) => {
                all.extend(others);
                Self::And(all)
            }
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (first, second) => Self::And(vec![first, second]),
        }
    }
}
