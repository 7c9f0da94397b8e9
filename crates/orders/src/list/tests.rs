//! Pages, counts, and how they are drawn.

use std::collections::BTreeSet;

use expect_test::expect;

use super::*;
use crate::fixture::{ORDER_4711, at, with_events};
use crate::render::{self, Style};
use stdx::Language;

fn live() -> Live {
    let rows = "
        shop-api [2026-03-15T12:00:00Z][STATUS][order] order_id=1 to=CREATED
        shop-api [2026-03-16T05:00:00Z][STATUS][order] order_id=2 from=CREATED to=SUBMITTED
        shop-api [2026-03-16T05:45:00Z][STATUS][order] order_id=3 from=CREATED to=SUBMITTED
        mes-api [2026-03-16T04:00:00Z][STATUS][order] order_id=4 from=PACKAGING to=SHIPPED
        mes-api [2026-03-16T04:00:04Z][RESP][PUBLISH handovers] order_id=4 status=SHIPPED dir=out peer=queue trace_id=t4 error=\"no answer within 4000 ms\"
        mes-api [2026-03-16T04:00:00Z][STATUS][order] order_id=5 from=PACKAGING to=SHIPPED
        mes-api [2026-03-16T04:00:01Z][RESP][PUBLISH handovers] order_id=5 status=SHIPPED dir=out peer=queue http_status=202
        crm-api [2026-03-16T04:00:00Z][STATUS][order] order_id=6 from=DELIVERED to=CLOSED
        mes-api [2026-03-16T04:00:00Z][STATUS][model] model_id=m-88 from=UPLOADED to=CHECKED
    ";
    let mut live = Live::default();
    for text in [rows, ORDER_4711] {
        with_events(text, |events| events.iter().for_each(|event| live.apply(event, &Graphs::default())));
    }
    live.refresh(&Graphs::default(), now());
    live
}

fn now() -> Timestamp {
    at("2026-03-16T06:00:00Z")
}

fn found(filter: &Filter) -> Page {
    page(&live(), filter, &Graphs::default(), &Services::All, (now(), false)).unwrap()
}

fn ids(page: &Page) -> Vec<&str> {
    page.items.iter().map(|item| item.object.id.as_str()).collect()
}

#[test]
fn open_orders_stand_in_the_order_in_which_they_entered_their_status() {
    let page = found(&Filter::default());
    assert_eq!(ids(&page), ["4711", "1", "4", "5", "2", "3"]);
    assert_eq!((page.total, page.next), (6, None));
}

#[test]
fn stuck_orders_are_those_beyond_their_deadline_or_without_confirmation() {
    let page = found(&Filter { state: Some(State::Stuck), ..Filter::default() });
    let why: Vec<_> = page.items.iter().map(|item| (item.object.id.as_str(), item.stuck.unwrap().reason)).collect();
    use crate::StuckReason::{Deadline, Unconfirmed};
    assert_eq!(why, [("4711", Deadline), ("4", Unconfirmed), ("2", Deadline)]);
}

#[test]
fn a_deadline_is_passed_only_after_its_last_moment() {
    let at_time = |time: &str| {
        let filter = Filter { state: Some(State::Stuck), status: Some("SUBMITTED".to_owned()), ..Filter::default() };
        page(&live(), &filter, &Graphs::default(), &Services::All, (at(time), false)).unwrap().total
    };
    assert_eq!(at_time("2026-03-16T05:30:00Z"), 0);
    assert_eq!(at_time("2026-03-16T05:30:00.001Z"), 1);
    assert_eq!(at_time("2026-03-16T06:15:00.001Z"), 2);
}

#[test]
fn a_list_is_narrowed_by_status_owner_and_type() {
    let by_status = Filter { status: Some("SHIPPED".to_owned()), ..Filter::default() };
    assert_eq!(ids(&found(&by_status)), ["4", "5"]);
    let by_owner = Filter { owner: Some("mes".to_owned()), ..Filter::default() };
    assert_eq!(ids(&found(&by_owner)), ["4711", "2", "3"]);
    let models = found(&Filter { object: Some("model".to_owned()), ..Filter::default() });
    assert_eq!((ids(&models), models.items[0].owner.as_str()), (vec!["m-88"], "mes-api"));
}

