//! Who may come in, with everything that is needed to find out: the configuration, the state, and providers elsewhere.

mod explain;
mod login;
mod manage;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use logline::Tenant;
use state::State;
use stdx::{Clock, Secret};

use crate::authenticator::hash;
use crate::identity::LOCAL;
use crate::model::{Holder, KnownToken, LocalUser, Model};
use crate::password::Passwords;
use crate::session::{self, SEEN_STEP, SessionLimits};
use crate::{
    Authenticator, Caller, Credentials, Declared, Denied, Error, Identity, IdentityProvider, Invalid, Permission, Scope,
};

pub use explain::{Decision, Explained, Principal, Report, Seen};
pub use login::Lockout;
pub use manage::{Listed, NewToken, NewUser, UserChange};

/// Kinds of documents in the state.
const ROLES: &str = "role";
const POLICIES: &str = "policy";
const GROUPS: &str = "group";

/// What the model is made of.
const TOPICS: [&str; 5] = [ROLES, POLICIES, GROUPS, state::Users::TOPIC, state::Tokens::TOPIC];

/// What is set about access besides who and what.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How long sessions last.
    pub sessions: SessionLimits,
    /// What happens after wrong passwords.
    pub lockout: Lockout,
}

/// Recognises everybody: people by session or password, programs by token.
#[derive(Debug)]
pub struct Access {
    authenticator: Authenticator,
    state: State,
    declared: Declared,
    settings: Settings,
    passwords: Passwords,
    providers: Vec<Arc<dyn IdentityProvider>>,
    /// Names of providers that people log in with elsewhere.
    elsewhere: BTreeSet<String>,
    /// Counters of the state as they were when the model was made.
    seen: tokio::sync::Mutex<Option<Counters>>,
}

type Counters = std::collections::BTreeMap<String, i64>;

impl Access {
    /// Lets everybody do everything; the server permits it on loopback only.
    pub async fn open(state: State, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let mut access = Self::closed(state, Declared::default(), Settings::default(), clock).await?;
        access.authenticator = Authenticator::anybody();
        Ok(access)
    }

    /// Knows what is declared, and what the state holds.
    pub async fn closed(
        state: State,
        declared: Declared,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let authenticator = Authenticator::with(&declared, clock).map_err(all_of)?;
        let passwords = Passwords::new().await?;
        let seen = tokio::sync::Mutex::default();
        let (providers, elsewhere) = (Vec::new(), BTreeSet::new());
        let access = Self { authenticator, state, declared, settings, passwords, providers, elsewhere, seen };
        access.refresh().await?;
        Ok(access)
    }

    /// Asks these as well, in this order, after our own users.
    #[must_use]
    pub fn with_providers(mut self, providers: Vec<Arc<dyn IdentityProvider>>) -> Self {
        self.providers = providers;
        self
    }

    /// Believes sessions of people who logged in with these providers elsewhere.
    #[must_use]
    pub fn with_logins_elsewhere(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.elsewhere = names.into_iter().collect();
        self
    }

    /// Whether anybody gets in without a token.
    pub const fn is_open(&self) -> bool {
        self.authenticator.is_open()
    }

    /// How many passwords were looked at since the start.
    pub fn passwords_verified(&self) -> u64 {
        self.passwords.verified()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.authenticator.clock().now()
    }

    pub(crate) fn model(&self) -> Arc<Model> {
        self.authenticator.model()
    }

    /// Finds out who asks: by session if there is one, else by token.
    pub async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Caller, Denied> {
        if credentials.authorization.is_none()
            && let Some(id) = credentials.session.filter(|_| !self.is_open())
        {
            return self.in_session(id, credentials.org_id).await;
        }
        let (caller, on_behalf) = self.authenticator.bearer(credentials)?;
        let Some(name) = on_behalf else { return Ok(caller) };
        let found = self.find(name).await?;
        let found = found.ok_or_else(|| Denied::Stranger { principal: caller.principal().to_owned() })?;
        self.authenticator.behalf(&caller, &found, credentials.org_id)
    }

    async fn in_session(&self, id: &str, org_id: Option<&str>) -> Result<Caller, Denied> {
        let (id, now) = (hash(id), self.now());
        let found = self.state.sessions().get(&id).await.map_err(|error| unavailable(&error))?;
        let session = found.filter(|session| self.settings.sessions.holds(session, now));
        let session = session.ok_or(Denied::Unauthenticated)?;
        let Some(identity) = self.current(&session).await? else {
            self.state.sessions().remove(&id).await.map_err(|error| unavailable(&error))?;
            return Err(Denied::Unauthenticated);
        };
        if self.model().has_name_of_ours(&identity) {
            return Err(Denied::Unauthenticated);
        }
        if now > session.seen + SEEN_STEP {
            self.state.sessions().seen(&id, now).await.map_err(|error| unavailable(&error))?;
        }
        let rights = Arc::new(self.model().rights_of(&identity));
        Ok(Caller::new(rights, org_id, now.into())?.in_session(id, session.must_change))
    }

    /// Who somebody in a session is by now; none if nobody vouches for them any more.
    async fn current(&self, session: &state::Session) -> Result<Option<Identity>, Denied> {
        let identity = session::identity(session);
        if identity.provider == LOCAL {
            return Ok(self.authenticator.local(&identity.subject).map(|_| identity));
        }
        if let Some(provider) = self.providers.iter().find(|provider| provider.name() == identity.provider) {
            let now = provider.current(&identity, session.created).await.map_err(|error| unavailable(&error))?;
            return Ok(now.filter(|now| now.subject == identity.subject && now.name == identity.name));
        }
        Ok(Some(identity).filter(|identity| self.elsewhere.contains(&identity.provider)))
    }

