//! The names in a client's certificate, and which of them are known.

use std::net::IpAddr;

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// Names that one certificate may have at most; further ones are not looked at.
const MOST_NAMES: usize = 64;

/// Who a certificate is for. An authority vouched for it before it came here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

/// A name that a certificate must have: `CN=…`, `dns:…`, `uri:…`, `email:…` or `ip:…`, where one `*` stands for any
/// letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(String);

/// Why a text is no pattern for names of certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It begins with none of the kinds of names.
    #[error("must begin with `CN=`, `dns:`, `uri:`, `email:` or `ip:`")]
    Kind,
    /// It has several stars, or nothing but one.
    #[error("may have one `*`, and must have something besides")]
    Star,
}

impl Names {
    /// Reads a certificate in DER: the common names of its subject and its alternative names.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        let mut names: Vec<String> = common.map(|name| format!("CN={name}")).collect();
        if let Ok(Some(others)) = certificate.subject_alternative_name() {
            names.extend(others.value.general_names.iter().filter_map(alternative));
        }
        names.truncate(MOST_NAMES);
        Some(Self(names))
    }

    /// The names, each with its kind.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn alternative(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(format!("dns:{}", name.to_ascii_lowercase())),
        GeneralName::URI(name) => Some(format!("uri:{name}")),
        GeneralName::RFC822Name(name) => Some(format!("email:{}", name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| format!("ip:{address}")),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

impl NamePattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let kinds = ["CN=", "dns:", "uri:", "email:", "ip:"];
        let kind = kinds.iter().find(|kind| text.starts_with(**kind)).ok_or(InvalidPattern::Kind)?;
        let rest = text.strip_prefix(kind).unwrap_or_default();
        if rest.matches('*').count() > 1 || matches!(rest, "" | "*") {
            return Err(InvalidPattern::Star);
        }
        let folded = matches!(*kind, "dns:" | "email:");
        Ok(Self(if folded { text.to_ascii_lowercase() } else { text.to_owned() }))
    }

    /// Whether one of the names is as it should be.
    pub fn matches(&self, names: &Names) -> bool {
        names.iter().any(|name| self.fits(name))
    }

    fn fits(&self, name: &str) -> bool {
        let Some((before, after)) = self.0.split_once('*') else { return self.0 == name };
        let middle = name.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        // A star is within one part of a name: `dns:*.example.org` is not `dns:a.b.example.org`.
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        middle.is_some_and(|middle| !middle.is_empty() && middle.chars().all(plain))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn names() -> Names {
        let mut params =
            CertificateParams::new(vec!["Agent-7.Shop.example".to_owned(), "192.0.2.7".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "agent-7");
        params.subject_alt_names.push(SanType::URI("spiffe://shop/agent/7".try_into().unwrap()));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Names::of(certificate.der()).unwrap()
    }

    #[track_caller]
    fn check(pattern: &str, want: bool) {
        assert_eq!(NamePattern::new(pattern).unwrap().matches(&names()), want, "{pattern}");
    }

    #[test]
    fn a_certificate_is_known_by_its_subject_or_by_any_other_name() {
        for pattern in ["CN=agent-7", "CN=agent-*", "dns:agent-7.shop.example", "dns:*.SHOP.example", "ip:192.0.2.7"] {
            check(pattern, true);
        }
        check("uri:spiffe://shop/agent/*", true);
        for pattern in ["CN=agent", "CN=*-8", "dns:*.example", "dns:agent-7", "uri:spiffe://shop/*", "email:agent-7"] {
            check(pattern, false);
        }
        // A name of one kind does not do for another.
        check("dns:agent-7.shop.example*", false);
        check("CN=agent-7.shop.example", false);
    }

    #[test]
    fn a_pattern_says_which_kind_of_name_it_is_about_and_is_not_everything() {
        for (pattern, want) in [
            ("agent-7", InvalidPattern::Kind),
            ("O=shop", InvalidPattern::Kind),
            ("dns:", InvalidPattern::Star),
            ("CN=*", InvalidPattern::Star),
            ("dns:*.*.example", InvalidPattern::Star),
        ] {
            assert_eq!(NamePattern::new(pattern), Err(want), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_names() {
        assert_eq!(Names::of(b"certificate"), None);
        assert_eq!(Names::of(&[]), None);
    }
}
