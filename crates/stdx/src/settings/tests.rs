//! What is said about settings that are right, wrong, unknown or missing.

use std::time::Duration;

use super::*;
use crate::ByteSize;

fn parse(text: &str) -> Settings {
    Settings::parse(
        text,
        "APP",
        [("APP__STORE__MEMORY".to_owned(), "1GiB".to_owned()), ("OTHER".to_owned(), "1".to_owned())],
    )
}

#[test]
fn values_come_from_the_environment_then_the_file_then_the_default() {
    let mut settings = parse(
        "[store]\nmemory = \"64MiB\"\nwait = \"1h30m\"\n[[user]]\nname = \"a\"\n[[user]]\nname = \"b\"\nlabels = { x = \"1\" }",
    );
    assert_eq!(settings.or("store.memory", ByteSize(1), "memory"), ByteSize(1 << 30));
    assert_eq!(settings.or("store.wait", Duration::ZERO, "wait"), Duration::from_secs(5400));
    assert_eq!(settings.or("store.depth", 7_u64, "depth"), 7);
    assert_eq!(settings.tables("user"), ["user[0]", "user[1]"]);
    assert_eq!(settings.required::<String>("user[0].name", "name").as_deref(), Some("a"));
    assert_eq!(settings.required::<String>("user[1].name", "name").as_deref(), Some("b"));
    assert_eq!(settings.map::<String>("user[1].labels", "labels")["x"], "1");
    assert_eq!(settings.docs().len(), 5, "{:?}", settings.docs());
    assert_eq!(settings.docs()[3].key, "user[].name");
    settings.finish().unwrap();
}

#[test]
fn every_problem_is_reported_with_its_key_and_line() {
    let mut settings = parse("[store]\nwait = 5\nacks = \"fsnc\"\ndepht = 3\n\n[user\n");
    settings.or("store.memory", ByteSize(1), "memory");
    settings.or("store.wait", Duration::ZERO, "wait");
    settings.or("store.depth", 1_u64, "depth");
    assert!(settings.choice("store.acks", &[("fsync", 1), ("write", 2)], "fsync", "acks").is_none());
    settings.required::<String>("store.name", "name");
    let problems = settings.finish().unwrap_err().to_string();
    let lines: Vec<_> = problems.lines().collect();
    assert_eq!(lines[0], "line 2: `store.wait` is not a duration such as \"90s\", \"1h30m\" or \"14d\"");
    assert_eq!(lines[1], "line 3: `store.acks` is `fsnc`, but must be one of `fsync`, `write`");
    assert_eq!(lines[2], "line 4: `store.depht` is not a known key; did you mean `store.depth`?");
    assert!(lines[3].starts_with("line 6: "), "{problems}");
    assert_eq!(*lines.last().unwrap(), "`store.name` is missing; want a text in quotes");
}

#[test]
fn a_key_is_suggested_only_of_the_same_item() {
    let mut settings = parse("[[user]]\nname = \"a\"\nage = 1\n[[user]]\nnmae = \"b\"\nage = 2\n");
    settings.or("store.memory", ByteSize(1), "memory");
    settings.tables("user");
    settings.required::<String>("user[0].name", "name");
    settings.required::<u64>("user[0].age", "age");
    let problems = settings.finish().unwrap_err().to_string();
    let want = "line 5: `user[1].nmae` is not a known key\nline 6: `user[1].age` is not a known key";
    assert_eq!(problems, want);
}

#[test]
fn what_is_wrong_with_items_of_an_array_and_with_tables_has_its_line() {
    let mut settings = parse("[rule]\nname = \"a\"\n[[user]]\nage = 1\n[[user]]\nname = \"b\"\nlabels = \"x\"\n");
    settings.or("store.memory", ByteSize(1), "memory");
    for _ in 0..2 {
        assert!(settings.tables("rule").is_empty());
    }
    for item in settings.tables("user") {
        settings.required::<String>(&format!("{item}.name"), "name");
        settings.or::<u64>(&format!("{item}.age"), 0, "age");
        assert!(settings.map::<String>(&format!("{item}.labels"), "labels").is_empty());
    }
    assert_eq!(
        settings.finish().unwrap_err().to_string().lines().collect::<Vec<_>>(),
        [
            "line 2: `rule.name` stands in a single table; there may be several: write `[[rule]]`",
            "line 4: `user[0].name` is missing; want a text in quotes",
            "line 7: `user[1].labels` is no table; want `{ name = … }`, each with a text in quotes",
        ]
    );
}

#[test]
fn durations_read_and_print() {
    for (text, millis, shown) in [
        ("250ms", 250, "250ms"),
        ("90s", 90_000, "1m30s"),
        ("14d", 1_209_600_000, "14d"),
        ("0", 0, "0s"),
        ("1h0m5s", 3_605_000, "1h"),
    ] {
        assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        assert_eq!(show_duration(Duration::from_millis(millis)), shown);
    }
    for wrong in ["", "5", "h", "5 h", "-5s", "5parsecs", "99999999999999999999s"] {
        assert_eq!(parse_duration(wrong), None, "{wrong}");
    }
}
