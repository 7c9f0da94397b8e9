//! E-mail addresses, found from their at sign outwards, and passwords of URLs, which end at one.

use std::ops::Range;

use super::Scan;
use crate::Rule;
use crate::rule::RuleId;

/// File names such as `logo@2x.png` and `lodash@4.17.21.tgz` are not addresses. None of these is a domain.
const FILE_ENDINGS: [&str; 19] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "cjs", "ts", "map", "json", "tgz", "gz", "tar",
    "jar", "whl", "deb",
];
/// Nor are units of systemd such as `user@1000.service`.
const UNIT_ENDINGS: [&str; 11] =
    ["service", "socket", "timer", "target", "mount", "automount", "scope", "slice", "path", "device", "swap"];
/// Longer passwords of URLs are not looked for.
const MAX_PASSWORD_BYTES: usize = 256;

impl Scan<'_> {
    /// Reads around the at sign at `at`.
    pub(super) fn at_sign(&mut self, at: usize) {
        self.at = at + 1;
        if self.is_on(Rule::Credential)
            && let Some(password) = self.url_password(at)
        {
            self.hit(Rule::Credential, password);
            self.at = at + 1;
            return;
        }
        if !self.is_on(Rule::Email) {
            return;
        }
        let Some(end) = self.domain_end(at + 1) else { return };
        let start = self.local_start(self.local_floor(at), at);
        if start < at {
            while self.hits.last().is_some_and(|hit| start < hit.span.end) {
                self.hits.pop();
            }
            self.hit(Rule::Email, start..end);
        }
    }

    /// How far left the local part may reach: a number found just before the at sign belongs to the address.
    fn local_floor(&self, at: usize) -> usize {
        let Some((hit, before)) = self.hits.split_last() else { return 0 };
        let is_number = Rule::NUMBERS.into_iter().any(|rule| hit.rule == RuleId::from(rule));
        if is_number && self.bytes[hit.span.start..at].iter().all(|byte| is_local(*byte)) {
            before.last().map_or(0, |hit| hit.span.end)
        } else {
            hit.span.end
        }
    }

    fn local_start(&self, floor: usize, at: usize) -> usize {
        let mut start = at;
        for c in self.slice(floor..at).chars().rev() {
            if !(c.is_alphanumeric() || matches!(c, '.' | '_' | '+' | '-')) {
                break;
            }
            start -= c.len_utf8();
        }
        self.skip_while(start, |byte| matches!(byte, b'-' | b'.' | b'+')).min(at)
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
        end.filter(|end| !self.is_unit_or_file(start..*end))
    }

    fn skip_letters(&self, start: usize, more: bool) -> usize {
        let rest = self.text.get(start..).unwrap_or_default();
        let of_label = |c: char| if more { c.is_alphanumeric() || c == '-' } else { c.is_alphabetic() };
        rest.find(|c| !of_label(c)).map_or(self.bytes.len(), |len| start + len)
    }

    /// Whether the domain is the end of a unit's name, or of a file's name behind its scale or version.
    fn is_unit_or_file(&self, domain: Range<usize>) -> bool {
        let domain = self.slice(domain);
        let Some((before, ending)) = domain.rsplit_once('.') else { return false };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_file = || before.split(['.', 'x']).next().is_some_and(is_number) && FILE_ENDINGS.contains(&ending);
        UNIT_ENDINGS.contains(&ending) || is_file()
    }

    /// The password in `scheme://user:password@host`.
    fn url_password(&self, at: usize) -> Option<Range<usize>> {
        let floor = at.saturating_sub(MAX_PASSWORD_BYTES);
        let left = &self.bytes[floor..at];
        let colon = left.iter().rposition(|byte| !is_of_password(*byte)).filter(|colon| left[*colon] == b':')?;
        let user = left[..colon].iter().rposition(|byte| !is_local(*byte))?;
        let password = floor + colon + 1..at;
        let found = left[..=user].ends_with(b"://") && !password.is_empty() && !self.is_marker(password.clone());
        found.then_some(password)
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-')
}

fn is_of_password(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b':' | b'/' | b'@' | b'\\')
}
