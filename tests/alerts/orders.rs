//! Rules about orders are tried on the past as it was: what was stuck and has moved on since, and promises as they stood.

use alert::backtest::RuleHistory;
use alert::rule::parse_file;
use logline::Timestamp;

use super::past::Past;

/// Midnight of a Monday.
const START: i64 = 1_791_763_200_000_000_000;
const HOUR: i64 = 3_600_000_000_000;

fn hour(hour: i64) -> Timestamp {
    Timestamp(START + hour * HOUR)
}

fn change(at: Timestamp, id: &str, from: &str, to: &str) -> (Timestamp, String) {
    let time = jiff::Timestamp::from(at);
    let from = if from.is_empty() { String::new() } else { format!("from={from} ") };
    (at, format!("[{time}][STATUS][order] order_id={id} {from}to={to}"))
}

const RULES: &str = "
groups:
  - name: orders
    interval: 1m
    rules:
      - {alert: Stuck, kind: order_stuck}
      - {alert: Two, kind: order_stuck, with: {status: manufacturing_completed, min: 2}}
      - {alert: Burns, kind: order_sla, with: {objective: price, window: 6h, burn: 2.0, min: 10}}
";

/// Minutes from the start at which each alert of a rule fired and ended, and its status.
fn told(rule: &RuleHistory) -> Vec<(i64, Option<i64>, String)> {
    let minutes = |at: Timestamp| (at.0 - START) * 60 / HOUR;
    let status =
        |labels: &std::collections::BTreeMap<String, String>| labels.get("status").cloned().unwrap_or_default();
    let one =
        |one: &alert::backtest::Episode| (minutes(one.fired_at), one.resolved_at.map(minutes), status(&one.labels));
    rule.episodes.iter().map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stuck_or_late_and_is_no_more_would_have_been_told_then() {
    let past = Past::new(hour(30 * 24)).await;
    let mut lines = Vec::new();
    // Made in the first hour, packed after two days: twelve hours are allowed. Another one follows ten hours later.
    for (id, made, packed) in [("1", 0, 48), ("2", 10, 40)] {
        lines.push(change(hour(made), id, "MANUFACTURING_STARTED", "MANUFACTURING_COMPLETED"));
        lines.push(change(hour(packed), id, "MANUFACTURING_COMPLETED", "PACKAGING"));
        lines.push(change(hour(packed + 1), id, "PACKAGING", "MANUFACTURING_STARTED"));
    }
    // Twenty orders are priced at once, then, on the third day, twelve after an hour and a half: half an hour is promised.
    for n in 0..32 {
        let (id, late) = (format!("p{n}"), 20 <= n);
        let start = if late { hour(72).0 } else { hour(0).0 + n * 3 * HOUR };
        let priced = Timestamp(start + if late { HOUR * 3 / 2 } else { HOUR / 12 });
        lines.push(change(Timestamp(start), &id, "CREATED", "SUBMITTED"));
        lines.push(change(priced, &id, "SUBMITTED", "PRICE_CALCULATED"));
        lines.push(change(Timestamp(priced.0 + HOUR), &id, "PRICE_CALCULATED", "MANUFACTURING_APPROVED"));
        lines.push(change(Timestamp(priced.0 + 2 * HOUR), &id, "MANUFACTURING_APPROVED", "MANUFACTURING_STARTED"));
    }
    lines.sort();
    past.store("mes-api", &lines).await;
    past.read().await;

    let rules: Vec<_> = parse_file(RULES).unwrap().into_iter().map(std::sync::Arc::new).collect();
    let all = past.would_tell(&rules, hour(0), hour(30 * 24)).await;
    let completed = || "MANUFACTURING_COMPLETED".to_owned();
    let stuck = told(&all[0]);
    let early: Vec<_> = stuck.iter().filter(|(from, ..)| *from < 72 * 60).cloned().collect();
    assert_eq!(early, [(12 * 60, Some(48 * 60), completed())], "one incident of both orders");
    assert!(stuck.contains(&(72 * 60 + 30, Some(73 * 60 + 30), "SUBMITTED".to_owned())), "{stuck:?}");
    assert_eq!(told(&all[1]), [(22 * 60, Some(40 * 60), completed())]);
    // All twelve are late at half past; six hours later none of them counts any more.
    assert_eq!(told(&all[2]), [(72 * 60 + 30, Some(78 * 60 + 31), String::new())]);
    assert!((all[2].episodes[0].value - 20.0).abs() < 1e-9, "all of them, where five of a hundred are allowed");
    assert!(all.iter().all(|rule| rule.error.is_none()));
    past.close().await;
}
