//! The door for people: login with a cookie, logout, who am I, another password.

use auth::{AuditEvent, AuditSink as _, LoggedIn, Outcome, Permissions, server_wide};
use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use logline::Timestamp;
use serde::{Deserialize, Serialize};
use stdx::Secret;

use super::json::Body;
use crate::app::App;
use crate::http::guard::{Asker, SESSION_COOKIE};
use crate::http::{HttpError, Peer};

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
    /// Whether they are logged in, so that a logout ends something.
    #[serde(default)]
    pub(crate) session: bool,
}

/// Logs somebody in: the answer carries the cookie of the session.
pub(crate) async fn login(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Body(asked): Body<Login>,
) -> Result<Response, HttpError> {
    let address = app.shield.client(&peer, &headers);
    let typed = app.access.known(&asked.name).unwrap_or_else(|| audited(&asked.name));
    let note = |who: &str, outcome, detail: String| {
        app.audit.record(AuditEvent::new(who, server_wide(), "login", detail, outcome).at(Some(address)));
    };
    // Whoever guesses waits, before a password is looked at; so does whoever is guessed about, but not long.
    if let Err(wait) = app.attempts.admit(address, &asked.name) {
        app.usage.count(&typed, &server_wide(), "login too soon", Some(address), Outcome::Denied);
        return Err(HttpError::busy("too many wrong passwords; try again later", wait));
    }
    let done = app.access.login(&asked.name, &asked.password).await;
    match &done {
        Ok(done) => {
            app.attempts.succeeded(&asked.name);
            note(&done.identity.name, Outcome::Allowed, done.identity.provider.clone());
        }
        Err(error) => {
            app.attempts.failed(address, &asked.name);
            // Looked for whoever it is: how long an answer takes says nothing.
            let locked = app.access.locked_until(&asked.name).await.ok().flatten();
            let until =
                |until| format!("the account is locked until {}", jiff::Timestamp::from(Timestamp::from(until)));
            note(&typed, Outcome::Denied, locked.map_or_else(|| error.to_string(), until));
        }
    }
    entered(&app, &done?)
}

/// Who failed to log in may have written a password where the name belongs: of names that are not ours only what can be
/// one is kept.
fn audited(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.' | '@');
    if name.len() <= 64 && name.chars().all(plain) { name.to_owned() } else { "?".to_owned() }
}

/// Ends the session. Who came from a provider where they are to log out as well is told where that is.
pub(crate) async fn logout(State(app): State<App>, Asker(caller): Asker) -> Result<Response, HttpError> {
    let from = app.access.logout(&caller).await?;
    let gone = [(header::SET_COOKIE, cookie(&app, "", 0)?)];
    let elsewhere = match from.and_then(|name| app.providers.get(&name)) {
        Some(provider) => provider.logout().await,
        None => None,
    };
    Ok(match elsewhere {
        Some(url) => (gone, Json(serde_json::json!({"continue_at": url}))).into_response(),
        None => (StatusCode::NO_CONTENT, gone).into_response(),
    })
}

/// Who asks, and what they may do.
pub(crate) async fn me(Asker(caller): Asker) -> Json<Me> {
    Json(Me {
        name: caller.principal().to_owned(),
        roles: caller.roles().map(str::to_owned).collect(),
        permissions: caller.permissions().clone(),
        tenant: caller.tenant().as_str().to_owned(),
        must_change_password: caller.must_change_password(),
        session: caller.session().is_some(),
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

/// The answer with the cookie of a new session.
pub(super) fn entered(app: &App, done: &LoggedIn) -> Result<Response, HttpError> {
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
