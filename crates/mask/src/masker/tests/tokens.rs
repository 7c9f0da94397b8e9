//! Rules that are off, counts, tokens and closed values.

use super::{keyed, masker};
use crate::{Config, Counts, Error, Masker, OwnRule, Rule, TokenKey};

#[test]
fn a_rule_that_is_off_finds_nothing() {
    let masker = Masker::new(&Config { rules: vec![Rule::Email], ..Config::default() }).unwrap();
    let text = "a@x.ru password=x 4111111111111111 +79161234567 Bearer abcdef123456";
    assert_eq!(masker.mask(text), "<email> password=x 4111111111111111 +79161234567 Bearer abcdef123456");
    assert_eq!(masker.rule_names().collect::<Vec<_>>(), ["email"]);
}

#[test]
fn hits_are_counted_by_rule() {
    let mut counts = Counts::default();
    masker().mask_with_counts("a@x.ru b@x.ru pwd=1 4111111111111111", &mut counts);
    assert_eq!(counts.get("email"), 2);
    assert_eq!(counts.get("secret"), 1);
    assert_eq!(counts.get("card"), 1);
    assert_eq!(counts.total(), 4);
}

#[test]
fn equal_values_make_equal_tokens_in_any_spelling() {
    let masker = keyed();
    let phone = masker.mask("8 (916) 123-45-67").into_owned();
    assert!(phone.starts_with("<phone:v1:") && phone.len() == 27, "{phone}");
    for other in ["+79161234567", "7 916 123 45 67", "%2B7%20916%20123%2045%2067", r"\u002B7\u00a0916\u00a01234567"] {
        assert_eq!(masker.mask(other), phone, "{other}");
    }
    assert_eq!(masker.mask("Ivan@X.ru"), masker.mask("ivan%40x.ru"));
    assert_eq!(masker.mask("4111 1111 1111 1111"), masker.mask("4111111111111111"));
    assert_eq!(masker.mask("password=x"), "password=<secret>");
}

#[test]
fn tokens_differ_by_rule_key_and_value() {
    let other = TokenKey::new(2, b"another secret key").unwrap();
    let key = TokenKey::new(1, b"0123456789abcdef").unwrap();
    let hash = |token: String| token.rsplit(':').next().unwrap().to_owned();
    let token = hash(key.token(Rule::Card, "4111111111111111"));
    assert_ne!(token, hash(key.token(Rule::Phone, "4111111111111111")));
    assert_ne!(token, hash(key.token(Rule::Card, "5555555555554444")));
    assert_ne!(token, hash(other.token(Rule::Card, "4111111111111111")));
    assert_eq!(TokenKey::new(1, b"short").unwrap_err(), Error::ShortTokenKey(5));
}

#[test]
fn what_a_rule_would_not_find_has_no_token() {
    let config = Config { token_keys: vec![TokenKey::new(1, b"0123456789abcdef").unwrap()], ..Config::default() };
    let tokens = |rule: &str, value: &str| Masker::tokens(&config, rule, value);
    for (rule, value) in [
        ("phone", "9161234567"),
        ("phone", "8 (916) 123-45-67"),
        ("card", "4111 1111 1111 1111"),
        ("email", "Ivan@X.ru"),
        ("passport", "4510 123456"),
        ("snils", "112-233-445 95"),
        ("inn", "7707083893"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("name", "Иван Петров"),
    ] {
        assert_eq!(tokens(rule, value).unwrap().map(|all| all.len()), Some(1), "{rule} {value}");
    }
    for (rule, value) in [
        ("phone", ""),
        ("name", " "),
        ("name", "Иван\nПетров"),
        ("phone", "not a phone"),
        ("phone", "89161234567 and more"),
        ("card", "4111111111111112"),
        ("inn", "7707083894"),
    ] {
        assert!(tokens(rule, value).unwrap_err().to_string().contains(rule), "{rule} {value}");
    }
}

/// Closes nothing up, but looks as if it did.
#[derive(Debug)]
struct Letters;

impl crate::Seal for Letters {
    fn seal(&self, rule: &str, value: &str) -> Option<String> {
        (value.len() < 100).then(|| format!("s1:{}", "abdeffaceeeddhhkkpponmml".repeat(6 + rule.len() % 2)))
    }
}

#[test]
fn a_closed_value_stands_beside_its_token_and_is_not_masked_again() {
    let own =
        OwnRule::parse("[[rule]]\nid = \"phone\"\naction = \"seal\"\n[[rule]]\nid = \"email\"\naction = \"seal\"")
            .unwrap();
    let config = |token_keys: Vec<TokenKey>| Config {
        own: own.clone(),
        token_keys,
        sealer: Some(std::sync::Arc::new(Letters)),
        ..Config::default()
    };
    let key = TokenKey::new(3, b"0123456789abcdef").unwrap();
    for (masker, start) in [
        (Masker::new(&config(vec![key.clone()])).unwrap(), "<phone:v3:"),
        (Masker::new(&config(Vec::new())).unwrap(), "<phone:s1:"),
    ] {
        for text in
            ["call +7 916 123-45-67 now", "{\"phone\":\"+79161234567\"}", "phone=%2B79161234567&x=1", "a@b.example"]
        {
            let masked = masker.mask(text).into_owned();
            assert!(masked.contains(":s1:abde") && !masked.contains("4567"), "{masked}");
            assert_eq!(masker.mask(&masked), masked);
        }
        assert!(masker.mask("+7 916 123-45-67").starts_with(start));
        let mut counts = Counts::default();
        let value = masker.mask_value("phone", "+79161234567", &mut counts).into_owned();
        assert_eq!(masker.mask_value("phone", &value, &mut counts), value);
    }
    // What is too long to be closed up is gone.
    let masker = Masker::new(&config(Vec::new())).unwrap();
    assert_eq!(masker.mask(&format!("{}@b.example", "a".repeat(60) + "." + &"b".repeat(40))), "<email>");
    // The token of a guess is the same whether values are closed up or not.
    let tokens = Masker::tokens(&config(vec![key]), "phone", "89161234567").unwrap().unwrap();
    assert!(tokens[0].starts_with("<phone:v3:") && !tokens[0].contains(":s1:"), "{tokens:?}");
    let without = Config { sealer: None, ..config(Vec::new()) };
    assert!(Masker::new(&without).unwrap_err().to_string().contains("seal_key"));
    // A marker that only looks like one hides nothing.
    for fake in ["<phone:s1:abcd>", "<phone:s1:>", "<phone:s:79161234567>"] {
        let text = format!("{fake} 1");
        assert!(!masker.mask(&text).contains("79161234567"), "{text}");
    }
}
