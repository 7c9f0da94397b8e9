//! Paths that leave the graph, and what is told about them.

use auth::Services;
use expect_test::{Expect, expect};

use crate::fixture::{at, with_events};
use crate::tell::{self, Access};
use crate::{Graphs, ObjectRef};
use stdx::Language;

/// Tells the deviations of `minute service from to` in each row, as JSON shows them.
#[track_caller]
fn check(text: &str, now: &str, want: &Expect) {
    let rows = text.lines().map(str::trim).filter(|row| !row.is_empty()).map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let from = if words[2] == "-" { String::new() } else { format!("from={} ", words[2]) };
        format!("{} [2026-03-09T10:{}:00Z][STATUS][order] order_id=1 {from}to={}\n", words[1], words[0], words[3])
    });
    let object = ObjectRef { object: "order".to_owned(), id: "1".to_owned() };
    let story = with_events(&rows.collect::<String>(), |events| {
        let access = Access { services: &Services::All, lines: None };
        tell::tell(&object, events, (&Graphs::default(), &|_| None), access, at(now)).unwrap()
    });
    let words = crate::render::words(Language::English);
    let told = story
        .deviations
        .iter()
        .map(|deviation| format!("{}: {}\n", story.steps[deviation.step].status, words.deviation(deviation)));
    want.assert_eq(&told.collect::<String>());
}

#[test]
fn the_expected_way_has_no_deviation() {
    check(
        "00 shop-api - CREATED
         01 shop-api CREATED SUBMITTED
         02 mes-api SUBMITTED PRICE_CALCULATED
         03 crm-api PRICE_CALCULATED MANUFACTURING_APPROVED
         04 mes-api MANUFACTURING_APPROVED MANUFACTURING_STARTED
         05 mes-api MANUFACTURING_STARTED MANUFACTURING_COMPLETED
         06 mes-api MANUFACTURING_COMPLETED MANUFACTURING_STARTED
         07 mes-api MANUFACTURING_STARTED MANUFACTURING_COMPLETED",
        "2026-03-09T10:08:00Z",
        &expect![""],
    );
}

#[test]
fn a_left_out_status_is_named() {
    check(
        "00 shop-api - CREATED
         01 mes-api CREATED PRICE_CALCULATED",
        "2026-03-09T10:08:00Z",
        &expect![[r#"
            PRICE_CALCULATED: skipped SUBMITTED
            PRICE_CALCULATED: set by mes-api, expected shop-api or crm-api
        "#]],
    );
}

#[test]
fn a_way_that_does_not_exist_and_a_status_that_does_not_exist_are_told_apart() {
    check(
        "00 crm-api - SUBMITTED
         01 mes-api SUBMITTED CREATED
         02 crm-api CREATED ON_HOLD",
        "2026-03-09T10:08:00Z",
        &expect![[r#"
            SUBMITTED: started in SUBMITTED, not in CREATED
            SUBMITTED: set by crm-api, expected mes-api
            CREATED: the graph has no way from SUBMITTED to CREATED
            ON_HOLD: ON_HOLD is not a status of the graph
        "#]],
    );
}

#[test]
fn rework_beyond_what_is_allowed_is_told() {
    check(
        "00 mes-api MANUFACTURING_STARTED MANUFACTURING_COMPLETED
         01 mes-api MANUFACTURING_COMPLETED MANUFACTURING_STARTED
         02 mes-api MANUFACTURING_STARTED MANUFACTURING_COMPLETED
         03 mes-api MANUFACTURING_COMPLETED MANUFACTURING_STARTED
         04 mes-api MANUFACTURING_STARTED MANUFACTURING_COMPLETED
         05 mes-api MANUFACTURING_COMPLETED MANUFACTURING_STARTED",
        "2026-03-09T10:08:00Z",
        &expect![[r#"
            MANUFACTURING_STARTED: entered MANUFACTURING_STARTED 4 times, allowed are 3
        "#]],
    );
}

#[test]
fn a_wrong_service_and_life_after_the_end_are_told() {
    check(
        "00 shop-api DELIVERED CLOSED
         01 mes-api CLOSED PACKAGING",
        "2026-03-09T10:08:00Z",
        &expect![[r#"
            PACKAGING: came after the end (CLOSED)
        "#]],
    );
    check(
        "00 shop-api PACKAGING SHIPPED
         01 crm-api SHIPPED DELIVERED",
        "2026-03-09T10:04:00Z",
        &expect![[r#"
            SHIPPED: set by shop-api, expected mes-api or crm-api
        "#]],
    );
}

#[test]
fn a_hand_over_is_unconfirmed_only_once_its_time_is_over() {
    let shipped = "00 mes-api PACKAGING SHIPPED";
    check(shipped, "2026-03-09T10:05:00Z", &expect![""]);
    check(
        shipped,
        "2026-03-09T10:05:01Z",
        &expect![[r#"
            SHIPPED: hand-over not confirmed within 5 min
        "#]],
    );
}

#[test]
fn a_clock_that_is_behind_is_told_instead_of_what_it_makes_of_the_path() {
    check(
        "00 shop-api - CREATED
         01 shop-api CREATED SUBMITTED
         02 crm-api PRICE_CALCULATED MANUFACTURING_APPROVED
         03 mes-api SUBMITTED PRICE_CALCULATED
         04 mes-api MANUFACTURING_APPROVED MANUFACTURING_STARTED",
        "2026-03-09T10:08:00Z",
        &expect![[r#"
            MANUFACTURING_APPROVED: left PRICE_CALCULATED by the clock of crm-api, 1 min before mes-api tells it was entered
        "#]],
    );
}
