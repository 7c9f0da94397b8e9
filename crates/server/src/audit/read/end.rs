//! Where a node's chain ends, and what is wrong there.

use std::time::Duration;

use anyhow::Context as _;
use auth::{Anchor, AuditSink, Link};
use logline::Timestamp;
use query::Engine;
use storage::{Storage, TimeRange};
use tracing::error;

use super::super::Anchors;
use super::super::writer::ANCHOR_EVERY;
use super::parts::{common, parts, scope, stretches};
use super::{behind, of_node};

/// A chain whose end was not anchored for so long was written beside its anchors, or these were replaced by older ones.
const UNANCHORED: Duration = ANCHOR_EVERY.saturating_mul(2);

/// Where a node's chain ends.
#[derive(Debug)]
pub(crate) struct End {
    /// Its newest record, or what is anchored of a newer one that is gone.
    pub(crate) link: Option<Link>,
    /// Number of the newest record that is anchored; 0 if none is.
    pub(crate) anchored: u64,
    /// Whether records behind the end may have been there that are gone or cannot be read.
    pub(crate) is_broken: bool,
    /// The first of many records behind the last anchor: others must have been there.
    pub(crate) unanchored: Option<u64>,
}

/// The end of a node's chain. Of the trail only what is newer than the last anchor is read, and what of that is damaged is
/// told and passed over: the server must start all the same. Records older than `kept_since` may be gone.
pub(crate) async fn end(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    anchors: &dyn Anchors,
    (node, kept_since): (&str, Timestamp),
) -> anyhow::Result<End> {
    let anchors =
        anchors.all().await.map_err(anyhow::Error::msg).context("cannot read the anchors of the audit trail")?;
    let kept_since = kept_since_all(&anchors, kept_since);
    let anchored = anchors.into_iter().filter(|anchor| anchor.node == node).map(|anchor| anchor.link);
    let anchored = anchored.max_by_key(|link| link.sequence);
    let since = anchored.as_ref().map_or(Timestamp::MIN, |link| link.time);
    let (kept, is_damaged) =
        newest(engine, storage, sink, node, since).await.context("cannot read the end of the audit trail")?;
    let sequence = anchored.as_ref().map_or(0, |link| link.sequence);
    let end = anchored.into_iter().chain(kept.clone()).max_by_key(|link| link.sequence);
    // After a long silence the last record may have gone by its age.
    let is_old = end.as_ref().is_some_and(|link| link.time < kept_since);
    let missing = end.as_ref().filter(|_| !is_old);
    let missing = missing.filter(|end| kept.as_ref().is_none_or(|kept| kept.sequence < end.sequence));
    if let Some(end) = missing {
        error!(sequence = end.sequence, "the end of the audit trail is missing; `lapidary audit verify` tells more");
    }
    let is_broken = !is_old && (is_damaged || missing.is_some());
    let unanchored = match kept.filter(|kept| sequence < kept.sequence) {
        None => None,
        Some(last) => {
            let found = behind(engine, storage, sink, node, (since, sequence)).await?;
            let first = found.first().map_or_else(|| last.clone(), Link::of);
            is_unanchored(sequence, &first, &last).then_some(first.sequence)
        }
    };
    Ok(End { link: end, anchored: sequence, is_broken, unanchored })
}

/// Since when all records must be there, when it is written down that more were taken away than would be now.
fn kept_since_all(anchors: &[Anchor], kept_since: Timestamp) -> Timestamp {
    let removed = anchors.iter().filter(|anchor| anchor.is_removal()).map(|anchor| anchor.link.time);
    removed.fold(kept_since, Timestamp::max)
}

/// Whether what is there behind the last anchor must have been anchored: the first record is at once, ends all the time.
fn is_unanchored(anchored: u64, first: &Link, last: &Link) -> bool {
    anchored == 0 || UNANCHORED < last.time.since(first.time)
}

