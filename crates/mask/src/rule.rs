//! What can be found: the rules, one hit of a rule, and counts of hits per rule.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A class of personal data or secret that the masker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// An e-mail address, also with `%40` or `\u0040` for the at sign.
    Email,
    /// A phone number: Russian `+7` and `8` forms, any other with a plus (E.164).
    Phone,
    /// A payment card number: a network's prefix and length, and a right Luhn sum.
    Card,
    /// `Bearer …`, `Basic …` and the password of a URL.
    Credential,
    /// A JSON web token.
    Jwt,
    /// The value of a key that names a secret, such as `password`.
    Secret,
}

impl Rule {
    /// Every rule, in the order of their declaration.
    pub const ALL: [Self; 6] = [Self::Email, Self::Phone, Self::Card, Self::Credential, Self::Jwt, Self::Secret];

    /// The rule's name in configuration, metrics and markers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Credential => "credential",
            Self::Jwt => "jwt",
            Self::Secret => "secret",
        }
    }

    /// What stands in place of a hit when no token is made, such as `<email>`.
    pub const fn marker(self) -> &'static str {
        match self {
            Self::Email => "<email>",
            Self::Phone => "<phone>",
            Self::Card => "<card>",
            Self::Credential => "<credential>",
            Self::Jwt => "<jwt>",
            Self::Secret => "<secret>",
        }
    }

    /// Whether equal values get equal tokens once a key is set. Secrets never do: nobody searches by one.
    pub const fn is_tokenised(self) -> bool {
        matches!(self, Self::Email | Self::Phone | Self::Card)
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// One place in a text that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The rule that found it.
    pub rule: Rule,
    /// Its bytes in the text; both ends are character borders.
    pub span: Range<usize>,
    /// How many backslashes stand before each quote that the replacement needs to stay valid JSON; `None`: no quotes.
    pub(crate) quote: Option<usize>,
}

/// Hits per rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Rule::ALL.len()]);

impl Counts {
    /// Hits of one rule.
    pub fn get(&self, rule: Rule) -> u64 {
        self.0[rule.index()]
    }

    /// Hits of all rules.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Every rule with its hits, those without any included.
    pub fn iter(&self) -> impl Iterator<Item = (Rule, u64)> + '_ {
        Rule::ALL.into_iter().map(|rule| (rule, self.get(rule)))
    }

    /// Counts one more hit.
    pub fn add(&mut self, rule: Rule) {
        self.0[rule.index()] += 1;
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}
