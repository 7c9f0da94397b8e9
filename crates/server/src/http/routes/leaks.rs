//! The leak matrix: every route, as every role, over three services with planted words in lines, labels, metadata, order
//! ids and names. Who has no right to a service sees neither line nor count nor name of it.
//!
//! The routes come from the table itself: one without a decision in [`shows`] fails the test.

mod planted;
mod tail;

use std::collections::BTreeSet;

use self::planted::{CARD, Caller, OLD, SERVICES, World, callers, of};
use super::*;

/// What a route may show, and so what must not be found in its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// Nothing that anybody could not know.
    Public,
    /// Lines, and what is computed from them: by the scope.
    Lines,
    /// Steps of objects, of all services of the tenant; lines by the scope.
    Steps,
    /// The state of the server: names of services, but nothing of their lines.
    Server,
    /// Who may do what; names of services by the scope.
    Rights,
    /// What people asked for, in their words, and nothing of what they were answered: for auditors.
    Asked,
}

/// The decision about each route. A new route needs one: think about what it shows to whom.
fn shows(route: &Route) -> Option<Shows> {
    Some(match route.name {
        "page" | "ready" | "openapi" | "buildinfo" | "login" | "logout" | "me" | "format" => Shows::Public,
        "query" | "labels" | "series" | "stats" | "volume" | "patterns" | "fields" | "tail" | "rules"
        | "test rules" => Shows::Lines,
        // Alerts, silences and incidents of services that one may see.
        "alerts" | "silences" | "incidents" | "incident" => Shows::Lines,
        // Where messages went.
        "deliveries" | "test alert" => Shows::Server,
        // Answers without a word of the tenant's data.
        "limits" | "push" => Shows::Public,
        "orders" | "order" | "export orders" => Shows::Steps,
        "metrics" | "status" | "jobs" | "cancel job" | "flush" | "services" | "reread orders" => Shows::Server,
        "users" | "roles" | "policies" | "groups" | "tokens" | "password" | "explain access" | "report access" => {
            Shows::Rights
        }
        "reveal" => Shows::Public,
        "audit" | "audit check" => Shows::Asked,
        // Has a test of its own below.
        "delete" => Shows::Lines,
        _ => return None,
    })
}

#[test]
fn every_route_has_a_decision() {
    let without: BTreeSet<_> = ROUTES.iter().filter(|route| shows(route).is_none()).map(|route| route.path).collect();
    assert!(without.is_empty(), "decide in `shows` what may be seen there: {without:?}");
}

/// Queries and selectors that ask for more than one should get.
const PROBES: [&str; 8] = [
    r#"{service_name=~".+"}"#,
    r#"sum by (service_name, vault) (count_over_time({service_name=~".+"}[100h]))"#,
    r#"{service_name="crm-api"}"#,
    r#"{service_name=~".+"} |~ "of-(shop|crm|mes)""#,
    r#"{service_name=~".+"} |= "card-of-shop""#,
    r#"{service_name=~".+"} | customer_id="customer-of-shop""#,
    r#"{vault="vault-of-shop"}"#,
    r#"count_over_time({service_name=~".+"} |= "card-of-shop" [100h])"#,
];

/// Labels and fields whose values are asked for.
const NAMES: [&str; 7] = ["service_name", "vault", "only_crm", "ticket", "card", "customer_id", "4711"];

/// Paths of a route with every name it may be asked for.
fn paths(route: &Route) -> Vec<String> {
    if route.path.contains("{id}") {
        return SERVICES
            .map(|service| route.path.replace("{type}", "order").replace("{id}", &of("order", service)))
            .into();
    }
    if route.path.contains("{namespace}") {
        let groups = SERVICES.map(|service| route.path.replace("{group}", &of("group", service)));
        return groups.map(|path| path.replace("{namespace}", "team")).into();
    }
    if !route.path.contains("{name}") {
        return vec![route.path.to_owned()];
    }
    NAMES.map(|name| route.path.replace("{name}", name)).into()
}

/// Words that must not be in an answer to this caller. What was asked for may be repeated by an error.
fn forbidden(caller: &Caller, shows: Shows, asked: &str) -> Vec<String> {
    // Who manages rights reads what policies and tokens name; who sees which service is told of those they see.
    let names = match shows {
        Shows::Lines => true,
        Shows::Rights => asked.contains("/access/"),
        Shows::Public | Shows::Steps | Shows::Server | Shows::Asked => false,
    };
    let mut words = Vec::new();
    for service in SERVICES.iter().filter(|service| !caller.sees.contains(service)) {
        if shows == Shows::Asked {
            words.extend(["line", "meta"].map(|kind| of(kind, service)));
            continue;
        }
        words.extend(["line", "label", "meta"].map(|kind| of(kind, service)));
        if names {
            let names = [of("order", service), of("group", service)];
            words.extend(names.into_iter().chain([format!("only_{service}"), format!("{service}-api")]));
        }
    }
    if shows != Shows::Asked && (!caller.sees.contains(&"shop") || caller.is_veiled) {
        words.extend(CARD.map(str::to_owned));
    }
    if !caller.sees.contains(&"shop") || caller.is_young {
        words.push(OLD.to_owned());
    }
    words.retain(|word| !asked.contains(word.as_str()));
    words
}

