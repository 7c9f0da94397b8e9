//! What is told by its form, and the forms in which it is written.

use super::{check, masker, unchanged};
use crate::Counts;

#[test]
fn credentials_are_masked_by_their_form() {
    check("sent Bearer abcdef123456 to x", "sent Bearer <credential> to x");
    check("Basic aXZhbjpodW50ZXIy", "Basic <credential>");
    check("postgres://app:s3cr3t@db:5432/x", "postgres://app:<credential>@db:5432/x");
    check("t eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln.", "t <jwt>.");
    unchanged("Bearer token, Bearer realm=\"x\", Basic authentication, basic validation passed, bearer of news");
    // What has a value of its own is a key.
    unchanged("token_type=bearer token_expires_in=3600, token_type=bearer expires_in=\"3600\"");
    check("token_type=bearer access_token=abc", "token_type=bearer access_token=<secret>");
    check(
        "Bearer YWJjZGVm=, Bearer abcdefgh== \"Bearer abcdefgh=\"",
        "Bearer <credential>, Bearer <credential> \"Bearer <credential>\"",
    );
    check("Bearer abcdef123456=x", "Bearer <credential>x");
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
fn hex_and_quoted_printable_are_read() {
    check(r"\x6976616e40782e7275 and 0x6976616E406D61696C2E7275", r"\x<email> and 0x<email>");
    check("ivan=40mail.ru", "<email>");
    check("=D0=BF=D0=B0=D1=80=D0=BE=D0=BB=D1=8C: x1", "=D0=BF=D0=B0=D1=80=D0=BE=D0=BB=D1=8C: <secret>");
    unchanged("n=40 a=AB b=D0=0 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 3030303030303030303030303030303030");
}
