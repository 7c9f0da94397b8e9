use std::collections::{BTreeSet, HashMap};

use auth::Services;
use expect_test::{Expect, expect};
use jiff::tz::{TimeZone, offset};

use crate::fixture::{ORDER_4711, at, rows, with_events};
use crate::render::{Language, Style, story};
use crate::tell::{self, Access};
use crate::{Graph, ObjectRef, Story};

const NOW: &str = "2026-03-16T06:00:00Z";

fn told(text: &str, (object, id): (&str, &str), services: &Services) -> Story {
    let object = ObjectRef { object: object.to_owned(), id: id.to_owned() };
    let graph = Graph::built_in();
    with_events(text, |events| {
        let lines: HashMap<u128, String> =
            events.iter().zip(rows(text)).map(|(event, (_, line))| (event.id, line.to_owned())).collect();
        let mut events = events.to_vec();
        tell::sort(&mut events);
        let access = Access { services, lines: Some(&lines) };
        let graph = (object.object == "order").then_some(&graph);
        tell::tell(object, &events, graph, access, at(NOW)).unwrap()
    })
}

#[track_caller]
fn check(told: &Story, style: &Style, want: Expect) {
    let drawn = story(told, style);
    assert!(drawn.lines().all(|row| row.chars().count() <= style.width), "a row is wider than the terminal");
    want.assert_eq(&drawn);
}

