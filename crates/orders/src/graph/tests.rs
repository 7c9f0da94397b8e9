//! The built-in graph, graphs from TOML, and their problems.

use super::*;

#[track_caller]
fn check(text: &str, problems: &[&str]) {
    let told = Graph::read(text).unwrap_err().to_string();
    assert_eq!(told.lines().collect::<Vec<_>>(), problems);
}

#[test]
fn the_built_in_graph_is_a_document_that_passes_its_own_checks() {
    let graph = Graph::built_in();
    assert_eq!(Graph::read(&graph.to_toml()).unwrap(), graph);
    let names: Vec<&str> = graph.statuses().iter().map(|status| status.name.as_str()).collect();
    assert_eq!(names, logline::DEFAULT_ORDER_STATUSES);
}

const MODEL: &str = r#"
object = "model"
valid_from = "2026-03-01"

[calendar]
zone = "Europe/Moscow"

[[status]]
name = "UPLOADED"
owner = "shop"
deadline = "15m"
deadlines = { CHECKED = "10m" }
working = true
next = ["CHECKED"]
rework = 0
expect = { service = "mes", within = "5m" }

[[status]]
name = "CHECKED"
owner = "mes"
confirm = { peers = ["queue"], within = "90s" }

[[objective]]
name = "check"
from = "UPLOADED"
to = "CHECKED"
within = "1h"
target = 0.9
"#;

#[test]
fn a_graph_is_read_from_toml() {
    let graph = Graph::read(MODEL).unwrap();
    assert_eq!(graph.object(), "model");
    let uploaded = graph.status("UPLOADED").unwrap();
    assert_eq!((uploaded.deadline, uploaded.limit()), (Some(Duration::from_secs(900)), Some(Duration::from_secs(600))));
    assert_eq!(uploaded.expect.as_ref().unwrap().service.as_deref(), Some("mes"));
    assert_eq!(graph.status("CHECKED").unwrap().confirm.as_ref().unwrap().within, Duration::from_secs(90));
    assert_eq!((graph.objectives()[0].target, graph.objectives()[0].working), (0.9, false));
    assert!(graph.is_end("CHECKED") && !graph.is_end("UPLOADED") && !graph.is_end("nonsense"));
    let graphs = Graphs::new([graph]);
    assert_eq!(graphs.get("order"), Some(&Graph::built_in()));
    assert_eq!(graphs.iter().count(), 2);
}

#[test]
fn an_object_is_judged_by_the_version_in_force_when_it_came_into_being() {
    let version = |day: &str, rework: &str| {
        let text = MODEL.replace("2026-03-01", day).replace("rework = 0", &format!("rework = {rework}"));
        Graph::read(&text).unwrap()
    };
    let graphs = Graphs::new([version("2026-03-01", "1"), version("2026-01-01", "0")]);
    let rework = |at: &str| graphs.at("model", crate::fixture::at(at)).unwrap().statuses()[0].rework;
    assert_eq!((rework("2026-02-28T23:59:59Z"), rework("2026-03-01T00:00:00Z")), (0, 1));
    assert_eq!(rework("2025-01-01T00:00:00Z"), 0, "what is older than every version is judged by the first");
    assert_eq!(graphs.get("model").unwrap().statuses()[0].rework, 1);
    assert_eq!(graphs.versions("model").len(), 2);
}

#[test]
fn every_problem_of_a_graph_is_told_at_once_with_its_key_and_line() {
    check(
        "object = \"a b\"\nvalid_from = \"soon\"\n[[status]]\nname = \"A\"\nowner = \" \"\ndeadline = \"soon\"\nnext = [\"A\", \"C\"]\n\
         working = true\nexpect = { within = \"5m\" }\n[[status]]\nname = \"A\"\nowner = \"x\"\ndeadline = \"0\"\ndeadlines = { B = \"1h\" }\n\
         [[objective]]\nname = \"o\"\nfrom = \"A\"\nto = \"Z\"\nwithin = \"1h\"\ntarget = 95\n[[status]]\nnmae = \"B\"\nowner = \"x\"",
        &[
            "line 1: `object` is `a b`, which is no name of an object type",
            "line 2: `valid_from` is `soon`; write it like `2026-03-01` or `2026-03-01T09:00:00+03:00`",
            "line 5: `status[0].owner` is empty; name the service that has to move the object on",
            "line 6: `status[0].deadline` is not a duration such as \"90s\", \"1h30m\" or \"14d\"",
            "line 7: `status[0].next` has `C`, which does not exist",
            "line 7: `status[0].next` leads from `A` to itself",
            "line 8: `status[0].working` needs a `calendar`",
            "line 9: `status[0].expect.within` stands alone; say which event with `service`, `endpoint` or `status`",
            "line 11: `status[1].name` is `A`, which stands twice",
            "line 13: `status[1].deadline` is zero",
            "line 14: `status[1].deadlines.B` is about `B`, which is not among `next`",
            "line 18: `objective[0].to` is `Z`, which does not exist",
            "line 20: `objective[0].target` is 95; want a share such as 0.95",
            "line 22: `status[2].name` is missing; want a text in quotes",
            "line 22: `status[2].nmae` is not a known key; did you mean `status[2].name`?",
        ],
    );
    check("", &["`status` is missing; a graph has a `[[status]]` for each status"]);
}

#[test]
fn every_status_must_be_reached_and_lead_to_an_end() {
    check(
        "[[status]]\nname = \"A\"\nowner = \"x\"\nnext = [\"B\"]\n[[status]]\nname = \"B\"\nowner = \"x\"\nnext = [\"A\"]\n\
         [[status]]\nname = \"LOST\"\nowner = \"x\"",
        &[
            "line 4: `status[0].next` leads from `A` to no end",
            "line 8: `status[1].next` leads from `B` to no end",
            "line 10: `status[2].name` is `LOST`, to which no way leads from `A`",
        ],
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
