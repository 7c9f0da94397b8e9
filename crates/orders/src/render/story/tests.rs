//! Stories as they are drawn; the drawings stand in files beside this one.

use std::collections::{BTreeSet, HashMap};

use auth::Services;
use expect_test::{ExpectFile, expect_file};
use jiff::tz::{TimeZone, offset};

use crate::fixture::{ORDER_4711, at, rows, with_events};
use crate::render::{Style, story};
use crate::tell::{self, Access};
use crate::{Graphs, ObjectRef, Story};
use stdx::Language;

const NOW: &str = "2026-03-16T06:00:00Z";

fn told(text: &str, (object, id): (&str, &str), services: &Services) -> Story {
    let object = ObjectRef { object: object.to_owned(), id: id.to_owned() };
    with_events(text, |events| {
        let lines: HashMap<u64, String> =
            events.iter().zip(rows(text)).map(|(event, (_, line))| (event.id, line.to_owned())).collect();
        let mut events = events.to_vec();
        tell::sort(&mut events);
        let access = Access { services, lines: Some(&lines) };
        tell::tell(&object, &events, (&Graphs::default(), &|_| None), access, at(NOW)).unwrap()
    })
}

#[track_caller]
fn check(told: &Story, style: &Style, want: &ExpectFile) {
    let drawn = story(told, style);
    assert!(drawn.lines().all(|row| row.chars().count() <= style.width), "a row is wider than the terminal");
    want.assert_eq(&drawn);
}

#[test]
fn the_story_of_a_stuck_order_shows_its_way_over_three_services() {
    let told = told(ORDER_4711, ("order", "4711"), &Services::All);
    check(&told, &Style { zone: TimeZone::fixed(offset(3)), ..Style::default() }, &expect_file!["stuck.txt"]);
}

#[test]
fn the_story_is_told_in_russian_and_without_lines() {
    let told = told(ORDER_4711, ("order", "4711"), &Services::All);
    let style = Style { language: Language::Russian, lines: false, ..Style::default() };
    check(&told, &style, &expect_file!["stuck.ru.txt"]);
}

#[test]
fn a_reader_without_rights_to_a_service_sees_its_steps_but_not_its_lines() {
    let services = Services::Only(BTreeSet::from(["shop-api".to_owned(), "crm-api".to_owned()]));
    let told = told(ORDER_4711, ("order", "4711"), &services);
    check(&told, &Style::default(), &expect_file!["hidden.txt"]);
    assert!(!serde_json::to_string(&told).unwrap().contains("laser"));
}

#[test]
fn a_closed_order_is_complete() {
    let text = "
        crm-api [2026-03-09T09:00:00Z][STATUS][order] order_id=5 from=SHIPPED to=DELIVERED trace_id=ab
        crm-api [2026-03-10T09:00:00Z][STATUS][order] order_id=5 from=DELIVERED to=CLOSED trace_id=cd
    ";
    check(
        &told(text, ("order", "5"), &Services::All),
        &Style { width: 80, ..Style::default() },
        &expect_file!["closed.txt"],
    );
}

#[test]
fn a_model_has_a_story_without_a_graph() {
    let text = "
        mes-api [2026-03-09T09:00:00Z][STATUS][model] model_id=m-88 order_id=4711 to=UPLOADED
        mes-api [2026-03-09T09:00:02Z][STATUS][model] model_id=m-88 order_id=4711 from=UPLOADED to=CHECKED
    ";
    check(&told(text, ("model", "m-88"), &Services::All), &Style::default(), &expect_file!["model.txt"]);
}

#[test]
fn a_story_survives_the_wire() {
    let told = told(ORDER_4711, ("order", "4711"), &Services::All);
    let json = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<Story>(&json).unwrap(), told);
}

#[test]
fn a_line_cannot_write_to_the_terminal() {
    let text = "mes-api [2026-03-09T09:00:00Z][STATUS][order] order_id=5 to=CREATED note=\"\u{1b}[2J\"";
    let told = told(text, ("order", "5"), &Services::All);
    assert!(!story(&told, &Style::default()).contains('\u{1b}'));
    assert!(!story(&told, &Style { wide: true, ..Style::default() }).contains('\u{1b}'));
}
