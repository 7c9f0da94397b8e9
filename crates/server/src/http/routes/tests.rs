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
