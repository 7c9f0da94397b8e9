//! What there is: statistics, volumes, fields, patterns, lines as they come in, lists without a limit.

use std::sync::Arc;

use futures::StreamExt as _;
use logline::{Entry, Labels, Stream, Tenant, Timestamp};
use stdx::ByteSize;
use storage::TimeRange;

use super::world::{World, at, everything, forward, hour, line, only};
use crate::{Config, Cursor, Direction, FieldParams, Params, VolumeParams, tail};

async fn world() -> World {
    World::new(&[
        line(1, r#"{app="shop", env="a", service_name="shop"}"#, r#"{"order":{"id":7},"took":"5ms","ok":true}"#),
        line(2, r#"{app="shop", env="b", service_name="shop"}"#, "took=7ms size=5KiB from=CREATED").with("zone", "eu"),
        line(61, r#"{app="crm", service_name="crm", node="17"}"#, "took=9ms"),
        line(62, r#"{app="crm", service_name="crm", node="17"}"#, "took=11ms"),
    ])
    .await
}

fn volume(selector: &str) -> VolumeParams {
    let (selector, labels) = (selector.to_owned(), Vec::new());
    VolumeParams { selector, range: hour(), step: None, labels, by_label: false, limit: 10 }
}

/// Volumes as text, the same from memory and from files.
async fn volumes(world: &World, params: VolumeParams) -> Vec<String> {
    let mut answers = Vec::new();
    for engine in world.engines() {
        let answer = engine.volume(&everything(), &params).await.unwrap();
        assert_eq!(answer.stats.returned, answer.data.len() as u64);
        let shown = answer.data.into_iter().map(|volume| {
            let labels: Vec<_> = volume.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let seconds = |time: Timestamp| time.since(at(0)).as_secs();
            let points: Vec<_> =
                volume.points.iter().map(|(time, bytes)| format!("{}:{bytes}", seconds(*time))).collect();
            format!("{} {}", labels.join(","), points.join(" "))
        });
        answers.push(shown.collect::<Vec<_>>());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    answers.swap_remove(0)
}

#[tokio::test]
async fn statistics_count_streams_and_lines() {
    let world = world().await;
    for engine in world.engines() {
        let all = engine.stats(&everything(), hour(), r#"{app=~".+"}"#).await.unwrap().data;
        assert_eq!((all.streams, all.entries, all.bytes), (3, 4, 41 + 31 + 8 + 9));
        let none = engine.stats(&everything(), hour(), r#"{app="none"}"#).await.unwrap().data;
        assert_eq!((none.streams, none.chunks, none.bytes, none.entries), (0, 0, 0, 0));
        let mine = engine.stats(&only(&["crm"]), hour(), r#"{app=~".+"}"#).await.unwrap().data;
        assert_eq!((mine.streams, mine.entries), (1, 2));
    }
}

#[tokio::test]
async fn volumes_are_summed_by_the_labels_of_the_selector_or_those_wanted() {
    let world = world().await;
    assert_eq!(volumes(&world, volume(r#"{app=~".+"}"#)).await, ["app=shop 3600:72", "app=crm 3600:17"]);
    let by_env = VolumeParams { labels: vec!["env".to_owned()], ..volume(r#"{app=~".+"}"#) };
    assert_eq!(volumes(&world, by_env).await, ["env=a 3600:41", "env=b 3600:31"], "no env, no part");
    let names = VolumeParams { by_label: true, limit: 2, ..volume("{}") };
    assert_eq!(volumes(&world, names).await, ["app= 3600:89", "service_name= 3600:89"]);
    let minutes = VolumeParams { step: Some(std::time::Duration::from_secs(60)), ..volume(r#"{app=~".+"}"#) };
    // Stretches begin at full minutes of the clock; second zero is 20 s into one.
    assert_eq!(volumes(&world, minutes).await, ["app=shop 40:72", "app=crm 100:17"]);
}

#[tokio::test]
async fn fields_are_found_in_metadata_and_in_json_and_logfmt_lines() {
    let world = world().await;
    let params = |query: &str| FieldParams { query: query.to_owned(), range: hour(), lines: 100, limit: 100 };
    for engine in world.engines() {
        let fields = engine.detected_fields(&everything(), &params(r#"{app="shop"}"#)).await.unwrap().data;
        let shown: Vec<_> = fields
            .iter()
            .map(|field| {
                let path = field.json_path.join(".");
                format!("{} {} {} {:?} {path}", field.label, field.kind.name(), field.cardinality, field.parsers)
            })
            .collect();
        assert_eq!(
            shown,
            [
                r#"from string 1 ["logfmt"] "#,
                r#"ok boolean 1 ["json"] ok"#,
                r#"order_id int 1 ["json"] order.id"#,
                r#"size bytes 1 ["logfmt"] "#,
                r#"took duration 2 ["json", "logfmt"] took"#,
                r#"zone string 1 [] "#,
            ]
        );
        let values = engine.detected_values(&everything(), "took", &params(r#"{app=~".+"}"#)).await.unwrap().data;
        assert_eq!(values, ["11ms", "5ms", "7ms", "9ms"]);
        let labels = engine.detected_labels(&everything(), hour(), None).await.unwrap();
        let labels: Vec<_> = labels.iter().map(|(name, values)| (name.as_str(), *values)).collect();
        assert_eq!(labels, [("app", 2), ("env", 2), ("service_name", 2)], "a node that is a number tells nobody much");
        let error = engine.detected_fields(&everything(), &params(r#"rate({app="shop"}[1m])"#)).await.unwrap_err();
        assert!(error.to_string().starts_with("fields are found in lines"), "{error}");
    }
}

#[tokio::test]
async fn patterns_tell_kinds_of_lines_and_when_they_came() {
    let world = world().await;
    for engine in world.engines() {
        let step = std::time::Duration::from_secs(1);
        let found = engine.patterns(&everything(), r#"{app="crm"}"#, hour(), step).await.unwrap();
        assert!(2 <= found.cost.rows && 16 <= found.cost.bytes, "what it took is known: {:?}", found.cost);
        let found = found.data;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].text.as_str(), found[0].level.as_str()), ("took=<_>", ""));
        assert_eq!(found[0].samples, [(at(60), 2)], "steps of ten seconds at least");
        assert!(engine.patterns(&only(&["shop"]), r#"{app="crm"}"#, hour(), step).await.unwrap().data.is_empty());
    }
}

#[tokio::test]
async fn a_list_without_limit_goes_on_where_it_ended() {
    // Many lines of one time, and few others, so that pages end among equals.
    let lines: Vec<_> =
        (0..60).map(|n| line(if n < 50 { 5 } else { n }, r#"{app="a"}"#, &format!("line {n:02}"))).collect();
    let world = World::new(&lines).await;
    for engine in world.engines() {
        for direction in [Direction::Forward, Direction::Backward] {
            let params = Params { direction, ..forward(r#"{app="a"}"#) };
            let (mut found, mut cursor) = (Vec::new(), None);
            for _ in 0..20 {
                let params = Params { limit: 8, ..params.clone() };
                let all = engine.lines(&everything(), &params, cursor).unwrap().map(Result::unwrap);
                let page: Vec<_> = all.collect::<Vec<_>>().await.into_iter().flatten().take(7).collect();
                for (_, entry) in page {
                    cursor = Some(Cursor::after(cursor, entry.timestamp));
                    found.push(entry.line);
                }
                cursor = cursor.map(|cursor| cursor.to_string().parse().unwrap());
            }
            if direction == Direction::Backward {
                found.reverse();
            }
            assert_eq!(found, (0..60).map(|n| format!("line {n:02}")).collect::<Vec<_>>(), "{direction:?}");
        }
    }
    assert!("5".parse::<Cursor>().is_err() && "5-x".parse::<Cursor>().is_err());
}

#[tokio::test]
async fn a_list_that_is_too_large_for_memory_comes_in_parts() {
    // One line long ago, and very many within half a minute: no file tells that they are not spread evenly.
    let text = |n: i32| format!("line {n:05} {}", "x".repeat(400));
    let mut lines: Vec<_> =
        (0..60_000).map(|n| line(3_000.0 + f64::from(n) / 2_000.0, r#"{app="a"}"#, &text(n))).collect();
    lines.push(line(1, r#"{app="a"}"#, "long ago"));
    let config = Config { memory_per_query: ByteSize(16 << 20), ..Config::default() };
    let world = World::with_config(&lines, &config).await;
    let mut want: Vec<String> = std::iter::once("long ago".to_owned()).chain((0..60_000).map(text)).collect();
    let params = Params { start: at(0), end: at(3_600), limit: usize::MAX, ..forward(r#"{app="a"}"#) };
    for engine in world.engines() {
        for direction in [Direction::Forward, Direction::Backward] {
            let params = Params { direction, ..params.clone() };
            let all: Vec<_> = engine.lines(&everything(), &params, None).unwrap().map(Result::unwrap).collect().await;
            let found: Vec<String> = all.into_iter().flatten().map(|(_, entry)| entry.line).collect();
            assert!(found == want, "{direction:?}: {} lines", found.len());
            want.reverse();
        }
        // The same where nobody knows how many lines are needed.
        let thinned = Params { limit: 100, interval: std::time::Duration::from_secs(10), ..params.clone() };
        let answer = engine.query_range(&everything(), &thinned).await.unwrap();
        assert_eq!(answer.data.len(), 4, "one long ago, and at 0, 10 and 20 s");
    }
}

#[tokio::test]
async fn what_slices_look_at_counts_once() {
    let lines: Vec<_> = (0..60_000).map(|n| line(f64::from(n) / 20.0, r#"{app="a"}"#, &format!("line {n}"))).collect();
    let world = World::new(&lines).await;
    let params = Params { start: at(0), end: at(3_600), ..forward(r#"{app="a"} |= "no such""#) };
    // All in files. What is in memory is read in larger parts, some of them by two slices.
    let engine = &world.engines()[1];
    let stats = engine.query_range(&everything(), &params).await.unwrap().stats;
    assert_eq!(stats.lines + stats.lines_pruned, 60_000, "{stats:?}");
    let (_, view) = engine.begin(&everything(), storage::LOGS).unwrap();
    let files = view.parts(&TimeRange { start: params.start, end: params.end }).len() as u64;
    assert_eq!((stats.files, stats.lines_pruned_by_time), (files, 0), "{stats:?}");
}

#[test]
fn a_tail_sees_what_its_scope_and_its_query_let_through() {
    let stream = |labels: &str| Stream {
        labels: Labels::parse(labels).unwrap(),
        entries: ["took=5ms", "took=50ms"]
            .map(|text| Entry { timestamp: at(1), line: text.to_owned(), metadata: Vec::new() })
            .into(),
    };
    let (shop, crm) = (stream(r#"{app="a", service_name="shop"}"#), stream(r#"{app="a", service_name="crm"}"#));
    let (filter, mut lines) = tail(&only(&["shop"]), r#"{app="a"} | logfmt | took > 10ms"#, &Arc::default()).unwrap();
    assert!(filter.selects(&Tenant::default(), &shop.labels));
    assert!(!filter.selects(&Tenant::default(), &crm.labels), "not of the scope");
    assert!(!filter.selects(&Tenant::new("other").unwrap(), &shop.labels), "not of the tenant");
    assert!(!filter.selects(&Tenant::default(), &Labels::parse(r#"{app="a"}"#).unwrap()), "of no service");
    let seen = lines.lines(&shop);
    assert_eq!((seen.len(), &seen[0].labels), (1, &shop.labels));
    assert_eq!(seen[0].entries.iter().map(|entry| entry.line.as_str()).collect::<Vec<_>>(), ["took=50ms"]);
    assert_eq!(seen[0].entries[0].parsed, [("took".to_owned(), "50ms".to_owned())]);
    assert!(tail(&everything(), r#"rate({app="a"}[1m])"#, &Arc::default()).is_err());
    assert!(tail(&everything(), "{}", &Arc::default()).is_err());
}

#[tokio::test]
async fn a_tenants_limits_on_time_are_told_in_lokis_words() {
    let limits = crate::Limits {
        max_length: Some(std::time::Duration::from_secs(600)),
        max_lookback: Some(std::time::Duration::from_secs(3600)),
        ..crate::Limits::default()
    };
    let config = Config { limits, ..Config::default() };
    let world = World::with_config(&[line(1, r#"{app="a"}"#, "one")], &config).await;
    let engine = &world.engines()[0];
    let old = engine.query_range(&everything(), &forward(r#"{app="a"}"#)).await.unwrap_err().to_string();
    assert_eq!(old, "this data is no longer available, it is past now - max_query_lookback (1h)");
    let now = Timestamp::from(stdx::Clock::now(&stdx::SystemClock));
    let range = TimeRange { start: now.before(std::time::Duration::from_secs(1200)), end: now };
    let long = engine.labels(&everything(), range, None).await.unwrap_err().to_string();
    assert_eq!(long, "the query time range exceeds the limit (query length: 20m, limit: 10m)");
}
