//! Phones: Russian ones in any grouping, others behind a plus or under a key.

use std::ops::RangeInclusive;

use super::{Group, MIN_DIGITS};
use crate::Rule;
use crate::keys::Class;
use crate::scan::Scan;

impl Scan<'_> {
    pub(super) fn phone(&self, groups: &[Group], plus: bool) -> Option<usize> {
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
    pub(super) fn phone_start(&self, groups: &[Group]) -> usize {
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
}

/// Whether a Russian phone may be written in these groups: `7`, `7916` or all eleven digits first.
fn is_russian_grouping(groups: &[Group]) -> bool {
    matches!(groups[0].len(), 1 | 4 | 11)
}
