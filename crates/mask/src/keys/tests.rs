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

#[test]
fn letters_are_those_of_the_standard_library() {
    for c in '\0'..=char::MAX {
        assert_eq!(is_alphabetic(c), c.is_alphabetic(), "{c:?}");
    }
}

#[test]
fn a_key_that_tells_of_a_number_is_never_passed_over() {
    let keys = keys();
    let words = words::BUILT_IN.iter().filter(|(.., class)| matches!(class, Class::Phone | Class::Card));
    for word in words.flat_map(|(words, ..)| *words) {
        for name in [(*word).to_owned(), word.to_uppercase(), format!("x_{word}"), format!("{word}_")] {
            let [.., before_last, last] = *name.as_bytes() else { panic!("a short word") };
            assert!(keys.may_tell_number(before_last, last), "{name}");
        }
    }
    assert!(!keys.may_tell_number(b'i', b'd') && !keys.may_tell(b'i', b'd'));
}
