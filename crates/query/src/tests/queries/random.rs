//! Pipelines and metric queries made by chance.

use stdx::Rng;

use super::{differences, lines};

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[usize::try_from(rng.below(from.len() as u64)).unwrap()]
}

const SELECTORS: [&str; 6] = [
    r#"{app=~".+"}"#,
    r#"{app="logfmt"}"#,
    r#"{app=~"json|logfmt"}"#,
    r#"{env="prod"}"#,
    r#"{app=~"doc|kv|unit"}"#,
    r#"{app!="web", env=~"te.t", zone=""}"#,
];

const STAGES: [&str; 34] = [
    r#"|= "error""#,
    r#"!= "error" or "GET""#,
    r#"|~ "n=[0-4]""#,
    r#"!~ "(?i)TOOK|зн""#,
    r#"|> "<_>e<_>""#,
    r#"|= ip("10.0.0.0/24") or "level""#,
    "| json",
    "| logfmt",
    "| logfmt --keep-empty",
    "| logfmt --strict",
    r#"| logfmt level, x="n""#,
    r#"| json a="nested.deep", n"#,
    r#"| json first="list[0]", deep="deep.a""#,
    r#"| regexp "(?P<word>[a-z]+)=(?P<rest>.)""#,
    r#"| pattern "<first> <_>""#,
    "| unpack",
    r#"| level="error""#,
    r#"| n > 3 or env="prod""#,
    r#"| n <= 5, level!="info""#,
    r#"| took >= 2ms"#,
    r#"| size < 2KB or took = 0s"#,
    r#"| level=~"e.*|w.*" and (n >= 2 or zone="")"#,
    r#"| line_format "{{.level}} n={{.n}}""#,
    r#"| line_format "{{ __line__ | trunc 12 }}""#,
    r#"| label_format kind=level, both="{{.env}}-{{.n}}""#,
    r#"| label_format n="{{ add .n 1 }}""#,
    r#"| label_format env=level"#,
    "| decolorize",
    r#"| drop level, env="prod""#,
    "| keep app, n, level",
    r#"| __error__="""#,
    "| drop __error__, __error_details__",
    r#"| trace_id!="t0""#,
    r#"| pod=~"pod.*" or user="""#,
];

fn pipeline(rng: &mut Rng) -> String {
    let selector = pick(rng, &SELECTORS);
    let stages: Vec<_> = (0..1 + rng.below(5)).map(|_| pick(rng, &STAGES)).collect();
    format!("{selector} {}", stages.join(" "))
}

fn grouping(rng: &mut Rng) -> &'static str {
    pick(rng, &["", "by (app)", "by (env, level)", "without (env, n)", "by ()", "by (trace_id)", "without (app)"])
}

