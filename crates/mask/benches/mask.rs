//! How fast lines are masked on one core, and the same by the way of others in the same run: one regular expression after
//! the other with `replace_all`. Every fiftieth line has a hit, as `2` in a name says every second one.

#[path = "../tests/false_hits/lines.rs"]
mod lines;

use std::borrow::Cow;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use mask::{Config, Masker, TokenKey};
use regex::{Captures, Regex};

fn main() {
    let has = |word: &str| std::env::args().any(|argument| argument == word);
    if has("pairs") {
        return report_pairs();
    }
    match KINDS.into_iter().find(|kind| has("once") && has(kind)) {
        Some(kind) => once(kind),
        None => divan::main(),
    }
}

/// Masks the lines of a kind once, to count instructions, which no other work on the machine changes:
/// `valgrind --tool=callgrind --toggle-collect='*mask_all*' BENCH once house`, by the bytes that it prints.
#[expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]
fn once(kind: &str) {
    let (masker, lines) = (masker(Vec::new()), lines_of(kind, 50));
    mask_all(&masker, &lines);
    println!("{kind}: {} bytes", lines.iter().map(String::len).sum::<usize>());
}

#[inline(never)]
fn mask_all(masker: &Masker, lines: &[String]) -> usize {
    lines.iter().map(|line| divan::black_box(masker.mask(line)).len()).sum()
}

/// Nanoseconds of processor time of this thread so far: unlike the time on the wall it tells little of who else is at
/// work. It moves in ticks of the kernel, some milliseconds.
fn cpu_nanos() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0)
}

