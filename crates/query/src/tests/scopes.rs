//! Whoever may see one service sees nothing of another, whatever they ask.

use expect_test::expect;
use logline::Tenant;
use storage::Predicate;

use super::world::{World, by_minute, everything, forward, hour, line, only, shown};
use crate::{Data, Params};

const SHOP: &str = r#"{app="a", service_name="shop-api"}"#;
const CRM: &str = r#"{app="b", secret_label="x", service_name="crm-api"}"#;
const NOBODY: &str = r#"{app="c"}"#;

async fn world() -> World {
    World::new(&[line(1, SHOP, "mine"), line(2, CRM, "theirs"), line(3, NOBODY, "nobody's")]).await
}

#[tokio::test]
async fn every_question_is_answered_from_the_services_of_the_scope() {
    let world = world().await;
    let mine = only(&["shop-api"]);
    for engine in world.engines() {
        let lines = shown(engine.query_range(&mine, &forward(r#"{app=~".+"}"#)).await);
        assert_eq!(lines, format!("{SHOP}\n  1 mine\n"));
        let counted = shown(engine.query_range(&mine, &by_minute(r#"count_over_time({app=~".+"}[1m])"#)).await);
        assert_eq!(counted, format!("{SHOP} 60:1\n"));
        let instant =
            engine.query_instant(&mine, r#"sum(count_over_time({app=~".+"}[1h]))"#, super::world::at(60)).await;
        assert_eq!(shown(instant), "{} 1\n");
        assert_eq!(engine.labels(&mine, hour(), None).await.unwrap(), ["app", "service_name"]);
        assert_eq!(engine.label_values(&mine, "app", hour(), None).await.unwrap(), ["a"]);
        assert_eq!(engine.label_values(&mine, "secret_label", hour(), None).await.unwrap(), [""; 0]);
        let series =
            engine.series(&mine, hour(), &[r#"{app="b"}"#.to_owned(), r#"{app="a"}"#.to_owned()]).await.unwrap();
        assert_eq!(series.iter().map(ToString::to_string).collect::<Vec<_>>(), [SHOP]);
        let rows = engine.rows(&mine, storage::LOGS, hour(), Predicate::True, &["line"]).await.unwrap();
        assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 1);
    }
}

#[tokio::test]
async fn nobody_is_shown_anything_by_default() {
    let world = world().await;
    for scope in [only(&[]), only(&[""]), only(&["shop"])] {
        for engine in world.engines() {
            let answer = engine.query_range(&scope, &forward(r#"{app=~".+"}"#)).await.unwrap();
            assert_eq!(answer.data, Data::Streams(Vec::new()));
            assert_eq!(engine.labels(&scope, hour(), None).await.unwrap(), [""; 0]);
            let absent = engine.query_instant(&scope, r#"absent_over_time({app="a"}[1h])"#, super::world::at(60)).await;
            assert_eq!(shown(absent), "{app=\"a\"} 1\n");
        }
    }
}

#[tokio::test]
async fn the_whole_scope_sees_all_and_selectors_choose() {
    let world = world().await;
    let all = everything();
    for engine in world.engines() {
        let labels = engine.labels(&all, hour(), None).await.unwrap();
        assert_eq!(labels, ["app", "secret_label", "service_name"]);
        let selected = engine.labels(&all, hour(), Some(r#"{app="c"}"#)).await.unwrap();
        assert_eq!(selected, ["app"]);
        assert_eq!(engine.label_values(&all, "app", hour(), Some(r#"{app!="c"}"#)).await.unwrap(), ["a", "b"]);
        assert_eq!(engine.series(&all, hour(), &[]).await.unwrap().len(), 3);
        let later = storage::TimeRange { start: super::world::at(2), end: super::world::at(3) };
        assert_eq!(engine.label_values(&all, "app", later, None).await.unwrap(), ["b"]);
    }
}

#[tokio::test]
async fn tenants_do_not_meet() {
    #[derive(Debug)]
    struct NoAudit;
    impl auth::AuditSink for NoAudit {
        fn record(&self, _: auth::AuditEvent) {}
    }
    let world = world().await;
    let other = auth::Scope::system("a test", Tenant::new("other").unwrap(), &NoAudit);
    let answer = world.range(&other, &forward(r#"{app=~".+"}"#)).await;
    expect![""].assert_eq(&answer);
}

#[tokio::test]
async fn a_plan_says_what_the_scan_takes_over() {
    let world = world().await;
    let params = Params { limit: 10, ..forward(r#"{app="a"} |= "mine" | logfmt | a="1""#) };
    let plan = world.engines()[0].explain(&everything(), &params).unwrap();
    expect![[r#"
        SortPreservingMergeExec: [time@0 ASC NULLS LAST, stream@1 ASC NULLS LAST, received@2 ASC NULLS LAST, position@3 ASC NULLS LAST], fetch=10
          SortExec: TopK(fetch=10), expr=[time@0 ASC NULLS LAST, stream@1 ASC NULLS LAST, received@2 ASC NULLS LAST, position@3 ASC NULLS LAST], preserve_partitioning=[true]
            LinesExec: {app="a"} |= "mine" | logfmt | a="1"
              ScanExec: table=logs files=0 heads=1 columns=[stream, timestamp, nanos, line, metadata, received] predicate=And([Label { name: "app", text: Equals("a") }, Column { name: "line", text: Contains("mine") }])
    "#]]
    .assert_eq(&plan);
    let counting = by_minute(r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#);
    let plan = world.engines()[0].explain(&everything(), &counting).unwrap();
    assert!(plan.contains("columns=[stream, timestamp, nanos] "), "{plan}");
}
