//! One incident from its first alert to its report.

use super::*;
use crate::message::tests::{NOW, alert};

const MINUTE: i64 = 60_000_000_000;

fn at(minutes: i64) -> Timestamp {
    Timestamp(NOW.0 + minutes * MINUTE)
}

fn stuck(order: &str, status: &str) -> Alert {
    let labels = [("alertname", "OrderStuck"), ("service_name", "mes"), ("status", status), ("order_id", order)];
    let mut alert = alert(&labels, &[], 5);
    alert.evidence.orders = vec![order.to_owned()];
    alert.evidence.orders_total = 1;
    alert.evidence.first_seen = at(-12);
    alert
}

fn opened() -> Incident {
    let first = stuck("1", "PACKAGING");
    let mut incident = Incident::open("i1".to_owned(), &first, "OrderStuck".to_owned(), at(0));
    incident.absorb(&first, at(0), &str::to_owned);
    incident
}

#[test]
fn orders_stuck_at_one_place_are_one_incident_that_names_them() {
    let (first, second, elsewhere) = (stuck("1", "PACKAGING"), stuck("2", "PACKAGING"), stuck("3", "SHIPPED"));
    assert_eq!(Incident::key(&first), Incident::key(&second));
    assert_ne!(Incident::key(&first), Incident::key(&elsewhere));
    assert_eq!(Incident::title(&first), "OrderStuck · PACKAGING");
    let mut incident = opened();
    assert!(incident.absorb(&second, at(1), &str::to_owned));
    assert!(!incident.absorb(&second, at(2), &str::to_owned), "the same again changes nothing");
    assert_eq!((incident.orders.as_slice(), incident.orders_total), (["1".to_owned(), "2".to_owned()].as_slice(), 2));
    assert_eq!(incident.started_at, at(-12));
}

#[test]
fn it_tells_who_is_stuck_now_and_who_has_moved_on() {
    let stuck = |orders: &[&str], ends_at| {
        let mut alert = Alert { ends_at, ..stuck("1", "PACKAGING") };
        alert.labels.remove("order_id");
        alert.rule.kind = "order_stuck".to_owned();
        alert.evidence.orders = orders.iter().map(|&order| order.to_owned()).collect();
        alert.evidence.orders_total = orders.len() as u64;
        alert
    };
    let first = stuck(&["1", "2"], None);
    let mut incident = Incident::open("i1".to_owned(), &first, "OrderStuck".to_owned(), at(0));
    incident.absorb(&first, at(0), &str::to_owned);
    incident.absorb(&stuck(&["2", "3"], None), at(5), &str::to_owned);
    assert_eq!(incident.orders_now(), Named { orders: vec!["2".to_owned(), "3".to_owned()], total: 2 });
    assert!(!incident.absorb(&stuck(&["2", "3"], None), at(6), &str::to_owned), "the same again changes nothing");
    incident.absorb(&stuck(&["2", "3"], Some(at(8))), at(8), &str::to_owned);
    assert_eq!(incident.orders_now(), Named::default());
    assert_eq!((incident.orders.as_slice(), incident.orders_total), (["1", "2", "3"].map(str::to_owned).as_slice(), 3));
    let told = incident.timeline.iter().filter(|event| ["stuck", "moved on"].contains(&event.what.as_str()));
    let told: Vec<(&str, &str)> = told.map(|event| (event.what.as_str(), event.text.as_str())).collect();
    assert_eq!(told, [("stuck", "1, 2"), ("stuck", "3"), ("moved on", "1"), ("moved on", "2, 3")]);
}

