//! One record of the trail: an event, its place in the chain of a node, and the hash over both.

use logline::Timestamp;
use serde::{Deserialize, Serialize};

use super::Outcome;

/// Stands before what is hashed, so that no other hash can be taken for one of these.
const DOMAIN: &str = "lapidary audit record 1";

/// What was done, as it is kept. Every field is under the hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The node that wrote it.
    pub node: String,
    /// Its number in the chain of that node, from 1.
    pub sequence: u64,
    /// When; never earlier than the record before. Nanoseconds since 1970.
    pub time: Timestamp,
    /// Who.
    pub principal: String,
    /// Whose data.
    pub tenant: String,
    /// What.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The reason, route or query, without personal data.
    pub detail: String,
    /// From where; empty if that is not known.
    pub address: String,
    /// What it cost, if it was a query.
    pub cost: Option<Cost>,
    /// How often.
    pub count: u64,
    /// Hash of the record before, in hexadecimal; zeros for the first.
    pub previous: String,
    /// Hash of this one.
    pub hash: String,
}

/// What a query cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Rows that were looked at.
    pub rows: u64,
    /// Bytes of lines that were decoded.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

impl Record {
    /// The hash that the record must have: over the previous one and everything else in it.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        let texts = [DOMAIN, &self.previous, &self.node, &self.principal, &self.tenant, &self.action];
        texts.iter().for_each(|text| add(text.as_bytes()));
        [self.outcome.name(), &self.detail, &self.address].iter().for_each(|text| add(text.as_bytes()));
        add(&self.time.0.to_le_bytes());
        add(&self.sequence.to_le_bytes());
        add(&self.count.to_le_bytes());
        if let Some(Cost { rows, bytes, millis }) = self.cost {
            [rows, bytes, millis].iter().for_each(|number| add(&number.to_le_bytes()));
        }
        hasher.finalize().to_hex().to_string()
    }
}
