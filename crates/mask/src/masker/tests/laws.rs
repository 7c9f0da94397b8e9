//! Laws: linear time, no shortcut changes anything, nothing planted survives, masking twice is masking once.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::{keyed, lines, masker};
use crate::{Config, Masker, OwnRule, Rule};

#[test]
fn hostile_text_takes_linear_time() {
    for unit in [
        "token=)",
        ")",
        "\\",
        "token:\\",
        "\"token\":[",
        "-eyJ",
        "basic+",
        "bearer+",
        "%40x.ru",
        "a%40",
        "a@",
        "@b.c.",
        "1 ",
        "12-",
        "4111 ",
        "=",
        ":\"",
        "://a:",
        "\\u0040",
        "<card",
        "пароль:",
        "token=,a",
        "cookie=a; ",
        "+7",
        "=40",
        "=D0=98",
        "6976616e40782e7275",
        "\\n\"",
        "\\n",
        "password=b\"",
        "password=a'b ",
        "name: b\"",
        "\u{1b}[1m",
        "-----END PRIVATE KEY-----",
        "token:\n ",
        "secret key [",
        "--token ",
        "curl -u a:b ",
        "curl -",
        "-ua:b ",
        "curl -u ",
        "-token ",
        "password_",
        "passwordA",
        "_a",
        "a-",
        "--token-",
        "-",
        "--",
        "</token>",
        "<token>",
        "<token>a</token>",
        "<a:token ",
        "<",
        "token: |\n ",
        "secret: |\n",
        "token: |\n\n",
        "token:\u{a0}",
        "\u{a0}",
        "Authorization: Ab a=\"\",",
    ] {
        let text = unit.repeat(400_000 / unit.len());
        for text in [format!("token={text}"), text] {
            assert!(masker().mask(&text).len() <= 2 * text.len());
        }
    }
}