/// The newest record of a node that can be read, and whether something newer cannot.
async fn newest(
    engine: &Engine,
    storage: &Storage,
    sink: &dyn AuditSink,
    node: &str,
    since: Timestamp,
) -> Result<(Option<Link>, bool), query::Error> {
    let mut is_damaged = false;
    let scope = scope("end of the audit trail", sink);
    let wanted = TimeRange { start: since, end: Timestamp::MAX };
    for range in stretches(storage).into_iter().rev().filter_map(|stretch| common(wanted, stretch)) {
        for part in parts(engine, storage, &scope, range, &of_node(node)).await?.into_iter().rev() {
            match part {
                Ok(found) => {
                    if let Some(last) = found.iter().max_by_key(|record| record.sequence) {
                        return Ok((Some(Link::of(last)), is_damaged));
                    }
                }
                Err(reason) => {
                    is_damaged = true;
                    error!(reason, "a part of the audit trail cannot be read; `lapidary audit verify` tells more");
                }
            }
        }
    }
    Ok((None, is_damaged))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::future::BoxFuture;

    use super::*;

    #[test]
    fn what_follows_the_last_anchor_is_short_unless_anchors_are_missing() {
        let link =
            |sequence, seconds: i64| Link { sequence, time: Timestamp(seconds * 1_000_000_000), hash: String::new() };
        // However long nothing happened after the anchor: what counts is how long records went without one.
        assert!(!is_unanchored(4, &link(5, 1_000), &link(90, 1_100)));
        assert!(is_unanchored(4, &link(5, 1_000), &link(90, 1_121)));
        assert!(is_unanchored(0, &link(1, 1_000), &link(1, 1_000)));
    }

    /// Anchors in memory.
    #[derive(Debug)]
    struct Known(Vec<Anchor>);

    impl Anchors for Known {
        fn keep(&self, _: Anchor) -> BoxFuture<'_, Result<(), String>> {
            Box::pin(async { Ok(()) })
        }

        fn forget(&self, _: Timestamp) -> BoxFuture<'_, Result<(), String>> {
            Box::pin(async { Ok(()) })
        }

        fn all(&self) -> BoxFuture<'_, Result<Vec<Anchor>, String>> {
            Box::pin(async { Ok(self.0.clone()) })
        }
    }

    #[tokio::test]
    async fn an_end_that_went_by_its_age_in_a_silence_is_not_missing() {
        const HOUR: i64 = 3_600_000_000_000;
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn stdx::Clock> = Arc::new(stdx::SystemClock);
        let components = storage::Components {
            clock: Arc::clone(&clock),
            derives: vec![Arc::new(super::super::super::AuditTable)],
            tasks: stdx::Tasks::default(),
        };
        let config = storage::Config::at(folder.path().to_owned());
        let storage = Storage::open(config, components).await.unwrap();
        let engine = Engine::new(Arc::clone(&storage), query::Config::default(), clock).unwrap();
        let (trail, _events) = super::super::super::Trail::new();
        let link = Link { sequence: 7, time: Timestamp(50 * HOUR), hash: "x".to_owned() };
        let anchor = Anchor { node: "a".to_owned(), link: link.clone() };
        let ended = async |anchors: Vec<Anchor>, kept_since| {
            let place = ("a", Timestamp(kept_since));
            let end = end(&engine, &storage, trail.as_ref(), &Known(anchors), place).await.unwrap();
            assert_eq!((end.link, end.anchored), (Some(link.clone()), 7), "the chain goes on there in any case");
            end.is_broken
        };
        assert!(ended(vec![anchor.clone()], 50 * HOUR).await, "it must be there");
        assert!(!ended(vec![anchor.clone()], 50 * HOUR + 1).await);
        // It went when less was kept than is now.
        let removal = Anchor::of_removal(Timestamp(50 * HOUR + 1));
        assert!(!ended(vec![anchor, removal], i64::MIN).await);
    }
}
