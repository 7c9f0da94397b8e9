//! What is written down about who did what. The sink is the server's: `auth` only says what happened.

use logline::Tenant;

/// One event of the audit trail. It never holds a line's text or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Name of the token, or `anonymous`, or `system`.
    pub principal: String,
    /// Whose data was touched.
    pub tenant: Tenant,
    /// What was done, such as `query` or `push`; a route's action.
    pub action: &'static str,
    /// The reason, route or query.
    pub detail: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// Whether an action was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was.
    Allowed,
    /// It was not.
    Denied,
}

/// Where audit events go; must not block for long.
pub trait AuditSink: Send + Sync + std::fmt::Debug {
    /// Writes one event down.
    fn record(&self, event: AuditEvent);
}
