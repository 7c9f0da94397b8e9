//! What counts as a change, and that the order of arrival does not.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::Graph;
use crate::fixture::{ORDER_4711, with_events};

/// Follows `time service kind fields` in each row; times are seconds of one minute.
fn marks_of(text: &str, symbols: &mut Symbols) -> Vec<Mark> {
    let house = text.lines().map(str::trim).filter(|row| !row.is_empty()).map(|row| {
        let mut words = row.splitn(4, ' ');
        let mut word = || words.next().unwrap();
        let (time, service, kind, fields) = (word(), word(), word(), word());
        let endpoint = if kind == "STATUS" { "order" } else { "POST /x" };
        format!("{service} [2026-03-09T10:00:{time}Z][{kind}][{endpoint}] order_id=1 {fields}\n")
    });
    with_events(&house.collect::<String>(), |events| {
        events.iter().filter_map(|event| Mark::of(event, &Graphs::default(), symbols)).collect()
    })
}

fn shown(mut marks: Vec<Mark>, graph: Option<&Graph>, symbols: &Symbols) -> String {
    sort(&mut marks, graph, symbols);
    let path = follow(&marks, graph, symbols);
    let visit = |visit: &Visit| {
        let time = jiff::Timestamp::from(visit.entered).to_string();
        let time = time.trim_start_matches("2026-03-09T10:00:").trim_end_matches('Z').to_owned();
        let confirmed = if visit.confirmed.is_some() { " confirmed" } else { "" };
        format!(
            "{} at {time} by {}, {:?}{confirmed}\n",
            symbols.name(visit.status),
            symbols.name(visit.service),
            visit.evidence
        )
    };
    let end = path.end.map(|end| format!("ended at step {end}\n")).unwrap_or_default();
    path.visits.iter().map(visit).collect::<String>() + &end
}

#[track_caller]
fn check(text: &str, want: &Expect) {
    let graph = Graph::built_in();
    let mut symbols = Symbols::default();
    let marks = marks_of(text, &mut symbols);
    want.assert_eq(&shown(marks, Some(&graph), &symbols));
}

