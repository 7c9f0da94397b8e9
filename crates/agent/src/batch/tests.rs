//! Lines in; what stands in the push request out.

use ingest::loki::{Context, Version, decode};
use ingest::{Limits, Masking};
use stdx::{Clock, SystemClock};

use super::*;
use crate::config::{Config, Kind};
use crate::lines::Treating;

/// Entries of lines of an input with these settings: labels, metadata, text.
fn shipped(settings: &str, lines: &[(&str, &[(&str, &str)])]) -> Vec<String> {
    let text =
        format!("state_dir = \"/tmp/state\"\n[[input]]\nkind = \"stdin\"\nlabels = {{ service = \"s\" }}\n{settings}");
    let config = Config::load(&text, []).unwrap();
    assert!(matches!(config.inputs[0].kind, Kind::Stdin));
    let treating = Arc::new(Treating::of(&config.inputs[0]));
    let source = Source { labels: config.inputs[0].labels.clone(), treating };
    let masker = Masker::new(&mask::Config::default()).unwrap();
    let treatment = Treatment { masker, reader: logline::Reader::default(), present: Present::default() };
    let mut batch = Batch::new(Arc::new(treatment), 1 << 20, Timestamp(1), SystemClock.instant());
    for (text, metadata) in lines {
        let metadata: Vec<_> = metadata.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        batch.line(&source, &Line { bytes: text.as_bytes(), metadata: &metadata, ..Line::default() });
    }
    let body = batch.finish(Timestamp(1), Vec::new(), Vec::new()).body;
    let limits = Limits { discover_log_levels: false, discover_service_name: Vec::new(), ..Limits::default() };
    let context = Context { limits: &limits, masking: &Masking::Off, now: Timestamp(1) };
    let decoded = decode(Some("application/x-protobuf"), None, &body, Version::V1, &context).unwrap();
    assert!(decoded.rejected.is_empty(), "{}", decoded.rejected);
    let mut out = Vec::new();
    for stream in decoded.streams {
        for entry in stream.entries {
            let pairs: String = entry.metadata.iter().map(|(name, value)| format!("{name}={value} ")).collect();
            out.push(format!("{} {pairs}| {}", stream.labels, entry.line));
        }
    }
    out
}

#[test]
fn metadata_is_masked_by_the_names_it_came_with() {
    let given = [
        ("пароль", "oTPW6RvD9s2t"),
        ("фио", "Щукин"),
        ("секрет", "LeakA1234567"),
        ("цех", "7"),
        ("вес", "9"),
        ("a.b", "1"),
        ("a_b", "2"),
    ];
    let want = "{service=\"s\"} a_b=2 a_b_2=1 fio=<name> parol=<secret> sekret=<secret> tsekh=7 ves=9 | m";
    assert_eq!(shipped("", &[("m", &given)]), [want]);
}

#[test]
fn labels_and_metadata_from_fields_are_masked_by_both_names() {
    let settings = "metadata_fields = { ref = \"password\", who = \"фио\", password = \"plain\" }\n\
                    label_fields = { usr = \"full_name\", tok = \"access_token\", kind = \"t.k\" }";
    let json = r#"{"password":"MapSecret991","фио":"Иван Щукин","full_name":"Пётр Мапов","access_token":"MapTok993","plain":"x"}"#;
    let masked = r#"{"password":"<secret>","фио":"<name>","full_name":"<name>","access_token":"<secret>","plain":"x"}"#;
    let labels = r#"{kind="a", service="s", tok="<secret>", usr="<name>"}"#;
    let pairs = "password=<secret> ref=<secret> t_k=a who=<name>";
    let given: &[(&str, &str)] = &[("t.k", "a")];
    assert_eq!(shipped(settings, &[(json, given)]), [format!("{labels} {pairs} | {masked}")]);
    // Settings may name a pair as it is kept; it is still masked by the name that it came with.
    let given: &[(&str, &str)] = &[("пароль", "MapSecret992"), ("db.пароль", "MapSecret993"), ("фио", "Козявкин Пётр")];
    let settings_of_kept = "metadata_fields = { m = \"parol\", n = \"fio\" }\nlabel_fields = { d = \"db_parol\" }";
    let shipped_of_kept = shipped(settings_of_kept, &[("m", given)]);
    assert!(shipped_of_kept[0].starts_with(r#"{d="<secret>", service="s"} "#), "{shipped_of_kept:?}");
    assert!(shipped_of_kept[0].contains("m=<secret> n=<name>"), "{shipped_of_kept:?}");
    let logfmt = r#"level=info msg=x password=MapSecret991 full_name="Пётр Мапов" access_token=MapTok993"#;
    let shipped = shipped(settings, &[(logfmt, &[])]);
    assert!(shipped[0].starts_with(r#"{service="s", tok="<secret>", usr="<name>"} ref=<secret> |"#), "{shipped:?}");
}

#[test]
fn what_stands_beside_a_value_counts_for_labels_and_metadata_too() {
    let settings = "metadata_fields = { num = \"number\" }\nlabel_fields = { no = \"number\" }";
    let json = r#"{"type":"passport","number":"4511 123456"}"#;
    let want = r#"{no="<passport>", service="s"} num=<passport> | {"type":"passport","number":"<passport>"}"#;
    assert_eq!(shipped(settings, &[(json, &[])]), [want]);
    let given: &[(&str, &str)] = &[("number", "4511 123458"), ("type", "passport")];
    assert_eq!(shipped("", &[("m", given)]), [r#"{service="s"} number=<passport> type=passport | m"#]);
    let want = r#"{no="<passport>", service="s"} num=<passport> number=<passport> type=passport | m"#;
    assert_eq!(shipped(settings, &[("m", given)]), [want]);
}

#[test]
fn groups_of_a_pattern_are_masked_in_the_text_as_in_metadata() {
    let settings = r#"regexp = '^(?<who>\S+) pw=(?<pwd>\S+) doc (?<kind>\w+) (?<num>\d{4} \d{6}) (?<method>\w+)'
label_fields = { method = "method", login = "pwd" }"#;
    let line = "shop pw=RePass881 doc passport 4511 123456 GET";
    let want = "{login=\"<secret>\", method=\"GET\", service=\"s\"} kind=passport method=GET pwd=<secret> who=shop \
                | shop pw=<secret> doc passport <passport> GET";
    assert_eq!(shipped(settings, &[(line, &[])]), [want]);
}

#[test]
fn pairs_beyond_what_a_server_takes_stand_together_in_one() {
    let names: Vec<_> = (0..200).map(|n| format!("f{n:03}")).collect();
    let mut given: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    given.push(("пароль", "oTPW6RvD9s2t"));
    let shipped = shipped("", &[("m", &given)]);
    assert!(shipped[0].contains("f126=v other_fields={\"f127\":\"v\","), "{shipped:?}");
    assert!(shipped[0].contains("\"f199\":\"v\",\"пароль\":\"<secret>\"} | m"), "{shipped:?}");
    assert_eq!(shipped[0].matches("=v ").count(), 127);
}
