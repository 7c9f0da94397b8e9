//! Mails as they go out, and configurations that are refused.

use std::sync::Arc;

use super::*;
use crate::Picture;
use crate::message::Style;
use crate::message::tests::{author, stuck};

fn email() -> Email {
    let fields = "to: 'Ops <ops@example.com>, duty@example.com'\nfrom: lapidary@example.com\nsmarthost: 127.0.0.1:2525\nrequire_tls: false";
    let written: Config = serde_yaml_ng::from_str(fields).unwrap();
    let builder = transport(&written, &Global::default(), &|_| Err(String::new())).unwrap();
    let (from, to) = ("lapidary@example.com".parse().unwrap(), written.to.parse().unwrap());
    Email { from, to, builder, transport: OnceLock::new() }
}

fn mail(memory: &Memory, picture: bool) -> String {
    let mut told = stuck();
    if picture {
        let picture = Picture { png: b"\x89PNG\r\n\x1a\n".to_vec(), alt: "a \"band\"".to_owned() };
        told.alerts[0].evidence.picture = Some(Arc::new(picture));
    }
    let message = author().write(&told, &Style::default());
    String::from_utf8(email().mail(&message, "<k2@example.com>", memory).unwrap().formatted()).unwrap()
}

#[test]
fn a_mail_has_text_and_html_and_says_that_a_machine_wrote_it() {
    let mail = mail(&Memory::default(), false);
    for part in [
        "From: lapidary@example.com\r\n",
        "Message-ID: <k2@example.com>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "multipart/alternative",
        "Content-Type: text/plain",
        "Content-Type: text/html",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    assert!(mail.contains("ops@example.com") && mail.contains("duty@example.com"));
    assert!(!mail.contains("References:"));
}

#[test]
fn later_mails_of_a_group_are_in_the_thread_of_the_first() {
    let memory = Memory {
        first: Some("<k0@example.com>".to_owned()),
        message: Some("<k1@example.com>".to_owned()),
        ..Memory::default()
    };
    let mail = mail(&memory, false);
    assert!(mail.contains("In-Reply-To: <k1@example.com>\r\n"), "{mail}");
    assert!(mail.contains("References: <k0@example.com> <k1@example.com>\r\n"), "{mail}");
}

#[test]
fn a_picture_is_within_the_mail() {
    let mail = mail(&Memory::default(), true);
    assert!(mail.contains("multipart/related") && mail.contains("Content-ID: <chart>"), "{mail}");
    // Long lines are parted where they must be.
    assert!(mail.replace("=\r\n", "").contains("cid:chart"), "{mail}");
}

#[test]
fn what_is_wrong_with_a_mail_is_told_when_the_file_is_read() {
    let wrong = |yaml: &str| {
        let written = Written::of(serde_yaml_ng::from_str(yaml).unwrap());
        read(&written, &Global::default(), &|path| Err(format!("`{path}` is not there"))).unwrap_err()
    };
    assert!(wrong("to: a@example.com\nsmarthost: h:25").contains("`from`"));
    assert!(wrong("to: nobody at home\nfrom: a@example.com\nsmarthost: h:25").contains("nobody at home"));
    assert!(wrong("to: a@example.com\nfrom: a@example.com\nsmarthost: h").contains("host:port"));
    let login = "to: a@example.com\nfrom: a@example.com\nsmarthost: h:25\nauth_username: u";
    assert!(wrong(login).contains("`auth_password`"));
    assert!(wrong(&format!("{login}\nauth_password_file: /p")).contains("`/p` is not there"));
}