/// Values and what of them must not be found again.
fn planted() -> impl Strategy<Value = (String, String)> {
    let phone = ("[3489][0-9]{2}", "[0-9]{3}", "[0-9]{2}", "[0-9]{2}", "\\+7|8|7", "[ .-]|").prop_map(
        |(area, a, b, c, first, sep)| {
            (format!("{first}{sep}{area}{sep}{a}{sep}{b}{sep}{c}"), format!("{area}{sep}{a}"))
        },
    );
    let card = ("4[0-9]{14}|5[1-5][0-9]{13}|220[0-4][0-9]{11}", "[ -]|").prop_map(|(digits, sep)| {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, d)| {
                let d = u32::from(d - b'0') * if i % 2 == 0 { 2 } else { 1 };
                d / 10 + d % 10
            })
            .sum();
        let digits = format!("{digits}{}", (10 - sum % 10) % 10);
        let groups = [0, 4, 8, 12].map(|at| digits.get(at..at + 4).unwrap());
        (groups.join(&sep), groups[..3].join(&sep))
    });
    let email = ("[a-z][a-z0-9]{2,8}[.+_-]?[a-z0-9]{2,8}", "[a-z0-9]{2,8}\\.(ru|com|org|io)", "@|%40")
        .prop_map(|(local, domain, at)| (format!("{local}{at}{domain}"), format!("{local}{at}{domain}")));
    let key = "password|Passwd|client_secret|accessToken|api-key|пароль";
    let secret = (key, "[A-Za-z0-9!#$*]{6,12}", 0..5).prop_map(|(key, value, form)| {
        let text = match form {
            0 => format!("{key}={value}"),
            1 => format!("{key}: {value}"),
            2 => format!(r#"{{"{key}":"{value}"}}"#),
            3 => format!(r#"{{\"{key}\":\"{value}\"}}"#),
            _ => format!("{key}='{value}'"),
        };
        (text, value)
    });
    prop_oneof![phone, card, email, secret]
}

/// Text around a planted value, as services write it.
fn surrounded(value: &str, form: usize) -> String {
    match form {
        0 => format!("before {value} after"),
        1 => {
            format!("[2026-01-02T15:04:05.123+03:00][REQ][POST /orders] order_id=4711 body={{\"contact\":\"{value}\"}}")
        }
        2 => format!(r#"{{"line":"{{\"contact\":\"{value}\",\"n\":5}}"}}"#),
        3 => format!("GET /x?a=1&v={value}&b=2 HTTP/1.1"),
        4 => format!("строка\\n{value}\\nконец"),
        5 => format!("({value})"),
        6 => value.to_owned(),
        _ => format!("a=1,{value};{value}\t<{value}>"),
    }
}

/// A masker that reads every escape: a pattern might look for one.
fn thorough() -> Masker {
    let own = OwnRule::parse("[[rule]]\nid = \"never\"\npattern = '\\x00\\x01never'").unwrap();
    Masker::new(&Config { own, ..Config::default() }).unwrap()
}

/// A masker that takes no shortcut: it reads at every digit and sign, looks every key up and searches for every word.
fn obvious(config: &Config) -> Masker {
    let mut masker = Masker::new(config).unwrap();
    masker.rules.is_thorough = true;
    masker
}

#[test]
fn shortcuts_change_nothing_in_lines_of_programs() {
    let (quick, slow) = (masker(), obvious(&Config::default()));
    let mut random = fastrand::Rng::with_seed(11);
    for _ in 0..3_000 {
        let line = lines::line(&mut random);
        let escaped = line.replace('"', "\\\"").replace('/', "\\/");
        for text in [line, escaped] {
            assert_eq!(quick.mask(&text), slow.mask(&text), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn shortcuts_change_nothing(text in "(--password |curl -u |-password |--|password_user|tokenTo|_id|[pP]asswordOf|TOKEN|_|</?password>|</?phone>|\u{a0}|: \\|\n  |password|name|phone_?|card|order_id|инн |паспорт |серия |снилс |[=:]|\": ?\"|[ .,;&+/()\\[\\]-]|\\\\[n\"u/]|=40|=D0=98|%40|<card>|<phone|DE89 ?3704 ?0044 ?0532 ?0130 ?00|[0-9]{1,12}|4111 1111 1111 1111|4111111111111111|89161234567|\\+7 916 123-45-67|112-233-445 95|4510 123456|7707083893|@x\\.ru|ivan|eyJhbGciOiJIUzI1NiJ9\\.eyJzdWIiOiIxIn0\\.c2ln|Bearer abcdef123456|:AA[a-z]{33}|xoxb-[0-9]{9,11}|AKIA[A-Z]{15,17}|ghp_[a-z]{30}|SG\\.[a-z.]{20,24}|[a-f0-9]{8,33}|[A-Za-z0-9+/_-]{10,40}|6976616e40782e7275|aXZhbkB4LnJ1IGl2YW5AeC5ydQ==|Сергеевич|Иван |Ivan Petrov|[a-zA-Z]{1,3}| {60}){0,24}") {
        static PAIRS: LazyLock<[(Masker, Masker); 2]> = LazyLock::new(|| {
            [Config::default(), Config { rules: Rule::ALL.to_vec(), ..Config::default() }]
                .map(|config| (Masker::new(&config).unwrap(), obvious(&config)))
        });
        for (quick, slow) in &*PAIRS {
            prop_assert_eq!(quick.mask(&text), slow.mask(&text), "of {}", text);
        }
    }

    #[test]
    fn a_line_break_before_a_quote_hides_nothing(text in "(\\\\n\"|\\\\r\\\\n\"|\\\\\\\\n\\\\\"|\"|\\\\\"|\\\\n|password|phone|name|[:=, ]|: ?\"|\\+7 916 123-45-67|9161234567|4111111111111111|ivan@x.ru|Ivan Petrov|Bearer abcdef123456|postgres://a:b@c|[a-z0-9]{1,3}){0,16}") {
        prop_assert_eq!(masker().mask(&text), thorough().mask(&text));
    }

    #[test]
    fn a_planted_value_never_survives((value, part) in planted(), form in 0..8_usize) {
        let text = surrounded(&value, form);
        for masker in [masker(), keyed()] {
            let masked = masker.mask(&text);
            prop_assert!(!masked.contains(&part), "{} -> {}", text, masked);
        }
    }

    #[test]
    fn masking_twice_is_masking_once(text in "(--pin |curl -u |-password |a:|password_a|tokenB|</?pin>|</?secret>|\u{a0}|: \\|\n +|OAuth a=\"|password|token:|pin\"?|[=: ,;&\"'\\\\@%<>{}+.nu-]|%40|%2B|\\\\u00|<card>|<secret>|[a-z]{1,3}|[0-9]{1,6}|4111111111111111|8916123|4567|@x.ru|eyJ|Bearer |[а-я]|; ){0,24}") {
        for masker in [masker(), keyed()] {
            let once = masker.mask(&text);
            prop_assert_eq!(masker.mask(&once), once.as_ref(), "of {}", text);
        }
    }

    #[test]
    fn masking_anything_twice_is_masking_it_once(text in ".*") {
        let masker = masker();
        let once = masker.mask(&text);
        prop_assert_eq!(masker.mask(&once), once.as_ref());
    }

    #[test]
    fn hits_stand_in_order_on_character_borders(text in "([а-я@.:=%\\\\ \"-]|[0-9]{1,9}|\\+7|x\\.ru|пароль|secret|basic |%40){0,30}") {
        let mut from = 0;
        for hit in masker().hits(&text) {
            prop_assert!(from <= hit.span.start && hit.span.start < hit.span.end);
            prop_assert!(text.get(hit.span.clone()).is_some(), "{:?} in {}", hit, text);
            from = hit.span.end;
        }
    }
}

proptest! {
    #[test]
    fn plain_ids_have_nothing_to_be_found(
        value in prop_oneof!["[0-9a-f]{0,63}", "[0-9]{1,20}", "4[0-9]{15}", "7[0-9]{10}"],
        key in prop_oneof!["order_id", "trace_id", "request_id"],
    ) {
        static MASKER: LazyLock<Masker> =
            LazyLock::new(|| Masker::new(&Config { rules: Rule::ALL.to_vec(), ..Config::default() }).unwrap());
        prop_assert!(MASKER.find(&value, Some(&key), 0).unwrap_or_default().is_empty());
    }
}
