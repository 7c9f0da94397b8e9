//! Cases and laws of rules for free text.

use proptest::prelude::*;

use super::*;
use crate::{Context, Format, Reader, Record, reader};

/// Parts of `Order <order_id> moved to <to>`.
fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, piece) in pattern.split(['<', '>']).enumerate() {
        match (index % 2, piece) {
            (0, "") => {}
            (0, literal) => parts.push(Part::Literal(literal.to_owned())),
            (_, "_") => parts.push(Part::Capture(None)),
            (_, name) => parts.push(Part::Capture(Some(name.to_owned()))),
        }
    }
    parts
}

fn rule(services: &[&str], pattern: &str, set: &[(&str, &str)]) -> Result<Rule, Vec<(String, String)>> {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Rule::new(services.iter().map(|&service| service.to_owned()).collect(), parts(pattern), set)
}

fn reader(rules: impl IntoIterator<Item = Rule>) -> Reader {
    Reader::new(reader::Config { extraction: rules.into_iter().collect(), ..reader::Config::default() })
}

fn told(record: &Record<'_>) -> String {
    let kind = record.kind().map_or("-", Kind::as_str);
    let fields = record.fields().iter().map(|field| format!(" {}={}", field.key, field.value.as_str()));
    format!("{} {kind} <{}>{}", record.format().as_str(), record.endpoint(), fields.collect::<String>())
}

#[track_caller]
fn check(pattern: &str, line: &str, want: &str) {
    let reader = reader([rule(&[], pattern, &[]).unwrap()]);
    assert_eq!(told(&reader.read(line, &Context::default())), want, "{pattern} in {line}");
}

#[test]
fn what_a_pattern_captures_are_facts() {
    let moved = "Order <order_id> moved to <to>";
    let want = "extracted STATUS <order> order_id=4711 to=PAID";
    check(moved, "Order 4711 moved to PAID", want);
    check(moved, "12:00:01 INFO [worker-3] Order 4711 moved to PAID.", want);
    check(moved, "Order 4711 moved to PAID by anna", want);
    check("заказ <order_id> → <to>", "INFO заказ 4711 → PAID!", want);
    check("order=<order_id>,to=<to>;", "x: order=4711,to=PAID; done", want);
    check("<order_id>/<to> done", "at 4711/PAID done", want);
    check(
        "model <model_id>: <from> … <to>",
        "model m-9: UPLOADED … CHECKED",
        "extracted STATUS <model> model_id=m-9 from=UPLOADED to=CHECKED",
    );
    check(
        "\"<method> <path> HTTP/<_>\" <http_status> <_> order <order_id> is <status>",
        "10.0.0.1 - \"POST /orders/4711/pay HTTP/1.1\" 503 17ms order 4711 is PAID",
        "extracted RESP <POST /orders/{id}/pay> path=/orders/4711/pay http_status=503 order_id=4711 status=PAID",
    );
    check(
        "order <order_id> failed: <error>",
        "order 4711 failed: no answer within 1 s ",
        "extracted - <> order_id=4711 error=no answer within 1 s",
    );
}

#[test]
fn a_place_that_does_not_fit_is_passed_over() {
    let want = "extracted STATUS <order> order_id=4711 to=PAID";
    check("Order <order_id> moved to <to>", "Order of things: Order 4711 moved to PAID", want);
    check("Order <order_id> moved to <to>", "Order 12 moved away, Order 4711 moved to PAID", want);
    check("<_> order <order_id> is <to>", "the order of order 4711 is PAID", want);
    for line in ["Order 4711 moved to ", "Order  moved to PAID", "Order 4 711 moved to PAID", "", "Order"] {
        check("Order <order_id> moved to <to>", line, "unknown - <>");
    }
    let long = format!("Order {} moved to PAID", "1".repeat(300));
    check("Order <order_id> moved to <to>", &long, "unknown - <>");
}

#[test]
fn the_first_rule_that_fits_holds_for_the_services_it_names() {
    let reader = reader([
        rule(&["shop", "crm"], "Order <order_id> paid", &[("from", "NEW"), ("to", "PAID")]).unwrap(),
        rule(&[], "Order <order_id> <to>", &[]).unwrap(),
    ]);
    let read = |service| told(&reader.read_of(service, "Order 7 paid", &Context::default()));
    assert_eq!(read("crm"), "extracted STATUS <order> order_id=7 from=NEW to=PAID");
    assert_eq!(read("mes"), "extracted STATUS <order> order_id=7 to=paid");
    assert_eq!(read(""), read("mes"));
}

#[test]
fn what_has_facts_of_its_own_is_read_as_before() {
    let with = reader([rule(&[], "order <order_id> moved to <to>", &[]).unwrap()]);
    for line in [
        "[2026-03-01T12:00:00Z][REQ][GET /x] msg=\"order 5 moved to PAID\"",
        r#"{"order_id":"4","status":"NEW","msg":"order 5 moved to PAID"}"#,
        r#"{"statusCode":200,"msg":"order 5 moved to PAID"}"#,
        r#"level=info order_id=4 status=NEW msg="order 5 moved to PAID""#,
    ] {
        let context = Context::default();
        assert_eq!(with.read(line, &context), Reader::default().read(line, &context), "{line}");
    }
}

