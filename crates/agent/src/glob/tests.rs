//! Patterns against names.

use super::*;

#[test]
fn wildcards_stay_within_a_name() {
    let check = |pattern: &str, name: &str, want: bool| {
        assert_eq!(matches_name(pattern, name), want, "{pattern} {name}");
    };
    check("*.log", "shop.log", true);
    check("*.log", ".log", false);
    check(".*", ".hidden", true);
    check("*.log", "shop.log.1", false);
    check("a*b*c", "a-xb-b-c", true);
    check("a*b*c", "a-b-c-d", false);
    check("?.log", "ж.log", true);
    check("?.log", "ab.log", false);
    check("*", "", true);
    check("**x", "aax", true);
    check("a*b", "ab", true);
    check("a*b", "aXbXb", true);
    check("*ab*", "aab", true);
    check("*?b", "жжb", true);
    check("a", "", false);
}

#[test]
fn an_exclusion_without_a_slash_looks_at_the_name_only() {
    assert!(Glob::new("*.gz").matches(Path::new("/var/log/shop.log.gz")));
    assert!(!Glob::new("*.gz").matches(Path::new("/var/log/shop.log")));
    assert!(Glob::new("/var/**/old/*").matches(Path::new("/var/log/old/x.log")));
    assert!(!Glob::new("/var/**/old/*").matches(Path::new("/var/log/new/x.log")));
}
