//! The seam to whoever vouches for a person: our own users, a directory, an identity provider.

use std::time::{Duration, SystemTime};

use stdx::Secret;

/// Name of the provider that our own users come from.
pub const LOCAL: &str = "local";

/// Somebody whom a provider vouches for. Roles follow from the groups, by the group mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the provider: `local`, or as it is configured.
    pub provider: String,
    /// Who they are there, for good: a user name, a DN, a `sub`.
    pub subject: String,
    /// How they are called here, in policies, `--user` and the audit trail.
    pub name: String,
    /// Names of their groups, as the provider writes them.
    pub groups: Vec<String>,
}

/// Why a provider could not say who somebody is. Logins fail closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{provider}` cannot be asked: {reason}")]
pub struct ProviderError {
    /// Name of the provider.
    pub provider: String,
    /// What is wrong, for the log; no secrets.
    pub reason: String,
}

/// A directory that knows people by name and password. A provider that logs people in elsewhere (OpenID Connect) needs
/// none of this: it ends in an [`Identity`] for [`crate::Access::begin_session`].
#[async_trait::async_trait]
pub trait IdentityProvider: Send + Sync + std::fmt::Debug {
    /// Its name; stands in sessions and in the audit trail.
    fn name(&self) -> &str;

    /// Who has this name and password; `None` when nobody has. Ends in bounded time.
    async fn login(&self, name: &str, password: &Secret<String>) -> Result<Option<Identity>, ProviderError>;

    /// Who has this name, for those on whose behalf something is done (rules, a signed-in user of Grafana); `None` when
    /// nobody has. Ends in bounded time; may answer from a cache of bounded age.
    async fn find(&self, name: &str) -> Result<Option<Identity>, ProviderError>;

    /// Who somebody is by now whose session began at `since`, groups included; `None` when nobody is that any more. Ends
    /// in bounded time, answers from a cache of bounded age, and when it cannot find out, from what it knew last, for a
    /// bounded time.
    async fn current(&self, identity: &Identity, since: SystemTime) -> Result<Option<Identity>, ProviderError>;

    /// How long sessions last at most where [`current`](Self::current) cannot find out anything; none if it can.
    fn longest_session(&self) -> Option<Duration> {
        None
    }
}
