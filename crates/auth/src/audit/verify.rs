//! Whether the trail is as it was written: no record changed, none missing, none put in.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use logline::Timestamp;
use serde::{Deserialize, Serialize};
use stdx::Language;

use super::chain::NOTHING;
use super::{Anchor, BREAK, Link, Record};

/// The first record of a chain is anchored at once: one that is older than this, or as much ahead, without any anchor was
/// not written here.
const UNANCHORED: Duration = Duration::from_secs(120);

/// Looks at records, those of one node in their order, and remembers where each chain is.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    /// By node.
    anchors: BTreeMap<String, BTreeMap<u64, Link>>,
    chains: BTreeMap<String, Verified>,
    starts: BTreeMap<String, Start>,
    /// In the order of their time.
    unreadable: Vec<Unreadable>,
    /// Older records were taken away, as far as is written down elsewhere.
    removed_before: Option<Timestamp>,
}

/// The oldest record of a chain that is kept.
#[derive(Clone, Debug)]
struct Start {
    time: Timestamp,
    previous: String,
    /// Whether something before it could not be read.
    is_behind_unreadable: bool,
}

/// A part of the trail that cannot be read, so that nobody knows whether its records are as they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// What is wrong, with the name of the file.
    pub reason: String,
    /// The records around it, by node.
    pub around: BTreeMap<String, Around>,
}

/// Records of one node before and behind a part that cannot be read, as far as there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// Number of the last one before.
    pub after: Option<u64>,
    /// Number of the first one behind.
    pub before: Option<u64>,
}

/// What holds of one node's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Number of the oldest record that is kept.
    pub first: u64,
    /// The newest.
    pub last: Link,
    /// How many records.
    pub records: u64,
    /// How many of them are written down elsewhere as well.
    pub anchored: u64,
    /// How often the node went on behind a part that it could not read.
    #[serde(default)]
    pub breaks: u64,
}

/// The first record that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Whose chain.
    pub node: String,
    /// The record's number.
    pub sequence: u64,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// It does not have its hash.
    Changed,
    /// It does not follow the one before.
    Unlinked,
    /// It is not there, but records behind it are.
    Missing,
    /// It is not the one that is written down elsewhere.
    Replaced,
    /// No record of its chain is written down elsewhere.
    Unanchored,
}

impl Verifier {
    /// Compares with these anchors as well.
    pub fn new(anchors: impl IntoIterator<Item = Anchor>) -> Self {
        let mut verifier = Self::default();
        for anchor in anchors {
            if anchor.is_removal() {
                verifier.removed_before = verifier.removed_before.max(Some(anchor.link.time));
            } else {
                let Anchor { node, link } = anchor;
                verifier.anchors.entry(node).or_default().insert(link.sequence, link);
            }
        }
        verifier
    }

    /// Comes in place of records that cannot be read, of whatever node.
    pub fn skip(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        let is_open = |part: &Unreadable| part.around.values().all(|around| around.before.is_none());
        if self.unreadable.last().is_some_and(|part| part.reason == reason && is_open(part)) {
            return;
        }
        let after = |chain: &Verified| Around { after: Some(chain.last.sequence), before: None };
        let around = self.chains.iter().map(|(node, chain)| (node.clone(), after(chain))).collect();
        self.unreadable.push(Unreadable { reason, around });
    }

    /// What came in place of records, with the records around.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// Whether a part that cannot be read comes behind all that is known of the node.
    fn is_behind_unreadable(&self, node: &str) -> bool {
        let around = self.unreadable.last().map(|part| part.around.get(node));
        around.is_some_and(|around| around.is_none_or(|around| around.before.is_none()))
    }

    /// Notes the first record behind what cannot be read.
    fn note(&mut self, node: &str, sequence: u64) {
        for part in self.unreadable.iter_mut().rev() {
            let around = part.around.entry(node.to_owned()).or_default();
            if around.before.is_some() {
                break;
            }
            around.before = Some(sequence);
        }
    }

    /// Looks at the next record of its node.
    pub fn check(&mut self, record: &Record) -> Result<(), Broken> {
        let broken = |sequence, why| Err(Broken { node: record.node.clone(), sequence, why });
        if record.digest() != record.hash {
            return broken(record.sequence, Why::Changed);
        }
        let is_behind_unreadable = self.is_behind_unreadable(&record.node);
        if is_behind_unreadable {
            self.note(&record.node, record.sequence);
        }
        let anchor = self.anchors.get(&record.node).and_then(|anchors| anchors.get(&record.sequence));
        if anchor.is_some_and(|anchor| anchor.hash != record.hash) {
            return broken(record.sequence, Why::Replaced);
        }
        let Some(chain) = self.chains.get_mut(&record.node) else {
            if record.sequence == 1 && record.previous != NOTHING {
                return broken(1, Why::Unlinked);
            }
            let (anchored, breaks) = (u64::from(anchor.is_some()), u64::from(record.action == BREAK));
            let begun = Verified { first: record.sequence, last: Link::of(record), records: 1, anchored, breaks };
            self.chains.insert(record.node.clone(), begun);
            let start = Start { time: record.time, previous: record.previous.clone(), is_behind_unreadable };
            self.starts.insert(record.node.clone(), start);
            return Ok(());
        };
        let next = chain.last.sequence + 1;
        if record.sequence == chain.last.sequence && record.hash == chain.last.hash {
            // Written twice, since the answer to the first time got lost.
            return Ok(());
        }
        let is_jump = next < record.sequence;
        if is_jump && !is_behind_unreadable {
            return broken(next, Why::Missing);
        }
        if record.sequence < next || !is_jump && record.previous != chain.last.hash {
            return broken(record.sequence, Why::Unlinked);
        }
        chain.last = Link::of(record);
        chain.records += 1;
        chain.anchored += u64::from(anchor.is_some());
        chain.breaks += u64::from(record.action == BREAK);
        Ok(())
    }

