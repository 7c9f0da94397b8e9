//! Points that were computed before: found again, never too old, never somebody else's.

use std::time::Duration;

use logline::Tenant;
use stdx::{ByteSize, Rng};
use storage::DeleteState;

use super::world::{Line, World, at, everything, forward, hour, line, only, shown};
use crate::{Config, Engine, Params};

const COUNT: &str = r#"sum by (service_name) (count_over_time({service_name=~".+"}[2m]))"#;

fn lines() -> Vec<Line> {
    let line_of = |n: i32| {
        let service = if n % 3 == 0 { "shop" } else { "mes" };
        line(f64::from(n) * 6.0 + 0.5, &format!(r#"{{service_name="{service}"}}"#), &format!("n={n}"))
    };
    (0..600).map(line_of).collect()
}

fn asked(query: &str, start: i64, end: i64) -> Params {
    Params { start: at(start), end: at(end), ..forward(query) }
}

/// Lines that were looked at in files or memory for an answer.
async fn read(world: &World, params: &Params) -> Vec<u64> {
    let mut read = Vec::new();
    for engine in world.engines() {
        let stats = engine.query_range(&everything(), params).await.unwrap().stats;
        read.push(stats.lines);
    }
    read
}

#[tokio::test]
async fn finished_points_are_computed_once() {
    let world = World::new(&[]).await;
    for ten_minutes in lines().chunks(100) {
        world.append(ten_minutes).await;
        world.flush().await;
    }
    let params = asked(COUNT, 0, 3600);
    let first = world.range(&everything(), &params).await;
    assert_eq!(read(&world, &params).await, [0, 0, 0]);
    assert_eq!(world.range(&everything(), &params).await, first);
    let inside = asked(COUNT, 1200, 2100);
    let before = world.range(&everything(), &inside).await;
    assert_eq!(read(&world, &inside).await, [0, 0, 0]);
    let beyond = asked(COUNT, 1200, 4200);
    assert!(read(&world, &beyond).await.iter().all(|lines| *lines < 600), "only what is new is read");
    let uncached = World::with_config(&lines(), &Config { results_cache: ByteSize(0), ..Config::default() }).await;
    assert_eq!(uncached.range(&everything(), &inside).await, before);
    assert!(read(&uncached, &inside).await.iter().all(|lines| *lines > 0));
}

#[tokio::test]
async fn a_late_line_shows_in_points_that_were_known() {
    let world = World::new(&lines()).await;
    world.flush().await;
    let params = asked(COUNT, 0, 3600);
    let before = world.range(&everything(), &params).await;
    assert_eq!(read(&world, &params).await, [0, 0, 0], "the points are known");
    assert_eq!(world.range(&everything(), &params).await, before);
    world.append(&[line(1500.25, r#"{service_name="late"}"#, "from yesterday's queue")]).await;
    let late = world.range(&everything(), &params).await;
    assert!(late.contains(r#"{service_name="late"} 1560:1 1620:1"#), "{late}");
    world.flush().await;
    assert_eq!(world.range(&everything(), &params).await, late, "in a file it counts as much");
    assert_eq!(read(&world, &params).await, [0, 0, 0], "the points are known anew");
    assert_eq!(world.range(&everything(), &params).await, late);
}

#[tokio::test]
async fn deleted_lines_leave_points_that_were_known() {
    let world = World::new(&lines()).await;
    world.flush().await;
    let params = asked(COUNT, 600, 3000);
    let before = world.range(&everything(), &params).await;
    assert_eq!(read(&world, &params).await, [0, 0, 0], "the points are known");
    for engine in world.engines() {
        engine.delete(&everything(), r#"{service_name="shop"}"#, hour()).await.unwrap();
    }
    let after = world.range(&everything(), &params).await;
    assert!(before.contains("shop") && !after.contains("shop"), "{after}");
    assert_eq!(read(&world, &params).await, [0, 0, 0], "the points are known anew");
    for storage in world.storages() {
        storage.maintain().await.unwrap();
        let deletes = storage.deletes(&Tenant::default()).await.unwrap();
        assert_eq!(deletes[0].state, DeleteState::Rewritten, "{deletes:?}");
    }
    assert_eq!(world.range(&everything(), &params).await, after, "files without them");
    assert_eq!(read(&world, &params).await, [0, 0, 0]);
}

#[tokio::test]
async fn lines_of_a_request_that_was_taken_back_are_in_points_again() {
    let world = World::new(&lines()).await;
    world.flush().await;
    let params = asked(COUNT, 600, 3000);
    let before = world.range(&everything(), &params).await;
    let mut ids = Vec::new();
    for engine in world.engines() {
        ids.push(engine.delete(&everything(), r#"{service_name="shop"} |= "n=3""#, hour()).await.unwrap().id);
    }
    let without = world.range(&everything(), &params).await;
    assert_ne!(without, before);
    assert_eq!(read(&world, &params).await, [0, 0, 0], "points without the lines are known");
    for (storage, id) in world.storages().iter().zip(ids) {
        storage.cancel_delete(&Tenant::default(), &id, true).await.unwrap();
    }
    assert_eq!(world.range(&everything(), &params).await, before);
    assert_eq!(read(&world, &params).await, [0, 0, 0]);
}

/// The same count of lines with another text, which is long.
fn long(n: usize) -> Params {
    let never = format!("{n}-{}", "never ".repeat(500));
    asked(&format!(r#"sum(count_over_time({{service_name=~".+"}} != "{never}" [2m]))"#), 600, 1_500)
}

#[tokio::test]
async fn what_is_kept_stays_within_its_limit_and_the_oldest_goes_first() {
    const LIMIT: usize = 200_000;
    let config = Config { results_cache: ByteSize(LIMIT as u64), parallelism: 2, ..Config::default() };
    let world = World::with_config(&lines(), &config).await;
    world.flush().await;
    let kept = |engine: &Engine| engine.begin(&everything(), storage::LOGS).unwrap().0.cache().bytes();
    let mut fullest = 0;
    for n in 0..60 {
        let engine = &world.engines()[1];
        engine.query_range(&everything(), &long(n)).await.unwrap();
        assert!(kept(engine) <= LIMIT, "{} bytes", kept(engine));
        fullest = fullest.max(kept(engine));
        // The first one is used again and again, and therefore stays.
        assert_eq!(engine.query_range(&everything(), &long(0)).await.unwrap().stats.lines, 0, "round {n}");
    }
    assert!(LIMIT / 2 < fullest, "{fullest} bytes: the texts of the queries count");
    let engine = &world.engines()[1];
    assert_eq!(engine.query_range(&everything(), &long(59)).await.unwrap().stats.lines, 0);
    assert!(engine.query_range(&everything(), &long(1)).await.unwrap().stats.lines > 0, "it went long ago");
}

#[tokio::test]
async fn a_result_that_would_drive_out_all_others_is_not_kept() {
    let config = Config { results_cache: ByteSize(20_000), parallelism: 2, ..Config::default() };
    let world = World::with_config(&lines(), &config).await;
    world.flush().await;
    let short = asked(COUNT, 600, 1_500);
    world.range(&everything(), &short).await;
    world.range(&everything(), &long(1)).await;
    assert!(read(&world, &long(1)).await.iter().all(|lines| *lines > 0), "its text alone is too long");
    assert_eq!(read(&world, &short).await, [0, 0, 0]);
}

#[tokio::test]
async fn nobody_gets_points_of_what_they_may_not_see() {
    let world = World::new(&lines()).await;
    world.flush().await;
    let params = asked(COUNT, 600, 3000);
    let all = world.range(&everything(), &params).await;
    assert_eq!(read(&world, &params).await, [0, 0, 0], "the points of all are known");
    let own = world.range(&only(&["mes"]), &params).await;
    assert!(all.contains("shop") && own.contains("mes") && !own.contains("shop"), "{own}");
    for engine in world.engines() {
        let again = engine.query_range(&only(&["mes"]), &params).await.unwrap();
        assert_eq!(again.cost.rows, 0, "their own are known as well");
        assert!(engine.query_range(&only(&["shop"]), &params).await.unwrap().cost.rows > 0, "not those of others");
    }
    assert_eq!(world.range(&everything(), &params).await, all);
}

#[tokio::test]
async fn moving_windows_get_the_same_answers_with_and_without_memory() {
    let mut rng = Rng::seeded(21);
    let some = Config { results_cache: ByteSize(40_000), parallelism: 2, ..Config::default() };
    let known = World::with_config(&lines(), &some).await;
    let fresh = World::with_config(&lines(), &Config { results_cache: ByteSize(0), ..some }).await;
    let queries = [
        COUNT,
        r#"rate({service_name="mes"}[90s])"#,
        r#"max_over_time({service_name="shop"} | logfmt | unwrap n [5m]) by (service_name)"#,
        r#"topk(1, sum by (service_name) (count_over_time({service_name=~".+"}[3m] offset 1m)))"#,
        r#"sum(count_over_time({service_name="mes"}[1m])) or absent_over_time({service_name="mes"} |= "never" [1m])"#,
        r#"count_over_time({service_name="mes"} | label_format second="{{ now | unixEpoch }}" | keep second [1m]) > 1e9"#,
    ];
    known.flush().await;
    fresh.flush().await;
    let first = asked(COUNT, 600, 1_800);
    known.range(&everything(), &first).await;
    assert_eq!(read(&known, &first).await, [0, 0, 0], "points are kept");
    assert!(read(&fresh, &first).await.iter().all(|lines| *lines > 0), "here none are");
    let mut spared = 0;
    for round in 0..60 {
        let start = rng.below(3_000).cast_signed() / 20 * 20;
        let params = Params {
            step: Duration::from_secs([20, 60, 70][usize::try_from(rng.below(3)).unwrap()]),
            ..asked(queries[usize::try_from(rng.below(6)).unwrap()], start, start + rng.below(4_000).cast_signed())
        };
        if round % 15 == 14 {
            let late = [line(start as f64 + 0.125, r#"{service_name="mes"}"#, &format!("n={round}"))];
            known.append(&late).await;
            fresh.append(&late).await;
        }
        if round % 20 == 19 {
            known.flush().await;
        }
        let want = fresh.range(&everything(), &params).await;
        assert_eq!(known.range(&everything(), &params).await, want, "{params:?}");
        let (with, without) = (read(&known, &params).await, read(&fresh, &params).await);
        spared += with.iter().zip(&without).filter(|(with, without)| with < without).count();
    }
    assert!(spared > 60, "{spared} of 180 answers read less than without memory");
}

#[tokio::test]
async fn equal_parts_of_a_query_read_their_lines_once() {
    let world = World::with_config(&lines(), &Config { results_cache: ByteSize(0), ..Config::default() }).await;
    let once = asked(r#"sum(rate({service_name=~".+"} |= "n=1" [1m]))"#, 600, 700);
    let twice = Params { query: format!("({0}) / ({0}) + topk(1, {0})", once.query), ..once.clone() };
    assert_eq!(read(&world, &twice).await, read(&world, &once).await);
    assert!(!shown(world.engines()[0].query_range(&everything(), &twice).await).is_empty());
}
