//! Rounds of the evaluator over real lines and a real state, with restarts, kills and two nodes.

use std::sync::atomic::Ordering;

use auth::Permission;

use super::super::testing::{World, at, by, somebody};
use super::*;

const ERRORS: &str = r#"
name: errors
interval: 1m
rules:
  - alert: Errors
    expr: 'sum by (service_name) (count_over_time({service_name="shop"} |= "error" [1m])) > 0'
    for: 1m
    labels: {severity: page}
    annotations: {summary: '{{ $value }} errors'}
"#;

fn config() -> Config {
    Config { defaults: false, query_delay: Duration::from_secs(5), ..Config::default() }
}

async fn evaluator(world: &World, node: &str) -> Arc<Evaluator> {
    Evaluator::open(world.components(node).await, config()).await.unwrap()
}

/// Errors every ten seconds from minute 61 to minute 65, after noon.
async fn with_errors() -> World {
    let world = World::new().await;
    world.push("shop", (3_670..3_900).step_by(10).map(|n| (n, "level=error x".to_owned()))).await;
    world
}

/// A round every ten seconds.
async fn rounds(world: &World, evaluator: &Evaluator, from: i64, to: i64) {
    for second in (from..=to).step_by(10) {
        world.move_to(second);
        evaluator.round().await;
    }
}

