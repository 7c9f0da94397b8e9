//! Weeks with one fault of each kind: the right alert fires within its time, ends after, and nothing else is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alert::backtest::{Episode, RuleHistory};
use demo::faults::{Fault, Incidents};
use logline::Timestamp;

use super::past::{Past, end, last_days, shown};

/// What must be told about a fault: rule, a label, within which time it must begin and how long after the end it may go on.
const EXPECTED: [Expected; 8] = [
    // What the many visitors ordered keeps SHOP busy for hours.
    (Fault::TrafficSpike, "VolumeAnomaly", ("service_name", "shop-api"), 20, 120),
    (Fault::SilentService, "ServiceSilent", ("service_name", "crm-api"), 7, 5),
    (Fault::SilentService, "OrderTransitionFailed", ("peer", "crm-api"), 10, 10),
    (Fault::BadRequests, "HttpClientErrors", ("service_name", "shop-api"), 2, 8),
    (Fault::FailedChange, "OrderTransitionFailed", ("service_name", "mes-api"), 10, 15),
    (Fault::FailedChange, "HttpServerErrors", ("service_name", "mes-api"), 10, 15),
    // It shows once the first order is handed over.
    (Fault::LostHandover, "OrderTransitionFailed", ("peer", "queue"), 20, 10),
    (Fault::LostHandover, "OrdersStuck", ("reason", "unconfirmed"), 20, 100_000),
];

type Expected = (Fault, &'static str, (&'static str, &'static str), u64, u64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_told_by_the_right_alert_in_time_and_nothing_else_is() {
    // The first of them happens nine days before the end, and the volume of lines is judged after a week.
    let (start, state, services) = last_days(18, Fault::ALL.into());
    let past = Past::new(end()).await;
    for (service, lines) in services {
        past.store(service, &lines).await;
    }
    // Those that nobody will ever move on, by the status they stay in.
    let mut victims: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for order in state.open.iter().filter(|order| order.next.is_none()) {
        victims.entry(order.status.as_str()).or_default().insert(order.id.to_string());
    }
    let count = victims.values().map(BTreeSet::len).sum();
    assert_eq!(past.stuck(count).await, count, "all victims are stuck at the end, and nobody else is");
    let incidents = past.orders.incidents(&Past::scope(), &orders::IncidentFilter::default()).incidents;
    let named: BTreeMap<&str, BTreeSet<String>> = incidents
        .iter()
        .map(|one| (one.status.as_str(), one.orders.iter().map(|order| order.id.clone()).collect()))
        .collect();
    assert_eq!((named, incidents.len()), (victims.clone(), victims.len()), "one incident a place, with the right ids");
    assert_eq!(
        victims.keys().copied().collect::<Vec<_>>(),
        ["MANUFACTURING_APPROVED", "MANUFACTURING_COMPLETED", "SHIPPED"]
    );

    let told = past.told(start, end()).await;
    let incidents = Incidents::of_history(start, end());
    let all: Vec<(&RuleHistory, &Episode)> =
        told.iter().flat_map(|rule| rule.episodes.iter().map(move |one| (rule, one))).collect();
    all.iter().for_each(|(rule, one)| println!("{}", shown(&rule.rule, one)));

    for (fault, rule, (name, value), within, after) in EXPECTED {
        let incident = incidents.iter().find(|incident| incident.fault == fault).unwrap();
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let found = all.iter().find(|(history, one)| {
            history.rule == rule
                && one.labels.get(name).is_some_and(|has| has == value)
                && incident.from <= one.fired_at
                && one.fired_at <= incident.from.after(minutes(within))
        });
        let (_, one) = found.unwrap_or_else(|| panic!("{fault}: no {rule} with {name}={value} within {within} min"));
        let until = one.resolved_at.unwrap_or(end());
        assert!(until <= incident.to.after(minutes(after)), "{fault}: {rule} goes on until {until:?}");
    }

    // What is stuck is told once a place, when the first deadline there is over, with all that are stuck in the end.
    let stuck: Vec<&Episode> = all.iter().filter(|(rule, _)| rule.rule == "OrdersStuck").map(|(_, one)| *one).collect();
    let place = |one: &Episode| Some((one.labels.get("status")?.clone(), one.value.to_string()));
    let of_place: BTreeMap<String, String> = stuck.iter().filter_map(|one| place(one)).collect();
    let wanted: BTreeMap<String, String> =
        victims.iter().map(|(status, ids)| ((*status).to_owned(), ids.len().to_string())).collect();
    assert_eq!((of_place, stuck.len()), (wanted, victims.len()), "{stuck:?}");
    assert!(stuck.iter().all(|one| one.resolved_at.is_none()), "nobody has moved them on: {stuck:?}");

    // Whatever else fired did so during a fault, or shortly after.
    let strange = all.iter().filter(|(rule, one)| rule.rule != "OrdersStuck" && !during(&incidents, one.fired_at));
    let strange: Vec<String> = strange.map(|(rule, one)| shown(&rule.rule, one)).collect();
    assert!(strange.is_empty(), "{}", strange.join("\n"));
    assert!(told.iter().all(|rule| rule.error.is_none()), "{told:?}");
    past.close().await;
}

/// A fault goes on, or was over for less than an hour.
fn during(incidents: &Incidents, time: Timestamp) -> bool {
    incidents.iter().any(|one| one.from <= time && time <= one.to.after(Duration::from_secs(3_600)))
}
