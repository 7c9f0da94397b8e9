//! The lines are the same in every run of a seed, and the truth is what a plain look at them says.

use std::collections::{BTreeMap, BTreeSet};

use bench::answer::{Answer, hash};
use bench::questions::{Question, Shape, questions};
use bench::truth::Truth;
use bench::world::{END, Line, SERVICES, START, World};

const LINES: u64 = 60_000;

fn lines(seed: u64) -> (World, Vec<Line>) {
    let mut world = World::new(seed, LINES);
    let mut line = Line::default();
    let mut all = Vec::new();
    while world.next_into(&mut line) {
        all.push(line.clone());
    }
    (world, all)
}

#[test]
fn a_seed_gives_the_same_lines_and_another_seed_others() {
    let text = |seed| lines(seed).1.iter().map(|line| hash(&line.text)).collect::<Vec<_>>();
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn lines_come_by_time_within_six_hours_and_carry_the_labels_of_their_service() {
    let (world, all) = lines(4711);
    assert_eq!(all.len() as u64, LINES);
    for pair in all.windows(2) {
        assert!(pair[0].timestamp <= pair[1].timestamp + 2_000_000, "a line of milliseconds may lag");
    }
    let mut about_orders = 0;
    for line in &all {
        assert!(START < line.timestamp && line.timestamp < END);
        let labels = &world.streams()[line.stream];
        assert_eq!(labels.get("service_name"), Some(SERVICES[line.service]));
        assert!(["instance", "level", "env"].iter().all(|name| labels.get(name).is_some()));
        assert_eq!(line.order.is_some(), line.metadata.len() == 2);
        about_orders += usize::from(line.order.is_some());
        for (_, value) in &line.metadata {
            assert!(line.text.contains(value.as_str()), "the ids beside a line are those in it");
        }
    }
    let share = about_orders as f64 / all.len() as f64;
    assert!((0.68..0.72).contains(&share), "{share}");
}

#[test]
fn the_account_of_chance_is_below_the_text_and_above_its_ids() {
    let (world, all) = lines(4711);
    let account = world.account();
    assert_eq!(account.text_bytes, all.iter().map(|line| line.text.len() as u64).sum::<u64>());
    let traces: BTreeSet<&String> = all.iter().flat_map(|line| line.metadata.iter().map(|(_, value)| value)).collect();
    let ids = traces.iter().filter(|value| value.len() == 32).count() as f64 * 128.0;
    assert!(ids < account.random_bits && account.random_bits < account.text_bytes as f64 * 8.0 / 5.0);
}

#[test]
fn the_truth_is_what_a_plain_look_at_the_lines_says() {
    let (world, all) = lines(4711);
    let asked = questions(world.needles());
    let mut truth = Truth::new(&asked);
    all.iter().for_each(|line| truth.observe(line));
    let answers: BTreeMap<&str, Answer> = asked.iter().map(|question| question.name).zip(truth.answers()).collect();
    let count = |name: &str| answers[name].values.values().sum::<f64>();
    let found = |name: &str| answers[name].values["lines"];
    let with = |text: &str| all.iter().filter(|line| line.text.contains(text)).count() as f64;
    let needles = world.needles();
    assert!(1.0 <= found("trace id in the line") && found("trace id in the line") == with(&needles.trace));
    assert_eq!(found("trace id as structured metadata"), with(&needles.trace));
    assert!(1.0 <= found("11 hex digits inside a trace id"));
    assert_eq!(found("order_id=N as substring"), with(&format!("order_id={}", needles.order)));
    assert_eq!((found("absent word"), found("absent substring")), (0.0, 0.0));
    assert_eq!(found("last 100 lines of a service"), 100.0);
    assert_eq!(count("count by service per 5 min"), LINES as f64);
    assert_eq!(count("substring by service per 5 min"), with("race_id"));
    let mut orders: BTreeMap<u64, f64> = BTreeMap::new();
    all.iter().filter_map(|line| line.order).for_each(|order| *orders.entry(order).or_default() += 1.0);
    assert_eq!(answers["top 10 orders by metadata"], Answer::top(orders.into_values().collect()));
}

#[test]
fn answers_of_all_systems_are_read_to_the_same() {
    let asked = questions(World::new(1, 10).needles());
    let question = |shape: Shape| -> &Question { asked.iter().find(|question| question.shape == shape).unwrap() };
    let check = |shape: Shape, loki: &str, victorialogs: &str| {
        let first = Answer::of_loki(question(shape), loki).unwrap();
        let second = Answer::of_victorialogs(question(shape), victorialogs).unwrap();
        assert!(!first.values.is_empty() && first.agrees(&second, shape), "{first:?} {second:?}");
    };
    check(
        Shape::Lines,
        r#"{"data":{"result":[{"values":[["1","a"],["2","b"]]},{"values":[["3","c"]]}]}}"#,
        "{\"_msg\":\"c\"}\n{\"_msg\":\"a\"}\n{\"_msg\":\"b\"}\n",
    );
    check(
        Shape::Last,
        r#"{"data":{"result":[{"values":[["1790000100123000000","a"]]}]}}"#,
        "{\"_msg\":\"a\",\"_time\":\"2026-09-21T14:15:00.123Z\"}\n",
    );
    check(Shape::Groups(""), r#"{"data":{"result":[{"metric":{},"value":[1,"7"]}]}}"#, "{\"n\":\"7\"}\n");
    check(
        Shape::FiveMinutes,
        r#"{"data":{"result":[{"metric":{"service_name":"sshd"},"values":[[1790000400,"7"]]}]}}"#,
        "{\"service_name\":\"sshd\",\"_time\":\"2026-09-21T14:15:00Z\",\"n\":\"7\"}\n",
    );
    check(Shape::Quantile, r#"{"data":{"result":[{"metric":{},"value":[1,"100"]}]}}"#, "{\"n\":\"100.5\"}\n");
}