#[tokio::test]
async fn an_alert_fires_after_its_time_and_is_resolved_once() {
    let world = with_errors().await;
    let evaluator = evaluator(&world, "one").await;
    evaluator.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    rounds(&world, &evaluator, 3_600, 4_200).await;
    assert_eq!(world.notified.told(), ["Errors 3780-", "Errors 3780-3960"]);
    let alert = world.notified.all.lock().unwrap()[0].clone();
    assert_eq!((alert.labels["severity"].as_str(), alert.annotations["summary"].as_str()), ("page", "6 errors"));
    assert_eq!((alert.rule.namespace.as_str(), alert.rule.owner.as_deref()), ("shop", Some("anna")));
    assert_eq!(alert.evidence.first_seen, at(3_720));
    let report = evaluator.all_reports().swap_remove(0);
    assert_eq!(
        (report.rules[0].standing.name(), report.evaluated, report.counts.failed),
        ("inactive", Some(at(4_140)), 0)
    );
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was_and_catches_up_on_what_it_missed() {
    let world = with_errors().await;
    let first = evaluator(&world, "one").await;
    first.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    rounds(&world, &first, 3_600, 3_730).await;
    assert_eq!(first.all_reports()[0].rules[0].standing.name(), "pending");
    drop(first);
    // Down from minute 62 to minute 70: the alert fires and ends in between.
    world.move_to(4_200);
    let second = evaluator(&world, "one").await;
    second.round().await;
    assert_eq!(world.notified.told(), ["Errors 3780-", "Errors 3780-3960"]);
    assert_eq!(second.all_reports()[0].counts.missed, 0);
    drop(second);
    world.move_to(4_200 + 7_200);
    let third = evaluator(&world, "one").await;
    third.round().await;
    let report = third.all_reports().swap_remove(0);
    assert_eq!(report.counts.missed, 59, "of two hours one is caught up with");
    assert_eq!(world.notified.told().len(), 2);
}

#[tokio::test]
async fn what_is_not_taken_is_handed_over_again_and_after_a_kill_too() {
    let world = with_errors().await;
    let first = evaluator(&world, "one").await;
    first.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    world.notified.broken.store(true, Ordering::Relaxed);
    rounds(&world, &first, 3_600, 3_790).await;
    assert_eq!(first.all_reports()[0].rules[0].standing.name(), "firing");
    assert_eq!(world.notified.told(), Vec::<String>::new());
    // Killed between saving and handing over.
    drop(first);
    world.notified.broken.store(false, Ordering::Relaxed);
    let second = evaluator(&world, "one").await;
    rounds(&world, &second, 3_790, 3_850).await;
    assert_eq!(world.notified.told(), ["Errors 3780-"], "with the begin it had before the kill");
}

#[tokio::test]
async fn an_evaluation_that_is_repeated_after_a_kill_tells_the_same_alert() {
    let world = with_errors().await;
    let first = evaluator(&world, "one").await;
    first.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    rounds(&world, &first, 3_600, 3_730).await;
    let state = world.state().await;
    let saved = state.alert_states().all::<serde_json::Value>().await.unwrap().swap_remove(0);
    rounds(&world, &first, 3_740, 3_790).await;
    assert_eq!(world.notified.told(), ["Errors 3780-"]);
    // Killed after handing over and before saving: the state is that of before.
    drop(first);
    state
        .alert_states()
        .put(&saved.tenant, &saved.namespace, &saved.group, &saved.value, world.clock.now())
        .await
        .unwrap();
    let second = evaluator(&world, "one").await;
    rounds(&world, &second, 3_800, 3_810).await;
    assert_eq!(world.notified.told(), ["Errors 3780-"], "told again, and known again");
}

#[tokio::test]
async fn one_node_evaluates_and_the_other_takes_over_when_it_is_gone() {
    let world = with_errors().await;
    let (first, second) = (evaluator(&world, "one").await, evaluator(&world, "two").await);
    first.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    for second_of_day in (3_600..=3_730).step_by(10) {
        world.move_to(second_of_day);
        first.round().await;
        second.round().await;
    }
    assert_eq!(first.all_reports()[0].evaluated, Some(at(3_720)));
    assert_eq!(second.all_reports()[0].evaluated, None, "it knows the rule and leaves it to the other");
    drop(first);
    rounds(&world, &second, 3_740, 4_000).await;
    assert_eq!(world.notified.told(), ["Errors 3780-", "Errors 3780-3960"], "it goes on with the state of the first");
}

#[tokio::test]
async fn a_rule_that_is_taken_away_ends_its_alerts() {
    let world = with_errors().await;
    let evaluator = evaluator(&world, "one").await;
    evaluator.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    rounds(&world, &evaluator, 3_600, 3_800).await;
    evaluator.forget(&by("anna"), "shop", Some("errors")).await.unwrap();
    world.move_to(3_810);
    evaluator.round().await;
    assert_eq!(world.notified.told(), ["Errors 3780-", "Errors 3780-3810"]);
    assert!(world.state().await.alert_states().all::<serde_json::Value>().await.unwrap().is_empty());
    assert_eq!(evaluator.forget(&by("anna"), "shop", None).await, Err(Error::NotFound));
}

#[tokio::test]
async fn a_rule_that_went_while_nobody_evaluated_ends_its_alerts_as_soon_as_somebody_takes_them() {
    let world = with_errors().await;
    let first = evaluator(&world, "one").await;
    first.keep(&by("anna"), "shop", ERRORS).await.unwrap();
    rounds(&world, &first, 3_600, 3_800).await;
    first.forget(&by("anna"), "shop", None).await.unwrap();
    drop(first);
    let second = evaluator(&world, "one").await;
    world.notified.broken.store(true, Ordering::Relaxed);
    world.move_to(3_810);
    second.round().await;
    assert_eq!(world.notified.told(), ["Errors 3780-"]);
    world.notified.broken.store(false, Ordering::Relaxed);
    world.move_to(3_820);
    second.round().await;
    assert_eq!(world.notified.told(), ["Errors 3780-", "Errors 3780-3820"]);
    assert!(world.state().await.alert_states().all::<serde_json::Value>().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rule_without_an_owner_or_with_a_bad_query_says_so_and_others_go_on() {
    let world = with_errors().await;
    let evaluator = evaluator(&world, "one").await;
    evaluator.keep(&by("gone"), "shop", ERRORS).await.unwrap();
    let broken = ERRORS
        .replace("name: errors", "name: broken")
        .replace("|= \"error\"", "| json | __error__=\"\" | label_format a=`{{ .b.c }}`");
    evaluator.keep(&by("anna"), "shop", &broken).await.unwrap();
    evaluator.keep(&by("anna"), "crm", ERRORS).await.unwrap();
    rounds(&world, &evaluator, 3_600, 3_800).await;
    let error = |namespace: &str, group: &str| {
        let reports = evaluator.all_reports();
        let report =
            reports.iter().find(|one| one.key.namespace == namespace && one.key.group == group).unwrap().clone();
        report.rules[0].failure.as_ref().map(ToString::to_string)
    };
    assert_eq!(error("shop", "errors").as_deref(), Some("the owner `gone` is no more"));
    assert_eq!(error("crm", "errors"), None);
    assert_eq!(world.notified.told(), ["Errors 3780-"]);
}

#[tokio::test]
async fn rules_of_files_and_our_own_are_not_to_be_changed_through_the_api() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), format!("groups:\n  - {}", ERRORS.trim().replace('\n', "\n    ")))
        .unwrap();
    let config = Config { folder: Some(folder.path().to_owned()), defaults: true, ..config() };
    let evaluator = Evaluator::open(world.components("one").await, config.clone()).await.unwrap();
    let refused = evaluator.keep(&by("anna"), "shop.yaml", ERRORS).await;
    assert_eq!(refused, Err(Error::ReadOnly("shop.yaml".to_owned())));
    assert!(matches!(evaluator.forget(&by("anna"), book::DEFAULTS, None).await, Err(Error::ReadOnly(_))));
    assert!(matches!(evaluator.keep(&by("anna"), "x", "name: [").await, Err(Error::Invalid(_))));
    let namespaces: Vec<String> = evaluator.written(&by("anna")).into_keys().collect();
    assert_eq!(namespaces, ["lapidary", "shop.yaml"]);
    // A file that goes wrong later leaves the rules from before.
    std::fs::write(folder.path().join("shop.yaml"), "groups: [{name: x, rules: [{alert: A}]}]").unwrap();
    world.move_to(3_700);
    evaluator.round().await;
    assert!(evaluator.problem().unwrap().contains("field 'expr' must be set"));
    assert!(evaluator.written(&by("anna")).contains_key("shop.yaml"));
    assert!(Evaluator::open(world.components("two").await, config).await.is_err());
}