    /// Somebody by name: a user of ours, or one that a provider knows.
    async fn find(&self, name: &str) -> Result<Option<Identity>, Denied> {
        if let Some(identity) = self.authenticator.local(name) {
            return Ok(Some(identity));
        }
        for provider in &self.providers {
            if let Some(identity) = provider.find(name).await.map_err(|error| unavailable(&error))? {
                return Ok(Some(identity).filter(|identity| !self.model().has_name_of_ours(identity)));
            }
        }
        Ok(None)
    }

    /// What somebody may read in some tenants without asking themselves: the owner of a rule. Their rights are those of
    /// now, and they need the permission to read.
    pub async fn scope_of(&self, principal: &str, tenants: &[Tenant]) -> Result<Scope, Denied> {
        let now = self.now().into();
        let names = tenants.iter().map(Tenant::as_str).collect::<Vec<_>>().join("|");
        let rights = if self.is_open() {
            Arc::new(crate::rights::Rights::everything(principal))
        } else if let Some(identity) = self.find(principal).await? {
            Arc::new(self.model().rights_of(&identity))
        } else {
            let model = self.model();
            let is_over = |token: &&KnownToken| token.holder.expires.is_some_and(|end| end <= self.now());
            let token = model.token_named(principal).filter(|token| !is_over(token));
            Arc::clone(&token.ok_or(Denied::Unauthenticated)?.rights)
        };
        let org_id = Some(names.as_str()).filter(|names| !names.is_empty());
        let caller = Caller::new(rights, org_id, now)?;
        caller.require(Permission::Read)?;
        Ok(caller.scope())
    }

    /// Reads the state again if it changed, and writes down when tokens were used. To be called every few seconds.
    pub async fn refresh(&self) -> Result<(), Error> {
        let uses = self.authenticator.take_uses();
        if !uses.is_empty() {
            self.state.tokens().used(&uses).await?;
        }
        let mut seen = self.seen.lock().await;
        let mut now = self.state.changes().all().await?;
        now.retain(|topic, _| TOPICS.contains(&topic.as_str()));
        if seen.as_ref() == Some(&now) {
            return Ok(());
        }
        self.authenticator.set_model(self.load().await?);
        *seen = Some(now);
        Ok(())
    }

    /// Forgets sessions that have ended. To be called now and then.
    pub async fn purge(&self) -> Result<u64, Error> {
        let now = self.now();
        Ok(self.state.sessions().purge(now, now.checked_sub(self.settings.sessions.idle).unwrap_or(now)).await?)
    }

    async fn load(&self) -> Result<Model, Error> {
        let stored = Declared {
            tokens: Vec::new(),
            roles: named(self.state.documents(ROLES).all().await?),
            policies: named(self.state.documents(POLICIES).all().await?),
            groups: named(self.state.documents(GROUPS).all().await?),
        };
        let mut model = self.declared.model(&stored).map_err(all_of)?;
        for user in self.state.users().all().await? {
            let known = LocalUser { roles: user.roles, groups: user.groups, disabled: user.disabled };
            model.users.insert(user.name, known);
        }
        for token in self.state.tokens().all().await? {
            let name = token.name.clone();
            // One that cannot be used any more lets nobody in; it does not keep others out.
            if let Err(problem) =
                holder(&token).and_then(|holder| model.add_token(token.hash, holder).map_err(Error::from))
            {
                tracing::warn!(token = name, %problem, "a token cannot be used");
            }
        }
        Ok(model)
    }
}

fn holder(token: &state::Token) -> Result<Holder, Error> {
    let permission =
        |name: &String| Permission::named(name).ok_or_else(|| Error::invalid(format!("`{name}` is no permission")));
    Ok(Holder {
        name: token.name.clone(),
        roles: token.roles.clone(),
        permissions: token.permissions.iter().map(permission).collect::<Result<_, _>>()?,
        services: token.services.clone(),
        tenants: token
            .tenants
            .iter()
            .map(|name| Tenant::new(name.as_str()))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::invalid(error.to_string()))?,
        expires: token.expires,
        is_stored: true,
    })
}

fn named<T>(documents: Vec<state::Document<T>>) -> Vec<(String, T)> {
    documents.into_iter().map(|document| (document.name, document.value)).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "made for `map_err`")]
fn all_of(problems: Vec<Invalid>) -> Error {
    Error::invalid(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

fn unavailable(error: &dyn std::fmt::Display) -> Denied {
    tracing::error!(%error, "cannot find out who asks");
    Denied::Unavailable
}

/// A name of ours: for users, roles, policies and tokens.
fn checked_name(name: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        return Err(Error::invalid(format!("`{name}` cannot be a name; want up to 64 letters, digits and `-_.@`")));
    }
    Ok(())
}

/// A secret that people copy by hand now and then.
fn secret_text(prefix: &str) -> Result<Secret<String>, Error> {
    let bytes = stdx::entropy::<24>().map_err(|error| Error::internal(&error))?;
    Ok(Secret::new(format!("{prefix}{}", session::text(&bytes))))
}

#[cfg(test)]
mod tests;
