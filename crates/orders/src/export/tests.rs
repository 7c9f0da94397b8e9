//! Event logs are whole, escaped, and end when nobody listens.

use super::*;
use crate::fixture::{ORDER_4711, at, with_events};
use crate::live::Live;
use crate::{Graphs, Select};

fn written(format: ExportFormat, rows: &str, most: usize) -> (String, usize) {
    let (graphs, select) = (Graphs::default(), Select::default());
    let mut live = Live::default();
    with_events(rows, |events| events.iter().for_each(|event| live.apply(event, &graphs)));
    live.refresh(&graphs, at("2026-03-16T06:00:00Z"));
    let trails = live.trails("order");
    let lens = Lens::new((&trails, &graphs), &select, "order", at("2026-03-16T06:00:00Z"));
    let (mut text, mut pieces, mut whole) = (Vec::new(), 0, false);
    export(&lens, format, |piece| {
        whole |= piece.is_empty();
        text.extend(piece);
        pieces += 1;
        pieces < most
    });
    assert_eq!(whole, pieces < most, "only what nobody stopped is told to be whole");
    (String::from_utf8(text).unwrap(), pieces)
}

#[test]
fn xes_has_an_event_for_each_step() {
    let (text, _) = written(ExportFormat::Xes, ORDER_4711, usize::MAX);
    assert_eq!((text.matches("<trace>").count(), text.matches("<event>").count()), (1, 7));
    assert!(
        text.contains(
            "value=\"MANUFACTURING_STARTED\"/><date key=\"time:timestamp\" value=\"2026-03-11T15:00:00.000Z\""
        ),
        "{text}"
    );
    assert!(text.trim_end().ends_with("</log>"));
}

#[test]
fn ocel_names_the_objects_beside_the_order() {
    let (text, _) = written(ExportFormat::Ocel, ORDER_4711, usize::MAX);
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ids = |list: &str| {
        log[list].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("objects"), ["order/4711", "customer/1207", "model/m-88"]);
    assert_eq!(ids("events").len(), 7);
    assert_eq!(log["events"][0]["relationships"].as_array().unwrap().len(), 3);
    assert_eq!((log["eventTypes"].as_array().unwrap().len(), log["objectTypes"].as_array().unwrap().len()), (6, 3));
}

#[test]
fn names_that_would_break_the_log_do_not() {
    let rows = "shop-api [2026-03-09T10:00:00Z][STATUS][order] order_id=\"a<b>&\\\"c\" to=CREATED";
    let (text, _) = written(ExportFormat::Xes, rows, usize::MAX);
    assert!(text.contains("value=\"a&lt;b&gt;&amp;&quot;c\""), "{text}");
    let (text, _) = written(ExportFormat::Csv, rows, usize::MAX);
    assert!(text.contains("\"a<b>&\"\"c\",CREATED,2026-03-09T10:00:00.000Z,shop-api,line,0,false"), "{text}");
    let (text, _) = written(ExportFormat::Ocel, rows, usize::MAX);
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
}

#[test]
fn who_stops_listening_ends_it() {
    let rows: String = (0..5_000)
        .map(|id| format!("shop-api [2026-03-09T10:00:00Z][STATUS][order] order_id=number-{id} to=CREATED\n"))
        .collect();
    assert!(3 < written(ExportFormat::Xes, &rows, usize::MAX).1);
    assert_eq!(written(ExportFormat::Xes, &rows, 2).1, 2);
}
