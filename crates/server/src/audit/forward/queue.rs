//! Records that wait to be sent on: as many as fit, taken in groups.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::Record;
use tokio::sync::mpsc;

/// Records that may wait, and their bytes.
const RECORDS: usize = 32_768;
const BYTES: usize = 16 << 20;
/// Records that are sent together, and their bytes: a receiver that was away is soon told everything.
pub(super) const TOGETHER: usize = 512;
const TOGETHER_BYTES: usize = 1 << 20;
/// What a record takes beside its texts.
const BESIDE: usize = 512;

/// Where records are put.
#[derive(Debug)]
pub(super) struct Queue {
    records: mpsc::Sender<Record>,
    bytes: Arc<AtomicUsize>,
}

/// Where they are taken.
#[derive(Debug)]
pub(super) struct Waiting {
    records: mpsc::Receiver<Record>,
    bytes: Arc<AtomicUsize>,
}

/// There was no room.
#[derive(Debug)]
pub(super) struct Full;

/// Both ends.
pub(super) fn new() -> (Queue, Waiting) {
    let (sender, receiver) = mpsc::channel(RECORDS);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Queue { records: sender, bytes: Arc::clone(&bytes) }, Waiting { records: receiver, bytes })
}

impl Queue {
    /// Puts one, if there is room.
    pub(super) fn put(&self, record: Record) -> Result<(), Full> {
        let size = size(&record);
        if BYTES < self.bytes.load(Ordering::Relaxed) + size {
            return Err(Full);
        }
        self.bytes.fetch_add(size, Ordering::Relaxed);
        self.records.try_send(record).map_err(|_| {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            Full
        })
    }
}

impl Waiting {
    /// Waits for the next group; none at the end.
    pub(super) async fn next(&mut self) -> Option<Vec<Record>> {
        let first = self.records.recv().await?;
        Some(self.group(Some(first)))
    }

    /// The group that is there by now.
    pub(super) fn now(&mut self) -> Vec<Record> {
        let first = self.records.try_recv().ok();
        self.group(first)
    }

    fn group(&mut self, first: Option<Record>) -> Vec<Record> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        let mut next = first;
        while let Some(record) = next {
            bytes += size(&record);
            group.push(record);
            let has_room = group.len() < TOGETHER && bytes < TOGETHER_BYTES;
            next = has_room.then(|| self.records.try_recv().ok()).flatten();
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        group
    }
}

fn size(record: &Record) -> usize {
    let Record { node, principal, tenant, detail, address, .. } = record;
    [node, principal, tenant, detail, address].iter().map(|text| text.len()).sum::<usize>() + BESIDE
}

#[cfg(test)]
mod tests {
    use auth::{AuditEvent, Chain, Outcome};
    use logline::{Tenant, Timestamp};

    use super::*;

    fn record(detail: &str) -> Record {
        let event = AuditEvent::new("anna", Tenant::default(), "query", detail, Outcome::Allowed);
        Chain::new("a", None).seal(event, Timestamp(1))
    }

    #[test]
    fn records_one_by_one_wait_in_thousands_and_leave_in_groups() {
        let (queue, mut waiting) = new();
        for _ in 0..RECORDS / 2 {
            queue.put(record("")).unwrap();
        }
        let groups: Vec<_> = std::iter::from_fn(|| Some(waiting.now().len()).filter(|count| *count > 0)).collect();
        assert_eq!(groups, vec![TOGETHER; RECORDS / 2 / TOGETHER]);
        assert_eq!(queue.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn neither_many_records_nor_long_ones_take_more_memory_than_they_may() {
        for (detail, most) in [("", RECORDS), (&*"x".repeat(1 << 20), BYTES >> 20)] {
            let (queue, mut waiting) = new();
            let record = record(detail);
            let taken = (0..=RECORDS).take_while(|_| queue.put(record.clone()).is_ok()).count();
            assert!((most / 2..=most).contains(&taken), "{taken}");
            let gone = waiting.now().len();
            assert!((0..gone).all(|_| queue.put(record.clone()).is_ok()) && queue.put(record).is_err());
        }
    }
}