    /// What holds of each chain, once every record was looked at. Records older than `kept_since` may be gone, and those
    /// that an anchor says were taken away.
    pub fn finish(self, kept_since: Timestamp, now: Timestamp) -> Result<BTreeMap<String, Verified>, Broken> {
        let kept_since = self.removed_before.map_or(kept_since, |removed| removed.max(kept_since));
        for (node, anchors) in &self.anchors {
            let (first, last) = self.known_of(node);
            let young = anchors.values().filter(|link| kept_since <= link.time);
            let missing = young.map(|link| link.sequence).find(|sequence| !(first..=last).contains(sequence));
            if let Some(sequence) = missing {
                // Behind the end it is the first one that must have been there.
                let sequence = if last < sequence && last > 0 { last + 1 } else { sequence };
                return Err(Broken { node: node.clone(), sequence, why: Why::Missing });
            }
        }
        self.chains.keys().try_for_each(|node| self.check_start(node, kept_since, now))?;
        Ok(self.chains)
    }

    /// Numbers of the records that are there or cannot be read, from the first to the last.
    fn known_of(&self, node: &str) -> (u64, u64) {
        let is_cut = self.is_behind_unreadable(node);
        let (first, last) = self.chains.get(node).map_or((u64::MAX, 0), |chain| (chain.first, chain.last.sequence));
        let is_late = self.starts.get(node).map_or(is_cut, |start| start.is_behind_unreadable);
        (if is_late { 0 } else { first }, if is_cut { u64::MAX } else { last })
    }

    /// Nothing that must be kept is missing before the oldest record, and the chain is one of ours.
    fn check_start(&self, node: &str, kept_since: Timestamp, now: Timestamp) -> Result<(), Broken> {
        let (Some(chain), Some(start)) = (self.chains.get(node), self.starts.get(node)) else { return Ok(()) };
        let broken = |sequence, why| Err(Broken { node: node.to_owned(), sequence, why });
        let Some(anchors) = self.anchors.get(node) else {
            let is_new = now.before(UNANCHORED) <= start.time && start.time <= now.after(UNANCHORED);
            return if is_new && chain.first == 1 { Ok(()) } else { broken(chain.first, Why::Unanchored) };
        };
        // Of a time in which nothing happened, the record before may be old enough to be gone.
        let before = chain.first.checked_sub(1).and_then(|before| anchors.get(&before));
        let is_old = before.is_some_and(|link| link.time < kept_since && link.hash == start.previous);
        if chain.first <= 1 || start.time < kept_since || is_old || start.is_behind_unreadable {
            return Ok(());
        }
        broken(if kept_since == Timestamp::MIN { 1 } else { chain.first - 1 }, Why::Missing)
    }
}

impl Unreadable {
    /// The sentence for people.
    pub fn text(&self, language: Language) -> String {
        let cannot = language.pick("a part of the trail cannot be read", "часть журнала не читается");
        let of = language.pick("of node", "узла");
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let (from, to) = (language.pick("behind record", "после записи"), language.pick("before", "до"));
        let around = self.around.iter().map(|(node, Around { after, before })| {
            format!("; {from} {} {to} {} {of} `{node}`", number(*after), number(*before))
        });
        format!("{cannot}: {}{}", self.reason, around.collect::<String>())
    }
}

impl Broken {
    /// The sentence for people.
    pub fn text(&self, language: Language) -> String {
        let Self { node, sequence, why } = self;
        let why = match why {
            Why::Changed => language.pick("was changed", "изменена"),
            Why::Unlinked => language.pick("does not follow the one before it", "не продолжает предыдущую"),
            Why::Missing => language.pick("is missing", "отсутствует"),
            Why::Replaced => language.pick("is not the one that was anchored", "не та, что была закреплена"),
            Why::Unanchored => {
                language.pick("begins a chain of which nothing was anchored", "начинает цепь, где ничего не закреплено")
            }
        };
        let subject = language.pick("record", "запись");
        let of = language.pick("of node", "узла");
        format!("{subject} {sequence} {of} `{node}` {why}")
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests;
