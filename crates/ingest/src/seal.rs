//! Values closed up on the host for the holder of a private key, and opened again where that key is: HPKE (RFC 9180) with
//! X25519, HKDF-SHA256 and ChaCha20-Poly1305. The server has no part in it.
//!
//! A value is padded to blocks, so that its length tells little, and bound to the rule that found it.

use tokio_rustls::rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305 as SUITE;
use tokio_rustls::rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey};

/// What both sides agree on besides the keys.
const INFO: &[u8] = b"lapidary mask seal 1";
/// What stands before a key in its file, so that neither is taken for the other. Private ones of earlier versions have none.
const PUBLIC: &str = "lapidary-seal-public:";
const PRIVATE: &str = "lapidary-seal-private:";
/// Bytes of a key, and of what stands before a closed value.
const KEY: usize = 32;
/// A closed value is as long as so many bytes, or a multiple.
const BLOCK: usize = 16;
/// Longer values are not closed up.
const LONGEST: usize = 1_024;

/// The public key of those who may read values again.
#[derive(Clone, Debug)]
pub struct SealKey {
    version: u16,
    public: HpkePublicKey,
}

/// The private key that opens values. It shows itself to nobody.
pub struct OpenKey(HpkePrivateKey);

impl std::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// A new pair of keys, public and private, as they stand in files; none if the machine gives no randomness.
pub fn new_keys() -> Option<(String, String)> {
    let (public, private) = SUITE.generate_key_pair().ok()?;
    Some((format!("{PUBLIC}{}", hex(&public.0)), format!("{PRIVATE}{}", hex(private.secret_bytes()))))
}

impl SealKey {
    /// Reads a file's text; none if it does not say that it holds a public key: a private one looks the same. `version` stands in each closed value, so that a key can be changed.
    pub fn new(version: u16, text: &str) -> Option<Self> {
        let public = HpkePublicKey(of_hex(text.trim().strip_prefix(PUBLIC)?)?);
        let key = Self { version, public };
        // A key that is none shows when it is used.
        mask::Seal::seal(&key, "probe", "probe").is_some().then_some(key)
    }
}

impl mask::Seal for SealKey {
    fn seal(&self, rule: &str, value: &str) -> Option<String> {
        if value.len() > LONGEST {
            return None;
        }
        let mut padded = value.as_bytes().to_vec();
        padded.push(0x80);
        padded.resize(padded.len().next_multiple_of(BLOCK), 0);
        let (secret, closed) = SUITE.seal(INFO, rule.as_bytes(), &padded, &self.public).ok()?;
        let letters = [secret.0, closed].concat().iter().flat_map(|byte| [byte >> 4, byte & 15]).map(letter).collect();
        let letters: String = letters;
        Some(format!("s{}:{letters}", self.version))
    }
}

impl OpenKey {
    /// Reads a file's text; none if it holds no private key, or says that it is a public one.
    pub fn new(text: &str) -> Option<Self> {
        of_hex(key_of(text, PRIVATE)).map(|bytes| Self(HpkePrivateKey::from(bytes)))
    }

