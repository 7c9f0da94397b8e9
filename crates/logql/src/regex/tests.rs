//! Go's expressions: what they match, and what is wrong with them.

use proptest::prelude::*;

use super::Regex;

#[track_caller]
fn check(source: &str, matches: &[&str], others: &[&str]) {
    let regex = Regex::new(source).unwrap();
    let full = regex.full_matcher();
    for text in matches {
        assert!(full.is_match(text), "{source} ({}) matches {text:?}", regex.rust());
    }
    for text in others {
        assert!(!full.is_match(text), "{source} ({}) does not match {text:?}", regex.rust());
    }
}

#[track_caller]
fn invalid(source: &str, message: &str) {
    assert_eq!(Regex::new(source).unwrap_err(), format!("error parsing regexp: {message}"), "{source}");
}

#[test]
fn classes_of_letters_are_ascii() {
    check(r"\d+", &["15"], &["١٥", ""]);
    check(r"\w+", &["aB_9"], &["é", "a-b"]);
    check(r"\W\D\S", &["é é", "- a"], &["aaa"]);
    check(r"\s+", &[" \t\n\r\x0c"], &["\u{a0}", "\x0b"]);
    check(r".*\bx\b.*", &["éxé", "a x b"], &["axb"]);
    check(r"a\Bb", &["ab"], &["a b"]);
    check(r"[\w-]+[^\d\s]", &["a-b!"], &["a-5", "é!"]);
    check(r"[[:alpha:][:^digit:]]+", &["a!é"], &["5"]);
}

#[test]
fn what_go_reads_as_text_is_text() {
    check(r"user={id}", &["user={id}"], &[]);
    check(r"a{,5}b{x}c{1", &["a{,5}b{x}c{1"], &[]);
    check(r"[a[b]&&]", &["a&&]", "[&&]", "b&&]"], &["&"]);
    check(r"[a&&b~~c-]", &["&", "~", "-", "a"], &["["]);
    check(r"[]a][^]b]", &["]a", "ac"], &["a]", "bb"]);
    check(r"[a-c-e][-x][y-]", &["--y", "ex-"], &["d-y"]);
    check(r"\<b\>\/\-\_\#\ \{", &["<b>/-_# {"], &[]);
    check(r"a#b c&d~e", &["a#b c&d~e"], &[]);
    check("]}", &["]}"], &[]);
}

#[test]
fn escapes_are_those_of_go() {
    check(r"\Qa.b\n[\E+", &["a.b\\n[[["], &["axb\\n["]);
    check(r"\Qa.b", &["a.b"], &["axb"]);
    check(r"\x41\x{42}\103\04", &["ABC\x04"], &[]);
    check(r"[\x41-\x{43}\n]+", &["ABC\n"], &["D"]);
    check(r"\a\f\n\r\t\v", &["\x07\x0c\n\r\t\x0b"], &[]);
    check(r"\pL\p{Greek}\P{Lu}\p{^Nd}[\pN\P{L}]", &["éαa-5"], &["5αa-5", "éαA-5"]);
    check(r"\Aa\z", &["a"], &[]);
}

#[test]
fn groups_and_flags_are_those_of_go() {
    check(r"(?i)straße(?-i:X)", &["STRAßEX"], &["STRAßEx"]);
    check(r"(?i)k", &["K", "\u{212a}"], &[]);
    check(r"a(?)b", &["ab"], &[]);
    check(r"(?U)a+?", &["aaa"], &[]);
    check(r"a.b", &["a\nb"], &[]);
    check(r"(?:a|b)|", &["a", "b", ""], &["ab"]);
    check(r"a^*$*", &["a"], &[]);
    check(r"a{2}b{1,}c{0,2}", &["aabb", "aabcc"], &["ab", "aabccc"]);
    let regex = Regex::new(r"(?P<first>a)(b)(?<second>c)").unwrap();
    assert_eq!(regex.names(), ["first", "second"]);
    assert_eq!(regex.searcher().captures_len(), 4);
}

#[test]
fn a_search_finds_a_part_and_a_full_match_takes_all() {
    let regex = Regex::new("b|c.d").unwrap();
    assert!(regex.searcher().is_match("abc"));
    assert!(!regex.searcher().is_match("c\nd"));
    assert!(regex.full_matcher().is_match("c\nd"));
    assert!(!regex.full_matcher().is_match("abc"));
    assert!(Regex::new("a*|b").unwrap().matches_empty());
    assert!(!Regex::new("a+").unwrap().matches_empty());
}

#[test]
fn broken_expressions_get_the_text_of_go() {
    invalid("(a", "missing closing ): `(a`");
    invalid("a)", "unexpected ): `a)`");
    invalid("[a", "missing closing ]: `[a`");
    invalid("[", "missing closing ]: `[`");
    invalid("[]", "missing closing ]: `[]`");
    invalid("x[b-a]", "invalid character class range: `b-a`");
    invalid("[[:foo:]]", "invalid character class range: `[:foo:]`");
    invalid(r"\p{Foo}x", r"invalid character class range: `\p{Foo}`");
    invalid("*", "missing argument to repetition operator: `*`");
    invalid("a|+?", "missing argument to repetition operator: `+`");
    invalid("(?i)?", "missing argument to repetition operator: `?`");
    invalid("a**", "invalid nested repetition operator: `**`");
    invalid("a{2}*?b", "invalid nested repetition operator: `{2}*?`");
    invalid("a{1001}", "invalid repeat count: `{1001}`");
    invalid("a{3,2}", "invalid repeat count: `{3,2}`");
    invalid(r"a\", "trailing backslash at end of expression: ``");
    invalid(r"\1", r"invalid escape sequence: `\1`");
    invalid(r"\Z", r"invalid escape sequence: `\Z`");
    invalid(r"\xg1", r"invalid escape sequence: `\x`");
    invalid(r"[\b]", r"invalid escape sequence: `\b`");
    invalid("(?=a)", "invalid or unsupported Perl syntax: `(?=`");
    invalid("(?x)a", "invalid or unsupported Perl syntax: `(?x`");
    invalid("(?i", "missing closing ): `(?i`");
    invalid("(?P<n", "invalid named capture: `(?P<n`");
    invalid("(?P<n-a>x)", "invalid named capture: `(?P<n-a>`");
    invalid("(?P<n>x)(?P<n>y)", "invalid named capture: `n`");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What is left to `Regex::new` after the translation are depth and size, which these texts do not reach.
    #[test]
    fn a_translated_expression_is_always_one_for_rust(source in r"[ab0-9?*+{},()\[\]\\|^$.\-:<>&~iQEdDwbpxLPAz#é]{0,20}") {
        if let Ok(translated) = super::translate::translate(&source) {
            prop_assert!(regex_automata::util::syntax::parse(&translated.pattern).is_ok(), "{}", translated.pattern);
        }
    }

    #[test]
    fn quoted_text_matches_itself(text in any::<String>()) {
        prop_assume!(!text.contains("\\E"));
        let regex = Regex::new(&format!("\\Q{text}\\E")).unwrap();
        prop_assert!(regex.full_matcher().is_match(&text));
    }
}
