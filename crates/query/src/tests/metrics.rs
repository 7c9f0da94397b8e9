//! Metric queries, worked out by hand.

use expect_test::expect;

use super::world::{World, line};

const SHOP: &str = r#"{app="shop", env="prod"}"#;
const CRM: &str = r#"{app="crm", env="prod"}"#;

/// Minute 1 ends at second 60 and includes it: windows are open at their start and closed at their end.
async fn world() -> World {
    World::new(&[
        line(1, SHOP, "level=info took=1s size=1KB n=10"),
        line(60, SHOP, "level=error took=3s size=2KB n=2"),
        line(61, CRM, "level=info took=500ms size=1KB n=4"),
        line(90, SHOP, "level=info took=2s size=1KB n=x"),
        line(121, CRM, "level=info took=1s size=1KB n=5"),
        line(185, CRM, "no labels here at all"),
        line(290, SHOP, "level=warn took=4s size=1KB n=7"),
    ])
    .await
}

#[tokio::test]
async fn lines_are_counted_in_windows_that_are_open_at_their_start() {
    let world = world().await;
    world
        .series(
            r#"count_over_time({env="prod"}[1m])"#,
            expect![[r#"
                {app="crm", env="prod"} 120:1 180:1 240:1
                {app="shop", env="prod"} 60:2 120:1 300:1
            "#]],
        )
        .await;
    world
        .series(
            r#"sum(count_over_time({env="prod"}[2m]))"#,
            expect![[r#"
                {} 60:2 120:4 180:3 240:2 300:2
            "#]],
        )
        .await;
    world
        .series(
            r#"sum by (app) (rate({env="prod"} |= "level" [1m] offset 1m))"#,
            expect![[r#"
                {app="crm"} 180:0.016666667 240:0.016666667
                {app="shop"} 120:0.033333333 180:0.016666667
            "#]],
        )
        .await;
    world
        .series(
            r#"sum by (app) (bytes_over_time({env="prod"}[90s]))"#,
            expect![[r#"
                {app="crm"} 120:34 180:31 240:21
                {app="shop"} 60:64 120:63 300:31
            "#]],
        )
        .await;
}

#[tokio::test]
async fn unwrapped_samples_are_aggregated() {
    let world = world().await;
    let over = |op: &str| format!(r#"{op}({{env="prod"}} | logfmt | unwrap duration(took) [5m]) by (app)"#);
    world
        .values(
            &over("avg_over_time"),
            expect![[r#"
        {app="crm"} 0.75
        {app="shop"} 2.5
    "#]],
        )
        .await;
    world
        .values(
            &over("max_over_time"),
            expect![[r#"
        {app="crm"} 1
        {app="shop"} 4
    "#]],
        )
        .await;
    world
        .values(
            &over("first_over_time"),
            expect![[r#"
        {app="crm"} 0.5
        {app="shop"} 1
    "#]],
        )
        .await;
    world
        .values(
            &over("last_over_time"),
            expect![[r#"
        {app="crm"} 1
        {app="shop"} 4
    "#]],
        )
        .await;
    world
        .values(
            &over("stdvar_over_time"),
            expect![[r#"
        {app="crm"} 0.0625
        {app="shop"} 1.25
    "#]],
        )
        .await;
}

#[tokio::test]
async fn samples_are_summed_and_their_label_is_gone() {
    let world = world().await;
    world
        .values(
            r#"quantile_over_time(0.5, {env="prod"} | logfmt | unwrap duration(took) [5m]) by (app)"#,
            expect![[r#"
        {app="crm"} 0.75
        {app="shop"} 2.5
    "#]],
        )
        .await;
    world
        .values(
            r#"sum(sum_over_time({env="prod"} | logfmt | unwrap bytes(size) [5m]))"#,
            expect![[r#"
        {} 7000
    "#]],
        )
        .await;
    world
        .values(
            r#"sum_over_time({app="crm"} | logfmt | unwrap n [5m])"#,
            expect![[r#"
        {app="crm", env="prod", level="info", size="1KB", took="1s"} 5
        {app="crm", env="prod", level="info", size="1KB", took="500ms"} 4
    "#]],
        )
        .await;
}

#[tokio::test]
async fn a_sample_that_cannot_be_read_fails_the_query_unless_it_is_expected() {
    let world = world().await;
    world
        .series(
            r#"sum by (app) (sum_over_time({env="prod"} | logfmt | unwrap n [5m]))"#,
            expect![[r#"
                Invalid: pipeline error: 'SampleExtractionErr' for series: '{__error__="SampleExtractionErr", __error_details__="`n` cannot be unwrapped", app="shop", env="prod", n="x"}'.
                Use a label filter to intentionally skip this error. (e.g | __error__!="SampleExtractionErr").
                To skip all potential errors you can match empty errors.(e.g __error__="")
                The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )

            "#]],
        )
        .await;
    world
        .series(
            r#"sum by (app) (sum_over_time({env="prod"} | logfmt | unwrap n | __error__="" [5m]))"#,
            expect![[r#"
                {app="crm"} 120:4 180:9 240:9 300:9
                {app="shop"} 60:12 120:12 180:12 240:12 300:19
            "#]],
        )
        .await;
    world
        .series(
            r#"sum by (__error__) (count_over_time({app="crm"} | json [5m]))"#,
            expect![[r#"
                {__error__="JSONParserErr"} 120:1 180:2 240:3 300:3
            "#]],
        )
        .await;
    world
        .series(
            r#"sum by (level) (count_over_time({env="prod"} | logfmt | drop __error__, __error_details__ [5m]))"#,
            expect![[r#"
                {} 240:1 300:1
                {level="error"} 60:1 120:1 180:1 240:1 300:1
                {level="info"} 60:1 120:3 180:4 240:4 300:4
                {level="warn"} 300:1
            "#]],
        )
        .await;
}

/// Lines by application and level.
const COUNTS: &str = r#"count_over_time({env="prod"} | logfmt | drop __error__, took, size, n [5m])"#;

#[tokio::test]
async fn vectors_are_aggregated_by_and_without_labels() {
    let world = world().await;
    world
        .values(
            COUNTS,
            expect![[r#"
        {app="crm", env="prod"} 1
        {app="crm", env="prod", level="info"} 2
        {app="shop", env="prod", level="error"} 1
        {app="shop", env="prod", level="info"} 2
        {app="shop", env="prod", level="warn"} 1
    "#]],
        )
        .await;
    world
        .values(
            &format!("max by (app) ({COUNTS})"),
            expect![[r#"
        {app="crm"} 2
        {app="shop"} 2
    "#]],
        )
        .await;
    world
        .values(
            &format!("avg without (app, env) ({COUNTS})"),
            expect![[r#"
        {} 1
        {level="error"} 1
        {level="info"} 2
        {level="warn"} 1
    "#]],
        )
        .await;
    world
        .values(
            &format!("count({COUNTS})"),
            expect![[r#"
        {} 5
    "#]],
        )
        .await;
}

#[tokio::test]
async fn vectors_are_ranked_and_sorted() {
    let world = world().await;
    world
        .values(
            &format!("topk by (app) (1, {COUNTS})"),
            expect![[r#"
        {app="crm", env="prod", level="info"} 2
        {app="shop", env="prod", level="info"} 2
    "#]],
        )
        .await;
    world
        .values(
            &format!("sort_desc(sum by (level) ({COUNTS}))"),
            expect![[r#"
        {level="info"} 4
        {} 1
        {level="error"} 1
        {level="warn"} 1
    "#]],
        )
        .await;
    world
        .values(
            &format!("bottomk(1, min by (app) ({COUNTS}))"),
            expect![[r#"
        {app="crm"} 1
    "#]],
        )
        .await;
    world
        .values(
            &format!("stddev(sum by (app) ({COUNTS}))"),
            expect![[r#"
        {} 0.5
    "#]],
        )
        .await;
}

#[tokio::test]
async fn operators_combine_numbers_and_vectors() {
    let world = world().await;
    world
        .values(
            "vector(1)+vector(1)",
            expect![[r#"
        {} 2
    "#]],
        )
        .await;
    world
        .values(
            "1 + 2 * 3",
            expect![[r#"
        scalar 7
    "#]],
        )
        .await;
    world
        .values(
            "vector(1) / 0",
            expect![[r#"
        {} NaN
    "#]],
        )
        .await;
}

/// Lines by application.
const BY_APP: &str = r#"sum by (app) (count_over_time({env="prod"}[5m]))"#;
/// Lines with errors by application.
const ERRORS: &str = r#"sum by (app) (count_over_time({env="prod"} |= "error" [5m]))"#;

#[tokio::test]
async fn operators_match_series_by_their_labels() {
    let world = world().await;
    world
        .values(
            &format!("{ERRORS} / {BY_APP}"),
            expect![[r#"
        {app="shop"} 0.25
    "#]],
        )
        .await;
    world
        .values(
            &format!("{BY_APP} > 3"),
            expect![[r#"
        {app="shop"} 4
    "#]],
        )
        .await;
    world
        .values(
            &format!("{BY_APP} > bool 3"),
            expect![[r#"
        {app="crm"} 0
        {app="shop"} 1
    "#]],
        )
        .await;
    world
        .values(
            &format!("{BY_APP} unless {ERRORS}"),
            expect![[r#"
        {app="crm"} 3
    "#]],
        )
        .await;
    world
        .values(
            &format!("{ERRORS} or {BY_APP}"),
            expect![[r#"
        {app="crm"} 3
        {app="shop"} 1
    "#]],
        )
        .await;
    world
        .values(
            &format!("{BY_APP} and on () vector(1)"),
            expect![[r#"
        {app="crm"} 3
        {app="shop"} 4
    "#]],
        )
        .await;
}

#[tokio::test]
async fn one_series_may_meet_many() {
    let world = world().await;
    let by_level = r#"sum by (app, level) (count_over_time({env="prod"} | logfmt | __error__="" | level!="" [5m]))"#;
    world
        .values(
            &format!("{by_level} / on (app) group_left () {BY_APP}"),
            expect![[r#"
        {app="crm", level="info"} 0.666666667
        {app="shop", level="error"} 0.25
        {app="shop", level="info"} 0.5
        {app="shop", level="warn"} 0.25
    "#]],
        )
        .await;
    world.values(&format!("{BY_APP} / on (app) {by_level}"), expect![[r#"
        Invalid: found duplicate series on the right hand-side; many-to-many matching not allowed: matching labels must be unique on one side
    "#]])
    .await;
    world
        .values(
            &format!(r#"label_replace({BY_APP}, "service", "the-$1", "app", "(.*)p")"#),
            expect![[r#"
        {app="crm"} 3
        {app="shop", service="the-sho"} 4
    "#]],
        )
        .await;
}

#[tokio::test]
async fn absence_is_one_where_nothing_was() {
    let world = world().await;
    world
        .series(
            r#"absent_over_time({app="shop", env=~"pro.*"}[1m])"#,
            expect![[r#"
                {app="shop"} 180:1 240:1
            "#]],
        )
        .await;
}

#[tokio::test]
async fn numbers_and_constants_have_every_point() {
    let world = world().await;
    world
        .series(
            "vector(2) * 3",
            expect![[r#"
                {} 60:6 120:6 180:6 240:6 300:6
            "#]],
        )
        .await;
    world
        .series(
            "1 == bool 1",
            expect![[r#"
                {} 60:1 120:1 180:1 240:1 300:1
            "#]],
        )
        .await;
}