#[test]
fn names_are_found_whatever_their_case_and_unknown_ones_are_told_with_those_there_are() {
    let model = Filter { object: Some("Model".to_owned()), status: Some("checked".to_owned()), ..Filter::default() };
    assert_eq!(ids(&found(&model)), ["m-88"]);
    let refused =
        |filter: &Filter| page(&live(), filter, &Graphs::default(), &Services::All, (now(), false)).unwrap_err();
    let status = refused(&Filter { status: Some("SHIPED".to_owned()), ..Filter::default() });
    assert_eq!(status.kind(), crate::Kind::Invalid);
    assert!(
        status.to_string().starts_with("no status is called `SHIPED`; there are `CREATED`, `SUBMITTED`"),
        "{status}"
    );
    let object = refused(&Filter { object: Some("modle".to_owned()), ..Filter::default() });
    assert_eq!(object.to_string(), "no type of objects is called `modle`; there are `order`, `model`");
    assert_eq!(object.text(Language::Russian), "нет типа объектов `modle`; есть `order`, `model`");
    let owner = refused(&Filter { owner: Some("erp".to_owned()), ..Filter::default() });
    assert!(owner.to_string().ends_with("there are `shop-api`, `mes-api`, `crm-api`"), "{owner}");
    assert_eq!(refused(&Filter { limit: Some(0), ..Filter::default() }).kind(), crate::Kind::Invalid);
    let early = Filter { object: Some("modle".to_owned()), ..Filter::default() };
    assert_eq!(page(&live(), &early, &Graphs::default(), &Services::All, (now(), true)).unwrap().total, 0);
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = found(&Filter { limit: Some(2), cursor, ..Filter::default() });
        assert_eq!(page.total, 6);
        all.extend(page.items.into_iter().map(|item| item.object.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(all, ["4711", "1", "4", "5", "2", "3"]);
    let wrong = Filter { cursor: Some("yesterday".to_owned()), ..Filter::default() };
    assert!(page(&live(), &wrong, &Graphs::default(), &Services::All, (now(), false)).is_err());
}

#[test]
fn the_last_error_of_a_service_without_rights_has_no_text() {
    let services = Services::Only(BTreeSet::from(["shop-api".to_owned()]));
    let page =
        page(&live(), &Filter { limit: Some(1), ..Filter::default() }, &Graphs::default(), &services, (now(), false));
    let error = page.unwrap().items.remove(0).last_error.unwrap();
    assert_eq!((error.hidden, error.error, error.http_status), (true, None, Some(500)));
}

#[test]
fn the_stuck_table_says_how_long_where_and_why() {
    let page = found(&Filter { state: Some(State::Stuck), ..Filter::default() });
    expect![[r#"
         Stuck: 3                                                                         16 Mar 06:00 (UTC)
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         ORDER     STATUS                   WAITS FOR SINCE           IN STATUS      OVERDUE
         4711      MANUFACTURING_STARTED    mes-api   11 Mar 15:00     4 d 15 h     1 d 15 h
           ╰ ✗ 12 Mar 08:10 mes-api GET /mes/jobs/{id} 500
               laser cutter offline · trace 16892f3577b34da6a3ce929d0e0e4743
         4         SHIPPED                  crm-api   16 Mar 04:00          2 h   1 h 55 min
           ╰ ! hand-over not confirmed
           ╰ ✗ 16 Mar 04:00 mes-api PUBLISH handovers no answer within 4000 ms · trace t4
         2         SUBMITTED                mes-api   16 Mar 05:00          1 h       30 min
    "#]]
    .assert_eq(&render::stuck(&page, &Style::default()));
}

#[test]
fn the_list_is_drawn_in_russian() {
    let page = found(&Filter { limit: Some(3), ..Filter::default() });
    expect![[r#"
         Открыто: 6                                                                       16 мар 06:00 (UTC)
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         ЗАКАЗ     СТАТУС                   ЖДЁТ      С               В СТАТУСЕ  СВЕРХ СРОКА
         4711      MANUFACTURING_STARTED    mes-api   11 мар 15:00     4 д 15 ч     1 д 15 ч
           ╰ ✗ 12 мар 08:10 mes-api GET /mes/jobs/{id} 500
               laser cutter offline · трасса 16892f3577b34da6a3ce929d0e0e4743
         1         CREATED                  shop-api  15 мар 12:00         18 ч
         4         SHIPPED                  crm-api   16 мар 04:00          2 ч   1 ч 55 мин
           ╰ ! передача не подтверждена
           ╰ ✗ 16 мар 04:00 mes-api PUBLISH handovers no answer within 4000 ms · трасса t4
         3 из 6 показано, следующие: --cursor '1773633600000000000~4'
    "#]]
    .assert_eq(&render::list(&page, &Style { language: Language::Russian, ..Style::default() }));
}

#[test]
fn the_summary_counts_open_and_stuck_by_status() {
    let summary = summary(&live(), &Graphs::default(), false, now());
    expect![[r#"
         Order   open: 6   stuck: 3
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         STATUS                   WAITS FOR     OPEN     STUCK      LONGEST
         CREATED                  shop-api         1         0         18 h  ███████████████▌
         SUBMITTED                mes-api          2         1          1 h  ███████████████████████████████
         PRICE_CALCULATED         crm-api          0         0
         MANUFACTURING_APPROVED   mes-api          0         0
         MANUFACTURING_STARTED    mes-api          1         1     4 d 15 h  ███████████████▌
         MANUFACTURING_COMPLETED  mes-api          0         0
         PACKAGING                mes-api          0         0
         SHIPPED                  crm-api          2         1          2 h  ███████████████████████████████
         DELIVERED                crm-api          0         0

         Model   open: 1   stuck: 0
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         STATUS                   WAITS FOR     OPEN     STUCK      LONGEST
         CHECKED                                   1         0          2 h  ███████████████████████████████

    "#]]
    .assert_eq(&render::summary(&summary, &Style::default()));
}

#[test]
fn an_empty_page_says_so() {
    let none = Filter { status: Some("CLOSED".to_owned()), ..Filter::default() };
    assert_eq!(render::stuck(&found(&none), &Style::default()), "Nothing is stuck.\n");
    assert_eq!(
        render::list(&found(&none), &Style { language: Language::Russian, ..Style::default() }),
        "Открытых нет.\n"
    );
}
