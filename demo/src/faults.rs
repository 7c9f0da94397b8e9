//! What goes wrong: six kinds of fault, each with a beginning and an end. History has a fixed plan of them; live ones are
//! triggered by hand or by chance.

mod live;

use std::collections::BTreeSet;
use std::time::Duration;

use logline::Timestamp;

use crate::world::Calendar;

pub use live::LiveFaults;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Made pieces lie forgotten: nobody packs them, and nothing says so.
    StuckStatus,
    /// MES answers 500 when the workshop begins an order, which keeps its status.
    FailedChange,
    /// A broken release of the mobile app sends carts that SHOP refuses with 400.
    BadRequests,
    /// Four times the usual visitors.
    TrafficSpike,
    /// CRM answers nobody and writes nothing.
    SilentService,
    /// The queue never confirms that it took a parcel's hand-over.
    LostHandover,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::StuckStatus,
        Self::FailedChange,
        Self::BadRequests,
        Self::TrafficSpike,
        Self::SilentService,
        Self::LostHandover,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StuckStatus => "stuck-status",
            Self::FailedChange => "failed-change",
            Self::BadRequests => "bad-requests",
            Self::TrafficSpike => "traffic-spike",
            Self::SilentService => "silent-service",
            Self::LostHandover => "lost-handover",
        }
    }

    /// What happens, in one sentence.
    pub const fn story(self) -> &'static str {
        match self {
            Self::StuckStatus => "two made pieces lie forgotten in MANUFACTURING_COMPLETED",
            Self::FailedChange => "MES answers 500 when manufacturing starts; a few orders stay MANUFACTURING_APPROVED",
            Self::BadRequests => "a broken release of the mobile app: SHOP answers 400",
            Self::TrafficSpike => "four times the usual visitors",
            Self::SilentService => "CRM answers nobody and writes nothing",
            Self::LostHandover => "the queue never confirms a few hand-overs; their parcels stay SHIPPED",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == text)
    }

    /// How many orders it keeps for good.
    pub const fn victims(self) -> u32 {
        match self {
            Self::StuckStatus => 2,
            Self::FailedChange => 4,
            Self::LostHandover => 3,
            Self::BadRequests | Self::TrafficSpike | Self::SilentService => 0,
        }
    }

    /// How long it lasts when it is triggered live.
    pub const fn live_duration(self) -> Duration {
        match self {
            Self::StuckStatus | Self::FailedChange | Self::LostHandover => Duration::from_mins(10),
            Self::BadRequests => Duration::from_mins(3),
            // Two windows of five minutes: one too lively is not told yet.
            Self::TrafficSpike => Duration::from_mins(15),
            // Longer than the five minutes after which silence is told.
            Self::SilentService => Duration::from_mins(8),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One occurrence of a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// What goes wrong.
    pub fault: Fault,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How many orders it may still keep for good.
    victims_left: u32,
}

/// All incidents of a run.
#[derive(Clone, Debug, Default)]
pub struct Incidents(Vec<Incident>);

/// How often people come during a spike.
const SPIKE: f64 = 4.0;

impl Incidents {
    /// What went wrong in the two weeks before `end`; what would lie before `start` is left out.
    pub fn of_history(start: Timestamp, end: Timestamp) -> Self {
        // Days before the end, local hour, minutes.
        let plan = [
            (Fault::TrafficSpike, 9, 19.5, 45),
            (Fault::SilentService, 6, 11.0, 40),
            (Fault::BadRequests, 5, 12.5, 8),
            (Fault::FailedChange, 3, 15.0, 40),
            (Fault::StuckStatus, 2, 14.0, 30),
            (Fault::LostHandover, 1, 15.0, 20),
        ];
        let mut incidents = Self::default();
        for (fault, days, hour, minutes) in plan {
            let day = end.before(Duration::from_hours(24 * days));
            let midnight = day.before(Duration::from_secs_f64(Calendar::of(day).hour * 3600.0));
            let from = midnight.after(Duration::from_secs_f64(hour * 3600.0));
            if start <= from {
                incidents.trigger(fault, from, Duration::from_mins(minutes));
            }
        }
        incidents
    }

    /// Leaves out all that are not of these kinds.
    pub fn keep(&mut self, faults: &BTreeSet<Fault>) {
        self.0.retain(|incident| faults.contains(&incident.fault));
    }

    /// Begins a fault.
    pub fn trigger(&mut self, fault: Fault, from: Timestamp, lasts: Duration) {
        self.0.push(Incident { fault, from, to: from.after(lasts), victims_left: fault.victims() });
    }

    /// The incident of this kind that is going on, if any.
    pub fn going_on(&self, fault: Fault, at: Timestamp) -> Option<&Incident> {
        self.0.iter().find(|incident| incident.fault == fault && incident.from <= at && at < incident.to)
    }

    /// Whether an order that meets this fault now stays stuck for good: the first few do.
    pub fn keeps_one_more(&mut self, fault: Fault, at: Timestamp) -> bool {
        let met = |incident: &&mut Incident| incident.fault == fault && incident.from <= at && at < incident.to;
        match self.0.iter_mut().find(met) {
            Some(incident) if incident.victims_left > 0 => {
                incident.victims_left -= 1;
                true
            }
            _ => false,
        }
    }

    /// By how much the visitors are multiplied.
    pub fn boost(&self, at: Timestamp) -> f64 {
        if self.going_on(Fault::TrafficSpike, at).is_some() { SPIKE } else { 1.0 }
    }

    /// All of them, in the order in which they were triggered.
    pub fn iter(&self) -> impl Iterator<Item = &Incident> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_has_one_incident_of_each_kind_before_its_end() {
        let end: Timestamp = "2026-11-22T05:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        let incidents = Incidents::of_history(end.before(Duration::from_hours(14 * 24)), end);
        let mut faults: Vec<_> = incidents.iter().map(|incident| incident.fault).collect();
        faults.sort();
        assert_eq!(faults, Fault::ALL);
        assert!(incidents.iter().all(|incident| incident.to < end));
        assert_eq!(Incidents::of_history(end.before(Duration::from_hours(4 * 24)), end).iter().count(), 3);
    }

    #[test]
    fn only_the_first_few_orders_stay_stuck() {
        let (start, lasts) = (Timestamp(1_800_000_000_000_000_000), Duration::from_mins(5));
        let mut incidents = Incidents::default();
        assert!(!incidents.keeps_one_more(Fault::StuckStatus, start));
        incidents.trigger(Fault::StuckStatus, start, lasts);
        let kept: Vec<_> = (0..3).map(|_| incidents.keeps_one_more(Fault::StuckStatus, start)).collect();
        assert_eq!(kept, [true, true, false]);
        assert!(incidents.going_on(Fault::StuckStatus, start.after(lasts)).is_none());
        assert!(Fault::ALL.into_iter().all(|fault| Fault::parse(fault.name()) == Some(fault)));
    }
}
