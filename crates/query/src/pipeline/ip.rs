//! Finds IP addresses in a text.

use std::net::IpAddr;

use logql::IpSet;

/// Whether an address of the set stands somewhere in the text.
pub(super) fn stands_in(set: &IpSet, text: &str) -> bool {
    addresses(text).any(|address| set.contains(address))
}

/// The addresses in a text; a port after an IPv4 address does not hide it.
fn addresses(text: &str) -> impl Iterator<Item = IpAddr> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '.' && c != ':');
    words.filter_map(|word| {
        let v4_len = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let v4 = word.get(..v4_len).unwrap_or_default().trim_matches('.').parse().map(IpAddr::V4);
        v4.or_else(|_| word.trim_end_matches(['.', ':']).parse().map(IpAddr::V6)).or_else(|_| word.parse()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_with_ports_and_at_the_end_of_a_sentence() {
        let check = |text: &str, want: &[&str]| {
            let found: Vec<_> = addresses(text).map(|address| address.to_string()).collect();
            assert_eq!(found, want, "{text}");
        };
        check("from 10.0.0.1:8080 to [2001:db8::1]", &["10.0.0.1", "2001:db8::1"]);
        check("last 192.168.4.5.", &["192.168.4.5"]);
        check("::1 and fe80::", &["::1", "fe80::"]);
        check("version 1.2.3 of 2022-01-01T10:11:12", &[]);
    }
}
