//! The chain of one node's records: each holds the hash of the one before.

use logline::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AuditEvent, Record};

/// What stands in the first record in place of a hash.
pub(super) const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What a node does when it goes on behind a part of the trail that it cannot read. The record of it stands in the chain,
/// so that nobody takes the break away unseen.
pub const BREAK: &str = "break";
/// Stands in place of a node's name where records were taken away by age, of whatever node.
const EVERY_NODE: &str = "";
const HOUR: i64 = 3_600_000_000_000;

/// The newest record of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number.
    pub sequence: u64,
    /// Its time.
    pub time: Timestamp,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

/// A link that is written down in another place, where whoever changes the trail does not reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Whose chain.
    pub node: String,
    /// The link.
    pub link: Link,
}

impl Anchor {
    /// Says that records older than this may have been taken away, to the full hour: what is kept longer from now on cannot
    /// bring them back.
    pub fn of_removal(before: Timestamp) -> Self {
        let hour = before.0.div_euclid(HOUR) + 1;
        let link = Link { sequence: hour.unsigned_abs(), time: Timestamp(hour * HOUR), hash: String::new() };
        Self { node: EVERY_NODE.to_owned(), link }
    }

    /// Whether it is about records that were taken away: those that are older than its time.
    pub fn is_removal(&self) -> bool {
        self.node == EVERY_NODE
    }
}

/// Makes records of events.
#[derive(Clone, Debug)]
pub struct Chain {
    node: String,
    last: Link,
}

impl Chain {
    /// Goes on behind `last`; begins without one.
    pub fn new(node: impl Into<String>, last: Option<Link>) -> Self {
        let nothing = || Link { sequence: 0, time: Timestamp::MIN, hash: NOTHING.to_owned() };
        Self { node: node.into(), last: last.unwrap_or_else(nothing) }
    }

    /// The next record. A clock that was set back does not put it before the last one.
    pub fn seal(&mut self, event: AuditEvent, now: Timestamp) -> Record {
        let mut record = Record {
            node: self.node.clone(),
            sequence: self.last.sequence + 1,
            time: now.max(self.last.time),
            principal: event.principal,
            tenant: event.tenant.as_str().to_owned(),
            action: event.action.to_owned(),
            outcome: event.outcome,
            detail: event.detail,
            address: event.address.map(|address| address.to_string()).unwrap_or_default(),
            cost: event.cost,
            count: event.count,
            previous: self.last.hash.clone(),
            hash: String::new(),
        };
        record.hash = record.digest();
        self.last = Link::of(&record);
        record
    }

    /// The end of the chain; none while there is no record.
    pub fn anchor(&self) -> Option<Anchor> {
        (self.last.sequence > 0).then(|| Anchor { node: self.node.clone(), link: self.last.clone() })
    }
}

impl Link {
    /// The place of a record.
    pub fn of(record: &Record) -> Self {
        Self { sequence: record.sequence, time: record.time, hash: record.hash.clone() }
    }
}
