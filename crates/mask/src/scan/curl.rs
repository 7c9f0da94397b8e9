//! Passwords behind the names of users in command lines of curl: `-u ivan:X`, `-su ivan:X`, `--proxy-user ivan:X`.

use std::ops::Range;

use super::Scan;
use super::key::{Key, is_quote};
use super::value::Form;

/// Bytes of a command line that are looked at.
const MAX_COMMAND_BYTES: usize = 1024;
/// The long flags behind which a user and a password stand.
const LONG: [&str; 2] = ["user", "proxy-user"];

impl Scan<'_> {
    /// The password in the argument of this flag with one dash or two, if it is one of curl.
    pub(super) fn password_of_user(&self, flag: &Key) -> Option<Range<usize>> {
        let Range { start, end } = flag.span;
        let name = self.slice(start..end);
        let after = if self.bytes[..start].ends_with(b"--") {
            let assigned = || (self.byte(end) == Some(b'=')).then_some(end + 1);
            LONG.contains(&name).then(|| self.argument(end).or_else(assigned)).flatten()
        } else {
            let is_last = name.ends_with(['u', 'U']);
            let is_attached = name.starts_with(['u', 'U']) && 1 < name.len();
            let behind = || self.argument(end).or_else(|| self.touching(end));
            is_last.then(behind).flatten().or_else(|| is_attached.then_some(start + 1))
        }?;
        let value = self.near(after, MAX_COMMAND_BYTES).value_at(after, flag)?;
        let colon = self.slice(value.span.clone()).find(':')?;
        let password = value.span.start + colon + 1..value.span.end;
        let is_one = value.form != Form::Bracketed && !password.is_empty() && !self.is_marker(password.clone());
        (is_one && self.is_of_curl(start)).then_some(password)
    }

    /// Where an argument begins that touches its flag: `-u"ivan:X"`, `-u=ivan:X`.
    fn touching(&self, end: usize) -> Option<usize> {
        if self.byte(end) == Some(b'=') {
            return Some(end + 1);
        }
        let quote = self.skip_while(end, |byte| byte == b'\\');
        let opens = self.byte(quote).is_some_and(is_quote)
            && self.byte(quote + 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
        opens.then_some(end)
    }

    /// Whether the program stands before a flag, as a word of its own; lines that end with a backslash go on in the next.
    fn is_of_curl(&self, at: usize) -> bool {
        let before = self.slice(self.text.ceil_char_boundary(at.saturating_sub(MAX_COMMAND_BYTES))..at);
        let bytes = before.as_bytes();
        let is_end = |at: &usize| !matches!(bytes[..*at], [.., b'\\'] | [.., b'\\', b'\r']);
        let line = before.rmatch_indices('\n').map(|(at, _)| at).find(is_end).map_or(0, |at| at + 1);
        let is_alone = |(start, word): (usize, &str)| {
            let rest = &bytes[start + word.len()..];
            let behind = rest.strip_prefix(b".exe").unwrap_or(rest).first();
            !bytes[..start].last().is_some_and(u8::is_ascii_alphanumeric)
                && behind.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\' | b'+'))
        };
        before.rmatch_indices("curl").take_while(|(at, _)| line <= *at).any(is_alone)
    }
}
