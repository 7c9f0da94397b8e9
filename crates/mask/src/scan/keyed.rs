//! Values that their key tells: `key=value`, `key: value`, JSON, and JSON inside a JSON string.

use std::ops::Range;

use super::Scan;
use super::key::{Key, MAX_BLANKS, is_blank};
use super::value::{Form, Value};
use crate::Rule;
use crate::action::Treatments;
use crate::keys::Class;
use crate::rule::RuleId;

/// Bytes of a value that are looked at to see whether there is something to mask.
const MAX_NEAR_BYTES: usize = 512;

/// The rule that masks any value of a key of this class, if it is on.
pub(crate) fn is_told_by_key(class: Class, treatments: &Treatments) -> Option<RuleId> {
    let rule = match class {
        Class::Secret => Rule::Secret.into(),
        Class::Name => Rule::Name.into(),
        Class::Address => Rule::Address.into(),
        Class::Own(rule) => rule,
        Class::Id | Class::Phone | Class::Card | Class::MaybeName | Class::MaybeAddress | Class::Nothing => {
            return None;
        }
    };
    treatments.of(rule).is_on.then_some(rule)
}

impl Scan<'_> {
    /// Reads around the `=` or `:` at `at`.
    pub(super) fn assign(&mut self, at: usize) {
        if self.bytes[at] == b':' && self.is_on(Rule::Ip) && self.ipv6(at) {
            return;
        }
        self.at = at + 1;
        if !self.may_follow_telling_key(at) {
            return;
        }
        if let Some(key) = self.key_before(at) {
            self.value_of(&key, at + 1 + usize::from(self.is_between_brackets(at)));
        }
    }

    /// Reads the value that stands behind `after`, if its key tells what it is.
    pub(super) fn value_of(&mut self, key: &Key, after: usize) {
        let Some(class) = self.telling_class(key) else { return };
        let near = self.near(after, MAX_NEAR_BYTES);
        let near_value = near.value_at(after, key);
        let is_told = near_value.is_some_and(|value| near.told(class, key, &value).is_some());
        self.quotes.set(near.quotes.get());
        if !is_told {
            return;
        }
        if let Some(value) = self.value_at(after, key) {
            self.take(class, key, &value);
        }
    }

    /// Notes what a key of this class tells of its value, unless it was masked before.
    pub(super) fn take(&mut self, class: Class, key: &Key, value: &Value) {
        let Some((rule, span)) = self.told(class, key, value).filter(|(_, span)| !span.is_empty()) else { return };
        if let Some(end) = self.masked_end(rule, value, &span) {
            self.go_on(end);
            return;
        }
        self.hit(rule, span);
        if let Some(hit) = self.hits.last_mut() {
            hit.quote = value.quote;
        }
    }

    /// The end of the rule's marker that is all of the value: it was masked before, together with all that belonged to it.
    fn masked_end(&self, rule: RuleId, value: &Value, span: &Range<usize>) -> Option<usize> {
        let name = self.rules.treatments.of(rule).name.as_ref();
        let (_, end) = self.marker(span.start).filter(|(marker, _)| *marker == name)?;
        let is_bare = value.form == Form::Bare;
        let is_all = end == span.end || (is_bare && (end == self.bytes.len() || self.ends_bare(end)));
        is_all.then_some(end)
    }

    /// The rule for a value under a key of this class, and what of the value it takes.
    fn told(&self, class: Class, key: &Key, value: &Value) -> Option<(RuleId, Range<usize>)> {
        let whole = value.span.clone();
        if let Some(rule) = is_told_by_key(class, &self.rules.treatments) {
            let span = match (class, value.form) {
                (Class::Name, Form::Bracketed) => return None,
                (Class::Name, Form::Bare) => self.bare_name(whole.start),
                (Class::Address, Form::Bare) => self.bare_address(whole.start),
                _ => whole,
            };
            return Some((rule, span));
        }
        match class {
            Class::MaybeName if self.is_on(Rule::Name) && value.form != Form::Bracketed => {
                let span = match value.form {
                    Form::Bare => self.bare_name(whole.start),
                    _ => whole,
                };
                let name = if value.form == Form::Wrapped { self.in_quotes(&span) } else { span.clone() };
                self.is_person(key.span.start, name).then(|| (Rule::Name.into(), span))
            }
            Class::MaybeAddress if self.is_on(Rule::Address) => {
                let is_postal = match value.form {
                    Form::Quoted | Form::Wrapped => self.is_postal(whole.clone()),
                    Form::Bracketed => self.is_postal_object(whole.clone()),
                    Form::Bare => false,
                };
                is_postal.then(|| (Rule::Address.into(), whole))
            }
            _ => None,
        }
    }

    /// The depth of the quotes that a number needs when it is replaced: those of its key in JSON.
    pub(super) fn json_number(&self, start: usize, end: usize) -> Option<usize> {
        let blanks = self.bytes[..start].iter().rev().take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
        let colon = (start - blanks).checked_sub(1).filter(|colon| self.bytes[*colon] == b':')?;
        let closed = matches!(self.byte(self.skip_while(end, is_blank)), Some(b',' | b'}'));
        closed.then(|| self.key_before(colon)).flatten()?.quote
    }

    /// The field that the hit is the whole value of, with one separator: what goes when a field is dropped.
    pub(crate) fn field(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let quotes = |byte: u8| matches!(byte, b'"' | b'\'' | b'\\');
        let opened = value.start - self.bytes[..value.start].iter().rev().take_while(|byte| quotes(**byte)).count();
        let blanks = self.bytes[..opened].iter().rev().take(MAX_BLANKS).take_while(|byte| is_blank(**byte)).count();
        let sign = (opened - blanks).checked_sub(1).filter(|sign| matches!(self.bytes[*sign], b'=' | b':'))?;
        let key = self.key_before(sign)?.span.start;
        let start = key - self.bytes[..key].iter().rev().take_while(|byte| quotes(**byte)).count();
        let closed = self.skip_while(value.end, quotes);
        let is_separator = |byte: u8| matches!(byte, b',' | b';' | b'&' | b' ');
        if (opened == value.start) != (closed == value.end) {
            return None;
        }
        match self.byte(closed) {
            None | Some(b'}' | b']' | b')' | b'\n' | b'"' | b'\'' | b'\\') => {
                let before = self.bytes[..start].iter().rev().take_while(|byte| is_separator(**byte)).count();
                Some(start - before..closed)
            }
            Some(byte) if is_separator(byte) => Some(start..self.skip_while(closed + 1, |byte| byte == b' ')),
            Some(_) => None,
        }
    }
}
