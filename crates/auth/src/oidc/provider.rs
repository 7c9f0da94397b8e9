//! The provider over HTTP: what it tells of itself, its keys, tokens for codes. Every answer has a deadline and a size.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use jsonwebtoken::jwk::Jwk;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use stdx::{Clock, Secret};
use tls::Renewed;
use url::Url;

use super::claims::{self, Claims, Expected};
use super::{OidcError, OidcSettings};
use crate::ProviderError;

/// How long what the provider tells of itself, and its keys, are believed.
const KEPT: Duration = Duration::from_secs(3_600);
/// A key that is not known has the keys asked for again, but not more often than this.
const AGAIN: Duration = Duration::from_secs(60);
/// The largest answer.
const LARGEST: usize = 1 << 20;
/// Keys that are looked at.
const MOST_KEYS: usize = 100;

/// What a provider tells of itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Found {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    pub(super) end_session_endpoint: Option<Url>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// What a code is worth.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub(super) id_token: Secret<String>,
    access_token: Option<Secret<String>>,
}

/// Why a code is worth nothing (RFC 6749, 5.2).
#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    error: String,
}

/// Asks the provider.
#[derive(Debug)]
pub(super) struct Provider {
    name: String,
    issuer: String,
    client: Renewed<Client>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    found: Option<(Instant, Arc<Found>)>,
    keys: Option<(Instant, Arc<Vec<Jwk>>)>,
}

impl Provider {
    pub(super) fn new(settings: &OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, tls::Problem> {
        let (files, timeout) = (settings.tls.clone(), settings.timeout);
        let make = move |pem: &tls::Pem| {
            // A redirect would carry secrets to another place than the one that was configured.
            let builder = Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none());
            tls::http_client(builder, &files, pem)?.build().map_err(|_| files.bad_own())
        };
        let client = Renewed::new(settings.name.clone(), settings.tls.clone(), Arc::clone(&clock), make)?;
        let (name, issuer) = (settings.name.clone(), settings.issuer.clone());
        Ok(Self { name, issuer, client, clock, known: Mutex::default() })
    }

    /// What it tells of itself.
    pub(super) async fn found(&self) -> Result<Arc<Found>, ProviderError> {
        if let Some(found) = self.fresh(|known| known.found.clone(), KEPT) {
            return Ok(found);
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let found: Found = self.json(self.client.get().get(url)).await?;
        if found.issuer != self.issuer {
            return Err(self.failed("it calls itself other than `issuer` says"));
        }
        let endpoints = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        let in_clear = |url: &Url| {
            url.scheme() != "https" && !(url.scheme() == "http" && url.host_str().is_some_and(tls::is_loopback))
        };
        if endpoints.into_iter().chain(&found.userinfo_endpoint).chain(&found.end_session_endpoint).any(in_clear) {
            return Err(self.failed("it wants secrets to be sent in clear"));
        }
        let found = Arc::new(found);
        self.lock().found = Some((self.clock.instant(), Arc::clone(&found)));
        Ok(found)
    }

    /// The claims of a token, if it holds. A key that is not known may be new.
    pub(super) async fn verified(&self, token: &Secret<String>, expected: &Expected<'_>) -> Result<Claims, OidcError> {
        let id = claims::key_id(token.reveal())?;
        for age in [KEPT, AGAIN] {
            let keys = self.keys(age).await?;
            if let Some(key) = claims::key(&keys, id.as_deref()) {
                return claims::verify(token.reveal(), key, expected, self.clock.now());
            }
        }
        Err(OidcError::Invalid("it is signed with a key that the provider does not have"))
    }

    /// Its keys, asked for again when they are older than this.
    async fn keys(&self, age: Duration) -> Result<Arc<Vec<Jwk>>, ProviderError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        if let Some(keys) = self.fresh(|known| known.keys.clone(), age) {
            return Ok(keys);
        }
        let url = self.found().await?.jwks_uri.clone();
        let set: Set = self.json(self.client.get().get(url)).await?;
        // Keys of kinds that are not known are none of ours.
        let keys = set.keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key).ok());
        let keys = Arc::new(keys.collect::<Vec<Jwk>>());
        self.lock().keys = Some((self.clock.instant(), Arc::clone(&keys)));
        Ok(keys)
    }

    /// Trades a code for tokens.
    pub(super) async fn redeem(
        &self,
        settings: &OidcSettings,
        code: &Secret<String>,
        verifier: &str,
    ) -> Result<Tokens, OidcError> {
        let found = self.found().await?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.reveal()),
            ("redirect_uri", settings.redirect.as_str()),
            ("code_verifier", verifier),
        ];
        let mut request = self.client.get().post(found.token_endpoint.clone());
        let methods = &found.token_endpoint_auth_methods_supported;
        let basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        match &settings.client_secret {
            // RFC 6749, 2.3.1: both are written as in a form first.
            Some(secret) if basic => {
                request = request.basic_auth(encoded(&settings.client_id), Some(encoded(secret.reveal())));
            }
            Some(secret) => {
                form.extend([("client_id", settings.client_id.as_str()), ("client_secret", secret.reveal())])
            }
            None => form.push(("client_id", &settings.client_id)),
        }
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let answer = self.answer(request.header(kind.0, kind.1).body(body)).await?;
        if answer.status() == StatusCode::BAD_REQUEST {
            // Only what is wrong with the code is told to people; all else is a matter of the configuration.
            let refused: Refused = self.read(answer).await.unwrap_or_default();
            return Err(match refused.error.as_str() {
                "invalid_grant" => OidcError::Code,
                _ => self.failed("it answers 400 Bad Request").into(),
            });
        }
        Ok(self.success(answer).await?)
    }

    /// Adds what the provider tells apart from the token, about the same person.
    pub(super) async fn add_user_info(&self, tokens: &Tokens, claims: &mut Claims) -> Result<(), OidcError> {
        let (Some(url), Some(token)) = (self.found().await?.userinfo_endpoint.clone(), &tokens.access_token) else {
            return Ok(());
        };
        let info: Map<String, Value> = self.json(self.client.get().get(url).bearer_auth(token.reveal())).await?;
        if info.get("sub").and_then(Value::as_str) != Some(&claims.subject) {
            return Err(OidcError::Invalid("it tells of somebody else"));
        }
        claims.add(info);
        Ok(())
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ProviderError> {
        self.success(self.answer(request).await?).await
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        request.header("accept", "application/json").send().await.map_err(|error| self.away(error))
    }

    async fn success<T: DeserializeOwned>(&self, answer: Response) -> Result<T, ProviderError> {
        let status = answer.status();
        if !status.is_success() {
            return Err(self.failed(&format!("it answers {status}")));
        }
        self.read(answer).await
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, ProviderError> {
        let (mut body, mut chunks) = (Vec::new(), answer.bytes_stream());
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(|error| self.away(error))?);
            if body.len() > LARGEST {
                return Err(self.failed("its answer is too large"));
            }
        }
        serde_json::from_slice(&body).map_err(|_| self.failed("its answer cannot be read"))
    }

    fn fresh<T>(&self, of: impl Fn(&Known) -> Option<(Instant, T)>, age: Duration) -> Option<T> {
        let (at, known) = of(&self.lock())?;
        (self.clock.instant().saturating_duration_since(at) < age).then_some(known)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Addresses may hold secrets.
    fn away(&self, error: reqwest::Error) -> ProviderError {
        self.failed(&error.without_url().to_string())
    }

    fn failed(&self, reason: &str) -> ProviderError {
        ProviderError { provider: self.name.clone(), reason: reason.to_owned() }
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
