//! Payment cards: a network's prefix, its lengths and a right sum, in groups or as a number with an exponent.

use super::{Group, MAX_CARD_DIGITS, MIN_CARD_DIGITS};
use crate::keys::Class;
use crate::scan::Scan;
use crate::{Rule, check};

impl Scan<'_> {
    pub(super) fn card(&self, groups: &[Group]) -> Option<usize> {
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
    pub(super) fn card_as_float(&self, groups: &[Group]) -> Option<usize> {
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
}

/// Whether a card may be written in these groups: one, or a first one of four and no tiny ones between.
fn is_card_grouping(groups: &[Group]) -> bool {
    let between = groups.get(1..groups.len() - 1).unwrap_or_default();
    groups.len() == 1 || (groups[0].len() == 4 && between.iter().all(|group| 3 <= group.len()))
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
