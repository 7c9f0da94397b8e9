//! Tables of inputs in, inputs or problems out.

use expect_test::{Expect, expect};

use super::*;
use crate::config::Config;

fn load(text: &str) -> Result<Vec<Input>, String> {
    Config::load(text, []).map(|config| config.inputs).map_err(|problems| problems.to_string())
}

#[track_caller]
fn check(text: &str, want: &Expect) {
    want.assert_eq(&load(text).unwrap_err());
}

#[test]
fn offsets_are_read_to_the_minute() {
    assert_eq!(offset("+05:30"), Offset::from_seconds(19_800).ok().map(TimeZone::fixed));
    assert_eq!(offset("-03:00"), Some(TimeZone::fixed(Offset::constant(-3))));
    for text in ["", "+3", "03:00", "+24:00", "+03:60", "+0300", "Europe/Moscow", "ж"] {
        assert_eq!(offset(text), None, "{text}");
    }
}

#[test]
fn each_kind_takes_its_own_keys() {
    let inputs = load(
        r#"
[[input]]
paths = ["/var/log/pods/*/*/*.log"]
container = true
start = "2026-11-01T00:00:00Z"
join = ["java", "go"]
[[input]]
kind = "stdin"
labels = { service = "a" }
regexp = '^(?<time>\S+) (?<level>\S+)'
[[input]]
kind = "command"
command = ["vmstat", "1"]
labels = { service = "b" }
[[input]]
kind = "journal"
units = ["shop.service"]
start = "2d"
labels = { service = "c" }
label_fields = { unit = "unit" }
[[input]]
kind = "syslog"
udp = "127.0.0.1:514"
labels = { service = "d" }
[[input]]
kind = "forward"
tcp = "127.0.0.1:24224"
labels = { service = "e" }
[[input.rule]]
name = "noise"
max_level = "debug"
keep = 0.1
"#,
    )
    .unwrap();
    let [files, stdin, command, journal, syslog, forward] = inputs.as_slice() else { panic!("six inputs") };
    let Kind::Files(files) = &files.kind else { panic!("files") };
    assert_eq!(files.start, Start::At(Timestamp(1_793_491_200_000_000_000)));
    assert!(files.container && files.path_labels.is_some());
    assert!(matches!(stdin.kind, Kind::Stdin));
    assert!(matches!(&command.kind, Kind::Command(command) if command.command == ["vmstat", "1"]));
    assert!(
        matches!(&journal.kind, Kind::Journal(journal) if journal.start == Start::Back(Duration::from_secs(172_800)))
    );
    assert!(matches!(&syslog.kind, Kind::Syslog(syslog) if syslog.tcp.is_none() && syslog.max_connections == 64));
    assert!(matches!(&forward.kind, Kind::Forward(forward) if forward.shared_key.is_none()));
    assert_eq!((forward.shape.rules.len(), &*forward.shape.rules[0].name), (1, "noise"));
}

