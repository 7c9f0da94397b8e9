//! The door for people: name and password, one verification whoever it is, a growing wait after failures.

use std::time::{Duration, SystemTime};

use state::User;
use stdx::Secret;

use super::{Access, checked_name};
use crate::identity::LOCAL;
use crate::password::{MAX_LENGTH, MIN_LENGTH};
use crate::session::{LoggedIn, SessionLimits};
use crate::{Caller, Error, Identity, error::Kind};

/// Longer names are refused before anything is looked up.
const MAX_NAME: usize = 256;

/// What happens after wrong passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Wrong passwords in a row without consequences.
    pub after: u32,
    /// How long no password is looked at after one more; doubles with each further one.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { after: 5, first: Duration::from_secs(30), longest: Duration::from_secs(900) }
    }
}

impl Lockout {
    /// The wait after so many failures in a row.
    pub(super) fn wait(&self, failures: u32) -> Option<Duration> {
        let beyond = failures.checked_sub(self.after)?;
        Some(self.first.saturating_mul(1 << beyond.min(16)).min(self.longest))
    }
}

impl Access {
    /// Logs somebody in. The error is the same for a wrong name, a wrong password, and a door that is locked.
    pub async fn login(&self, name: &str, password: &Secret<String>) -> Result<LoggedIn, Error> {
        let name = name.trim();
        if name.is_empty()
            || name.len() > MAX_NAME
            || password.reveal().is_empty()
            || password.reveal().len() > MAX_LENGTH
        {
            return Err(refused());
        }
        let user = self.state.users().get(&name.to_lowercase()).await?;
        let user = user.filter(|user| user.password.is_some());
        let now = self.now();
        let locked = user.as_ref().and_then(|user| user.locked_until).is_some_and(|until| now < until);
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let right = self.passwords.verify(password.clone(), hash).await?;
        let Some(user) = user else { return self.login_elsewhere(name, password).await };
        if locked {
            return Err(refused());
        }
        if !right {
            self.count_failure(&user, now).await?;
            return Err(refused());
        }
        if user.disabled || self.was_locked_meanwhile(&user).await? {
            return Err(refused());
        }
        if user.failures > 0 {
            self.state.users().unlock(&user.name).await?;
        }
        let identity =
            Identity { provider: LOCAL.to_owned(), subject: user.name.clone(), name: user.name, groups: user.groups };
        self.begin(identity, user.must_change).await
    }