#[test]
fn a_message_inside_json_or_logfmt_is_free_text_too() {
    let reader = reader([rule(&[], "order <order_id> \"moved\" to <to>", &[]).unwrap()]);
    let read = |line| told(&reader.read(line, &Context::default()));
    assert_eq!(
        read(r#"{"level":"warn","message":"order 5 \"moved\" to PAID"}"#),
        "json STATUS <order> level=warn msg=order 5 \"moved\" to PAID order_id=5 to=PAID"
    );
    assert_eq!(
        read(r#"level=warn msg="order 5 \"moved\" to PAID""#),
        "logfmt STATUS <order> level=warn msg=order 5 \"moved\" to PAID order_id=5 to=PAID"
    );
}

#[test]
fn the_level_is_what_a_rule_says_or_what_the_words_say() {
    let level = |pattern, set: &[(&str, &str)], line| {
        let reader = reader([rule(&[], pattern, set).unwrap()]);
        let record = reader.read(line, &Context::default());
        assert_eq!(record.format(), Format::Extracted, "{line}");
        record.level().as_str()
    };
    assert_eq!(level("order <order_id>", &[("level", "error")], "order 5"), "error");
    assert_eq!(level("order <order_id> broke: <error>", &[], "order 5 broke: glass"), "error");
    assert_eq!(level("order <order_id>", &[], "12:00 WARN order 5"), "warn");
    assert_eq!(level("order <order_id>", &[], "order 5"), "unknown");
}

#[test]
fn what_is_wrong_with_a_rule_is_told_at_once() {
    let wrong = |pattern, set: &[(&str, &str)]| {
        let problems = rule(&[], pattern, set).unwrap_err();
        problems.into_iter().map(|(place, text)| format!("{place} {text}\n")).collect::<String>()
    };
    let told = wrong("Order <orderr> moved to <to>", &[("kind", "EVENT"), ("statuss", "x"), ("to", "x")]);
    for want in [
        "pattern captures `orderr`, which is no fact; there are time, kind, endpoint,",
        "set.kind is `EVENT`, which is no value of it",
        "set.statuss is no fact",
        "set.to is captured by the pattern as well",
        "pattern has `to` but does not say of which order or object",
    ] {
        assert!(told.contains(want), "missing: {want}\n{told}");
    }
    let told = wrong("order <order_id>", &[("rating", "9"), ("time", "never")]);
    assert_eq!(told, "set.rating is `9`, which is no value of it\nset.time is `never`, which is no value of it\n");
    assert!(wrong("<order_id>", &[]).contains("would fit any line"));
    assert!(wrong("Order moved", &[]).contains("captures no fact"));
    assert!(wrong("<trace_id> moved to <to>", &[]).contains("does not say of which order"));
    let told = wrong("Order <order_id> moved to <to>", &[("endpoint", "model")]);
    assert_eq!(told, "set.endpoint is `model`, whose id the rule does not tell; capture `<model_id>`\n");
}

#[test]
fn a_capture_that_was_mistyped_is_told_and_other_brackets_are_text() {
    let told = |literal: &str| {
        let parts = vec![Part::Literal(literal.to_owned()), Part::Capture(Some("order_id".to_owned()))];
        let problems = Rule::new(Vec::new(), parts, []).err().unwrap_or_default();
        problems.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(told("moved to <to, order "), ["has `<to`, which is no capture; write `<to>`"]);
    assert_eq!(told("moved to to> order "), ["has `to>`, which is no capture; write `<to>`"]);
    assert_eq!(told("model <Model-ID> of "), ["has `<Model-ID>`, which is no capture; write `<model_id>`"]);
    for good in ["status -> ", "status->", "</status> of ", "<<worker-3>> ", "a < b > c ", "<", "заказ <№> "] {
        assert!(told(good).is_empty(), "{good}: {:?}", told(good));
    }
}

#[test]
fn a_time_that_cannot_be_read_is_a_defect() {
    let reader = reader([rule(&[], "at <time>: order <order_id>", &[]).unwrap()]);
    let bad = |line| reader.read(line, &Context::default()).defects().has(crate::Defect::BadTime);
    assert!(bad("at noon: order 5"));
    assert!(!bad("at 2026-03-01 12:00:00Z: order 5"));
}

#[test]
fn words_behind_a_field_are_free_text_too() {
    let reader = reader([rule(&[], "Order <order_id> moved to <to>", &[]).unwrap()]);
    let read = |line| told(&reader.read(line, &Context::default()));
    assert_eq!(read("step=7 Order 4711 moved to PAID"), "logfmt STATUS <order> step=7 order_id=4711 to=PAID");
    let want = "logfmt STATUS <order> msg=x step=7 order_id=4711 to=PAID";
    assert_eq!(read("msg=x step=7 Order 4711 moved to PAID"), want);
}

proptest! {
    #[test]
    fn any_line_is_read_by_any_pattern(
        line in "([a-c<>/ .é]|order |to ){0,40}",
        pattern in "(order )?<order_id>(a|/| to )(<_> )?(<to>|<error>|b)",
    ) {
        let reader = reader([rule(&[], &pattern, &[]).unwrap()]);
        let record = reader.read(&line, &Context::default());
        for field in record.fields() {
            prop_assert!(!field.value.as_str().is_empty() && line.contains(field.value.as_str()));
        }
    }

    #[test]
    fn a_line_made_from_a_pattern_gives_its_words_back(id in "[0-9a-z-]{1,20}", to in "[A-Z_]{1,20}", noise in "[ a-z]{0,20}") {
        let reader = reader([rule(&[], "Order <order_id> moved to <to>", &[]).unwrap()]);
        let line = format!("{noise} Order {id} moved to {to} {noise}");
        let record = reader.read(&line, &Context::default());
        prop_assert_eq!((record.order_id(), record.to()), (Some(id.as_str()), Some(to.as_str())));
    }
}
