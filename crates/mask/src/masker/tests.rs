//! What is masked, what is left, and the laws.

#[path = "../../tests/false_hits/lines.rs"]
mod lines;

mod arguments;
mod elements;
mod forms;
mod keys;
mod laws;
mod numbers;
mod tokens;

use std::borrow::Cow;

use super::*;

fn masker() -> Masker {
    Masker::new(&Config::default()).unwrap()
}

fn keyed() -> Masker {
    let token_keys = vec![TokenKey::new(1, b"0123456789abcdef").unwrap()];
    Masker::new(&Config { token_keys, ..Config::default() }).unwrap()
}

#[track_caller]
fn check(text: &str, want: &str) {
    let masker = masker();
    let masked = masker.mask(text);
    assert_eq!(masked, want);
    assert_eq!(masker.mask(&masked), want, "masked twice");
}

#[track_caller]
fn unchanged(text: &str) {
    assert!(matches!(masker().mask(text), Cow::Borrowed(same) if same == text), "{}", masker().mask(text));
}
