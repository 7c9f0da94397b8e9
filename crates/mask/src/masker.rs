//! The masker: finds hits in all forms a text can be read in, and writes it anew with each one replaced.

mod find;
mod value;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::action::{Treatment, Treatments};
use crate::keys::{Class, Keys, Writing};
use crate::own::{self, Patterns};
use crate::rule::RuleId;
use crate::scan::{Literals, Rules, Scan};
use crate::{Action, Config, Counts, Error, Hit, OwnRule, Rule, TokenKey};

/// How often the result of masking is masked again at most.
const MAX_ROUNDS: usize = 4;

/// Replaces personal data and secrets in text. Cheap to share by reference between threads.
///
/// It fails closed: a text that cannot be masked, because a rule overruns its limits or has a bug, becomes
/// `[MASK-ERROR len=N]` and is counted.
#[derive(Clone, Debug)]
pub struct Masker {
    rules: Rules,
    patterns: Option<Patterns>,
}

/// What masking has made of a text.
enum Outcome<'a> {
    Text(Cow<'a, str>),
    /// A rule says that the line goes.
    Dropped(RuleId),
}

impl Masker {
    /// Builds a masker; fails on a key name that could match nothing, on a rule that makes no sense, and on one that
    /// fails its own tests.
    pub fn new(config: &Config) -> Result<Self, Error> {
        if let Some((_, error)) = own::problems(&config.own, config.sealer.is_some()).into_iter().next() {
            return Err(error);
        }
        let masker = Self::build(config)?;
        config.own.iter().try_for_each(|rule| masker.test(rule))?;
        Ok(masker)
    }

    /// All for which [`new`](Self::new) would fail, each with the place among `own` of the rule that it is about.
    pub fn problems(config: &Config) -> Vec<(Option<usize>, Error)> {
        let mut problems = own::problems(&config.own, config.sealer.is_some());
        let places = 0..config.own.len();
        let is_good = |place: &usize| !problems.iter().any(|(wrong, _)| *wrong == Some(*place));
        let good: Vec<_> = places.filter(is_good).filter_map(|place| Some((place, config.own.get(place)?))).collect();
        let own = good.iter().map(|(_, rule)| (*rule).clone()).collect();
        match Self::build(&Config { own, ..config.clone() }) {
            Ok(masker) => {
                let failed = good.iter().filter_map(|(place, rule)| Some((Some(*place), masker.test(rule).err()?)));
                problems.extend(failed);
            }
            Err(error) => problems.push((None, error)),
        }
        problems.sort_by_key(|(place, _)| *place);
        problems
    }

    /// Builds a masker of rules that are right by themselves.
    fn build(config: &Config) -> Result<Self, Error> {
        let treatments = treatments(config);
        let with_ids: Vec<(RuleId, &OwnRule)> = own_ids(&config.own).collect();
        let own_keys: Vec<_> =
            with_ids.iter().flat_map(|(id, rule)| rule.keys.iter().map(|key| (*id, key.as_str()))).collect();
        let keys = Keys::new(&config.secret_keys, &config.id_keys, &own_keys)?;
        let patterns = Patterns::new(&with_ids)?;
        let rules = Rules {
            keys,
            on: Rule::ALL.map(|rule| treatments[rule as usize].is_on),
            treatments: Treatments(treatments),
            literals: Literals::new()?,
            is_thorough: false,
            passes_breaks: patterns.is_none(),
        };
        Ok(Self { rules, patterns })
    }

