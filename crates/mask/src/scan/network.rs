//! Addresses of machines, where the rule `ip` is on.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Scan;
use crate::Rule;

const MAX_IPV4_BYTES: usize = 15;
const MAX_IPV6_BYTES: usize = 45;

impl Scan<'_> {
    /// Whether an IPv4 address starts at the digit at which the scan stands; the hit is noted.
    pub(super) fn ipv4(&mut self) -> bool {
        let start = self.at;
        let end = self.skip_while(start, |byte| byte.is_ascii_digit() || byte == b'.');
        let end = end - self.bytes[start..end].iter().rev().take_while(|byte| **byte == b'.').count();
        let alone =
            self.byte_before(start) != Some(b'.') && !self.byte(end).is_some_and(|byte| byte.is_ascii_alphabetic());
        let found = alone && end - start <= MAX_IPV4_BYTES && self.slice(start..end).parse::<Ipv4Addr>().is_ok();
        if found {
            self.hit(Rule::Ip, start..end);
        }
        found
    }

    /// Whether an IPv6 address stands around the colon at `at`; the hit is noted.
    pub(super) fn ipv6(&mut self, at: usize) -> bool {
        let of_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let floor = at.saturating_sub(MAX_IPV6_BYTES).max(self.border);
        let start = at - self.bytes[floor..at].iter().rev().take_while(|byte| of_address(**byte)).count();
        let end = self.skip_while(at, of_address);
        let end = end - self.bytes[start..end].iter().rev().take_while(|byte| **byte == b'.').count();
        let text = self.slice(start..end);
        let alone = !self.is_inside_word(start) && !self.byte(end).is_some_and(|byte| byte.is_ascii_alphanumeric());
        let found = alone
            && text.len() <= MAX_IPV6_BYTES
            && text.contains(|c: char| c.is_ascii_digit())
            && text.parse::<Ipv6Addr>().is_ok();
        if found {
            while self.hits.last().is_some_and(|hit| start < hit.span.end) {
                self.hits.pop();
            }
            self.hit(Rule::Ip, start..end);
        }
        found
    }
}
