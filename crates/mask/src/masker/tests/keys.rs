//! Values that the name of their key tells.

use std::borrow::Cow;

use super::{check, masker, unchanged};
use crate::Counts;

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
fn a_secret_may_stand_in_front_of_its_owner() {
    check("password_user=hunter2 n=1", "password_user=<secret> n=1");
    check("passwordUser: hunter2, n: 1", "passwordUser: <secret>, n: 1");
    check("пароль_пользователя=тайна цвет=белый", "пароль_пользователя=<secret> цвет=белый");
    check("пароль пользователя: тайна", "пароль пользователя: <secret>");
    check(
        r#"{"secret_for_crm":"X9","token2":"Y","n":1}"#,
        r#"{"secret_for_crm":"<secret>","token2":"<secret>","n":1}"#,
    );
    check(r#"{"m":"{\"PasswordRoot\":\"X9\"}"}"#, r#"{"m":"{\"PasswordRoot\":\"<secret>\"}"}"#);
    check("X-Api-Key-Crm: X9\nHost: z", "X-Api-Key-Crm: <secret>\nHost: z");
    check("?api_key_prod=X9&n=1", "?api_key_prod=<secret>&n=1");
    check("run --password-root X9 --n 1", "run --password-root <secret> --n 1");
    check("<password_user>X9</password_user>", "<password_user><secret></password_user>");
    unchanged(r#"{"password_length":8,"tokenType":"Bearer","token_expires_in":3600,"secret_name":"crm","token_id":5}"#);
    unchanged("token-service: up, TokenStore: loaded, c.a.token.Filters: none, shop::token_user: 5, /a/token.rs:12");
    unchanged("INFO 1 --- [main] o.s.s.core.PasswordUpgrader : upgraded, c.a.s.ApiKeyAuthenticator: Comparing");
    unchanged("token_cache_hits=5 token_misses=3 token_kid=k7 PasswordAuthentication=no password_encryption=scram");
    unchanged("docker login --password-stdin registry.example.com <tokenResponse>a</tokenResponse> password_user=null");
    unchanged("invalid token in line: 5, wrong password for user: ivan, Failed password for root from 10.0.0.1: x");
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
fn a_value_that_is_renamed_is_masked_by_both_names() {
    let masker = masker();
    let mut counts = Counts::default();
    assert_eq!(masker.mask_renamed("password", "ref", "hunter2", &mut counts), "<secret>");
    assert_eq!(masker.mask_renamed("ref", "password", "hunter2", &mut counts), "<secret>");
    assert_eq!(masker.mask_renamed("фио", "who", "Иван Щукин", &mut counts), "<name>");
    assert_eq!(masker.mask_renamed("user/pin", "user_pin", "X9", &mut counts), "<secret>");
    assert_eq!(counts.total(), 4);
    assert_eq!(masker.mask_renamed("order_id", "order", "4111111111111111", &mut counts), "4111111111111111");
    assert_eq!(counts.total(), 4);
}

#[test]
fn values_beside_a_number_may_tell_what_it_is() {
    let masker = masker();
    let mask = |key: &str, value: &str, beside: &[&str]| {
        let key = masker.key_beside(key, value, beside.iter().copied());
        masker.mask_value(&key, value, &mut Counts::default()).into_owned()
    };
    assert_eq!(mask("number", "4511 123456", &["passport", "4511 123456"]), "<passport>");
    assert_eq!(mask("number", "4511 123456", &["паспорт РФ"]), "<passport>");
    assert_eq!(mask("number", "4511 123456", &["contract"]), "4511 123456");
    assert_eq!(mask("order_id", "4511123456", &["passport"]), "4511123456", "the key of an id");
    assert_eq!(mask("key", "451112345", &["secret"]), "451112345", "two values are no key of two words");
    let long = "passport ".repeat(100);
    assert_eq!(mask("number", "4511 123456", &[long.as_str()]), "4511 123456", "a text about passports");
    assert!(matches!(masker.key_beside("number", "4511", ["passport"]), Cow::Borrowed("number")));
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
fn a_slash_may_begin_a_secret() {
    check("password=/Zx9 n=1 token=:Zx9", "password=<secret> n=1 token=<secret>");
    unchanged("token://x std::token::Kind");
    check("password_=Zx9 pin--: 12", "password_=<secret> pin--: <secret>");
}

#[test]
fn words_of_a_name_may_be_parted_by_pluses() {
    check("First+name=Ivan&n=1", "First+name=<name>&n=1");
    check("?a=1&secret+key=X9&n=1", "?a=1&secret+key=<secret>&n=1");
    check("номер+телефона=9035551234&n=1", "номер+телефона=<phone>&n=1");
    check(
        "%D0%B8%D0%BC%D1%8F+%D0%BA%D0%BB%D0%B8%D0%B5%D0%BD%D1%82%D0%B0=Ivan",
        "%D0%B8%D0%BC%D1%8F+%D0%BA%D0%BB%D0%B8%D0%B5%D0%BD%D1%82%D0%B0=<name>",
    );
    unchanged("номер+заказа=89161234567 the+key=X9");
}

#[test]
fn blanks_that_break_no_line_are_blanks() {
    for blank in ["\u{a0}", "\u{202f}", "\u{2009}"] {
        let with = |text: &str| text.replace('_', blank);
        check(&with("a secret_key:_X9 n"), &with("a secret_key:_<secret> n"));
        check(&with("password_=_X9 n"), &with("password_=_<secret> n"));
        check(&with("имя:_Дарья n"), &with("имя:_<name> n"));
        check(&with("номер_телефона:_9035551234 n"), &with("номер_телефона:_<phone> n"));
        check(&with("для Ивана_Сергеевича n"), &with("для <name> n"));
        check(&with("sent Bearer_abcdef123456 to"), &with("sent Bearer_<credential> to"));
        check(&with("паспорт_4510_123456 n"), &with("паспорт_<passport> n"));
    }
    for blank in [r"\u00a0", r"\u202F", "&nbsp;", "%C2%A0"] {
        for text in ["secret_key:_Zx9", "password_=_Zx9", "имя:_Zx9", "телефон:_9035551234", "паспорт_4510_123456"]
        {
            let masked = masker().mask(&text.replace('_', blank)).into_owned();
            assert!(!["Zx9", "9035551234", "123456"].iter().any(|part| masked.contains(part)), "{masked}");
        }
    }
    unchanged("в\u{a0}Москве, 10\u{a0}000\u{202f}руб., кольцо\u{2009}— красивое");
}

#[test]
fn a_block_of_yaml_goes_with_all_its_lines() {
    check("password: |\n  one two\n   three\n\n  four\nuser: a", "password: |\n  <secret>\nuser: a");
    check("- token: >-\n    one: 1\n    two\n  user: a", "- token: >-\n    <secret>\n  user: a");
    check("a:\n  secret: |2+\r\n    one\r\n    two\r\n  b: 1", "a:\n  secret: |2+\r\n    <secret>\r\n  b: 1");
    check("delivery_address: |\n  Москва\n  ул. Тверская\nn: 1", "delivery_address: |\n  <address>\nn: 1");
    check("password: |\n\n\tone\n\ttwo", "password: |\n\n\t<secret>");
    check(r#"{"m":"password: |\n  one two\n  three\nuser: a"}"#, r#"{"m":"password: |\n  <secret>\nuser: a"}"#);
    check("v=password:+|%0A++one+two%0Auser:+a&n=1", "v=password:<secret>&n=1");
    unchanged("password: |\nuser: a\ntoken: >\n\n  \nsecret: |");
    unchanged("  password: |\n  user: a");
    unchanged("name: |\n  a line of text\n  another one\nn: 1");
}

#[test]
fn the_parameters_of_a_scheme_go_with_it() {
    check(
        "Authorization: OAuth oauth_consumer_key=\"ck\", oauth_token=\"t,k\",oauth_signature=\"s%3D\" n=1",
        "Authorization: <secret> n=1",
    );
    check("Authorization: OAuth realm=\"x\",\r\n  oauth_token=\"y\"\r\nHost: z", "Authorization: <secret>\r\nHost: z");
    check(r#"{"m":"Authorization: Hawk id=\"a\", mac=\"b\" n"}"#, r#"{"m":"Authorization: <secret> n"}"#);
    check(
        "OAuth oauth_consumer_key=\"a\", oauth_nonce=\"n\", oauth_token=\"b\", oauth_signature=\"c\"",
        "OAuth oauth_consumer_key=\"<secret>\", oauth_nonce=\"n\", oauth_token=\"<secret>\", oauth_signature=\"<secret>\"",
    );
    check("?X-Amz-Date=1&X-Amz-Signature=abc", "?X-Amz-Date=1&X-Amz-Signature=<secret>");
}

#[test]
fn curl_is_given_passwords_behind_users() {
    check("curl -u ivan:Zx9 http://x", "curl -u ivan:<credential> http://x");
    check("$ /usr/bin/curl -sSu 'ivan:Z x9' -X PUT", "$ /usr/bin/curl -sSu 'ivan:<credential>' -X PUT");
    check("curl -uivan:Zx9 -U proxy:Yy8", "curl -uivan:<credential> -U proxy:<credential>");
    check("curl --user ivan:Zx9 --proxy-user=p:Yy8", "curl --user ivan:<credential> --proxy-user=p:<credential>");
    check(r#"["curl","-u","ivan:Zx9"]"#, r#"["curl","-u","ivan:<credential>"]"#);
    check("['curl', '-k', '-u', 'ivan:Zx9']", "['curl', '-k', '-u', 'ivan:<credential>']");
    check(r#"{"cmd":"curl -u \"ivan:Zx9\" x"}"#, r#"{"cmd":"curl -u \"ivan:<credential>\" x"}"#);
    check("curl -u ivan:<credential> x", "curl -u ivan:<credential> x");
    check("curl -u\"ivan:Zx9\" -su'ivan:Yy8' x", "curl -u\"ivan:<credential>\" -su'ivan:<credential>' x");
    check(r#"{"cmd":"curl -u\"ivan:Zx9\" x"}"#, r#"{"cmd":"curl -u\"ivan:<credential>\" x"}"#);
    check("curl.exe -u=ivan:Zx9 x", "curl.exe -u=ivan:<credential> x");
    check("curl \\\n  -s \\\n  -u ivan:Zx9 x", "curl \\\n  -s \\\n  -u ivan:<credential> x");
    check("app -password \\\n  Zx9 x", "app -password \\\n  <secret> x");
    unchanged("curl/7.68.0 -u a:b, libcurl -u a:b, docker run -u 1000:1000 --user app:app, sort -u a:b curl -u ivan x");
    unchanged("curl -u ivan: -H Accept:text/plain -o a:b http://x:80/ curl: (7) Failed to connect to x port 80");
}

#[test]
fn curl_takes_a_word_of_the_shell_as_a_whole() {
    check(r#"curl -u "user":S3cret x"#, r#"curl -u "user":<credential> x"#);
    check(r#"curl -u "$U":"S3cret" x"#, r#"curl -u "$U":"<credential>" x"#);
    check("curl -u$'user:S3cret' x", "curl -u$'user:<credential>' x");
    check("curl -u $'user:S3cret' x", "curl -u $'user:<credential>' x");
    check(r#"curl -u user:"S3cret QB8" x"#, r#"curl -u user:"<credential>" x"#);
    check(r"curl -u user:S3cr\ etPC3 x", r"curl -u user:<credential> x");
    check(r#"curl -u us'er:S3'cr"et" x"#, r#"curl -u us'er:<credential>'<credential>"<credential>" x"#);
    check(r#"curl "-u" "a:b" x"#, r#"curl "-u" "a:<credential>" x"#);
    check("curl -u:X1 x", "curl -u:<credential> x");
    check(r"curl -u dom\\name:X1 x", r"curl -u dom\\name:<credential> x");
    check(r#"{"c":"curl -u \"user\":S3cret x","d":"a:b"}"#, r#"{"c":"curl -u \"user\":<credential> x","d":"a:b"}"#);
    check(r#"{"c":"curl -u user:S3cr\\ et","d":"a:b"}"#, r#"{"c":"curl -u user:<credential>","d":"a:b"}"#);
    check(r#"sh -c "curl -u user:S3cret" 'a:b'"#, r#"sh -c "curl -u user:<credential>" 'a:b'"#);
    check(r#"["curl","-u","us:S3","-H","a:b"]"#, r#"["curl","-u","us:<credential>","-H","a:b"]"#);
    unchanged(r#"curl "-o" "a:b" -u "user" "c:d" -u user\nHost: x"#);
}

#[test]
fn flags_may_have_one_dash() {
    check("java -jar a.jar -password Zx9 -n 1", "java -jar a.jar -password <secret> -n 1");
    check("vault -token Zx9", "vault -token <secret>");
    check(r#"["-passwd","Zx9"]"#, r#"["-passwd","<secret>"]"#);
    check("openssl -passin pass:Zx9", "openssl -passin <secret>");
    unchanged(
        "tar -pin a, ssh-pass a one-token b, -passive on, -tokens 5, -password is required, client-secret rotated",
    );
}
