//! Patterns that are learned, and verdicts against the lines themselves.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use regex::bytes::Regex;
use stdx::Rng;

use super::{FILE_BYTES, Judge, Patterns, StandIns, Test, patterns};
use crate::index::Builder;
use crate::logs::{PATTERN, text_dictionary};

/// The pattern of each line, as one batch.
fn learned(lines: &[String]) -> RecordBatch {
    let (mut words, mut patterns) = (Builder::default(), Patterns::default());
    lines.iter().for_each(|line| words.add_line(line, &mut patterns));
    let schema = Schema::new(vec![Field::new(PATTERN, text_dictionary(), true)]);
    RecordBatch::try_new(Arc::new(schema), vec![patterns.column().unwrap()]).unwrap()
}

fn texts(rows: &RecordBatch) -> Vec<Option<String>> {
    let column = rows.column(0).as_dictionary::<Int32Type>();
    let texts = column.downcast_dict::<arrow::array::StringArray>().unwrap();
    texts.into_iter().map(|text| text.map(str::to_owned)).collect()
}

fn calls(count: usize) -> Vec<String> {
    let call = |n: usize| {
        let (order, status) = (100_000 + n * 7, [200, 200, 200, 404, 503][n % 5]);
        format!(
            "[2026-09-21T14:15:{:02}Z][RESP][GET /orders] order_id={order} http_status={status} duration_ms={}",
            n % 60,
            n % 977
        )
    };
    (0..count).map(call).collect()
}

#[test]
fn words_of_few_stay_and_those_of_many_do_not() {
    let rows = learned(&calls(2_000));
    let last = texts(&rows).pop().unwrap().unwrap();
    assert_eq!(last, "[<_>-<_>-<_>:<_>:<_>][RESP][GET /orders] order_id=<_> http_status=503 duration_ms=<_>");
}

#[test]
fn conditions_are_decided_where_patterns_can() {
    let lines = calls(2_000);
    let rows = learned(&lines);
    let all = BooleanBuffer::new_set(rows.num_rows());
    let open = |test: &Test| {
        let verdicts = Judge::default().judge(test, &rows, &all).unwrap();
        (verdicts.kept.count_set_bits(), verdicts.open.count_set_bits())
    };
    let has = |text: &str| Test::contains(text.as_bytes()).unwrap();
    assert_eq!(open(&has("http_status=200")), (1_200, 0));
    assert_eq!(open(&Test::Not(Box::new(has("http_status=200")))), (800, 0));
    assert_eq!(open(&Test::regex("status=(404|503) d").unwrap()), (800, 0));
    assert_eq!(open(&has("nosuchword anywhere")), (0, 0));
    // What stands in a place of many words only the line can tell.
    assert!(open(&has("order_id=100007 ")).1 > 1_900);
    let both = Test::All(vec![has("http_status=200"), has("duration_ms=976")]);
    assert!(open(&both).1 <= 1_200);
    assert_eq!(open(&Test::Any(vec![has("RESP"), has("duration_ms=976")])), (2_000, 0));
    assert_eq!(open(&Test::All(vec![has("[REQ]"), Test::Open])), (0, 0));
}

#[test]
fn a_line_with_a_mark_of_its_own_has_no_pattern() {
    let lines = ["plain text", "with <_> in it", "and <...> in it", "and <#> in it"].map(str::to_owned);
    assert_eq!(texts(&learned(&lines)), [Some("plain text".to_owned()), None, None, None]);
}

#[test]
fn long_lines_have_the_pattern_of_their_beginning() {
    let lines = vec![format!("begins so {}", "and goes on ".repeat(400))];
    let rows = learned(&lines);
    let text = texts(&rows).pop().unwrap().unwrap();
    assert!(text.starts_with("begins so and goes on") && text.ends_with("<...>") && text.len() < 2_060, "{text}");
    let all = BooleanBuffer::new_set(1);
    let verdict = |text: &str| {
        let verdicts = Judge::default().judge(&Test::contains(text.as_bytes()).unwrap(), &rows, &all).unwrap();
        (verdicts.kept.value(0), verdicts.open.value(0))
    };
    assert_eq!(verdict("begins so and"), (true, false));
    assert_eq!(verdict("somewhere later"), (false, true));
}