    /// The text with every hit replaced; borrowed, without any allocation, when there is none and nothing is escaped.
    /// `mask(mask(x)) == mask(x)`.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.mask_with_counts(text, &mut Counts::default())
    }

    /// As [`mask`](Self::mask), and adds the hits to `counts`.
    pub fn mask_with_counts<'a>(&self, text: &'a str, counts: &mut Counts) -> Cow<'a, str> {
        self.kept(self.outcome(text, None, counts))
    }

    /// As [`mask_with_counts`](Self::mask_with_counts), of a line that may go as a whole: `None` if a rule drops it.
    pub fn mask_line<'a>(&self, line: &'a str, counts: &mut Counts) -> Option<Cow<'a, str>> {
        match self.outcome(line, None, counts) {
            Outcome::Text(text) => Some(text),
            Outcome::Dropped(_) => None,
        }
    }

    /// The tokens of a value under a rule, by each key, the one that is written now first; none if the rule makes no
    /// tokens, an error if it would not find the value. With them a right holder finds a value that was masked.
    pub fn tokens(config: &Config, rule: &str, value: &str) -> Result<Option<Vec<String>>, Error> {
        let with = |key: &TokenKey| {
            let treatments = treatments(&Config { token_keys: vec![key.clone()], sealer: None, ..config.clone() });
            let treatment = treatments.into_iter().find(|treatment| treatment.name == rule)?;
            matches!(treatment.action, Action::Token | Action::Seal).then(|| treatment.replacement(value).into_owned())
        };
        if let Some((_, error)) = own::problems(&config.own, true).into_iter().next() {
            return Err(error);
        }
        if !Self::would_find(config, rule, value.trim())? {
            return Err(Error::NoValueOf(rule.to_owned()));
        }
        Ok(config.token_keys.iter().map(with).collect())
    }

    /// Whether a value of one line may be one that the rule finds; of rules that tell by form, the whole of it.
    fn would_find(config: &Config, rule: &str, value: &str) -> Result<bool, Error> {
        if value.is_empty() || value.contains(['\n', '\r']) {
            return Ok(false);
        }
        let Some(known) = Rule::ALL.into_iter().find(|known| known.name() == rule) else { return Ok(true) };
        let key = match known {
            Rule::Phone | Rule::Passport | Rule::Snils | Rule::Inn => Some(known.name()),
            Rule::Card | Rule::Email | Rule::Iban | Rule::Ip => None,
            _ => return Ok(true),
        };
        let masker = Self::new(&Config { rules: vec![known], own: Vec::new(), sealer: None, ..config.clone() })?;
        let hits = masker.find(value, key, 0).unwrap_or_default();
        Ok(matches!(&*hits, [hit] if hit.span == (0..value.len())))
    }

    /// Whether a rule closes its hits up, so that the closed value stands before the end of their tokens.
    pub fn seals(config: &Config, rule: &str) -> bool {
        config.own.iter().any(|own| own.id == rule && own.action() == Some(Action::Seal))
    }

    /// Where the rules hit, in order and without overlaps; for those who only want to know.
    pub fn hits(&self, text: &str) -> Vec<Hit> {
        self.find(text, None, 0).unwrap_or_else(|_| vec![Hit::new(Rule::Secret, 0..text.len())])
    }

    /// Whether a key's name says that its value is a secret.
    pub fn is_secret_key(&self, key: &str) -> bool {
        self.rules.keys.class(key, Writing::Field) == Some(Class::Secret)
    }

    /// The names of the rules that are on.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.rules.treatments.0.iter().filter(|treatment| treatment.is_on).map(|treatment| treatment.name.as_ref())
    }

    fn kept<'a>(&self, outcome: Outcome<'a>) -> Cow<'a, str> {
        match outcome {
            Outcome::Text(text) => text,
            Outcome::Dropped(rule) => Cow::Owned(self.rules.treatments.of(rule).marker.clone().into_owned()),
        }
    }

    fn outcome<'a>(&self, text: &'a str, key: Option<&str>, counts: &mut Counts) -> Outcome<'a> {
        let masked = catch_unwind(AssertUnwindSafe(|| self.settle(text, key, counts)));
        masked.ok().flatten().unwrap_or_else(|| {
            counts.add_error();
            Outcome::Text(Cow::Owned(format!("[MASK-ERROR len={}]", text.len())))
        })
    }

    /// Masks until nothing is found but what stays as it is: a replacement may bring something to light. None if that
    /// has no end, or a rule overruns its limits.
    fn settle<'a>(&self, text: &'a str, key: Option<&str>, counts: &mut Counts) -> Option<Outcome<'a>> {
        let mut masked = Cow::Borrowed(text);
        for _ in 0..MAX_ROUNDS {
            let hits = self.find(&masked, key, 0).ok()?;
            if hits.is_empty() {
                return Some(Outcome::Text(masked));
            }
            let treatment = |hit: &Hit| self.rules.treatments.of(hit.rule);
            let drops = hits.iter().find(|hit| treatment(hit).action == Action::DropLine);
            let replaced = self.apply(&masked, &hits);
            if drops.is_none() && replaced == *masked {
                return Some(Outcome::Text(masked));
            }
            hits.iter().for_each(|hit| counts.add(&treatment(hit).name));
            if let Some(hit) = drops {
                return Some(Outcome::Dropped(hit.rule));
            }
            masked = Cow::Owned(replaced);
        }
        None
    }

    fn apply(&self, text: &str, hits: &[Hit]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for hit in hits {
            let treatment = self.rules.treatments.of(hit.rule);
            let field = || Scan::new(text, None, &self.rules).field(&hit.span);
            if treatment.action == Action::DropField
                && let Some(field) = field().filter(|field| from <= field.start)
            {
                out.push_str(text.get(from..field.start).unwrap_or_default());
                from = field.end;
                continue;
            }
            out.push_str(text.get(from..hit.span.start.max(from)).unwrap_or_default());
            let value = hit.value.as_deref().or_else(|| text.get(hit.span.clone())).unwrap_or_default();
            write_quoted(&mut out, &treatment.replacement(value), hit.quote);
            from = hit.span.end.max(from);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// Runs the tests that stand in a rule.
    fn test(&self, rule: &OwnRule) -> Result<(), Error> {
        let hits = |text: &str| self.hits(text).iter().any(|hit| self.rules.treatments.of(hit.rule).name == rule.id);
        if let Some(index) = rule.tests.hits.iter().position(|text| !hits(text)) {
            return Err(rule.wrong(format!("fails its test `match[{index}]`: it finds nothing there")));
        }
        if let Some(index) = rule.tests.misses.iter().position(|text| hits(text)) {
            return Err(rule.wrong(format!("fails its test `no_match[{index}]`: it finds something there")));
        }
        Ok(())
    }
}

/// The rules of one's own that are none of the built-in ones, numbered behind those.
fn own_ids(rules: &[OwnRule]) -> impl Iterator<Item = (RuleId, &OwnRule)> {
    let new = rules.iter().filter(|rule| rule.built_in().is_none());
    new.enumerate().map(|(index, rule)| (RuleId(Rule::ALL.len() + index), rule))
}

fn treatments(config: &Config) -> Vec<Treatment> {
    let key = config.token_keys.first();
    let built_in = Rule::ALL.into_iter().map(|rule| Treatment::built_in(rule, config.rules.contains(&rule), key));
    let own = own_ids(&config.own).map(|(_, rule)| Treatment::own(&rule.id, Action::Token, key));
    let mut treatments: Vec<_> = built_in.chain(own).collect();
    for rule in &config.own {
        let Some(treatment) = treatments.iter_mut().find(|treatment| treatment.name == rule.id) else { continue };
        if let Some(action) = rule.action() {
            treatment.action = action;
            treatment.sealer.clone_from(&config.sealer);
        }
        if let Some(text) = &rule.replace {
            treatment.marker = text.clone().into();
        }
    }
    treatments
}

fn write_quoted(out: &mut String, text: &str, quote: Option<usize>) {
    let write_quote = |out: &mut String| {
        if let Some(depth) = quote {
            out.extend(std::iter::repeat_n('\\', depth));
            out.push('"');
        }
    };
    write_quote(out);
    out.push_str(text);
    write_quote(out);
}

#[cfg(test)]
mod tests;
