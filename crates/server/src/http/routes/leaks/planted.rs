//! Three services with planted words, and somebody of every kind who asks about them.

use std::time::Duration;

use logline::Timestamp;
use serde_json::json;

use crate::started::Started;

/// The services, without their `-api`.
pub(super) const SERVICES: [&str; 3] = ["shop", "crm", "mes"];

/// What policies hide from some who see the rest of the shop's lines.
pub(super) const CARD: [&str; 3] = ["card-of-shop", "vault-of-shop", "customer-of-shop"];

/// Stands in a line of the shop that is three days old.
pub(super) const OLD: &str = "old-of-shop";

/// A planted word.
pub(super) fn of(kind: &str, service: &str) -> String {
    format!("{kind}-of-{service}")
}

/// Somebody who asks, and what they may see.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) sees: Vec<&'static str>,
    pub(super) reads: bool,
    pub(super) exports: bool,
    /// The shop's card, vault and customer are hidden.
    pub(super) is_veiled: bool,
    /// Nothing older than a day is seen.
    pub(super) is_young: bool,
}

/// Everybody; their tokens are in [`CONFIG`].
pub(super) fn callers() -> Vec<Caller> {
    let caller = |name, sees: &[&'static str], reads, exports| Caller {
        name,
        sees: sees.to_vec(),
        reads,
        exports,
        is_veiled: false,
        is_young: false,
    };
    let shop = |name| caller(name, &["shop"], true, true);
    vec![
        shop("developer-shop"),
        caller("developer-of-nothing", &[], true, true),
        caller("devops", &SERVICES, true, true),
        caller("security", &SERVICES, true, true),
        caller("admin", &SERVICES, true, true),
        caller("support", &[], false, false),
        caller("auditor", &[], false, false),
        caller("denied", &["shop", "mes"], true, true),
        Caller { is_veiled: true, ..shop("veiled") },
        Caller { is_young: true, ..shop("young") },
        caller("reader", &["crm"], true, false),
        caller("pusher", &[], false, false),
        caller("shop-deleter", &["shop"], false, false),
        Caller { is_veiled: true, ..caller("veiled-deleter", &["shop"], false, false) },
    ]
}

const CONFIG: &str = r#"
[[auth.policy]]
name = "shop-developers"
users = ["developer-shop", "veiled"]
tenants = ["fake"]
services = ["shop-*"]

[[auth.policy]]
name = "young"
users = ["young"]
tenants = ["fake"]
selector = '{service_name=~"shop-.+"}'
not_older_than = "1d"

[[auth.policy]]
name = "veil"
users = ["veiled", "veiled-deleter"]
tenants = ["fake"]
services = ["shop-api"]
hide = ["card", "vault"]
mask = ["customer_id"]

[[auth.policy]]
name = "not-crm"
effect = "deny"
users = ["denied"]
tenants = ["*"]
services = ["crm-api"]
"#;

