//! Names of structured metadata: made such that a label could have them, and told apart where that makes two of them one.
//!
//! Values are masked by the names that they came with; these become clean only afterwards.

use std::borrow::Cow;

/// Latin letters for those of the alphabet from `а` to `я`.
const LATIN: [&str; 32] = [
    "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f", "kh",
    "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
];

/// A name that can be a label: Cyrillic letters become Latin ones, other characters `_`; a leading digit gets a prefix.
pub fn clean_name(name: &str) -> Cow<'_, str> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let has_digit = name.starts_with(|c: char| c.is_ascii_digit());
    if !has_digit && name.chars().all(is_legal) {
        return Cow::Borrowed(name);
    }
    let mut out = if has_digit { "key_" } else { "" }.to_owned();
    for c in name.chars() {
        match latin(c) {
            Some(letters) if c.is_uppercase() => push_capital(&mut out, letters),
            Some(letters) => out.push_str(letters),
            None => out.push(if is_legal(c) { c } else { '_' }),
        }
    }
    Cow::Owned(if out.is_empty() { "_".to_owned() } else { out })
}

fn latin(c: char) -> Option<&'static str> {
    match c.to_lowercase().next()? {
        'ё' => Some("yo"),
        small => LATIN.get((small as usize).checked_sub('а' as usize)?).copied(),
    }
}

fn push_capital(out: &mut String, letters: &str) {
    let mut letters = letters.chars();
    out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
    out.push_str(letters.as_str());
}

/// A pair of structured metadata under collection.
#[derive(Clone, Debug)]
pub struct Named<'a> {
    /// Its name as it came.
    raw: Cow<'a, str>,
    /// Its clean name, if that is another.
    clean: Option<String>,
    value: String,
}

impl<'a> Named<'a> {
    /// A value under a name that becomes clean.
    pub fn new(name: Cow<'a, str>, value: String) -> Self {
        let clean = match clean_name(&name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(clean),
        };
        Self { raw: name, clean, value }
    }

    /// A value under a name whose clean form is known, if it is another.
    pub(crate) const fn known(raw: Cow<'a, str>, clean: Option<String>, value: String) -> Self {
        Self { raw, clean, value }
    }

    /// The name as it came.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }

    fn name(&self) -> &str {
        self.clean.as_deref().unwrap_or(&self.raw)
    }

    fn into_pair(self) -> (String, String) {
        (self.clean.unwrap_or_else(|| self.raw.into_owned()), self.value)
    }
}

/// Pairs sorted by their clean names. Of pairs that came with one name the first one stays; where another name has become
/// the same, the one that needed no cleaning keeps it, and the others get `_2` and so on.
pub fn unique(mut pairs: Vec<Named<'_>>) -> Vec<(String, String)> {
    if pairs.is_empty() {
        return Vec::new();
    }
    pairs.sort_by(|a, b| (a.name(), a.clean.is_some(), &a.raw).cmp(&(b.name(), b.clean.is_some(), &b.raw)));
    pairs.dedup_by(|later, first| later.name() == first.name() && later.raw == first.raw);
    // One more for the level.
    let mut kept: Vec<(String, String)> = Vec::with_capacity(pairs.len() + 1);
    let mut others = Vec::new();
    for pair in pairs {
        match kept.last() {
            Some((name, _)) if name == pair.name() => others.push(pair.into_pair()),
            _ => kept.push(pair.into_pair()),
        }
    }
    if !others.is_empty() {
        let numbered = numbered(others, &kept);
        kept.extend(numbered);
        kept.sort_by(|a, b| a.0.cmp(&b.0));
    }
    kept
}

/// The same pairs, sorted as they are, under names that `taken` does not have.
fn numbered(pairs: Vec<(String, String)>, taken: &[(String, String)]) -> Vec<(String, String)> {
    let is_free = |name: &str| taken.binary_search_by(|(known, _)| known.as_str().cmp(name)).is_err();
    let (mut before, mut number) = (String::new(), 1);
    let mut out = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        if name != before {
            (before, number) = (name, 1);
        }
        let free = std::iter::repeat_with(|| {
            number += 1;
            format!("{before}_{number}")
        });
        out.extend(free.into_iter().find(|name| is_free(name)).map(|name| (name, value)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_clean_and_can_be_searched_in_latin_letters() {
        let names = [
            ("пароль", "parol"),
            ("ФИО", "FIO"),
            ("НомерЩита", "NomerShchita"),
            ("ёлка", "yolka"),
            ("req.пароль", "req_parol"),
            ("a-b c", "a_b_c"),
            ("2xx", "key_2xx"),
            ("ь", "_"),
            ("名", "_"),
        ];
        for (name, want) in names {
            assert_eq!(clean_name(name), want);
            assert!(matches!(clean_name(want), Cow::Borrowed(same) if same == want));
        }
    }

    fn pairs(names: &[&str]) -> String {
        let named = names.iter().enumerate().map(|(at, name)| Named::new(Cow::Borrowed(*name), at.to_string()));
        let pairs = unique(named.collect());
        pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn no_value_is_gone_because_two_names_became_one() {
        assert_eq!(pairs(&["цех", "вес"]), "tsekh=0 ves=1");
        assert_eq!(pairs(&["мель", "мел", "b"]), "b=2 mel=1 mel_2=0");
        assert_eq!(pairs(&["a.b", "a_b", "a-b", "a_b_2"]), "a_b=1 a_b_2=3 a_b_3=2 a_b_4=0");
        assert_eq!(pairs(&["x", "вес", "x", "вес"]), "ves=1 x=0", "of one name the first");
        assert_eq!(pairs(&["名", "号", "a-1", "a.1", "a_1"]), "_=1 __2=0 a_1=4 a_1_2=2 a_1_3=3");
    }
}
