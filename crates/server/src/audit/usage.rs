//! Things that happen all the time, such as pushes of a token: counted, and written down together from time to time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth::{AuditEvent, AuditSink, Outcome};
use logline::Tenant;
use stdx::{Shutdown, Tasks};

/// How often what was counted is written down.
const EVERY: Duration = Duration::from_secs(300);
/// So many different things are counted; with more of them all are written down at once.
const MOST: usize = 4_096;

/// Counts uses.
#[derive(Debug)]
pub(crate) struct Usage {
    sink: Arc<dyn AuditSink>,
    counts: Mutex<HashMap<Key, u64>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    principal: String,
    tenant: Tenant,
    action: &'static str,
    address: Option<IpAddr>,
    outcome: Outcome,
}

impl Usage {
    fn new(sink: Arc<dyn AuditSink>) -> Self {
        Self { sink, counts: Mutex::default() }
    }

    /// Counts, and has what was counted written down from time to time.
    pub(crate) fn start(sink: Arc<dyn AuditSink>, tasks: &Tasks) -> Arc<Self> {
        let usage = Arc::new(Self::new(sink));
        tasks.spawn(Arc::clone(&usage).run(tasks.shutdown()));
        usage
    }

    /// Counts one use.
    pub(crate) fn count(
        &self,
        principal: &str,
        tenant: &Tenant,
        action: &'static str,
        address: Option<IpAddr>,
        outcome: Outcome,
    ) {
        let key = Key { principal: principal.to_owned(), tenant: tenant.clone(), action, address, outcome };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(key).or_default() += 1;
        let full = (counts.len() >= MOST).then(|| std::mem::take(&mut *counts));
        drop(counts);
        full.into_iter().for_each(|counts| self.tell(counts));
    }

    /// Writes down what was counted.
    fn flush(&self) {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        self.tell(counts);
    }

    /// Writes it down from time to time, and once more at the end.
    async fn run(self: Arc<Self>, mut shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.wait() => break,
                () = tokio::time::sleep(EVERY) => self.flush(),
            }
        }
        self.flush();
    }

    fn tell(&self, counts: HashMap<Key, u64>) {
        for (Key { principal, tenant, action, address, outcome }, count) in counts {
            let event = AuditEvent::new(principal, tenant, action, "", outcome).at(address);
            self.sink.record(AuditEvent { count, ..event });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Trail;
    use super::*;

    #[test]
    fn many_uses_are_one_event_and_too_many_kinds_are_not_kept_back() {
        let (trail, mut events) = Trail::new();
        let usage = Usage::new(trail);
        for _ in 0..5 {
            usage.count("agent", &Tenant::default(), "push", None, Outcome::Allowed);
        }
        usage.count("agent", &Tenant::default(), "push", Some([192, 0, 2, 1].into()), Outcome::Allowed);
        usage.flush();
        let mut counts = [events.try_recv().unwrap().count, events.try_recv().unwrap().count];
        counts.sort_unstable();
        assert_eq!(counts, [1, 5]);
        assert!(events.try_recv().is_err());
        for number in 0..MOST {
            usage.count(&number.to_string(), &Tenant::default(), "push", None, Outcome::Allowed);
        }
        assert!(events.try_recv().is_ok());
    }
}
