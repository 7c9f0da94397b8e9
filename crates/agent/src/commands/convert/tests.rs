//! Their settings in, ours out; what comes out is always settings that load.

mod fluent_bit;
mod promtail;

use agent::Config;
use expect_test::Expect;

use super::*;

#[track_caller]
fn check(theirs: &str, want: &Expect) {
    let ours = convert(theirs).unwrap();
    want.assert_eq(&ours);
    // Files with secrets are not there yet.
    let without = ours.lines().filter(|line| !line.starts_with("token_file") && !line.starts_with("user"));
    let text: String = without.map(|line| format!("{line}\n")).collect();
    Config::load(&text, []).unwrap_or_else(|problems| panic!("{problems}\n{ours}"));
}

#[test]
fn a_password_in_an_address_is_not_copied() {
    let text = "clients: [{ url: 'https://shop:s3cret@logs.example.org/loki/api/v1/push' }]\nscrape_configs: []\n";
    let converted = convert(text).unwrap();
    assert!(!converted.contains("s3cret"), "{converted}");
    for part in ["url = \"https://logs.example.org/loki/api/v1/push\"", "user = \"shop\"", "token_file = "] {
        assert!(converted.contains(part), "{part} in {converted}");
    }
}

#[test]
fn variables_are_told() {
    let text = "clients: [{ url: 'https://${LOKI_HOST}/loki/api/v1/push' }]\nscrape_configs: []\n";
    let converted = convert(text).unwrap();
    let note = "# not converted: the variables in `url`: write what they stand for\n";
    assert!(converted.contains(note) && converted.contains("https://${LOKI_HOST}/"), "{converted}");
}

#[test]
fn anything_else_is_told() {
    for text in ["", "a: 1", "{"] {
        assert!(convert(text).is_err(), "{text}");
    }
}
