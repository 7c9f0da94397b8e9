//! pm4py reads the event logs of orders and says of them what we say: variants, ways, durations, conformance.

use std::collections::BTreeMap;
use std::process::Command;

use logline::Timestamp;
use serde_json::Value;

use super::clients::python;
use super::harness::{Server, eventually, now, program, run};
use super::orders::MINUTE;

const JUDGE: &str = include_str!("process_mining/judge.py");

/// The statuses of the built-in graph with the services that may set them.
const WAY: [(&str, &str); 10] = [
    ("CREATED", "shop-api"),
    ("SUBMITTED", "shop-api"),
    ("PRICE_CALCULATED", "mes-api"),
    ("MANUFACTURING_APPROVED", "crm-api"),
    ("MANUFACTURING_STARTED", "mes-api"),
    ("MANUFACTURING_COMPLETED", "mes-api"),
    ("PACKAGING", "mes-api"),
    ("SHIPPED", "mes-api"),
    ("DELIVERED", "crm-api"),
    ("CLOSED", "shop-api"),
];

/// What an order does beside the usual way: reworks, skips, goes back, or starts late.
fn steps(order: usize) -> Vec<usize> {
    let usual = || (0..WAY.len()).collect::<Vec<_>>();
    match order % 12 {
        // Made again once, and once more.
        3 => vec![0, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9],
        6 => vec![0, 1, 2, 3, 4, 5, 4, 5, 4, 5, 6, 7, 8, 9],
        // The price was never told.
        7 => vec![0, 1, 3, 4, 5, 6, 7, 8, 9],
        // Back from packaging to the price: no such way.
        9 => vec![0, 1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7, 8, 9],
        // Begins in the middle.
        11 => vec![2, 3, 4, 5, 6, 7, 8, 9],
        _ => usual(),
    }
}

/// The lines of many orders, by service; each has a customer and a model beside it.
fn lines(orders: usize, start: i64) -> BTreeMap<&'static str, Vec<(Timestamp, String)>> {
    let mut lines: BTreeMap<&str, Vec<(Timestamp, String)>> = BTreeMap::new();
    for order in 0..orders {
        let (mut at, mut before) = (start + order as i64 * 37 * MINUTE, String::new());
        for (index, step) in steps(order).into_iter().enumerate() {
            let (status, service) = WAY[step];
            // Nothing is as long as anything else, and everything is known to the millisecond.
            at += MINUTE * (1 + (order * 7 + index * 13) as i64 % 90) + 1_000_000 * (order * 31 + index) as i64;
            let from = if before.is_empty() { String::new() } else { format!("from={before} ") };
            let time = jiff::Timestamp::from(Timestamp(at));
            let text = format!(
                "[{time}][STATUS][order] order_id=o{order} customer_id=c{} model_id=m{order} {from}to={status}",
                order % 5
            );
            lines.entry(service).or_default().push((Timestamp(at), text));
            status.clone_into(&mut before);
        }
    }
    lines
}

