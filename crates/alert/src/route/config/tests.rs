//! The file of routes: which route an alert takes, and what is wrong with a file.

use super::*;

fn read(text: &str) -> Result<Routing, Vec<String>> {
    Routing::parse(text, &|path| Err(format!("`{path}` cannot be read")))
}

const TREE: &str = r#"
route:
  receiver: everybody
  group_by: [alertname, service]
  routes:
  - matchers: [ team="shop", severity=~"critical|page" ]
    receiver: shop-pager
    group_wait: 10s
    continue: true
  - match: {team: shop}
    receiver: shop-chat
    group_by: ['...']
    routes:
    - match_re: {service: "crm|mes"}
      receiver: makers
      repeat_interval: 1d
  - matchers: ["{team=crm}"]
receivers:
- name: everybody
- name: shop-pager
- name: shop-chat
- name: makers
"#;

fn receivers(labels: &[(&str, &str)]) -> Vec<String> {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let routing = read(TREE).unwrap();
    routing.route.matching(&labels).into_iter().map(|route| route.receiver.clone()).collect()
}

#[test]
fn the_deepest_route_wins_and_continue_goes_on() {
    assert_eq!(receivers(&[("team", "mes")]), ["everybody"]);
    assert_eq!(receivers(&[("team", "shop")]), ["shop-chat"]);
    assert_eq!(receivers(&[("team", "shop"), ("severity", "page")]), ["shop-pager", "shop-chat"]);
    assert_eq!(receivers(&[("team", "shop"), ("service", "mes")]), ["makers"]);
    assert_eq!(receivers(&[("team", "crm")]), ["everybody"]);
}

#[test]
fn what_a_route_does_not_say_it_has_from_above() {
    let routing = read(TREE).unwrap();
    let all = routing.route.all();
    let makers = all.iter().find(|route| route.receiver == "makers").unwrap();
    assert_eq!(makers.group_by, GroupBy::All);
    assert_eq!(makers.group_wait, Duration::from_secs(30));
    assert_eq!(makers.repeat_interval, Duration::from_secs(86_400));
    assert_eq!(makers.key, r#"{}/{team="shop"}/{service=~"crm|mes"}"#);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let problems = read(
        "
route:
  receiver: nobody
  group_interval: 0s
  routes:
  - matchers: ['x']
    mute_time_intervals: [night]
    group_by: [a, '...']
receivers:
- name: one
- name: one
",
    )
    .unwrap_err();
    for part in ["`nobody`", "`group_interval` is zero", "`x` is no matcher", "`night`", "`...`", "`one` stands twice"]
    {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
    assert!(read("route: {receiver: a, group_wiat: 3s}").unwrap_err()[0].contains("group_wiat"));
}

#[test]
fn durations_have_years() {
    assert_eq!(parse_duration("1y1d"), Some(Duration::from_secs(366 * 86_400)));
    assert_eq!(parse_duration("5m"), Some(Duration::from_secs(300)));
    assert_eq!(parse_duration("y"), None);
}
