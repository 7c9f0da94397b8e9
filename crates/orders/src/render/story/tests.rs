use auth::Services;
use std::collections::HashMap;

use crate::fixture::{ORDER_4711, at, with_events};
use crate::render::{Style, story};
use crate::tell::{self, Access};
use crate::{Graph, ObjectRef, Story};

fn told(text: &str, now: &str, services: &Services) -> Story {
    let object = ObjectRef { object: "order".to_owned(), id: "4711".to_owned() };
    with_events(text, |events| {
        let lines: HashMap<u128, String> =
            events.iter().zip(crate::fixture::rows(text)).map(|(event, (_, line))| (event.id, line.to_owned())).collect();
        let mut events = events.to_vec();
        tell::sort(&mut events);
        let access = Access { services, lines: Some(&lines) };
        tell::tell(object, &events, Some(&Graph::built_in()), access, at(now)).unwrap()
    })
}

#[test]
fn look() {
    let told = told(ORDER_4711, "2026-03-16T06:00:00Z", &Services::All);
    println!("{}", story(&told, &Style { zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(3)), ..Style::default() }));
    println!("{}", story(&told, &Style { color: true, language: crate::render::Language::Russian, ..Style::default() }));
    println!("{}", serde_json::to_string_pretty(&told.deviations).unwrap());
}