#[test]
fn a_status_line_is_a_change() {
    check(
        "01 shop-api STATUS to=CREATED
         02 shop-api STATUS from=CREATED to=SUBMITTED",
        &expect![[r#"
            CREATED at 01 by shop-api, Line
            SUBMITTED at 02 by shop-api, Line
        "#]],
    );
}

#[test]
fn a_call_whose_status_differs_is_a_change_and_one_that_keeps_it_is_none() {
    check(
        "01 shop-api REQ request_id=a dir=in status=CREATED
         02 shop-api RESP request_id=a dir=in status=CREATED http_status=200
         03 shop-api REQ request_id=b dir=in status=CREATED
         04 shop-api RESP request_id=b dir=in status=SUBMITTED http_status=200",
        &expect![[r#"
            CREATED at 01 by shop-api, Seen
            SUBMITTED at 04 by shop-api, Call
        "#]],
    );
}

#[test]
fn nested_calls_tell_one_change_that_of_the_innermost() {
    check(
        "01 shop-api REQ request_id=a dir=in status=CREATED
         02 shop-api REQ request_id=b dir=out status=CREATED
         03 crm-api REQ request_id=b dir=in status=CREATED
         05 crm-api RESP request_id=b dir=in status=SUBMITTED http_status=200
         06 shop-api RESP request_id=b dir=out status=SUBMITTED http_status=200
         07 shop-api RESP request_id=a dir=in status=SUBMITTED http_status=200",
        &expect![[r#"
            CREATED at 01 by crm-api, Seen
            SUBMITTED at 05 by crm-api, Call
        "#]],
    );
}

#[test]
fn a_status_line_within_a_call_explains_it() {
    check(
        "01 shop-api REQ request_id=a dir=in status=CREATED
         03 crm-api STATUS from=CREATED to=SUBMITTED
         04 crm-api STATUS from=SUBMITTED to=PRICE_CALCULATED
         07 shop-api RESP request_id=a dir=in status=PRICE_CALCULATED http_status=200",
        &expect![[r#"
            CREATED at 01 by crm-api, Seen
            SUBMITTED at 03 by crm-api, Line
            PRICE_CALCULATED at 04 by crm-api, Line
        "#]],
    );
}

#[test]
fn late_news_of_an_earlier_status_changes_nothing() {
    check(
        "01 crm-api STATUS from=CREATED to=SUBMITTED
         10 mes-api STATUS from=SUBMITTED to=PRICE_CALCULATED
         20 shop-api REQ request_id=a dir=in status=CREATED
         21 shop-api RESP request_id=a dir=in status=CREATED http_status=200
         30 shop-api STATUS from=CREATED to=SUBMITTED",
        &expect![[r#"
            CREATED at 01 by crm-api, Seen
            SUBMITTED at 01 by crm-api, Line
            PRICE_CALCULATED at 10 by mes-api, Line
        "#]],
    );
}

#[test]
fn a_line_that_speaks_of_a_later_status_shows_that_it_was_entered_unseen() {
    check(
        "01 crm-api STATUS from=CREATED to=SUBMITTED
         30 crm-api REQ request_id=a dir=in status=MANUFACTURING_APPROVED",
        &expect![[r#"
            CREATED at 01 by crm-api, Seen
            SUBMITTED at 01 by crm-api, Line
            MANUFACTURING_APPROVED at 30 by crm-api, Seen
        "#]],
    );
}

#[test]
fn a_clock_that_is_ahead_does_not_make_an_order_enter_a_status_twice() {
    check(
        "01 crm-api STATUS to=CREATED
         10 mes-api REQ request_id=a dir=in status=SUBMITTED
         11 crm-api STATUS from=CREATED to=SUBMITTED",
        &expect![[r#"
            CREATED at 01 by crm-api, Line
            SUBMITTED at 11 by crm-api, Line
        "#]],
    );
}

#[test]
fn rework_goes_back_by_a_status_line() {
    check(
        "01 mes-api STATUS from=MANUFACTURING_STARTED to=MANUFACTURING_COMPLETED
         10 mes-api STATUS from=MANUFACTURING_COMPLETED to=MANUFACTURING_STARTED
         20 mes-api STATUS from=MANUFACTURING_STARTED to=MANUFACTURING_COMPLETED",
        &expect![[r#"
            MANUFACTURING_STARTED at 01 by mes-api, Seen
            MANUFACTURING_COMPLETED at 01 by mes-api, Line
            MANUFACTURING_STARTED at 10 by mes-api, Line
            MANUFACTURING_COMPLETED at 20 by mes-api, Line
        "#]],
    );
}

#[test]
fn changes_of_one_instant_are_linked_by_what_they_leave() {
    check(
        "05 mes-api STATUS from=MANUFACTURING_STARTED to=MANUFACTURING_COMPLETED
         09 mes-api STATUS from=MANUFACTURING_COMPLETED to=MANUFACTURING_STARTED
         09 mes-api STATUS from=MANUFACTURING_STARTED to=MANUFACTURING_COMPLETED
         09 mes-api STATUS from=MANUFACTURING_COMPLETED to=PACKAGING",
        &expect![[r#"
            MANUFACTURING_STARTED at 05 by mes-api, Seen
            MANUFACTURING_COMPLETED at 05 by mes-api, Line
            MANUFACTURING_STARTED at 09 by mes-api, Line
            MANUFACTURING_COMPLETED at 09 by mes-api, Line
            PACKAGING at 09 by mes-api, Line
        "#]],
    );
}

#[test]
fn what_comes_after_the_end_is_kept_but_does_not_open_the_order_again() {
    check(
        "01 crm-api STATUS from=DELIVERED to=CLOSED
         09 crm-api STATUS from=CLOSED to=DELIVERED",
        &expect![[r#"
            DELIVERED at 01 by crm-api, Seen
            CLOSED at 01 by crm-api, Line
            DELIVERED at 09 by crm-api, Line
            ended at step 1
        "#]],
    );
}

#[test]
fn an_answer_of_the_queue_confirms_the_hand_over() {
    check(
        "01 mes-api STATUS from=PACKAGING to=SHIPPED
         02 mes-api REQ request_id=a dir=out peer=queue attempt=1 status=SHIPPED
         06 mes-api RESP request_id=a dir=out peer=queue attempt=1 status=SHIPPED error=timeout
         08 mes-api RESP request_id=b dir=out peer=queue attempt=2 status=SHIPPED http_status=202",
        &expect![[r#"
            PACKAGING at 01 by mes-api, Seen
            SHIPPED at 01 by mes-api, Line confirmed
        "#]],
    );
}

#[test]
fn an_answer_of_somebody_else_confirms_nothing() {
    check(
        "01 mes-api STATUS from=PACKAGING to=SHIPPED
         06 mes-api RESP request_id=a dir=out peer=printer status=SHIPPED http_status=200",
        &expect![[r#"
            PACKAGING at 01 by mes-api, Seen
            SHIPPED at 01 by mes-api, Line
        "#]],
    );
}

#[test]
fn an_object_without_a_graph_is_followed_all_the_same() {
    let mut symbols = Symbols::default();
    let text = "01 mes-api STATUS to=UPLOADED
                02 mes-api STATUS from=UPLOADED to=REJECTED
                03 mes-api STATUS from=REJECTED to=CHECKED";
    let marks = marks_of(text, &mut symbols);
    expect![[r#"
        UPLOADED at 01 by mes-api, Line
        REJECTED at 02 by mes-api, Line
        CHECKED at 03 by mes-api, Line
    "#]]
    .assert_eq(&shown(marks, None, &symbols));
}

proptest! {
    /// Neither the order of arrival nor repeats matter.
    #[test]
    fn out_of_order_and_repeated_events_give_the_same_path(
        order in Just((0..23_usize).collect::<Vec<_>>()).prop_shuffle(),
        repeated in proptest::collection::vec(0..23_usize, 0..10),
    ) {
        let graph = Graph::built_in();
        let mut symbols = Symbols::default();
        let in_order = with_events(ORDER_4711, |events| {
            let marks = events.iter().filter_map(|event| Mark::of(event, &Graphs::default(), &mut symbols)).collect();
            shown(marks, Some(&graph), &symbols)
        });
        let mut symbols = Symbols::default();
        let shuffled = with_events(ORDER_4711, |events| {
            let come = order.iter().chain(&repeated).filter_map(|index| events.get(*index));
            let rest = events.iter().skip(23);
            let marks = come.chain(rest).filter_map(|event| Mark::of(event, &Graphs::default(), &mut symbols)).collect();
            shown(marks, Some(&graph), &symbols)
        });
        prop_assert_eq!(in_order, shuffled);
    }
}
