//! One pass over a text: a table tells the few bytes at which something may begin, and each has its own reader.

mod credential;
mod digits;
mod email;
mod keyed;

use std::ops::Range;

use crate::decode;
use crate::keys::Keys;
use crate::{Hit, Rule};

/// What a byte may begin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Nothing,
    Digit,
    At,
    Assign,
    Percent,
    Backslash,
    Marker,
    Bearer,
    Jwt,
}

const TRIGGERS: [Trigger; 256] = {
    let mut table = [Trigger::Nothing; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = Trigger::Digit;
        digit += 1;
    }
    table[b'@' as usize] = Trigger::At;
    table[b'=' as usize] = Trigger::Assign;
    table[b':' as usize] = Trigger::Assign;
    table[b'%' as usize] = Trigger::Percent;
    table[b'\\' as usize] = Trigger::Backslash;
    table[b'<' as usize] = Trigger::Marker;
    table[b'b' as usize] = Trigger::Bearer;
    table[b'B' as usize] = Trigger::Bearer;
    table[b'J' as usize] = Trigger::Jwt;
    table
};

/// The state of the pass.
pub(crate) struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    keys: &'a Keys,
    rules: &'a [bool; Rule::ALL.len()],
    /// The key whose value the whole text is.
    key: Option<&'a str>,
    /// Where to go on; grows with every step.
    at: usize,
    /// A word may begin here whatever stands before: an escape, a marker, or a hit that will be one.
    border: usize,
    hits: Vec<Hit>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str, keys: &'a Keys, rules: &'a [bool; Rule::ALL.len()]) -> Self {
        Self { text, bytes: text.as_bytes(), keys, rules, key: None, at: 0, border: 0, hits: Vec::new() }
    }

    /// Reads the text as the value of this key.
    pub(crate) fn under(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    pub(crate) fn run(mut self) -> Vec<Hit> {
        while let Some(rest) = self.bytes.get(self.at..) {
            let Some(plain) = rest.iter().position(|byte| TRIGGERS[usize::from(*byte)] != Trigger::Nothing) else {
                break;
            };
            self.at += plain;
            match TRIGGERS[usize::from(rest[plain])] {
                Trigger::Digit => self.digits(),
                Trigger::Assign => self.assign(self.at, self.at + 1),
                Trigger::At => self.at_sign(self.at, self.at + 1),
                Trigger::Percent => self.percent(),
                Trigger::Backslash => self.backslash(),
                Trigger::Marker => self.skip_marker(),
                Trigger::Bearer => self.bearer(),
                Trigger::Jwt => self.jwt(),
                Trigger::Nothing => self.at += 1,
            }
        }
        self.hits
    }

    fn is_on(&self, rule: Rule) -> bool {
        self.rules[rule.index()]
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The byte before `at`, unless a border stands between.
    fn byte_before(&self, at: usize) -> Option<u8> {
        (self.border < at).then(|| self.bytes[at - 1])
    }

    /// Whether `at` stands inside an ASCII word, so that no number and no scheme begins there.
    fn is_inside_word(&self, at: usize) -> bool {
        self.byte_before(at).is_some_and(|byte| byte.is_ascii_alphanumeric())
    }

    /// The first index from `at` on whose byte is not of the kind.
    fn skip_while(&self, at: usize, of_kind: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| !of_kind(*byte)).unwrap_or(rest.len())
    }

    fn slice(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    fn hit(&mut self, rule: Rule, span: Range<usize>, quote: Option<usize>) {
        self.go_on(span.end);
        self.hits.push(Hit { rule, span, quote });
    }

    /// Goes on at `at`, where a word may begin.
    fn go_on(&mut self, at: usize) {
        self.at = at;
        self.border = at;
    }

    /// `%XX`: an at sign or an equals sign in a query string; else just not a number.
    fn percent(&mut self) {
        let doubled = self.bytes.get(self.at..self.at + 3) == Some(b"%25");
        let code = if doubled { self.at + 2 } else { self.at };
        let decoded = match (doubled, self.bytes.get(code + 1..code + 3)) {
            (true, Some(b"40")) => Some(b'@'),
            (true, Some(b"3D" | b"3d")) => Some(b'='),
            (true, _) => Some(b'%'),
            (false, _) => decode::percent(self.bytes, self.at),
        };
        match decoded {
            Some(b'@') => self.at_sign(self.at, code + 3),
            Some(b'=' | b':') => self.assign(self.at, code + 3),
            Some(_) => self.go_on(self.at + 3),
            None => self.at += 1,
        }
    }

    /// An escape of JSON, at any depth: one unit, whose letter does not belong to the word after it.
    fn backslash(&mut self) {
        let escape = self.skip_while(self.at, |byte| byte == b'\\');
        match (self.byte(escape), decode::unicode(self.bytes, escape)) {
            (_, Some(0x40)) => self.at_sign(self.at, escape + 5),
            (_, Some(0x3d | 0x3a)) => self.assign(self.at, escape + 5),
            (_, Some(_)) => self.go_on(escape + 5),
            (Some(b'n' | b'r' | b't' | b'b' | b'f'), None) => self.go_on(escape + 1),
            _ => self.at = escape,
        }
    }

    /// What was masked before stays as it is.
    fn skip_marker(&mut self) {
        match self.marker_end(self.at) {
            Some(end) => self.go_on(end),
            None => self.at += 1,
        }
    }

    /// Where the marker or token that starts at `at` ends.
    fn marker_end(&self, at: usize) -> Option<usize> {
        let inside = self.bytes.get(at..)?.strip_prefix(b"<")?;
        let name = Rule::ALL.into_iter().map(|rule| rule.name().as_bytes()).find(|name| inside.starts_with(name))?;
        let after = at + 1 + name.len();
        let end = match self.bytes.get(after..)?.strip_prefix(b":v") {
            None => after,
            Some(_) => {
                let version = self.skip_while(after + 2, |byte| byte.is_ascii_digit());
                let hash = self.skip_while(version + 1, |byte| byte.is_ascii_hexdigit());
                (self.byte(version) == Some(b':') && hash == version + 17).then_some(hash)?
            }
        };
        (self.byte(end) == Some(b'>')).then_some(end + 1)
    }

    fn is_marker(&self, span: Range<usize>) -> bool {
        self.marker_end(span.start) == Some(span.end)
    }
}
