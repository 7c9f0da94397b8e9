//! Numbers of papers and accounts: insurance, taxpayers, passports, and IBAN.

use super::{Group, NEAR};
use crate::scan::Scan;
use crate::{Rule, check};

/// Bytes between the series and the number of a passport, as in `4510 № 123456` or `4510","passportNumber":"123456`.
const MAX_SERIES_GAP: usize = 32;
const PASSPORT_WORDS: [&str; 4] = ["паспорт*", "passport*", "серия", "серии"];
const SNILS_WORDS: [&str; 2] = ["снилс*", "snils*"];
const INN_WORDS: [&str; 2] = ["инн", "inn"];

impl Scan<'_> {
    /// `112-233-445 95`, or eleven digits near the word.
    pub(super) fn snils(&self, groups: &[Group]) -> Option<usize> {
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
    pub(super) fn inn(&self, groups: &[Group]) -> Option<usize> {
        let (start, end) = (groups[0].start, groups[0].end);
        let fits = self.is_on(Rule::Inn) && matches!(groups[0].len(), 10 | 12) && self.ends_number(end);
        let right = fits && check::inn(self.digits_of(start, end));
        (right && self.is_near(start, NEAR, &INN_WORDS)).then_some(end)
    }

    /// `45 10 123456`, `4510 123456` or ten digits near the word.
    pub(super) fn passport(&self, groups: &[Group]) -> Option<usize> {
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
    pub(super) fn passport_in_parts(&mut self, start: usize, end: usize) {
        let gap = self.bytes.iter().skip(end).take(MAX_SERIES_GAP).position(u8::is_ascii_digit);
        let Some(number) = gap.map(|gap| end + gap).filter(|_| self.is_on(Rule::Passport)) else { return };
        let number_end = self.skip_while(number, |byte| byte.is_ascii_digit());
        let fits = number_end - number == 6 && self.ends_number(number_end) && !self.is_inside_word(number);
        if fits && self.is_near(start, NEAR, &PASSPORT_WORDS) {
            self.hit(Rule::Passport, start..number_end);
        }
    }

    /// An account number around the check digits at which the scan stands: `DE89 3704 0044 0532 0130 00`.
    pub(super) fn iban(&mut self) -> bool {
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
