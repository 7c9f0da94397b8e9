//! The accounted memory of the head.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::gauge::Gauge;

/// Bytes of rows in memory, against a limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    gauge: Gauge,
}

/// Bytes that were promised to a batch and are not rows in the head yet.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: std::sync::Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64, gauge: Gauge) -> Self {
        Self { limit, used: AtomicU64::new(0), gauge }
    }

    pub(crate) const fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether nothing fits any more, whatever its size.
    pub(crate) fn is_full(&self) -> bool {
        self.limit <= self.used()
    }

    /// Promises memory. A batch that is large against the whole budget is let in while half of it is free.
    pub(crate) fn reserve(self: &std::sync::Arc<Self>, bytes: u64) -> Option<Reserved> {
        let fits = |used: u64| {
            let after = used.saturating_add(bytes);
            (after <= self.limit || used <= self.limit / 2).then_some(after)
        };
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        self.show();
        Some(Reserved { budget: std::sync::Arc::clone(self), bytes })
    }

    /// Accounts for rows that came or went.
    pub(crate) fn change(&self, bytes: i64) {
        // Wraps around for what goes, which adds up: no more goes than has come.
        self.used.fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        self.gauge.set(i64::try_from(self.used()).unwrap_or(i64::MAX));
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.change(-i64::try_from(self.bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_promised_counts_until_it_is_given_back() {
        let budget = Arc::new(Budget::new(100, Gauge::default()));
        let first = budget.reserve(60).unwrap();
        assert!(budget.reserve(50).is_none());
        budget.change(40);
        assert!(budget.is_full());
        drop(first);
        assert_eq!(budget.used(), 40);
        assert!(budget.reserve(500).is_some(), "a large batch must get in while half of the budget is free");
        assert_eq!(budget.used(), 40);
    }
}