/// A range aggregation. Errors are filtered out: how much of a line is parsed when few labels are wanted is the engine's
/// own business.
fn leaf(rng: &mut Rng) -> String {
    let pipeline = format!(r#"{} | __error__="""#, pipeline(rng));
    let range = pick(rng, &["30s", "1m", "100s", "5m"]);
    let offset = pick(rng, &["", "", " offset 40s", " offset -1m"]);
    let unwrap = pick(rng, &["n", "n", "duration(took)", "bytes(size)", "duration_seconds(took)"]);
    let unwrap = format!(r#"{pipeline} | unwrap {unwrap} | __error__="" [{range}]{offset}"#);
    match rng.below(6) {
        0 => {
            let op = pick(rng, &["sum_over_time", "rate", "rate_counter"]);
            format!("sum {} ({op}({unwrap}))", grouping(rng))
        }
        1 => {
            let folds = ["max", "min", "avg", "first", "last", "stddev", "stdvar"];
            format!("{}_over_time({unwrap}) {}", pick(rng, &folds), grouping(rng))
        }
        2 => format!("quantile_over_time({}, {unwrap}) {}", pick(rng, &["0", "0.3", "0.99", "1"]), grouping(rng)),
        3 => format!("absent_over_time({pipeline} [{range}]{offset})"),
        4 => {
            let op = pick(rng, &["count_over_time", "rate", "bytes_over_time", "bytes_rate"]);
            format!("{op}({pipeline} [{range}]{offset})")
        }
        _ => {
            let op = pick(rng, &["count_over_time", "rate", "bytes_over_time", "bytes_rate"]);
            format!("sum {} ({op}({pipeline} [{range}]{offset}))", grouping(rng))
        }
    }
}

fn metric(rng: &mut Rng, depth: u64) -> String {
    if depth == 0 || rng.below(4) == 0 {
        return leaf(rng);
    }
    let inner = metric(rng, depth - 1);
    match rng.below(9) {
        0 | 1 => {
            let op = pick(rng, &["sum", "max", "min", "avg", "count", "stddev", "stdvar"]);
            format!("{op} {} ({inner})", grouping(rng))
        }
        2 => {
            let op = pick(rng, &["+", "-", "*", "/", "%", "^", ">", "<= bool", "!=", "=="]);
            let number = rng.below(4);
            if rng.below(2) == 0 { format!("({inner}) {op} {number}") } else { format!("{number} {op} ({inner})") }
        }
        3 => format!("({inner}) {} ({})", pick(rng, &["and", "or", "unless"]), metric(rng, depth - 1)),
        4 => {
            let matching = pick(rng, &["and on (app)", "or ignoring (level)", "unless on ()", "and ignoring (env)"]);
            format!("({inner}) {matching} ({})", metric(rng, depth - 1))
        }
        5 => {
            let op = pick(rng, &["+", "/", "-", ">", "== bool"]);
            let matching = pick(
                rng,
                &["on (app) group_left ()", "on (env, level)", "ignoring (level) group_right", "on () group_left"],
            );
            format!("({inner}) {op} {matching} (sum {} ({}))", grouping(rng), metric(rng, depth - 1))
        }
        6 => {
            let k = 1 + rng.below(3);
            match rng.below(4) {
                0 => format!("{} {} ({k}, {inner})", pick(rng, &["topk", "bottomk"]), grouping(rng)),
                _ => format!("{}({k}, {inner})", pick(rng, &["topk", "bottomk", "approx_topk"])),
            }
        }
        7 => {
            let rest = pick(rng, &[r#""kind", "$1", "level", "(.).*""#, r#""app", "same", "env", "prod""#]);
            format!("label_replace({inner}, {rest})")
        }
        _ => format!("({inner}) {} ({inner})", pick(rng, &["+", "/", ">= bool"])),
    }
}

/// Queries of a seed that can be read: `| keep level != "x" or "y"` is a matcher of `keep` and then a mistake.
fn made(seed: u64, count: usize, make: impl Fn(&mut Rng) -> String) -> Vec<(String, String)> {
    let mut rng = Rng::seeded(seed);
    let all = std::iter::repeat_with(|| (format!("seed {seed}"), make(&mut rng)));
    all.filter(|(_, query)| logql::parse(query).is_ok()).take(count).collect()
}

#[tokio::test]
async fn random_pipelines_are_answered_by_definition() {
    let different = differences((0..3).flat_map(|seed| made(seed, 100, pipeline)), &lines()).await;
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n"));
}

#[tokio::test]
async fn random_metric_queries_are_answered_by_definition() {
    let queries: Vec<_> = (0..4).flat_map(|seed| made(seed, 100, |rng| metric(rng, 2))).collect();
    for part in ["topk", "group_left", "offset", "unwrap", "quantile", "label_replace", "unless", "absent_over_time"] {
        let with = queries.iter().filter(|(_, query)| query.contains(part)).count();
        assert!(with > 4, "{with} queries with {part}");
    }
    let different = differences(queries, &lines()).await;
    assert!(different.is_empty(), "{} differ\n{}", different.len(), different.join("\n"));
}
