//! Passwords behind the names of users in command lines of curl: `-u ivan:X`, `-su ivan:X`, `--proxy-user ivan:X`.
//!
//! The argument is a word of a shell: quoted pieces and bare ones side by side, `"ivan":'X'`, `ivan:a\ b`, `$'ivan:X'`.

use std::ops::Range;

use super::Scan;
use super::key::{Key, is_blank, is_quote};

/// Bytes of a command line that are looked at.
const MAX_COMMAND_BYTES: usize = 1024;
/// The long flags behind which a user and a password stand.
const LONG: [&str; 2] = ["user", "proxy-user"];

impl Scan<'_> {
    /// The pieces of the password in the argument of this flag with one dash or two, if it is one of curl.
    pub(super) fn password_of_user(&self, flag: &Key) -> Vec<Range<usize>> {
        let Some(after) = self.user_of_flag(flag).filter(|after| !matches!(self.byte(*after), Some(b'{' | b'[')))
        else {
            return Vec::new();
        };
        let near = self.near(after, MAX_COMMAND_BYTES);
        let mut pieces = near.behind_colon(near.shell_word(after));
        pieces.retain(|piece| !piece.is_empty() && !self.is_marker(piece.clone()));
        if !self.is_of_curl(flag.span.start) {
            pieces.clear();
        }
        pieces
    }

    /// Where the argument of a flag begins that has a user.
    fn user_of_flag(&self, flag: &Key) -> Option<usize> {
        let Range { start, end } = flag.span;
        let name = self.slice(start..end);
        let argument = || self.argument(end).or_else(|| self.behind_quoted(flag));
        if self.bytes[..start].ends_with(b"--") {
            let assigned = || (self.byte(end) == Some(b'=')).then_some(end + 1);
            return LONG.contains(&name).then(|| argument().or_else(assigned)).flatten();
        }
        let is_last = name.ends_with(['u', 'U']);
        let is_attached = name.starts_with(['u', 'U']) && 1 < name.len();
        let behind = || argument().or_else(|| self.touching(end));
        is_last.then(behind).flatten().or_else(|| is_attached.then_some(start + 1))
    }

    /// Where an argument begins that touches its flag: `-u"ivan:X"`, `-u=ivan:X`, `-u:X`, `-u$'ivan:X'`.
    fn touching(&self, end: usize) -> Option<usize> {
        match self.byte(end) {
            Some(b'=') => return Some(end + 1),
            Some(b':') => return Some(end),
            _ => {}
        }
        let open = self.skip_while(end, |byte| byte == b'$');
        let quote = self.skip_while(open, |byte| byte == b'\\');
        let opens = self.byte(quote).is_some_and(is_quote)
            && self.byte(quote + 1).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'$');
        opens.then_some(end)
    }

    /// Where the argument begins of a flag in quotes: `"-u" "ivan:X"`.
    fn behind_quoted(&self, flag: &Key) -> Option<usize> {
        let Range { start, end } = flag.span;
        let dashes = self.bytes[..start].iter().rev().take_while(|byte| **byte == b'-').count();
        let sign =
            (start - dashes).checked_sub(1).and_then(|before| self.byte(before)).filter(|sign| is_quote(*sign))?;
        let closing = self.skip_while(end, |byte| byte == b'\\');
        let behind = (self.byte(closing) == Some(sign)).then_some(closing + 1)?;
        let next = self.skip_while(behind, is_blank);
        (behind < next).then_some(next)
    }

    /// The pieces of the word of a shell at `at`, without the quotes around them.
    fn shell_word(&self, mut at: usize) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut is_user = true;
        loop {
            let quote = self.skip_while(at, |byte| byte == b'\\');
            let Some(sign) = self.byte(quote).filter(|sign| is_quote(*sign)) else {
                let end = self.bare_piece_end(at, &mut is_user);
                if end == at {
                    return pieces;
                }
                pieces.push(at..end);
                at = end;
                continue;
            };
            let (slashes, start) = (quote - at, quote + 1);
            let follows = self.byte(start).is_some_and(|byte| byte.is_ascii_alphanumeric());
            if !pieces.is_empty() && !follows && self.is_open(quote, sign, slashes) {
                return pieces;
            }
            let line = if pieces.is_empty() { self.bytes.len() } else { self.skip_while(start, |byte| byte != b'\n') };
            let end = self.string_end(start, sign, slashes).min(line);
            is_user &= !self.slice(start..end).contains(':');
            pieces.push(start..end);
            at = end + slashes + 1;
            if self.byte(at - 1) != Some(sign) {
                return pieces;
            }
        }
    }

    /// Where a piece without quotes ends. A backslash takes a blank into it and, in the name of a user, another backslash:
    /// `domain\\name`, where in other texts a line may end.
    fn bare_piece_end(&self, start: usize, is_user: &mut bool) -> usize {
        let mut at = start;
        while let Some(byte) = self.byte(at) {
            let next = self.skip_while(at, |byte| byte == b'\\');
            let is_even = (next - at).is_multiple_of(2);
            at = match self.byte(next) {
                Some(b' ') if at < next => next + 1,
                Some(b'n' | b'r' | b't') if at < next && is_even && *is_user => next + 1,
                _ if self.ends_bare(at) => return at,
                _ if at < next => next,
                _ => at + 1,
            };
            *is_user &= byte != b':';
        }
        at
    }

    /// What of these pieces stands behind the first colon.
    fn behind_colon(&self, pieces: Vec<Range<usize>>) -> Vec<Range<usize>> {
        let mut pieces = pieces.into_iter();
        for piece in pieces.by_ref() {
            let mut at = piece.start;
            while at < piece.end {
                if self.bytes[at] == b':' {
                    return std::iter::once(at + 1..piece.end).chain(pieces).collect();
                }
                at = self.marker(at).map_or(at + 1, |(_, end)| end);
            }
        }
        Vec::new()
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
