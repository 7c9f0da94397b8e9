//! Silences: for some time, alerts with these labels are not told.

use std::collections::{BTreeMap, BTreeSet};

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::route::{Comparison, Matcher};

/// A condition as Alertmanager's API writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenMatcher {
    /// The label.
    pub name: String,
    /// What it is compared with.
    pub value: String,
    /// Whether the value is a regular expression.
    pub is_regex: bool,
    /// Whether the label shall be like the value.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

const fn yes() -> bool {
    true
}

impl WrittenMatcher {
    /// The condition itself.
    ///
    /// # Errors
    /// It is none.
    pub fn matcher(&self) -> Result<Matcher, String> {
        let comparison = match (self.is_regex, self.is_equal) {
            (false, true) => Comparison::Equal,
            (false, false) => Comparison::NotEqual,
            (true, true) => Comparison::Matches,
            (true, false) => Comparison::MatchesNot,
        };
        Matcher::new(&self.name, comparison, &self.value)
    }
}

impl From<&Matcher> for WrittenMatcher {
    fn from(matcher: &Matcher) -> Self {
        Self {
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
            is_regex: matcher.is_regex(),
            is_equal: matcher.is_equal(),
        }
    }
}

/// A silence as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Unique.
    pub id: String,
    /// Whose alerts.
    pub tenant: Tenant,
    /// An alert must fulfil all of them.
    pub matchers: Vec<WrittenMatcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// When it was written last.
    pub updated_at: Timestamp,
    /// Who says that they made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// The services it is about; none when it may hold back alerts of others.
    pub fn services(&self) -> BTreeSet<String> {
        let is_plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
        let named = |matcher: &WrittenMatcher| match matcher.is_regex {
            _ if matcher.name != "service_name" || !matcher.is_equal || matcher.value.is_empty() => None,
            false => Some([matcher.value.clone()].into()),
            true => {
                let names = matcher.value.split('|').map(|name| is_plain(name).then(|| name.to_owned()));
                names.collect::<Option<BTreeSet<_>>>()
            }
        };
        self.matchers.iter().find_map(named).unwrap_or_default()
    }
}

/// How far a silence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceState {
    /// It begins later.
    Pending,
    /// It holds.
    Active,
    /// It is over.
    Expired,
}

impl SilenceState {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Expired => "expired",
        }
    }
}

/// Longest comment, in characters.
const LONGEST_COMMENT: usize = 2_000;
/// Most conditions of one silence.
const MOST_MATCHERS: usize = 50;

impl Silence {
    /// How far it is.
    pub fn state(&self, now: Timestamp) -> SilenceState {
        match () {
            () if self.ends_at <= now => SilenceState::Expired,
            () if self.starts_at > now => SilenceState::Pending,
            () => SilenceState::Active,
        }
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, now: Timestamp) -> Result<(), String> {
        if self.matchers.is_empty() || self.matchers.len() > MOST_MATCHERS {
            return Err(format!("a silence has 1 to {MOST_MATCHERS} matchers"));
        }
        let matchers = self.matchers.iter().map(WrittenMatcher::matcher).collect::<Result<Vec<_>, _>>()?;
        if matchers.iter().all(|matcher| matcher.matches(&BTreeMap::new())) {
            return Err("at least one matcher must ask for a value; this silence would hold for everything".to_owned());
        }
        if self.ends_at <= self.starts_at {
            return Err("a silence ends after it begins".to_owned());
        }
        if self.ends_at <= now {
            return Err("the end of the silence is in the past".to_owned());
        }
        if self.created_by.is_empty() {
            return Err("`createdBy` is missing".to_owned());
        }
        if self.comment.is_empty() || self.comment.chars().count() > LONGEST_COMMENT {
            return Err(format!("a silence has a comment of at most {LONGEST_COMMENT} characters"));
        }
        Ok(())
    }
}

/// The silences, ready to be asked.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    all: BTreeMap<String, (Silence, Vec<Matcher>)>,
}

impl Silences {
    /// Those that can be understood; others hold for nothing.
    pub(crate) fn of(silences: impl IntoIterator<Item = Silence>) -> Self {
        let mut all = Self::default();
        silences.into_iter().for_each(|silence| all.put(silence));
        all
    }

