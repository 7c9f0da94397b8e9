//! Names of people under keys that may also name other things, names without quotes, and names in free text that a
//! patronymic tells.

use std::ops::Range;

use super::Scan;
use crate::context::holds_any;
use crate::keys::is_alphabetic;

const MAX_WORDS: usize = 4;
/// Bytes before the key and after the value in which a word may tell that a person is meant.
const NEAR: usize = 96;
/// What the value belongs to.
const BEFORE: [&str; 20] = [
    "customer*",
    "client",
    "buyer*",
    "recipient*",
    "receiver*",
    "contact*",
    "payer*",
    "person*",
    "employee*",
    "holder",
    "user",
    "клиент*",
    "покупател*",
    "получател*",
    "заказчик*",
    "сотрудник*",
    "отправител*",
    "владелец",
    "контакт*",
    "фио",
];
/// What is told of a person beside the name.
const AFTER: [&str; 5] = ["email", "phone*", "телефон*", "почта", "birth*"];
/// How Russian family names and patronymics end, in either script.
const ENDINGS: [&str; 26] = [
    "ов", "ова", "ев", "ева", "ёв", "ёва", "ин", "ина", "ын", "ына", "ский", "ская", "цкий", "цкая", "ович", "евич",
    "овна", "евна", "енко", "чук", "ov", "ova", "ev", "eva", "sky", "skaya",
];

/// What stands behind the stem of a patronymic in each case.
const MALE_CASES: [&str; 5] = ["", "а", "у", "ем", "е"];
const FEMALE_CASES: [&str; 5] = ["а", "ы", "е", "у", "ою"];
/// Letters behind the stem of a family name: `Петрова`, `Раевского`.
const MAX_FAMILY_LETTERS: usize = 3;
const FAMILY_STEMS: [&str; 13] = ["ов", "ев", "ёв", "ин", "ын", "ск", "цк", "енк", "чук", "ov", "ev", "in", "sk"];
/// What stands before names with a capital and is none: the beginnings of such words.
const TITLES: [&str; 32] = [
    "клиент",
    "заказчик",
    "получател",
    "покупател",
    "отправител",
    "пользовател",
    "сотрудни",
    "менеджер",
    "директор",
    "мастер",
    "курьер",
    "владел",
    "уважаем",
    "дорог",
    "господин",
    "госпож",
    "граждан",
    "контакт",
    "имя",
    "фио",
    "для",
    "это",
    "customer",
    "client",
    "buyer",
    "recipient",
    "user",
    "contact",
    "dear",
    "manager",
    "for",
    "from",
];

impl Scan<'_> {
    /// The full name around the stem of a patronymic: the given name before it, and the family name on either side.
    pub(super) fn full_name(&self, start: usize, stem_end: usize) -> Option<Range<usize>> {
        let from = start - letters(self.slice(0..start).chars().rev());
        let to = stem_end + letters(self.text.get(stem_end..)?.chars());
        let is_name = from < start && is_of_name(self.slice(from..to));
        let given = is_name.then(|| self.name_before(from)).flatten()?;
        if !is_case(self.slice(start..stem_end), self.slice(stem_end..to), self.slice(given.clone())) {
            return None;
        }
        if let Some(family) = self.name_before(given.start) {
            return Some(family.start..to);
        }
        let family = self.name_after(to).filter(|span| is_family_name(self.slice(span.clone())));
        Some(given.start..family.map_or(to, |span| span.end))
    }

    /// The word with a capital before `end`, one blank between, unless it is a title.
    fn name_before(&self, end: usize) -> Option<Range<usize>> {
        let end = end.checked_sub(1).filter(|blank| is_blank(self.bytes[*blank]))?;
        let start = end - letters(self.slice(0..end).chars().rev());
        let word = self.slice(start..end);
        let is_name = 1 < word.chars().count() && is_of_name(word) && !self.is_inside_word(start);
        let lower = word.to_lowercase();
        (is_name && !TITLES.iter().any(|title| lower.starts_with(title))).then_some(start..end)
    }

    fn name_after(&self, start: usize) -> Option<Range<usize>> {
        let start = self.byte(start).filter(|byte| is_blank(*byte)).map(|_| start + 1)?;
        let end = start + letters(self.text.get(start..)?.chars());
        is_of_name(self.slice(start..end)).then_some(start..end)
    }

    /// Where a name without quotes ends: its first word, and more that begin with a capital.
    pub(super) fn bare_name(&self, start: usize) -> Range<usize> {
        let mut end = self.word_end(start);
        for _ in 1..MAX_WORDS {
            let next = self.text.get(end..).and_then(|rest| rest.strip_prefix(' '));
            if !next.is_some_and(|rest| rest.starts_with(char::is_uppercase)) || self.starts_field(end + 1) {
                break;
            }
            end = self.word_end(end + 1);
        }
        let value = self.slice(start..end);
        start..start + value.trim_end_matches([',', ';']).len()
    }

    /// Whether the value looks like the name of a person, and a word near it or its own ending says so.
    pub(super) fn is_person(&self, key: usize, value: Range<usize>) -> bool {
        let words = || self.slice(value.clone()).split([' ', '+', '\t']).filter(|word| !word.is_empty());
        if !(2..=MAX_WORDS).contains(&words().take(MAX_WORDS + 1).count()) || !words().all(is_of_name) {
            return false;
        }
        let is_russian_name = |word: &str| {
            let word = word.to_lowercase();
            ENDINGS.iter().any(|ending| word.ends_with(ending) && ending.len() + 2 < word.len())
        };
        let before = self.slice(self.text.ceil_char_boundary(key.saturating_sub(NEAR))..value.start);
        let before = before.rsplit([',', ';', '}']).next().unwrap_or_default();
        let after_end = self.text.floor_char_boundary((value.end + NEAR).min(self.text.len()));
        let after = self.slice(value.end..after_end);
        words().any(is_russian_name) || holds_any(before, &BEFORE) || holds_any(after, &AFTER)
    }
}

