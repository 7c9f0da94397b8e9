//! Who watches lines come in: each durable batch is offered to every tail that selects its streams, within bounds.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use logline::{Batch, Labels, Stream, Tenant, Timestamp};
use query::TailFilter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Streams that may wait for one tail.
const QUEUE: usize = 256;
/// Kibibytes that may wait for one tail.
const ROOM: usize = 8 * 1024;
/// Lines that did not reach a slow tail and are named to it; of more it does not hear.
const MAX_DROPPED: usize = 1_000;
/// Tails of all tenants.
const MAX_TAILS: usize = 200;

/// Where lines come in, and who watches.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    watchers: RwLock<Vec<Arc<Watcher>>>,
}

#[derive(Debug)]
struct Watcher {
    tenant: Tenant,
    filter: TailFilter,
    queue: mpsc::Sender<Piece>,
    room: Arc<Semaphore>,
    dropped: Mutex<Vec<Dropped>>,
}

/// A line that a tail was too slow for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) labels: Labels,
    pub(crate) timestamp: Timestamp,
}

/// Lines of a stream on their way to a tail; its memory is accounted for until it is dropped.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) stream: Stream,
    _room: OwnedSemaphorePermit,
}

/// A place in the feed, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    feed: Arc<Feed>,
    watcher: Arc<Watcher>,
    pub(crate) pieces: mpsc::Receiver<Piece>,
}

/// Streams of a batch for those who watch, taken before storage has the batch.
#[derive(Debug, Default)]
pub(crate) struct Offer(Vec<(Arc<Watcher>, Vec<Stream>)>);

impl Feed {
    /// Watches for a tenant; `None` when so many do already, with how many there are.
    pub(crate) fn watch(self: &Arc<Self>, tenant: &Tenant, filter: TailFilter, most: usize) -> Result<Watch, usize> {
        let (queue, pieces) = mpsc::channel(QUEUE);
        let room = Arc::new(Semaphore::new(ROOM));
        let dropped = Mutex::default();
        let watcher = Arc::new(Watcher { tenant: tenant.clone(), filter, queue, room, dropped });
        let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
        let own = watchers.iter().filter(|watcher| watcher.tenant == *tenant).count();
        if most <= own || MAX_TAILS <= watchers.len() {
            return Err(own + 1);
        }
        watchers.push(Arc::clone(&watcher));
        Ok(Watch { feed: Arc::clone(self), watcher, pieces })
    }

    /// What of a batch is watched; costs nothing when nobody watches.
    pub(crate) fn offer(&self, batch: &Batch) -> Offer {
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        let of_watcher = |watcher: &Arc<Watcher>| {
            let selected = batch.streams.iter().filter(|stream| watcher.filter.selects(&batch.tenant, &stream.labels));
            let selected: Vec<_> = selected.cloned().collect();
            (!selected.is_empty()).then(|| (Arc::clone(watcher), selected))
        };
        Offer(watchers.iter().filter_map(of_watcher).collect())
    }
}

impl Offer {
    /// The batch is durable: its lines go out. Never waits.
    pub(crate) fn send(self) {
        for (watcher, streams) in self.0 {
            streams.into_iter().for_each(|stream| watcher.send(stream));
        }
    }
}

impl Watcher {
    fn send(&self, stream: Stream) {
        let bytes: usize = stream.entries.iter().map(|entry| entry.line.len() + 64).sum();
        let room = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let lost = match Arc::clone(&self.room).try_acquire_many_owned(room) {
            Ok(room) => match self.queue.try_send(Piece { stream, _room: room }) {
                Ok(()) => return,
                Err(error) => error.into_inner().stream,
            },
            Err(_) => stream,
        };
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        let left = MAX_DROPPED.saturating_sub(dropped.len());
        let lines = lost.entries.iter().take(left);
        dropped.extend(lines.map(|entry| Dropped { labels: lost.labels.clone(), timestamp: entry.timestamp }));
    }
}

impl Watch {
    /// Lines that did not find room since the last call.
    pub(crate) fn dropped(&self) -> Vec<Dropped> {
        std::mem::take(&mut *self.watcher.dropped.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = self.feed.watchers.write().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|watcher| !Arc::ptr_eq(watcher, &self.watcher));
    }
}

#[cfg(test)]
mod tests {
    use auth::{AuditEvent, AuditSink, Scope};
    use logline::Entry;

    use super::*;

    #[derive(Debug)]
    struct NoAudit;

    impl AuditSink for NoAudit {
        fn record(&self, _: AuditEvent) {}
    }

    fn watch(feed: &Arc<Feed>, most: usize) -> Result<Watch, usize> {
        let scope = Scope::system("a test", Tenant::default(), &NoAudit);
        feed.watch(&Tenant::default(), query::tail(&scope, r#"{app="a"}"#, &Arc::default()).unwrap().0, most)
    }

    fn batch(labels: &str, lines: usize, bytes: usize) -> Batch {
        let entry = |n: usize| Entry {
            timestamp: Timestamp(i64::try_from(n).unwrap()),
            line: "x".repeat(bytes),
            metadata: Vec::new(),
        };
        let stream = Stream { labels: Labels::parse(labels).unwrap(), entries: (0..lines).map(entry).collect() };
        Batch { tenant: Tenant::default(), streams: vec![stream], id: None, received: Timestamp(0) }
    }

    #[test]
    fn a_watcher_gets_what_it_selects_until_it_leaves() {
        let feed = Arc::new(Feed::default());
        let mut watch = watch(&feed, 1).unwrap();
        assert_eq!(self::watch(&feed, 1).unwrap_err(), 2, "one more than there may be");
        feed.offer(&batch(r#"{app="b"}"#, 1, 10)).send();
        feed.offer(&batch(r#"{app="a"}"#, 2, 10)).send();
        assert_eq!(watch.pieces.try_recv().unwrap().stream.entries.len(), 2);
        assert!(watch.pieces.try_recv().is_err());
        drop(watch);
        assert!(feed.offer(&batch(r#"{app="a"}"#, 2, 10)).0.is_empty());
        assert!(self::watch(&feed, 1).is_ok());
    }

    #[test]
    fn a_slow_watcher_costs_bounded_memory_and_hears_what_it_missed() {
        let feed = Arc::new(Feed::default());
        let mut watch = watch(&feed, 1).unwrap();
        for _ in 0..20 {
            feed.offer(&batch(r#"{app="a"}"#, 10, 100_000)).send();
        }
        let mut got = 0;
        while watch.pieces.try_recv().is_ok() {
            got += 1;
        }
        assert!((1..=8).contains(&got), "8 MiB hold eight batches of 1 MB at most: {got}");
        assert_eq!(watch.dropped().len(), (20 - got) * 10);
        assert!(watch.dropped().is_empty());
        feed.offer(&batch(r#"{app="a"}"#, 1, 9_000_000)).send();
        assert_eq!(watch.dropped().len(), 1, "more than the whole room");
        feed.offer(&batch(r#"{app="a"}"#, 1, 10)).send();
        assert!(watch.pieces.try_recv().is_ok(), "what was read makes room");
    }
}
