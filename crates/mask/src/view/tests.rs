//! What a text reads like without its escapes, and where its parts stand.

use super::*;

#[track_caller]
fn check(text: &str, want: &str) {
    let view = View::of(text, 0).unwrap();
    assert_eq!(view.text(), want);
    assert_eq!(view.source(&(0..want.len())).end, text.trim_end_matches('\u{200b}').len(), "the whole of {text}");
}

#[test]
fn escapes_of_every_kind_are_read() {
    check(r"a\u0040b", "a@b");
    check(r"\\u0438\\\u0432", "ив");
    check(r"\ud83d\ude00!", "😀!");
    check(r"a\nb\tc\/d", "a\nb\tc/d");
    check(r"\xd0\x98\x41", "ИA");
    check("%D0%98%2B7%20916", "И+7 916");
    check("%37%39", "79");
    check("%2540", "%40");
    check("&#64;&#x40;&commat;&nbsp;", "@@@ ");
    check("７９\u{a0}1\u{2011}2", "79 1-2");
    check("٧٩۳", "793");
    check("iv\u{200b}an\u{ad}@x", "ivan@x");
    check(r"\u00a0\u2011", " -");
}

#[test]
fn quotes_in_strings_stay_escaped() {
    check(r"{\u0022a\u0022:1}", r#"{\"a\":1}"#);
    for text in [r#"{\"a\":\\\"b"#, "100%41111", "a & b &c; &#; &#x110000;", r"C:\Users", "a – b", "обычный", r"\ud83d"]
    {
        assert!(View::of(text, 0).is_none(), "{text}");
    }
}

#[test]
fn a_span_is_found_again_with_its_escapes() {
    let text = r"x \u002B7%20916\nend";
    let view = View::of(text, 0).unwrap();
    assert_eq!(view.text(), "x +7 916\nend");
    assert_eq!(text.get(view.source(&(2..8))).unwrap(), r"\u002B7%20916");
    assert_eq!(text.get(view.source(&(3..4))).unwrap(), "7");
    assert_eq!(text.get(view.source(&(9..12))).unwrap(), "end");
}
