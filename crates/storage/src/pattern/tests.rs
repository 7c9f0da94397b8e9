//! Patterns that are learned, and verdicts against the lines themselves.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use regex::bytes::Regex;
use stdx::Rng;

use super::{FILE_BYTES, Judge, Patterns, Test};
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
    let lines = ["plain text", "with <_> in it", "and <...> in it"].map(str::to_owned);
    assert_eq!(texts(&learned(&lines)), [Some("plain text".to_owned()), None, None]);
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
    let words = ["a", "ab", "status", "200", "404", "2001", "заказ", "x_1", "deadbeef01", "7", "77777", "é"];
    let between = [" ", "=", ".", "<", ">", "<_", "\"", ": ", "\n"];
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
