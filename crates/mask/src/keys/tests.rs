//! Which names are secrets, ids and phones.

use super::*;

fn keys() -> Keys {
    Keys::new(&["sberbank-code".to_owned()], &["waybill".to_owned()], &[(RuleId(20), "salary")]).unwrap()
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
    ] {
        assert_eq!(keys.class(name), Some(Class::Secret), "{name}");
        if let [.., before_last, last] = *name.as_bytes() {
            assert!(keys.may_tell(before_last, last), "{name}");
        }
    }
}

#[test]
fn other_names_are_not_secrets() {
    let keys = keys();
    for name in ["order_id", "status", "spin", "shipping", "tokens", "secretary", "bypass", "compass", "http_status"] {
        assert_ne!(keys.class(name), Some(Class::Secret), "{name}");
    }
}

#[test]
fn ids_stand_alone() {
    let keys = keys();
    for name in
        ["id", "order_id", "orderId", "trace-id", "order_no", "orderNumber", "TRACE_ID", "waybill", "duration_ns"]
    {
        assert_eq!(keys.class(name), Some(Class::Id), "{name}");
    }
    for name in ["paid", "valid", "number", "phone", "card_number", "lifetime"] {
        assert_ne!(keys.class(name), Some(Class::Id), "{name}");
    }
}

#[test]
fn a_name_without_letters_is_refused() {
    assert_eq!(Keys::new(&["--".to_owned()], &[], &[]).unwrap_err(), Error::KeyName("--".to_owned()));
}

#[test]
fn people_and_houses_are_told_from_machines() {
    let keys = keys();
    for (name, class) in [
        ("first_name", Some(Class::Name)),
        ("customerFullName", Some(Class::Name)),
        ("ФИО", Some(Class::Name)),
        ("имя_клиента", Some(Class::Name)),
        ("name", Some(Class::MaybeName)),
        ("customer.name", Some(Class::Name)),
        ("item.name", Some(Class::MaybeName)),
        ("service_name", None),
        ("hostname", None),
        ("имя_файла", Some(Class::Nothing)),
        ("delivery_address", Some(Class::Address)),
        ("Адрес", Some(Class::Address)),
        ("ip_address", None),
        ("IP-адрес", Some(Class::Nothing)),
        ("address", Some(Class::MaybeAddress)),
        ("base_salary", Some(Class::Own(RuleId(20)))),
    ] {
        assert_eq!(keys.class(name), class, "{name}");
    }
}
