//! Somebody whose credentials held, in the tenants of one request; and why others are not let through.

use std::sync::Arc;

use logline::{Tenant, Timestamp};

use crate::rights::Rights;
use crate::{AUDIT_TENANT, Permission, Scope};

/// Somebody whose credentials held.
#[derive(Clone, Debug)]
pub struct Caller {
    rights: Arc<Rights>,
    /// One at least; reads may be over several.
    tenants: Vec<Tenant>,
    /// Whether they may choose any tenant at all.
    has_tenant: bool,
    now: Timestamp,
    must_change: bool,
    session: Option<String>,
    /// The token that asked on their behalf.
    by: Option<String>,
}

/// Why a request is not let through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credentials, or they do not hold: 401.
    #[error("a valid token is required")]
    Unauthenticated,
    /// The credentials hold but do not permit this: 403.
    #[error("`{principal}` lacks the permission `{permission}`")]
    Forbidden {
        /// Who asks.
        principal: String,
        /// Name of the permission.
        permission: &'static str,
    },
    /// The tenant is not one of theirs: 403.
    #[error("`{principal}` may not use this tenant")]
    Tenant {
        /// Who asks.
        principal: String,
    },
    /// They must choose a new password first: 403.
    #[error("`{principal}` must choose a new password first")]
    PasswordChange {
        /// Who asks.
        principal: String,
    },
    /// Somebody on whose behalf a token asks is not known: 403.
    #[error("token `{principal}` asks for somebody who is not known here")]
    Stranger {
        /// The token.
        principal: String,
    },
    /// Several tenants where one is needed: 400.
    #[error("multiple org IDs present")]
    SeveralTenants,
    /// The header `X-Scope-OrgID` cannot be a tenant's name: 400.
    #[error("{0}")]
    InvalidTenant(#[from] logline::InvalidTenant),
    /// Who it is cannot be found out now: 503.
    #[error("who is asking cannot be found out now, try again")]
    Unavailable,
}

impl Caller {
    pub(crate) fn new(rights: Arc<Rights>, org_id: Option<&str>, now: Timestamp) -> Result<Self, Denied> {
        let default = rights.default_tenant();
        let has_tenant = default.is_some();
        let tenants = match org_id {
            None => vec![default.unwrap_or_default()],
            Some(names) => named(names)?,
        };
        let is_theirs = |tenant: &Tenant| org_id.is_none() || rights.may_choose(tenant);
        if tenants.iter().any(|tenant| tenant.as_str() == AUDIT_TENANT || !is_theirs(tenant)) {
            return Err(Denied::Tenant { principal: rights.principal.clone() });
        }
        Ok(Self { rights, tenants, has_tenant, now, must_change: false, session: None, by: None })
    }

    pub(crate) fn in_session(self, id: String, must_change: bool) -> Self {
        Self { session: Some(id), must_change, ..self }
    }

    pub(crate) fn on_behalf(self, by: String) -> Self {
        Self { by: Some(by), ..self }
    }

    pub(crate) fn rights(&self) -> &Rights {
        &self.rights
    }

    /// Name of the person or token, or `anonymous`.
    pub fn principal(&self) -> &str {
        &self.rights.principal
    }

    /// The token that asks on their behalf, if one does.
    pub fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// The hash of the session they are logged in with; `None` for tokens.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether they must choose a new password before anything else.
    pub const fn must_change_password(&self) -> bool {
        self.must_change
    }

    /// Names of their roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.rights.roles.keys().map(String::as_str)
    }

    /// What they may do.
    pub fn permissions(&self) -> &crate::Permissions {
        &self.rights.permissions
    }

    /// The tenant the caller works in; the first of several.
    #[expect(clippy::missing_panics_doc, reason = "a caller is made with a tenant")]
    pub fn tenant(&self) -> &Tenant {
        self.tenants.first().expect("a caller has a tenant")
    }

    /// Every tenant the caller works in.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Refuses a caller who names several tenants where one is needed.
    pub fn require_one_tenant(&self) -> Result<(), Denied> {
        if self.tenants.len() == 1 { Ok(()) } else { Err(Denied::SeveralTenants) }
    }

    /// Whether the caller may do this.
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.permissions.contains(&permission) && (self.has_tenant || !permission.is_about_data())
    }

    /// Refuses a caller who may not do this, or must choose a new password first.
    pub fn require(&self, permission: Permission) -> Result<(), Denied> {
        let principal = || self.principal().to_owned();
        if self.must_change {
            return Err(Denied::PasswordChange { principal: principal() });
        }
        if self.may(permission) {
            return Ok(());
        }
        if self.rights.permissions.contains(&permission) {
            return Err(Denied::Tenant { principal: principal() });
        }
        Err(Denied::Forbidden { principal: principal(), permission: permission.name() })
    }

    /// What the caller may read.
    pub fn scope(&self) -> Scope {
        let sight = |tenant: &Tenant| (tenant.clone(), self.rights.sight(tenant, self.now));
        let seen = self.tenants.iter().map(sight).collect();
        Scope::new(self.principal().to_owned(), seen).with_steps(self.may(Permission::Orders))
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
