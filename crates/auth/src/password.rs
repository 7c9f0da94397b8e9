//! Passwords: argon2id on blocking threads, a few at a time, and the same work for people who are not known.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use stdx::Secret;
use tokio::sync::Semaphore;

/// Shorter passwords are refused when they are chosen.
pub(crate) const MIN_LENGTH: usize = 12;
/// Longer ones are refused before anything is computed.
pub(crate) const MAX_LENGTH: usize = 256;

/// Hashes at once: each takes 19 MiB and a core for some tens of milliseconds.
const AT_ONCE: usize = 2;
/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Memory in KiB, passes, lanes: what OWASP recommends for argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Computes and verifies hashes of passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    /// A hash that no password has; looked at for people who are not known.
    nobody: Secret<String>,
    verified: AtomicU64,
}

/// Why a password could not be looked at: too many are, or a bug of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

fn argon2() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Secret<String>) -> Option<Secret<String>> {
    let hash: PasswordHash = argon2()?.hash_password(password.reveal().as_bytes()).ok()?;
    Some(Secret::new(hash.to_string()))
}

fn verify(password: &Secret<String>, hash: &Secret<String>) -> bool {
    let Ok(hash) = PasswordHash::new(hash.reveal()) else { return false };
    argon2().is_some_and(|argon2| argon2.verify_password(password.reveal().as_bytes(), &hash).is_ok())
}

impl Passwords {
    /// Takes as long as one hash.
    pub(crate) async fn new() -> Result<Self, Busy> {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let made = Self { turns, nobody: Secret::default(), verified: AtomicU64::new(0) };
        let secret = stdx::entropy::<32>().map_err(|_| Busy)?;
        let nobody = made.hash(Secret::new(crate::session::text(&secret))).await?;
        Ok(Self { nobody, ..made })
    }

    /// The hash to keep of a new password.
    pub(crate) async fn hash(&self, password: Secret<String>) -> Result<Secret<String>, Busy> {
        self.in_turn(move || hash(&password)).await?.ok_or(Busy)
    }

    /// Whether this is the password; where there is none the same work is done, and it is not.
    pub(crate) async fn verify(&self, password: Secret<String>, hash: Option<Secret<String>>) -> Result<bool, Busy> {
        let is_known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        self.verified.fetch_add(1, Ordering::Relaxed);
        Ok(self.in_turn(move || verify(&password, &hash)).await? && is_known)
    }

    /// How many passwords were looked at.
    pub(crate) fn verified(&self) -> u64 {
        self.verified.load(Ordering::Relaxed)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_recognised_by_its_hash_and_by_nothing_else() {
        let passwords = Passwords::new().await.unwrap();
        let hash = passwords.hash(secret("correct horse battery")).await.unwrap();
        assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.reveal());
        assert!(passwords.verify(secret("correct horse battery"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(secret("correct horse batterz"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(secret("correct horse battery"), None).await.unwrap());
        assert!(!passwords.verify(secret("x"), Some(secret("no hash"))).await.unwrap());
        assert_eq!(passwords.verified(), 4);
        assert_ne!(passwords.hash(secret("correct horse battery")).await.unwrap(), hash, "every hash has its own salt");
    }
}
