//! What is left of lines whose keys are hidden.

use super::*;

fn check(names: &[&str], line: &str, want: &str) {
    let keys = KeyValues::new(names.iter().copied()).unwrap();
    let seen = keys.hidden(line);
    assert_eq!(seen, want, "{line}");
    assert_eq!(keys.hidden(&seen), want, "what was hidden once stays as it is: {line}");
}

#[test]
fn values_of_json_are_replaced_at_any_depth_and_the_line_stays_json() {
    let cases = [
        (r#"{"email":"a@b.c","ok":1}"#, r#"{"email":"***","ok":1}"#),
        (r#"{"x":{"Email" : "a \" b"},"y":2}"#, r#"{"x":{"Email" : "***"},"y":2}"#),
        (r#"{"email":42,"y":2}"#, r#"{"email":"***","y":2}"#),
        (r#"{"email":null}"#, r#"{"email":"***"}"#),
        (r#"{"email":{"a":["}",1]},"y":2}"#, r#"{"email":"***","y":2}"#),
        (r#"{"email":["a","]"],"y":2}"#, r#"{"email":"***","y":2}"#),
        (r#"{"not_email":"a","emails":"b"}"#, r#"{"not_email":"a","emails":"b"}"#),
        (r#"{"a":"email"}"#, r#"{"a":"email"}"#),
        (r#"{"email":"cut of"#, r#"{"email":"***"#),
        (r#"{"email":"ends in \\","y":1}"#, r#"{"email":"***","y":1}"#),
    ];
    for (line, want) in cases {
        check(&["email"], line, want);
        if want.ends_with('}') {
            assert!(serde_json::from_str::<serde_json::Value>(want).is_ok(), "{want}");
        }
    }
}

#[test]
fn json_within_a_text_is_reached_too() {
    check(&["card"], r#"{"body":"{\"card\":\"4111\",\"n\":1}"}"#, r#"{"body":"{\"card\":\"***\",\"n\":1}"}"#);
    check(&["card"], r#"{"body":"{\"card\":4111,\"n\":1}"}"#, r#"{"body":"{\"card\":\"***\",\"n\":1}"}"#);
    check(
        &["card"],
        r#"{"b":"{\"i\":\"{\\\"card\\\":\\\"41\\\"}\"}"}"#,
        r#"{"b":"{\"i\":\"{\\\"card\\\":\\\"***\\\"}\"}"}"#,
    );
}

#[test]
fn values_of_the_house_format_logfmt_and_addresses_are_replaced() {
    let line = r#"[2026-01-01T00:00:00Z][REQ][POST /pay] order_id=7 body={"card":"4111","n":[1]} card=4111 status=NEW"#;
    check(
        &["card"],
        line,
        r#"[2026-01-01T00:00:00Z][REQ][POST /pay] order_id=7 body={"card":"***","n":[1]} card=*** status=NEW"#,
    );
    check(&["body"], line, r#"[2026-01-01T00:00:00Z][REQ][POST /pay] order_id=7 body=*** card=4111 status=NEW"#);
    check(&["msg"], r#"level=info msg="two words \" more" x=1"#, r#"level=info msg="***" x=1"#);
    check(&["email"], "GET /find?email=a@b.c&page=2 200", "GET /find?email=***&page=2 200");
    check(&["email"], "customer.email=a@b.c x=1", "customer.email=*** x=1");
    check(&["email"], "email= x=1", "email= x=1");
    check(&["имя"], "имя=Анна x=1", "имя=*** x=1");
    check(&["имя"], "Имя=Анна x=1", "Имя=*** x=1");
}

#[test]
fn blanks_of_any_kind_and_number_may_stand_around_the_sign() {
    check(&["card"], "{\"card\":\n\"4111\",\"n\":1}", "{\"card\":\n\"***\",\"n\":1}");
    check(&["card"], "{\"card\"\t\r\n         :\t\t 4111}", "{\"card\"\t\r\n         :\t\t \"***\"}");
    check(&["card"], r#"{"b":"{\"card\":\n  \"4111\"}"}"#, r#"{"b":"{\"card\":\n  \"***\"}"}"#);
    check(&["card"], r#"{"b":"{\"card\"\n\t:\t{\"n\":\"4111\"}}"}"#, r#"{"b":"{\"card\"\n\t:\t\"***\"}"}"#);
    check(&["card"], "card\t=\t4111\tx=1", "card\t=\t***\tx=1");
    check(&["card"], "card:\t4111", "card:\t***");
    check(&["card"], r#"{"card"=>"4111", :n=>1}"#, r#"{"card"=>"***", :n=>1}"#);
    check(&["card"], "{:card=>4111, :n=>1}", "{:card=>***, :n=>1}");
    check(&["card"], "card => 4111 x=1", "card => *** x=1");
}

#[test]
fn headers_are_replaced_to_their_end() {
    check(&["authorization"], "Authorization: Bearer abc.def, Accept: */*", "Authorization: ***, Accept: */*");
    check(&["authorization"], "authorization=Bearer abc.def x=1", "authorization=*** x=1");
    check(&["cookie"], "Cookie: a=1", "Cookie: ***");
    check(&["cookie"], "Cookie: a=1; token=2; c=3, Accept: */*", "Cookie: ***, Accept: */*");
    check(&["cookie"], r#"{"msg":"Cookie: a=1; b=2","n":1}"#, r#"{"msg":"Cookie: ***","n":1}"#);
    let digest = r#"authorization: Digest username="anna", realm="x, y", response="6629fae4", n: 1"#;
    check(&["authorization"], digest, "authorization: ***, n: 1");
    let escaped = r#"{"m":"authorization: Digest username=\"anna\", response=\"6629fae4\"","n":1}"#;
    check(&["authorization"], escaped, r#"{"m":"authorization: ***","n":1}"#);
}

#[test]
fn a_bare_value_is_replaced_to_its_end_whatever_stands_in_it() {
    check(&["password"], "password=ab,cd;ef)gh|ij x=1", "password=*** x=1");
    check(&["a"], "a=1,b=2;c=3", "a=***,b=2;c=3");
    check(&["card"], "[GET /x?card=4111] order_id=7", "[GET /x?card=***] order_id=7");
    check(&["card"], "Order(name=x, card=4111), next", "Order(name=x, card=***), next");
    check(&["card"], r#"{"msg":"card=4111","n":1}"#, r#"{"msg":"card=***","n":1}"#);
}

#[test]
fn keys_that_are_escaped_or_in_colours_are_the_same_keys() {
    check(&["имя"], r#"{"\u0438\u043C\u044f":"Анна","n":1}"#, r#"{"\u0438\u043C\u044f":"***","n":1}"#);
    check(
        &["имя"],
        r#"{"b":"{\"\\u0438\\u043c\\u044f\":\"Анна\"}"}"#,
        r#"{"b":"{\"\\u0438\\u043c\\u044f\":\"***\"}"}"#,
    );
    check(&["email"], "\x1b[36memail=\x1b[0ma@b.c x=1", "\x1b[36memail=\x1b[0m*** x=1");
    check(&["email"], "email=\x1b[32m\"a b\"\x1b[0m x=1", "email=\x1b[32m\"***\"\x1b[0m x=1");
    check(&["email"], "\x1b[1;36memail\x1b[0m=a@b.c x=1", "\x1b[1;36memail\x1b[0m=*** x=1");
}

#[test]
fn a_line_without_the_keys_is_not_touched() {
    let keys = KeyValues::new(["email"]).unwrap();
    for line in ["", "plain words", "a=b c:d", "email", "=", ":", "\"", "email\\\":", "::::====", "a\"=\"b\":'"] {
        assert!(matches!(keys.hidden(line), Cow::Borrowed(same) if same == line), "{line}");
    }
    assert!(KeyValues::new([]).is_none());
    assert!(KeyValues::new([""]).is_none());
}

#[test]
fn whatever_the_line_a_planted_value_does_not_survive() {
    let keys = KeyValues::new(["secret"]).unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    let around = ["", " ", "{", "}", "[", "]", "\"", "\\", ",", "x=1", "{\"a\":", "é", ":", "="];
    let shapes = [
        "secret=PLANTED",
        "\"secret\":\"PLANTED\"",
        "secret=\"PLANTED\"",
        "\"secret\": PLANTED",
        "secret: PLANTED",
        "\"secret\"\n      :\r\n\t\"PLANTED\"",
        "\"secret\" => \"PLANTED\"",
        "secret=>PLANTED",
    ];
    for _ in 0..20_000 {
        let mut part = |n: usize| (0..rng.usize(0..n)).map(|_| around[rng.usize(0..around.len())]).collect::<String>();
        // A space in front makes it a key of its own.
        let line = format!("{} {} {}", part(6), shapes[rng.usize(0..shapes.len())], "tail");
        assert!(!keys.hidden(&line).contains("PLANTED"), "{line}");
    }
}
