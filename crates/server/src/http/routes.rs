//! The table of all routes: what each needs, whether it is audited, and who answers it.

use auth::Permission;
use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use ingest::otlp::METHOD;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use super::guard::guard;
use super::shield::shield;
use super::v1::{access, alerts, login};
use super::{page, status, v1, v2};
use crate::app::App;
use crate::loki;

/// What a route needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: it tells nobody anything that is not public.
    Open,
    /// A caller, whoever it is: also one who must choose a new password first.
    Caller,
    /// A caller with this permission.
    Needs(Permission),
    /// A caller with the first permission to look, with the second to change something.
    ByMethod(Permission, Permission),
}

impl Access {
    /// The permission that a request with this method needs; none where none is needed.
    pub fn permission(self, method: &Method) -> Option<Permission> {
        match self {
            Self::Open | Self::Caller => None,
            Self::Needs(permission) => Some(permission),
            Self::ByMethod(look, _) if matches!(*method, Method::GET | Method::HEAD) => Some(look),
            Self::ByMethod(_, change) => Some(change),
        }
    }
}

/// Routes that take secrets. Whoever puts one into the URL by mistake is refused, and it is not written down.
const SECRETIVE: [&str; 2] = ["reveal", "password"];

/// One path of the API.
#[derive(Debug)]
pub struct Route {
    /// The path, with `{name}` for a part that varies.
    pub path: &'static str,
    /// What is done there; the word in the audit trail.
    pub name: &'static str,
    /// What it needs.
    pub access: Access,
    /// Whether each use is written to the audit trail (a refusal always is).
    pub audit: bool,
    /// Who answers; sets the methods as well.
    handler: fn() -> MethodRouter<App>,
}

impl Route {
    /// Whether the query of the URL may stand in the audit trail.
    pub(super) fn notes_query(&self) -> bool {
        !SECRETIVE.contains(&self.name)
    }
}

const READ: Access = Access::Needs(Permission::Read);
const PUSH: Access = Access::Needs(Permission::Push);
const OPERATE: Access = Access::Needs(Permission::Operate);
const ORDERS: Access = Access::Needs(Permission::Orders);
const SILENCES: Access = Access::Needs(Permission::Silences);
const STATUS: Access = Access::Needs(Permission::Status);
const DELETE: Access = Access::Needs(Permission::Delete);
const RULES: Access = Access::ByMethod(Permission::Read, Permission::Rules);
const AUDIT: Access = Access::Needs(Permission::Audit);
const REVEAL: Access = Access::Needs(Permission::Reveal);
const USERS: Access = Access::Needs(Permission::Users);

const fn route(
    path: &'static str,
    name: &'static str,
    access: Access,
    audit: bool,
    handler: fn() -> MethodRouter<App>,
) -> Route {
    Route { path, name, access, audit, handler }
}

