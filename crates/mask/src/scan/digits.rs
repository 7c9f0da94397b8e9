//! Numbers: groups of digits with separators between them, tried by each rule from each group on.

mod card;
mod papers;
mod phone;

use super::Scan;
use crate::Rule;
use crate::keys::Class;

/// More groups than any number of ours is written in.
const MAX_GROUPS: usize = 12;
/// Separators between two groups, as in `) - `.
const MAX_SEPARATORS: usize = 3;
/// Fewer digits are never personal, but for the series of a passport.
const MIN_DIGITS: usize = 9;
const MIN_CARD_DIGITS: usize = 13;
const MAX_CARD_DIGITS: usize = 19;
/// Bytes before a number in which a word may tell what it is.
const NEAR: usize = 48;

#[derive(Clone, Copy, Default)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    const fn len(self) -> usize {
        self.end - self.start
    }
}

impl Scan<'_> {
    /// Reads the number at a digit, and goes on after it, or after its first group when it is too long to judge at once.
    pub(super) fn digits(&mut self) {
        if self.is_inside_word(self.at) {
            let found = self.is_on(Rule::Iban) && self.iban();
            if !found {
                let word_end = |scan: &Self| scan.skip_while(scan.at, |byte| byte.is_ascii_alphanumeric());
                // In the middle of a word the pass stands only once, unless it goes by every digit.
                self.at = if self.border == 0 && !self.is_thorough() { self.at + 1 } else { word_end(self) };
            }
            return;
        }
        if !self.is_on(Rule::Ip)
            && !self.is_thorough()
            && let Some((end, digits)) = self.short()
        {
            self.short_number(self.at, end, digits);
            return;
        }
        let mut groups = [Group::default(); MAX_GROUPS];
        let (len, digits) = self.gather(&mut groups);
        let groups = &groups[..len];
        let end = groups[len - 1].end;
        if self.is_on(Rule::Ip) && self.ipv4() {
            return;
        }
        if digits < MIN_DIGITS {
            self.short_number(groups[0].start, end, digits);
            return;
        }
        let full = len == MAX_GROUPS;
        let starts = if full { 1 } else { len };
        let mut left = digits;
        for first in 0..starts {
            if left < MIN_DIGITS {
                break;
            }
            if self.number(&groups[first..]) {
                return;
            }
            left -= groups[first].len();
        }
        self.at = if full { groups[1].start } else { end };
    }

    /// The end and the digits of a number that is too short to be personal.
    fn short(&self) -> Option<(usize, usize)> {
        let (mut start, mut digits) = (self.at, 0);
        loop {
            let end = self.digits_end(start);
            digits += end - start;
            if MIN_DIGITS <= digits {
                return None;
            }
            match self.next_group(end) {
                Some(next) => start = next,
                None => return Some((end, digits)),
            }
        }
    }

    /// Goes on after a number that is too short to be personal but for the series of a passport.
    fn short_number(&mut self, start: usize, end: usize, digits: usize) {
        self.at = end;
        if digits == 4 {
            self.passport_in_parts(start, end);
        }
    }

    fn gather(&self, groups: &mut [Group; MAX_GROUPS]) -> (usize, usize) {
        let (mut len, mut digits, mut start) = (0, 0, self.at);
        loop {
            let end = self.digits_end(start);
            groups[len] = Group { start, end };
            len += 1;
            digits += end - start;
            match self.next_group(end) {
                Some(next) if len < MAX_GROUPS => start = next,
                _ => return (len, digits),
            }
        }
    }

    /// The digit after one to three separators at `at`.
    fn next_group(&self, at: usize) -> Option<usize> {
        let is_separator = |byte| matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'+');
        for next in at..at + MAX_SEPARATORS {
            if !is_separator(self.byte(next)?) {
                return None;
            }
            if self.byte(next + 1)?.is_ascii_digit() {
                return Some(next + 1);
            }
        }
        None
    }

    /// Whether a number of ours starts at the first group; the hit is noted. Each rule sees what the one before refused.
    fn number(&mut self, groups: &[Group]) -> bool {
        let start = groups[0].start;
        let plus = self.plus_before(start);
        let found = self
            .card(groups)
            .or_else(|| self.card_as_float(groups))
            .map(|end| (Rule::Card, start, end))
            .or_else(|| Some((Rule::Snils, start, self.snils(groups)?)))
            .or_else(|| Some((Rule::Inn, start, self.inn(groups)?)))
            .or_else(|| Some((Rule::Passport, start, self.passport(groups)?)))
            .or_else(|| {
                Some((Rule::Phone, plus.unwrap_or(self.phone_start(groups)), self.phone(groups, plus.is_some())?))
            });
        let Some((rule, start, end)) = found else { return false };
        let quote = self.json_number(start, end);
        self.hit(rule, start..end);
        if let Some(hit) = self.hits.last_mut() {
            hit.quote = quote;
        }
        true
    }

    /// Whether the key says that its value, which begins at `start`, is a number of this class.
    fn is_told(&self, class: Class, start: usize) -> bool {
        self.may_tell_number(start) && self.class_of_value(start) == Some(class)
    }

    fn digits_of(&self, start: usize, end: usize) -> impl Iterator<Item = u8> + Clone {
        self.bytes[start..end].iter().copied().filter(u8::is_ascii_digit)
    }

    /// Where the plus before `start` is, unless it is an addition such as `a+7`.
    fn plus_before(&self, start: usize) -> Option<usize> {
        let plus = start.checked_sub(1).filter(|plus| self.bytes[*plus] == b'+')?;
        let alone = plus <= self.border || !self.bytes[plus - 1].is_ascii_alphanumeric();
        alone.then_some(plus)
    }

    /// Whether no letter follows, as in `4111111111111111f`, which is some other id.
    fn ends_number(&self, end: usize) -> bool {
        !self.byte(end).is_some_and(|byte| byte.is_ascii_alphanumeric())
    }

    /// Whether the digits from `start` on are the decimals of a number.
    fn is_fraction(&self, start: usize) -> bool {
        self.byte_before(start) == Some(b'.') && self.byte_before(start - 1).is_some_and(|byte| byte.is_ascii_digit())
    }

    /// Whether the plain number is the value of an id key, or stands in a path as `/orders/4711` does.
    fn is_id(&self, start: usize, end: usize) -> bool {
        let before = &self.bytes[..start];
        if before.ends_with(b"/orders/") || before.ends_with(b"/order/") {
            return true;
        }
        let closed = !matches!(self.byte(end), Some(b' ' | b'-') if self.next_group(end).is_some());
        closed && self.plus_before(start).is_none() && self.class_of_value(start) == Some(Class::Id)
    }

    fn is_in_uuid(&self, start: usize, end: usize) -> bool {
        let of_uuid = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
        let left = self.bytes[..start].iter().rev().take(37).take_while(|byte| of_uuid(byte)).count();
        let right = self.bytes[end..].iter().take(37).take_while(|byte| of_uuid(byte)).count();
        let word = &self.bytes[start - left..end + right];
        word.len() == 36 && [8, 13, 18, 23].iter().all(|dash| word[*dash] == b'-')
    }
}
