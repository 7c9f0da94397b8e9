//! `key=value` pairs, character by character.

/// The pairs of a line in their order; `None` where there was something else.
pub(super) fn pairs(line: &str) -> Vec<Option<(String, String)>> {
    let chars: Vec<char> = line.chars().collect();
    let ends = |at: usize| chars.get(at).is_none_or(|c| *c <= ' ');
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if ends(at) {
            at += 1;
            continue;
        }
        let (pair, end) = pair(&chars, at);
        at = end;
        if pair.is_none() {
            // What stands there until the next blank is lost.
            while !ends(at) {
                at += 1;
            }
        }
        pairs.push(pair);
    }
    pairs
}

fn pair(chars: &[char], start: usize) -> (Option<(String, String)>, usize) {
    let stops = |at: usize| chars.get(at).is_none_or(|c| *c <= ' ' || *c == '=' || *c == '"');
    let run = |from: usize| (from..).find(|at| stops(*at)).unwrap();
    let text = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
    let end = run(start);
    let key = text(start, end);
    match chars.get(end) {
        Some('=') if !key.is_empty() => {}
        Some('=' | '"') => return (None, end),
        _ => return (Some((key, String::new())), end),
    }
    if chars.get(end + 1) != Some(&'"') {
        let last = run(end + 1);
        let is_clean = chars.get(last).is_none_or(|c| *c <= ' ');
        return (is_clean.then(|| (key, text(end + 1, last))), last);
    }
    let mut at = end + 2;
    loop {
        match chars.get(at) {
            None => return (None, chars.len()),
            Some('"') => break,
            Some('\\') => at += 2,
            Some(_) => at += 1,
        }
    }
    let value = serde_json::from_str(&text(end + 1, at + 1)).ok();
    (value.map(|value| (key, value)), at + 1)
}
