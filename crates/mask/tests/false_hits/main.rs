//! Lines without personal data, as the programs of a shop write them: next to none may be touched.

mod lines;

use std::collections::BTreeMap;

use mask::{Config, Counts, Masker, Rule};

const LINES: usize = 100_000;

#[test]
fn fewer_than_one_line_in_a_thousand_is_touched_without_need() {
    let masker = Masker::new(&Config::default()).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut touched = 0;
    let mut rules: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for _ in 0..LINES {
        let line = lines::line(&mut random);
        let mut counts = Counts::default();
        let masked = masker.mask_with_counts(&line, &mut counts);
        touched += usize::from(counts.total() > 0);
        for (rule, count) in counts.iter() {
            rules.entry(rule.to_owned()).or_insert((0, format!("{line}\n  -> {masked}"))).0 += count;
        }
    }
    let listed: Vec<_> =
        rules.iter().map(|(rule, (count, example))| format!("{rule} {count}, such as {example}")).collect();
    println!("{touched} of {LINES} lines touched\n{}", listed.join("\n"));
    assert!(touched * 1_000 < LINES, "{touched} of {LINES} lines touched:\n{}", listed.join("\n"));
}

#[test]
fn the_lines_do_have_numbers_keys_and_escapes_to_stumble_over() {
    let mut random = fastrand::Rng::with_seed(7);
    let text: String = (0..1_000).map(|_| lines::line(&mut random) + "\n").collect();
    for part in ["order_id=", "trace_id=", "\\n", "%20", "address", "name", "token", "Иван"] {
        assert!(text.contains(part) != (part == "Иван"), "{part}");
    }
    let masker = Masker::new(&Config { rules: vec![Rule::Ip], ..Config::default() }).unwrap();
    assert!(masker.hits(&text).len() > 100, "addresses of machines are in the lines, and left alone by default");
}
