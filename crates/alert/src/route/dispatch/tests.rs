//! Groups in time: what is told when, also after a restart.

use super::*;
use crate::{Evidence, RuleRef};

const SECOND: i64 = 1_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * SECOND)
}

fn alert(labels: &str, start: i64, end: Option<i64>) -> Alert {
    let pairs = labels.split(' ').filter_map(|pair| pair.split_once('='));
    Alert {
        tenant: Tenant::default(),
        labels: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations: BTreeMap::new(),
        starts_at: at(start),
        ends_at: end.map(at),
        updated_at: at(end.unwrap_or(start)),
        value: 1.0,
        rule: RuleRef::default(),
        generator_url: String::new(),
        evidence: Evidence::default(),
    }
}

const CONFIG: &str = "
route:
  receiver: all
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
receivers: [{name: all}]
inhibit_rules:
- source_matchers: [severity=critical]
  target_matchers: [severity=warning]
  equal: [service]
";

/// A dispatcher with a log, as they run in the server.
struct Run {
    dispatcher: Dispatcher,
    log: BTreeMap<String, LogEntry>,
    silenced: &'static str,
}

impl Run {
    fn new(config: &str) -> Self {
        let routing = Routing::parse(config, &|_| Err("no files here".to_owned())).unwrap();
        Self { dispatcher: Dispatcher::new(Arc::new(routing)), log: BTreeMap::new(), silenced: "-" }
    }

    fn insert(&mut self, labels: &str, start: i64, end: Option<i64>, now: i64) {
        let alert = alert(labels, start, end);
        if self.dispatcher.is_news(&alert, at(now)) {
            self.dispatcher.insert(alert, at(now));
        }
    }

    /// What is told at that time: firing and ended alerts by number.
    fn tick(&mut self, now: i64) -> Vec<(usize, usize)> {
        let word = self.silenced;
        let due = self.dispatcher.due(at(now), &|alert| alert.labels.values().any(|value| value == word));
        let mut told = Vec::new();
        for due in due {
            if let Some(sent) = LogEntry::next(self.log.get(&due.group), &due, true, at(now)) {
                let ended = sent.alerts.iter().filter(|alert| alert.is_resolved_at(at(now))).count();
                told.push((sent.alerts.len() - ended, ended));
                self.log.insert(due.group.clone(), sent.entry);
            }
            self.dispatcher.settle(&due, at(now));
        }
        told
    }
}

#[test]
fn a_group_waits_then_tells_changes_at_its_interval_and_repeats() {
    let mut run = Run::new(CONFIG);
    run.insert("alertname=a n=1", 1000, None, 1000);
    run.insert("alertname=a n=2", 1010, None, 1010);
    assert_eq!(run.tick(1029), []);
    assert_eq!(run.tick(1030), [(2, 0)]);
    run.insert("alertname=a n=3", 1040, None, 1040);
    assert_eq!(run.tick(1040), [], "not before the interval is over");
    assert_eq!(run.tick(1330), [(3, 0)]);
    assert_eq!(run.tick(1630), []);
    // The repeat comes at the first look after an hour since the last telling.
    assert_eq!((1..=11).flat_map(|look| run.tick(1630 + look * 300)).collect::<Vec<_>>(), [(3, 0)]);
    assert_eq!(run.dispatcher.next_due(), Some(at(1630 + 12 * 300)));
}

#[test]
fn an_order_that_joins_others_who_are_stuck_is_told_at_the_interval() {
    let mut run = Run::new(CONFIG);
    let stuck = |run: &mut Run, orders: &[&str], total: u64, now: i64| {
        let mut alert = Alert { updated_at: at(now), ..alert("alertname=stuck status=PACKAGING", 1000, None) };
        alert.rule.kind = "order_stuck".to_owned();
        alert.evidence.orders = orders.iter().map(|&order| order.to_owned()).collect();
        alert.evidence.orders_total = total;
        assert!(run.dispatcher.is_news(&alert, at(now)));
        run.dispatcher.insert(alert, at(now));
        run.tick(now)
    };
    assert_eq!(stuck(&mut run, &["1", "2"], 2, 1030), [(1, 0)]);
    assert_eq!(stuck(&mut run, &["1", "2", "3"], 3, 1100), [], "not before the interval is over");
    assert_eq!(stuck(&mut run, &["2", "3", "4"], 3, 1330), [(1, 0)]);
    assert_eq!(stuck(&mut run, &["3"], 1, 1630), [], "who has moved on is no news");
    assert_eq!(stuck(&mut run, &["3", "5"], 9, 1930), [(1, 0)]);
    assert_eq!(stuck(&mut run, &["5", "6"], 8, 2230), [], "one of those that were not named");
}

