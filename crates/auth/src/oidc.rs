//! OpenID Connect: people log in elsewhere and come back with a code. Authorization code flow with PKCE (S256), state and
//! nonce; a login that was begun in one browser ends in no other.
//!
//! A login under way is kept by the browser alone, in a cookie, so that it may end on another node. State, nonce and
//! verifier follow from the cookie's secret: whoever reads the address at the provider has none of it.

mod claims;
mod provider;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::digest::{SHA256, digest};
use stdx::{Clock, Secret, entropy};
use tls::Tls;
use url::Url;

use self::claims::Expected;
use self::provider::Provider;
use crate::{Identity, ProviderError};

/// How long a person may take to log in elsewhere.
const PATIENCE: Duration = Duration::from_secs(600);
/// The longest path that people come back to: it must fit into a cookie.
const LONGEST_PATH: usize = 2_000;

/// A provider, as it is configured.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its name in addresses, sessions and the audit trail.
    pub name: String,
    /// Its address; must be exactly what it calls itself.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What we show it; none for a public client.
    pub client_secret: Option<Secret<String>>,
    /// Where it sends people back to.
    pub redirect: Url,
    /// What is asked for, `openid` besides.
    pub scopes: Vec<String>,
    /// The claim that a person is called by here.
    pub name_claim: String,
    /// The claim with their groups.
    pub groups_claim: String,
    /// Who vouches for it.
    pub tls: Tls,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How far its clock may be from ours.
    pub skew: Duration,
    /// How long a session lasts at most, and so how old its groups become: they cannot be asked for again.
    pub session: Duration,
    /// Where it sends people back to who log out, if they are to log out there as well.
    pub after_logout: Option<Url>,
}

/// Lets people log in with one provider.
#[derive(Debug)]
pub struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    clock: Arc<dyn Clock>,
}

/// A login that was begun, as the browser keeps it.
#[derive(Debug)]
struct Pending<'a> {
    /// The whole cookie.
    text: &'a str,
    /// Seconds since 1970.
    begun: u64,
    return_to: String,
}

/// Where to send a person, and what their browser must bring back.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The provider's page.
    pub url: Url,
    /// For a cookie of the browser.
    pub browser: Secret<String>,
}

/// Somebody who has logged in.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Who it is.
    pub identity: Identity,
    /// The page they wanted to see.
    pub return_to: String,
    /// How long their session lasts at most.
    pub session: Duration,
}

/// Why a login did not succeed. Its text is for people; it holds no code and no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider was not reached, or says what it must not.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The person was refused there, or went back.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// Nobody here began this login, not lately, or in another browser.
    #[error("this login was not begun here, or took too long; begin again")]
    Unknown,
    /// The provider does not take the code: it was used already, is too old, or belongs to another login.
    #[error("the login was used already or took too long; begin again")]
    Code,
    /// What the provider says of the person does not hold.
    #[error("the provider's answer does not hold: {0}")]
    Invalid(&'static str),
}

/// What the provider sends a person back with.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// `state`.
    pub state: Option<String>,
    /// `code`.
    pub code: Option<Secret<String>>,
    /// `error`.
    pub error: Option<String>,
    /// `iss` (RFC 9207).
    pub issuer: Option<String>,
}

