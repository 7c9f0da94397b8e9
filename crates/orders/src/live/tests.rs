//! The state of open objects: order of arrival, repeats, ends, bounds.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::fixture::{ORDER_4711, at, with_events};

const NOW: &str = "2026-03-16T06:00:00Z";

/// `type/id status since service` of each open object.
fn open(live: &mut Live, now: &str) -> Vec<String> {
    live.refresh(&Graphs::default(), at(now));
    let shown = |open: Open<'_>| {
        let since = jiff::Timestamp::from(open.visit.entered);
        format!("{}/{} {} {since} {}", open.object, open.id, open.status, open.service)
    };
    let mut all: Vec<String> = live.open().map(shown).collect();
    all.sort();
    all
}

fn fed(text: &str) -> Live {
    let mut live = Live::default();
    with_events(text, |events| events.iter().for_each(|event| live.apply(event, &Graphs::default())));
    live
}

fn status(id: usize, time: &str, change: &str) -> String {
    format!("mes-api [{time}][STATUS][order] order_id={id} {change}\n")
}

#[test]
fn an_open_order_shows_its_newest_status() {
    let mut live = fed(ORDER_4711);
    assert_eq!(open(&mut live, NOW), ["order/4711 MANUFACTURING_STARTED 2026-03-11T15:00:00Z shop-api"]);
    let failure = live.open().next().unwrap().failure.unwrap().clone();
    assert_eq!((failure.http_status, failure.error.as_deref()), (Some(500), Some("laser cutter offline")));
}

#[test]
fn an_ended_order_goes_and_late_events_do_not_bring_it_back() {
    let mut live = fed(&status(1, "2026-03-09T10:00:00Z", "from=DELIVERED to=CLOSED"));
    assert!(open(&mut live, NOW).is_empty());
    let late = status(1, "2026-03-09T09:00:00Z", "from=SHIPPED to=DELIVERED");
    with_events(&late, |events| events.iter().for_each(|event| live.apply(event, &Graphs::default())));
    assert!(open(&mut live, NOW).is_empty());
    assert_eq!(live.objects, 0);
}

#[test]
fn a_model_ends_with_the_order_that_named_it_last_whichever_is_told_first() {
    let model = "mes-api [2026-03-15T10:00:00Z][STATUS][model] model_id=7 from=UPLOADED to=CHECKED\n";
    let named = "shop-api [2026-03-15T11:00:00Z][REQ][POST /orders] order_id=1 model_id=7 status=CREATED\n";
    let closed = status(1, "2026-03-15T12:00:00Z", "from=DELIVERED to=CLOSED");
    for rows in [[model, named, &closed], [&closed, named, model], [named, &closed, model]] {
        assert!(open(&mut fed(&rows.concat()), NOW).is_empty(), "{rows:?}");
    }
    let again = "shop-api [2026-03-15T13:00:00Z][REQ][POST /orders] order_id=2 model_id=7 status=CREATED\n";
    let both = open(&mut fed(&[again, &closed, named, model].concat()), NOW);
    assert_eq!(both.len(), 2, "the model is needed for another order: {both:?}");
}

#[test]
fn an_object_without_a_graph_is_let_go_when_nothing_happens_to_it() {
    let mut live = fed("mes-api [2026-03-09T10:00:00Z][STATUS][model] model_id=7 from=UPLOADED to=CHECKED");
    assert_eq!(open(&mut live, "2026-03-16T09:59:59Z").len(), 1);
    let ends = |live: &Live| {
        let mut ends = Vec::new();
        live.trails("model").each(|trail| ends.push(trail.end));
        ends
    };
    assert_eq!(ends(&live), [None], "open in the list, open to analysis");
    assert!(open(&mut live, "2026-03-16T10:00:01Z").is_empty());
    assert_eq!(live.objects, 0);
    assert_eq!(ends(&live), [Some(1)], "ended where it was last");
}

/// The ways that are told of a type: statuses and rating.
fn ways(live: &Live, object: &str) -> Vec<(usize, Option<u8>)> {
    let mut ways = Vec::new();
    live.trails(object).each(|trail| ways.push((trail.stays.len(), trail.rating)));
    ways
}

fn add(live: &mut Live, rows: &str) {
    with_events(rows, |events| events.iter().for_each(|event| live.apply(event, &Graphs::default())));
}