/// Names of tokens, and what else stands with them.
const TOKENS: [(&str, &str); 14] = [
    ("developer-shop", r#"roles = ["developer"]"#),
    ("developer-of-nothing", r#"roles = ["developer"]"#),
    ("devops", r#"roles = ["devops"]"#),
    ("security", r#"roles = ["security"]"#),
    ("admin", r#"roles = ["admin"]"#),
    ("support", r#"roles = ["support"]"#),
    ("auditor", r#"roles = ["auditor"]"#),
    ("denied", r#"roles = ["devops"]"#),
    ("veiled", r#"roles = ["developer"]"#),
    ("young", r#"roles = ["developer"]"#),
    ("reader", "permissions = [\"read\", \"orders\", \"status\", \"users\"]\nservices = [\"crm-api\"]"),
    ("pusher", r#"permissions = ["push"]"#),
    ("shop-deleter", "permissions = [\"delete\"]\nservices = [\"shop-api\"]"),
    ("veiled-deleter", "permissions = [\"delete\"]\nservices = [\"shop-api\"]"),
];

/// A running server with planted words.
pub(super) struct World {
    pub(super) server: Started,
}

impl World {
    pub(super) async fn new() -> Self {
        let token = |(name, rest): &(&str, &str)| {
            format!("[[auth.token]]\nname = \"{name}\"\ntoken = \"{}\"\n{rest}\n", secret(name))
        };
        let text = TOKENS.iter().map(token).collect::<String>() + CONFIG;
        let world = Self { server: Started::closed(&text).await };
        for service in SERVICES {
            world.push(service, "line", Duration::from_secs(60)).await;
            world.push(service, "more", Duration::from_secs(30)).await;
            world.keep_rule_and_silence(service).await;
        }
        world.push("shop", "old", Duration::from_secs(3 * 86_400)).await;
        world
    }

    /// A rule and a silence about a service, with planted words.
    async fn keep_rule_and_silence(&self, service: &str) {
        let rule = format!(
            "name: {}\nrules:\n  - alert: Cards\n    expr: 'count_over_time({{service_name=\"{service}-api\"}} |= \"{}\" [1m]) > 9'\n    annotations: {{summary: {}}}\n",
            of("group", service),
            of("label", service),
            of("card", service),
        );
        let (status, answer) = self.send("devops", "POST", "/loki/api/v1/rules/team", rule).await;
        assert_eq!(status, 202, "{answer}");
        let silence = Self::silence(&format!("{service}-api"), &of("label", service), "");
        let (status, answer) = self.send("devops", "POST", "/api/v2/silences", silence).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// A silence about a service for an hour, as it is sent.
    pub(super) fn silence(service: &str, comment: &str, id: &str) -> String {
        let time = |time: Timestamp| jiff::Timestamp::from(time).to_string();
        json!({
            "id": id, "comment": comment, "createdBy": "", "startsAt": time(now()),
            "endsAt": time(now().after(Duration::from_secs(3_600))),
            "matchers": [{"name": "service_name", "value": service, "isRegex": false, "isEqual": true}],
        })
        .to_string()
    }

    /// Sends a body as it is.
    pub(super) async fn send(&self, name: &str, method: &str, path: &str, body: String) -> (u16, String) {
        let request = self.server.client.request(method.parse().unwrap(), format!("{}{path}", self.server.url));
        let answer = request.bearer_auth(secret(name)).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// A line of a service with a planted word of this kind, so long ago.
    pub(super) async fn push(&self, service: &str, kind: &str, ago: Duration) {
        let at = now().before(ago);
        let line = format!(
            "[{}][REQ][POST /{}] order_id={} status=CREATED note={} card={}",
            jiff::Timestamp::from(at),
            of("path", service),
            of("order", service),
            of(kind, service),
            of("card", service),
        );
        let labels = json!({
            "service_name": format!("{service}-api"), "owner": of("label", service), "vault": of("vault", service),
            format!("only_{service}"): "yes",
        });
        let metadata = json!({"ticket": of("meta", service), "customer_id": of("customer", service)});
        let body = json!({"streams": [{"stream": labels, "values": [[at.0.to_string(), line, metadata]]}]});
        let url = format!("{}/loki/api/v1/push", self.server.url);
        let sent = self.server.client.post(url).bearer_auth(secret("pusher")).json(&body).send().await.unwrap();
        assert_eq!(sent.status(), 204, "{}", sent.text().await.unwrap());
    }

    /// Puts what came in into files, which have an index.
    pub(super) async fn flush(&self) {
        let url = format!("{}/flush", self.server.url);
        let sent = self.server.client.post(url).bearer_auth(secret("admin")).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    }

    /// Asks with a query in every parameter that might take one; gives status and the whole answer.
    pub(super) async fn ask(&self, caller: &Caller, method: &str, path: &str, probe: &str) -> (u16, String) {
        let (start, end) = (now().before(Duration::from_secs(100 * 3600)), now().after(Duration::from_secs(60)));
        let mut params = vec![
            ("start", start.0.to_string()),
            ("end", end.0.to_string()),
            ("limit", "1000".to_owned()),
            ("step", "36000".to_owned()),
            ("user", "developer-shop".to_owned()),
        ];
        // Orders do not take queries; requests to delete take seconds, and end now.
        if path.starts_with("/api/v1/orders") {
            params.clear();
        } else if path == "/loki/api/v1/delete" {
            params = vec![("start", (start.0 / 1_000_000_000).to_string()), ("query", probe.to_owned())];
        } else if !probe.is_empty() {
            params.extend(["query", "match[]", "match"].map(|name| (name, probe.to_owned())));
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let url = format!("{}{path}", self.server.url);
        let method: reqwest::Method = method.parse().unwrap();
        let is_form = method == reqwest::Method::POST && path != "/loki/api/v1/delete";
        let request = if is_form {
            let form = "application/x-www-form-urlencoded";
            self.server.client.request(method, url).header("Content-Type", form).body(query)
        } else {
            self.server.client.request(method, format!("{url}?{query}"))
        };
        self.answer(request, caller).await
    }

    /// Asks for lines one by one, and what they cost.
    pub(super) async fn export(&self, caller: &Caller, query: &str, limit: usize) -> (u16, String) {
        let (start, end) = (now().before(Duration::from_secs(100 * 3600)), now().after(Duration::from_secs(60)));
        let params = [
            ("query", query.to_owned()),
            ("stats", "true".to_owned()),
            ("start", start.0.to_string()),
            ("end", end.0.to_string()),
            ("limit", limit.to_string()),
        ];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&params).finish();
        let request = self.server.client.get(format!("{}/loki/api/v1/query_range?{query}", self.server.url));
        self.answer(request.header("Accept", "application/x-ndjson"), caller).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder, caller: &Caller) -> (u16, String) {
        let answer = request.bearer_auth(secret(caller.name)).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        (status, answer.text().await.unwrap() + &headers)
    }

    pub(super) async fn close(self) {
        self.server.end().await;
    }
}

/// The secret of a token.
pub(super) fn secret(name: &str) -> String {
    format!("{name}-0123456789abcdef")
}

#[expect(clippy::disallowed_methods, reason = "the server under test reads this clock too")]
fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}
