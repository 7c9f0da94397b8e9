//! Sessions of people who are logged in: random ids, kept as hashes, ended by time, idleness or wish.

use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use stdx::Secret;

use crate::authenticator::hash;
use crate::{Error, Identity};

/// How long sessions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
    /// Of one person at once; the oldest ends when there is one too many.
    pub each: usize,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(8 * 3600), absolute: Duration::from_secs(7 * 86_400), each: 20 }
    }
}

/// How exactly it is known when somebody was seen last: a request does not write every time.
pub(crate) const SEEN_STEP: Duration = Duration::from_secs(60);

/// Somebody who has just logged in.
#[derive(Debug)]
pub struct LoggedIn {
    /// The secret id, for the cookie.
    pub id: Secret<String>,
    /// Who it is.
    pub identity: Identity,
    /// Whether they must choose a new password before anything else.
    pub must_change: bool,
    /// When the session ends in any case.
    pub expires: SystemTime,
}

/// Bytes as text for cookies and tokens.
pub(crate) fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl SessionLimits {
    /// A session that begins now: what the cookie gets, and what is kept.
    pub(crate) fn begin(
        &self,
        identity: &Identity,
        must_change: bool,
        now: SystemTime,
    ) -> Result<(Secret<String>, state::Session), Error> {
        let id = text(&stdx::entropy::<32>().map_err(|error| Error::internal(&error))?);
        let session = state::Session {
            id: hash(&id),
            provider: identity.provider.clone(),
            subject: identity.subject.clone(),
            name: identity.name.clone(),
            groups: identity.groups.clone(),
            must_change,
            created: now,
            seen: now,
            expires: now + self.absolute,
        };
        Ok((Secret::new(id), session))
    }

    /// Whether a session still holds.
    pub(crate) fn holds(&self, session: &state::Session, now: SystemTime) -> bool {
        now < session.expires && now < session.seen + self.idle
    }
}

pub(crate) fn identity(session: &state::Session) -> Identity {
    Identity {
        provider: session.provider.clone(),
        subject: session.subject.clone(),
        name: session.name.clone(),
        groups: session.groups.clone(),
    }
}
