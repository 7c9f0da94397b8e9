//! Which strings are open at a place of a line, by the quotes before it.

/// Quotes with more backslashes before them are taken for one depth.
const DEPTHS: usize = 8;

/// What is open at a place; only goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Quotes {
    at: usize,
    /// By the backslashes before the quotes.
    double: [bool; DEPTHS],
    single: [bool; DEPTHS],
}

impl Quotes {
    /// Reads on to `to`.
    pub(super) fn advance(&mut self, bytes: &[u8], to: usize) {
        if to < self.at {
            *self = Self::default();
        }
        let mut slashes = 0;
        for at in self.at..to.min(bytes.len()) {
            match bytes[at] {
                b'\n' => (self.double, self.single) = Default::default(),
                b'"' => self.toggle_double(slashes),
                b'\'' if !is_apostrophe(bytes, at) => {
                    let depth = slashes.min(DEPTHS - 1);
                    self.single[depth] = !self.single[depth];
                }
                _ => {}
            }
            slashes = if bytes[at] == b'\\' { slashes + 1 } else { 0 };
        }
        self.at = to;
    }

    /// Whether a string is open that this quote ends, behind so many backslashes.
    pub(super) fn is_open(&self, quote: u8, slashes: usize) -> bool {
        let depth = slashes.min(DEPTHS - 1);
        if quote == b'"' { self.double[depth] } else { self.single[depth] }
    }

    /// What is deeper inside ends with a string, and begins with none.
    fn toggle_double(&mut self, slashes: usize) {
        let depth = slashes.min(DEPTHS - 1);
        self.double[depth] = !self.double[depth];
        self.double[depth + 1..].fill(false);
        self.single[depth..].fill(false);
    }
}

/// Whether the quote stands between two letters, as in `don't`.
fn is_apostrophe(bytes: &[u8], at: usize) -> bool {
    let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || 0x80 <= *byte);
    is_letter(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_letter(bytes.get(at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_open_between_its_quotes() {
        let text = br#"don't "a\"b\"c" 'x' "d "#;
        let open = |to: usize| {
            let mut quotes = Quotes::default();
            quotes.advance(text, to);
            (quotes.is_open(b'"', 0), quotes.is_open(b'"', 1), quotes.is_open(b'\'', 0))
        };
        assert_eq!(open(6), (false, false, false));
        assert_eq!(open(8), (true, false, false));
        assert_eq!(open(11), (true, true, false));
        assert_eq!(open(14), (true, false, false));
        assert_eq!(open(16), (false, false, false));
        assert_eq!(open(18), (false, false, true));
        assert_eq!(open(text.len()), (true, false, false));
    }

    #[test]
    fn reading_on_is_reading_from_the_start() {
        let text = br#"{"a":"it's \"b","c":'d"#;
        for middle in 0..text.len() {
            let (mut whole, mut parts) = (Quotes::default(), Quotes::default());
            whole.advance(text, text.len());
            // No step ends between a backslash and its quote.
            if middle.checked_sub(1).is_none_or(|before| text[before] != b'\\') {
                parts.advance(text, middle);
            }
            parts.advance(text, text.len());
            assert_eq!((whole.double, whole.single), (parts.double, parts.single), "{middle}");
        }
    }
}
