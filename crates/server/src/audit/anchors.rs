//! Anchors in the state: a database of its own, beside what the trail is in.

use auth::{Anchor, Link};
use futures::future::BoxFuture;
use logline::Timestamp;
use state::State;

use super::Anchors;

impl Anchors for State {
    fn keep(&self, Anchor { node, link }: Anchor) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let (sequence, time) = (link.sequence.cast_signed(), link.time.0);
            let anchor = state::Anchor { node, sequence, time, hash: link.hash };
            self.anchors().add(&anchor).await.map_err(|error| error.to_string())
        })
    }

    fn forget(&self, before: Timestamp) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move { self.anchors().forget(before.0).await.map(drop).map_err(|error| error.to_string()) })
    }

    fn all(&self) -> BoxFuture<'_, Result<Vec<Anchor>, String>> {
        Box::pin(async move {
            let all = self.anchors().all().await.map_err(|error| error.to_string())?;
            let anchor = |kept: state::Anchor| Anchor {
                node: kept.node,
                link: Link { sequence: kept.sequence.cast_unsigned(), time: Timestamp(kept.time), hash: kept.hash },
            };
            Ok(all.into_iter().map(anchor).collect())
        })
    }
}
