//! Stuck objects grouped by the place where they wait: k orders stuck in the same place are one incident that names them.

use std::collections::BTreeMap;

use auth::Services;
use logline::Timestamp;
use serde::{Deserialize, Serialize};

use crate::list::{Judged, last_error};
use crate::live::Live;
use crate::wire::millis;
use crate::{Graphs, LastError, Status, StuckReason, wire};

/// Objects that an incident names; it counts them all.
const NAMED: usize = 100;
/// So many must stay unusually long in one place before that is more than chance.
const UNUSUAL: usize = 3;

/// All incidents at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incidents {
    /// The moment.
    #[serde(with = "wire::time")]
    pub as_of: Timestamp,
    /// Set while the state is still being read from storage: incidents may be missing, or look younger and smaller than
    /// they are. What is not among them is not over then.
    pub loading: bool,
    /// The incidents, the one that began first in front.
    pub incidents: Vec<Incident>,
}

/// Objects that are stuck in the same place for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// `order/PACKAGING/mes-api/deadline`: the same for as long as anything is stuck there, and when it happens again.
    pub id: String,
    /// The object type.
    #[serde(rename = "type")]
    pub object: String,
    /// The status they are stuck in.
    pub status: String,
    /// The service that has to move them on.
    pub service: String,
    /// What they miss.
    pub reason: StuckReason,
    /// What should have come, if it is a confirmation or an event.
    pub awaits: Option<Awaited>,
    /// Since when the first of them is overdue: the first evidence.
    #[serde(with = "wire::time")]
    pub since: Timestamp,
    /// Since when the last one is.
    #[serde(with = "wire::time")]
    pub newest: Timestamp,
    /// How many there are.
    pub total: usize,
    /// The first hundred of them, what is overdue for longest in front.
    pub orders: Vec<StuckOrder>,
    /// The newest thing that went wrong with one of those named.
    pub last_error: Option<LastError>,
}

/// One of the objects of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckOrder {
    /// Its id.
    pub id: String,
    /// When it entered the status.
    #[serde(with = "wire::time")]
    pub entered: Timestamp,
    /// Since when it should have gone on.
    #[serde(with = "wire::time")]
    pub due: Timestamp,
    /// How long ago that was.
    pub overdue_ms: u64,
}

/// What should have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// From one of these services; from any if empty.
    pub services: Vec<String>,
    /// About this endpoint.
    pub endpoint: Option<String>,
    /// Telling this status.
    pub status: Option<String>,
    /// How soon after the status was entered.
    pub within_ms: u64,
}

/// Which incidents to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Only of this object type; of all if none.
    pub object: Option<String>,
    /// Only in these statuses; in all if empty.
    pub statuses: Vec<String>,
    /// Only for these reasons; for [`StuckReason::BROKEN`] if empty.
    pub reasons: Vec<StuckReason>,
    /// Only with at least so many objects.
    pub at_least: usize,
}

/// Groups what is stuck.
pub(crate) fn incidents(
    live: &Live,
    filter: &IncidentFilter,
    graphs: &Graphs,
    services: &Services,
    now: Timestamp,
) -> Vec<Incident> {
    type Place<'a> = (&'a str, &'a str, &'a str, StuckReason);
    let reasons = if filter.reasons.is_empty() { StuckReason::BROKEN.as_slice() } else { &filter.reasons };
    let mut places: BTreeMap<Place<'_>, Vec<(Timestamp, Judged<'_>)>> = BTreeMap::new();
    let named =
        |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|one| one.eq_ignore_ascii_case(name));
    for open in live.open() {
        let of_type = filter.object.as_ref().is_none_or(|object| object.eq_ignore_ascii_case(open.object));
        if !of_type || !named(&filter.statuses, open.status) {
            continue;
        }
        let judged = Judged::of(open, graphs, now);
        if let Some(stuck) = judged.stuck.filter(|stuck| reasons.contains(&stuck.reason)) {
            let place = (open.object, open.status, judged.owner, stuck.reason);
            places.entry(place).or_default().push((stuck.due, judged));
        }
    }
    let enough = |reason, total| filter.at_least <= total && (reason != StuckReason::Unusual || UNUSUAL <= total);
    let told = places.into_iter().filter(|(place, all)| enough(place.3, all.len()));
    let mut incidents: Vec<Incident> = told.map(|(place, all)| incident(place, all, services, now)).collect();
    incidents.sort_by(|a, b| a.since.cmp(&b.since).then_with(|| a.id.cmp(&b.id)));
    incidents
}

fn incident(
    (object, status, service, reason): (&str, &str, &str, StuckReason),
    mut all: Vec<(Timestamp, Judged<'_>)>,
    services: &Services,
    now: Timestamp,
) -> Incident {
    all.sort_by_key(|(due, judged)| (*due, judged.open.id));
    let (total, newest) = (all.len(), all.last().map_or(now, |(due, _)| *due));
    all.truncate(NAMED);
    let order = |(due, judged): &(Timestamp, Judged<'_>)| StuckOrder {
        id: judged.open.id.to_owned(),
        entered: judged.open.visit.entered,
        due: *due,
        overdue_ms: millis(now.since(*due)),
    };
    let failure =
        all.iter().filter_map(|(_, judged)| judged.open.failure).max_by_key(|failure| (failure.time, failure.id));
    Incident {
        id: format!("{object}/{status}/{service}/{}", reason.as_str()),
        object: object.to_owned(),
        status: status.to_owned(),
        service: service.to_owned(),
        reason,
        awaits: all.first().and_then(|(_, judged)| awaited(judged.expected?, reason)),
        since: all.first().map_or(now, |(due, _)| *due),
        newest,
        total,
        orders: all.iter().map(order).collect(),
        last_error: failure.map(|failure| last_error(failure, services)),
    }
}

fn awaited(status: &Status, reason: StuckReason) -> Option<Awaited> {
    match reason {
        StuckReason::Unconfirmed => status.confirm.as_ref().map(|confirm| Awaited {
            services: confirm.peers.clone(),
            endpoint: confirm.endpoint.clone(),
            status: None,
            within_ms: millis(confirm.within),
        }),
        StuckReason::Missing => status.expect.as_ref().map(|expect| Awaited {
            services: expect.service.clone().into_iter().collect(),
            endpoint: expect.endpoint.clone(),
            status: expect.status.clone(),
            within_ms: millis(expect.within),
        }),
        StuckReason::Deadline | StuckReason::Unusual => None,
    }
}

#[cfg(test)]
mod tests;
