//! The masker: never panics, takes linear time, masks twice as it masks once, and lets no planted number through.

use std::sync::LazyLock;

use mask::{Config, Masker, Rule, TokenKey};

use crate::Target;

pub(crate) const TARGET: Target = Target { name: "mask", run, words: WORDS };

const WORDS: &[&str] = &[
    "ivan@example.ru",
    "+7 916 123-45-67",
    "4111111111111111",
    "password",
    "пароль",
    "\"",
    "\\\"",
    "\\u0040",
    "\\u043f",
    "%40",
    "%22",
    "=",
    ": ",
    "<email>",
    "<secret>",
    "Bearer ",
    "Basic ",
    "eyJhbGciOiJIUzI1NiJ9.",
    "postgres://a:b@c",
    "паспорт 4510 123456",
    "112-233-445 95",
    "ИНН 7707083893",
    "DE89370400440532013000",
    "ФИО: ",
    "\"address\":{\"city\":\"",
    "Иван Петров",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "aXZhbkBleGFtcGxlLnJ1",
    "fe80::1",
    "&#64;",
    "=40",
    "=D0=98",
    "6976616e40782e7275",
    "\\n\"",
    "\\/",
    "\u{a0}",
    "\u{200b}",
    "٧",
    "<card:*1111>",
    "{",
    "}",
    ",",
    "&",
];

/// A card on a line of its own, which nothing before it may hide.
const PLANTED: &str = "\n4111111111111111\n";

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for masker in maskers() {
        let once = masker.mask(&text);
        assert_eq!(masker.mask(&once), once, "masking twice is not masking once");
        assert!(!masker.mask(&format!("{text}{PLANTED}")).contains(PLANTED), "a planted card survives");
    }
}

/// With markers, and with tokens.
fn maskers() -> &'static [Masker; 2] {
    static MASKERS: LazyLock<[Masker; 2]> = LazyLock::new(|| {
        let token_keys = TokenKey::new(1, b"0123456789abcdef").into_iter().collect();
        let rules = Rule::ALL.to_vec();
        [Config::default(), Config { token_keys, rules, ..Config::default() }]
            .map(|config| Masker::new(&config).expect("built-in rules make a masker"))
    });
    &MASKERS
}
