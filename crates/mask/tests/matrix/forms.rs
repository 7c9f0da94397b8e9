//! The forms in which a text appears in logs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

type Form = (&'static str, fn(&str) -> String);

pub(crate) const FORMS: [Form; 21] = [
    ("plain", str::to_owned),
    ("lines", |text| format!("first\n  {text}\nlast")),
    ("json", |text| format!(r#"{{"level":"info","message":"{}"}}"#, json(text, false))),
    ("json in ascii", |text| format!(r#"{{"message":"{}","n":1}}"#, json(text, true))),
    ("json with escaped slashes", |text| format!(r#"{{"message":"{}"}}"#, json(text, false).replace('/', "\\/"))),
    ("json in json", |text| {
        format!(r#"{{"line":"{}"}}"#, json(&format!(r#"{{"body":"{}"}}"#, json(text, false)), false))
    }),
    ("ascii json in json", |text| {
        format!(r#"{{"line":"{}"}}"#, json(&format!(r#"{{"body":"{}"}}"#, json(text, true)), false))
    }),
    ("url", |text| format!("GET /x?a=1&v={}&b=2 HTTP/1.1", url(text, "%20"))),
    ("url with pluses", |text| format!("GET /x?v={}&b=2", url(text, "+"))),
    ("url twice", |text| format!("GET /x?v={}&b=2", url(&url(text, "%20"), "%20"))),
    ("html", |text| format!("<p>{}</p>", html(text))),
    ("base64", |text| format!("data={} end", STANDARD.encode(text))),
    ("base64url", |text| format!("GET /{}/x", URL_SAFE_NO_PAD.encode(text))),
    ("base64 in json", |text| {
        format!(r#"{{"payload":"{}"}}"#, STANDARD.encode(format!("{{\"note\":\"{}\"}}", json(text, true))))
    }),
    ("hex", |text| format!("data=0x{} end", hex(text))),
    ("hex in json", |text| {
        format!(r#"{{"payload":"\\\\x{}"}}"#, hex(&format!("{{\"note\":\"{}\"}}", json(text, true))).to_uppercase())
    }),
    ("quoted-printable", |text| {
        let is_plain = |byte: u8| byte.is_ascii() && byte != b'=';
        text.bytes()
            .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("={byte:02X}") })
            .collect()
    }),
    ("wide digits", |text| {
        text.chars().map(|c| c.to_digit(10).and_then(|d| char::from_u32(0xff10 + d)).unwrap_or(c)).collect()
    }),
    ("no-break blanks and dashes", |text| {
        let (mut out, mut before) = (String::new(), ' ');
        for c in text.chars() {
            out.push(match c {
                ' ' if before.is_ascii_digit() => '\u{a0}',
                '-' if before.is_ascii_digit() => '\u{2011}',
                c => c,
            });
            before = c;
        }
        out
    }),
    ("zero width", |text| text.chars().flat_map(|c| [c, '\u{200b}']).collect()),
    ("python bytes", |text| {
        text.bytes()
            .map(|byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") })
            .collect()
    }),
];

fn json(text: &str, ascii: bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if ascii && !c.is_ascii() => {
                out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            c => out.push(c),
        }
    }
    out
}

fn url(text: &str, blank: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let encode = |byte: u8| match byte {
        b' ' => blank.to_owned(),
        byte if unreserved(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn html(text: &str) -> String {
    let encode = |c: char| match c {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        c if c.is_ascii_alphanumeric() || c == ' ' => c.to_string(),
        c => format!("&#{};", u32::from(c)),
    };
    text.chars().map(encode).collect()
}
