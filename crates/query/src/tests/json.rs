//! Lines of JSON that others of the same pattern stand for: the answers are those of the lines.

use super::world::{World, at, everything, forward, line};
use crate::Params;

/// Each of three files has more of them than a row group needs for its patterns to be asked.
const LINES: i32 = 60_000;

async fn world() -> World {
    let line_of = |n: i32| {
        let (to, kind) = (["PAID", "NEW", "SHIPPED"][n as usize % 3], ["moved", "made"][n as usize / 2 % 2]);
        let (id, rest) = (1_000_000 + n, if n % 10 == 0 { r#","rest":[1,2]"# } else { "" });
        let json = format!(r#"{{"id":{id},"at":"{n}ms","order":{{"to":"{to}","sum":{n}.50}},"app":"{kind}"{rest}}}"#);
        match n % 50 {
            7 => line(f64::from(n) / 300.0, r#"{app="plain"}"#, &format!("no json of {n}")),
            _ if !rest.is_empty() => line(f64::from(n) / 300.0, r#"{app="list"}"#, &json),
            _ => line(f64::from(n) / 300.0, r#"{app="shop"}"#, &json).with("order_id", &(n / 4).to_string()),
        }
    };
    World::new(&(0..LINES).map(line_of).collect::<Vec<_>>()).await
}

/// Bytes of lines that were decoded for an answer from files.
async fn bytes_of_files(world: &World, query: &str) -> u64 {
    let params = Params { query: query.to_owned(), start: at(0), end: at(240), ..forward(query) };
    let engine = &world.engines()[1];
    engine.query_range(&everything(), &params).await.unwrap().stats.bytes
}

#[tokio::test]
async fn series_by_members_of_json_are_those_of_the_lines() {
    let world = world().await;
    let by_to = r#"sum by (order_to) (count_over_time({app="shop"} | json [4m]))"#;
    for query in [
        by_to,
        r#"sum by (order_to, app, app_extracted) (count_over_time({app="shop"} | json | app_extracted="made" [1m]))"#,
        r#"sum by (order_to) (count_over_time({app="shop"} | order_id!="3" | json | order_to=~"P.*|N.*" [4m]))"#,
        r#"sum by (at) (count_over_time({app="shop"} | json | id<1000050 [4m]))"#,
        r#"sum by (order_to) (rate({app="shop"} | json | order_sum>100 [4m]))"#,
        r#"sum by (rest_0) (count_over_time({app="list"} | json [4m]))"#,
        r#"sum by (__error__) (count_over_time({app=~".+"} | json | __error__!="" [4m]))"#,
        r#"sum by (order_to, __error__) (count_over_time({app=~".+"} | json | __error__="" [4m]))"#,
        r#"sum by (order_to) (bytes_over_time({app="shop"} | json [4m]))"#,
        r#"sum by (order_to) (sum_over_time({app="shop"} | json | unwrap order_sum [4m]))"#,
    ] {
        // Memory has no patterns; the world compares its answer with those of files.
        assert!(!world.instant(&everything(), query, 240).await.is_empty(), "{query}");
    }
    assert_eq!(bytes_of_files(&world, by_to).await, 0);
}
