//! Which names are secrets, ids and phones.

use super::*;

fn keys() -> Keys {
    Keys::new(&["sberbank-code".to_owned()], &["waybill".to_owned()]).unwrap()
}

#[test]
fn secrets_are_found_in_any_spelling() {
    let keys = keys();
    for name in [
        "password",
        "Password",
        "USER_PASSWORD",
        "db.passwd",
        "pwd",
        "client-secret",
        "accessToken",
        "X-Api-Key",
        "apiKey",
        "Authorization",
        "Set-Cookie",
        "пароль",
        "Пароль",
        "НОВЫЙ_ПАРОЛЬ",
        "cvv",
        "card_cvc",
        "passwordConfirmation",
        "sberbankCode",
        r"\u043f\u0430\u0440\u043e\u043b\u044c",
    ] {
        assert!(keys.is_secret(name), "{name}");
        let decoded = decoded(name);
        if let [.., before_last, last] = *decoded.as_bytes() {
            assert!(keys.may_be_secret(before_last, last), "{name}");
        }
    }
}

#[test]
fn other_names_are_not_secrets() {
    let keys = keys();
    for name in ["order_id", "status", "spin", "shipping", "tokens", "secretary", "bypass", "compass", "http_status"] {
        assert!(!keys.is_secret(name), "{name}");
    }
}

#[test]
fn ids_stand_alone() {
    let keys = keys();
    for name in
        ["id", "order_id", "orderId", "trace-id", "order_no", "orderNumber", "TRACE_ID", "waybill", "duration_ns"]
    {
        assert!(keys.is_id(name), "{name}");
    }
    for name in ["paid", "valid", "number", "phone", "card_number", "lifetime"] {
        assert!(!keys.is_id(name), "{name}");
    }
}

#[test]
fn a_name_without_letters_is_refused() {
    assert_eq!(Keys::new(&["--".to_owned()], &[]).unwrap_err(), Error::KeyName("--".to_owned()));
}
