//! Times, spans and numbers in both languages.

use super::*;
use crate::fixture::at;

fn words(language: Language) -> Words<'static> {
    crate::render::words(language)
}

#[test]
fn spans_are_told_in_their_two_largest_units() {
    let check = |ms, english: &str, russian: &str| {
        assert_eq!(words(Language::English).span(ms), english);
        assert_eq!(words(Language::Russian).span(ms), russian);
    };
    check(0, "0 ms", "0 мс");
    check(320, "320 ms", "320 мс");
    check(42_100, "42 s", "42 с");
    check(184_000, "3 min 4 s", "3 мин 4 с");
    check(7_200_000, "2 h", "2 ч");
    check(86_400_000 * 4 + 3_600_000 * 4 + 59_000, "4 d 4 h", "4 д 4 ч");
}

#[test]
fn numbers_take_the_right_form_of_the_noun() {
    let check = |number, english: &str, russian: &str| {
        assert_eq!(words(Language::English).count(number, Noun::Failure), english);
        assert_eq!(words(Language::Russian).count(number, Noun::Failure), russian);
    };
    check(1, "1 error", "1 ошибка");
    check(3, "3 errors", "3 ошибки");
    check(5, "5 errors", "5 ошибок");
    check(11, "11 errors", "11 ошибок");
    check(21, "21 errors", "21 ошибка");
    check(112, "112 errors", "112 ошибок");
}

#[test]
fn times_are_told_in_the_chosen_zone() {
    let zone = TimeZone::fixed(jiff::tz::Offset::from_seconds(5 * 3_600 + 1_800).unwrap());
    let words = Words { language: Language::Russian, zone: &zone };
    let time = at("2026-05-09T21:05:06.007Z");
    assert_eq!(words.second(time), "10 мая 02:35:06");
    assert_eq!(words.clock(time), "02:35:06.007");
    assert_eq!(words.offset(time), "UTC+5:30");
}
