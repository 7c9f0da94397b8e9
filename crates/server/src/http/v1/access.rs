//! Users, roles, policies, groups and tokens; who can see what, and why.

use std::time::{Duration, SystemTime};

use auth::{Explained, Group, Listed, NewToken, NewUser, Policy, Report, Role, User, UserChange};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use storage::TimeRange;

use super::json::Noted;
use crate::app::App;
use crate::http::guard::Asker;
use crate::http::{Form, HttpError};

/// How far back services and streams are looked for.
const LOOKBACK: Duration = Duration::from_secs(7 * 86_400);
/// Streams that are judged one by one, at most.
const MOST_STREAMS: usize = 500;

/// Nothing that is told here may be kept by anybody on the way.
const NOT_KEPT: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// A user without the hash of their password.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownUser {
    pub(crate) name: String,
    pub(crate) display: String,
    pub(crate) roles: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) disabled: bool,
    pub(crate) must_change_password: bool,
    pub(crate) created: String,
    pub(crate) failures: u32,
    pub(crate) locked_until: Option<String>,
}

/// A token without its secret.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownToken {
    pub(crate) name: String,
    pub(crate) source: auth::Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<String>,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    pub(crate) permissions: Vec<String>,
    #[serde(default)]
    pub(crate) services: Vec<String>,
    #[serde(default)]
    pub(crate) tenants: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_used: Option<String>,
}

/// A list of things with names.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
}

/// A secret that is told this once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) secret: String,
}

