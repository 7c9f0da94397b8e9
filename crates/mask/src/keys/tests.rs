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
        assert_eq!(keys.class(name, Writing::Field), Some(Class::Secret), "{name}");
        if let [.., before_last, last] = *name.as_bytes() {
            assert!(keys.may_tell(before_last, last), "{name}");
        }
    }
}

#[test]
fn other_names_are_not_secrets() {
    let keys = keys();
    for name in ["order_id", "status", "spin", "shipping", "tokens", "secretary", "bypass", "compass", "http_status"] {
        assert_ne!(keys.class(name, Writing::Field), Some(Class::Secret), "{name}");
    }
}

#[test]
fn a_secret_may_stand_in_front() {
    let keys = keys();
    for name in [
        "password_user",
        "passwordUser",
        "PasswordUser",
        "PASSWORD_PROD",
        "secret_for_x",
        "secret_for_host",
        "secretForService",
        "пароль_пользователя",
        "Пароль пользователя",
        "пароль от почты",
        "парольДляВхода",
        "токен_доступа",
        "cvv карты",
        "db.password.shop",
        "X-Auth-Token-Crm",
        "apiKeyProd",
        "api_key_prod",
        "secret_key_base",
        "password_hash_old",
        "token_sha256",
        "password3",
        "token_v2",
        "PASSWORD_2",
        "clientSecret_new",
        "pwd_user",
        "otp_code",
        "private_key_pem",
        "password_client",
        "sberbank_code_old",
        "authorization_header",
    ] {
        assert_eq!(keys.class(name, Writing::Field), Some(Class::Secret), "{name}");
    }
    for name in ["password_user", "passwordUser", "X-Token-User", "пароль_пользователя", "password3", "apiKeyProd"]
    {
        assert_eq!(keys.class(name, Writing::Label), Some(Class::Secret), "{name}");
    }
}

#[test]
fn what_is_told_about_a_secret_is_none() {
    let keys = keys();
    for name in [
        "password_length",
        "passwordLength",
        "PASSWORD_MIN_LENGTH",
        "password_changed_at",
        "passwordChangedAt",
        "password_policy",
        "token_type",
        "tokenType",
        "token_count",
        "token_expires_in",
        "token_ttl",
        "secret_name",
        "secretName",
        "secret_id",
        "api_key_id",
        "token_url",
        "password_file",
        "password_enabled",
        "password-stdin",
        "token_last4",
        "max_tokens",
        "tokens_used",
        "token_bucket_capacity",
        "срок_токена",
        "пароль_изменён",
        "authorization_status",
        "cookie_consent",
        "pass_rate",
        "pin_mode",
        "compass_user",
        "secretary_user",
        "tokenize_input",
    ] {
        assert_ne!(keys.class(name, Writing::Field), Some(Class::Secret), "{name}");
    }
    for name in ["token-service", "token.rs", "TokenStore", "com.acme.token.Filters", "PasswordUser", "secret-crm"] {
        assert_ne!(keys.class(name, Writing::Label), Some(Class::Secret), "{name}");
    }
}

#[test]
fn ids_stand_alone() {
    let keys = keys();
    for name in
        ["id", "order_id", "orderId", "trace-id", "order_no", "orderNumber", "TRACE_ID", "waybill", "duration_ns"]
    {
        assert_eq!(keys.class(name, Writing::Field), Some(Class::Id), "{name}");
    }
    for name in ["paid", "valid", "number", "phone", "card_number", "lifetime"] {
        assert_ne!(keys.class(name, Writing::Field), Some(Class::Id), "{name}");
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
        assert_eq!(keys.class(name, Writing::Field), class, "{name}");
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
