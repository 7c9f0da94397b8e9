//! Incidents over orders that three services write about.

use std::time::Duration;

use super::*;
use crate::fixture::{at, with_events};
use crate::{Graph, IncidentFilter};

fn live(rows: &str, graphs: &Graphs) -> Live {
    let mut live = Live::default();
    with_events(rows, |events| events.iter().for_each(|event| live.apply(event, graphs)));
    live.refresh(graphs, at(NOW));
    live
}

const NOW: &str = "2026-03-16T06:00:00Z";

fn told(live: &Live, filter: &IncidentFilter, graphs: &Graphs) -> Vec<(String, Vec<String>)> {
    let all = incidents(live, filter, graphs, &Services::All, at(NOW));
    all.into_iter().map(|one| (one.id, one.orders.into_iter().map(|order| order.id).collect())).collect()
}

#[test]
fn orders_stuck_in_the_same_place_are_one_incident_that_names_them() {
    let graphs = Graphs::default();
    let live = live(
        "shop-api [2026-03-16T05:00:00Z][STATUS][order] order_id=1 from=CREATED to=SUBMITTED
         shop-api [2026-03-16T04:00:00Z][STATUS][order] order_id=2 from=CREATED to=SUBMITTED
         mes-api [2026-03-16T04:10:00Z][REQ][POST /mes/prices] order_id=2 status=SUBMITTED
         mes-api [2026-03-16T04:11:00Z][RESP][POST /mes/prices] order_id=2 status=SUBMITTED http_status=503 error=\"pool exhausted\" trace_id=t2
         shop-api [2026-03-16T05:45:00Z][STATUS][order] order_id=3 from=CREATED to=SUBMITTED
         mes-api [2026-03-16T05:00:00Z][STATUS][order] order_id=4 from=PACKAGING to=SHIPPED",
        &graphs,
    );
    let all = IncidentFilter::default();
    let (late, lost) = ("order/SUBMITTED/mes-api/deadline", "order/SHIPPED/crm-api/unconfirmed");
    let want = [(late.to_owned(), vec!["2".to_owned(), "1".to_owned()]), (lost.to_owned(), vec!["4".to_owned()])];
    assert_eq!(told(&live, &all, &graphs), want);
    let incidents = incidents(&live, &all, &graphs, &Services::All, at(NOW));
    assert_eq!((incidents[0].since, incidents[0].newest), (at("2026-03-16T04:30:00Z"), at("2026-03-16T05:30:00Z")));
    assert_eq!(incidents[0].last_error.as_ref().unwrap().error.as_deref(), Some("pool exhausted"));
    assert_eq!(incidents[1].awaits.as_ref().unwrap().services, ["queue", "crm-api"]);
    let two = IncidentFilter { at_least: 2, ..IncidentFilter::default() };
    assert_eq!(told(&live, &two, &graphs).len(), 1);
    let lost = IncidentFilter { reasons: vec![StuckReason::Unconfirmed], ..IncidentFilter::default() };
    assert_eq!(told(&live, &lost, &graphs).len(), 1);
    let none = IncidentFilter { statuses: vec!["PACKAGING".to_owned()], ..IncidentFilter::default() };
    assert!(told(&live, &none, &graphs).is_empty());
}

#[test]
fn an_event_that_must_follow_and_does_not_is_missing() {
    let text = "[[status]]\nname = \"PAID\"\nowner = \"crm\"\nnext = [\"DONE\"]\nexpect = { service = \"crm\", within = \"5m\" }\n\
                [[status]]\nname = \"DONE\"\nowner = \"crm\"";
    let graphs = Graphs::new([Graph::read(text).unwrap()]);
    let live = live(
        "shop-api [2026-03-16T05:00:00Z][STATUS][order] order_id=1 to=PAID
         shop-api [2026-03-16T05:00:00Z][STATUS][order] order_id=2 to=PAID
         crm-api [2026-03-16T05:03:00Z][REQ][POST /crm/orders] order_id=2 status=PAID
         shop-api [2026-03-16T05:56:00Z][STATUS][order] order_id=3 to=PAID",
        &graphs,
    );
    let incidents = incidents(&live, &IncidentFilter::default(), &graphs, &Services::All, at(NOW));
    assert_eq!((incidents.len(), incidents[0].id.as_str()), (1, "order/PAID/crm/missing"));
    assert_eq!((incidents[0].total, incidents[0].since), (1, at("2026-03-16T05:05:00Z")));
    assert_eq!(incidents[0].awaits.as_ref().unwrap().within_ms, 300_000);
}

#[test]
fn what_is_unusual_is_an_incident_only_when_it_is_more_than_chance_and_asked_for() {
    let graphs = Graphs::default();
    let rows = |count: usize| -> String {
        (0..count)
            .map(|id| {
                format!(
                    "mes-api [2026-03-16T04:{id:02}:00Z][STATUS][order] order_id={id} from=PACKAGING to=DELIVERED\n"
                )
            })
            .collect()
    };
    let told = |count: usize, filter: &IncidentFilter| {
        let mut live = live(&rows(count), &graphs);
        live.set_norms("order", &[("DELIVERED".to_owned(), Duration::from_secs(3_600))]);
        told(&live, filter, &graphs).len()
    };
    let unusual = IncidentFilter { reasons: vec![StuckReason::Unusual], ..IncidentFilter::default() };
    assert_eq!([told(2, &unusual), told(3, &unusual), told(3, &IncidentFilter::default())], [0, 1, 0]);
}
