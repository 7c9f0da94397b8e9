//! Numbers that are right, and the same with one digit changed.

use super::*;

#[test]
fn right_numbers_pass_and_any_changed_digit_fails() {
    for (validator, number) in [
        (Validator::Luhn, "4111111111111111"),
        (Validator::Luhn, "2200 0000 0000 0004"),
        (Validator::Iban, "DE89 3704 0044 0532 0130 00"),
        (Validator::Iban, "GB82WEST12345698765432"),
        (Validator::Snils, "112-233-445 95"),
        (Validator::Inn, "7707083893"),
        (Validator::Inn, "500100732259"),
    ] {
        assert!(validator.accepts(number), "{number}");
        for (at, digit) in number.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
            let other = if digit == '9' { '0' } else { char::from(digit as u8 + 1) };
            let mut changed = number.to_owned();
            changed.replace_range(at..=at, &other.to_string());
            assert!(!validator.accepts(&changed), "{changed}");
        }
    }
}

#[test]
fn wrong_lengths_and_zeros_fail() {
    for validator in [Validator::Luhn, Validator::Iban, Validator::Snils, Validator::Inn] {
        for number in ["", "0", "0000000000", "00000000000", "000000000000", "7707083893123"] {
            assert!(!validator.accepts(number), "{validator:?} {number}");
        }
    }
}

#[test]
fn a_country_has_one_length() {
    assert_eq!(iban_length(*b"DE"), Some(22));
    assert_eq!(iban_length(*b"RU"), Some(33));
    assert_eq!(iban_length(*b"PL"), Some(28));
    assert_eq!(iban_length(*b"ZZ"), None);
}
