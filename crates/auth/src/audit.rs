//! What is written down about who did what. The sink is the server's: `auth` only says what happened.

mod chain;
mod record;
mod shorten;
mod verify;

use std::net::IpAddr;

use logline::Tenant;

pub use chain::{Anchor, BREAK, Chain, Link};
pub use record::{Cost, Record};
pub use shorten::shorten;
pub use verify::{Around, Broken, Unreadable, Verified, Verifier, Why};

/// The tenant under which the trail is kept. Nobody may read or push as this one.
pub const AUDIT_TENANT: &str = "lapidary.audit";

/// Whose record is about the server as a whole, such as a change of users: every auditor reads it, whatever tenant the
/// request named.
#[expect(clippy::missing_panics_doc, reason = "the name is ours")]
pub fn server_wide() -> Tenant {
    Tenant::new(AUDIT_TENANT).expect("a tenant's name")
}

/// One event of the audit trail. It never holds a line's text or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Name of the user or the token, or `anonymous`, or `system`.
    pub principal: String,
    /// Whose data was touched; [`server_wide`] for what is about no tenant's.
    pub tenant: Tenant,
    /// What was done, such as `query` or `push`; a route's action.
    pub action: &'static str,
    /// The reason, route or query.
    pub detail: String,
    /// How it ended.
    pub outcome: Outcome,
    /// From where.
    pub address: Option<IpAddr>,
    /// What it cost, if it was a query.
    pub cost: Option<Cost>,
    /// How often: things that happen all the time are written down together.
    pub count: u64,
}

/// Whether an action was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was.
    Allowed,
    /// It was not.
    Denied,
    /// It was, and came to nothing.
    Failed,
}

/// Where audit events go; must not block for long.
pub trait AuditSink: Send + Sync + std::fmt::Debug {
    /// Writes one event down.
    fn record(&self, event: AuditEvent);

    /// Whether the sink can take events now. What must not be done unseen is not done while it cannot.
    fn is_ready(&self) -> bool {
        true
    }
}

impl AuditEvent {
    /// Something that was done once.
    pub fn new(
        principal: impl Into<String>,
        tenant: Tenant,
        action: &'static str,
        detail: impl Into<String>,
        outcome: Outcome,
    ) -> Self {
        let (principal, detail) = (principal.into(), detail.into());
        Self { principal, tenant, action, detail, outcome, address: None, cost: None, count: 1 }
    }

    /// The same, done from an address.
    #[must_use]
    pub fn at(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }
}

impl Outcome {
    /// Every way it can end.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Denied, Self::Failed];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Failed => "failed",
        }
    }

    /// The outcome with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}
