//! The faults of a run that goes on now: triggered by hand or by chance, asked by the services.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use logline::Timestamp;
use stdx::Clock;

use super::{Fault, Incidents};

/// Shared by the services and whoever triggers faults; clones are the same.
#[derive(Clone, Debug)]
pub struct LiveFaults {
    incidents: Arc<Mutex<Incidents>>,
    clock: Arc<dyn Clock>,
}

impl LiveFaults {
    /// Nothing is wrong yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { incidents: Arc::default(), clock }
    }

    /// Begins a fault for its usual time, unless it is going on already.
    pub fn trigger(&self, fault: Fault) -> bool {
        let now = self.now();
        let mut incidents = self.incidents();
        let new = incidents.going_on(fault, now).is_none();
        if new {
            incidents.trigger(fault, now, fault.live_duration());
        }
        new
    }

    /// Whether it is going on.
    pub fn is_on(&self, fault: Fault) -> bool {
        self.incidents().going_on(fault, self.now()).is_some()
    }

    /// Whether an order that meets this fault now stays stuck for good.
    pub fn keeps_one_more(&self, fault: Fault) -> bool {
        self.incidents().keeps_one_more(fault, self.now())
    }

    /// By how much the visitors are multiplied.
    pub fn boost(&self) -> f64 {
        self.incidents().boost(self.now())
    }

    fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    fn incidents(&self) -> MutexGuard<'_, Incidents> {
        self.incidents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
