//! Counts what is wrong with the lines of each service, since the start of the server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use logline::{Defect, Defects, Tenant};

/// Services that are counted one by one; those beyond are counted together as `other`.
const SERVICES: usize = 1_000;
const OTHER: &str = "other";

/// How many lines of a service have a defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefectCount {
    /// Whose lines.
    pub tenant: Tenant,
    /// The label `service_name`.
    pub service: String,
    /// What is wrong; [`Defect::NoStatus`] is the line about an order that does not say its status.
    pub defect: Defect,
    /// How many, since the start.
    pub lines: u64,
}

type Counts = BTreeMap<Tenant, BTreeMap<String, [u64; Defect::ALL.len()]>>;

#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

impl Counters {
    /// Adds the defects of one stream's lines: one lock a stream, not a line.
    pub(crate) fn add(&self, tenant: &Tenant, service: &str, tally: &Tally) {
        if tally.0.iter().all(|lines| *lines == 0) {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = SERVICES <= counts.values().map(BTreeMap::len).sum();
        let services = counts.entry(tenant.clone()).or_default();
        let service = if full && !services.contains_key(service) { OTHER } else { service };
        let sums = services.entry(service.to_owned()).or_default();
        for (sum, lines) in sums.iter_mut().zip(tally.0) {
            *sum += lines;
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<DefectCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_service = |tenant: &Tenant, service: &str, sums: &[u64]| -> Vec<DefectCount> {
            let seen = Defect::ALL.into_iter().zip(sums).filter(|(_, lines)| **lines != 0);
            let (tenant, service) = (tenant.clone(), service.to_owned());
            seen.map(|(defect, lines)| DefectCount {
                tenant: tenant.clone(),
                service: service.clone(),
                defect,
                lines: *lines,
            })
            .collect()
        };
        let services = counts.iter().flat_map(|(tenant, all)| all.iter().map(move |(name, sums)| (tenant, name, sums)));
        services.flat_map(|(tenant, name, sums)| of_service(tenant, name, sums)).collect()
    }
}

/// The defects of some lines.
#[derive(Debug, Default)]
pub(crate) struct Tally([u64; Defect::ALL.len()]);

impl Tally {
    pub(crate) fn add(&mut self, defects: Defects) {
        for (index, defect) in Defect::ALL.into_iter().enumerate() {
            self.0[index] += u64::from(defects.has(defect));
        }
    }
}
