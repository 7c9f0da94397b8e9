//! Lines in each shape, where a terminal shows them and where it does not.

use super::*;

const AT: i64 = 1_795_694_400_123_456_789;
const HOSTILE: &str = "a\u{1b}[2J\u{9b}1m\n\tat b";

fn output(shape: Shape) -> Output {
    Output {
        output: shape,
        no_labels: false,
        include_label: Vec::new(),
        exclude_label: Vec::new(),
        quiet: false,
        zone: Some("UTC".to_owned()),
    }
}

fn printer(output: &Output, is_seen: bool) -> Printer<'_> {
    Printer {
        output,
        words: Language::English,
        zone: time::zone(output.zone()).unwrap(),
        colours: false,
        is_seen,
        waiting: Vec::new(),
        waits: false,
        common: BTreeMap::new(),
        printed: 0,
        newest: 0,
        rest: Vec::new(),
        cut: None,
        cost: None,
        progress: None,
    }
}

fn line(text: &str) -> Line {
    Line { time: AT, labels: BTreeMap::from([("app".to_owned(), "a".to_owned())]), text: text.to_owned() }
}

#[track_caller]
fn check(shape: Shape, is_seen: bool, text: &str, want: &str) {
    assert_eq!(printer(&output(shape), is_seen).shaped(line(text)), want, "{shape:?}");
}

#[test]
fn times_are_exact_for_programs_and_short_for_people() {
    check(Shape::Default, false, "x", r#"2026-11-26T12:00:00.123+00:00 {app="a"} x"#);
    check(Shape::Raw, false, "x", "x");
    let object = r#"{"labels":{"app":"a"},"line":"x","timestamp":"2026-11-26T12:00:00.123456789+00:00"}"#;
    check(Shape::Jsonl, false, "x", object);
    check(Shape::Json, false, "x", object);
    check(Shape::Csv, false, "x", r#""2026-11-26T12:00:00.123456789+00:00","{app=""a""}","x""#);
}

#[test]
fn a_terminal_is_not_commanded_by_lines_unless_they_are_asked_for_raw() {
    let people = r#"2026-11-26T12:00:00.123+00:00 {app="a"} "#;
    check(Shape::Default, true, HOSTILE, &format!("{people}{}", "a\\x1b[2J\\x9b1m\n\tat b"));
    check(Shape::Raw, true, HOSTILE, HOSTILE);
    check(Shape::Default, false, HOSTILE, &format!("{people}{HOSTILE}"));
    for shape in [Shape::Table, Shape::Csv, Shape::Json, Shape::Jsonl] {
        let shown = printer(&output(shape), true).shaped(line(HOSTILE));
        assert!(!shown.contains(['\u{1b}', '\u{9b}']), "{shape:?}: {shown:?}");
    }
    let shown = printer(&output(Shape::Jsonl), true).shaped(line(HOSTILE));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["line"], HOSTILE, "the same line for programs");
}

#[test]
fn names_of_labels_command_no_terminal_either_and_colours_are_ours() {
    let output = output(Shape::Default);
    let printer = Printer { colours: true, ..printer(&output, true) };
    let labels = BTreeMap::from([("app".to_owned(), "\u{9b}31m".to_owned())]);
    let shown = printer.shaped(Line { time: AT, labels, text: "x".to_owned() });
    assert_eq!(shown, "\u{1b}[2m2026-11-26T12:00:00.123+00:00\u{1b}[0m \u{1b}[36m{app=\"\\x9b31m\"}\u{1b}[0m x");
}

#[test]
fn an_empty_list_is_whole_in_every_shape() {
    for (shape, want) in
        [(Shape::Csv, "timestamp,labels,line\n"), (Shape::Json, "[]\n"), (Shape::Jsonl, ""), (Shape::Default, "")]
    {
        assert_eq!(printer(&output(shape), false).end(), want, "{shape:?}");
    }
    let csv = output(Shape::Csv);
    assert_eq!(Printer { printed: 1, ..printer(&csv, false) }.end(), "", "the heading stands over the first line");
}

#[test]
fn what_answers_cost_is_added_up_and_not_printed() {
    let output = output(Shape::Raw);
    let mut printer = printer(&output, false);
    assert_eq!(printer.cost, None);
    for _ in 0..2 {
        printer.add(b"{\"stats\":{\"summary\":{\"totalLinesProcessed\":2}}}\n").unwrap();
    }
    let mut want = Cost::default();
    want.add(&json!({"summary": {"totalLinesProcessed": 4}}));
    assert_eq!((printer.cost, printer.printed), (Some(want), 0));
    assert!(printer.add(b"{\"error\":\"too much\"}\n").is_err());
}