/// Both ways in turn, by processor time, so that a busy machine does the same to both: `cargo bench -p mask -- pairs`.
#[expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]
fn report_pairs() {
    const ROUNDS: usize = 15;
    /// The lines are masked so often in a round that a tick is a small part of it.
    const REPEATS: usize = 20;
    let masker = masker(Vec::new());
    for kind in KINDS {
        let lines = lines_of(kind, 50);
        let bytes = (REPEATS * lines.iter().map(String::len).sum::<usize>()) as f64;
        let (mut speeds, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        for _ in 0..ROUNDS {
            let begun = cpu_nanos();
            (0..REPEATS).for_each(|_| _ = divan::black_box(mask_all(&masker, &lines)));
            let between = cpu_nanos();
            (0..REPEATS).for_each(|_| {
                divan::black_box(lines.iter().map(|line| sequential(line).len()).sum::<usize>());
            });
            let [ours, theirs] = [between - begun, cpu_nanos() - between];
            speeds[0].push(bytes / ours * 1e3);
            speeds[1].push(bytes / theirs * 1e3);
            ratios.push(theirs / ours);
        }
        let [ours, theirs] = speeds.map(median);
        let ratio = median(ratios);
        println!("{kind}: {ours:.0} MB/s, one after the other {theirs:.0} MB/s, {ratio:.1} times (medians)");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const LINES: usize = 4096;
const PERSONAL: &str = r#"[2026-01-02T15:04:05.123+03:00][REQ][POST /customers] customer_id=812 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 request_id=9d1f7c3e dir=in body={"name":"Иван Петров","email":"ivan.petrov@example.ru","phone":"+7 (916) 123-45-67","card":"4111 1111 1111 1111","password":"hunter2"}"#;

/// Lines of a kind; one in `personal_every` is personal.
fn lines_of(kind: &str, personal_every: usize) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(1);
    let plain = |random: &mut fastrand::Rng| match kind {
        "house" => lines::house(random),
        "mixed" => lines::line(random),
        "docker" => format!(r#"{{"log":"{}\n","stream":"stdout"}}"#, lines::house(random).replace('"', "\\\"")),
        _ => format!(r#"{{"log":"{}"}}"#, lines::house(random).replace('"', "\\\"").replace('/', "\\/")),
    };
    (0..LINES).map(|n| if n % personal_every == 1 { PERSONAL.to_owned() } else { plain(&mut random) }).collect()
}

/// Of the last two, Docker's lines have one escape, a line break at the end; the others' slashes are escaped, so that each
/// line is read a second time.
const KINDS: [&str; 4] = ["house", "mixed", "docker", "escaped"];

#[divan::bench(args = KINDS)]
fn ours(bencher: Bencher<'_, '_>, kind: &str) {
    run(bencher, &lines_of(kind, 50), &masker(Vec::new()));
}

#[divan::bench(args = KINDS)]
fn ours_with_tokens(bencher: Bencher<'_, '_>, kind: &str) {
    run(bencher, &lines_of(kind, 50), &masker(TokenKey::new(1, b"0123456789abcdef").into_iter().collect()));
}

#[divan::bench(args = KINDS)]
fn ours_2_with_tokens(bencher: Bencher<'_, '_>, kind: &str) {
    run(bencher, &lines_of(kind, 2), &masker(TokenKey::new(1, b"0123456789abcdef").into_iter().collect()));
}

#[divan::bench(args = KINDS)]
fn one_after_the_other(bencher: Bencher<'_, '_>, kind: &str) {
    let lines = lines_of(kind, 50);
    let bytes: usize = lines.iter().map(String::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| lines.iter().map(|line| sequential(line).len()).sum::<usize>());
}

/// What remains when there is nothing to do but look at each byte: the bound of any masker.
#[divan::bench(args = KINDS)]
fn copying_only(bencher: Bencher<'_, '_>, kind: &str) {
    let lines = lines_of(kind, 50);
    let bytes: usize = lines.iter().map(String::len).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| lines.iter().map(|line| divan::black_box(line.clone()).len()).sum::<usize>());
}

fn masker(token_keys: Vec<TokenKey>) -> Masker {
    Masker::new(&Config { token_keys, ..Config::default() }).expect("a valid configuration")
}

fn run(bencher: Bencher<'_, '_>, lines: &[String], masker: &Masker) {
    let bytes: usize = lines.iter().map(String::len).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| lines.iter().map(|line| masker.mask(line).len()).sum::<usize>());
}

/// Twelve rules as one writes them for a shipper that has only regular expressions.
fn sequential(line: &str) -> Cow<'_, str> {
    static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}", "<email>"),
            (r"(?:\+7|\b8|\b7)[ (.-]{0,2}\d{3}[ ).-]{0,2}\d{3}[ .-]?\d{2}[ .-]?\d{2}\b|\+\d{9,15}\b", "<phone>"),
            (r"\b(?:\d[ -]?){12,18}\d\b", "<card>"),
            (r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", "<iban>"),
            (r"(?i)(паспорт|passport)(\D{0,20})\d{2} ?\d{2} ?\d{6}\b", "$1$2<passport>"),
            (r"\b\d{3}-\d{3}-\d{3} \d{2}\b", "<snils>"),
            (r"(?i)\b(инн|inn)(\W{0,5})(?:\d{12}|\d{10})\b", "$1$2<inn>"),
            (r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", "<jwt>"),
            (r"(?i)\b(bearer|basic) [A-Za-z0-9._~+/-]{8,}=*", "$1 <credential>"),
            (
                r"\b(?:A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,})\b",
                "<api_key>",
            ),
            (r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)-----END [A-Z ]*PRIVATE KEY-----", "<private_key>"),
            (r#"(?i)(password|passwd|secret|token|api_?key|пароль)("?\s*[:=]\s*"?)[^\s",;&}]+"#, "$1$2<secret>"),
        ]
        .map(|(pattern, to)| (Regex::new(pattern).expect("a valid pattern"), to))
        .into()
    });
    RULES.iter().fold(Cow::Borrowed(line), |text, (rule, to)| {
        let replaced = if *to == "<card>" {
            rule.replace_all(
                &text,
                |found: &Captures<'_>| if has_luhn_sum(&found[0]) { (*to).to_owned() } else { found[0].to_owned() },
            )
        } else {
            rule.replace_all(&text, *to)
        };
        match replaced {
            Cow::Owned(new) => Cow::Owned(new),
            Cow::Borrowed(_) => text,
        }
    })
}

fn has_luhn_sum(text: &str) -> bool {
    let digits = text.bytes().rev().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits.enumerate().map(|(n, d)| if n % 2 == 0 { d } else { d * 2 / 10 + d * 2 % 10 }).sum();
    sum.is_multiple_of(10)
}
