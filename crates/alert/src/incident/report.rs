//! How fast incidents are noticed and mended: MTTD from the first evidence to the first notification, MTTR to the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Incident;

/// How long something took, over several incidents, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delay {
    /// Incidents it is known of.
    pub count: u64,
    /// The mean.
    pub mean_seconds: f64,
    /// Half were faster.
    pub median_seconds: f64,
    /// Nine of ten were faster.
    pub p90_seconds: f64,
}

/// The delays of some incidents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// What they have in common.
    pub name: String,
    /// How many there were.
    pub incidents: u64,
    /// First evidence to first notification.
    pub detect: Delay,
    /// First evidence to acknowledgement.
    pub acknowledge: Delay,
    /// First evidence to resolution.
    pub resolve: Delay,
}

/// Delays of all incidents, by rule and by service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// All of them.
    pub all: ReportRow,
    /// By rule.
    pub rules: Vec<ReportRow>,
    /// By service; an incident of two services counts for both.
    pub services: Vec<ReportRow>,
}

/// Sums incidents up.
pub fn report(incidents: &[Incident]) -> Report {
    let mut rules: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    let mut services: BTreeMap<&str, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents {
        rules.entry(&incident.rule.name).or_default().push(incident);
        for service in &incident.services {
            services.entry(service).or_default().push(incident);
        }
    }
    let rows = |groups: BTreeMap<&str, Vec<&Incident>>| groups.iter().map(|(name, group)| row(name, group)).collect();
    Report { all: row("all", &incidents.iter().collect::<Vec<_>>()), rules: rows(rules), services: rows(services) }
}

fn row(name: &str, incidents: &[&Incident]) -> ReportRow {
    let of = |end: fn(&Incident) -> Option<logline::Timestamp>| {
        delay(incidents.iter().filter_map(|incident| Some(end(incident)?.since(incident.started_at))).collect())
    };
    ReportRow {
        name: name.to_owned(),
        incidents: incidents.len() as u64,
        detect: of(|incident| incident.notified_at),
        acknowledge: of(|incident| incident.acknowledged_at),
        resolve: of(|incident| incident.resolved_at),
    }
}

fn delay(mut lengths: Vec<Duration>) -> Delay {
    lengths.sort();
    let at = |percent: usize| {
        // The smallest that so many are no longer than.
        let rank = (lengths.len() * percent).div_ceil(100).saturating_sub(1);
        lengths.get(rank).map_or(0.0, Duration::as_secs_f64)
    };
    let count = lengths.len() as u64;
    let sum: f64 = lengths.iter().map(Duration::as_secs_f64).sum();
    let mean_seconds = if count == 0 { 0.0 } else { sum / lengths.len() as f64 };
    Delay { count, mean_seconds, median_seconds: at(50), p90_seconds: at(90) }
}
