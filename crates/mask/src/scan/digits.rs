//! Numbers: groups of digits with separators between them, tried by each rule from each group on.

use std::ops::RangeInclusive;

use super::Scan;
use crate::keys::Class;
use crate::{Rule, check};

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
/// Bytes between the series and the number of a passport, as in `4510 № 123456` or `4510","passportNumber":"123456`.
const MAX_SERIES_GAP: usize = 32;

const PASSPORT_WORDS: [&str; 4] = ["паспорт*", "passport*", "серия", "серии"];
const SNILS_WORDS: [&str; 2] = ["снилс*", "snils*"];
const INN_WORDS: [&str; 2] = ["инн", "inn"];

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

    fn card(&self, groups: &[Group]) -> Option<usize> {
        let first = groups[0].len();
        if !self.is_on(Rule::Card) || (first != 4 && !(MIN_CARD_DIGITS..=MAX_CARD_DIGITS).contains(&first)) {
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
            let fits =
                MIN_CARD_DIGITS <= len && (is_card(&digits[..len]) || self.is_told(Class::Card, groups[0].start));
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

    /// A card that was taken for a number and written as `4.111111111111111e15`.
    fn card_as_float(&self, groups: &[Group]) -> Option<usize> {
        let [whole, decimals, ..] = *groups else { return None };
        let is_decimal = whole.len() == 1 && decimals.start == whole.end + 1 && self.bytes[whole.end] == b'.';
        if !is_decimal || !self.is_on(Rule::Card) || self.byte_before(whole.start) == Some(b'.') {
            return None;
        }
        let exponent = decimals.end + 1;
        let exponent = exponent + usize::from(self.byte(exponent) == Some(b'+'));
        let end = self.skip_while(exponent, |byte| byte.is_ascii_digit());
        let size = 1 + self.slice(exponent..end).parse::<usize>().ok()?;
        let written = 1 + decimals.len();
        let fits = matches!(self.byte(decimals.end), Some(b'e' | b'E')) && (written..=MAX_CARD_DIGITS).contains(&size);
        if !fits || !self.ends_number(end) {
            return None;
        }
        let mut digits = [b'0'; MAX_CARD_DIGITS];
        for (place, digit) in digits.iter_mut().zip(self.digits_of(whole.start, decimals.end)) {
            *place = digit;
        }
        is_card(digits.get(..size)?).then_some(end)
    }

    /// `112-233-445 95`, or eleven digits near the word.
    fn snils(&self, groups: &[Group]) -> Option<usize> {
        if !self.is_on(Rule::Snils) {
            return None;
        }
        let usual = matches!(*groups, [a, b, c, d, ..] if [a, b, c, d].map(Group::len) == [3, 3, 3, 2]
            && [(a, b), (b, c), (c, d)].iter().all(|(left, right)| self.is_joined(*left, *right)));
        if !usual && groups[0].len() != 11 {
            return None;
        }
        let (start, end) = (groups[0].start, groups.get(if usual { 3 } else { 0 })?.end);
        let right = self.ends_number(end) && check::snils(self.digits_of(start, end));
        let told = || {
            let alone = usual && self.byte_before(start) != Some(b'.') && !self.is_in_uuid(start, end);
            alone || self.is_near(start, NEAR, &SNILS_WORDS)
        };
        (right && told()).then_some(end)
    }

    /// Whether one dash or blank, in a query string a plus, stands between two groups.
    fn is_joined(&self, left: Group, right: Group) -> bool {
        right.start - left.end == 1 && matches!(self.bytes[left.end], b'-' | b' ' | b'+')
    }

    /// Ten or twelve digits near the word.
    fn inn(&self, groups: &[Group]) -> Option<usize> {
        let (start, end) = (groups[0].start, groups[0].end);
        let fits = self.is_on(Rule::Inn) && matches!(groups[0].len(), 10 | 12) && self.ends_number(end);
        let right = fits && check::inn(self.digits_of(start, end));
        (right && self.is_near(start, NEAR, &INN_WORDS)).then_some(end)
    }

    /// `45 10 123456`, `4510 123456` or ten digits near the word.
    fn passport(&self, groups: &[Group]) -> Option<usize> {
        if !self.is_on(Rule::Passport) {
            return None;
        }
        let count = match *groups {
            [a, b, c, ..] if [a, b, c].map(Group::len) == [2, 2, 6] => 3,
            [a, b, ..] if [a, b].map(Group::len) == [4, 6] => 2,
            [a, ..] if a.len() == 10 => 1,
            _ => return None,
        };
        let (start, end) = (groups[0].start, groups[count - 1].end);
        (self.ends_number(end) && self.is_near(start, NEAR, &PASSPORT_WORDS)).then_some(end)
    }

    /// `серия 4510 номер 123456`: four digits, words, six digits.
    fn passport_in_parts(&mut self, start: usize, end: usize) {
        let gap = self.bytes.iter().skip(end).take(MAX_SERIES_GAP).position(u8::is_ascii_digit);
        let Some(number) = gap.map(|gap| end + gap).filter(|_| self.is_on(Rule::Passport)) else { return };
        let number_end = self.skip_while(number, |byte| byte.is_ascii_digit());
        let fits = number_end - number == 6 && self.ends_number(number_end) && !self.is_inside_word(number);
        if fits && self.is_near(start, NEAR, &PASSPORT_WORDS) {
            self.hit(Rule::Passport, start..number_end);
        }
    }

    fn digits_of(&self, start: usize, end: usize) -> impl Iterator<Item = u8> + Clone {
        self.bytes[start..end].iter().copied().filter(u8::is_ascii_digit)
    }

    fn phone(&self, groups: &[Group], plus: bool) -> Option<usize> {
        if !self.is_on(Rule::Phone) {
            return None;
        }
        let start = groups[0].start;
        let russian = matches!(self.bytes[start], b'7' | b'8') && is_russian_grouping(groups);
        match self.bytes[start] {
            b'0' => None,
            b'1' | b'7' if plus => self.prefix(groups, 11..=11).map(|(_, end)| end),
            _ if plus => self.prefix(groups, MIN_DIGITS..=15).map(|(_, end)| end),
            _ if russian => {
                let (last, end) = self.prefix(groups, 11..=11)?;
                self.is_russian_phone(start, end, last).then_some(end)
            }
            _ => {
                let (_, end) = self.prefix(groups, 10..=15)?;
                self.is_told(Class::Phone, self.bracket_before(start).unwrap_or(start)).then_some(end)
            }
        }
    }

    /// Where a phone begins: at the bracket before its area code, as in `(903) 555-12-34`.
    fn phone_start(&self, groups: &[Group]) -> usize {
        let Group { start, end } = groups[0];
        let closes = 1 < groups.len() && self.byte(end) == Some(b')');
        self.bracket_before(start).filter(|_| closes).unwrap_or(start)
    }

    fn bracket_before(&self, start: usize) -> Option<usize> {
        start.checked_sub(1).filter(|bracket| self.bytes[*bracket] == b'(' && self.border < start)
    }

    /// Area code and neighbours of eleven digits that begin with 7 or 8.
    fn is_russian_phone(&self, start: usize, end: usize, last: usize) -> bool {
        let area = self.digits_of(start, end).nth(1);
        let known =
            matches!(area, Some(b'3' | b'4' | b'8' | b'9')) || (self.bytes[start] == b'7' && area == Some(b'7'));
        known && !(last == 0 && (self.is_fraction(start) || self.is_id(start, end) || self.is_quantity(end)))
    }

    /// Whether a unit follows, or `of` as in `79161234567 of 90000000000`.
    fn is_quantity(&self, end: usize) -> bool {
        const UNITS: [&str; 14] =
            ["bytes", "byte", "байт", "kB", "KB", "KiB", "B", "ms", "us", "ns", "s", "rows", "of", "из"];
        let rest = self.text.get(end..).unwrap_or_default().trim_start_matches(' ');
        let word = rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        UNITS.contains(&word)
    }

    /// The longest run of whole groups with so many digits: its last group and its end.
    fn prefix(&self, groups: &[Group], wanted: RangeInclusive<usize>) -> Option<(usize, usize)> {
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

    /// An account number around the check digits at which the scan stands: `DE89 3704 0044 0532 0130 00`.
    fn iban(&mut self) -> bool {
        let Some(start) = self.at.checked_sub(2).filter(|start| !self.is_inside_word(*start)) else { return false };
        let country = [self.bytes[start], self.bytes[start + 1]];
        if !country.iter().all(u8::is_ascii_uppercase) {
            return false;
        }
        let Some(length) = check::iban_length(country) else { return false };
        let mut end = start;
        let mut left = length;
        while 0 < left {
            match self.byte(end) {
                Some(byte) if byte.is_ascii_alphanumeric() => left -= 1,
                Some(b' ' | b'-' | b'+')
                    if (length - left).is_multiple_of(4) && self.bytes[end - 1] != self.bytes[end] => {}
                _ => return false,
            }
            end += 1;
        }
        let symbols = self.bytes[start..end].iter().copied().filter(u8::is_ascii_alphanumeric);
        let found = self.ends_number(end) && check::iban(symbols);
        if found {
            self.hit(Rule::Iban, start..end);
        }
        found
    }
}

/// Whether a card may be written in these groups: one, or a first one of four and no tiny ones between.
fn is_card_grouping(groups: &[Group]) -> bool {
    let between = groups.get(1..groups.len() - 1).unwrap_or_default();
    groups.len() == 1 || (groups[0].len() == 4 && between.iter().all(|group| 3 <= group.len()))
}

/// Whether a Russian phone may be written in these groups: `7`, `7916` or all eleven digits first.
fn is_russian_grouping(groups: &[Group]) -> bool {
    matches!(groups[0].len(), 1 | 4 | 11)
}

/// Whether the digits are a card's: a network's prefix with one of its lengths, and a right Luhn sum. Thirteen digits
/// are the number of an article far more often.
fn is_card(digits: &[u8]) -> bool {
    let prefix =
        |len: usize| digits.iter().take(len).fold(0, |number: u32, digit| number * 10 + u32::from(digit - b'0'));
    let lengths = match (prefix(1), prefix(2), prefix(4)) {
        (4 | 6, ..) => 14..=19,
        (5, 51..=55, _) | (2, _, 2221..=2720) => 16..=16,
        (2, _, 2200..=2204) => 16..=19,
        (3, 34 | 37, _) => 15..=15,
        (3, 30 | 36 | 38 | 39, _) => 14..=19,
        (3, 35, 3528..=3589) => 16..=19,
        (5, 50 | 56..=59, _) => 14..=19,
        (8, 81, _) => 16..=19,
        (9, _, 9860 | 8600) | (8, _, 8600) => 16..=16,
        _ => return false,
    };
    lengths.contains(&digits.len()) && check::luhn(digits.iter().copied())
}