impl Oidc {
    /// Reads the certificates; asks nobody yet. Blocks on the disk.
    pub fn new(settings: OidcSettings, clock: Arc<dyn Clock>) -> Result<Self, tls::Problem> {
        let provider = Provider::new(&settings, Arc::clone(&clock))?;
        Ok(Self { settings, provider, clock })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Begins a login. `return_to` is a path of ours.
    pub async fn begin(&self, return_to: &str) -> Result<Begun, OidcError> {
        let found = self.provider.found().await?;
        let path =
            Some(own_path(return_to)).filter(|path| path.len() <= LONGEST_PATH).unwrap_or_else(|| "/".to_owned());
        let browser = format!("{}.{}.{}", random()?, self.now(), BASE64_URL_SAFE_NO_PAD.encode(path));
        let [state, nonce, verifier] = self.derived(&browser);
        let mut url = found.authorization_endpoint.clone();
        let scope = self.settings.scopes.iter().filter(|scope| *scope != "openid");
        let scope = std::iter::once("openid").chain(scope.map(String::as_str)).collect::<Vec<_>>().join(" ");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", self.settings.redirect.as_str())
            .append_pair("scope", &scope)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(Begun { url, browser: Secret::new(browser) })
    }

    /// Ends a login: in the browser in which it was begun, and soon enough. Its code is good for once, at the provider.
    pub async fn finish(&self, answer: Answer, browser: Option<&str>) -> Result<Finished, OidcError> {
        let pending = browser.and_then(Pending::read).ok_or(OidcError::Unknown)?;
        let [state, nonce, verifier] = self.derived(pending.text);
        // Hashes are compared in the same time whatever they are.
        let hash = |text: &str| blake3::hash(text.as_bytes());
        let same = answer.state.as_deref().is_some_and(|answered| hash(answered) == hash(&state));
        // Another node's clock may be a little ahead.
        let (now, skew) = (self.now(), self.settings.skew.as_secs());
        if !same || pending.begun > now + skew || now.saturating_sub(pending.begun) > PATIENCE.as_secs() {
            return Err(OidcError::Unknown);
        }
        if answer.issuer.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(OidcError::Invalid("it comes from another provider"));
        }
        if let Some(error) = answer.error {
            return Err(OidcError::Refused(plain(&error)));
        }
        let code = answer.code.ok_or(OidcError::Invalid("there is no code in it"))?;
        let tokens = self.provider.redeem(&self.settings, &code, &verifier).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client: &self.settings.client_id,
            nonce: &nonce,
            skew: self.settings.skew,
        };
        let mut claims = self.provider.verified(&tokens.id_token, &expected).await?;
        if claims.get(&self.settings.groups_claim).is_none() || claims.get(&self.settings.name_claim).is_none() {
            self.provider.add_user_info(&tokens, &mut claims).await?;
        }
        let name = claims.text(&self.settings.name_claim);
        let identity = Identity {
            provider: self.settings.name.clone(),
            subject: claims.subject.clone(),
            name: name.ok_or(OidcError::Invalid("it does not say what the person is called"))?,
            groups: claims.texts(&self.settings.groups_claim)?,
        };
        Ok(Finished { identity, return_to: pending.return_to, session: self.settings.session })
    }

    /// Where a person ends their session at the provider as well (OpenID Connect RP-Initiated Logout); none if that is
    /// not wanted, or the provider knows no such place or cannot be asked.
    pub async fn logout(&self) -> Option<Url> {
        let back = self.settings.after_logout.as_ref()?;
        let mut url = self.provider.found().await.ok()?.end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", back.as_str());
        Some(url)
    }

    /// State, nonce and verifier of the login whose cookie this is.
    fn derived(&self, cookie: &str) -> [String; 3] {
        let of = |context: &str| {
            let mut hasher = blake3::Hasher::new_derive_key(context);
            // Names of providers have no NUL.
            hasher.update(self.settings.name.as_bytes()).update(b"\0").update(cookie.as_bytes());
            BASE64_URL_SAFE_NO_PAD.encode(hasher.finalize().as_bytes())
        };
        [of("lapidary oidc state"), of("lapidary oidc nonce"), of("lapidary oidc verifier")]
    }

    fn now(&self) -> u64 {
        self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl<'a> Pending<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (_, rest) = text.split_once('.')?;
        let (begun, path) = rest.split_once('.')?;
        let path = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(path).ok()?).ok()?;
        // Cookies may be set by other pages of the same domain.
        Some(Self { text, begun: begun.parse().ok()?, return_to: own_path(&path) })
    }
}

/// What nobody can guess.
fn random() -> Result<String, OidcError> {
    let bytes = entropy::<32>().map_err(|_| OidcError::Invalid("the operating system gives no randomness"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// What is told of the verifier at first (RFC 7636).
fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// A path of ours as it stands in a header; the start page if it leads elsewhere, as a browser would understand it.
fn own_path(path: &str) -> String {
    let ours = Url::parse("http://ours.invalid/").ok().filter(|_| path.starts_with('/'));
    let url = ours.and_then(|ours| ours.join(path).ok());
    let path = url.as_ref().and_then(|url| url.as_str().strip_prefix("http://ours.invalid/"));
    format!("/{}", path.filter(|path| !path.starts_with('/')).unwrap_or_default())
}

/// Words of others, for our pages and logs.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ')).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn nobody_is_sent_to_another_site_after_a_login() {
        assert_eq!(own_path("/orders/1?a=b#c"), "/orders/1?a=b#c");
        assert_eq!(own_path("/explore?q=имя 1"), "/explore?q=%D0%B8%D0%BC%D1%8F%201", "a header takes ASCII alone");
        let elsewhere =
            ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/.//evil.example"];
        for path in elsewhere.into_iter().chain(["", "x", "//ours.invalid@evil.example", "///"]) {
            assert_eq!(own_path(path), "/", "{path}");
        }
    }

    #[test]
    fn an_error_of_theirs_cannot_break_out_of_ours() {
        assert_eq!(plain("access_denied<script>\r\n"), "access_deniedscript");
    }
}
