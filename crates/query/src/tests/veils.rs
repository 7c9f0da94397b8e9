//! What a policy hides is hidden from every filter, label, series and count; of the other streams nothing is.

use std::sync::Arc;

use auth::{Authenticator, Credentials, Declared, Policy, Scope, Token};
use expect_test::{Expect, expect};
use logline::Tenant;
use stdx::{Secret, SystemClock};

use super::world::{World, by_minute, everything, forward, hour, line};
use crate::Kind;

const SHOP: &str = r#"{app="shop", service_name="shop-api", vault="v1"}"#;
const OTHER: &str = r#"{app="shop", service_name="shop-api", vault="v2"}"#;
const CRM: &str = r#"{app="crm", service_name="crm-api", vault="v1"}"#;

async fn world() -> World {
    let lines = [
        line(1, SHOP, r#"{"card":"4111","n":1}"#).with("customer_id", "c-1").with("ticket", "t-1"),
        line(2, OTHER, "n=2 card=4222 msg=paid").with("customer_id", "c-2"),
        line(3, CRM, r#"{"card":"4333","n":3}"#).with("customer_id", "c-3").with("ticket", "t-3"),
        line(4, SHOP, "no secrets at all"),
    ];
    World::new(&lines).await
}

/// All services; behind a veil over the shop's lines.
fn veiled(policy: Policy) -> Scope {
    let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let policy = Policy { users: names(&["reader"]), tenants: names(&["*"]), services: names(&["shop-api"]), ..policy };
    let token = Token {
        name: "reader".to_owned(),
        secret: Secret::new("0123456789abcdef".to_owned()),
        tenants: vec![Tenant::default()],
        services: names(&["*"]),
        permissions: auth::Permission::ALL.into(),
        ..Token::default()
    };
    let declared = Declared { tokens: vec![token], policies: vec![("veil".to_owned(), policy)], ..Declared::default() };
    let credentials = Credentials { authorization: Some("Bearer 0123456789abcdef"), ..Credentials::default() };
    Authenticator::with(&declared, Arc::new(SystemClock)).unwrap().authenticate(credentials).unwrap().scope()
}

fn hides(names: &[&str]) -> Policy {
    Policy { hide: names.iter().map(|&name| name.to_owned()).collect(), ..Policy::default() }
}

fn masks(names: &[&str]) -> Policy {
    Policy { mask: names.iter().map(|&name| name.to_owned()).collect(), ..Policy::default() }
}

async fn check(scope: &Scope, query: &str, want: Expect) {
    want.assert_eq(&world().await.range(scope, &forward(query)).await);
}

#[tokio::test]
async fn keys_labels_and_metadata_are_left_out_of_the_streams_that_the_policy_is_about() {
    check(
        &veiled(hides(&["card", "vault", "customer_id", "ticket"])),
        r#"{app=~".+"}"#,
        expect![[r#"
            {app="crm", service_name="crm-api", vault="v1"}
              3 {"card":"4333","n":3} m.customer_id=c-3 m.ticket=t-3
            {app="shop", service_name="shop-api"}
              1 {"card":"***","n":1}
              2 n=2 card=*** msg=paid
              4 no secrets at all
        "#]],
    )
    .await;
}

#[tokio::test]
async fn masked_values_show_that_they_are_there() {
    check(
        &veiled(masks(&["card", "vault", "customer_id"])),
        r#"{app="shop"}"#,
        expect![[r#"
            {app="shop", service_name="shop-api", vault="***"}
              1 {"card":"***","n":1} m.customer_id=*** m.ticket=t-1
              2 n=2 card=*** msg=paid m.customer_id=***
              4 no secrets at all
        "#]],
    )
    .await;
}

#[tokio::test]
async fn whole_lines_are_hidden_and_their_labels_stay() {
    let policy = Policy { hide_lines: true, ..Policy::default() };
    check(
        &veiled(policy),
        r#"{app="shop", vault="v1"}"#,
        expect![[r#"
            {app="shop", service_name="shop-api", vault="v1"}
              1 *** m.customer_id=c-1 m.ticket=t-1
              4 ***
        "#]],
    )
    .await;
}

#[tokio::test]
async fn no_filter_finds_what_is_hidden_and_no_filter_tells_by_what_it_leaves_out() {
    let (world, scope) = (world().await, veiled(hides(&["card", "vault", "customer_id"])));
    for query in [
        r#"{app="shop"} |= "4111""#,
        r#"{app="shop"} |~ "41+""#,
        r#"{app="shop"} | json | card="4111""#,
        r#"{app="shop"} | logfmt | card=~"42.+""#,
        r#"{app="shop"} | customer_id="c-1""#,
        r#"{app="shop", vault="v1"}"#,
        r#"{app="shop", vault=~"v.+"}"#,
        r#"{vault="v2"}"#,
    ] {
        assert_eq!(world.range(&scope, &forward(query)).await, "", "{query}");
        assert_ne!(world.range(&everything(), &forward(query)).await, "", "{query}");
    }
    // What is left out of a negative filter would tell as much: all three lines stay.
    for query in [
        r#"{app="shop"} != "4111""#,
        r#"{app="shop"} !~ "4[0-9]+""#,
        r#"{app="shop"} | customer_id!="c-1""#,
        r#"{app="shop", vault!="v1"}"#,
    ] {
        let counted = format!("sum(count_over_time({query} [10m]))");
        assert_eq!(world.instant(&scope, &counted, 300).await, "{} 3\n", "{query}");
    }
    // A filter by what stands in place of it finds those that have it.
    assert_eq!(world.instant(&scope, r#"sum(count_over_time({app="shop"} |= "***" [10m]))"#, 300).await, "{} 2\n");
}

#[tokio::test]
async fn series_labels_values_volumes_and_fields_do_not_tell_either() {
    let (world, scope) = (world().await, veiled(hides(&["card", "vault", "customer_id"])));
    let by = r#"sum by (vault, customer_id) (count_over_time({app=~".+"}[10m]))"#;
    expect![[r#"
        {} 60:3 120:3 180:3 240:3 300:3
        {customer_id="c-3", vault="v1"} 60:1 120:1 180:1 240:1 300:1
    "#]]
    .assert_eq(&world.range(&scope, &by_minute(by)).await);
    for engine in world.engines() {
        let values = engine.label_values(&scope, "vault", hour(), None).await.unwrap();
        assert_eq!(values, ["v1"], "that of the other service");
        let series = engine.series(&scope, hour(), &[r#"{app="shop"}"#.to_owned()]).await.unwrap();
        assert_eq!(
            series.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [r#"{app="shop", service_name="shop-api"}"#]
        );
        assert!(engine.series(&scope, hour(), &[r#"{vault="v2"}"#.to_owned()]).await.unwrap().is_empty());
        let stats = engine.stats(&scope, hour(), r#"{app="shop"}"#).await.unwrap().data;
        assert_eq!(stats.entries, 3);
        assert_eq!(engine.stats(&scope, hour(), r#"{vault="v2"}"#).await.unwrap().data.entries, 0);
    }
}

#[tokio::test]
async fn points_that_were_computed_for_others_do_not_tell_either() {
    let (world, scope) = (world().await, veiled(hides(&["vault"])));
    world.flush().await;
    for query in [
        r#"sum by (vault) (count_over_time({app=~".+"}[10m]))"#,
        r#"topk(1, sum by (vault, ticket) (count_over_time({app="shop"}[10m])))"#,
        r#"count_over_time({app="shop", vault="v2"}[10m])"#,
        r#"sum(count_over_time({app="shop"} |= "4111" [10m]))"#,
    ] {
        let ask = by_minute(query);
        let (all, seen) = (world.range(&everything(), &ask).await, world.range(&scope, &ask).await);
        assert!(!seen.contains("v2"), "{query}: {seen}");
        assert_eq!(world.range(&everything(), &ask).await, all, "{query}");
        assert_eq!(world.range(&scope, &ask).await, seen, "{query}");
    }
}

#[tokio::test]
async fn who_does_not_see_whole_lines_has_none_deleted() {
    let world = world().await;
    for engine in world.engines() {
        let refused = engine.delete(&veiled(hides(&["card"])), r#"{app="shop"} |= "4111""#, hour()).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Invalid);
    }
}

#[test]
fn a_tail_shows_what_a_scan_would() {
    let scope = veiled(hides(&["card", "vault", "customer_id"]));
    let labels = logline::Labels::parse(SHOP).unwrap();
    let entry = logline::Entry {
        timestamp: logline::Timestamp(1),
        line: "card=4111 n=1".to_owned(),
        metadata: vec![("customer_id".to_owned(), "c-1".to_owned()), ("ticket".to_owned(), "t".to_owned())],
    };
    let stream = logline::Stream { labels, entries: vec![entry] };
    let shown = |query: &str| {
        let (filter, mut tail) = crate::tail(&scope, query, &Arc::default()).unwrap();
        let selected = filter.selects(&Tenant::default(), &stream.labels);
        selected.then(|| format!("{:?}", tail.lines(&stream)))
    };
    let all = shown(r#"{app="shop"}"#).unwrap();
    assert!(
        all.contains("card=*** n=1") && all.contains("ticket") && !all.contains("c-1") && !all.contains("v1"),
        "{all}"
    );
    assert_eq!(shown(r#"{app="shop"} |= "4111""#).unwrap(), "[]");
    assert_eq!(shown(r#"{app="shop"} | customer_id="c-1""#).unwrap(), "[]");
    assert_eq!(shown(r#"{vault="v1"}"#), None);
}
