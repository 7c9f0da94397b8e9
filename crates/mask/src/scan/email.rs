//! E-mail addresses, found from their at sign outwards.

use std::ops::Range;

use super::Scan;
use crate::{Rule, decode};

/// File names such as `logo@2x.png` are not addresses.
const FILE_ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js"];

impl Scan<'_> {
    /// Reads around an at sign that takes `at..after`, in plain or escaped form.
    pub(super) fn at_sign(&mut self, at: usize, after: usize) {
        self.go_on_past(after);
        if self.is_on(Rule::Credential)
            && let Some(password) = self.url_password(at)
        {
            self.hit(Rule::Credential, password, None);
            self.go_on_past(after);
            return;
        }
        if !self.is_on(Rule::Email) {
            return;
        }
        let Some(end) = self.domain_end(after) else { return };
        let floor = self.local_floor(at);
        let start = self.local_start(floor, at);
        if start < at {
            while self.hits.last().is_some_and(|hit| start < hit.span.end) {
                self.hits.pop();
            }
            self.hit(Rule::Email, start..end, None);
        }
    }

    /// An escape's letters do not belong to the word after it; a plain at sign is no letter anyway.
    fn go_on_past(&mut self, after: usize) {
        self.at = after;
        self.border = self.border.max(after);
    }

    /// How far left the local part may reach: a number found just before the at sign belongs to the address.
    fn local_floor(&self, at: usize) -> usize {
        let hits_end = |hits: &[crate::Hit]| hits.last().map_or(0, |hit| hit.span.end);
        match self.hits.split_last() {
            Some((hit, before)) if matches!(hit.rule, Rule::Phone | Rule::Card) => {
                let local = |byte: &u8| is_local(*byte);
                if self.bytes[hit.span.start..at].iter().all(local) { hits_end(before) } else { hit.span.end }
            }
            _ => hits_end(&self.hits),
        }
    }

    fn local_start(&self, floor: usize, at: usize) -> usize {
        let mut start = at;
        while floor < start {
            let byte = self.bytes[start - 1];
            if is_local(byte) {
                start -= 1;
            } else if 0x80 <= byte {
                let Some(c) = self.text.get(floor..start).and_then(|left| left.chars().next_back()) else { break };
                if !c.is_alphanumeric() {
                    break;
                }
                start -= c.len_utf8();
            } else if byte == b'\\' {
                match self.after_escape(start) {
                    Ok(letter) => start = letter.max(floor),
                    Err(after) => return after.min(at),
                }
            } else {
                break;
            }
        }
        let start = self.after_percent(start..at);
        self.skip_while(start, |byte| matches!(byte, b'-' | b'.' | b'+')).min(at)
    }

    /// The word from `start` on follows a backslash: either its first letters are an escaped letter of the local part,
    /// which then begins at `Ok`, or they belong to an escape and the local part begins after it, at `Err`.
    fn after_escape(&self, start: usize) -> Result<usize, usize> {
        let slashes = self.bytes[..start].iter().rev().take_while(|byte| **byte == b'\\').count();
        match decode::unicode(self.bytes, start) {
            Some(unit) if char::from_u32(unit.into()).is_some_and(|c| c.is_alphanumeric() || c == '+') => {
                Ok(start - slashes)
            }
            Some(_) => Err(start + 5),
            None if matches!(self.byte(start), Some(b'n' | b'r' | b't' | b'b' | b'f')) => Err(start + 1),
            None => Err(start),
        }
    }

    /// The local part without the escapes before it, such as `%3A` or `%22`, whose digits look like letters of it.
    fn after_percent(&self, local: Range<usize>) -> usize {
        let mut start = local.start;
        let mut at = local.start;
        while at < local.end {
            match decode::percent(self.bytes, at) {
                Some(c) if c.is_ascii_alphanumeric() || matches!(c, b'+' | b'_' | b'-' | b'.') || 0x80 <= c => at += 3,
                Some(_) => {
                    at += 3;
                    start = at;
                }
                None => at += 1,
            }
        }
        start.min(local.end)
    }

    /// Where the domain at `start` ends: after its last label that begins with two letters and has a label before it.
    fn domain_end(&self, start: usize) -> Option<usize> {
        let mut end = None;
        let mut label = start;
        loop {
            let letters = self.skip_letters(label, false);
            let label_end = self.skip_letters(label, true);
            if label_end == label {
                break;
            }
            if start < label && 2 <= self.slice(label..letters).chars().take(2).count() {
                end = Some(letters);
            }
            if self.byte(label_end) != Some(b'.') {
                break;
            }
            label = label_end + 1;
        }
        end.filter(|end| !self.is_file_name(start..*end))
    }

    fn skip_letters(&self, start: usize, more: bool) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let of_label = |c: char| if more { c.is_alphanumeric() || c == '-' } else { c.is_alphabetic() };
        rest.find(|c| !of_label(c)).map_or(self.bytes.len(), |len| start + len)
    }

    fn is_file_name(&self, domain: Range<usize>) -> bool {
        let domain = self.slice(domain);
        let scaled = domain.split_once('x').is_some_and(|(scale, _)| scale.parse::<u8>().is_ok());
        scaled && domain.rsplit_once('.').is_some_and(|(_, ending)| FILE_ENDINGS.contains(&ending))
    }

    /// The password in `scheme://user:password@host`.
    fn url_password(&self, at: usize) -> Option<Range<usize>> {
        const LIMIT: usize = 256;
        let floor = at.saturating_sub(LIMIT);
        let left = &self.bytes[floor..at];
        let colon = left.iter().rposition(|byte| !is_of_password(*byte)).filter(|colon| left[*colon] == b':')?;
        let user = left[..colon].iter().rposition(|byte| !is_local(*byte))?;
        let password = floor + colon + 1..at;
        let found = left[..=user].ends_with(b"://") && !password.is_empty() && !self.is_marker(password.clone());
        (found && self.hits.last().is_none_or(|hit| hit.span.end <= password.start)).then_some(password)
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

fn is_of_password(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b':' | b'/' | b'@' | b'\\')
}