    /// Adds one, or writes it anew.
    pub(crate) fn put(&mut self, silence: Silence) {
        let matchers = silence.matchers.iter().map(WrittenMatcher::matcher).collect::<Result<Vec<_>, _>>();
        if let Ok(matchers) = matchers {
            self.all.insert(silence.id.clone(), (silence, matchers));
        }
    }

    /// Forgets one.
    pub(crate) fn remove(&mut self, id: &str) {
        self.all.remove(id);
    }

    /// The one with this id.
    pub(crate) fn get(&self, tenant: &Tenant, id: &str) -> Option<&Silence> {
        self.all.get(id).map(|(silence, _)| silence).filter(|silence| silence.tenant == *tenant)
    }

    /// Those of a tenant.
    pub(crate) fn list<'s>(&'s self, tenant: &'s Tenant) -> impl Iterator<Item = &'s Silence> {
        self.all.values().map(|(silence, _)| silence).filter(move |silence| silence.tenant == *tenant)
    }

    /// All, whoever's they are.
    pub(crate) fn every(&self) -> impl Iterator<Item = &Silence> {
        self.all.values().map(|(silence, _)| silence)
    }

    /// Ids of those that hold for an alert with these labels.
    pub(crate) fn holding(&self, tenant: &Tenant, labels: &BTreeMap<String, String>, now: Timestamp) -> Vec<&str> {
        let holds = |(silence, matchers): &&(Silence, Vec<Matcher>)| {
            silence.tenant == *tenant
                && silence.state(now) == SilenceState::Active
                && matchers.iter().all(|matcher| matcher.matches(labels))
        };
        self.all.values().filter(holds).map(|(silence, _)| silence.id.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(matchers: &str) -> Silence {
        Silence {
            id: "a".to_owned(),
            tenant: Tenant::default(),
            matchers: Matcher::parse(matchers).unwrap().iter().map(WrittenMatcher::from).collect(),
            starts_at: Timestamp(10),
            ends_at: Timestamp(20),
            updated_at: Timestamp(10),
            created_by: "anna".to_owned(),
            comment: "works".to_owned(),
        }
    }

    #[test]
    fn a_silence_holds_for_its_time_its_tenant_and_its_labels() {
        let silences = Silences::of([silence("service=shop,env!~\"dev.*\"")]);
        let labels = |text: &str| {
            text.split(' ').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        };
        let holds = |text: &str, now| !silences.holding(&Tenant::default(), &labels(text), Timestamp(now)).is_empty();
        assert!(holds("service=shop", 10) && holds("service=shop env=prod", 19));
        assert!(!holds("service=shop", 9) && !holds("service=shop", 20));
        assert!(!holds("service=shop env=dev-1", 15) && !holds("service=crm", 15));
        let other = Tenant::new("other").unwrap();
        assert!(silences.holding(&other, &labels("service=shop"), Timestamp(15)).is_empty());
    }

    #[test]
    fn a_silence_is_about_the_services_it_names_and_else_about_all() {
        let of = |matchers: &str| silence(matchers).services().into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(of("service_name=shop-api,alertname=A"), "shop-api");
        assert_eq!(of("service_name=~\"shop-api|cart_1\""), "cart_1 shop-api");
        for all in ["alertname=A", "service_name!=shop", "service_name=~\"shop.*\"", "service_name=~\"a|\"", "a=shop"] {
            assert_eq!(of(all), "", "{all}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let good = silence("a=b");
        assert_eq!(good.check(Timestamp(5)), Ok(()));
        let problem = |change: fn(&mut Silence)| {
            let mut silence = silence("a=b");
            change(&mut silence);
            silence.check(Timestamp(5)).unwrap_err()
        };
        assert!(problem(|s| s.matchers.clear()).contains("1 to 50"));
        assert!(problem(|s| s.matchers[0].value.clear()).contains("everything"));
        assert!(problem(|s| s.ends_at = Timestamp(10)).contains("after it begins"));
        assert!(problem(|s| (s.starts_at, s.ends_at) = (Timestamp(1), Timestamp(4))).contains("past"));
        assert!(problem(|s| s.comment.clear()).contains("comment"));
        assert!(problem(|s| s.matchers[0].name = "1".to_owned()).contains("`1`"));
    }
}
