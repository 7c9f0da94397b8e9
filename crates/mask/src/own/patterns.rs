//! The patterns of all rules of one's own as one automaton: one pass over a text, whatever their number.

use regex_automata::meta::{Config, Regex};
use regex_automata::{Anchored, Input, PatternID};

use super::OwnRule;
use crate::context::has_word;
use crate::rule::{Hit, RuleId};
use crate::{Error, Validator};

/// Memory of one compiled set of patterns.
const SIZE_LIMIT: usize = 4 << 20;
/// Matches of one text that validators or context refuse; a text with more is given up, since each costs a search.
const MAX_REFUSED: usize = 10_000;

/// What is left to check when a pattern has matched.
#[derive(Clone, Debug)]
struct Condition {
    rule: RuleId,
    validator: Option<Validator>,
    context: Vec<String>,
    within: usize,
}

/// The compiled patterns.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    regex: Regex,
    conditions: Vec<Condition>,
}

/// A text on which patterns matched in vain too often.
#[derive(Debug)]
pub(crate) struct Overrun;

impl Patterns {
    /// None when no rule has a pattern; each is one that was [`check`]ed.
    pub(crate) fn new(rules: &[(RuleId, &OwnRule)]) -> Result<Option<Self>, Error> {
        let with_pattern = || rules.iter().filter_map(|(id, rule)| Some((*id, *rule, rule.pattern.as_deref()?)));
        let texts: Vec<&str> = with_pattern().map(|(.., pattern)| pattern).collect();
        if texts.is_empty() {
            return Ok(None);
        }
        let conditions = with_pattern().map(|(id, rule, _)| Condition {
            rule: id,
            validator: rule.validator,
            context: rule.context.iter().map(|word| word.to_lowercase()).collect(),
            within: rule.within,
        });
        let regex = compile(&texts).map_err(Error::Document)?;
        Ok(Some(Self { regex, conditions: conditions.collect() }))
    }

    /// Adds the hits in a text that is the value of `key`, if of any.
    pub(crate) fn find(&self, text: &str, key: Option<&str>, hits: &mut Vec<Hit>) -> Result<(), Overrun> {
        let (mut at, mut refused) = (0, 0);
        while let Some(found) = self.regex.find(Input::new(text).range(at..)) {
            let start = found.start();
            if let Some(hit) = self.accepted(text, key, start, found.pattern()) {
                at = hit.span.end;
                hits.push(hit);
                continue;
            }
            refused += 1;
            if refused > MAX_REFUSED {
                return Err(Overrun);
            }
            // The rules behind it may look at the same place, and every rule at what follows.
            at = text.ceil_char_boundary(start + 1);
        }
        Ok(())
    }

    /// The longest hit at `start` of the rules from `first` on whose conditions hold; of equally long ones the first.
    fn accepted(&self, text: &str, key: Option<&str>, start: usize, first: PatternID) -> Option<Hit> {
        let hits = (first.as_usize()..self.conditions.len()).filter_map(|index| {
            let anchored = Anchored::Pattern(PatternID::must(index));
            let found = self.regex.find(Input::new(text).range(start..).anchored(anchored))?;
            let condition = &self.conditions[index];
            let value = text.get(found.range()).filter(|value| !value.is_empty())?;
            condition.holds(text, key, start, value).then(|| Hit::new(condition.rule, found.range()))
        });
        hits.reduce(|best, other| if best.span.end < other.span.end { other } else { best })
    }
}

impl Condition {
    fn holds(&self, text: &str, key: Option<&str>, start: usize, value: &str) -> bool {
        let near = |word: &String| has_word(text, start, self.within, key, word);
        self.validator.is_none_or(|validator| validator.accepts(value))
            && (self.context.is_empty() || self.context.iter().any(near))
    }
}

/// Whether the pattern of a rule, if it has one, can be used.
pub(super) fn check(rule: &OwnRule) -> Result<(), Error> {
    let Some(pattern) = rule.pattern.as_deref() else { return Ok(()) };
    let regex = compile(&[pattern]).map_err(|problem| rule.wrong(format!("has a bad pattern: {problem}")))?;
    if regex.is_match("") { Err(rule.wrong("has a pattern that matches nothing at all")) } else { Ok(()) }
}

fn compile(patterns: &[&str]) -> Result<Regex, String> {
    let config = Config::new().nfa_size_limit(Some(SIZE_LIMIT)).onepass_size_limit(Some(SIZE_LIMIT));
    Regex::builder().configure(config).build_many(patterns).map_err(|error| {
        let reason = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
        reason.lines().last().unwrap_or_default().to_owned()
    })
}
