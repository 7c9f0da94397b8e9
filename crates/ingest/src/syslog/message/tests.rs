//! Messages as programs and devices send them.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// 2026-01-02T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_312_000_000_000_000);

#[track_caller]
fn check(text: &str, want: &Expect) {
    let entry = message(text.as_bytes(), &TimeZone::UTC, NOW);
    let time = jiff::Timestamp::from(entry.timestamp);
    let pairs: Vec<_> = entry.metadata.iter().map(|(name, value)| format!("{name}={value}")).collect();
    want.assert_eq(&format!("{time} {} | {}", pairs.join(" "), entry.line));
}

#[test]
fn the_new_form_with_everything_and_with_nothing() {
    check(
        r#"<165>1 2025-10-11T22:14:15.003000123Z mymachine.example.com evntslog 77 ID47 [exampleSDID@32473 iut="3" eventSource="Appl\"ic\]ation"][x@1 y="z"] An application event"#,
        &expect![
            "2025-10-11T22:14:15.003000123Z app=evntslog exampleSDID_eventSource=Appl\"ic]ation exampleSDID_iut=3 facility=local4 host=mymachine.example.com level=info msgid=ID47 pid=77 x_y=z | An application event"
        ],
    );
    check("<0>1 - - - - - -", &expect!["2026-01-02T00:00:00Z facility=kern level=fatal | "]);
    check(
        "<11>1 2025-12-31T23:00:00+03:00 h a - - - \u{feff}ошибка",
        &expect!["2025-12-31T20:00:00Z app=a facility=user host=h level=error | ошибка"],
    );
    check(
        "<14>1 2025-12-31T23:00:00Z h a - - -  blank",
        &expect!["2025-12-31T23:00:00Z app=a facility=user host=h level=info | blank"],
    );
    check(
        r#"<14>1 2025-12-31T23:00:00Z h a - - [broken x="y] text"#,
        &expect![[r#"2025-12-31T23:00:00Z app=a facility=user host=h level=info | [broken x="y] text"#]],
    );
}

#[test]
fn the_old_form_takes_the_year_nearest_to_now() {
    check(
        "<34>Dec 31 22:14:15 mymachine su[12]: failed on /dev/pts/8",
        &expect![
            "2025-12-31T22:14:15Z app=su facility=auth host=mymachine level=critical pid=12 | failed on /dev/pts/8"
        ],
    );
    check(
        "<34>Jan  3 01:02:03 host cron: run",
        &expect!["2026-01-03T01:02:03Z app=cron facility=auth host=host level=critical | run"],
    );
    check(
        "<13>Jan  1 01:02:03 su: no host",
        &expect!["2026-01-01T01:02:03Z app=su facility=user level=info | no host"],
    );
    check(
        "<13>Jan  1 01:02:03 host no tag here",
        &expect!["2026-01-01T01:02:03Z facility=user host=host level=info | no tag here"],
    );
    check(
        "<13>2026-01-01T10:00:00.5+03:00 host app: iso time",
        &expect!["2026-01-01T07:00:00.5Z app=app facility=user host=host level=info | iso time"],
    );
    check(
        "<13>Feb 30 01:02:03 host a: b",
        &expect!["2026-01-02T00:00:00Z facility=user level=info | Feb 30 01:02:03 host a: b"],
    );
}

#[test]
fn devices_have_their_own_ways() {
    check(
        "<190>123: *Jan  1 18:46:11.123: %SYS-5-CONFIG_I: Configured from console",
        &expect!["2026-01-01T18:46:11.123Z facility=local7 level=info | %SYS-5-CONFIG_I: Configured from console"],
    );
    check(
        "<189>45: router1: Jan  1 2025 18:46:11 UTC: %LINK-3-UPDOWN: down",
        &expect!["2025-01-01T18:46:11Z facility=local7 level=info | %LINK-3-UPDOWN: down"],
    );
    check("<13>just text", &expect!["2026-01-02T00:00:00Z facility=user level=info | just text"]);
    check("<999>not a priority", &expect!["2026-01-02T00:00:00Z  | <999>not a priority"]);
    check("no priority at all", &expect!["2026-01-02T00:00:00Z  | no priority at all"]);
    check(r#"<13>{"msg":"json"}"#, &expect![[r#"2026-01-02T00:00:00Z facility=user level=info | {"msg":"json"}"#]]);
}

proptest! {
    #[test]
    fn no_message_panics_and_metadata_is_sorted(text in "(<[0-9]{1,3}>)?(1 )?.{0,60}") {
        let entry = message(text.as_bytes(), &TimeZone::UTC, NOW);
        prop_assert!(entry.metadata.is_sorted());
    }
}