/// Whether a patronymic may end so behind its stem, in agreement with the given name where adjectives end alike.
fn is_case(stem: &str, ending: &str, given: &str) -> bool {
    let (ending, given) = (ending.to_lowercase(), given.to_lowercase());
    match stem.chars().next_back() {
        Some('ч' | 'Ч') => MALE_CASES.contains(&ending.as_str()),
        Some('н' | 'Н') if ending == "ой" => ["ой", "ей", "ью"].iter().any(|end| given.ends_with(end)),
        Some('н' | 'Н') => FEMALE_CASES.contains(&ending.as_str()),
        _ => ending.is_empty(),
    }
}

/// Bytes of the letters that come first.
fn letters(chars: impl Iterator<Item = char>) -> usize {
    chars.take_while(|c| is_alphabetic(*c) || *c == '-').map(char::len_utf8).sum()
}

/// A plus is a blank of a query string.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'+' | b'\t')
}

/// Whether a word ends as Russian family names do, in any case.
fn is_family_name(word: &str) -> bool {
    let lower = word.to_lowercase();
    let ends = |stem: &&str| {
        let behind = lower.rfind(*stem).and_then(|at| lower.get(at + stem.len()..));
        behind.is_some_and(|behind| behind.chars().count() <= MAX_FAMILY_LETTERS)
    };
    3 < lower.chars().count() && FAMILY_STEMS.iter().any(ends)
}

/// A capital and letters, or an initial.
fn is_of_name(word: &str) -> bool {
    word.starts_with(char::is_uppercase) && word.chars().all(|c| is_alphabetic(c) || matches!(c, '-' | '.' | '\''))
}

#[cfg(test)]
mod tests {
    use crate::{Config, Masker};

    #[track_caller]
    fn check(text: &str, want: &str) {
        let masker = Masker::new(&Config::default()).unwrap();
        assert_eq!(masker.mask(text), want);
        assert_eq!(masker.mask(want), want);
    }

    #[test]
    fn a_patronymic_tells_a_full_name_in_free_text() {
        check("заказ для Петрова Ивана Сергеевича готов", "заказ для <name> готов");
        check("Клиент Анна Петровна позвонила", "Клиент <name> позвонила");
        check("принял ИВАНОВ ПЁТР ИЛЬИЧ, сдала Анна Ильинична Кузнецова.", "принял <name>, сдала <name>.");
        // Names side by side become one.
        check("передано Ивану Сергеевичу Раевскому Анной Петровной", "передано <name>");
        check("ПЕТРОВ ИВАН СЕРГЕЕВИЧ", "<name>");
        check("order for Ivan Sergeevich Petrov is late", "order for <name> is late");
        check("q=Иван+Сергеевич+Петров&n=1", "q=<name>&n=1");
        check("Уважаемая Римская-Корсакова Вера Аркадьевна!", "Уважаемая <name>!");
    }

    #[test]
    fn words_that_end_like_a_patronymic_are_no_names() {
        for text in [
            "Основной склад, Уровни готовности",
            "в городе Петровна нет",
            "Статус Основной заказ",
            "Решение Верховной комиссии",
            "Дневник Деревни",
            "основной Базовый тариф",
            "сама Ивановна",
            "Turkish Airlines, Kishinevna",
        ] {
            check(text, text);
        }
    }
}
