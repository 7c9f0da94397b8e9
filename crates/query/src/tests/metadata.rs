//! Structured metadata that has columns of its own, and some that has not: conditions on it, and series by it.

use expect_test::expect;

use super::world::{World, line};

/// The last stream has a label of the name of an id, which then hides the id.
async fn world() -> World {
    World::new(&[
        line(1, r#"{app="shop"}"#, "one").with("order_id", "7").with("trace_id", "aa").with("zone", "eu"),
        line(2, r#"{app="shop"}"#, "two").with("detected_level", "info").with("order_id", "8"),
        line(3, r#"{app="shop"}"#, "three").with("order_id", "7").with("user", "jo"),
        line(4, r#"{app="crm"}"#, "four"),
        line(5, r#"{app="mes", order_id="7"}"#, "five").with("order_id", "9"),
        line(6, r#"{app="mes", order_id="9"}"#, "six"),
    ])
    .await
}

#[tokio::test]
async fn metadata_is_whole_and_sorted_however_it_is_kept() {
    world()
        .await
        .lines(
            r#"{app="shop"}"#,
            expect![[r#"
                {app="shop"}
                  1 one m.order_id=7 m.trace_id=aa m.zone=eu
                  2 two m.detected_level=info m.order_id=8
                  3 three m.order_id=7 m.user=jo
            "#]],
        )
        .await;
}

#[tokio::test]
async fn a_condition_on_an_id_looks_at_the_label_of_the_stream_first() {
    let world = world().await;
    world
        .lines(
            r#"{app=~".+"} | order_id="7""#,
            expect![[r#"
                {app="mes", order_id="7"}
                  5 five m.order_id_extracted=9
                {app="shop"}
                  1 one m.order_id=7 m.trace_id=aa m.zone=eu
                  3 three m.order_id=7 m.user=jo
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app=~".+"} | order_id=~"7|8" and zone="" |= "t""#,
            expect![[r#"
                {app="shop"}
                  2 two m.detected_level=info m.order_id=8
                  3 three m.order_id=7 m.user=jo
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app=~".+"} | order_id="" or trace_id="aa""#,
            expect![[r#"
                {app="crm"}
                  4 four
                {app="shop"}
                  1 one m.order_id=7 m.trace_id=aa m.zone=eu
            "#]],
        )
        .await;
}

#[tokio::test]
async fn series_by_an_id_are_those_of_its_label() {
    let world = world().await;
    world
        .values(
            r#"sum by (order_id) (count_over_time({app=~".+"}[5m]))"#,
            expect![[r#"
                {} 1
                {order_id="7"} 3
                {order_id="8"} 1
                {order_id="9"} 1
            "#]],
        )
        .await;
    world
        .values(
            r#"sum by (order_id_extracted) (count_over_time({app="mes"}[5m]))"#,
            expect![[r#"
                {} 1
                {order_id_extracted="9"} 1
            "#]],
        )
        .await;
    world
        .values(
            r#"sum by (app, order_id, zone) (bytes_over_time({app="shop"} | order_id="7" [5m]))"#,
            expect![[r#"
                {app="shop", order_id="7"} 5
                {app="shop", order_id="7", zone="eu"} 3
            "#]],
        )
        .await;
    world
        .values(
            r#"sum by (trace_id) (sum_over_time({app="shop"} | unwrap order_id [5m]))"#,
            expect![[r#"
                {} 15
                {trace_id="aa"} 7
            "#]],
        )
        .await;
}
