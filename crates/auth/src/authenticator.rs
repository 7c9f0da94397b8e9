//! From a request's credentials to a caller: tokens from the configuration, or nobody at all on loopback.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use logline::Tenant;
use stdx::Secret;

use crate::{Permission, Permissions, Scope, Services};

/// Tokens shorter than this are refused: they can be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// A token as the configuration names it.
#[derive(Clone, Debug)]
pub struct Token {
    /// Who uses it; stands in the audit trail.
    pub name: String,
    /// The secret itself.
    pub secret: Secret<String>,
    /// The tenants it may choose with `X-Scope-OrgID`; the first is taken when none is named.
    pub tenants: Vec<Tenant>,
    /// The services whose lines it may read; `*` alone means all.
    pub services: BTreeSet<String>,
    /// What it may do.
    pub permissions: Permissions,
}

/// Why a configured token cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Too short to be safe.
    #[error(
        "token `{0}` is too short; use at least {MIN_TOKEN_BYTES} characters, such as the output of `openssl rand -hex 24`"
    )]
    Short(String),
    /// Names no tenant.
    #[error("token `{0}` names no tenant")]
    NoTenant(String),
    /// The same name or secret stands twice.
    #[error("token `{0}` stands twice")]
    Twice(String),
    /// A service name beside `*`.
    #[error("token `{0}` names `*` beside other services; write `*` alone")]
    MixedServices(String),
}

/// What a request brings along.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The `Authorization` header: `Bearer <token>`, or `Basic` with the token as password (any user name).
    pub authorization: Option<&'a str>,
    /// The `X-Scope-OrgID` header.
    pub org_id: Option<&'a str>,
}

/// Somebody whose credentials held.
#[derive(Clone, Debug)]
pub struct Caller {
    principal: String,
    /// One at least; reads may be over several.
    tenants: Vec<Tenant>,
    permissions: Permissions,
    services: Services,
}

/// Why a request is not let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credentials, or they do not hold: 401.
    #[error("a valid token is required")]
    Unauthenticated,
    /// The credentials hold but do not permit this: 403.
    #[error("token `{principal}` lacks the permission `{permission}`")]
    Forbidden {
        /// Name of the token.
        principal: String,
        /// Name of the permission.
        permission: &'static str,
    },
    /// The tenant is not one of the token's: 403.
    #[error("token `{principal}` may not use this tenant")]
    Tenant {
        /// Name of the token.
        principal: String,
    },
    /// Several tenants where one is needed: 400.
    #[error("multiple org IDs present")]
    SeveralTenants,
    /// The header `X-Scope-OrgID` cannot be a tenant's name: 400.
    #[error("{0}")]
    InvalidTenant(#[from] logline::InvalidTenant),
}

/// Recognises callers.
#[derive(Debug)]
pub struct Authenticator {
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    Anybody,
    Tokens(Vec<(blake3::Hash, Token)>),
}

impl Authenticator {
    /// Lets everybody do everything; the server permits it on loopback only. `X-Scope-OrgID` chooses the tenant.
    pub const fn anybody() -> Self {
        Self { mode: Mode::Anybody }
    }

    /// Lets nobody in.
    pub const fn closed() -> Self {
        Self { mode: Mode::Tokens(Vec::new()) }
    }

    /// Knows these tokens and nobody else; reports everything that is wrong with them.
    pub fn with_tokens(tokens: Vec<Token>) -> Result<Self, Vec<InvalidToken>> {
        let problems: Vec<_> =
            tokens.iter().enumerate().filter_map(|(i, token)| problem(token, tokens.get(..i)?)).collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let hashed = tokens.into_iter().map(|token| (blake3::hash(token.secret.reveal().as_bytes()), token));
        Ok(Self { mode: Mode::Tokens(hashed.collect()) })
    }

    /// Whether nobody at all can get in.
    pub fn is_closed(&self) -> bool {
        matches!(&self.mode, Mode::Tokens(tokens) if tokens.is_empty())
    }

    /// Whether anybody gets in without a token.
    pub const fn is_open(&self) -> bool {
        matches!(&self.mode, Mode::Anybody)
    }

    /// Finds out who asks.
    pub fn authenticate(&self, credentials: Credentials<'_>) -> Result<Caller, Denied> {
        match &self.mode {
            Mode::Anybody => Ok(Caller {
                principal: "anonymous".to_owned(),
                tenants: credentials.org_id.map_or_else(|| Ok(vec![Tenant::default()]), named)?,
                permissions: Permission::ALL.into(),
                services: Services::All,
            }),
            Mode::Tokens(tokens) => {
                let secret = credentials.authorization.and_then(presented).ok_or(Denied::Unauthenticated)?;
                let hash = blake3::hash(secret.as_bytes());
                // Comparing hashes takes the same time wherever they differ.
                let found = tokens.iter().find(|(known, _)| *known == hash);
                let (_, token) = found.ok_or(Denied::Unauthenticated)?;
                Caller::of(token, credentials.org_id)
            }
        }
    }
}

impl Caller {
    fn of(token: &Token, org_id: Option<&str>) -> Result<Self, Denied> {
        let tenants = match org_id {
            None => token.tenants.iter().take(1).cloned().collect(),
            Some(names) => named(names)?,
        };
        if tenants.iter().any(|tenant| !token.tenants.contains(tenant)) {
            return Err(Denied::Tenant { principal: token.name.clone() });
        }
        let all = token.services.contains("*");
        Ok(Self {
            principal: token.name.clone(),
            tenants,
            permissions: token.permissions.clone(),
            services: if all { Services::All } else { Services::Only(token.services.clone()) },
        })
    }

    /// Name of the token, or `anonymous`.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// The tenant the caller works in; the first of several.
    #[expect(clippy::missing_panics_doc, reason = "a caller is made with a tenant")]
    pub fn tenant(&self) -> &Tenant {
        self.tenants.first().expect("a caller has a tenant")
    }

    /// Refuses a caller who names several tenants where one is needed.
    pub fn require_one_tenant(&self) -> Result<(), Denied> {
        if self.tenants.len() == 1 { Ok(()) } else { Err(Denied::SeveralTenants) }
    }

    /// Whether the caller may do this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Refuses a caller who may not do this.
    pub fn require(&self, permission: Permission) -> Result<(), Denied> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Denied::Forbidden { principal: self.principal.clone(), permission: permission.name() })
    }

    /// What the caller may read.
    pub fn scope(&self) -> Scope {
        Scope::new(self.principal.clone(), self.tenants.clone(), self.services.clone())
    }
}

/// The tenants of a header: one, or several with `|` between, each once.
fn named(names: &str) -> Result<Vec<Tenant>, logline::InvalidTenant> {
    let mut tenants: Vec<Tenant> = Vec::new();
    for name in names.split('|') {
        let tenant = Tenant::new(name)?;
        if !tenants.contains(&tenant) {
            tenants.push(tenant);
        }
    }
    tenants.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    Ok(tenants)
}

fn problem(token: &Token, before: &[Token]) -> Option<InvalidToken> {
    let name = || token.name.clone();
    if token.secret.reveal().len() < MIN_TOKEN_BYTES {
        return Some(InvalidToken::Short(name()));
    }
    if token.tenants.is_empty() {
        return Some(InvalidToken::NoTenant(name()));
    }
    if token.services.contains("*") && token.services.len() > 1 {
        return Some(InvalidToken::MixedServices(name()));
    }
    let same = |other: &Token| other.name == token.name || other.secret == token.secret;
    before.iter().any(same).then(|| InvalidToken::Twice(name()))
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
