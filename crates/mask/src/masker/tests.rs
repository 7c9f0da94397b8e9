//! What is masked, what is left, and the laws.

#[path = "../../tests/false_hits/lines.rs"]
mod lines;

use std::borrow::Cow;
use std::sync::LazyLock;

use proptest::prelude::*;

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

#[test]
fn e_mails_are_masked() {
    check("ivan@example.ru", "<email>");
    check("to Ivan.Petrov+shop@mail.example.co.uk, ok", "to <email>, ok");
    check("почта: иван@почта.рф.", "почта: <email>.");
    check("«ivan@x.ru»", "«<email>»");
    check("?email=ivan%40x.ru&a=1", "?email=<email>&a=1");
    check("a%3Aivan%2Bshop%40x.ru%20b", "a%3A<email>%20b");
    check("ivan%2540x.ru", "<email>");
    check(r#"{"m":"line\nivan@x.ru\tend"}"#, r#"{"m":"line\n<email>\tend"}"#);
    check(r#"{\"m\":\"\\u0438\\u0432an\u0040x.ru\"}"#, r#"{\"m\":\"<email>\"}"#);
    check("ivan@x.ru-petr@y.com", "<email>-<email>");
    check("a.79161234567@mail.ru", "<email>");
    check("8 916 123-45-67@mail.ru", "<phone>@mail.ru");
}

#[test]
fn what_only_looks_like_an_e_mail_is_left() {
    unchanged("com.acme.Order@1f3a9c react@18.2.0 logo@2x.png user@localhost @Autowired root@10.0.0.1 a@b. x@");
}

#[test]
fn phones_are_masked() {
    for phone in [
        "+79161234567",
        "+7 916 123-45-67",
        "+7 (916) 123-45-67",
        "8 (916) 123 45 67",
        "89161234567",
        "8-916-123-45-67",
        "8(495)1234567",
        "+7.916.123.45.67",
        "7 916 123 45 67",
        "79161234567",
        "+7\u{a0}916\u{a0}123\u{2011}45\u{2011}67",
        "%2B79161234567",
        "+7%20916%20123-45-67",
        r"\u002B79161234567",
        r"+7\u00a0916\u00a01234567",
        "8 916 1234567",
        "+44 20 7946 0958",
        "+375 29 123-45-67",
        "+14155552671",
        "+1 (415) 555-2671",
        "+49 30 901820",
    ] {
        check(phone, "<phone>");
        check(&format!("call {phone}, ok"), "call <phone>, ok");
        check(&format!(r#"{{"phone":"{phone}","n":1}}"#), r#"{"phone":"<phone>","n":1}"#);
        check(&format!(r#"{{"note":"x\n{phone}\n"}}"#), r#"{"note":"x\n<phone>\n"}"#);
    }
    check("phone=9161234567 tel: 916 123-45-67", "phone=<phone> tel: <phone>");
    check("n 12 8 916 123 45 67 5", "n 12 <phone> 5");
    check("тел89161234567", "тел<phone>");
}

#[test]
fn cards_are_masked() {
    for card in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555.5555.5555.4444",
        "2200000000000004",
        "378282246310005",
        "3782 822463 10005",
        "4111%201111%201111%201111",
        "4111\u{a0}1111\u{a0}1111\u{a0}1111",
        "4111+1111+1111+1111",
        r"4111\u00a01111\u00a01111\u00a01111",
        "6304000000000000",
    ] {
        check(card, "<card>");
        check(&format!("paid by {card} 12/27"), "paid by <card> 12/27");
        check(&format!(r#"{{\"card\":\"{card}\"}}"#), r#"{\"card\":\"<card>\"}"#);
    }
    check(r#"{"card_number":"1234 5678 9012 3456"}"#, r#"{"card_number":"<card>"}"#);
    check("card:4111111111111111;", "card:<card>;");
    check("4111 1111 1111 1111 8 916 123-45-67", "<card> <phone>");
}

#[test]
fn numbers_that_are_not_personal_are_left() {
    for text in [
        "4111111111111112",
        "order_id=4111111111111111 trace_id=89161234567 \"requestId\":\"4111111111111111\"",
        r#"{\"order_id\":89161234567,"id": 4111111111111111}"#,
        "GET /orders/84951234567/items",
        "2026-01-02T15:04:05.123456789+03:00 2026-01-02 15:04:05 20260102150405123",
        "1767225600000 1767225600123456789 ts=4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000 41111111-1111-1111-1111-111111111111",
        "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7",
        "0.4111111111111111 12.89161234567 192.168.100.200 45.123.123.123 8.8.8.8",
        "1 000 000 000 000 rub, 8 912 345 678 bytes, x4111111111111111y",
        "11111111111111111111111111111 00000000000000 version 8.912.345",
        "",
        "обычный текст без ничего: 42",
    ] {
        unchanged(text);
    }
}

#[test]
fn secrets_are_masked_by_the_name_of_their_key() {
    check("password=hunter2 user=ivan", "password=<secret> user=ivan");
    check("Пароль: тайна, цвет: белый", "Пароль: <secret>, цвет: белый");
    check("?a=1&api_key=abc&b=2", "?a=1&api_key=<secret>&b=2");
    check("login(user=ivan, password=a,b)c)", "login(user=ivan, password=<secret>)");
    check("passwd = 'p w' x", "passwd = '<secret>' x");
    check("Authorization: Bearer abc", "Authorization: <secret>");
    check("authorization=Basic aTpw next", "authorization=<secret> next");
    check("Cookie: a=b; c=d; e=f\nHost: x", "Cookie: <secret>\nHost: x");
    check("?v=%7B%22пароль%22%3A+%22тайна%22%7D&b=2", "?v=%7B%22пароль%22%3A+%22<secret>%22%7D&b=2");
    check("token=null secret: token= pwd=", "token=null secret: <secret> pwd=");
    check(":password=>\"x\"", ":password=>\"<secret>\"");
    check("password%3Dhunter2%26a=1", "password%3D<secret>%26a=1");
    check("%22password%22%3A%22hun%20ter2%22%7D", "%22password%22%3A%22<secret>%22%7D");
}

#[test]
fn secrets_in_json_stay_json() {
    check(r#"{"password":"hun\"ter2\\","a":1}"#, r#"{"password":"<secret>","a":1}"#);
    check(r#"{"pin" : 1234, "token":null,"cvv":"123"}"#, r#"{"pin" : "<secret>", "token":null,"cvv":"<secret>"}"#);
    check(r#"{"cookies":["a=b]","c"],"a":1}"#, r#"{"cookies":"<secret>","a":1}"#);
    check(r#"{"secret":{"a":{"b":"}"}},"c":2}"#, r#"{"secret":"<secret>","c":2}"#);
    check(r#""{\"password\":\"hun\\\"ter2\",\"a\":1}""#, r#""{\"password\":\"<secret>\",\"a\":1}""#);
    check(r#"body="{\"pin\":1234}" a=1"#, r#"body="{\"pin\":\"<secret>\"}" a=1"#);
    check(r#"{\\\"password\\\":\\\"x\\\",\\\"a\\\":1}"#, r#"{\\\"password\\\":\\\"<secret>\\\",\\\"a\\\":1}"#);
    check(r#"{"\u043f\u0430\u0440\u043e\u043b\u044c":"x"}"#, r#"{"\u043f\u0430\u0440\u043e\u043b\u044c":"<secret>"}"#);
    check(r#"{"m":"his password: hunter2"}"#, r#"{"m":"his password: <secret>"}"#);
    check(r#"{"password":"cut off in the mid"#, r#"{"password":"<secret>"#);
}

#[test]
fn a_string_behind_a_prefix_goes_with_it() {
    check(r#"password: Some("Zx9"), n: 1"#, "password: <secret>, n: 1");
    check(r#"login { password: Some(Secret("Z x9")), n: 1 }"#, "login { password: <secret>, n: 1 }");
    for value in
        ["b'Z x9'", "u\"Z x9\"", "@\"Z x9\"", "String(\"Z x9\")", "(\"Z x9\")", "r#\"Z x9\"#", "String::from(\"Zx9\")"]
    {
        check(&format!("password={value} n=1"), "password=<secret> n=1");
        check(&format!("it's 5\" long, password={value} n=1"), "it's 5\" long, password=<secret> n=1");
    }
    check(r#"{"m":"password: Some(\"Zx9\")","n":1}"#, r#"{"m":"password: <secret>","n":1}"#);
    check(r#"{"m":"a=\"b\" password: b\"Zx9\" c","n":1}"#, r#"{"m":"a=\"b\" password: <secret> c","n":1}"#);
    check(r#"full_name: Some("Дарья Козлова"), n: 1"#, "full_name: <name>, n: 1");
    check(r#"client: Some("Дарья Козлова"), n: 1"#, "client: <name>, n: 1");
    check(r#"password=Zx9"rest n=1"#, "password=<secret> n=1");
    check(r#"{"m":"password=b","n":"1"}"#, r#"{"m":"password=<secret>","n":"1"}"#);
    check(r#"{"m":"password=Zx9","n":"1"}"#, r#"{"m":"password=<secret>","n":"1"}"#);
    check(r#"m='password=Zx9' n=1"#, "m='password=<secret>' n=1");
}

#[test]
fn blanks_and_tabs_may_stand_around_the_sign() {
    check("password:\tX9 n", "password:\t<secret> n");
    check("\"password\":\t\"X9\",", "\"password\":\t\"<secret>\",");
    check("password\t=\tX9", "password\t=\t<secret>");
    check("password:                X9", "password:                <secret>");
    check("phone:\t\t9161234567", "phone:\t\t<phone>");
}

#[test]
fn names_of_several_words_tell() {
    check("номер телефона: 9035551234", "номер телефона: <phone>");
    check("Телефон клиента: 9035551234", "Телефон клиента: <phone>");
    check("phone number: 9035551234", "phone number: <phone>");
    check("имя клиента: Дарья Козлова", "имя клиента: <name>");
    check("First name: Darya", "First name: <name>");
    check("секретный ключ: X9", "секретный ключ: <secret>");
    check("the API key: X9", "the API key: <secret>");
    check("\"secret key\": \"X9\"", "\"secret key\": \"<secret>\"");
    check("Delivery address: 5 Main St", "Delivery address: <address>");
    check("адрес доставки: Москва, ул. Тверская, 1", "адрес доставки: <address>");
    unchanged(
        "the key: X9, имя файла: Дарья, service name: Shop, order number: 4111111111111111, the address: 10.0.0.1",
    );
}

#[test]
fn only_a_whole_value_that_is_a_marker_was_masked_before() {
    check("password=\"<secret>X9\" n", "password=\"<secret>\" n");
    check("password=\"<secret> X9\" n", "password=\"<secret>\" n");
    check("password=<secret>X9 n", "password=<secret> n");
    check("password=<secret> n", "password=<secret> n");
    check("имя: <name> Курьер", "имя: <name> Курьер");
}

#[test]
fn what_authorizes_goes_with_its_scheme() {
    check("Authorization: OAuth y0_abc n", "Authorization: <secret> n");
    check("authorization: Api-Key AQVNabc n", "authorization: <secret> n");
    check("Proxy-Authorization: NTLM TlRMTVNT", "Proxy-Authorization: <secret>");
    check("Authorization: Abc user=ivan", "Authorization: <secret> user=ivan");
    check("Cookie: a=1;sid=X9; b=2 n", "Cookie: <secret> n");
}

#[test]
fn names_that_are_not_secrets_keep_their_values() {
    unchanged("tokens=123 spin=4 std::token::Kind http://token/x shipping: fast status=CREATED token_id=5 password=");
}

#[test]
fn credentials_are_masked_by_their_form() {
    check("sent Bearer abcdef123456 to x", "sent Bearer <credential> to x");
    check("Basic aXZhbjpodW50ZXIy", "Basic <credential>");
    check("postgres://app:s3cr3t@db:5432/x", "postgres://app:<credential>@db:5432/x");
    check("t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln.", "t <jwt>.");
    unchanged("Bearer token, Bearer realm=\"x\", Basic authentication, basic validation passed, bearer of news");
}

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
fn a_value_is_masked_by_its_key() {
    let masker = masker();
    let mut counts = Counts::default();
    assert_eq!(masker.mask_value("X-Api-Key", "abc", &mut counts), "<secret>");
    assert_eq!(masker.mask_value("order_id", "4111111111111111", &mut counts), "4111111111111111");
    assert_eq!(masker.mask_value("contact", "ivan@x.ru", &mut counts), "<email>");
    assert_eq!(masker.mask_value("phone", "916 123-45-67", &mut counts), "<phone>");
    assert_eq!(counts.total(), 3);
}

#[test]
fn a_private_key_is_masked_line_by_line() {
    let line = "MIIEpAIBAAKCAQEA7bq3XvT9kQmZ1sW8yRf4uLh2Nc6Jd0PgEoBxKaVtYi5nHzSw";
    check(line, "<private_key>");
    check("q3XvT9kQmZ1sW8yRf4uLh2Nc6Jd0PgEoBxKaVtYi5nHz\r", "<private_key>\r");
    check("1sW8yRf4uLh2Nc6JdA==", "<private_key>");
    unchanged("OrderServiceImplementation12");
    unchanged("/usr/share/Locale/ru");
    assert_eq!(masker().mask_value("event", "1sW8yRf4uLh2Nc6JdA==", &mut Counts::default()), "1sW8yRf4uLh2Nc6JdA==");
}

#[test]
fn lines_of_a_key_are_masked_in_a_longer_text() {
    let line =
        |len: usize| "MIIEpAIBAAKCAQEA7bq3XvT9kQmZ1sW8yRf4uLh2Nc6Jd0PgEoBxKaVtYi5nHzSw/a+b9C0dE1fG".get(..len).unwrap();
    for len in [64, 70, 76] {
        check(line(len), "<private_key>");
        check(
            &format!("key:\n{}\n{}\n1sW8yRf4uLh2Nc6JdA==\nend", line(len), line(len)),
            "key:\n<private_key>\n<private_key>\n<private_key>\nend",
        );
        let in_json = format!(r#"{{"m":"key\n{}\n"}}"#, line(len));
        check(&in_json, r#"{"m":"key\n<private_key>\n"}"#);
    }
    check("x: 1;\nQmZ1sW8yRf4uLh2Nc6\n1sW8yRf4A==\n-----END RSA PRIVATE KEY-----\nend", "x: 1;\n<private_key>\nend");
    check(r#"{"m":"QmZ1sW8yRf4uLh2Nc6\n-----END PRIVATE KEY-----\n"}"#, r#"{"m":"<private_key>\n"}"#);
    unchanged("-----END PRIVATE KEY-----");
    unchanged("one\n/usr/share/Locale/ru12\n1sW8yRf4uLh2Nc6JdA==\ntwo");
}

#[test]
fn colours_hide_nothing() {
    for esc in ["\u{1b}", r"\u001b", r"\x1b", r"\033", r"\e", r"\\u001B"] {
        let colour = |code: &str| format!("{esc}[{code}m");
        let (on, off) = (colour("1;33"), colour("0"));
        for (value, marker) in [
            ("89035551234", "<phone>"),
            ("4111111111111111", "<card>"),
            ("112-233-445 95", "<snils>"),
            ("GB82WEST12345698765432", "<iban>"),
            ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "<api_key>"),
            ("ivan@x.ru", "<email>"),
        ] {
            check(&format!("a {on}{value}{off} b"), &format!("a {on}{marker}{off} b"));
        }
        let (thin, off) = (colour("3"), colour("0"));
        let sign = format!("{thin}password{off}{}={off}", colour("2"));
        check(&format!("{sign}\"Zx9\" n"), &format!("{sign}\"<secret>\" n"));
        check(&format!("{sign}Zx9{off} n"), &format!("{sign}<secret>{off} n"));
    }
}

#[test]
fn numbers_are_told_in_what_programs_make_of_them() {
    check(r#"{"phone":"(903) 555-12-34"}"#, r#"{"phone":"<phone>"}"#);
    check("phone=(903)5551234 n", "phone=<phone> n");
    check("телефон: (903) 555-12-34", "телефон: <phone>");
    check("phone=(9035551234)", "phone=(<phone>)");
    check("passport_series=4004 passport_number=765432", "passport_series=<passport>");
    check(r#"{"passportSeries":"4004","passportNumber":"765432"}"#, r#"{"passportSeries":"<passport>"}"#);
    check(r#"{"x":4.111111111111111e15,"n":1}"#, r#"{"x":"<card>","n":1}"#);
    check("x=4.111111111111111E+15 n", "x=<card> n");
    check("card=4222222222222", "card=<card>");
    unchanged("4222222222222 4.111111111111112e15 4.111111111111111 (903) 555-12-34 4004 or 765432");
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

#[test]
fn a_value_may_stand_on_the_next_line() {
    check("password: |\n  X9\nuser: a", "password: |\n  <secret>\nuser: a");
    check("api_key:\n  X9", "api_key:\n  <secret>");
    check("\"phone\":\n  \"9035551234\"", "\"phone\":\n  \"<phone>\"");
    check("\"password\":\r\n\t\"X9\"", "\"password\":\r\n\t\"<secret>\"");
    unchanged("password:\n  user: a\ntoken:\n  at com.acme.Shop\nsecret:\nnext");
}

#[test]
fn a_key_may_stand_in_brackets() {
    check("user[password]=X9&a=1", "user[password]=<secret>&a=1");
    check("password[]=X9&a=1", "password[]=<secret>&a=1");
    check("password%5B%5D=X9&a=1", "password%5B%5D=<secret>&a=1");
    check("user%5Bpassword%5D=X9&a=1", "user%5Bpassword%5D=<secret>&a=1");
    unchanged("[token]: done a[0]=1 []=2 x]=3");
}

#[test]
fn hex_and_quoted_printable_are_read() {
    check(r"\x6976616e40782e7275 and 0x6976616E406D61696C2E7275", r"\x<email> and 0x<email>");
    check("ivan=40mail.ru", "<email>");
    check("=D0=BF=D0=B0=D1=80=D0=BE=D0=BB=D1=8C: x1", "=D0=BF=D0=B0=D1=80=D0=BE=D0=BB=D1=8C: <secret>");
    unchanged("n=40 a=AB b=D0=0 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 3030303030303030303030303030303030");
}

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
    fn shortcuts_change_nothing(text in "(password|name|phone_?|card|order_id|инн |паспорт |серия |снилс |[=:]|\": ?\"|[ .,;&+/()\\[\\]-]|\\\\[n\"u/]|=40|=D0=98|%40|<card>|<phone|DE89 ?3704 ?0044 ?0532 ?0130 ?00|[0-9]{1,12}|4111 1111 1111 1111|4111111111111111|89161234567|\\+7 916 123-45-67|112-233-445 95|4510 123456|7707083893|@x\\.ru|ivan|eyJhbGciOiJIUzI1NiJ9\\.eyJzdWIiOiIxIn0\\.c2ln|Bearer abcdef123456|:AA[a-z]{33}|xoxb-[0-9]{9,11}|AKIA[A-Z]{15,17}|ghp_[a-z]{30}|SG\\.[a-z.]{20,24}|[a-f0-9]{8,33}|[A-Za-z0-9+/_-]{10,40}|6976616e40782e7275|aXZhbkB4LnJ1IGl2YW5AeC5ydQ==|Сергеевич|Иван |Ivan Petrov|[a-zA-Z]{1,3}| {60}){0,24}") {
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
    fn masking_twice_is_masking_once(text in "(password|token:|pin\"?|[=: ,;&\"'\\\\@%<>{}+.nu-]|%40|%2B|\\\\u00|<card>|<secret>|[a-z]{1,3}|[0-9]{1,6}|4111111111111111|8916123|4567|@x.ru|eyJ|Bearer |[а-я]|; ){0,24}") {
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
