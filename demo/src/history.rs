//! Writes the past: a discrete-event simulation of the company, without HTTP, that leaves the lines the live services
//! would have left. The same plan gives the same bytes.

mod journal;
mod script;
mod simulation;
mod stage;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use logline::Timestamp;

use crate::faults::Fault;
use crate::lines::Service;
use crate::state::State;

pub use journal::Journal;
pub use simulation::simulate;

/// What history is to be written.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Draws everything.
    pub seed: u64,
    /// Of the first event.
    pub start: Timestamp,
    /// After the last one.
    pub end: Timestamp,
    /// On an average weekday.
    pub orders_per_day: f64,
    /// Visits that buy nothing, on an average weekday.
    pub visits_per_day: f64,
    /// Which of the incidents of [`Incidents::of_history`](crate::faults::Incidents::of_history) happen.
    pub faults: BTreeSet<Fault>,
}

/// The mean pause between two looks of a visitor.
pub(crate) const LOOK_GAP: Duration = Duration::from_secs(14);
/// The mean pause between two requests of the broken mobile app.
pub(crate) const BROKEN_GAP: Duration = Duration::from_millis(450);
/// Between two health checks of a service.
pub(crate) const HEALTH_GAP: Duration = Duration::from_mins(2);
/// How many of the latest orders a visitor's own may be among.
pub(crate) const LATEST: u64 = 5_000;

/// How many orders come on an average weekday.
pub const ORDERS_PER_DAY: f64 = 1_520.0;
/// How many visitors buy nothing.
pub const VISITS_PER_DAY: f64 = 560.0;

impl Plan {
    /// The usual traffic from `length` ago until now.
    pub fn usual(seed: u64, end: Timestamp, length: Duration) -> Self {
        let (orders_per_day, visits_per_day) = (ORDERS_PER_DAY, VISITS_PER_DAY);
        Self { seed, start: end.before(length), end, orders_per_day, visits_per_day, faults: Fault::ALL.into() }
    }
}

/// How far the simulation has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Lines written.
    pub lines: u64,
    /// Of the time that is simulated.
    pub share: f64,
}

/// Where a service's log stands.
pub fn log_file(folder: &Path, service: Service) -> PathBuf {
    folder.join(format!("{}.log", service.name()))
}

/// Writes the logs into `folder` and returns what is open at the end. Nothing is there under its final name until all
/// of it is written.
pub fn write(folder: &Path, plan: &Plan, progress: &mut dyn FnMut(Progress)) -> io::Result<State> {
    fs::create_dir_all(folder)?;
    let part = |service: Service| log_file(folder, service).with_extension("part");
    let [shop, crm, mes] = Service::ALL.map(|service| File::create(part(service)));
    let outs = [shop?, crm?, mes?].map(|file| BufWriter::with_capacity(1 << 20, file));
    let (state, outs) = simulate(plan, outs, progress)?;
    for out in outs {
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
    }
    for service in Service::ALL {
        fs::rename(part(service), log_file(folder, service))?;
    }
    Ok(state)
}

#[cfg(test)]
mod tests;
