//! What all outputs have delivered: the spool's segments up to there go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::spool::Spool;

/// How far each output is.
#[derive(Debug)]
pub(crate) struct Settled {
    spool: Arc<Spool>,
    passed: Mutex<BTreeMap<String, u64>>,
    room: Notify,
}

impl Settled {
    /// No output yet: nothing goes before one is known.
    pub(crate) fn new(spool: Arc<Spool>) -> Self {
        Self { spool, passed: Mutex::default(), room: Notify::new() }
    }

    /// Notes that an output is settled up to a batch, and removes what all have passed. Blocks on the disk.
    pub(crate) fn pass(&self, output: &str, sequence: u64) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        match passed.get_mut(output) {
            Some(known) => *known = sequence,
            None => drop(passed.insert(output.to_owned(), sequence)),
        }
        drop(passed);
        self.release();
    }

    /// Removes what all have passed.
    pub(crate) fn release(&self) {
        let least = self.passed.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied();
        if least.is_some_and(|least| self.spool.release(least)) {
            self.room.notify_one();
        }
    }

    /// Resolves when segments have gone.
    pub(crate) async fn room(&self) {
        self.room.notified().await;
    }
}
