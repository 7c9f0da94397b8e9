//! Log queries: which lines, in which order, with which labels.

use std::time::Duration;

use expect_test::expect;

use super::world::{World, at, everything, forward, line};
use crate::{Direction, Params};

const SHOP: &str = r#"{app="shop", env="prod"}"#;
const CRM: &str = r#"{app="crm", env="prod"}"#;

async fn shop_and_crm() -> World {
    World::new(&[
        line(1, SHOP, "order created"),
        line(2, CRM, "order received"),
        line(3, SHOP, "order paid"),
        line(3, CRM, "customer called"),
        line(3, SHOP, "order paid again"),
        line(10, SHOP, "order shipped"),
    ])
    .await
}

#[tokio::test]
async fn a_selector_gives_its_streams_and_a_filter_their_lines() {
    let world = shop_and_crm().await;
    world
        .lines(
            r#"{app="shop"}"#,
            expect![[r#"
                {app="shop", env="prod"}
                  1 order created
                  3 order paid
                  3 order paid again
                  10 order shipped
            "#]],
        )
        .await;
    world
        .lines(
            r#"{env=~"pr.d"} |= "order" != "paid" |~ "c[er]""#,
            expect![[r#"
                {app="crm", env="prod"}
                  2 order received
                {app="shop", env="prod"}
                  1 order created
            "#]],
        )
        .await;
    world.lines(r#"{env!~"p.*", app!=""}"#, expect![""]).await;
}

#[tokio::test]
async fn the_limit_takes_lines_from_the_asked_end_over_all_streams() {
    let world = shop_and_crm().await;
    let backward = Params { limit: 3, direction: Direction::Backward, ..forward(r#"{env="prod"}"#) };
    expect![[r#"
        {app="shop", env="prod"}
          10 order shipped
          3 order paid again
          3 order paid
    "#]]
    .assert_eq(&world.range(&everything(), &backward).await);
    let oldest = Params { limit: 3, ..forward(r#"{env="prod"}"#) };
    expect![[r#"
        {app="crm", env="prod"}
          2 order received
          3 customer called
        {app="shop", env="prod"}
          1 order created
    "#]]
    .assert_eq(&world.range(&everything(), &oldest).await);
}

#[tokio::test]
async fn the_start_belongs_to_a_log_query_and_the_end_does_not() {
    let world = shop_and_crm().await;
    let params = Params { start: at(2), end: at(3), ..forward(r#"{env="prod"}"#) };
    expect![[r#"
        {app="crm", env="prod"}
          2 order received
    "#]]
    .assert_eq(&world.range(&everything(), &params).await);
}

#[tokio::test]
async fn an_interval_thins_out_lines_across_streams() {
    let world = shop_and_crm().await;
    let params = Params { interval: Duration::from_secs(2), ..forward(r#"{env="prod"}"#) };
    expect![[r#"
        {app="crm", env="prod"}
          3 customer called
        {app="shop", env="prod"}
          1 order created
          10 order shipped
    "#]]
    .assert_eq(&world.range(&everything(), &params).await);
}

#[tokio::test]
async fn many_lines_are_walked_slice_by_slice() {
    let lines: Vec<_> = (0..30_000).map(|n| line(f64::from(n) / 10.0, SHOP, &format!("line {n}"))).collect();
    let world = World::new(&lines).await;
    let params = Params { limit: 3, direction: Direction::Backward, ..forward(r#"{app="shop"} |= "line 1""#) };
    expect![[r#"
        {app="shop", env="prod"}
          1999.9 line 19999
          1999.8 line 19998
          1999.7 line 19997
    "#]]
    .assert_eq(&world.range(&everything(), &params).await);
}

#[tokio::test]
async fn metadata_and_parsed_labels_stand_apart_from_the_stream() {
    let world = World::new(&[
        line(1, SHOP, "took=5ms app=other level=warn").with("trace_id", "abc").with("app", "meta"),
        line(2, SHOP, "plain"),
    ])
    .await;
    world
        .lines(
            r#"{app="shop"} | logfmt"#,
            expect![[r#"
                {app="shop", env="prod"}
                  1 took=5ms app=other level=warn m.trace_id=abc p.app_extracted=other p.level=warn p.took=5ms
                  2 plain
            "#]],
        )
        .await;
    world
        .lines(
            r#"{app="shop"} | trace_id="abc" | drop app"#,
            expect![[r#"
                {env="prod"}
                  1 took=5ms app=other level=warn m.app_extracted=meta m.trace_id=abc
            "#]],
        )
        .await;
}

#[tokio::test]
async fn answers_without_categories_have_all_labels_in_the_stream() {
    let world =
        World::new(&[line(1, SHOP, "level=warn x"), line(2, SHOP, "level=info y"), line(3, SHOP, "level=warn z")])
            .await;
    let answer = world.engines()[0].query_range(&everything(), &forward(r#"{app="shop"} | logfmt"#)).await.unwrap();
    let crate::Data::Streams(streams) = answer.data else { panic!("no streams") };
    let merged: Vec<_> = crate::merge_labels(streams)
        .into_iter()
        .map(|stream| {
            let lines: Vec<_> = stream.entries.into_iter().map(|entry| entry.line).collect();
            (stream.labels.to_string(), lines)
        })
        .collect();
    expect![[r#"
        [
            (
                "{app=\"shop\", env=\"prod\", level=\"info\"}",
                [
                    "level=info y",
                ],
            ),
            (
                "{app=\"shop\", env=\"prod\", level=\"warn\"}",
                [
                    "level=warn x",
                    "level=warn z",
                ],
            ),
        ]
    "#]]
    .assert_debug_eq(&merged);
    assert_eq!((answer.stats.lines_kept, answer.stats.returned), (3, 3));
    assert!(answer.stats.bytes > 0 && answer.stats.lines >= 3, "{:?}", answer.stats);
}