fn json(server: &Server, args: &[&str]) -> Value {
    let (code, text) = run(Command::new(program("lapidary")).arg("orders").args(args).args(["--addr", &server.url]));
    assert_eq!(code, Some(0), "{args:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
}

#[tokio::test]
async fn pm4py_says_of_the_exported_log_what_we_say() {
    const ORDERS: usize = 120;
    let Some(python) = python(&["pm4py==2.7.23.11"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::open(&folder.path().join("data"));
    for (service, lines) in lines(ORDERS, now().0 - 60 * 24 * 60 * MINUTE) {
        server.push(&format!("{{service_name=\"{service}\"}}"), &lines).await;
    }
    eventually("all orders are known", async || {
        let told = server.json("/api/v1/orders/variants").await;
        told["objects"] == ORDERS && told["open"] == 0 && told["loading"] == false
    })
    .await;

    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (xes, ocel, graph, judge) = (file("log.xes"), file("log.json"), file("graph.json"), file("judge.py"));
    for (format, path) in [("xes", &xes), ("ocel", &ocel)] {
        let args = ["orders", "export", "--format", format, "--file", path, "--addr", &server.url];
        let (code, said) = run(Command::new(program("lapidary")).args(args));
        assert_eq!(code, Some(0), "{said}");
    }
    let picture = json(&server, &["graph", "--format", "json"]);
    std::fs::write(&graph, picture.to_string()).unwrap();
    std::fs::write(&judge, JUDGE).unwrap();
    let (code, said) = run(Command::new(&python).args([&judge, &xes, &ocel, &graph]));
    assert_eq!(code, Some(0), "{said}");
    let theirs: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();

    same_variants(&json(&server, &["variants", "--format", "json", "--limit", "1000"]), &theirs);
    same_ways(&json(&server, &["dwell", "--format", "json"]), &theirs);
    same_conformance(&json(&server, &["conformance", "--format", "json"]), &theirs, ORDERS);
    assert_eq!(theirs["events"].as_u64().unwrap(), (0..ORDERS).map(|order| steps(order).len() as u64).sum::<u64>());
    assert_eq!(theirs["object_types"], serde_json::json!(["customer", "model", "order"]));
    assert_eq!(theirs["objects"].as_u64().unwrap(), (ORDERS + 5 + ORDERS) as u64);
    assert!(server.terminate().success());
}

fn same_variants(ours: &Value, theirs: &Value) {
    let variants = ours["variants"].as_array().unwrap();
    assert_eq!(variants.len(), theirs["variants"].as_object().unwrap().len());
    for variant in variants {
        let statuses: Vec<&str> =
            variant["statuses"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let name = statuses.join(" ");
        assert_eq!(variant["count"], theirs["variants"][&name], "{name}");
        let durations: Vec<f64> =
            theirs["durations"][&name].as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect();
        let half = durations.len() / 2;
        let median = if durations.len().is_multiple_of(2) {
            f64::midpoint(durations[half - 1], durations[half])
        } else {
            durations[half]
        };
        assert!(
            (variant["median_ms"].as_f64().unwrap() - 1_000.0 * median).abs() <= 1.0,
            "{name}: {variant} and {median} s"
        );
    }
}

fn same_ways(dwell: &Value, theirs: &Value) {
    let edges = dwell["edges"].as_array().unwrap();
    assert_eq!(edges.len(), theirs["ways"].as_object().unwrap().len());
    for edge in edges {
        let way = format!("{} {}", edge["from"].as_str().unwrap(), edge["to"].as_str().unwrap());
        assert_eq!(edge["count"], theirs["ways"][&way], "{way}");
        let mean = 1_000.0 * theirs["means"][&way].as_f64().unwrap();
        assert!((edge["mean_ms"].as_f64().unwrap() - mean).abs() <= 1.0, "{way}: {edge} and {mean} ms");
        // Ours is the shortest time by which half was over, to 0.4 %; theirs may lie between two.
        if edge["count"].as_u64().unwrap() > 40 {
            let median = 1_000.0 * theirs["medians"][&way].as_f64().unwrap();
            let apart = (edge["p50_ms"].as_f64().unwrap() - median).abs() / median;
            assert!(apart < 0.1, "{way}: {} and {median} ms", edge["p50_ms"]);
        }
    }
}

fn same_conformance(told: &Value, theirs: &Value, orders: usize) {
    let of = |kinds: &[&str]| -> Vec<&Value> {
        told["deviations"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| kinds.contains(&one["kind"].as_str().unwrap()))
            .collect()
    };
    let mut off: Vec<String> = of(&["unknown_edge", "skipped"])
        .iter()
        .map(|one| format!("{} {}", one["from"].as_str().unwrap(), one["status"].as_str().unwrap()))
        .collect();
    off.sort();
    assert_eq!(serde_json::json!(off), theirs["off_the_graph"]);
    // A token replay knows ways, a start and an end; nothing of owners, hand-overs or how often is too often.
    let unfit: u64 = of(&["unknown_edge", "skipped", "wrong_start", "unknown_status", "after_end"])
        .iter()
        .map(|one| one["objects"].as_u64().unwrap())
        .sum();
    assert_eq!(orders as u64 - unfit, theirs["fitting"].as_u64().unwrap());
}
