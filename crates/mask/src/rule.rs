//! What can be found: the built-in rules, one hit, and counts of hits by rule.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A class of personal data or secret that the masker knows by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// An e-mail address.
    Email,
    /// A phone number: Russian `+7` and `8` forms, any other with a plus (E.164).
    Phone,
    /// A payment card number: a network's prefix and length, and a right Luhn sum.
    Card,
    /// An international bank account number: a country with its length, and a right remainder of 97.
    Iban,
    /// A Russian passport: series and number near a word such as `паспорт`.
    Passport,
    /// A Russian insurance number (SNILS): its usual form or a word near it, and a right checksum.
    Snils,
    /// A Russian taxpayer number (INN) of 10 or 12 digits near such a word, and right checksums.
    Inn,
    /// An IPv4 or IPv6 address. Off unless named.
    Ip,
    /// The value of a key that names a person, such as `full_name` or `фио`.
    Name,
    /// The value of a key that names a postal address, such as `delivery_address` or `адрес`.
    Address,
    /// `Bearer …`, `Basic …` and the password of a URL.
    Credential,
    /// A JSON web token.
    Jwt,
    /// A key of a known service, such as AWS, GitHub or Telegram.
    ApiKey,
    /// A private key in PEM form.
    PrivateKey,
    /// The value of a key that names a secret, such as `password`.
    Secret,
}

/// Names and markers, in the order of the declaration.
const NAMES: [(&str, &str); Rule::ALL.len()] = [
    ("email", "<email>"),
    ("phone", "<phone>"),
    ("card", "<card>"),
    ("iban", "<iban>"),
    ("passport", "<passport>"),
    ("snils", "<snils>"),
    ("inn", "<inn>"),
    ("ip", "<ip>"),
    ("name", "<name>"),
    ("address", "<address>"),
    ("credential", "<credential>"),
    ("jwt", "<jwt>"),
    ("api_key", "<api_key>"),
    ("private_key", "<private_key>"),
    ("secret", "<secret>"),
];

impl Rule {
    /// Every rule, in the order of their declaration.
    pub const ALL: [Self; 15] = [
        Self::Email,
        Self::Phone,
        Self::Card,
        Self::Iban,
        Self::Passport,
        Self::Snils,
        Self::Inn,
        Self::Ip,
        Self::Name,
        Self::Address,
        Self::Credential,
        Self::Jwt,
        Self::ApiKey,
        Self::PrivateKey,
        Self::Secret,
    ];

    /// Those that find numbers.
    pub(crate) const NUMBERS: [Self; 5] = [Self::Phone, Self::Card, Self::Inn, Self::Snils, Self::Passport];

    /// The rule's name in configuration, metrics and markers.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].0
    }

    /// What stands in place of a hit when no token is made, such as `<email>`.
    pub const fn marker(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The rules that are on by themselves: all but `ip`.
    pub fn defaults() -> Vec<Self> {
        Self::ALL.into_iter().filter(|rule| *rule != Self::Ip).collect()
    }

    /// Whether a hit becomes a token once there is a key: what belongs to a person does, a secret never, since nobody
    /// searches by one.
    pub const fn is_tokenised(self) -> bool {
        !matches!(self, Self::Credential | Self::Jwt | Self::ApiKey | Self::PrivateKey | Self::Secret)
    }

    /// The rule of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

/// A rule of a masker: the built-in ones first, then its own ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleId(pub(crate) usize);

impl From<Rule> for RuleId {
    fn from(rule: Rule) -> Self {
        Self(rule as usize)
    }
}

/// One place in a text that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its bytes in the text; both ends are character borders.
    pub span: Range<usize>,
    pub(crate) rule: RuleId,
    /// How many backslashes stand before each quote that the replacement needs to stay valid JSON; `None`: no quotes.
    pub(crate) quote: Option<usize>,
    /// What was found, where it stands in the text in another form.
    pub(crate) value: Option<Box<str>>,
}

impl Hit {
    pub(crate) fn new(rule: impl Into<RuleId>, span: Range<usize>) -> Self {
        Self { span, rule: rule.into(), quote: None, value: None }
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.span.start < other.span.end && other.span.start < self.span.end
    }
}

/// Hits by the name of their rule, and texts that could not be masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    hits: BTreeMap<String, u64>,
    errors: u64,
}

impl Counts {
    /// Hits of one rule.
    pub fn get(&self, rule: &str) -> u64 {
        self.hits.get(rule).copied().unwrap_or_default()
    }

    /// Hits of all rules.
    pub fn total(&self) -> u64 {
        self.hits.values().sum()
    }

    /// Texts that became `[MASK-ERROR len=N]`.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The rules that hit, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.hits.iter().map(|(rule, count)| (rule.as_str(), *count))
    }

    /// Counts one more hit.
    pub fn add(&mut self, rule: &str) {
        match self.hits.get_mut(rule) {
            Some(count) => *count += 1,
            None => drop(self.hits.insert(rule.to_owned(), 1)),
        }
    }

    pub(crate) fn add_error(&mut self) {
        self.errors += 1;
    }
}

impl std::ops::AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        for (rule, count) in &other.hits {
            *self.hits.entry(rule.clone()).or_default() += count;
        }
        self.errors += other.errors;
    }
}