#[test]
fn every_problem_of_an_input_is_told() {
    check(
        r#"
[[input]]
paths = ["a.log"]
encoding = "latin-1"
start = "yesterday"
path_labels = "/var/log/x.log"
join = ["cobol"]
join_start = "("
join_max_bytes = "1B"
regexp = "no group"
label_fields = { "1" = "a" }
[[input.rule]]
name = "nothing"
keep = 2
max_level = "loud"
[[input]]
kind = "syslog"
paths = ["b.log"]
labels = { service = "s" }
[[input]]
kind = "command"
command = []
labels = { service = "s" }
[[input]]
kind = "forward"
shared_key_file = "/none/here"
labels = { service = "s" }
max_connections = 0
"#,
        &expect![[r#"
            line 3: `input[0].labels` is missing; want at least `{ service = "…" }`
            line 4: `input[0].encoding` is `latin-1`, but must be one of `utf-8`, `utf-16le`, `utf-16be`, `windows-1251`, `koi8-r`, `cp866`
            line 5: `input[0].start` is `yesterday`, but must be `head`, `end`, a time such as `2026-11-01T00:00:00Z` or a duration such as `2d`
            line 6: `input[0].path_labels` names no label; want `/var/log/{service}.log` or a pattern with `(?<service>…)`
            line 7: `input[0].join` has `cobol`, which is none of `java`, `csharp`, `python`, `go`
            line 8: `input[0].join_start` is no pattern: unclosed group
            line 9: `input[0].join_max_bytes` must be 1KiB to 1MiB
            line 10: `input[0].regexp` names no group; want `(?<name>…)`
            line 11: `input[0].label_fields.1` is not a label name: letters, digits and `_`, no digit first
            line 13: `input[0].rule[0].name` stands over a rule without a condition; want `regexp`, `fields` or `max_level`
            line 14: `input[0].rule[0].keep` must be 0 to 1
            line 15: `input[0].rule[0].max_level` is `loud`, which is no level
            line 17: `input[1].tcp` is missing, and so is `udp`; want an address such as "127.0.0.1:514"
            line 18: `input[1].paths` is not a known key
            line 22: `input[2].command` names no program
            line 25: `input[3].tcp` is missing; want an address and port such as "127.0.0.1:3100"
            line 26: `input[3].shared_key_file` cannot be read: No such file or directory (os error 2)
            line 28: `input[3].max_connections` must be 1 to 10000"#]],
    );
}

#[test]
fn what_only_one_input_can_have_is_not_given_to_two() {
    let table = |kind: &str, more: &str| format!("[[input]]\nkind = \"{kind}\"\nlabels = {{ env = \"p\" }}\n{more}\n");
    let text = [
        table("journal", ""),
        table("journal", "units = [\"shop.service\"]"),
        table("journal", "name = \"shop\""),
        table("stdin", ""),
        table("stdin", ""),
        table("syslog", "tcp = \"127.0.0.1:514\"\nudp = \"127.0.0.1:514\""),
        table("syslog", "udp = \"0.0.0.0:514\"\ntcp = \"127.0.0.2:514\""),
        table("forward", "tcp = \"127.0.0.1:514\"\nheartbeat = true"),
        table("forward", "tcp = \"127.0.0.1:0\""),
        table("forward", "tcp = \"127.0.0.1:0\""),
    ];
    check(
        &text.concat(),
        &expect![[r#"
            line 6: `input[1].name` is `journal`, as is that of `input[0]`, so both would share one place; give each a `name` of its own
            line 18: `input[4].kind` is `stdin`, which `input[3]` reads already; leave one of them out
            line 29: `input[6].udp` is `0.0.0.0:514`, which `input[5]` takes; give each an address of its own
            line 34: `input[7].tcp` is `127.0.0.1:514`, which `input[5]` takes; give each an address of its own
            line 35: `input[7].heartbeat` is `127.0.0.1:514`, which `input[5]` takes; give each an address of its own"#]],
    );
}

#[test]
fn no_input_takes_the_address_of_the_agent_itself() {
    let table = |kind: &str, more: &str| format!("[[input]]\nkind = \"{kind}\"\nlabels = {{ env = \"p\" }}\n{more}\n");
    let text = [
        "listen = \"127.0.0.1:9311\"\n".to_owned(),
        table("syslog", "tcp = \"[::]:9311\"\nudp = \"[::]:9311\""),
        table("forward", "tcp = \"127.0.0.1:9311\""),
        table("syslog", "tcp = \"0.0.0.0:5140\"\nudp = \"0.0.0.0:9311\""),
        table("syslog", "tcp = \"[::]:5140\"\nudp = \"[::1]:5140\""),
        table("forward", "tcp = \"[::1]:5140\""),
        table("forward", "tcp = \"[::ffff:127.0.0.1]:5140\""),
    ];
    check(
        &text.concat(),
        &expect![[r#"
        line 5: `input[0].tcp` is `[::]:9311`, which `listen` takes; give each an address of its own
        line 10: `input[1].tcp` is `127.0.0.1:9311`, which `listen` takes; give each an address of its own
        line 15: `input[2].udp` is `0.0.0.0:9311`, which `input[0]` takes; give each an address of its own
        line 19: `input[3].tcp` is `[::]:5140`, which `input[2]` takes; give each an address of its own
        line 28: `input[5].tcp` is `[::ffff:127.0.0.1]:5140`, which `input[2]` takes; give each an address of its own"#]],
    );
}
