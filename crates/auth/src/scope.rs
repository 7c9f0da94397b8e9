//! The right to read: whose data, of which services. Every read takes one, and only this crate makes one.

use std::collections::BTreeSet;

use logline::Tenant;

use crate::{AuditEvent, AuditSink, Outcome};

/// Proof that somebody may read, and what. It cannot be made outside this crate but by [`Scope::system`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    principal: String,
    /// One at least.
    tenants: Vec<Tenant>,
    services: Services,
}

/// The services whose lines may be seen; a service is the value of the label `service_name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Services {
    /// Those there are and those to come.
    All,
    /// These and no others; none when empty.
    Only(BTreeSet<String>),
}

impl Services {
    /// Whether the lines of this service may be seen.
    pub fn contains(&self, service: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(service),
        }
    }
}

impl Scope {
    pub(crate) const fn new(principal: String, tenants: Vec<Tenant>, services: Services) -> Self {
        Self { principal, tenants, services }
    }

    /// Sees everything of one tenant, for work of the server itself: replay, rebuilds, default rules. Audited.
    pub fn system(reason: &'static str, tenant: Tenant, audit: &dyn AuditSink) -> Self {
        audit.record(AuditEvent {
            principal: "system".to_owned(),
            tenant: tenant.clone(),
            action: "scope",
            detail: reason.to_owned(),
            outcome: Outcome::Allowed,
        });
        Self::new("system".to_owned(), vec![tenant], Services::All)
    }

    /// Who asks, for logs, limits and cache keys.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Whose data may be read; the first of several.
    #[expect(clippy::missing_panics_doc, reason = "a scope is made with a tenant")]
    pub fn tenant(&self) -> &Tenant {
        self.tenants.first().expect("a scope has a tenant")
    }

    /// Everybody whose data may be read.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// Which services' lines may be read.
    pub const fn services(&self) -> &Services {
        &self.services
    }
}
