//! The built-in graph, graphs from TOML, and their problems.

use super::*;

fn read(text: &str) -> Result<Graph, InvalidGraph> {
    Graph::try_from(toml::from_str::<RawGraph>(text).unwrap())
}

#[track_caller]
fn check(text: &str, problems: &[&str]) {
    assert_eq!(read(text).unwrap_err().problems, problems);
}

#[test]
fn the_built_in_graph_passes_its_own_checks() {
    let graph = Graph::built_in();
    let status = |status: &Status| RawStatus {
        name: status.name.clone(),
        owner: status.owner.clone(),
        deadline: status.deadline.map(stdx::show_duration),
        next: status.next.clone(),
        rework: Some(status.rework),
        confirm: status.confirm.as_ref().map(|confirm| RawConfirm {
            peers: confirm.peers.clone(),
            endpoint: confirm.endpoint.clone(),
            within: stdx::show_duration(confirm.within),
        }),
    };
    let raw = RawGraph { object: None, status: graph.statuses().iter().map(status).collect() };
    assert_eq!(Graph::try_from(raw), Ok(graph.clone()));
    let names: Vec<&str> = graph.statuses().iter().map(|status| status.name.as_str()).collect();
    assert_eq!(names, logline::DEFAULT_ORDER_STATUSES);
}

#[test]
fn a_graph_is_read_from_toml() {
    let graph = read(
        r#"
        object = "model"
        [[status]]
        name = "UPLOADED"
        owner = "shop"
        deadline = "15m"
        next = ["CHECKED"]
        rework = 0
        [[status]]
        name = "CHECKED"
        owner = "mes"
        confirm = { peers = ["queue"], within = "90s" }
        "#,
    )
    .unwrap();
    assert_eq!(graph.object(), "model");
    assert_eq!(graph.status("UPLOADED").unwrap().deadline, Some(Duration::from_secs(900)));
    assert_eq!(graph.status("CHECKED").unwrap().confirm.as_ref().unwrap().within, Duration::from_secs(90));
    assert!(graph.is_end("CHECKED") && !graph.is_end("UPLOADED") && !graph.is_end("nonsense"));
    let graphs = Graphs::new([graph]);
    assert_eq!(graphs.get("order"), Some(&Graph::built_in()));
    assert_eq!(graphs.iter().count(), 2);
}

#[test]
fn every_problem_of_a_graph_is_told_at_once() {
    check(
        r#"
        object = "a b"
        [[status]]
        name = "A"
        owner = " "
        deadline = "soon"
        next = ["A", "C"]
        [[status]]
        name = "A"
        owner = "x"
        deadline = "0"
        "#,
        &[
            "`a b` is not a name of an object type",
            "deadline of `A` is `soon`; write it like `15m`, `36h`, `7d` or `1h30m`",
            "status `A` has no owner",
            "deadline of `A` is zero",
            "status `A` leads to `C`, which does not exist",
            "status `A` leads to itself",
            "status `A` stands twice",
        ],
    );
    check("", &["it has no status"]);
}

#[test]
fn every_status_must_be_reached_and_lead_to_an_end() {
    check(
        r#"
        [[status]]
        name = "A"
        owner = "x"
        next = ["B"]
        [[status]]
        name = "B"
        owner = "x"
        next = ["A"]
        [[status]]
        name = "LOST"
        owner = "x"
        "#,
        &["no way leads from `A` to an end", "no way leads from `B` to an end", "no way leads from `A` to `LOST`"],
    );
}

#[test]
fn the_shortest_way_is_found() {
    let graph = Graph::built_in();
    assert_eq!(graph.way("CREATED", "PRICE_CALCULATED"), Some(vec!["SUBMITTED", "PRICE_CALCULATED"]));
    assert_eq!(graph.way("PACKAGING", "MANUFACTURING_STARTED"), Some(vec!["MANUFACTURING_STARTED"]));
    assert_eq!(graph.way("CLOSED", "CREATED"), None);
    assert_eq!(graph.ahead("PACKAGING"), ["SHIPPED", "DELIVERED", "CLOSED"]);
    assert!(graph.ahead("CLOSED").is_empty());
}

#[test]
fn a_service_is_known_by_any_of_its_names() {
    for name in ["mes", "MES", "mes-api", "mes_api", "MES API", "mes-service"] {
        assert!(same_service("mes-api", name), "{name}");
    }
    assert!(!same_service("mes-api", "crm-api"));
}
