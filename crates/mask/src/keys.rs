//! What a key's name says about its value: a secret, an id, a phone, a card.
//!
//! A name matches a word when it ends with it; case and the separators `_`, `-`, `.` do not matter, so `token` is found
//! in `access_token`, `Access-Token` and `accessToken`. Short words must stand alone: `pin` is not in `shipin`.

use crate::Error;
use crate::decode::decoded;

const SECRETS: [&str; 24] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "passwordhash",
    "passwordconfirm",
    "passwordconfirmation",
    "passwordrepeat",
    "password1",
    "password2",
    "secret",
    "secrets",
    "token",
    "apikey",
    "secretkey",
    "privatekey",
    "accesskey",
    "authorization",
    "cookie",
    "cookies",
    "пароль",
    "секрет",
    "токен",
];
const SHORT_SECRETS: [&str; 10] = ["pass", "pwd", "pin", "pincode", "cvv", "cvv2", "cvc", "cvc2", "otp", "пин"];
const IDS: [&str; 28] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "orderno",
    "ordernumber",
    "номерзаказа",
    "sku",
    "ean",
    "gtin",
    "barcode",
    "штрихкод",
    "offset",
    "size",
    "bytes",
    "length",
    "count",
    "seq",
    "sequence",
    "version",
    "ts",
    "timestamp",
    "time",
    "ns",
    "us",
    "ms",
    "nanos",
    "micros",
];
const PHONES: [&str; 8] = ["phone", "phonenumber", "mobile", "msisdn", "tel", "cell", "телефон", "тел"];
const CARDS: [&str; 6] = ["card", "cardnumber", "cardno", "pan", "карта", "номеркарты"];

/// All words, with a filter over the last two bytes of a name, since nearly every key in a log is none of ours.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    secrets: Vec<Word>,
    ids: Vec<Word>,
    phones: Vec<Word>,
    cards: Vec<Word>,
    endings: Box<[u64; 1024]>,
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    stands_alone: bool,
}

impl Keys {
    pub(crate) fn new(more_secrets: &[String], more_ids: &[String]) -> Result<Self, Error> {
        let mut secrets = words(&SECRETS, false);
        secrets.extend(words(&SHORT_SECRETS, true));
        for name in more_secrets {
            secrets.push(Word { text: normal(name)?, stands_alone: name.chars().count() <= 4 });
        }
        let mut ids = words(&IDS, true);
        for name in more_ids {
            ids.push(Word { text: normal(name)?, stands_alone: true });
        }
        let (phones, cards) = (words(&PHONES, true), words(&CARDS, true));
        let mut keys = Self { secrets, ids, phones, cards, endings: Box::new([0; 1024]) };
        for word in keys.secrets.clone() {
            keys.admit_ending(&word.text);
        }
        Ok(keys)
    }

    /// Whether a name that ends with these two bytes may be a secret's; wrong only in saying yes.
    pub(crate) fn may_be_secret(&self, before_last: u8, last: u8) -> bool {
        let pair = pair(before_last, last);
        last >= 0x80 || self.endings[pair / 64] & 1 << (pair % 64) != 0
    }

    pub(crate) fn is_secret(&self, key: &str) -> bool {
        matches_any(key, &self.secrets)
    }

    pub(crate) fn is_id(&self, key: &str) -> bool {
        matches_any(key, &self.ids)
    }

    pub(crate) fn is_phone(&self, key: &str) -> bool {
        matches_any(key, &self.phones)
    }

    pub(crate) fn is_card(&self, key: &str) -> bool {
        matches_any(key, &self.cards)
    }

    fn admit_ending(&mut self, word: &str) {
        let [.., before_last, last] = *word.as_bytes() else { return };
        for first in [before_last, b'_', b'-', b'.'] {
            let pair = pair(first, last);
            self.endings[pair / 64] |= 1 << (pair % 64);
        }
    }
}

fn pair(before_last: u8, last: u8) -> usize {
    usize::from(before_last.to_ascii_lowercase()) << 8 | usize::from(last.to_ascii_lowercase())
}

fn words(texts: &[&str], stands_alone: bool) -> Vec<Word> {
    texts.iter().map(|text| Word { text: (*text).to_owned(), stands_alone }).collect()
}

fn normal(name: &str) -> Result<String, Error> {
    let normal: String = name.chars().filter(|c| !is_separator(*c)).flat_map(char::to_lowercase).collect();
    if normal.len() < 2 || !normal.chars().all(char::is_alphanumeric) {
        return Err(Error::KeyName(name.to_owned()));
    }
    Ok(normal)
}

fn is_separator(c: char) -> bool {
    matches!(c, '_' | '-' | '.')
}

fn matches_any(key: &str, words: &[Word]) -> bool {
    let key = decoded(key);
    words.iter().any(|word| word.ends(&key))
}

impl Word {
    fn ends(&self, key: &str) -> bool {
        let mut left = key.chars().rev().filter(|c| !is_separator(*c));
        let same = |c: char| left.next().is_some_and(|other| other.to_lowercase().eq([c]));
        if !self.text.chars().rev().all(same) {
            return false;
        }
        !self.stands_alone || starts_alone(key, self.text.chars().count())
    }
}

/// Whether the last `length` letters of `key` begin at its start, after a separator, or with a capital as in `orderId`.
fn starts_alone(key: &str, length: usize) -> bool {
    let mut letters = 0;
    let mut first = None;
    for c in key.chars().rev() {
        match first {
            Some(first) => return is_separator(c) || (char::is_uppercase(first) && !c.is_uppercase()),
            None if is_separator(c) => {}
            None => letters += 1,
        }
        if letters == length {
            first = Some(c);
        }
    }
    true
}

#[cfg(test)]
mod tests;