#[test]
fn an_end_is_told_once_and_then_forgotten() {
    let mut run = Run::new(CONFIG);
    run.insert("alertname=a n=1", 1000, None, 1000);
    run.insert("alertname=a n=2", 1000, None, 1000);
    assert_eq!(run.tick(1030), [(2, 0)]);
    run.insert("alertname=a n=1", 1000, Some(1100), 1100);
    assert_eq!(run.tick(1330), [(1, 1)]);
    run.insert("alertname=a n=2", 1000, Some(1400), 1400);
    assert_eq!(run.tick(1630), [(0, 1)]);
    assert!(run.dispatcher.len() == 0 && run.dispatcher.next_due().is_none());
    // Its end comes again, and later it fires again: a new group.
    run.insert("alertname=a n=2", 1000, Some(1400), 1700);
    assert_eq!(run.tick(1800), []);
    run.insert("alertname=a n=2", 2000, None, 2000);
    assert_eq!(run.tick(2030), [(1, 0)]);
}

#[test]
fn what_ends_within_the_wait_is_never_told() {
    let mut run = Run::new(CONFIG);
    run.insert("alertname=a", 1000, None, 1000);
    run.insert("alertname=a", 1000, Some(1020), 1020);
    assert_eq!(run.tick(1030), []);
    assert!(run.dispatcher.len() == 0);
}

#[test]
fn after_a_restart_old_alerts_are_looked_at_once_and_told_no_second_time() {
    let mut run = Run::new(CONFIG);
    run.insert("alertname=a", 1000, None, 1000);
    assert_eq!(run.tick(1030), [(1, 0)]);
    let mut again = Run { log: run.log, ..Run::new(CONFIG) };
    again.insert("alertname=a", 1000, None, 1100);
    assert_eq!(again.tick(1100), []);
    again.insert("alertname=a", 1000, Some(1150), 1150);
    assert_eq!(again.tick(1400), [(0, 1)]);
}

#[test]
fn what_is_silenced_or_held_back_is_not_told() {
    let mut run = Run::new(CONFIG);
    run.insert("alertname=a severity=critical service=shop", 1000, None, 1000);
    run.insert("alertname=b severity=warning service=shop", 1000, None, 1000);
    run.insert("alertname=b severity=warning service=crm", 1000, None, 1000);
    assert_eq!(run.tick(1030), [(1, 0), (1, 0)]);
    run.insert("alertname=a severity=critical service=shop", 1000, Some(1100), 1100);
    assert_eq!(run.tick(1330), [(0, 1), (2, 0)], "nothing holds the warning back any more");

    let mut quiet = Run { silenced: "crm", ..Run::new(CONFIG) };
    quiet.insert("alertname=b service=crm", 1000, None, 1000);
    assert_eq!(quiet.tick(1030), []);
    quiet.silenced = "-";
    assert_eq!(quiet.tick(1330), [(1, 0)]);
}

#[test]
fn an_older_state_of_an_alert_is_no_news() {
    let mut run = Run::new(CONFIG);
    run.insert("alertname=a", 1000, None, 1000);
    run.insert("alertname=a", 1000, Some(1100), 1100);
    run.insert("alertname=a", 1000, None, 1101);
    assert!(run.dispatcher.alerts().all(|alert| alert.is_resolved_at(at(1101))));
}

#[test]
fn muted_times_tell_nothing() {
    let config = "
route:
  receiver: all
  routes:
  - matchers: [alertname=~\".+\"]
    mute_time_intervals: [night]
receivers: [{name: all}]
time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '01:00'}]}]}]
";
    let mut run = Run::new(config);
    run.insert("alertname=a", 1000, None, 1000);
    assert_eq!(run.tick(1030), []);
    assert_eq!(run.tick(3_630), [(1, 0)]);
}
