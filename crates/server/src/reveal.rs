//! Whether a masked value is what a right holder thinks it is: yes or no. Values are not kept, so none can be shown.
//!
//! Phones and cards are few enough to try them all, so that a person may ask only so often.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mask::{Config, Masker};
use stdx::{Clock, Language};

const HOUR: Duration = Duration::from_secs(3_600);
/// People whose questions are counted.
const MOST_PEOPLE: usize = 10_000;
/// The longest value or token.
const LONGEST: usize = 4 << 10;

/// What is needed to answer.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The rules, and the keys of the tokens.
    pub(crate) mask: Config,
    /// How often one person may ask.
    pub(crate) per_hour: usize,
}

/// Answers.
#[derive(Debug)]
pub(crate) struct Reveals {
    settings: Settings,
    clock: Arc<dyn Clock>,
    asked: Mutex<HashMap<String, VecDeque<Instant>>>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no token.
    NoToken,
    /// The key of the token is not known.
    NoKey(String),
    /// The value is too long to be one.
    Long,
    /// It was asked too often.
    Often(Duration),
}

impl Reveals {
    pub(crate) fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, asked: Mutex::default() }
    }

    /// Whether `guess` is the value behind `token`. Counts, whatever the answer.
    pub(crate) fn ask(&self, principal: &str, token: &str, guess: &str) -> Result<bool, Refused> {
        self.count(principal)?;
        answer(&self.settings.mask, token, guess)
    }

    fn count(&self, principal: &str) -> Result<(), Refused> {
        let now = self.clock.instant();
        let old = |at: &Instant| now.saturating_duration_since(*at) >= HOUR;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= MOST_PEOPLE {
            asked.retain(|_, times| times.back().is_some_and(|at| !old(at)));
        }
        if asked.len() >= MOST_PEOPLE && !asked.contains_key(principal) {
            return Err(Refused::Often(HOUR));
        }
        let times = asked.entry(principal.to_owned()).or_default();
        while times.front().is_some_and(old) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.settings.per_hour => {
                Err(Refused::Often(HOUR.saturating_sub(now.saturating_duration_since(*first))))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

/// Whether `guess` is the value behind `token`, by the keys of the settings.
pub(crate) fn answer(mask: &Config, token: &str, guess: &str) -> Result<bool, Refused> {
    if guess.len() > LONGEST || token.len() > LONGEST {
        return Err(Refused::Long);
    }
    let (class, version, hash) = parts(token.trim()).ok_or(Refused::NoToken)?;
    let known = mask.token_keys.iter().any(|key| key.version().to_string() == version);
    let tokens = match Masker::tokens(mask, class, guess.trim()) {
        Ok(Some(tokens)) => tokens,
        // What the rule would not find stands behind no token of it.
        Err(mask::Error::NoValueOf(_)) => Vec::new(),
        Ok(None) | Err(_) => return Err(Refused::NoToken),
    };
    if !known {
        return Err(Refused::NoKey(version.to_owned()));
    }
    Ok(tokens.contains(&format!("<{class}:v{version}:{hash}>")))
}

/// Class, version and hash of `<phone:v1:5e884898da280471>`; a value that is closed up beside them does not matter.
fn parts(token: &str) -> Option<(&str, &str, &str)> {
    let mut parts = token.strip_prefix('<')?.strip_suffix('>')?.split(':');
    let (class, version, hash) = (parts.next()?, parts.next()?.strip_prefix('v')?, parts.next()?);
    let digits = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits && version.bytes().all(|byte| byte.is_ascii_digit())).then_some((class, version, hash))
}

impl Refused {
    /// For people.
    pub(crate) fn text(&self, language: Language) -> String {
        match self {
            Self::NoToken => {
                let english = "this is no token such as `<phone:v1:5e884898da280471>` of a rule that makes tokens";
                language.pick(english, "это не токен вида `<phone:v1:5e884898da280471>` правила, которое их делает")
            }
            .to_owned(),
            Self::NoKey(version) => match language {
                Language::English => format!("the key `{version}` of this token is not known; see `access.token_keys`"),
                Language::Russian => format!("ключ `{version}` этого токена неизвестен; см. `access.token_keys`"),
            },
            Self::Long => language.pick("this is too long to be a value", "это слишком длинно для значения").to_owned(),
            Self::Often(wait) => {
                let minutes = wait.as_secs().div_ceil(60);
                match language {
                    Language::English => format!("asked too often; ask again in {minutes} min"),
                    Language::Russian => format!("слишком много вопросов; следующий — через {minutes} мин"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mask::TokenKey;
    use stdx::ManualClock;

    use super::*;

    fn config() -> Config {
        let token_keys = [(2, b"fedcba9876543210"), (1, b"0123456789abcdef")]
            .map(|(version, key)| TokenKey::new(version, key).unwrap());
        Config { token_keys: token_keys.to_vec(), ..Config::default() }
    }

    #[test]
    fn a_guess_is_right_in_any_spelling_and_under_any_key() {
        let tokens = Masker::tokens(&config(), "phone", "+79161234567").unwrap().unwrap();
        for token in &tokens {
            assert_eq!(answer(&config(), token, "8 (916) 123-45-67"), Ok(true));
            assert_eq!(answer(&config(), token, "8 (916) 123-45-68"), Ok(false));
            let closed = token.replace('>', ":s1:abcd>");
            assert_eq!(answer(&config(), &closed, "89161234567"), Ok(true));
        }
        // A phone is no card, and a token of another key says nothing.
        let other = tokens[0].replace("<phone", "<card");
        assert_eq!(answer(&config(), &other, "+79161234567"), Ok(false));
        let strange = tokens[0].replace(":v2:", ":v9:");
        assert_eq!(answer(&config(), &strange, "+79161234567"), Err(Refused::NoKey("9".to_owned())));
        for bad in ["", "<phone>", "phone:v1:5e884898da280471", "<phone:v1:xyz>", "<secret:v1:5e884898da280471>"] {
            assert_eq!(answer(&config(), bad, "x"), Err(Refused::NoToken), "{bad}");
        }
    }

    #[test]
    fn nobody_asks_more_often_than_they_may() {
        let clock = Arc::new(ManualClock::at(std::time::SystemTime::UNIX_EPOCH));
        let reveals = Reveals::new(Settings { mask: config(), per_hour: 2 }, Arc::clone(&clock) as _);
        let token = Masker::tokens(&config(), "phone", "+79161234567").unwrap().unwrap().remove(0);
        let ask = |who: &str| reveals.ask(who, &token, "1");
        assert_eq!((ask("anna"), ask("anna")), (Ok(false), Ok(false)));
        assert_eq!(ask("anna"), Err(Refused::Often(HOUR)));
        assert_eq!(ask("boris"), Ok(false));
        clock.advance(HOUR);
        assert_eq!(ask("anna"), Ok(false));
    }
}
