//! Sets of IP addresses as `ip("…")` names them.

use std::net::IpAddr;

/// One address, a network in CIDR form, or a range `first-last`; IPv4 and IPv6 never mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpSet {
    source: String,
    first: IpAddr,
    last: IpAddr,
}

impl IpSet {
    /// Reads `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`; `None` when it is none of these.
    #[must_use]
    pub fn parse(source: &str) -> Option<Self> {
        let (first, last) = if let Ok(address) = source.parse() {
            (address, address)
        } else if let Some((address, bits)) = source.split_once('/') {
            network(address.parse().ok()?, prefix_bits(bits)?)?
        } else {
            let (first, last) = source.split_once('-')?;
            (first.parse().ok()?, last.parse().ok()?)
        };
        let ordered = first <= last && first.is_ipv4() == last.is_ipv4();
        ordered.then(|| Self { source: source.to_owned(), first, last })
    }

    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether `address` is in the set.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }
}

/// First and last address of the network that `address` lies in.
fn network(address: IpAddr, bits: u32) -> Option<(IpAddr, IpAddr)> {
    match address {
        IpAddr::V4(address) => {
            let hosts = u32::MAX.checked_shr(bits).unwrap_or(0);
            let ends = (address.to_bits() & !hosts, address.to_bits() | hosts);
            (bits <= 32).then(|| (IpAddr::V4(ends.0.into()), IpAddr::V4(ends.1.into())))
        }
        IpAddr::V6(address) => {
            let hosts = u128::MAX.checked_shr(bits).unwrap_or(0);
            let ends = (address.to_bits() & !hosts, address.to_bits() | hosts);
            (bits <= 128).then(|| (IpAddr::V6(ends.0.into()), IpAddr::V6(ends.1.into())))
        }
    }
}

/// A plain decimal number without sign or leading zero.
fn prefix_bits(text: &str) -> Option<u32> {
    let plain = text == "0" || text.starts_with(|c: char| matches!(c, '1'..='9'));
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
