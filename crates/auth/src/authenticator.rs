//! From a request's credentials to a caller, as far as memory alone can tell: tokens, or nobody at all on loopback.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use logline::Tenant;
use stdx::{Clock, Secret, SystemClock};

use crate::model::{Declared, Holder, Invalid, KnownToken, Model};
use crate::rights::Rights;
use crate::{Caller, Denied, Identity, NamePattern, Names, Permissions};

/// Tokens shorter than this are refused: they can be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// Tokens whose last use waits to be written.
const MAX_USES: usize = 10_000;

/// A token as the configuration names it.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// Who uses it; stands in the audit trail.
    pub name: String,
    /// The secret itself; empty for those who show a certificate.
    pub secret: Secret<String>,
    /// Names of certificates that do instead of it.
    pub certificates: Vec<NamePattern>,
    /// The tenants it may choose with `X-Scope-OrgID`; the first is taken when none is named.
    pub tenants: Vec<Tenant>,
    /// Its roles.
    pub roles: Vec<String>,
    /// The services whose lines it may read, `*` for any letters. With roles: no more than these of what they show.
    pub services: Vec<String>,
    /// What it may do. With roles: no more than this of what they permit, if anything stands here.
    pub permissions: Permissions,
}

/// What a request brings along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header: `Bearer <token>`, or `Basic` with the token as password (any user name).
    pub authorization: Option<&'a str>,
    /// The id of the session, from its cookie.
    pub session: Option<&'a str>,
    /// The `X-Scope-OrgID` header.
    pub org_id: Option<&'a str>,
    /// On whose behalf a token with the permission `impersonate` asks: the `X-Grafana-User` header.
    pub user: Option<&'a str>,
    /// The names in the certificate that the connection showed.
    pub certificate: Option<&'a Names>,
}

/// Recognises the bearers of tokens.
#[derive(Debug)]
pub struct Authenticator {
    is_open: bool,
    model: RwLock<Arc<Model>>,
    clock: Arc<dyn Clock>,
    uses: Mutex<HashMap<String, SystemTime>>,
}

impl Authenticator {
    fn new(is_open: bool, model: Model, clock: Arc<dyn Clock>) -> Self {
        Self { is_open, model: RwLock::new(Arc::new(model)), clock, uses: Mutex::default() }
    }

    /// Lets everybody do everything; the server permits it on loopback only. `X-Scope-OrgID` chooses the tenant.
    pub fn anybody() -> Self {
        Self::new(true, Model::default(), Arc::new(SystemClock))
    }

    /// Knows these tokens and nobody else; reports everything that is wrong with them.
    pub fn with_tokens(tokens: Vec<Token>) -> Result<Self, Vec<Invalid>> {
        Self::with(&Declared { tokens, ..Declared::default() }, Arc::new(SystemClock))
    }

    /// Knows what is declared here and nothing else; reports everything that is wrong with it.
    pub fn with(declared: &Declared, clock: Arc<dyn Clock>) -> Result<Self, Vec<Invalid>> {
        Ok(Self::new(false, declared.model(&Declared::default())?, clock))
    }

