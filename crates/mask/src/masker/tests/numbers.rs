//! E-mails, phones, cards and other numbers, and what only looks like them.

use super::{check, unchanged};

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
fn units_of_systemd_and_versions_are_no_e_mails() {
    unchanged("Started user@1000.service, getty@tty1.service; postgresql@15-main.service: modprobe@drm.service.");
    unchanged(
        "a@b.socket a@b.timer a@b.target a@b.mount a@b.automount a@b.scope a@b.slice a@b.path a@b.device a@b.swap",
    );
    unchanged(
        "/etc/systemd/system/user@1000.service.d/10.conf user%401000.service lodash@4.17.21.tgz react@18.2.0.min.js",
    );
    for address in
        ["user@mail.service.gov.uk", "ivan@1.service.ru", "ivan@163.com", "ivan@2.mail.ru", "a@x.png", "a@b.services"]
    {
        check(address, "<email>");
    }
}

#[test]
fn no_card_is_cut_out_of_a_longer_number() {
    // `=40` is the at sign of quoted-printable, too.
    unchanged("txId=4069538030884693 ref=4089161234567 order_id=404111111111111111");
    check("card=4000000000000002", "card=<card>");
    check("ivan=40163.com ivan=40x.ru", "<email> <email>");
}

#[test]
fn keys_of_postgresql_tell_of_their_values() {
    unchanged("DETAIL:  Key (order_id)=(89161234567) already exists.");
    unchanged(r#"Key ("orderId")=(4111111111111111) is not present in table "orders"."#);
    check("Key (phone)=(89161234567) already exists.", "Key (phone)=(<phone>) already exists.");
    check("Key (phone)=(9161234567) already exists.", "Key (phone)=(<phone>) already exists.");
    check("Key (email)=(ivan@x.ru) already exists.", "Key (email)=(<email>) already exists.");
    check("Key (lower(email))=(ivan@x.ru) already exists.", "Key (lower(email))=(<email>) already exists.");
    check("Key (token)=(abc.def) already exists.", "Key (token)=(<secret>) already exists.");
    check("Key (full_name)=(Иван Петров) already exists.", "Key (full_name)=(<name>) already exists.");
    // Which of several keys tells of which value is not asked.
    check(
        "Key (phone, order_id)=(89161234567, 4711) already exists.",
        "Key (phone, order_id)=(<phone>, 4711) already exists.",
    );
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
