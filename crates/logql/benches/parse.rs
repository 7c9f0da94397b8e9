//! Speed of reading and printing the queries that Grafana sends.

use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

const QUERIES: &[&str] = &[
    r#"{service_name="shop"}"#,
    r#"{service_name="shop", env="prod"} |= "order_id=4711" | json | status >= 500 | line_format "{{.message}}""#,
    r#"sum by (level, detected_level) (count_over_time({service_name=~"shop|crm|mes"} |~ "(?i)timeout" | json | logfmt | drop __error__, __error_details__ [1m]))"#,
    r#"topk(10, sum by (endpoint) (rate({app="shop"} | pattern "<_> <method> <endpoint> <status>" | status =~ "5.." [5m])) / on (endpoint) group_left () sum by (endpoint) (rate({app="shop"}[5m])))"#,
];

#[divan::bench(args = 0..QUERIES.len())]
fn parse(bencher: Bencher<'_, '_>, query: usize) {
    bencher.bench(|| logql::parse(black_box(QUERIES[query])));
}

#[divan::bench(args = 0..QUERIES.len())]
fn print(bencher: Bencher<'_, '_>, query: usize) {
    let expr = logql::parse(QUERIES[query]).expect("the queries are valid");
    bencher.bench(|| black_box(&expr).to_string());
}

#[divan::bench]
fn parse_the_longest(bencher: Bencher<'_, '_>) {
    let query = format!("{{a=\"b\"}}{}", " |= \"x\"".repeat(16_000));
    bencher.bench(|| logql::parse(black_box(&query)));
}
