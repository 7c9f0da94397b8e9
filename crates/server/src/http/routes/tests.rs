//! Walks every route as nobody, as somebody without the right, and as somebody with it.

use std::collections::BTreeSet;

use super::*;
use crate::started::Started;

/// A token for each permission, which has just that one, for all services.
fn settings() -> String {
    let token = |permission: Permission| {
        let name = permission.name();
        format!(
            "[[auth.token]]\nname = \"{name}\"\ntoken = \"{name}-token-0123456789\"\nservices = [\"*\"]\npermissions = [\"{name}\"]\n"
        )
    };
    Permission::ALL.map(token).concat()
}

async fn status(client: &reqwest::Client, url: &str, method: &str, token: Option<&str>) -> u16 {
    let mut request = client.request(method.parse().unwrap(), url);
    if let Some(token) = token {
        request = request.bearer_auth(format!("{token}-token-0123456789"));
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_closed_to_those_without_its_permission() {
    let server = Started::closed(&settings()).await;
    let client = &server.client;
    for route in ROUTES {
        let url = format!("{}{}", server.url, route.path.replace("{id}", "4711").replace("{name}", "service"));
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let nobody = status(client, &url, method, None).await;
            let permission = match route.access {
                Access::Open => {
                    // A login without a name is no login.
                    let fine = [200, 405].contains(&nobody) || ([400, 404].contains(&nobody) && route.name == "login");
                    assert!(fine, "{method} {}: {nobody}", route.path);
                    continue;
                }
                Access::Caller => {
                    assert!(nobody == 401 || nobody == 405, "{method} {} lets nobody in: {nobody}", route.path);
                    let somebody = status(client, &url, method, Some("push")).await;
                    assert!(![401, 403, 500].contains(&somebody), "{method} {}: {somebody}", route.path);
                    continue;
                }
                Access::Needs(permission) => permission,
                Access::ByMethod(look, _) if method == "GET" => look,
                Access::ByMethod(_, change) => change,
            };
            assert!(nobody == 401 || nobody == 405, "{method} {} lets nobody in: {nobody}", route.path);
            assert_eq!(status(client, &url, method, Some("no-such")).await, nobody, "{method} {}", route.path);
            for other in Permission::ALL.into_iter().filter(|other| *other != permission) {
                let got = status(client, &url, method, Some(other.name())).await;
                assert!(got == 403 || got == 405, "{method} {} lets `{}` in: {got}", route.path, other.name());
            }
            let got = status(client, &url, method, Some(permission.name())).await;
            // Whoever posts alerts needs the right to write rules as well.
            if (method, route.path) == ("POST", "/api/v2/alerts") {
                assert_eq!(got, 403);
                continue;
            }
            assert!(
                ![401, 403, 500].contains(&got),
                "{method} {} shuts `{}` out: {got}",
                route.path,
                permission.name()
            );
        }
    }
    server.end().await;
}

#[test]
fn no_route_stands_twice_and_our_own_api_is_described() {
    let paths: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(paths.len(), ROUTES.len());
    let described: serde_json::Value = serde_json::from_str(include_str!("../openapi.json")).unwrap();
    let described: BTreeSet<_> = described["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let ours: BTreeSet<_> = paths.into_iter().filter(|path| path.starts_with("/api/v1/")).collect();
    assert_eq!(ours, described);
}

/// Everything in the trail, once it has this text.
async fn trail(server: &Started, text: &str) -> Vec<serde_json::Value> {
    let url = format!("{}/api/v1/audit?limit=5000", server.url);
    for _ in 0..400 {
        let answer = server.client.get(&url).bearer_auth("audit-token-0123456789").send().await.unwrap();
        let page: serde_json::Value = answer.json().await.unwrap();
        let records = page["records"].as_array().unwrap().clone();
        if records.iter().any(|record| record["detail"].as_str().unwrap().contains(text)) {
            return records;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("`{text}` does not come into the trail");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_in_the_url_stands_in_the_trail_but_where_a_secret_may_be() {
    let server = Started::closed(&settings()).await;
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    for (index, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.audit && route.access != Access::Open) {
        let path = route.path.replace("{id}", "4711").replace("{name}", "service").replace("{type}", "order");
        let path = path.replace("{namespace}", "team").replace("{group}", "g");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let token = route.access.permission(&method).map_or("push", Permission::name);
            let marker = format!("marker-{}-{index}-end", method.as_str().to_lowercase());
            let url = format!("{}{path}?marker={marker}", server.url);
            let request = server.client.request(method.clone(), &url).bearer_auth(format!("{token}-token-0123456789"));
            let answer = request.send().await.unwrap();
            let got = answer.status().as_u16();
            // An answer that is written while it is read stands in the trail when it ends.
            answer.bytes().await.unwrap();
            assert!(got != 401 && got != 403, "{method} {path}: {got}");
            let is_secret = ["reveal", "password"].contains(&route.name);
            match got {
                405 => {}
                _ if is_secret => unwanted.push((marker, path.clone())),
                _ => wanted.push((marker, path.clone())),
            }
        }
    }
    assert!(80 < wanted.len() && unwanted.len() == 3, "{} {}", wanted.len(), unwanted.len());
    let last = format!("{}/flush?marker=marker-last", server.url);
    status(&server.client, &last, "POST", Some("operate")).await;
    let records = trail(&server, "marker-last").await;
    let has = |marker: &str| records.iter().any(|record| record["detail"].as_str().unwrap().contains(marker));
    for (marker, path) in wanted {
        assert!(has(&marker), "{marker} at {path} does not stand in the trail");
    }
    for (marker, path) in unwanted {
        assert!(!has(&marker), "{marker} at {path} stands in the trail");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_bodies_ask_for_stands_in_the_trail() {
    let server = Started::closed(&settings()).await;
    let send = async |path: &str, token: &str, body: &str| {
        let request = server.client.post(format!("{}{path}", server.url)).body(body.to_owned());
        request.bearer_auth(format!("{token}-token-0123456789")).send().await.unwrap().status().as_u16()
    };
    let rule = "alert: A\n    expr: 'count_over_time({service_name=\"EXPR\"}[1m]) > 1'";
    let group = |expr: &str| format!("name: g\nrules:\n  - {}\n", rule.replace("EXPR", expr));
    let file = format!("groups:\n- {}", group("previewed").replace('\n', "\n  "));
    send("/api/v1/rules/test", "read", &file).await;
    send("/loki/api/v1/rules/team", "rules", &group("kept-rule")).await;
    let silence = r#"{"matchers":[{"name":"service_name","value":"silenced","isRegex":false}],
        "startsAt":"2026-01-01T00:00:00Z","endsAt":"2027-01-01T00:00:00Z","createdBy":"x","comment":"why-silent"}"#;
    send("/api/v2/silences", "silences", silence).await;
    send("/api/v1/incidents/1/act", "silences", r#"{"action":"comment","comment":"commented"}"#).await;
    send("/api/v1/tokens?a=in-the-url", "users", r#"{"name":"in-the-body"}"#).await;
    let records = trail(&server, "in-the-body").await;
    let details: Vec<_> = records.iter().map(|record| record["detail"].as_str().unwrap()).collect();
    let words = ["previewed", "kept-rule", "silenced", "why-silent", "commented", "in-the-url"];
    for word in words {
        assert!(details.iter().any(|detail| detail.contains(word)), "{word}: {details:#?}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_elsewhere_that_fails_stands_in_the_trail_with_its_address() {
    // Nobody listens there.
    let elsewhere = "[[auth.oidc]]\nname = \"corp\"\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"lapidary\"\n";
    let settings = format!("external_url = \"http://127.0.0.1:3100\"\n{}{elsewhere}", settings());
    let server = Started::closed(&settings).await;
    let got = server.client.get(format!("{}/auth/oidc/corp", server.url)).send().await.unwrap().status();
    assert_eq!(got.as_u16(), 503);
    let records = trail(&server, "corp: ").await;
    let failed = records.iter().find(|record| record["action"] == "login").unwrap();
    assert_eq!((&failed["outcome"], &failed["address"]), (&"denied".into(), &"127.0.0.1".into()));
    server.end().await;
}

async fn asked(server: &Started, method: Method, path: &str, token: &str, tenant: &str, body: &str) -> (u16, String) {
    let request = server.client.request(method, format!("{}{path}", server.url)).body(body.to_owned());
    let request = request.header("content-type", "application/json").header("accept", "application/x-ndjson");
    let request = request.bearer_auth(format!("{token}-token-0123456789")).header("x-scope-orgid", tenant);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_choice_of_a_tenant_hides_a_change_or_a_read_from_auditors() {
    let boss = "[[auth.token]]\nname = \"boss\"\ntoken = \"boss-token-0123456789\"\nservices = [\"*\"]\n\
                tenants = [\"fake\", \"aaa\", \"hidden-1\"]\npermissions = [\"users\", \"read\", \"export\", \"operate\"]\n";
    let server = Started::closed(&format!("{}{boss}", settings())).await;
    let boss =
        async |method, path: &str, tenant: &str, body: &str| asked(&server, method, path, "boss", tenant, body).await;
    let user = r#"{"name":"evil","roles":["admin"]}"#;
    assert_eq!(boss(Method::POST, "/api/v1/users", "hidden-1", user).await.0, 200);
    assert_eq!(boss(Method::PUT, "/api/v1/roles/evil-role", "hidden-1", r#"{"permissions":["read"]}"#).await.0, 204);
    assert_eq!(boss(Method::GET, "/loki/api/v1/labels?a=of-another", "hidden-1", "").await.0, 200);
    assert_eq!(boss(Method::GET, "/loki/api/v1/labels?a=of-both", "aaa|fake", "").await.0, 200);
    let list = "/loki/api/v1/query_range?query=%7Ba%3D%22b%22%7D&a=head-of-a-list";
    assert_eq!(boss(Method::HEAD, list, "fake", "").await.0, 200);
    assert!(boss(Method::POST, "/flush?a=the-last", "hidden-1", "").await.0 < 300);
    let records = trail(&server, "the-last").await;
    let found = |text: &str| {
        let found = records.iter().find(|record| record["detail"].as_str().unwrap().contains(text));
        found.map(|record| (record["tenant"].as_str().unwrap(), record["outcome"].as_str().unwrap()))
    };
    let wide = Some((auth::AUDIT_TENANT, "allowed"));
    assert_eq!([found("\"evil\""), found("evil-role"), found("the-last")], [wide; 3]);
    assert_eq!(found("of-both"), Some(("fake", "allowed")));
    assert_eq!(found("head-of-a-list"), Some(("fake", "allowed")));
    assert_eq!(found("of-another"), None, "lines of another tenant are its auditors' business");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_of_a_known_name_with_the_lock_and_of_no_other() {
    let server = Started::closed(&format!("{}[auth.lockout]\nafter = 1\n", settings())).await;
    let dev = r#"{"name":"dev2","roles":["developer"]}"#;
    assert_eq!(asked(&server, Method::POST, "/api/v1/users", "users", "fake", dev).await.0, 200);
    let mut answers = Vec::new();
    for name in ["Dev2 ", "Hunter2", "hunter-two"] {
        let body = serde_json::json!({"name": name, "password": "wrong password here"}).to_string();
        let request = server.client.post(format!("{}/api/v1/login", server.url)).body(body);
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        answers.push((answer.status(), answer.text().await.unwrap()));
    }
    assert!(answers[0].0 == 401 && answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let records = trail(&server, "locked until").await;
    let logins: Vec<_> = records.iter().filter(|record| record["action"] == "login").collect();
    let is_locked = |record: &serde_json::Value| record["detail"].as_str().unwrap().contains("locked until");
    let told = logins.iter().map(|record| (record["principal"].as_str().unwrap(), is_locked(record)));
    let told: BTreeSet<_> = told.collect();
    assert!(told.contains(&("dev2", true)) && !told.iter().any(|(who, _)| who.to_lowercase() == "hunter2"), "{told:?}");
    server.end().await;
}
