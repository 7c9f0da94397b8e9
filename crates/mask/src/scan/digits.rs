//! Numbers: groups of digits with separators between them, tried as a card and as a phone from each group on.

use super::Scan;
use crate::{Rule, decode};

/// More groups than any phone or card is written in.
const MAX_GROUPS: usize = 12;
/// Separators between two groups, as in `) - `.
const MAX_SEPARATORS: usize = 3;
/// Fewer digits are never personal.
const MIN_DIGITS: usize = 9;
const MIN_CARD_DIGITS: usize = 13;
const MAX_CARD_DIGITS: usize = 19;

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
            self.at = self.skip_while(self.at, |byte| byte.is_ascii_alphanumeric());
            return;
        }
        let mut groups = [Group::default(); MAX_GROUPS];
        let (len, digits) = self.gather(&mut groups);
        let groups = &groups[..len];
        let end = groups[len - 1].end;
        if digits < MIN_DIGITS {
            self.at = end;
            return;
        }
        let full = len == MAX_GROUPS;
        let starts = if full { 1 } else { len };
        for first in 0..starts {
            if self.number(&groups[first..]) {
                return;
            }
        }
        self.at = if full { groups[1].start } else { end };
    }

    fn gather(&self, groups: &mut [Group; MAX_GROUPS]) -> (usize, usize) {
        let (mut len, mut digits, mut start) = (0, 0, self.at);
        loop {
            let end = self.skip_while(start, |byte| byte.is_ascii_digit());
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
    fn next_group(&self, mut at: usize) -> Option<usize> {
        for _ in 0..MAX_SEPARATORS {
            at += self.separator(at)?;
            if self.byte(at)?.is_ascii_digit() {
                return Some(at);
            }
        }
        None
    }

    /// Bytes of the separator at `at`: blank, dash, dot, bracket, plus, their Unicode forms and escapes.
    fn separator(&self, at: usize) -> Option<usize> {
        match self.byte(at)? {
            b' ' | b'-' | b'.' | b'(' | b')' | b'+' => Some(1),
            b'%' => matches!(decode::percent(self.bytes, at)?, b' ' | b'-' | b'(' | b')' | b'+').then_some(3),
            0xc2 => (self.byte(at + 1)? == 0xa0).then_some(2),
            0xe2 => matches!(self.bytes.get(at + 1..at + 3)?, [0x80, 0x80..=0x95 | 0xaf]).then_some(3),
            b'\\' => {
                let escape = self.skip_while(at, |byte| byte == b'\\');
                matches!(decode::unicode(self.bytes, escape)?, 0xa0 | 0x2000..=0x2015 | 0x202f | 0x2b)
                    .then_some(escape + 5 - at)
            }
            _ => None,
        }
    }

    /// Whether a card or a phone starts at the first group; the hit is noted.
    fn number(&mut self, groups: &[Group]) -> bool {
        let start = groups[0].start;
        let plus = self.plus_before(start);
        let found = self.card(groups).map(|end| (Rule::Card, start, end)).or_else(|| {
            let end = self.phone(groups, plus.is_some())?;
            Some((Rule::Phone, plus.unwrap_or(start), end))
        });
        let Some((rule, start, end)) = found else { return false };
        self.hit(rule, start..end, None);
        true
    }

    fn card(&self, groups: &[Group]) -> Option<usize> {
        if !self.is_on(Rule::Card) {
            return None;
        }
        let mut digits = [0; MAX_CARD_DIGITS];
        let mut len = 0;
        let mut found = None;
        for (index, group) in groups.iter().enumerate() {
            let Some(room) = digits.get_mut(len..len + group.len()) else { break };
            room.copy_from_slice(&self.bytes[group.start..group.end]);
            len += group.len();
            if !is_card_grouping(&groups[..=index]) {
                break;
            }
            let fits = MIN_CARD_DIGITS <= len && (is_card(&digits[..len]) || self.is_under_card_key(groups[0].start));
            if fits && self.ends_number(group.end) {
                found = Some((index, group.end));
            }
            if len == MAX_CARD_DIGITS {
                break;
            }
        }
        let (last, end) = found?;
        let start = groups[0].start;
        let exempt = self.is_in_uuid(start, end) || (last == 0 && (self.is_fraction(start) || self.is_id(start, end)));
        (!exempt).then_some(end)
    }

    /// A key that says `card` leaves nothing to check, not even the Luhn sum of a mistyped number.
    fn is_under_card_key(&self, start: usize) -> bool {
        self.key_of_value(start).is_some_and(|key| self.keys.is_card(key))
    }

    fn phone(&self, groups: &[Group], plus: bool) -> Option<usize> {
        if !self.is_on(Rule::Phone) {
            return None;
        }
        let start = groups[0].start;
        let russian = matches!(self.bytes[start], b'7' | b'8') && is_russian_grouping(groups);
        let fixed = match self.bytes[start] {
            b'1' | b'7' if plus => Some(11),
            b'0' => None,
            _ if !plus && russian => Some(11),
            _ => None,
        };
        if let Some(wanted) = fixed {
            let (last, end) = self.prefix(groups, wanted..=wanted)?;
            return (plus || self.is_russian_phone(start, end, last)).then_some(end);
        }
        if self.bytes[start] == b'0' {
            return None;
        }
        if plus {
            return self.prefix(groups, MIN_DIGITS..=15).map(|(_, end)| end);
        }
        let key = self.key_of_value(start)?;
        self.keys.is_phone(key).then(|| self.prefix(groups, 10..=15)).flatten().map(|(_, end)| end)
    }

    /// Area code and neighbours of eleven digits that begin with 7 or 8.
    fn is_russian_phone(&self, start: usize, end: usize, last: usize) -> bool {
        let area = self.bytes[start..end].iter().filter(|byte| byte.is_ascii_digit()).nth(1);
        let known = matches!(area, Some(b'3' | b'4' | b'5' | b'8' | b'9'))
            || (self.bytes[start] == b'7' && area == Some(&b'7'));
        known && !(last == 0 && (self.is_fraction(start) || self.is_id(start, end)))
    }

    /// The longest run of whole groups with so many digits: its last group and its end.
    fn prefix(&self, groups: &[Group], wanted: std::ops::RangeInclusive<usize>) -> Option<(usize, usize)> {
        let mut digits = 0;
        let mut found = None;
        for (index, group) in groups.iter().enumerate() {
            digits += group.len();
            if *wanted.end() < digits {
                break;
            }
            if wanted.contains(&digits) && self.ends_number(group.end) {
                found = Some((index, group.end));
            }
        }
        found
    }

    /// Where the plus before `start` begins, plain or escaped, unless it is an addition such as `a+7`.
    fn plus_before(&self, start: usize) -> Option<usize> {
        let before = &self.bytes[..start];
        if before.ends_with(b"+") {
            let plus = start - 1;
            let alone = plus <= self.border || !self.bytes[plus - 1].is_ascii_alphanumeric();
            return alone.then_some(plus);
        }
        let escape = [&b"%2B"[..], b"%2b", b"u002B", b"u002b"].into_iter().find(|escape| before.ends_with(escape))?;
        let mut plus = start - escape.len();
        while escape[0] == b'u' && 0 < plus && self.bytes[plus - 1] == b'\\' {
            plus -= 1;
        }
        Some(plus)
    }

    /// Whether no letter follows, as in `4111111111111111f`, which is some other id.
    fn ends_number(&self, end: usize) -> bool {
        !self.byte(end).is_some_and(|byte| byte.is_ascii_alphabetic())
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
        closed && self.plus_before(start).is_none() && self.key_of_value(start).is_some_and(|key| self.keys.is_id(key))
    }

    fn is_in_uuid(&self, start: usize, end: usize) -> bool {
        let of_uuid = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
        let left = self.bytes[..start].iter().rev().take(37).take_while(|byte| of_uuid(byte)).count();
        let right = self.bytes[end..].iter().take(37).take_while(|byte| of_uuid(byte)).count();
        let word = &self.bytes[start - left..end + right];
        word.len() == 36 && [8, 13, 18, 23].iter().all(|dash| word[*dash] == b'-')
    }
}

/// Whether a card may be written in these groups: one, or a first one of four and more and no tiny ones between.
fn is_card_grouping(groups: &[Group]) -> bool {
    let between = groups.get(1..groups.len() - 1).unwrap_or_default();
    groups.len() == 1 || (4 <= groups[0].len() && between.iter().all(|group| 3 <= group.len()))
}

/// Whether a Russian phone may be written in these groups: `7`, `7916` or all eleven digits first.
fn is_russian_grouping(groups: &[Group]) -> bool {
    matches!(groups[0].len(), 1 | 4 | 11)
}

/// Whether the digits are a card's: a network's prefix with one of its lengths, and a right Luhn sum.
fn is_card(digits: &[u8]) -> bool {
    let prefix =
        |len: usize| digits.iter().take(len).fold(0, |number: u32, digit| number * 10 + u32::from(digit - b'0'));
    let lengths = match (prefix(1), prefix(2), prefix(4)) {
        (4, ..) => 13..=19,
        (5, 51..=55, _) | (2, _, 2221..=2720) => 16..=16,
        (2, _, 2200..=2204) => 16..=19,
        (3, 34 | 37, _) => 15..=15,
        (3, 30 | 36 | 38 | 39, _) => 14..=19,
        (3, 35, 3528..=3589) => 16..=19,
        (5, 50 | 56..=59, _) => 13..=19,
        (6, ..) => 13..=19,
        (8, 81, _) => 16..=19,
        (9, _, 9860 | 8600) | (8, _, 8600) => 16..=16,
        _ => return false,
    };
    lengths.contains(&digits.len()) && has_luhn_sum(digits)
}

fn has_luhn_sum(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(digit - b'0');
            let doubled = digit * 2;
            if index % 2 == 0 { digit } else { doubled / 10 + doubled % 10 }
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != b'0')
}