    /// A text with every value opened that this key opens, and how many there were. What it does not open stays as it is.
    pub fn open(&self, text: &str) -> (String, usize) {
        let (mut out, mut rest, mut opened) = (String::with_capacity(text.len()), text, 0);
        while let Some(start) = rest.find('<') {
            let (before, marker) = rest.split_at(start);
            out.push_str(before);
            let end = marker.find('>').map_or(1, |end| end + 1);
            let (marker, after) = marker.split_at(end);
            match self.value(marker) {
                Some(value) => {
                    out.push_str(&value);
                    opened += 1;
                    rest = after;
                }
                None => {
                    // Another marker may begin within what only looked like one.
                    out.push('<');
                    rest = rest.get(start + 1..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        (out, opened)
    }

    /// The value in `<phone:v1:5e884898da280471:s1:…>`.
    fn value(&self, marker: &str) -> Option<String> {
        let inner = marker.strip_prefix('<')?.strip_suffix('>')?;
        let (rule, _) = inner.split_once(':')?;
        let (before, letters) = inner.rsplit_once(':')?;
        let version = before.rsplit_once(':')?.1.strip_prefix('s')?;
        version.parse::<u16>().ok()?;
        let (pairs, []) = letters.as_bytes().as_chunks::<2>() else { return None };
        let bytes = pairs.iter().map(|[high, low]| Some(of_letter(*high)? << 4 | of_letter(*low)?));
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        let (secret, closed) = bytes.split_at_checked(KEY)?;
        let secret = EncapsulatedSecret(secret.to_vec());
        let padded = SUITE.open(&secret, INFO, rule.as_bytes(), closed, &self.0).ok()?;
        let end = padded.iter().rposition(|byte| *byte != 0)?;
        let value = padded.get(..end).filter(|_| padded.get(end) == Some(&0x80))?;
        String::from_utf8(value.to_vec()).ok()
    }
}

/// Four bits as a letter that no rule takes for a number or a word of base64.
fn letter(nibble: u8) -> char {
    char::from(b'a' + nibble)
}

fn of_letter(letter: u8) -> Option<u8> {
    (b'a'..=b'p').contains(&letter).then(|| letter - b'a')
}

/// The digits of a key in a file. What another kind of key begins with stays, and is no digits.
fn key_of<'t>(text: &'t str, kind: &str) -> &'t str {
    let text = text.trim();
    text.strip_prefix(kind).unwrap_or(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == KEY)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mask::{Config, Masker, OwnRule, Seal as _, TokenKey};

    use super::*;

    fn masker(public: &str) -> Masker {
        let own =
            OwnRule::parse("[[rule]]\nid = \"phone\"\naction = \"seal\"\n[[rule]]\nid = \"name\"\naction = \"seal\"")
                .unwrap();
        let token_keys = vec![TokenKey::new(1, b"0123456789abcdef").unwrap()];
        let sealer: Arc<dyn mask::Seal> = Arc::new(SealKey::new(7, public).unwrap());
        Masker::new(&Config { own, token_keys, sealer: Some(sealer), ..Config::default() }).unwrap()
    }

    #[test]
    fn what_was_closed_up_is_opened_by_the_private_key_and_no_other() {
        let (public, private) = new_keys().unwrap();
        let masker = masker(&public);
        let text = r#"{"full_name":"Иван Петров","phone":"+7 (916) 123-45-67","order_id":4711} a<b"#;
        let masked = masker.mask(text).into_owned();
        assert!(!masked.contains("Иван") && !masked.contains("916"), "{masked}");
        assert_eq!(masker.mask(&masked), masked, "what is masked stays as it is");
        assert_ne!(masker.mask(text), masked, "nobody sees that two closed values are the same but by their tokens");
        let key = OpenKey::new(&private).unwrap();
        assert_eq!(key.open(&masked), (text.to_owned(), 2));
        let (_, stranger) = new_keys().unwrap();
        assert_eq!(OpenKey::new(&stranger).unwrap().open(&masked), (masked.clone(), 0));
        // A closed value is bound to its rule, and to every bit of it.
        assert_eq!(key.open(&masked.replace("<phone:", "<email:")).1, 1);
        let at = masked.rfind('>').unwrap() - 1;
        let other = if masked.as_bytes()[at] == b'a' { "b" } else { "a" };
        let mut changed = masked.clone();
        changed.replace_range(at..=at, other);
        assert_eq!(key.open(&changed).1, 1);
        assert_eq!(format!("{key:?}"), "[secret]");
    }

    #[test]
    fn values_of_about_the_same_length_look_the_same() {
        let key = SealKey::new(1, &new_keys().unwrap().0).unwrap();
        let length = |value: &str| key.seal("phone", value).unwrap().len();
        assert_eq!(length("1"), length("+79161234567"));
        assert!(length("") >= 3 + 128);
        assert!(key.seal("phone", &"x".repeat(LONGEST + 1)).is_none());
    }

    #[test]
    fn neither_key_is_taken_for_the_other() {
        let (public, private) = new_keys().unwrap();
        assert!(SealKey::new(1, &private).is_none(), "a private key would lie on every host");
        assert!(OpenKey::new(&public).is_none());
        assert!(SealKey::new(1, &format!("{public}\n")).is_some() && OpenKey::new(&format!("{private}\n")).is_some());
        // Files of earlier versions hold the digits alone: of a public key that is refused, since a private one looks the same.
        let bare = |key: &str| key.rsplit(':').next().unwrap().to_owned();
        assert!(SealKey::new(1, &bare(&public)).is_none() && SealKey::new(1, &bare(&private)).is_none());
        let closed = SealKey::new(1, &public).unwrap().seal("phone", "4711").unwrap();
        let (text, count) = OpenKey::new(&bare(&private)).unwrap().open(&format!("<phone:{closed}>"));
        assert_eq!((text.as_str(), count), ("4711", 1));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "abc", &"0".repeat(63), &"g".repeat(64)] {
            assert!(SealKey::new(1, text).is_none() && OpenKey::new(text).is_none(), "{text}");
        }
    }
}