#[tokio::test]
async fn recorded_series_can_be_asked_for() {
    let world = with_errors().await;
    let evaluator = evaluator(&world, "one").await;
    let group = "{name: g, interval: 1m, rules: [{record: 'shop:errors', expr: 'sum by (service_name) (count_over_time({service_name=\"shop\"}[1m]))', labels: {env: prod}}]}";
    evaluator.keep(&by("anna"), "shop", group).await.unwrap();
    rounds(&world, &evaluator, 3_600, 3_800).await;
    let query =
        "sum by (service_name_extracted, env) (last_over_time({record=\"shop:errors\"} | logfmt | unwrap value [1m]))";
    let values = world.source().values(query, at(3_780)).await.unwrap();
    assert_eq!(values.len(), 1, "{values:?}");
    assert!(values[0].0.contains("env=\"prod\"") && (values[0].1 - 6.0).abs() < 1e-9, "{values:?}");
}

#[tokio::test]
async fn a_group_is_for_its_owner_and_for_those_who_may_read_the_services_it_names() {
    let world = with_errors().await;
    let evaluator = evaluator(&world, "one").await;
    let all = "{name: all, rules: [{alert: All, expr: 'sum by (service_name) (count_over_time({service_name=~\".+\"}[5m])) > 0', annotations: {summary: of crm}}]}";
    evaluator.keep(&by("anna"), "team", ERRORS).await.unwrap();
    evaluator.keep(&by("anna"), "team", all).await.unwrap();
    let seen = |scope: &Scope| {
        let groups = evaluator.written(scope).into_values().flatten().map(|group| group.name);
        groups.collect::<Vec<_>>().join(" ")
    };
    let reads = |name: &str, services: &[&str]| somebody(name, services, &[Permission::Read, Permission::Rules]);
    let (shop, crm) = (reads("boris", &["shop"]), reads("carla", &["crm"]));
    assert_eq!(
        [seen(&by("vera")), seen(&reads("anna", &[])), seen(&shop), seen(&crm)],
        ["all errors", "all errors", "errors", ""]
    );

    rounds(&world, &evaluator, 3_700, 3_900).await;
    let reported = |scope: &Scope| {
        let rules = evaluator.reports(scope).into_iter().flat_map(|group| group.rules);
        rules.map(|rule| format!("{}({}){}", rule.name, rule.query.len(), rule.alerts.len())).collect::<Vec<_>>()
    };
    assert!(reported(&crm).is_empty(), "{:?}", reported(&crm));
    let of_shop = reported(&shop);
    assert_eq!(of_shop[0], "All(0)1", "an alert of theirs, without the text of the rule");
    assert!(of_shop[1].starts_with("Errors(") && !of_shop[1].contains("(0)"), "{of_shop:?}");

    let another = evaluator.keep(&crm, "team", ERRORS).await;
    assert!(matches!(another, Err(Error::Invalid(_))), "{another:?}");
    assert_eq!(evaluator.forget(&crm, "team", None).await, Err(Error::NotFound));
    evaluator.forget(&shop, "team", None).await.unwrap();
    assert_eq!(seen(&by("anna")), "all", "what is not seen stays");
}
