//! The matrix: every class of personal data and secret in every form in which it hides in logs. Nothing survives.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test that cannot go on ends")]

mod forms;
mod planted;

use mask::{Config, Masker, Rule, TokenKey};
use proptest::prelude::*;

use forms::FORMS;
use planted::PLANTED;

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
                    survived.push(format!("{rule} in {name}: {hidden} -> {masked}"));
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
            if counts.get(rule) == 0 {
                wrong.push(format!("{rule} in {name}: {:?}", counts.iter().collect::<Vec<_>>()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_class_is_planted() {
    for rule in Rule::defaults() {
        assert!(PLANTED.iter().any(|(planted, ..)| *planted == rule.name()), "{}", rule.name());
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
