//! The matrix: every class of personal data and secret in every form in which it hides in logs. Nothing survives.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on ends")]

mod forms;

use mask::{Config, Masker, Rule, TokenKey};
use proptest::prelude::*;

use forms::FORMS;

/// A class, a text that holds a value of it, and the part of the text that must not be found again.
const PLANTED: [(Rule, &str, &str); 30] = [
    (Rule::Email, "write to ivan.petrov@example.ru today", "ivan.petrov@example.ru"),
    (Rule::Email, "иван@почта.рф", "иван@почта"),
    (Rule::Phone, "call +7 916 123-45-67 now", "916 123-45-67"),
    (Rule::Phone, "8 (916) 123-45-67", "123-45-67"),
    (Rule::Phone, "+14155552671", "4155552671"),
    (Rule::Phone, r#"{"phone":"9161234567"}"#, "9161234567"),
    (Rule::Card, "card 4111 1111 1111 1111.", "1111 1111"),
    (Rule::Card, "2200000000000004", "2200000000000004"),
    (Rule::Iban, "to DE89 3704 0044 0532 0130 00 today", "3704 0044 0532"),
    (Rule::Iban, "GB82WEST12345698765432", "12345698765432"),
    (Rule::Passport, "паспорт 4510 123456 выдан", "4510 123456"),
    (Rule::Passport, "Паспорт: серия 45 10 № 123456", "123456"),
    (Rule::Passport, r#"{"passport_number":"4510123456"}"#, "4510123456"),
    (Rule::Snils, "112-233-445 95", "112-233-445"),
    (Rule::Snils, r#"{"снилс":"11223344595"}"#, "11223344595"),
    (Rule::Inn, "ИНН 7707083893", "7707083893"),
    (Rule::Inn, r#"{"inn":"500100732259"}"#, "500100732259"),
    (Rule::Name, "ФИО: Петров Иван Сергеевич, заказ 7", "Петров Иван"),
    (Rule::Name, r#"{"customer_name":"Ivan Petrov","n":1}"#, "Ivan Petrov"),
    (Rule::Name, r#"{"name":"Анна Смит","email":"x"}"#, "Анна Смит"),
    (Rule::Address, r#"{"delivery_address":"ул. Тверская, 1"}"#, "Тверская"),
    (Rule::Address, "адрес: Москва, ул. Тверская, дом 1, тел: нет", "Тверская"),
    (Rule::Address, r#"{"address":{"city":"Москва","street":"Тверская"}}"#, "Тверская"),
    (Rule::Credential, "Authorization Bearer abcdef123456789 ok", "abcdef123456789"),
    (Rule::Credential, "postgres://app:s3cr3tpass@db:5432/x", "s3cr3tpass"),
    (Rule::Jwt, "t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
    (Rule::ApiKey, "key AKIAIOSFODNN7EXAMPLE used", "AKIAIOSFODNN7EXAMPLE"),
    (
        Rule::PrivateKey,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAK\nCAQEA7bq\n-----END RSA PRIVATE KEY-----",
        "MIIEpAIBAAK",
    ),
    (Rule::Secret, r#"{"password":"hunter2x","n":1}"#, "hunter2x"),
    (Rule::Secret, r#"{"Новый_пароль": "тайна123"}"#, "тайна123"),
];

fn maskers() -> [Masker; 2] {
    let token_keys = vec![TokenKey::new(1, b"0123456789abcdef").unwrap()];
    [Config::default(), Config { token_keys, ..Config::default() }].map(|config| Masker::new(&config).unwrap())
}

#[test]
fn no_class_survives_in_any_form() {
    let mut survived = Vec::new();
    for masker in maskers() {
        for (rule, text, part) in PLANTED {
            for (name, form) in FORMS {
                let hidden = form(text);
                let masked = masker.mask(&hidden);
                let leaks = masked.contains(part) || masked.contains(&form(part)) || masked == hidden;
                if leaks || masker.mask(&masked) != masked {
                    survived.push(format!("{} in {name}: {hidden} -> {masked}", rule.name()));
                }
            }
        }
    }
    assert!(survived.is_empty(), "{} survived:\n{}", survived.len(), survived.join("\n"));
}

#[test]
fn the_class_is_told_in_every_form() {
    let [masker, _] = maskers();
    let mut wrong = Vec::new();
    for (rule, text, _) in PLANTED {
        for (name, form) in FORMS {
            let mut counts = mask::Counts::default();
            masker.mask_with_counts(&form(text), &mut counts);
            if counts.get(rule.name()) == 0 {
                wrong.push(format!("{} in {name}: {:?}", rule.name(), counts.iter().collect::<Vec<_>>()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_class_is_planted() {
    for rule in Rule::defaults() {
        assert!(PLANTED.iter().any(|(planted, ..)| *planted == rule), "{}", rule.name());
    }
}

/// Digits with a right check digit behind them.
fn card() -> impl Strategy<Value = String> {
    "4[0-9]{14}|5[1-5][0-9]{13}|220[0-4][0-9]{11}".prop_map(|digits| {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, d)| {
                let d = u32::from(d - b'0') * if i % 2 == 0 { 2 } else { 1 };
                d / 10 + d % 10
            })
            .sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    })
}

fn snils() -> impl Strategy<Value = String> {
    "[1-9][0-9]{8}".prop_map(|digits| {
        let sum: u32 = digits.bytes().zip((1..=9).rev()).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        format!("СНИЛС {digits}{:02}", sum % 101 % 100)
    })
}

proptest! {
    #[test]
    fn no_planted_run_of_six_digits_survives(
        value in prop_oneof![card(), snils(), "\\+7[3489][0-9]{9}", "8[3489][0-9]{9}", "паспорт [1-9][0-9]{9}"],
        before in "[а-яa-z ]{0,12}", after in "[а-яa-z ]{0,12}", form in 0..FORMS.len(),
    ) {
        // A unit behind the digits (`83000000000 s`) would make them a quantity, which stays.
        let text = format!("{before} {value} от {after}");
        let (name, form) = FORMS[form];
        let hidden = form(&text);
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        for masker in maskers() {
            let masked = masker.mask(&hidden);
            for at in 0..=digits.len() - 6 {
                let run = &digits[at..at + 6];
                prop_assert!(!masked.contains(run) && !masked.contains(&form(run)), "{} in {}: {} -> {}", run, name, hidden, masked);
            }
            prop_assert_eq!(masker.mask(&masked), masked.as_ref());
        }
    }
}
