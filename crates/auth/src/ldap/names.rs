//! Names that people type, on their way into filters and DNs: whatever they hold, they stay names.

use ldap3::{dn_escape, ldap_escape};

const HOLE: &str = "{name}";

/// A text with `{name}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

/// The text has no place for the name, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have `{{name}}` in it")]
pub struct InvalidTemplate;

impl Template {
    /// Checks the text.
    pub fn new(text: &str) -> Result<Self, InvalidTemplate> {
        if text.contains(HOLE) { Ok(Self(text.to_owned())) } else { Err(InvalidTemplate) }
    }

    /// As a filter (RFC 4515).
    pub(super) fn fill_filter(&self, name: &str) -> String {
        self.0.replace(HOLE, &ldap_escape(name))
    }

    /// As a DN (RFC 4514), or as `name@domain`, where a name with anything but letters, digits, `.`, `-` and `_` fills
    /// in nothing.
    pub(super) fn fill_dn(&self, name: &str) -> String {
        if self.0.contains('=') {
            return self.0.replace(HOLE, &dn_escape(name));
        }
        let plain = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if plain { self.0.replace(HOLE, name) } else { String::new() }
    }
}

/// A DN in one spelling, to compare it: small letters, no blanks around its parts.
pub(super) fn lower(dn: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in split(dn) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        parts.push(format!("{}={}", name.trim().to_lowercase(), value.trim().to_lowercase()));
    }
    parts.join(",")
}

/// Whether an entry is another one, or below it.
pub(super) fn is_below(dn: &str, base: &str) -> bool {
    let (dn, base) = (lower(dn), lower(base));
    base.is_empty() || dn == base || dn.strip_suffix(&base).is_some_and(|rest| rest.ends_with(','))
}

/// The parts of a DN, at commas that are not escaped.
fn split(dn: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, byte) in dn.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                parts.extend(dn.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(dn.get(start..).filter(|rest| !rest.is_empty() || !parts.is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_name_in_filters_and_dns() {
        let filter = Template::new("(&(objectClass=person)(uid={name}))").unwrap();
        for (name, want) in [
            ("anna", "(&(objectClass=person)(uid=anna))"),
            ("*", "(&(objectClass=person)(uid=\\2a))"),
            ("a)(uid=*", "(&(objectClass=person)(uid=a\\29\\28uid=\\2a))"),
            ("a\\", "(&(objectClass=person)(uid=a\\5c))"),
            ("{name}", "(&(objectClass=person)(uid={name}))"),
        ] {
            assert_eq!(filter.fill_filter(name), want);
        }
        let dn = Template::new("uid={name},ou=people,dc=shop").unwrap();
        assert_eq!(dn.fill_dn("anna"), "uid=anna,ou=people,dc=shop");
        for name in ["x,ou=admins", "x+cn=y", "\"x", "x\\", "#x", " x"] {
            let filled = dn.fill_dn(name);
            assert_eq!(split(&filled).len(), 3, "{filled}");
            assert_ne!(filled, format!("uid={name},ou=people,dc=shop"));
        }
        let upn = Template::new("{name}@corp.example").unwrap();
        assert_eq!(upn.fill_dn("anna.k"), "anna.k@corp.example");
        assert_eq!(upn.fill_dn("anna@evil.example,x"), "");
        assert_eq!(Template::new("(uid=x)"), Err(InvalidTemplate));
    }

    #[test]
    fn dns_are_compared_in_one_spelling() {
        assert_eq!(lower("CN=Anna , OU=People,DC=Shop"), "cn=anna,ou=people,dc=shop");
        assert_eq!(lower("cn=a\\,b,dc=x"), "cn=a\\,b,dc=x");
        assert!(is_below("uid=a, OU=People,dc=shop", "ou=people,DC=shop"));
        assert!(is_below("ou=people,dc=shop", "ou=people,dc=shop"));
        assert!(!is_below("uid=a,ou=machines,dc=shop", "ou=people,dc=shop"));
        assert!(!is_below("uid=a,xou=people,dc=shop", "ou=people,dc=shop"));
        assert!(is_below("anything=x", ""));
    }
}