    /// Whether anybody gets in without a token.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn model(&self) -> Arc<Model> {
        Arc::clone(&self.model.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_model(&self, model: Model) {
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(model);
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// When tokens were used since this was asked last.
    pub(crate) fn take_uses(&self) -> Vec<(String, SystemTime)> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Finds out who asks with a token, or on whose behalf if it is a user of ours.
    pub fn authenticate(&self, credentials: Credentials<'_>) -> Result<Caller, Denied> {
        let (caller, on_behalf) = self.bearer(credentials)?;
        let Some(name) = on_behalf else { return Ok(caller) };
        let found = self.local(name).ok_or_else(|| Denied::Stranger { principal: caller.principal().to_owned() })?;
        self.behalf(&caller, &found, credentials.org_id)
    }

    /// Who holds the token, and the name of the one on whose behalf it asks.
    pub(crate) fn bearer<'c>(&self, credentials: Credentials<'c>) -> Result<(Caller, Option<&'c str>), Denied> {
        let now = self.clock.now();
        if self.is_open {
            let rights = Arc::new(Rights::everything("anonymous"));
            return Ok((Caller::new(rights, credentials.org_id, now.into())?, None));
        }
        let model = self.model();
        // A token that is shown counts, also beside a certificate: a wrong one is not passed over.
        let hash = match (credentials.authorization, credentials.certificate) {
            // Looked up by its hash, which takes the same time however much of the secret is right.
            (Some(header), _) => presented(header).map(|secret| hash(&secret)),
            (None, Some(names)) => model.token_of(names).map(str::to_owned),
            (None, None) => None,
        };
        let hash = hash.ok_or(Denied::Unauthenticated)?;
        let KnownToken { holder, rights } = model.tokens.get(&hash).ok_or(Denied::Unauthenticated)?;
        if holder.expires.is_some_and(|end| end <= now) {
            return Err(Denied::Unauthenticated);
        }
        if holder.is_stored {
            self.note_use(hash, now);
        }
        let on_behalf = credentials.user.filter(|_| rights.permissions.contains(&crate::Permission::Impersonate));
        // The tenant must be theirs then, not the token's.
        let org_id = if on_behalf.is_some() { None } else { credentials.org_id };
        Ok((Caller::new(Arc::clone(rights), org_id, now.into())?, on_behalf))
    }

    /// A user of ours who may come in.
    pub(crate) fn local(&self, name: &str) -> Option<Identity> {
        let model = self.model();
        let user = model.users.get(name).filter(|user| !user.disabled)?;
        Some(Identity {
            provider: crate::identity::LOCAL.to_owned(),
            subject: name.to_owned(),
            name: name.to_owned(),
            groups: user.groups.clone(),
        })
    }

    /// The caller on whose behalf a token asks: with their rights, in tenants of the token, and with no permission that
    /// the token lacks.
    pub(crate) fn behalf(&self, token: &Caller, identity: &Identity, org_id: Option<&str>) -> Result<Caller, Denied> {
        let mut rights = self.model().rights_of(identity);
        rights.permissions.retain(|permission| token.permissions().contains(permission));
        if let Some(of_token) = &token.rights().tenants {
            rights.tenants = Some(match rights.tenants {
                None => of_token.clone(),
                Some(own) => own.into_iter().filter(|tenant| of_token.contains(tenant)).collect(),
            });
        }
        let caller = Caller::new(Arc::new(rights), org_id, self.clock.now().into())?;
        Ok(caller.on_behalf(token.principal().to_owned()))
    }

    fn note_use(&self, hash: String, now: SystemTime) {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MAX_USES || uses.contains_key(&hash) {
            uses.insert(hash, now);
        }
    }
}

impl Declared {
    /// The model of what the file declares, this, and what the state holds, with the tokens of this.
    pub(crate) fn model(&self, state: &Self) -> Result<Model, Vec<Invalid>> {
        let mut model = Model::new(self, state);
        let mut problems = model.as_mut().err().map(std::mem::take).unwrap_or_default();
        for (at, token) in self.tokens.iter().enumerate() {
            if let Some(problem) = problem(token, self.tokens.get(..at).unwrap_or_default()) {
                problems.push(Invalid { kind: "token", name: token.name.clone(), problem });
            } else if let Ok(model) = &mut model {
                // What no hash is can be asked for by nobody.
                let by_secret = !token.secret.reveal().is_empty();
                let key =
                    if by_secret { hash(token.secret.reveal()) } else { format!("certificate of {}", token.name) };
                model.know_certificates(&token.certificates, &key);
                problems.extend(model.add_token(key, token.holder()).err());
            }
        }
        if problems.is_empty() { model } else { Err(problems) }
    }
}

impl Token {
    fn holder(&self) -> Holder {
        Holder {
            name: self.name.clone(),
            roles: self.roles.clone(),
            permissions: self.permissions.clone(),
            services: self.services.clone(),
            tenants: self.tenants.clone(),
            expires: None,
            is_stored: false,
        }
    }
}

fn problem(token: &Token, before: &[Token]) -> Option<String> {
    let is_secret = !token.secret.reveal().is_empty();
    if !is_secret && token.certificates.is_empty() {
        return Some("has neither a secret nor certificates".to_owned());
    }
    if is_secret && token.secret.reveal().len() < MIN_TOKEN_BYTES {
        return Some(format!(
            "is too short; use at least {MIN_TOKEN_BYTES} characters, such as the output of `openssl rand -hex 24`"
        ));
    }
    if token.tenants.is_empty() {
        return Some("names no tenant".to_owned());
    }
    if let Some(problem) = every_tenant(&token.tenants) {
        return Some(problem.to_owned());
    }
    if token.services.len() > 1 && token.services.iter().any(|name| name == crate::policy::ANY) {
        return Some("names `*` beside other services; write `*` alone".to_owned());
    }
    let same = |other: &Token| other.name == token.name || is_secret && other.secret == token.secret;
    before.iter().any(same).then(|| "stands twice".to_owned())
}

/// What is wrong with a token for every tenant: there would be a tenant of that name, and nobody would look into it.
pub(crate) fn every_tenant(tenants: &[Tenant]) -> Option<&'static str> {
    let names = tenants.iter().any(|tenant| tenant.as_str() == crate::policy::ANY);
    names.then_some("names the tenant `*`, but a token is for tenants by name; name each")
}

/// What is kept of a secret that is random enough not to be guessed.
pub(crate) fn hash(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

/// The secret in an `Authorization` header.
fn presented(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests;