/// Every route there is; the tests walk it.
pub static ROUTES: &[Route] = &[
    route("/", "page", Access::Open, false, || get(page::start)),
    route("/orders/{id}", "page", Access::Open, false, || get(page::start)),
    route("/explore", "page", Access::Open, false, || get(page::start)),
    route("/analysis", "page", Access::Open, false, || get(page::start)),
    route("/orders", "page", Access::Open, false, || get(page::start)),
    route("/assets/page.js", "page", Access::Open, false, || get(page::script)),
    route("/assets/page.css", "page", Access::Open, false, || get(page::style)),
    route("/ready", "ready", Access::Open, false, || get(status::ready)),
    route("/metrics", "metrics", STATUS, false, || get(status::metrics)),
    route("/api/v1/status", "status", STATUS, false, || get(status::status)),
    route("/api/v1/openapi.json", "openapi", Access::Open, false, || get(v1::openapi)),
    route("/api/v1/orders", "orders", ORDERS, true, || get(v1::list)),
    route("/api/v1/orders/summary", "orders", ORDERS, true, || get(v1::summary)),
    route("/api/v1/orders/dwell", "orders", ORDERS, true, || get(v1::analysis::dwell)),
    route("/api/v1/orders/variants", "orders", ORDERS, true, || get(v1::analysis::variants)),
    route("/api/v1/orders/conformance", "orders", ORDERS, true, || get(v1::analysis::conformance)),
    route("/api/v1/orders/funnel", "orders", ORDERS, true, || get(v1::analysis::funnel)),
    route("/api/v1/orders/sla", "orders", ORDERS, true, || get(v1::analysis::sla)),
    route("/api/v1/orders/throughput", "orders", ORDERS, true, || get(v1::analysis::throughput)),
    route("/api/v1/orders/incidents", "orders", ORDERS, true, || get(v1::analysis::incidents)),
    route("/api/v1/orders/graph", "orders", ORDERS, true, || get(v1::analysis::graph)),
    route("/api/v1/orders/export", "export orders", ORDERS, true, || get(v1::analysis::export)),
    route("/api/v1/orders/reread", "reread orders", OPERATE, true, || post(v1::reread)),
    route("/api/v1/orders/{id}", "order", ORDERS, true, || get(v1::order)),
    route("/api/v1/objects/{type}/{id}", "order", ORDERS, true, || get(v1::object)),
    route("/api/v1/access/reveal", "reveal", REVEAL, true, || post(v1::reveal::reveal)),
    route("/auth/oidc", "login", Access::Open, false, || get(v1::elsewhere::providers)),
    route("/auth/oidc/{name}", "login", Access::Open, false, || get(v1::elsewhere::begin)),
    route("/auth/oidc/{name}/callback", "login", Access::Open, false, || get(v1::elsewhere::finish)),
    route("/api/v1/audit", "audit", AUDIT, true, || get(v1::audit::list)),
    route("/api/v1/audit/verify", "audit check", AUDIT, true, || get(v1::audit::verify)),
    route("/loki/api/v1/status/buildinfo", "buildinfo", Access::Open, false, || get(status::buildinfo)),
    route("/loki/api/v1/push", "push", PUSH, false, || post(loki::push_v1)),
    route("/api/prom/push", "push", PUSH, false, || post(loki::push_legacy)),
    route("/otlp/v1/logs", "push", PUSH, false, || post(loki::otlp)),
    route("/v1/logs", "push", PUSH, false, || post(loki::otlp_standard)),
    route(METHOD, "push", PUSH, false, || post(loki::otlp_grpc)),
    route("/loki/api/v1/query", "query", READ, true, || get(loki::query).post(loki::query)),
    route("/loki/api/v1/query_range", "query", READ, true, || get(loki::query_range).post(loki::query_range)),
    route("/loki/api/v1/labels", "labels", READ, true, || get(loki::labels).post(loki::labels)),
    route("/loki/api/v1/label", "labels", READ, true, || get(loki::labels).post(loki::labels)),
    route("/loki/api/v1/label/{name}/values", "labels", READ, true, || {
        get(loki::label_values).post(loki::label_values)
    }),
    route("/loki/api/v1/series", "series", READ, true, || get(loki::series).post(loki::series)),
    route("/loki/api/v1/index/stats", "stats", READ, true, || get(loki::stats).post(loki::stats)),
    route("/loki/api/v1/index/volume", "volume", READ, true, || get(loki::volume).post(loki::volume)),
    route("/loki/api/v1/index/volume_range", "volume", READ, true, || get(loki::volume_range).post(loki::volume_range)),
    route("/loki/api/v1/patterns", "patterns", READ, true, || get(loki::patterns).post(loki::patterns)),
    route("/loki/api/v1/detected_labels", "labels", READ, true, || {
        get(loki::detected_labels).post(loki::detected_labels)
    }),
    route("/loki/api/v1/detected_fields", "fields", READ, true, || {
        get(loki::detected_fields).post(loki::detected_fields)
    }),
    route("/loki/api/v1/detected_field/{name}/values", "fields", READ, true, || {
        get(loki::detected_values).post(loki::detected_values)
    }),
    route("/loki/api/v1/tail", "tail", READ, true, || get(loki::tail)),
    route("/api/prom/tail", "tail", READ, true, || get(loki::legacy::tail)),
    route("/api/prom/query", "query", READ, true, || get(loki::legacy::query).post(loki::legacy::query)),
    route("/loki/api/v1/drilldown-limits", "limits", READ, false, || get(loki::drilldown)),
    route("/config/tenant/v1/limits", "limits", READ, false, || get(loki::tenant_limits)),
    route("/config", "limits", STATUS, false, || get(loki::config)),
    route("/prometheus/api/v1/rules", "rules", READ, false, || get(loki::rules::groups)),
    route("/prometheus/api/v1/alerts", "rules", READ, false, || get(loki::rules::alerts)),
    route("/loki/api/v1/rules", "rules", READ, false, || get(loki::rules::list)),
    route("/loki/api/v1/rules/{namespace}", "rules", RULES, true, loki::rules::in_namespace),
    route("/loki/api/v1/rules/{namespace}/{group}", "rules", RULES, true, loki::rules::in_group),
    route("/api/prom/rules", "rules", READ, false, || get(loki::rules::list)),
    route("/api/prom/rules/{namespace}", "rules", RULES, true, loki::rules::in_namespace),
    route("/api/prom/rules/{namespace}/{group}", "rules", RULES, true, loki::rules::in_group),
    route("/api/v1/rules/test", "test rules", READ, true, || post(v1::rules::test)),
    route("/api/prom/label", "labels", READ, true, || get(loki::legacy::labels)),
    route("/api/prom/label/{name}/values", "labels", READ, true, || get(loki::legacy::label_values)),
    route("/api/prom/series", "series", READ, true, || get(loki::series)),
    route("/loki/api/v1/format_query", "format", READ, false, || get(loki::format_query).post(loki::format_query)),
    route("/loki/api/v1/delete", "delete", DELETE, true, || {
        get(loki::deletes).post(loki::delete).put(loki::delete).delete(loki::cancel_delete)
    }),
    route("/api/v1/login", "login", Access::Open, true, || post(login::login)),
    route("/api/v1/logout", "logout", Access::Caller, true, || post(login::logout)),
    route("/api/v1/me", "me", Access::Caller, false, || get(login::me)),
    route("/api/v1/me/password", "password", Access::Caller, true, || put(login::change_password)),
    route("/api/v1/users", "users", USERS, true, || get(access::users).post(access::add_user)),
    route("/api/v1/users/{name}", "users", USERS, true, || patch(access::change_user).delete(access::remove_user)),
    route("/api/v1/users/{name}/password", "password", USERS, true, || post(access::reset_password)),
    route("/api/v1/roles", "roles", USERS, true, || get(access::roles)),
    route("/api/v1/roles/{name}", "roles", USERS, true, || put(access::put_role).delete(access::remove_role)),
    route("/api/v1/policies", "policies", USERS, true, || get(access::policies)),
    route("/api/v1/policies/{name}", "policies", USERS, true, || put(access::put_policy).delete(access::remove_policy)),
    route("/api/v1/groups", "groups", USERS, true, || get(access::groups)),
    route("/api/v1/groups/{name}", "groups", USERS, true, || put(access::put_group).delete(access::remove_group)),
    route("/api/v1/tokens", "tokens", USERS, true, || get(access::tokens).post(access::add_token)),
    route("/api/v1/tokens/{name}", "tokens", USERS, true, || delete(access::remove_token)),
    route("/api/v1/access/explain", "explain access", USERS, true, || get(access::explain)),
    route("/api/v1/access/report", "report access", USERS, true, || get(access::report)),
    route("/api/v1/alerts", "alerts", READ, false, || get(alerts::alerts)),
    route("/api/v1/alerts/deliveries", "deliveries", STATUS, false, || get(alerts::deliveries)),
    route("/api/v1/alerts/test/{name}", "test alert", OPERATE, true, || post(alerts::test_send)),
    route("/api/v1/incidents", "incidents", READ, false, || get(alerts::incidents)),
    route("/api/v1/incidents/report", "incidents", READ, false, || get(alerts::report)),
    route("/api/v1/incidents/{id}", "incident", READ, false, || get(alerts::incident)),
    route("/api/v1/incidents/{id}/act", "incident", SILENCES, true, || post(alerts::act)),
    route("/api/v2/status", "buildinfo", READ, false, || get(v2::status)),
    route("/api/v2/receivers", "alerts", READ, false, || get(v2::receivers)),
    route("/api/v2/alerts", "alerts", READ, false, || get(v2::alerts).post(v2::take)),
    route("/api/v2/alerts/groups", "alerts", READ, false, || get(v2::groups)),
    route("/api/v2/silences", "silences", SILENCES, true, || get(v2::silences).post(v2::put_silence)),
    route("/api/v2/silence/{id}", "silences", SILENCES, true, || get(v2::silence).delete(v2::expire_silence)),
    route("/api/v1/explain", "query", READ, true, || get(loki::explain)),
    route("/api/v1/jobs", "jobs", STATUS, false, || get(v1::jobs)),
    route("/api/v1/jobs/{id}", "cancel job", OPERATE, true, || delete(v1::cancel_job)),
    route("/flush", "flush", OPERATE, true, || post(status::flush).get(status::flush)),
    route("/services", "services", STATUS, false, || get(status::services)),
];

/// The whole API: each route behind its guard, a panic in one request ends that request only.
pub(crate) fn router(app: &App) -> Router {
    guarded(app, ROUTES.iter())
}

/// What a listener for gRPC answers: pushes, and refusals in its own words.
pub(crate) fn grpc_router(app: &App) -> Router {
    guarded(app, ROUTES.iter().filter(|route| route.path == METHOD)).layer(map_response(loki::in_words_of_grpc))
}

fn guarded(app: &App, routes: impl Iterator<Item = &'static Route>) -> Router {
    let add = |router: Router<App>, route: &'static Route| {
        let guarded = (route.handler)().layer(from_fn_with_state((app.clone(), route), guard));
        router.route(route.path, guarded)
    };
    routes
        .fold(Router::new(), add)
        .fallback(status::not_found)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(app.shield.clone(), shield))
        .with_state(app.clone())
}

#[cfg(test)]
mod leaks;
#[cfg(test)]
mod tests;