    async fn login_elsewhere(&self, name: &str, password: &Secret<String>) -> Result<LoggedIn, Error> {
        for provider in &self.providers {
            match provider.login(name, password).await {
                Ok(Some(identity)) => return self.begin_session(identity, provider.longest_session()).await,
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "a login failed");
                    return Err(Error::new(Kind::Unavailable, "the directory cannot be asked now, try again"));
                }
            }
        }
        Err(refused())
    }

    /// Of many guesses at once only as many count as come before the lock.
    async fn was_locked_meanwhile(&self, user: &User) -> Result<bool, Error> {
        let until = self.state.users().get(&user.name).await?.and_then(|user| user.locked_until);
        Ok(until.is_some_and(|until| self.now() < until))
    }

    async fn count_failure(&self, user: &User, now: SystemTime) -> Result<(), Error> {
        let failures = self.state.users().fail(&user.name).await?;
        if let Some(wait) = self.settings.lockout.wait(failures) {
            self.state.users().lock(&user.name, now + wait).await?;
        }
        Ok(())
    }

    /// Begins a session of somebody whom a provider vouches for. One that calls them like a user or token of ours is
    /// refused: policies go by name. The session lasts no longer than `at_most`, if the provider says so.
    pub async fn begin_session(&self, identity: Identity, at_most: Option<Duration>) -> Result<LoggedIn, Error> {
        if self.model().has_name_of_ours(&identity) {
            tracing::error!(provider = identity.provider, "somebody elsewhere has the name of a user or token of ours");
            return Err(refused());
        }
        let limits = self.settings.sessions;
        let absolute = at_most.map_or(limits.absolute, |most| most.min(limits.absolute));
        self.begin_within(identity, false, &SessionLimits { absolute, ..limits }).await
    }

    async fn begin(&self, identity: Identity, must_change: bool) -> Result<LoggedIn, Error> {
        self.begin_within(identity, must_change, &self.settings.sessions).await
    }

    async fn begin_within(
        &self,
        identity: Identity,
        must_change: bool,
        limits: &SessionLimits,
    ) -> Result<LoggedIn, Error> {
        let (id, session) = limits.begin(&identity, must_change, self.now())?;
        let expires = session.expires;
        let before = self.state.sessions().of(&identity.provider, &identity.subject).await?;
        for old in before.iter().skip(limits.each.saturating_sub(1)) {
            self.state.sessions().remove(&old.id).await?;
        }
        self.state.sessions().add(&session).await?;
        Ok(LoggedIn { id, identity, must_change, expires })
    }

    /// Ends the session that the caller is logged in with; gives the name of the provider it came from.
    pub async fn logout(&self, caller: &Caller) -> Result<Option<String>, Error> {
        let Some(id) = caller.session() else { return Ok(None) };
        let session = self.state.sessions().get(id).await?;
        self.state.sessions().remove(id).await?;
        Ok(session.map(|session| session.provider))
    }

    /// Changes the password of a user of ours who is logged in. All of their sessions end, and a new one begins.
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<LoggedIn, Error> {
        let session = match caller.session() {
            Some(id) => self.state.sessions().get(id).await?,
            None => None,
        };
        let session = session.filter(|session| session.provider == LOCAL);
        let name = session
            .ok_or_else(|| Error::invalid("only who is logged in with a password of ours has one to change"))?
            .subject;
        // The same door as the one for logins, with the same wait after failures.
        self.login(&name, old).await?;
        if old == new {
            return Err(Error::invalid("the new password is the old one"));
        }
        checked_password(&name, new)?;
        let hash = self.passwords.hash(new.clone()).await?;
        self.state.users().set_password(&name, &hash, false).await?;
        self.state.sessions().remove_of(LOCAL, &name).await?;
        self.refresh().await?;
        let groups = self.model().users.get(&name).map(|user| user.groups.clone()).unwrap_or_default();
        self.begin(Identity { provider: LOCAL.to_owned(), subject: name.clone(), name, groups }, false).await
    }

    /// At the very first start, when nobody could let others in: makes one admin; gives the password to use once.
    pub async fn first_admin(&self) -> Result<Option<(String, Secret<String>)>, Error> {
        let has_directory = !self.providers.is_empty() || !self.elsewhere.is_empty();
        let model = self.model();
        if self.is_open() || !model.users.is_empty() || model.has_manager(has_directory) {
            return Ok(None);
        }
        let password = super::secret_text("")?;
        let user = User {
            name: "admin".to_owned(),
            display: "Admin".to_owned(),
            password: Some(self.passwords.hash(password.clone()).await?),
            must_change: true,
            disabled: false,
            roles: vec!["admin".to_owned()],
            groups: Vec::new(),
            created: self.now(),
            failures: 0,
            locked_until: None,
        };
        let made = self.state.users().add_first(&user).await?;
        self.refresh().await?;
        Ok(made.then_some((user.name, password)))
    }

    /// A user of ours by the name somebody typed; no secret, then.
    pub fn known(&self, typed: &str) -> Option<String> {
        let name = typed.trim().to_lowercase();
        self.model().users.contains_key(&name).then_some(name)
    }

    /// Until when no password of this user is looked at. For the audit trail; whoever logs in is not told.
    pub async fn locked_until(&self, typed: &str) -> Result<Option<SystemTime>, Error> {
        let user = self.state.users().get(&typed.trim().to_lowercase()).await?;
        Ok(user.and_then(|user| user.locked_until).filter(|until| self.now() < *until))
    }
}

/// Says what is wrong with a password somebody chooses.
pub(super) fn checked_password(name: &str, password: &Secret<String>) -> Result<(), Error> {
    let text = password.reveal();
    if text.chars().count() < MIN_LENGTH || text.len() > MAX_LENGTH {
        return Err(Error::invalid(format!("a password has {MIN_LENGTH} to {MAX_LENGTH} characters")));
    }
    let lower = text.to_lowercase();
    let first = lower.chars().next();
    if lower.contains(&name.to_lowercase()) && name.len() >= 3 || lower.chars().all(|c| Some(c) == first) {
        return Err(Error::invalid("the password is too easy to guess: it has the name in it, or one character only"));
    }
    Ok(())
}

pub(super) fn checked_user_name(name: &str) -> Result<(), Error> {
    checked_name(name)?;
    if name != name.to_lowercase() {
        return Err(Error::invalid(format!("`{name}` has capital letters; write `{}`", name.to_lowercase())));
    }
    Ok(())
}

fn refused() -> Error {
    Error::new(Kind::Refused, "name or password are wrong, or the account is locked for a while")
}