#[test]
fn an_object_that_goes_on_after_it_was_let_go_counts_once_and_is_read_again() {
    let mut live = fed("mes-api [2026-03-09T10:00:00Z][STATUS][model] model_id=7 from=UPLOADED to=CHECKED");
    live.refresh(&Graphs::default(), at("2026-03-17T10:00:00Z"));
    assert!(!live.is_behind());
    add(&mut live, "mes-api [2026-03-18T10:00:00Z][STATUS][model] model_id=7 from=CHECKED to=SLICED");
    live.refresh(&Graphs::default(), at("2026-03-18T10:00:01Z"));
    assert_eq!(ways(&live, "model"), [(2, None)]);
    assert_eq!(live.take_late(9), Some(("model".to_owned(), vec!["7".to_owned()])));
}

#[test]
fn of_many_that_have_only_just_ended_the_last_ones_are_followed_on() {
    let closed = |n: u64| {
        let time = jiff::Timestamp::from(at("2026-03-16T05:55:00Z").after(Duration::from_millis(n)));
        status(usize::try_from(n).unwrap(), &time.to_string(), "from=DELIVERED to=CLOSED")
    };
    let mut live = fed(&(0..FOLLOWED as u64 + 5).map(closed).collect::<String>());
    live.refresh(&Graphs::default(), at(NOW));
    assert_eq!((live.objects, live.kept().0), (FOLLOWED, 5));
    let open = &live.types["order"].open;
    assert!(!open.contains_key("4") && open.contains_key("5"));
}

#[test]
fn a_rating_that_comes_late_is_noted_without_reading_the_order_again() {
    let mut live = fed(&status(1, "2026-03-09T10:00:00Z", "from=DELIVERED to=CLOSED"));
    live.refresh(&Graphs::default(), at(NOW));
    add(
        &mut live,
        "shop-api [2026-03-12T10:00:00Z][RESP][POST /ratings] order_id=1 status=CLOSED http_status=200 rating=4",
    );
    assert_eq!(ways(&live, "order"), [(2, Some(4))]);
    assert!(!live.is_behind());
}

#[test]
fn what_says_nothing_of_a_status_takes_no_memory() {
    let live = fed("shop-api [2026-03-09T10:00:00Z][REQ][GET /cart] customer_id=7");
    assert_eq!(live.objects, 0);
}

#[test]
fn an_order_with_very_many_lines_keeps_its_status_in_little_memory() {
    let mut text = status(1, "2026-03-09T10:00:00Z", "from=CREATED to=SUBMITTED");
    for n in 0..1_000 {
        let time = jiff::Timestamp::from(at("2026-03-09T10:00:10Z").after(Duration::from_secs(n)));
        text += &format!("crm-api [{time}][REQ][GET /x] order_id=1 request_id=r{n} dir=in status=SUBMITTED\n");
    }
    let mut live = fed(&text);
    assert_eq!(open(&mut live, NOW), ["order/1 SUBMITTED 2026-03-09T10:00:00Z mes-api"]);
    let held = live.types["order"].open["1"].marks.len();
    assert!(held <= MARKS, "{held} marks are held");
}

#[test]
fn of_too_many_objects_those_go_whose_last_event_is_oldest() {
    let mut live = Live::default();
    let rows: String = (0..20).map(|id| status(id, &format!("2026-03-09T10:00:{id:02}Z"), "to=CREATED")).collect();
    with_events(&rows, |events| events.iter().for_each(|event| live.apply(event, &Graphs::default())));
    live.make_room(5);
    let left = open(&mut live, NOW);
    assert_eq!((left.len(), live.objects, live.dropped()), (15, 15, 5));
    assert!(!left.iter().any(|one| one.starts_with("order/0 ") || one.starts_with("order/4 ")));
}

proptest! {
    /// The state depends on the set of events, whatever their order, with repeats, however often somebody looks.
    #[test]
    fn shuffled_events_give_the_same_state(
        order in Just((0..23_usize).collect::<Vec<_>>()).prop_shuffle(),
        repeated in proptest::collection::vec(0..23_usize, 0..10),
        look_after in 0..23_usize,
    ) {
        let mut wanted = fed(ORDER_4711);
        let mut live = Live::default();
        with_events(ORDER_4711, |events| {
            let come = order.iter().chain(&repeated).filter_map(|index| events.get(*index)).chain(events.iter().skip(23));
            for (index, event) in come.enumerate() {
                live.apply(event, &Graphs::default());
                if index == look_after {
                    live.refresh(&Graphs::default(), at(NOW));
                }
            }
        });
        prop_assert_eq!(open(&mut wanted, NOW), open(&mut live, NOW));
        let failure = |live: &Live| live.open().next().and_then(|open| open.failure.cloned());
        prop_assert_eq!(failure(&wanted), failure(&live));
    }
}
