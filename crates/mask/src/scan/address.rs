//! Postal addresses under keys that may also name machines, and addresses without quotes.

use std::ops::Range;

use super::Scan;
use crate::context::holds_any;

const MAX_BYTES: usize = 200;
const MIN_BYTES: usize = 8;
/// Fields of a postal address written as an object.
const FIELDS: [&str; 10] =
    ["street*", "city", "zip*", "postal*", "postcode", "house", "apartment", "город", "улица", "дом"];

impl Scan<'_> {
    /// An address without quotes: to the next field, or to what ends a list or a line.
    pub(super) fn bare_address(&self, start: usize) -> Range<usize> {
        let limit = self.text.floor_char_boundary((start + MAX_BYTES).min(self.text.len()));
        let mut end = start;
        while end < limit {
            let byte = self.bytes[end];
            let ends =
                matches!(byte, b'\n' | b'\r' | b'\t' | b';' | b'&' | b'"' | b'\'' | b'\\' | b'|' | b'{' | b'}' | b'<')
                    || (byte == b' ' && self.starts_field(end + 1));
            if ends {
                break;
            }
            end += 1;
        }
        let value = self.slice(start..end);
        start..start + value.trim_end_matches([' ', ',', ')', ']']).len()
    }

    /// Whether the text has words and a number, as no address of a machine has.
    pub(super) fn is_postal(&self, value: Range<usize>) -> bool {
        let text = self.slice(value);
        let has_word = text.split(|c: char| !c.is_alphabetic()).any(|word| 3 <= word.chars().count());
        MIN_BYTES <= text.len()
            && text.contains([' ', ','])
            && text.contains(|c: char| c.is_ascii_digit())
            && has_word
            && !text.contains("://")
    }

    /// Whether the object has fields of a postal address.
    pub(super) fn is_postal_object(&self, value: Range<usize>) -> bool {
        let end = self.text.floor_char_boundary(value.end.min(value.start + 2 * MAX_BYTES));
        let text = self.slice(value.start..end);
        text.starts_with('{') && holds_any(text, &FIELDS)
    }
}
