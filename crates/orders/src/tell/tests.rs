//! Stories put together from events.

use std::collections::BTreeSet;

use super::*;
use crate::fixture::{ORDER_4711, at, with_events};
use crate::{DeviationKind, StuckReason};

fn told(text: &str, services: &Services, lines: Option<&HashMap<u64, String>>) -> Story {
    let object = ObjectRef { object: "order".to_owned(), id: "4711".to_owned() };
    with_events(text, |events| {
        let mut events = events.to_vec();
        sort(&mut events);
        let access = Access { services, lines };
        tell(&object, &events, (&Graphs::default(), &|_| None), access, at("2026-03-16T06:00:00Z")).unwrap()
    })
}

#[test]
fn dwell_runs_from_entry_to_entry_and_on_until_now() {
    let story = told(ORDER_4711, &Services::All, None);
    let dwell: Vec<u64> = story.steps.iter().map(|step| step.dwell_ms).collect();
    assert_eq!(dwell, [146_040, 74_860, 12_255_150, 69_599_950, 113_400_000, 9_000_000, 399_600_000]);
    assert_eq!(story.total_ms, dwell.iter().sum::<u64>());
    assert!(story.steps.last().unwrap().left.is_none());
    let stuck = story.stuck.unwrap();
    assert_eq!((stuck.reason, stuck.overdue_ms), (StuckReason::Deadline, 399_600_000 - 3 * 86_400_000));
}

#[test]
fn the_calls_that_led_to_a_change_belong_to_its_step() {
    let story = told(ORDER_4711, &Services::All, None);
    let priced = &story.steps[2];
    assert_eq!((priced.status.as_str(), priced.events.len()), ("PRICE_CALCULATED", 9));
    assert!(priced.events.iter().all(|event| event.trace_id == priced.events[0].trace_id));
    let of_steps: usize = story.steps.iter().map(|step| step.events.len()).sum();
    assert_eq!(of_steps, ORDER_4711.lines().count());
}

#[test]
fn errors_retries_traces_and_related_objects_are_told() {
    let story = told(ORDER_4711, &Services::All, None);
    let errors: Vec<_> = story.failures.iter().map(|failure| (failure.service.as_str(), failure.http_status)).collect();
    assert_eq!(errors, [("mes-api", Some(503)), ("crm-api", Some(503)), ("mes-api", Some(500))]);
    assert_eq!(story.retries.len(), 1);
    assert_eq!((story.retries[0].attempts, story.retries[0].succeeded), (2, true));
    assert_eq!(story.traces.len(), 8);
    let related: Vec<String> = story.related.iter().map(|other| format!("{}/{}", other.object, other.id)).collect();
    assert_eq!(related, ["customer/1207", "model/m-88"]);
    assert!(matches!(story.deviations[0].kind, DeviationKind::WrongService { .. }));
}

#[test]
fn a_line_is_hidden_gone_or_omitted() {
    let only_shop = Services::Only(BTreeSet::from(["shop-api".to_owned()]));
    let none = HashMap::new();
    let count = |story: &Story, line: &Line| {
        story.steps.iter().flat_map(|step| &step.events).filter(|event| event.line == *line).count()
    };
    let story = told(ORDER_4711, &only_shop, Some(&none));
    assert_eq!((count(&story, &Line::Hidden), count(&story, &Line::Gone)), (17, 9));
    assert_eq!(story.hidden_lines, 17);
    let story = told(ORDER_4711, &Services::All, None);
    assert_eq!(count(&story, &Line::Omitted), 26);
}

#[test]
fn an_object_without_status_has_a_story_without_steps() {
    let text = "shop-api [2026-03-09T10:00:00Z][RESP][GET /orders/{id}] order_id=4711 http_status=404 trace_id=t";
    let story = told(text, &Services::All, None);
    assert_eq!((story.status, story.steps.len(), story.failures.len()), (None, 0, 1));
    assert_eq!(story.failures[0].step, None);
}