async fn check(world: &World, caller: &Caller, route: &Route, method: &str, path: &str, probe: &str) {
    let Some(shows) = shows(route) else { return };
    let (status, answer) = world.ask(caller, method, path, probe).await;
    let found: Vec<_> = forbidden(caller, shows, &format!("{path} {probe}"))
        .into_iter()
        .filter(|word| answer.contains(word.as_str()))
        .collect();
    assert!(found.is_empty(), "{method} {path} with {probe} shows {found:?} to `{}`: {status} {answer}", caller.name);
    assert_ne!(status, 500, "{method} {path} with {probe} as `{}`: {answer}", caller.name);
    // A filter by what is hidden finds nothing, not even how many there are.
    let probes_hidden = probe.contains("of-shop") && (caller.is_veiled || !caller.sees.contains(&"shop"));
    if probes_hidden && status == 200 && route.name == "query" && !path.contains("explain") {
        assert!(
            answer.contains("\"result\":[]") || answer.contains("\"streams\":[]"),
            "{path} with {probe} finds something for `{}`: {answer}",
            caller.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_a_word_a_count_or_a_name_of_a_service_without_a_right_to_it() {
    let world = World::new().await;
    for caller in callers() {
        for route in
            ROUTES.iter().filter(|route| route.name != "delete" && route.name != "push" && route.name != "flush")
        {
            for path in paths(route) {
                for (at, probe) in PROBES.iter().enumerate() {
                    let asks = matches!(shows(route), Some(Shows::Lines | Shows::Rights));
                    if at == 0 || asks {
                        check(&world, &caller, route, "GET", &path, probe).await;
                    }
                }
                if shows(route) == Some(Shows::Lines) {
                    check(&world, &caller, route, "POST", &path, PROBES[0]).await;
                }
            }
        }
        // The matrix is worth something only if those with a right do see.
        let (_, lines) = world.ask(&caller, "GET", "/loki/api/v1/query_range", PROBES[0]).await;
        for service in SERVICES {
            let seen = caller.reads && caller.sees.contains(&service);
            assert_eq!(lines.contains(&of("line", service)), seen, "`{}` and {service}: {lines}", caller.name);
        }
        let (status, counted) =
            world.ask(&caller, "GET", "/loki/api/v1/query", "sum(count_over_time({service_name=~\".+\"}[100h]))").await;
        let lines = caller.sees.len() * 2 + usize::from(caller.sees.contains(&"shop") && !caller.is_young);
        match (caller.reads, lines) {
            (false, _) => assert_eq!(status, 403, "{counted}"),
            (true, 0) => assert!(counted.contains("\"result\":[]"), "`{}`: {counted}", caller.name),
            (true, lines) => {
                assert!(counted.contains(&format!("\"{lines}\"]")), "`{}` counts {lines}: {counted}", caller.name)
            }
        }
        let (_, stats) = world.ask(&caller, "GET", "/loki/api/v1/index/stats", PROBES[0]).await;
        assert!(
            !caller.reads || stats.contains(&format!("\"entries\":{lines}")),
            "`{}` has {lines}: {stats}",
            caller.name
        );
    }
    world.close().await;
}

/// A word in lines of others must not show in what a query cost, nor in what an index ruled out.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_query_cost_tells_nothing_of_words_in_lines_of_others() {
    let world = World::new().await;
    world.flush().await;
    let steady = |answer: &str| {
        let times = ["took_ms", "execTime", "queueTime", "PerSecond"];
        let parts = answer.split([',', '{', '}', '\n']);
        parts.filter(|part| !times.iter().any(|time| part.contains(time))).collect::<Vec<_>>().join(",")
    };
    let callers = callers();
    // The last is a list of lines, which ends with what it cost.
    let paths =
        ["/loki/api/v1/query", "/loki/api/v1/query_range", "/api/v1/explain", "/loki/api/v1/index/stats", "list"];
    for caller in callers.iter().filter(|caller| caller.reads && !caller.sees.contains(&"crm")) {
        for path in paths {
            // The word of another service, and one that stands nowhere.
            let mut seen = Vec::new();
            for service in ["crm", "xyz"] {
                let probe = if path.ends_with("stats") {
                    format!(r#"{{service_name=~".+", owner="{}"}}"#, of("label", service))
                } else {
                    format!(r#"count_over_time({{service_name=~".+"}} |= "{}" [100h])"#, of("line", service))
                };
                let (status, answer) = if path == "list" {
                    let probe = format!(r#"{{service_name=~".+"}} |= "{}""#, of("line", service));
                    world.export(caller, &probe, 10).await
                } else {
                    world.ask(caller, "GET", path, &probe).await
                };
                assert_eq!(status, 200, "{answer}");
                assert!(path != "list" || answer.starts_with("{\"stats\":{"), "{answer}");
                let (body, _) = answer.rsplit_once('{').unwrap();
                seen.push(steady(body).replace("crm", "xyz"));
            }
            assert_eq!(seen[0], seen[1], "{path} tells `{}` of a word in lines of others", caller.name);
        }
    }
    let everything = callers.iter().find(|caller| caller.name == "devops").unwrap();
    let (_, answer) = world.ask(everything, "GET", "/api/v1/explain", r#"{service_name=~".+"} |= "line-of-xyz""#).await;
    assert!(!answer.contains("\"lines_pruned_by_index\":0"), "who sees everything is told: {answer}");
    world.close().await;
}

/// Rules and silences are the words of people, and name services.
#[tokio::test(flavor = "multi_thread")]
async fn rules_and_silences_are_seen_and_changed_by_those_who_see_the_services_they_name() {
    let world = World::new().await;
    let rules = ["/loki/api/v1/rules", "/loki/api/v1/rules/team", "/api/prom/rules", "/prometheus/api/v1/rules"];
    for caller in callers().iter().filter(|caller| caller.reads) {
        for path in rules {
            let (_, answer) = world.send(caller.name, "GET", path, String::new()).await;
            for service in SERVICES {
                let sees = caller.sees.contains(&service) && !(caller.is_veiled && service == "shop");
                assert_eq!(answer.contains(&of("group", service)), sees, "{path} `{}`: {answer}", caller.name);
            }
        }
    }
    let silences = async |name: &str| world.send(name, "GET", "/api/v2/silences", String::new()).await.1;
    let all: Vec<serde_json::Value> = serde_json::from_str(&silences("devops").await).unwrap();
    assert_eq!(all.len(), SERVICES.len());
    let id = |service: &str| {
        let about = |silence: &&serde_json::Value| silence["matchers"][0]["value"] == format!("{service}-api");
        all.iter().find(about).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let own = silences("developer-shop").await;
    assert!(own.contains(&id("shop")) && !own.contains(&id("crm")) && !own.contains("crm-api"), "{own}");
    let dev = async |method, path: &str, body| world.send("developer-shop", method, path, body).await.0;
    let of_crm = format!("/api/v2/silence/{}", id("crm"));
    assert_eq!(dev("GET", &of_crm, String::new()).await, 404);
    assert_eq!(dev("DELETE", &of_crm, String::new()).await, 404);
    assert_eq!(dev("POST", "/api/v2/silences", World::silence("crm-api", "mine", "")).await, 403);
    assert_eq!(dev("POST", "/api/v2/silences", World::silence("shop-api", "mine", &id("crm"))).await, 404);
    assert_eq!(dev("POST", "/api/v2/silences", World::silence("shop-api", "mine", "")).await, 200);
    assert_eq!(dev("DELETE", &format!("/api/v2/silence/{}", id("shop")), String::new()).await, 200);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_past_the_usual_limit_need_their_permission_and_obey_the_scope() {
    let world = World::new().await;
    for caller in callers() {
        let (status, answer) = world.export(&caller, r#"{service_name=~".+"}"#, 100_000).await;
        let may = caller.exports && caller.reads;
        assert_eq!(status, if may { 200 } else { 403 }, "`{}`: {answer}", caller.name);
        for service in SERVICES {
            assert_eq!(
                answer.contains(&of("line", service)),
                may && caller.sees.contains(&service),
                "`{}`",
                caller.name
            );
        }
        let found: Vec<_> =
            forbidden(&caller, Shows::Lines, "").into_iter().filter(|word| answer.contains(word.as_str())).collect();
        assert!(found.is_empty(), "`{}` exports {found:?}", caller.name);
        let (status, _) = world.export(&caller, r#"{service_name=~".+"}"#, 10).await;
        assert_eq!(status, if caller.reads { 200 } else { 403 }, "`{}`", caller.name);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_reach_no_further_than_the_scope_and_their_list_is_not_for_everybody() {
    let world = World::new().await;
    let callers = callers();
    let named = |name: &str| callers.iter().find(|caller| caller.name == name).unwrap();
    for caller in &callers {
        let (status, answer) = world.ask(caller, "GET", "/loki/api/v1/delete", "").await;
        let wanted = if matches!(caller.name, "security" | "admin") { 200 } else { 403 };
        assert_eq!(status, wanted, "`{}`: {answer}", caller.name);
    }
    let query = r#"{service_name=~".+"} |= "of-""#;
    for (caller, wanted) in [("shop-deleter", 204), ("developer-shop", 403), ("veiled-deleter", 400)] {
        let (status, answer) = world.ask(named(caller), "POST", "/loki/api/v1/delete", query).await;
        assert_eq!(status, wanted, "`{caller}`: {answer}");
    }
    let (_, lines) = world.ask(named("devops"), "GET", "/loki/api/v1/query_range", PROBES[0]).await;
    let left = SERVICES.map(|service| lines.contains(&of("line", service)));
    assert_eq!(left, [false, true, true], "only what the deleter sees is deleted: {lines}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_is_shown_to_those_with_a_right_only() {
    tail::check(&World::new().await).await;
}
