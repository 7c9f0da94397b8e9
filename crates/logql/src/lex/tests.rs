//! Texts to tokens.

use expect_test::{Expect, expect};

use super::{Flag, Lexer, Symbol, Token, Word};
use crate::ast::{RangeOp, VectorOp};

/// Names and values of the tokens, or the error.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` reads better at the call than a reference to it")]
fn check(text: &str, want: Expect) {
    let mut lexer = Lexer::new(text);
    let mut found = Vec::new();
    loop {
        match lexer.next() {
            Ok((Token::End, _)) => break,
            Ok((token, _)) => found.push(match &token {
                Token::Identifier(name) => (*name).to_owned(),
                Token::Number(number) => format!("NUMBER {number}"),
                Token::String(value) => format!("{value:?}"),
                Token::Duration(value) => format!("DURATION {value}"),
                Token::Bytes(value) => format!("BYTES {value}"),
                Token::Range(value) => format!("RANGE {value}"),
                other => other.name().into_owned(),
            }),
            Err(error) => {
                found.push(error.to_string());
                break;
            }
        }
    }
    want.assert_eq(&found.join(" · "));
}

#[test]
fn numbers_end_where_no_unit_follows() {
    check(
        "1 1.5 .5 5. 1e3 1.5E-2 0x1p3 0x1.8P+1",
        expect![
            "NUMBER 1 · NUMBER 1.5 · NUMBER .5 · NUMBER 5. · NUMBER 1e3 · NUMBER 1.5E-2 · NUMBER 0x1p3 · NUMBER 0x1.8P+1"
        ],
    );
    check(
        "5m 1h30m 1.5s 100ms 2us 3µs 4ns 1d 1w 1y",
        expect![
            "DURATION 5m · DURATION 1h30m · DURATION 1s500ms · DURATION 100ms · DURATION 2us · DURATION 3us · DURATION 4ns · DURATION 1d · DURATION 1w · DURATION 1y"
        ],
    );
    check(
        "5B 5kB 5KiB 1.5MB 2G 3Ti 4PB",
        expect![
            "BYTES 5B · BYTES 5000B · BYTES 5120B · BYTES 1500000B · BYTES 2000000000B · BYTES 3298534883328B · BYTES 4000000000000000B"
        ],
    );
    check(
        "5m3 5mx 5MX 5E2 5x 5 m",
        expect!["NUMBER 5 · m3 · DURATION 5m · x · BYTES 5000000B · X · NUMBER 5E2 · NUMBER 5 · x · NUMBER 5 · m"],
    );
    check(
        "-5m -1.5h -5 -1d - 5m -0",
        expect!["DURATION -5m · DURATION -1h30m · - · NUMBER 5 · - · DURATION 1d · - · DURATION 5m · - · NUMBER 0"],
    );
    check("0b11 0o17 017 0B", expect!["NUMBER 0 · b11 · NUMBER 0 · o17 · NUMBER 017 · BYTES 0B"]);
}

#[test]
fn words_are_keywords_in_any_case_and_functions_only_before_arguments() {
    check("json JSON Json jsonx", expect!["json · json · json · jsonx"]);
    check(
        "rate rate( rate ( rate by( rate BY\n( rate by x rate bytes(",
        expect!["rate · RATE · ( · RATE · ( · RATE · by · ( · RATE · by · ( · rate · by · x · rate · BYTES_CONV · ("],
    );
    check(
        "ip ip( label_replace label_replace( vector vector(",
        expect!["ip · ip · ( · label_replace · label_replace · ( · vector · VECTOR · ("],
    );
    check("привет _x x9 x-9", expect!["привет · _x · x9 · x · - · NUMBER 9"]);
}

#[test]
fn operators_are_as_long_as_they_can_be() {
    check(
        "= == =~ != !~ !> > >= < <= | |= |~ |> + - * / % ^ ! ~ @ ;",
        expect![
            "= · == · =~ · != · !~ · !> · > · >= · < · <= · | · |= · |~ · |> · + · - · * · / · % · ^ · IDENTIFIER · IDENTIFIER · IDENTIFIER · IDENTIFIER"
        ],
    );
    check("a==b a=~b a|=b a||b", expect!["a · == · b · a · =~ · b · a · |= · b · a · | · | · b"]);
    check(
        "--strict --keep-empty --strictx ---strict",
        expect!["PARSER_FLAG · PARSER_FLAG · - · - · strictx · - · PARSER_FLAG"],
    );
}

#[test]
fn strings_have_go_escapes() {
    check(r#""a\a\b\f\n\r\t\v\\\"\x41\101\u00e9\U0001F600""#, expect![[r#""a\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"AAé😀""#]]);
    check(r#""\xd0\xbf""#, expect![[r#""п""#]]);
    check("`a\\n\"b\nc`", expect![[r#""a\\n\"b\nc""#]]);
    for broken in [r#""\'""#, r#""\x4""#, r#""\8""#, r#""\400""#, r#""\ud800""#, r#""\"#, "\"a", "`a", "'", "'ab'"] {
        assert!(Lexer::new(broken).next().is_err(), "{broken}");
    }
    check("'a' '\\n'", expect!["IDENTIFIER · IDENTIFIER"]);
}

#[test]
fn a_nul_character_is_an_error() {
    check("a \0", expect!["a · parse error at line 1, col 3: invalid character NUL"]);
}

#[test]
fn every_word_reads_as_itself() {
    let read = |text: String| Lexer::new(&text).next().map(|(token, span)| (token.name().into_owned(), span.end));
    for symbol in Symbol::ALL {
        assert_eq!(Lexer::new(symbol.name()).next().unwrap().0, Token::Symbol(*symbol));
    }
    for flag in Flag::ALL {
        assert_eq!(Lexer::new(flag.name()).next().unwrap().0, Token::Flag(*flag));
    }
    for word in Word::ALL {
        assert_eq!(read(format!("{word} (")).unwrap(), (Token::Word(*word).name().into_owned(), word.name().len()));
    }
    for op in RangeOp::ALL {
        assert_eq!(read(format!("{op}(")).unwrap(), (op.name().to_uppercase(), op.name().len()));
    }
    for op in VectorOp::ALL {
        assert_eq!(read(format!("{op} by (")).unwrap(), (op.name().to_uppercase(), op.name().len()));
    }
}
