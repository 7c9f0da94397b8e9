//! One query's share of the memory that all queries have: who wants too much ends alone.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation};

use crate::error::{Error, Failure};

/// Takes memory from a pool, but no more than so many bytes.
#[derive(Debug)]
pub(crate) struct Share {
    pool: Arc<dyn MemoryPool>,
    limit: usize,
    used: AtomicUsize,
}

impl Share {
    /// Of this pool so many bytes at most.
    pub(crate) fn of(pool: Arc<dyn MemoryPool>, limit: usize) -> Self {
        Self { pool, limit, used: AtomicUsize::new(0) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({} of {} bytes)", self.reserved(), self.limit)
    }
}

impl MemoryPool for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let more = |used: usize| used.checked_add(additional).filter(|used| *used <= self.limit);
        if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return Err(Error::from(Failure::Memory).into());
        }
        self.pool.try_grow(reservation, additional).inspect_err(|_| {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        })
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer};

    use super::*;

    #[test]
    fn a_share_ends_before_the_pool_and_the_pool_before_the_share() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(100));
        let share = |limit| Arc::new(Share::of(Arc::clone(&pool), limit)) as Arc<dyn MemoryPool>;
        let (one, other) = (share(60), share(60));
        let first = MemoryConsumer::new("first").register(&one);
        let second = MemoryConsumer::new("second").register(&other);
        assert!(first.try_grow(61).is_err());
        first.try_grow(60).unwrap();
        assert!(second.try_grow(41).is_err(), "the pool has no more");
        second.try_grow(40).unwrap();
        drop(first);
        second.try_grow(20).unwrap();
        assert_eq!((one.reserved(), other.reserved(), pool.reserved()), (0, 60, 60));
    }
}