#[test]
fn lines_of_many_fields_share_patterns_in_the_end() {
    let mut rng = Rng::seeded(5);
    let mut field = |name: usize| format!("\"f{name}\":\"{}\"", rng.pick(&["one", "two", "three", "four"]).unwrap());
    let lines: Vec<String> =
        (0..4_000).map(|_| format!("{{{}}}", (0..40).map(&mut field).collect::<Vec<_>>().join(","))).collect();
    let rows = learned(&lines);
    let distinct: std::collections::BTreeSet<_> = texts(&rows).into_iter().flatten().collect();
    assert!(distinct.len() < 300, "{} patterns", distinct.len());
    let last = texts(&rows).pop().unwrap().unwrap();
    assert!(last.starts_with("{\"f0\":\"<_>\",\"f1\":\"<_>\","), "{last}");
}

#[test]
fn patterns_of_a_file_are_bounded() {
    let mut rng = Rng::seeded(3);
    let word = |rng: &mut Rng| (0..40).map(|_| char::from(b'a' + u8::try_from(rng.below(26)).unwrap())).collect();
    let line = |rng: &mut Rng| (0..8).map(|_| word(rng)).collect::<Vec<String>>().join("\u{1}");
    // Between the words stands something else each time, so that every context is new.
    let lines: Vec<String> = (0..9_000).map(|n| line(&mut rng).replace('\u{1}', &".".repeat(n % 97 + 1))).collect();
    let rows = learned(&lines);
    let column = rows.column(0).as_dictionary::<Int32Type>();
    assert!(column.values().as_string::<i32>().value_data().len() <= FILE_BYTES);
}

/// Lines of a few words, separators and other scripts, so that conditions often meet the border of a mark.
fn random_line(rng: &mut Rng) -> String {
    let words = ["a", "ab", "status", "200", "404", "2001", "заказ", "x_1", "deadbeef01", "7", "77777", "0770", "é"];
    let between = [" ", "=", ".", "/", "<", ">", "<_", "\"", ": ", "\":", "\";", "\": -", "\":!", "\":,", "\n"];
    let mut line = String::new();
    for _ in 0..rng.below(9) {
        line.push_str(rng.pick(&words).unwrap());
        if rng.chance(0.3) {
            line.push_str(&rng.below(500).to_string());
        }
        line.push_str(rng.pick(&between).unwrap());
    }
    line
}

#[test]
fn no_verdict_is_wrong() {
    let mut rng = Rng::seeded(17);
    let expressions = [
        "200",
        "status=200",
        "^a",
        "a$",
        "a.b",
        "[0-9]{3}",
        "(?i)STATUS",
        r"\bab\b",
        r"(?-u:\bab\b)",
        "заказ",
        "a*",
        "^$",
        "^.*$",
        r"status[=:]\s*(200|404)",
        "(?s)a.*7",
        r"\w+=\d+",
        "x_1 ",
        "<_>",
        "z",
        r"[^\n]",
        r"\p{Cyrillic}",
        "e|é",
        r"77*\.",
        "(?m)^ab",
        r"\z",
        "[^a]7",
    ];
    let (mut decided, mut asked) = (0, 0);
    for _ in 0..60 {
        let lines: Vec<String> = (0..200).map(|_| random_line(&mut rng)).collect();
        let rows = learned(&lines);
        let all = BooleanBuffer::new_set(lines.len());
        for expression in expressions {
            let (regex, test) = (Regex::new(expression).unwrap(), Test::regex(expression).unwrap());
            for negated in [false, true] {
                let test = if negated { Test::Not(Box::new(test.clone())) } else { test.clone() };
                let verdicts = Judge::default().judge(&test, &rows, &all).unwrap();
                for (row, line) in lines.iter().enumerate() {
                    let (kept, open) = (verdicts.kept.value(row), verdicts.open.value(row));
                    assert!(!(kept && open));
                    assert!(
                        open || kept == (regex.is_match(line.as_bytes()) != negated),
                        "`{expression}` (negated: {negated}) on {line:?} of pattern {:?}",
                        texts(&rows)[row]
                    );
                    decided += usize::from(!open);
                    asked += 1;
                }
            }
        }
    }
    assert!(decided * 2 > asked, "{decided} of {asked} decided");
}

