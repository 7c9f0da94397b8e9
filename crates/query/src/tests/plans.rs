//! What the planner does, not only what comes of it: rankings in the table of series, counting in the scan.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::physical_plan::ExecutionPlan;
use logql::Expr;
use storage::{LOGS, logs};

use super::world::{Line, World, at, by_minute, everything, line};
use crate::{Engine, Params};

/// Five minutes of lines of two applications, most of them of one.
fn lines() -> Vec<Line> {
    let of = |n: i32| {
        let app = if n % 10 == 0 { "crm" } else { "shop" };
        line(f64::from(n) * 0.015, &format!(r#"{{app="{app}", env="prod"}}"#), &format!("n={n}"))
    };
    (0..20_000).map(of).collect()
}

#[tokio::test]
async fn a_ranking_of_all_series_is_made_in_their_table_and_any_other_is_not() {
    let world = World::new(&lines().split_off(19_900)).await;
    let ranks = |query: &str| {
        let explained = world.engines().iter().map(|engine| engine.explain(&everything(), &by_minute(query)).unwrap());
        let ranks: Vec<bool> = explained.map(|plan| plan.contains("Top {")).collect();
        assert!(ranks.iter().all(|one| *one == ranks[0]), "{query}");
        ranks[0]
    };
    for query in [
        r#"topk(2, sum by (app) (count_over_time({env="prod"}[1m])))"#,
        r#"bottomk(2, sum by (app) (rate({env="prod"}[1m])))"#,
        r#"approx_topk(2, sum by (app) (bytes_over_time({env="prod"}[1m])))"#,
        r#"topk(2, count_over_time({env="prod"}[1m]))"#,
        r#"topk(2, max by (app) (max_over_time({env="prod"} | logfmt | unwrap n | app!="" [1m])))"#,
        r#"topk(2, quantile_over_time(0.5, {env="prod"} | logfmt | unwrap n [1m]) by (app))"#,
        r#"sum(topk(2, sum by (app) (count_over_time({env="prod"}[1m]))))"#,
        r#"topk(1, count_over_time({env="prod"}[1m])) / 2"#,
    ] {
        assert!(ranks(query), "{query}");
    }
    for query in [
        // Not of all series, or not of the series of the table.
        r#"topk by (env) (2, sum by (app) (count_over_time({env="prod"}[1m])))"#,
        r#"topk(2, avg by (app) (count_over_time({env="prod"}[1m])))"#,
        r#"topk(2, max by (app) (count_over_time({env="prod"}[1m])))"#,
        r#"topk(2, sum by (app) (max_over_time({env="prod"} | logfmt | unwrap n [1m]) by (app)))"#,
        r#"topk(2, count_over_time({env="prod"}[1m]) + 1)"#,
        r#"topk(2, absent_over_time({env="prod"}[1m]))"#,
        // Series with errors are those of single lines, until something adds them up.
        r#"topk(2, sum by (app) (count_over_time({env="prod"} | json | __error__=~".*" [1m])))"#,
        // All series are wanted as well.
        r#"topk(2, count_over_time({env="prod"}[1m])) / count_over_time({env="prod"}[1m])"#,
        // More than is worth while.
        r#"topk(9999999, count_over_time({env="prod"}[1m]))"#,
        r#"sort_desc(sum by (app) (count_over_time({env="prod"}[1m])))"#,
    ] {
        assert!(!ranks(query), "{query}");
    }
}

/// Rows that leave the scans of a query, and the lines that they stand for if they say so.
async fn leaving(engine: &Arc<Engine>, params: &Params) -> (usize, Option<u64>) {
    let (run, view) = engine.begin(&everything(), LOGS).unwrap();
    let Expr::Metric(expr) = logql::parse(&params.query).unwrap() else { panic!("{}", params.query) };
    let mut plan = crate::metric::plans(&view, &expr, params.grid().unwrap()).unwrap().swap_remove(0);
    loop {
        let input: Option<Arc<dyn ExecutionPlan>> = plan.children().first().map(|input| Arc::clone(input));
        let Some(input) = input else { break };
        plan = input;
    }
    let batches = run.collect(plan).await.unwrap();
    let counts =
        batches.iter().map(|rows| rows.column_by_name(logs::COUNT).map(|count| count.as_primitive::<UInt64Type>()));
    let counts: Option<Vec<_>> = counts.collect();
    let lines = counts.map(|counts| counts.iter().map(|counts| counts.values().iter().sum::<u64>()).sum());
    (batches.iter().map(|rows| rows.num_rows()).sum(), lines)
}

#[tokio::test]
async fn scans_count_lines_so_that_few_rows_leave_them() {
    let world = World::new(&lines()).await;
    let everywhere = Params { start: at(300), end: at(300), ..by_minute("") };
    for (query, params, lines) in [
        (r#"sum by (app) (count_over_time({env="prod"}[5m]))"#, &everywhere, 19_999),
        (r#"sum(rate({env="prod"}[5m]))"#, &everywhere, 19_999),
        (r#"sum by (app) (count_over_time({app="crm"}[5m]))"#, &everywhere, 1_999),
        // Pages reach over the cuts between windows.
        (r#"sum by (app) (count_over_time({env="prod"}[1m]))"#, &by_minute(""), 19_999),
        (r#"sum by (app) (count_over_time({env="prod"}[90s]))"#, &by_minute(""), 20_000),
        (r#"sum(count_over_time({env="prod"} |= "n=1" [5m]))"#, &everywhere, 11_111),
    ] {
        let params = Params { query: query.to_owned(), ..params.clone() };
        for (layout, engine) in ["memory", "files", "both"].into_iter().zip(world.engines()) {
            let (rows, counted) = leaving(engine, &params).await;
            assert_eq!(counted, Some(lines), "{layout}: {query}");
            assert!(rows < 400, "{layout}: {rows} rows for {lines} lines: {query}");
        }
    }
    // What looks into each line gets each line.
    for query in [r#"sum by (n) (count_over_time({env="prod"} | logfmt [5m]))"#, r#"bytes_rate({env="prod"}[5m])"#] {
        let params = Params { query: query.to_owned(), ..everywhere.clone() };
        for engine in world.engines() {
            assert_eq!(leaving(engine, &params).await, (19_999, None), "{query}");
        }
    }
}

#[tokio::test]
async fn rows_beside_metadata_that_is_wanted_are_not_counted_together() {
    let mut lines = lines();
    for line in lines.iter_mut().skip(19_000).step_by(10) {
        line.metadata.push(("user".to_owned(), "jo".to_owned()));
        line.metadata.push(("zone".to_owned(), "eu".to_owned()));
    }
    let world = World::new(&lines).await;
    let params = |query: &str| Params { query: query.to_owned(), start: at(300), end: at(300), ..by_minute("") };
    let by_user = params(r#"sum by (user) (count_over_time({env="prod"}[5m]))"#);
    let by_app = params(r#"sum by (app) (count_over_time({env="prod"}[5m]))"#);
    for (layout, engine) in ["memory", "files", "both"].into_iter().zip(world.engines()) {
        let (rows, counted) = leaving(engine, &by_user).await;
        assert_eq!(counted, Some(19_999), "{layout}");
        // Where somebody is among the rows, each stays by itself.
        assert!(100 <= rows, "{layout}: {rows} rows");
        assert!(layout != "memory" || rows < 10_000, "{rows} rows: parts of the head without anybody are counted");
        let (rows, counted) = leaving(engine, &by_app).await;
        assert_eq!(counted, Some(19_999), "{layout}");
        assert!(rows < 100, "{layout}: {rows} rows: every stream has a label of that name");
    }
    let answer = world.range(&everything(), &by_user).await;
    assert_eq!(answer, "{} 300:19899\n{user=\"jo\"} 300:100\n");
}
