//! The door for people: login with a cookie, logout, who am I, another password.

use auth::{AuditEvent, LoggedIn, Outcome, Permissions};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use stdx::Secret;

use super::json::Body;
use crate::app::App;
use crate::http::HttpError;
use crate::http::guard::{Asker, SESSION_COOKIE};

/// Name and password.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    name: String,
    password: Secret<String>,
}

/// The old password and the new one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    old: Secret<String>,
    new: Secret<String>,
}

/// Who somebody is and what they may do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Me {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) tenant: String,
    pub(crate) must_change_password: bool,
}

/// Logs somebody in: the answer carries the cookie of the session.
pub(crate) async fn login(State(app): State<App>, Body(asked): Body<Login>) -> Result<Response, HttpError> {
    let done = app.access.login(&asked.name, &asked.password).await;
    app.audit.record(AuditEvent {
        principal: audited(&asked.name, done.is_ok()),
        tenant: auth::Access::tenant_of_logins(),
        action: "login",
        detail: done.as_ref().map_or_else(|error| error.to_string(), |done| done.identity.provider.clone()),
        outcome: if done.is_ok() { Outcome::Allowed } else { Outcome::Denied },
    });
    entered(&app, &done?)
}

/// Who failed to log in may have written a password where the name belongs: only what can be a name is kept.
fn audited(name: &str, is_known: bool) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.' | '@');
    if is_known || (name.len() <= 64 && name.chars().all(plain)) { name.to_owned() } else { "?".to_owned() }
}

/// Ends the session.
pub(crate) async fn logout(State(app): State<App>, Asker(caller): Asker) -> Result<Response, HttpError> {
    app.access.logout(&caller).await?;
    let gone = cookie(&app, "", 0)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Who asks, and what they may do.
pub(crate) async fn me(Asker(caller): Asker) -> Json<Me> {
    Json(Me {
        name: caller.principal().to_owned(),
        roles: caller.roles().map(str::to_owned).collect(),
        permissions: caller.permissions().clone(),
        tenant: caller.tenant().as_str().to_owned(),
        must_change_password: caller.must_change_password(),
    })
}

/// Another password; all sessions end and a new one begins.
pub(crate) async fn change_password(
    State(app): State<App>,
    Asker(caller): Asker,
    Body(asked): Body<PasswordChange>,
) -> Result<Response, HttpError> {
    entered(&app, &app.access.change_password(&caller, &asked.old, &asked.new).await?)
}

fn entered(app: &App, done: &LoggedIn) -> Result<Response, HttpError> {
    let lasts = done.expires.duration_since(app.clock.now()).unwrap_or_default();
    let cookie = cookie(app, done.id.reveal(), lasts.as_secs())?;
    let body = serde_json::json!({"name": done.identity.name, "must_change_password": done.must_change});
    Ok(([(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body))
        .into_response())
}

/// No script reads it, no other site sends it.
fn cookie(app: &App, id: &str, seconds: u64) -> Result<HeaderValue, HttpError> {
    let secure = if app.is_secure { "; Secure" } else { "" };
    let text = format!("{SESSION_COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::try_from(text).map_err(|error| HttpError::internal(&error))?;
    value.set_sensitive(true);
    Ok(value)
}