#[test]
fn decimals_that_json_takes_for_a_number_have_a_mark_of_their_own() {
    let line = |n: usize| {
        let n = 10_000 + n * 13;
        format!(r#"{{"id":{n},"sum": -{n}.0{n},"code":"{n}","zip":0{n},"hex":{n}ab,"at":{n}:{n},"v":1.{n}.{n}}}"#)
    };
    let rows = learned(&(0..40).map(line).collect::<Vec<_>>());
    let last = texts(&rows).pop().unwrap().unwrap();
    assert_eq!(last, r#"{"id":<#>,"sum": -<#>.<#>,"code":"<_>","zip":<_>,"hex":<_>,"at":<#>:<_>,"v":1.<#>.<_>}"#);
}

/// An object of a few members, now and then with one more, one less, or something in it that is no JSON.
fn random_object(rng: &mut Rng, depth: usize) -> String {
    let mut members = Vec::new();
    for name in ["to", "id", "order", "to_x", "имя", "a b", "note"] {
        if rng.chance(0.1) {
            continue;
        }
        let number = rng.below(100_000);
        let value = match rng.below(12) {
            0 | 1 if depth < 2 => random_object(rng, depth + 1),
            0..=3 => format!("\"{}\"", rng.pick(&["PAID", "NEW", "заказ", "x", ""]).unwrap()),
            4 => format!("\"{number}ab {number}\""),
            5 => format!("\"say \\\"{number}\\\" \\n{number}ff\""),
            6 => number.to_string(),
            7 => format!("-{number}.{number:05}"),
            8 => (*rng.pick(&["true", "null", "12e5", "1E-3"]).unwrap()).to_owned(),
            9 => format!("[{number},\"{number}\"]"),
            10 => (*rng.pick(&["0123", "nul", "12.", "\"\\x\"", "\"\\u00e9\""]).unwrap()).to_owned(),
            _ => format!("\"{number}\""),
        };
        members.push(format!("\"{name}\":{}{value}", rng.pick(&["", "", " "]).unwrap()));
    }
    format!("{{{}}}", members.join(","))
}

/// What the members of an object say, by their names joined as `json` of LogQL joins them.
fn members(value: &serde_json::Value, name: &str, into: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(all) => {
            for (own, value) in all {
                let own: String = own.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                let name = if name.is_empty() { own } else { format!("{name}_{own}") };
                members(value, &name, into);
            }
        }
        value => into.push((name.to_owned(), value.to_string())),
    }
}

#[test]
fn what_stands_for_a_line_says_the_same() {
    let mut rng = Rng::seeded(23);
    let mut stood = 0;
    for _ in 0..40 {
        let lines: Vec<String> = (0..300).map(|_| random_object(&mut rng, 0)).collect();
        let rows = learned(&lines);
        let (texts, key) = patterns(&rows).unwrap();
        for wanted in [vec!["to"], vec!["order_id"], vec!["id", "note"], vec!["to_x", "order_to"], vec!["a_b"]] {
            let names: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            let mut stand_ins = StandIns::default();
            for (row, line) in lines.iter().enumerate() {
                let Some(other) = key(row).and_then(|key| stand_ins.of(&names, texts, key)) else { continue };
                let told = |line: &str| {
                    let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
                    let mut all = Vec::new();
                    members(&value, "", &mut all);
                    all.retain(|(name, _)| wanted.contains(&name.as_str()));
                    all
                };
                assert_eq!(told(&other), told(line), "{line}\n{other}");
                stood += 1;
            }
        }
    }
    assert!(stood > 1_000, "{stood}");
}
