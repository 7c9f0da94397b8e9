//! Whoever may see one service sees nothing of another, whatever they ask.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use expect_test::expect;
use logline::{Batch, Tenant};
use storage::{Derive, Predicate, TableSpec, TextMatch, logs};

use super::world::{World, by_minute, everything, forward, hour, line, only, shown};
use crate::{Config, Data, Kind, Params, Stats, VolumeParams};

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
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
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
              ScanExec: table=logs files=0 heads=1 columns=[stream, timestamp, nanos, line, all_metadata, received] predicate=And([Label { name: "app", text: Equals("a") }, Column { name: "line", text: Contains("mine") }])
    "#]]
    .assert_eq(&plan);
    let counting = by_minute(r#"sum by (app) (count_over_time({app=~".+"}[1m]))"#);
    let plan = world.engines()[0].explain(&everything(), &counting).unwrap();
    assert!(plan.contains("columns=[stream, timestamp, nanos, count] "), "{plan}");
    let plan = world.engines()[0].explain(&only(&["shop-api"]), &counting).unwrap();
    assert!(plan.contains("ScanExec: table=logs columns="), "files hold lines of others: {plan}");
}

#[tokio::test]
async fn who_sees_a_part_is_told_of_their_answer_only_and_the_trail_of_all_that_was_read() {
    let world = world().await;
    let count = r#"sum(count_over_time({app=~".+"} |~ "mine|theirs" [1h]))"#;
    for engine in world.engines() {
        let [all, mine] = [everything(), only(&["shop-api"])];
        let (all_asked, mine_asked) = (
            engine.query_instant(&all, count, super::world::at(60)).await.unwrap(),
            engine.query_instant(&mine, count, super::world::at(60)).await.unwrap(),
        );
        assert!(all_asked.stats.bytes > 0 && all_asked.stats.lines == all_asked.cost.rows, "{all_asked:?}");
        let told = Stats { lines: 1, lines_kept: 1, returned: 1, took: mine_asked.stats.took, ..Stats::default() };
        assert_eq!(Stats { waited: told.waited, ..mine_asked.stats }, told);
        assert!(mine_asked.cost.bytes > 0 && mine_asked.cost.rows > 0, "{:?}", mine_asked.cost);
        let chunks = async |scope, selector| engine.stats(scope, hour(), selector).await.unwrap().data.chunks;
        assert_eq!(chunks(&mine, r#"{app=~".+"}"#).await, 1, "their streams");
        assert_eq!(chunks(&mine, r#"{app="b"}"#).await, 0);
        let params = VolumeParams {
            selector: "{}".to_owned(),
            range: hour(),
            step: None,
            labels: Vec::new(),
            by_label: false,
            limit: 10,
        };
        let volume = engine.volume(&mine, &params).await.unwrap();
        assert_eq!((volume.stats.bytes, volume.stats.files), (0, 0));
        assert!(volume.cost.bytes > 0);
    }
}

/// Keeps the service and the text of every line in a table of its own.
#[derive(Debug)]
struct Notes;

fn note_columns() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("maker", DataType::Utf8, true),
        Field::new(logs::TIMESTAMP, logs::micros_utc(), false),
        Field::new("note", DataType::Utf8, false),
    ]))
}

impl Derive for Notes {
    fn table(&self) -> TableSpec {
        TableSpec { name: "notes", schema: note_columns(), sort: &["maker", logs::TIMESTAMP], id: None }
    }

    fn derive(&self, batch: &Batch) -> Option<RecordBatch> {
        let (mut makers, mut times, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for stream in &batch.streams {
            makers.extend(stream.entries.iter().map(|_| stream.labels.get(logs::SERVICE_NAME)));
            times.extend(stream.entries.iter().map(|entry| entry.timestamp.micros()));
            notes.extend(stream.entries.iter().map(|entry| entry.line.as_str()));
        }
        let (makers, notes) = (StringArray::from(makers), StringArray::from(notes));
        let times = TimestampMicrosecondArray::from(times);
        let columns: Vec<ArrayRef> = vec![Arc::new(makers), Arc::new(times.with_timezone("UTC")), Arc::new(notes)];
        RecordBatch::try_new(note_columns(), columns).ok()
    }
}

#[tokio::test]
async fn rows_of_a_derived_table_follow_its_service_column_and_are_hidden_without_one() {
    let lines = [line(1, SHOP, "mine"), line(2, CRM, "theirs"), line(3, NOBODY, "nobody's")];
    let notes: Arc<dyn Derive> = Arc::new(Notes);
    let told = Config { service_columns: [("notes".to_owned(), "maker".to_owned())].into(), ..Config::default() };
    for (config, seen) in [(told, vec!["mine"]), (Config::default(), Vec::new())] {
        let world = World::with_derives(&lines, &config, &[Arc::clone(&notes)]).await;
        for engine in world.engines() {
            let texts = async |scope: &auth::Scope| {
                let rows = engine.rows(scope, "notes", hour(), Predicate::True, &["note"]).await.unwrap();
                let notes = rows.iter().flat_map(|rows| rows.column(0).as_string::<i32>().iter().flatten());
                let mut notes: Vec<_> = notes.map(str::to_owned).collect();
                notes.sort();
                notes
            };
            assert_eq!(texts(&only(&["shop-api"])).await, seen);
            assert_eq!(texts(&everything()).await, ["mine", "nobody's", "theirs"]);
        }
    }
}

#[tokio::test]
async fn a_condition_cannot_reach_beyond_the_scope() {
    let world = world().await;
    let any = Predicate::Or(vec![
        Predicate::True,
        Predicate::Label { name: "app".to_owned(), text: TextMatch::Equals("b".to_owned()) },
    ]);
    for engine in world.engines() {
        let rows = engine.rows(&only(&["shop-api"]), logs::LOGS, hour(), any.clone(), &[logs::LINE]).await.unwrap();
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
        let unknown = engine.rows(&everything(), "users", hour(), Predicate::True, &[]).await.unwrap_err();
        assert_eq!(unknown.kind(), Kind::Invalid);
    }
}
