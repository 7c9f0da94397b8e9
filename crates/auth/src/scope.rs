//! The right to read: whose data, and what of it. Every read takes one, and only this crate makes one.

use std::sync::{Arc, LazyLock};

use logline::Tenant;

use crate::sight::{Grant, Services, Sight};
use crate::{AuditEvent, AuditSink, Outcome};

/// Proof that somebody may read, and what. It cannot be made outside this crate but by [`Scope::system`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    principal: String,
    /// One at least, each once, by name.
    tenants: Vec<Tenant>,
    /// One for each tenant.
    sights: Vec<Arc<Sight>>,
    /// Of the first tenant.
    services: Services,
    /// Whether steps of orders may be read, too.
    steps: bool,
}

impl Scope {
    /// Each tenant with what may be seen of it; there is one at least.
    pub(crate) fn new(principal: String, seen: Vec<(Tenant, Sight)>) -> Self {
        let (tenants, sights): (Vec<_>, Vec<_>) =
            seen.into_iter().map(|(tenant, sight)| (tenant, Arc::new(sight))).unzip();
        let services = sights.first().map_or_else(|| Services::Only(<_>::default()), services);
        Self { principal, tenants, sights, services, steps: true }
    }

    /// The same, with or without the steps of orders.
    pub(crate) fn with_steps(self, steps: bool) -> Self {
        Self { steps, ..self }
    }

    /// Sees everything of one tenant, for work of the server itself: replay, rebuilds, default rules. Audited.
    pub fn system(reason: &'static str, tenant: Tenant, audit: &dyn AuditSink) -> Self {
        audit.record(AuditEvent::new("system", tenant.clone(), "scope", reason, Outcome::Allowed));
        Self::new("system".to_owned(), vec![(tenant, Sight::everything())])
    }

    /// Sees the lines of some services of one tenant, for messages to somebody whom the configuration gives them. Audited.
    pub fn for_receiver(reason: &'static str, tenant: Tenant, services: Services, audit: &dyn AuditSink) -> Self {
        audit.record(AuditEvent::new("receiver", tenant.clone(), "scope", reason, Outcome::Allowed));
        let sight = Sight { grants: vec![Grant::of(services)], ..Sight::default() };
        Self::new("receiver".to_owned(), vec![(tenant, sight)])
    }

    /// Who asks, for logs and limits.
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

    /// What may be seen of a tenant; nothing of one that is not among [`Scope::tenants`].
    pub fn sight(&self, tenant: &Tenant) -> &Sight {
        static NOTHING: LazyLock<Sight> = LazyLock::new(Sight::default);
        let at = self.tenants.iter().position(|known| known == tenant);
        at.and_then(|at| self.sights.get(at)).map_or(&NOTHING, |sight| sight)
    }

    /// Which services' lines may be read whole, of the first tenant, where only the name of the service is known.
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// Whether the steps of orders may be read.
    pub const fn sees_steps(&self) -> bool {
        self.steps
    }

    /// The same text for the same rights to lines, whoever has them; for keys of caches. It changes when any of what may be seen
    /// changes, and by the hour where lines may be seen for a limited time.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (tenant, sight) in self.tenants.iter().zip(&self.sights) {
            let (tenant, sight) = (tenant.as_str(), sight.text());
            for part in [tenant, &sight] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

fn services(sight: &Arc<Sight>) -> Services {
    match sight.grants.as_slice() {
        [] => Services::Only(<_>::default()),
        [grant] if sight.denials.is_empty() && sight.veils.is_empty() && grant.tests().is_empty() => {
            grant.services().clone()
        }
        _ => Services::Seen(Arc::clone(sight)),
    }
}