#[test]
fn it_is_over_when_all_alerts_are_and_goes_on_when_one_comes_back_soon() {
    let mut incident = opened();
    incident.absorb(&stuck("2", "PACKAGING"), at(1), &str::to_owned);
    let end = |order: &str, minutes| Alert { ends_at: Some(at(minutes)), ..stuck(order, "PACKAGING") };
    incident.absorb(&end("1", 3), at(3), &str::to_owned);
    assert_eq!(incident.state, IncidentState::Open);
    incident.absorb(&end("2", 4), at(4), &str::to_owned);
    assert_eq!((incident.state, incident.resolved_at), (IncidentState::Resolved, Some(at(4))));
    assert!(!incident.is_followed() && incident.goes_on(at(19)) && !incident.goes_on(at(20)));
    incident.absorb(&stuck("1", "PACKAGING"), at(10), &str::to_owned);
    assert_eq!((incident.state, incident.resolved_at), (IncidentState::Open, None));
    let words: Vec<&str> = incident.timeline.iter().map(|event| event.what.as_str()).collect();
    let want = ["opened", "alert", "alert", "alert ended", "alert ended", "resolved", "alert", "reopened"];
    assert_eq!(words, want);
}

#[test]
fn people_acknowledge_assign_and_resolve_and_their_word_holds() {
    let mut incident = opened();
    incident.act(IncidentAction::Ack { comment: "looking".to_owned() }, "anna", at(2)).unwrap();
    assert_eq!((incident.state, incident.assignee.as_deref()), (IncidentState::Acknowledged, Some("anna")));
    incident.act(IncidentAction::Assign { to: "boris".to_owned() }, "anna", at(3)).unwrap();
    assert_eq!(incident.assignee.as_deref(), Some("boris"));
    incident.act(IncidentAction::Resolve { comment: String::new() }, "boris", at(5)).unwrap();
    // The alert still fires: the incident stays resolved, and no new one is opened for it.
    incident.absorb(&stuck("1", "PACKAGING"), at(6), &str::to_owned);
    assert_eq!(incident.state, IncidentState::Resolved);
    assert!(incident.is_followed() && incident.goes_on(at(600)));
    assert!(incident.act(IncidentAction::Ack { comment: String::new() }, "anna", at(7)).is_err());
    assert!(incident.act(IncidentAction::Comment { comment: " ".to_owned() }, "anna", at(7)).is_err());
}

#[test]
fn a_report_has_the_delays_of_all_by_rule_and_by_service() {
    let mut incidents = Vec::new();
    for (told, over) in [(0, 10), (1, 20), (2, 60)] {
        let mut incident = opened();
        incident.started_at = at(-1);
        incident.notified("ops", at(told));
        incident.notified("ops", at(told + 1));
        incident.act(IncidentAction::Resolve { comment: String::new() }, "anna", at(over)).unwrap();
        incidents.push(incident);
    }
    let report = report(&incidents);
    assert_eq!((report.all.incidents, report.all.detect.count), (3, 3));
    assert!((report.all.detect.median_seconds - 120.0).abs() < 1e-9);
    assert!((report.all.resolve.p90_seconds - 61.0 * 60.0).abs() < 1e-9);
    assert!((report.all.resolve.mean_seconds - 31.0 * 60.0).abs() < 1e-9);
    assert_eq!(report.all.acknowledge, Delay::default());
    assert_eq!(report.services[0].name, "mes");
}

#[test]
fn a_timeline_is_bounded_and_keeps_its_beginning() {
    let mut incident = opened();
    for number in 0..1_000 {
        incident.act(IncidentAction::Comment { comment: number.to_string() }, "anna", at(number)).unwrap();
    }
    assert_eq!(incident.timeline.len(), MOST_EVENTS);
    assert_eq!(incident.timeline[0].what, "opened");
    assert_eq!(incident.timeline.last().unwrap().text, "999");
}

#[test]
fn an_order_that_several_alerts_name_counts_once() {
    let named = |orders: &[&str], total| (orders.iter().map(|&order| order.to_owned()).collect::<Vec<_>>(), total);
    let alerts = [named(&["1", "2"], 2), named(&["2", "3"], 5), named(&["1", "3"], 2)];
    let together = Named::together(alerts.iter().map(|(orders, total)| (orders.as_slice(), *total)));
    assert_eq!(together, Named { orders: ["1", "2", "3"].map(str::to_owned).to_vec(), total: 6 });
}
