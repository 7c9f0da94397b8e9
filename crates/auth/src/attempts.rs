//! Slows down those who guess passwords: after a few failures each further one makes the next wait twice as long, by
//! address and by account. Nobody can shut an account's owner out for longer than half a minute.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stdx::Clock;

/// Failures that cost nothing, by account and by address: people mistype, and offices share an address.
const FREE: (u32, u32) = (3, 20);
/// The longest wait, by account and by address.
const LONGEST: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(900));
/// Failures are forgotten when there was none for so long.
const MEMORY: Duration = Duration::from_secs(3_600);
/// Accounts and addresses that are remembered; of more, those that failed longest ago are forgotten.
const MOST: usize = 20_000;

/// Remembers failures; lives as long as the process.
#[derive(Debug)]
pub struct Attempts {
    clock: Arc<dyn Clock>,
    failures: Mutex<HashMap<Who, Failures>>,
}

/// Accounts by a hash: names that were typed may be passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Account([u8; 16]),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
    /// No attempt before this.
    until: Instant,
}

impl Attempts {
    /// Nobody has failed yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, failures: Mutex::default() }
    }

    /// Whether a password may be tried now; if not, after which time. Before it is tried, whoever it is.
    pub fn admit(&self, address: IpAddr, account: &str) -> Result<(), Duration> {
        let now = self.clock.instant();
        let failures = self.lock();
        let waits = keys(address, account).into_iter().filter_map(|who| failures.get(&who));
        let wait = waits.map(|failed| failed.until.saturating_duration_since(now)).max().unwrap_or_default();
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// It was tried, and was wrong.
    pub fn failed(&self, address: IpAddr, account: &str) {
        let now = self.clock.instant();
        let mut failures = self.lock();
        if failures.len() + 2 > MOST {
            make_room(&mut failures, now);
        }
        for who in keys(address, account) {
            let (free, longest) = match who {
                Who::Account(_) => (FREE.0, LONGEST.0),
                Who::Address(_) => (FREE.1, LONGEST.1),
            };
            let known = failures.get(&who).filter(|known| now.saturating_duration_since(known.last) < MEMORY);
            let count = known.map_or(0, |known| known.count).saturating_add(1);
            let doubled = count.checked_sub(free + 1).map(|over| Duration::from_secs(1 << over.min(20)));
            let until = now + doubled.unwrap_or_default().min(longest);
            failures.insert(who, Failures { count, last: now, until });
        }
    }

    /// It was tried, and was right. What the address did with other accounts is not forgotten.
    pub fn succeeded(&self, account: &str) {
        self.lock().remove(&account_key(account));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Who, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keys(address: IpAddr, account: &str) -> [Who; 2] {
    [account_key(account), Who::Address(network(address))]
}

fn account_key(account: &str) -> Who {
    let hash = blake3::hash(account.trim().to_lowercase().as_bytes());
    let mut key = [0; 16];
    key.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    Who::Account(key)
}

/// Of IPv6 a customer has a network, not an address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        four @ IpAddr::V4(_) => four,
    }
}

/// Forgets what is old, or else the older half.
fn make_room(failures: &mut HashMap<Who, Failures>, now: Instant) {
    failures.retain(|_, known| now.saturating_duration_since(known.last) < MEMORY);
    if failures.len() + 2 > MOST {
        let mut times: Vec<Instant> = failures.values().map(|known| known.last).collect();
        times.sort_unstable();
        if let Some(middle) = times.get(times.len() / 2).copied() {
            failures.retain(|_, known| middle < known.last);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use stdx::ManualClock;

    use super::*;

    fn attempts() -> (Attempts, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        (Attempts::new(Arc::clone(&clock) as _), clock)
    }

    fn at(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn an_account_waits_longer_with_each_failure_but_never_long() {
        let (attempts, clock) = attempts();
        let mut waits = Vec::new();
        for number in 0..12 {
            assert_eq!(attempts.admit(at(number), "anna"), Ok(()));
            attempts.failed(at(number), " Anna");
            let wait = attempts.admit(at(99), "anna").err().unwrap_or_default();
            waits.push(wait.as_secs());
            clock.advance(wait);
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(attempts.admit(at(99), "boris"), Ok(()));
        attempts.succeeded("anna");
        attempts.failed(at(1), "anna");
        assert_eq!(attempts.admit(at(1), "anna"), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_even_if_one_of_them_is_its_own() {
        let (attempts, clock) = attempts();
        for number in 0..30 {
            attempts.failed(at(1), &format!("user-{number}"));
            attempts.succeeded("own");
        }
        assert_eq!(attempts.admit(at(1), "own"), Err(Duration::from_secs(512)));
        assert_eq!(attempts.admit(at(2), "own"), Ok(()));
        clock.advance(MEMORY);
        attempts.failed(at(1), "x");
        assert_eq!(attempts.admit(at(1), "own"), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let (attempts, _) = attempts();
        for number in 0..25 {
            attempts.failed(format!("2001:db8::{number}").parse().unwrap(), &number.to_string());
        }
        assert!(attempts.admit("2001:db8::ffff".parse().unwrap(), "x").is_err());
        assert!(attempts.admit("2001:db8:0:1::1".parse().unwrap(), "x").is_ok());
    }

    #[test]
    fn guessers_cannot_make_it_remember_everything() {
        let (attempts, clock) = attempts();
        for number in 0..u32::try_from(2 * MOST).unwrap() {
            clock.advance(Duration::from_millis(1));
            attempts.failed(IpAddr::V4(number.into()), &number.to_string());
            assert!(attempts.lock().len() <= MOST);
        }
    }
}
