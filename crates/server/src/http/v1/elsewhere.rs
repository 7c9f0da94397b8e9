//! Logins with a provider elsewhere (OpenID Connect): there with a redirect, and back with a code.

use std::net::IpAddr;

use auth::{Answer, AuditEvent, OidcError, Outcome};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde_json::json;
use stdx::Secret;

use super::login::entered;
use crate::app::App;
use crate::http::{Form, HttpError, Peer};

/// A login under way, in the browser in which it was begun.
const COOKIE: &str = "lapidary_login";
/// How long a person may take there.
const SECONDS: u64 = 600;

/// Names of the providers, for the page of the login.
pub(crate) async fn providers(State(app): State<App>) -> Json<serde_json::Value> {
    Json(json!({"providers": app.providers.keys().collect::<Vec<_>>()}))
}

/// Sends a person to a provider.
pub(crate) async fn begin(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, HttpError> {
    let provider = app.providers.get(&name).ok_or_else(unknown)?;
    let from = app.shield.client(&peer, &headers);
    let begun = provider.begin(form.get("return_to").unwrap_or("/")).await;
    let begun = begun.map_err(|error| told(&app, from, &name, &error))?;
    sent(begun.url.as_str(), &[cookie(&app, begun.browser.reveal(), SECONDS)?])
}

/// Takes a person back.
pub(crate) async fn finish(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, HttpError> {
    let provider = app.providers.get(&name).ok_or_else(unknown)?;
    let from = app.shield.client(&peer, &headers);
    let text = |name: &str| form.get(name).map(str::to_owned);
    let answer =
        Answer { state: text("state"), code: text("code").map(Secret::new), error: text("error"), issuer: text("iss") };
    let finished = provider.finish(answer, browser(&headers)).await.map_err(|error| told(&app, from, &name, &error))?;
    let who = finished.identity.name.clone();
    let done = app.access.begin_session(finished.identity, Some(finished.session)).await;
    let outcome = if done.is_ok() { Outcome::Allowed } else { Outcome::Denied };
    note(&app, from, &who, &name, outcome);
    let session = entered(&app, &done?)?;
    let mut cookies = vec![cookie(&app, "", 0)?];
    cookies.extend(session.headers().get(header::SET_COOKIE).cloned());
    sent(&finished.return_to, &cookies)
}

fn sent(to: &str, cookies: &[HeaderValue]) -> Result<Response, HttpError> {
    let to = HeaderValue::try_from(to).map_err(|error| HttpError::internal(&error))?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// The provider sends people back from its site: the cookie must come along with that, but with nothing else.
fn cookie(app: &App, value: &str, seconds: u64) -> Result<HeaderValue, HttpError> {
    let secure = if app.is_secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/auth/oidc; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut cookie = HeaderValue::try_from(text).map_err(|error| HttpError::internal(&error))?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

fn browser(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn unknown() -> HttpError {
    HttpError::new(StatusCode::NOT_FOUND, "no provider of logins has this name")
}

fn told(app: &App, from: IpAddr, provider: &str, error: &OidcError) -> HttpError {
    note(app, from, "?", &format!("{provider}: {error}"), Outcome::Denied);
    match error {
        OidcError::Provider(error) => {
            tracing::warn!(%error, "a login elsewhere failed");
            HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "the provider of logins cannot be asked now, try again")
        }
        OidcError::Code => HttpError::new(StatusCode::UNAUTHORIZED, error.to_string()),
        error => HttpError::forbidden(error.to_string()),
    }
}

fn note(app: &App, from: IpAddr, who: &str, detail: &str, outcome: Outcome) {
    use auth::AuditSink as _;
    let event = AuditEvent::new(who, auth::server_wide(), "login", detail, outcome);
    app.audit.record(event.at(Some(from)));
}