type Kept<T> = ([(HeaderName, &'static str); 1], Json<T>);

fn text(time: SystemTime) -> String {
    jiff::Timestamp::from(logline::Timestamp::from(time)).to_string()
}

fn shown(user: User) -> ShownUser {
    ShownUser {
        name: user.name,
        display: user.display,
        roles: user.roles,
        groups: user.groups,
        disabled: user.disabled,
        must_change_password: user.must_change,
        created: text(user.created),
        failures: user.failures,
        locked_until: user.locked_until.map(text),
    }
}

fn told(name: &str, secret: &stdx::Secret<String>) -> Kept<Told> {
    (NOT_KEPT, Json(Told { name: name.to_owned(), secret: secret.reveal().clone() }))
}

/// People with a password of ours.
pub(crate) async fn users(State(app): State<App>) -> Result<Json<List<ShownUser>>, HttpError> {
    Ok(Json(List { items: app.access.users().await?.into_iter().map(shown).collect() }))
}

/// Adds one; the answer tells the password to use once.
pub(crate) async fn add_user(State(app): State<App>, Noted(new): Noted<NewUser>) -> Result<Kept<Told>, HttpError> {
    let name = new.name.clone();
    Ok(told(&name, &app.access.add_user(new).await?))
}

/// Changes one.
pub(crate) async fn change_user(
    State(app): State<App>,
    Path(name): Path<String>,
    Noted(change): Noted<UserChange>,
) -> Result<Json<ShownUser>, HttpError> {
    Ok(Json(shown(app.access.change_user(&name, change).await?)))
}

/// Removes one.
pub(crate) async fn remove_user(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, HttpError> {
    app.access.remove_user(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Another password to use once.
pub(crate) async fn reset_password(State(app): State<App>, Path(name): Path<String>) -> Result<Kept<Told>, HttpError> {
    Ok(told(&name, &app.access.reset_password(&name).await?))
}

/// Roles, built in and declared.
pub(crate) async fn roles(State(app): State<App>) -> Json<List<Listed<Role>>> {
    Json(List { items: app.access.roles() })
}

/// Declares a role.
pub(crate) async fn put_role(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    Noted(role): Noted<Role>,
) -> Result<StatusCode, HttpError> {
    app.access.put_role(&name, &role, caller.principal()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a role.
pub(crate) async fn remove_role(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, HttpError> {
    app.access.remove_role(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Policies, built in and declared.
pub(crate) async fn policies(State(app): State<App>) -> Json<List<Listed<Policy>>> {
    Json(List { items: app.access.policies() })
}

/// Declares a policy.
pub(crate) async fn put_policy(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    Noted(policy): Noted<Policy>,
) -> Result<StatusCode, HttpError> {
    app.access.put_policy(&name, &policy, caller.principal()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a policy.
pub(crate) async fn remove_policy(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, HttpError> {
    app.access.remove_policy(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Groups of directories, and the roles of their members.
pub(crate) async fn groups(State(app): State<App>) -> Json<List<Listed<Group>>> {
    Json(List { items: app.access.groups() })
}

/// Declares the roles of a group.
pub(crate) async fn put_group(
    State(app): State<App>,
    Asker(caller): Asker,
    Path(name): Path<String>,
    Noted(group): Noted<Group>,
) -> Result<StatusCode, HttpError> {
    app.access.put_group(&name, &group, caller.principal()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a group.
pub(crate) async fn remove_group(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, HttpError> {
    app.access.remove_group(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tokens, those of the configuration by name only.
pub(crate) async fn tokens(State(app): State<App>) -> Result<Json<List<ShownToken>>, HttpError> {
    let (stored, declared) = app.access.tokens().await?;
    let of_file = |name| ShownToken {
        name,
        source: auth::Source::File,
        owner: None,
        roles: Vec::new(),
        permissions: Vec::new(),
        services: Vec::new(),
        tenants: Vec::new(),
        created: None,
        expires: None,
        last_used: None,
    };
    let of_state = |token: auth::StoredToken| ShownToken {
        source: auth::Source::State,
        owner: Some(token.owner),
        roles: token.roles,
        permissions: token.permissions,
        services: token.services,
        tenants: token.tenants,
        created: Some(text(token.created)),
        expires: token.expires.map(text),
        last_used: token.last_used.map(text),
        name: token.name,
    };
    Ok(Json(List { items: declared.into_iter().map(of_file).chain(stored.into_iter().map(of_state)).collect() }))
}

/// Makes a token; the answer tells its secret.
pub(crate) async fn add_token(
    State(app): State<App>,
    Asker(caller): Asker,
    Noted(new): Noted<NewToken>,
) -> Result<Kept<Told>, HttpError> {
    let name = new.name.clone();
    Ok(told(&name, &app.access.add_token(new, caller.principal()).await?))
}

/// Removes a token.
pub(crate) async fn remove_token(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, HttpError> {
    app.access.remove_token(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What somebody may do and see of the caller's tenant, and why. Streams that a query selects are judged one by one, of
/// those that the caller sees.
pub(crate) async fn explain(
    State(app): State<App>,
    Asker(caller): Asker,
    form: Form,
) -> Result<Json<Explained>, HttpError> {
    let user = form.get("user").ok_or_else(|| HttpError::bad_request("`user` is missing: whose rights?"))?;
    let mut streams = Vec::new();
    if let Some(query) = form.get("query") {
        let selector = match logql::parse(query) {
            Ok(logql::Expr::Log(log)) => log.selector.to_string(),
            Ok(logql::Expr::Metric(_)) => {
                return Err(HttpError::bad_request("`query` must be a log query, such as {app=\"shop\"}"));
            }
            Err(error) => return Err(HttpError::bad_request(error.to_string())),
        };
        streams = app.engine.series(&caller.scope(), recent(&app), &[selector]).await?;
        streams.truncate(MOST_STREAMS);
    }
    Ok(Json(app.access.explain(user, caller.tenant(), &streams).await?))
}

/// Who can see which of the services that the caller sees.
pub(crate) async fn report(State(app): State<App>, Asker(caller): Asker) -> Result<Json<Report>, HttpError> {
    let services = app.engine.label_values(&caller.scope(), "service_name", recent(&app), None).await?;
    Ok(Json(app.access.report(caller.tenant(), &services).await?))
}

fn recent(app: &App) -> TimeRange {
    let now = app.now();
    TimeRange { start: now.before(LOOKBACK), end: now.after(Duration::from_secs(1)) }
}
