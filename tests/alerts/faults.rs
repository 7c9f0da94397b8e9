//! Two weeks with one fault of each kind: the right alert fires within its time, ends after, and nothing else is told.

use std::time::Duration;

use alert::backtest::{Episode, RuleHistory};
use demo::faults::{Fault, Incidents};
use logline::Timestamp;

use super::past::{Past, end, lines, plan, shown};

/// What must be told about a fault: rule, a label, within which time it must begin and how long after the end it may go on.
const EXPECTED: [Expected; 8] = [
    (Fault::TrafficSpike, "VolumeAnomaly", ("service_name", "shop-api"), 20, 30),
    (Fault::SilentService, "ServiceSilent", ("service_name", "crm-api"), 7, 5),
    (Fault::SilentService, "OrderTransitionFailed", ("peer", "crm-api"), 10, 10),
    (Fault::BadRequests, "HttpClientErrors", ("service_name", "shop-api"), 2, 8),
    (Fault::FailedChange, "OrderTransitionFailed", ("service_name", "mes-api"), 10, 15),
    (Fault::FailedChange, "HttpServerErrors", ("service_name", "mes-api"), 10, 15),
    (Fault::LostHandover, "OrderTransitionFailed", ("peer", "queue"), 10, 10),
    (Fault::LostHandover, "OrdersStuck", ("reason", "unconfirmed"), 20, 100_000),
];

type Expected = (Fault, &'static str, (&'static str, &'static str), u64, u64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_told_by_the_right_alert_in_time_and_nothing_else_is() {
    let plan = plan(14, Fault::ALL.into());
    let past = Past::new(plan.end).await;
    for (service, lines) in lines(&plan) {
        past.store(service, &lines).await;
    }
    let victims = Fault::ALL.iter().map(|fault| fault.victims() as usize).sum();
    assert_eq!(past.stuck(victims).await, victims, "all victims are stuck at the end, and nobody else is");
    let told = past.told(plan.start, end()).await;
    let incidents = Incidents::of_history(plan.start, plan.end);
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

    // The forgotten pieces are told when their deadline is over: one incident with both ids.
    let forgotten = all.iter().filter(|(rule, one)| {
        rule.rule == "OrdersStuck" && one.labels.get("status").is_some_and(|status| status == "MANUFACTURING_COMPLETED")
    });
    let forgotten: Vec<&Episode> = forgotten.map(|(_, one)| *one).collect();
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    assert!((forgotten[0].value - 2.0).abs() < 0.1, "{forgotten:?}");

    // Whatever fired did so during a fault or because of its victims.
    let strange = all.iter().filter(|(rule, one)| rule.rule != "OrdersStuck" && !during(&incidents, one.fired_at));
    let strange: Vec<String> = strange.map(|(rule, one)| shown(&rule.rule, one)).collect();
    assert!(strange.is_empty(), "{}", strange.join("\n"));
    past.close().await;
}

/// A fault goes on, or was over for less than an hour.
fn during(incidents: &Incidents, time: Timestamp) -> bool {
    incidents.iter().any(|one| one.from <= time && time <= one.to.after(Duration::from_secs(3_600)))
}