#[test]
fn the_story_of_a_stuck_order_shows_its_way_over_three_services() {
    let told = told(ORDER_4711, ("order", "4711"), &Services::All);
    check(
        &told,
        &Style { zone: TimeZone::fixed(offset(3)), ..Style::default() },
        expect![[r#"
         Order 4711   MANUFACTURING_STARTED                                         STUCK · 1 d 15 h overdue
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         in this status for 4 d 15 h, since 11 Mar 18:00 (UTC+3) · waits for mes-api · limit 3 d
         first event 9 Mar 09:12 · last event 12 Mar 11:10 · total 6 d 23 h · 1 deviation · 2 errors
         1 retried call
         Customer 1207 · Model m-88

           STATUS                      shop  crm  mes  ENTERED               STAYED    LIMIT
         ✓ CREATED                      ●     │    │    9 Mar 09:12:04   2 min 26 s      1 d  ▏
         ✓ SUBMITTED                    ●     ○    │    9 Mar 09:14:30   1 min 14 s   30 min  ▏
         ✓ PRICE_CALCULATED             │     ✗    ●    9 Mar 09:15:44   3 h 24 min      2 d  ▍
            ╰ ✗ 09:15:12.010 crm-api → mes-api POST /mes/prices 503 mesh worker pool exhausted · trace c189…
            ╰ ↻ 09:15:10.000 crm-api → mes-api POST /mes/prices: 2 tries, the last one went well
         ✓ MANUFACTURING_APPROVED       │     ●    │    9 Mar 12:40:00  19 h 19 min      1 d  ██▏
         ✓ MANUFACTURING_STARTED        │     │    ●   10 Mar 08:00:00      1 d 7 h      3 d  ███▌
         ✓ MANUFACTURING_COMPLETED      │     │    ●   11 Mar 15:30:00   2 h 30 min     12 h  ▍
         ✗ MANUFACTURING_STARTED ×2     ●     │    ✗   11 Mar 18:00:00     4 d 15 h      3 d  ███████▓▓▓▓▓ ▸
            ╰ ! set by shop-api, expected mes-api
            ╰ ✗ 11:10:00.400 mes-api GET /mes/jobs/{id} 500 laser cutter offline · trace 16892f35
         · MANUFACTURING_COMPLETED      │     │    │
         · PACKAGING                    │     │    │
         · SHIPPED                      │     │    │
         · DELIVERED                    │     │    │
         · CLOSED                       │     │    │
                                       ● set it   ○ took part   ✗ failed there

        Traces ─────────────────────────────────────────────────────────────────────────────────────────────
           4bf92f3577b34da6a3ce929d0e0e4736   9 Mar 09:12:04 shop-api                      3 events
           a0892f3577b34da6a3ce929d0e0e4737   9 Mar 09:14:30 shop-api → crm-api            7 events
         ✗ c1892f3577b34da6a3ce929d0e0e4738   9 Mar 09:15:10 crm-api → mes-api             9 events
           d2892f3577b34da6a3ce929d0e0e4739   9 Mar 12:40:00 crm-api                       2 events
           e3892f3577b34da6a3ce929d0e0e4740  10 Mar 08:00:00 mes-api                       1 event
           f4892f3577b34da6a3ce929d0e0e4741  11 Mar 15:30:00 mes-api                       1 event
           05892f3577b34da6a3ce929d0e0e4742  11 Mar 18:00:00 shop-api                      1 event
         ✗ 16892f3577b34da6a3ce929d0e0e4743  12 Mar 11:10:00 mes-api                       2 events

        Lines ──────────────────────────────────────────────────────────────────────────────────────────────
         CREATED 9 Mar
           09:12:04.000 shop-api [REQ][POST /orders] customer_id=1207 model_id=m-88 dir=in status=CREATED b…
           09:12:04.010 shop-api [STATUS][order] to=CREATED
           09:12:04.020 shop-api [RESP][POST /orders] dir=in status=CREATED http_status=201 duration_ms=20
         SUBMITTED 9 Mar
           09:14:30.000 shop-api [REQ][POST /orders/{id}/submit] dir=in status=CREATED
           09:14:30.005 shop-api [REQ][POST /crm/orders] dir=out peer=crm-api status=CREATED
           09:14:30.009 crm-api  [REQ][POST /crm/orders] customer_id=1207 dir=in status=CREATED
           09:14:30.034 crm-api  [RESP][POST /crm/orders] dir=in status=CREATED http_status=200 duration_ms…
           09:14:30.039 shop-api [RESP][POST /crm/orders] dir=out peer=crm-api status=CREATED http_status=2…
           09:14:30.040 shop-api [STATUS][order] from=CREATED to=SUBMITTED
           09:14:30.041 shop-api [RESP][POST /orders/{id}/submit] dir=in status=SUBMITTED http_status=200 d…
         PRICE_CALCULATED 9 Mar
           09:15:10.000 crm-api  [REQ][POST /mes/prices] model_id=m-88 dir=out peer=mes-api attempt=1 statu…
           09:15:10.006 mes-api  [REQ][POST /mes/prices] model_id=m-88 dir=in status=SUBMITTED
           09:15:12.006 mes-api  [RESP][POST /mes/prices] dir=in status=SUBMITTED http_status=503 duration_…
           09:15:12.010 crm-api  [RESP][POST /mes/prices] dir=out peer=mes-api attempt=1 status=SUBMITTED h…
           09:15:17.000 crm-api  [REQ][POST /mes/prices] model_id=m-88 dir=out peer=mes-api attempt=2 statu…
           09:15:17.005 mes-api  [REQ][POST /mes/prices] model_id=m-88 dir=in status=SUBMITTED
           09:15:44.900 mes-api  [STATUS][order] from=SUBMITTED to=PRICE_CALCULATED
           09:15:44.905 mes-api  [RESP][POST /mes/prices] dir=in status=PRICE_CALCULATED http_status=200 du…
           09:15:44.910 crm-api  [RESP][POST /mes/prices] dir=out peer=mes-api attempt=2 status=PRICE_CALCU…
         MANUFACTURING_APPROVED 9 Mar
           12:40:00.000 crm-api  [REQ][POST /crm/orders/{id}/approve] dir=in status=PRICE_CALCULATED
           12:40:00.050 crm-api  [RESP][POST /crm/orders/{id}/approve] dir=in status=MANUFACTURING_APPROVED…
         MANUFACTURING_STARTED 10 Mar
           08:00:00.000 mes-api  [STATUS][order] from=MANUFACTURING_APPROVED to=MANUFACTURING_STARTED
         MANUFACTURING_COMPLETED 11 Mar
           15:30:00.000 mes-api  [STATUS][order] from=MANUFACTURING_STARTED to=MANUFACTURING_COMPLETED
         MANUFACTURING_STARTED 11 Mar
           18:00:00.000 shop-api [STATUS][order] from=MANUFACTURING_COMPLETED to=MANUFACTURING_STARTED
           12 Mar
           11:10:00.000 mes-api  [REQ][GET /mes/jobs/{id}] dir=in status=MANUFACTURING_STARTED
           11:10:00.400 mes-api  [RESP][GET /mes/jobs/{id}] dir=in status=MANUFACTURING_STARTED http_status…
    "#]],
    );
}

#[test]
fn the_story_is_told_in_russian_and_without_lines() {
    let told = told(ORDER_4711, ("order", "4711"), &Services::All);
    let style = Style { language: Language::Russian, lines: false, ..Style::default() };
    check(
        &told,
        &style,
        expect![[r#"
         Заказ 4711   MANUFACTURING_STARTED                                   ЗАСТРЯЛ · 1 д 15 ч сверх срока
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         в этом статусе 4 д 15 ч, с 11 мар 15:00 (UTC) · ждёт сервис mes-api · срок 3 д
         первое событие 9 мар 06:12 · последнее 12 мар 08:10 · всего 6 д 23 ч · 1 отклонение · 2 ошибки
         1 вызов с повтором
         Клиент 1207 · Модель m-88

           СТАТУС                      shop  crm  mes  ВОШЁЛ                 ПРОБЫЛ     СРОК
         ✓ CREATED                      ●     │    │    9 мар 06:12:04   2 мин 26 с      1 д  ▏
         ✓ SUBMITTED                    ●     ○    │    9 мар 06:14:30   1 мин 14 с   30 мин  ▏
         ✓ PRICE_CALCULATED             │     ✗    ●    9 мар 06:15:44   3 ч 24 мин      2 д  ▍
            ╰ ✗ 06:15:12.010 crm-api → mes-api POST /mes/prices 503 mesh worker pool exhausted · трасса c18…
            ╰ ↻ 06:15:10.000 crm-api → mes-api POST /mes/prices: попыток: 2, последняя удалась
         ✓ MANUFACTURING_APPROVED       │     ●    │    9 мар 09:40:00  19 ч 19 мин      1 д  ██▏
         ✓ MANUFACTURING_STARTED        │     │    ●   10 мар 05:00:00      1 д 7 ч      3 д  ███▌
         ✓ MANUFACTURING_COMPLETED      │     │    ●   11 мар 12:30:00   2 ч 30 мин     12 ч  ▍
         ✗ MANUFACTURING_STARTED ×2     ●     │    ✗   11 мар 15:00:00     4 д 15 ч      3 д  ███████▓▓▓▓▓ ▸
            ╰ ! статус поставил shop-api, ожидался mes-api
            ╰ ✗ 08:10:00.400 mes-api GET /mes/jobs/{id} 500 laser cutter offline · трасса 16892f35
         · MANUFACTURING_COMPLETED      │     │    │
         · PACKAGING                    │     │    │
         · SHIPPED                      │     │    │
         · DELIVERED                    │     │    │
         · CLOSED                       │     │    │
                                       ● поставил статус   ○ участвовал   ✗ сбой

        Трассы ─────────────────────────────────────────────────────────────────────────────────────────────
           4bf92f3577b34da6a3ce929d0e0e4736   9 мар 06:12:04 shop-api                      3 события
           a0892f3577b34da6a3ce929d0e0e4737   9 мар 06:14:30 shop-api → crm-api            7 событий
         ✗ c1892f3577b34da6a3ce929d0e0e4738   9 мар 06:15:10 crm-api → mes-api             9 событий
           d2892f3577b34da6a3ce929d0e0e4739   9 мар 09:40:00 crm-api                       2 события
           e3892f3577b34da6a3ce929d0e0e4740  10 мар 05:00:00 mes-api                       1 событие
           f4892f3577b34da6a3ce929d0e0e4741  11 мар 12:30:00 mes-api                       1 событие
           05892f3577b34da6a3ce929d0e0e4742  11 мар 15:00:00 shop-api                      1 событие
         ✗ 16892f3577b34da6a3ce929d0e0e4743  12 мар 08:10:00 mes-api                       2 события

    "#]],
    );
}

#[test]
fn a_reader_without_rights_to_a_service_sees_its_steps_but_not_its_lines() {
    let services = Services::Only(BTreeSet::from(["shop-api".to_owned(), "crm-api".to_owned()]));
    let told = told(ORDER_4711, ("order", "4711"), &services);
    check(
        &told,
        &Style::default(),
        expect![[r#"
         Order 4711   MANUFACTURING_STARTED                                         STUCK · 1 d 15 h overdue
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         in this status for 4 d 15 h, since 11 Mar 15:00 (UTC) · waits for mes-api · limit 3 d
         first event 9 Mar 06:12 · last event 12 Mar 08:10 · total 6 d 23 h · 1 deviation · 2 errors
         1 retried call
         Customer 1207 · Model m-88
         9 lines hidden: no right to those services

           STATUS                      shop  crm  mes  ENTERED               STAYED    LIMIT
         ✓ CREATED                      ●     │    │    9 Mar 06:12:04   2 min 26 s      1 d  ▏
         ✓ SUBMITTED                    ●     ○    │    9 Mar 06:14:30   1 min 14 s   30 min  ▏
         ✓ PRICE_CALCULATED             │     ✗    ●    9 Mar 06:15:44   3 h 24 min      2 d  ▍
            ╰ ✗ 06:15:12.010 crm-api → mes-api POST /mes/prices 503 mes-api answered 503 · trace c1892f35
            ╰ ↻ 06:15:10.000 crm-api → mes-api POST /mes/prices: 2 tries, the last one went well
         ✓ MANUFACTURING_APPROVED       │     ●    │    9 Mar 09:40:00  19 h 19 min      1 d  ██▏
         ✓ MANUFACTURING_STARTED        │     │    ●   10 Mar 05:00:00      1 d 7 h      3 d  ███▌
         ✓ MANUFACTURING_COMPLETED      │     │    ●   11 Mar 12:30:00   2 h 30 min     12 h  ▍
         ✗ MANUFACTURING_STARTED ×2     ●     │    ✗   11 Mar 15:00:00     4 d 15 h      3 d  ███████▓▓▓▓▓ ▸
            ╰ ! set by shop-api, expected mes-api
            ╰ ✗ 08:10:00.400 mes-api GET /mes/jobs/{id} 500 (hidden) · trace 16892f35
         · MANUFACTURING_COMPLETED      │     │    │
         · PACKAGING                    │     │    │
         · SHIPPED                      │     │    │
         · DELIVERED                    │     │    │
         · CLOSED                       │     │    │
                                       ● set it   ○ took part   ✗ failed there

        Traces ─────────────────────────────────────────────────────────────────────────────────────────────
           4bf92f3577b34da6a3ce929d0e0e4736   9 Mar 06:12:04 shop-api                      3 events
           a0892f3577b34da6a3ce929d0e0e4737   9 Mar 06:14:30 shop-api → crm-api            7 events
         ✗ c1892f3577b34da6a3ce929d0e0e4738   9 Mar 06:15:10 crm-api → mes-api             9 events
           d2892f3577b34da6a3ce929d0e0e4739   9 Mar 09:40:00 crm-api                       2 events
           e3892f3577b34da6a3ce929d0e0e4740  10 Mar 05:00:00 mes-api                       1 event
           f4892f3577b34da6a3ce929d0e0e4741  11 Mar 12:30:00 mes-api                       1 event
           05892f3577b34da6a3ce929d0e0e4742  11 Mar 15:00:00 shop-api                      1 event
         ✗ 16892f3577b34da6a3ce929d0e0e4743  12 Mar 08:10:00 mes-api                       2 events

        Lines ──────────────────────────────────────────────────────────────────────────────────────────────
         CREATED 9 Mar
           06:12:04.000 shop-api [REQ][POST /orders] customer_id=1207 model_id=m-88 dir=in status=CREATED b…
           06:12:04.010 shop-api [STATUS][order] to=CREATED
           06:12:04.020 shop-api [RESP][POST /orders] dir=in status=CREATED http_status=201 duration_ms=20
         SUBMITTED 9 Mar
           06:14:30.000 shop-api [REQ][POST /orders/{id}/submit] dir=in status=CREATED
           06:14:30.005 shop-api [REQ][POST /crm/orders] dir=out peer=crm-api status=CREATED
           06:14:30.009 crm-api  [REQ][POST /crm/orders] customer_id=1207 dir=in status=CREATED
           06:14:30.034 crm-api  [RESP][POST /crm/orders] dir=in status=CREATED http_status=200 duration_ms…
           06:14:30.039 shop-api [RESP][POST /crm/orders] dir=out peer=crm-api status=CREATED http_status=2…
           06:14:30.040 shop-api [STATUS][order] from=CREATED to=SUBMITTED
           06:14:30.041 shop-api [RESP][POST /orders/{id}/submit] dir=in status=SUBMITTED http_status=200 d…
         PRICE_CALCULATED 9 Mar
           06:15:10.000 crm-api  [REQ][POST /mes/prices] model_id=m-88 dir=out peer=mes-api attempt=1 statu…
           06:15:10.006 mes-api  [REQ][POST /mes/prices] status=SUBMITTED ‹hidden›
           06:15:12.006 mes-api  [RESP][POST /mes/prices] status=SUBMITTED http_status=503 ‹hidden›
           06:15:12.010 crm-api  [RESP][POST /mes/prices] dir=out peer=mes-api attempt=1 status=SUBMITTED h…
           06:15:17.000 crm-api  [REQ][POST /mes/prices] model_id=m-88 dir=out peer=mes-api attempt=2 statu…
           06:15:17.005 mes-api  [REQ][POST /mes/prices] status=SUBMITTED ‹hidden›
           06:15:44.900 mes-api  [STATUS][order] status=PRICE_CALCULATED ‹hidden›
           06:15:44.905 mes-api  [RESP][POST /mes/prices] status=PRICE_CALCULATED http_status=200 ‹hidden›
           06:15:44.910 crm-api  [RESP][POST /mes/prices] dir=out peer=mes-api attempt=2 status=PRICE_CALCU…
         MANUFACTURING_APPROVED 9 Mar
           09:40:00.000 crm-api  [REQ][POST /crm/orders/{id}/approve] dir=in status=PRICE_CALCULATED
           09:40:00.050 crm-api  [RESP][POST /crm/orders/{id}/approve] dir=in status=MANUFACTURING_APPROVED…
         MANUFACTURING_STARTED 10 Mar
           05:00:00.000 mes-api  [STATUS][order] status=MANUFACTURING_STARTED ‹hidden›
         MANUFACTURING_COMPLETED 11 Mar
           12:30:00.000 mes-api  [STATUS][order] status=MANUFACTURING_COMPLETED ‹hidden›
         MANUFACTURING_STARTED 11 Mar
           15:00:00.000 shop-api [STATUS][order] from=MANUFACTURING_COMPLETED to=MANUFACTURING_STARTED
           12 Mar
           08:10:00.000 mes-api  [REQ][GET /mes/jobs/{id}] status=MANUFACTURING_STARTED ‹hidden›
           08:10:00.400 mes-api  [RESP][GET /mes/jobs/{id}] status=MANUFACTURING_STARTED http_status=500 ‹h…
    "#]],
    );
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
        expect![[r#"
         Order 5   CLOSED                                                       COMPLETE
        ────────────────────────────────────────────────────────────────────────────────
         the whole way took 1 d
         first event 9 Mar 09:00 · last event 10 Mar 09:00

           STATUS                      crm  ENTERED               STAYED
         ✓ SHIPPED                      ●    9 Mar 09:00:00         0 ms
         ✓ DELIVERED                    ●    9 Mar 09:00:00          1 d  ████████████
         ■ CLOSED                       ●   10 Mar 09:00:00
                                       ● set it   ○ took part   ✗ failed there

        Traces ─────────────────────────────────────────────────────────────────────────
           ab                                 9 Mar 09:00:00 crm-api      1 event
           cd                                10 Mar 09:00:00 crm-api      1 event

        Lines ──────────────────────────────────────────────────────────────────────────
         DELIVERED 9 Mar
           09:00:00.000 crm-api [STATUS][order] from=SHIPPED to=DELIVERED
         CLOSED 10 Mar
           09:00:00.000 crm-api [STATUS][order] from=DELIVERED to=CLOSED
    "#]],
    );
}

#[test]
fn a_model_has_a_story_without_a_graph() {
    let text = "
        mes-api [2026-03-09T09:00:00Z][STATUS][model] model_id=m-88 order_id=4711 to=UPLOADED
        mes-api [2026-03-09T09:00:02Z][STATUS][model] model_id=m-88 order_id=4711 from=UPLOADED to=CHECKED
    ";
    check(
        &told(text, ("model", "m-88"), &Services::All),
        &Style::default(),
        expect![[r#"
         Model m-88   CHECKED
        ────────────────────────────────────────────────────────────────────────────────────────────────────
         in this status for 6 d 20 h, since 9 Mar 09:00 (UTC)
         first event 9 Mar 09:00 · last event 9 Mar 09:00 · total 6 d 21 h
         Order 4711

           STATUS                      mes  ENTERED               STAYED    LIMIT
         ✓ UPLOADED                     ●    9 Mar 09:00:00          2 s           ▏
         ▶ CHECKED                      ●    9 Mar 09:00:02     6 d 20 h           ███████████████████████ ▸
                                       ● set it   ○ took part   ✗ failed there

        Lines ──────────────────────────────────────────────────────────────────────────────────────────────
         UPLOADED 9 Mar
           09:00:00.000 mes-api [STATUS][model] order_id=4711 to=UPLOADED
         CHECKED 9 Mar
           09:00:02.000 mes-api [STATUS][model] order_id=4711 from=UPLOADED to=CHECKED
    "#]],
    );
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
    assert!(!story(&told, &Style { whole_lines: true, ..Style::default() }).contains('\u{1b}'));
}
