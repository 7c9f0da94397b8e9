//! `label_replace(v, "dst", "$1", "src", "re")`.

use std::collections::BTreeMap;

use logline::Labels;
use logql::ast::LabelReplace;
use regex_automata::util::captures::Captures;

use super::Curve;
use crate::error::Error;

/// Writes a label of every series whose source label matches as a whole. Series that become one may not have a point in
/// common.
pub(super) fn label_replace(replace: &LabelReplace, curves: Vec<Curve>) -> Result<Vec<Curve>, Error> {
    let regex = replace.regex.full_matcher();
    let mut captures = regex.create_captures();
    let mut all: BTreeMap<Labels, Vec<(u32, f64)>> = BTreeMap::new();
    for mut curve in curves {
        let source = curve.labels.get(&replace.source).unwrap_or_default().to_owned();
        regex.captures(&source, &mut captures);
        if captures.is_match() {
            let value = expand(&replace.replacement, &source, &captures);
            curve.labels.set(&replace.target, &value);
        }
        all.entry(curve.labels).or_default().append(&mut curve.points);
    }
    let joined = all.into_iter().map(|(labels, mut points)| {
        points.sort_unstable_by_key(|(point, _)| *point);
        if points.is_sorted_by(|(before, _), (after, _)| before < after) {
            Ok(Curve { labels, points })
        } else {
            Err(Error::invalid("vector cannot contain metrics with the same labelset"))
        }
    });
    joined.collect()
}

/// Puts captures into a text: `$1`, `$name` (as long as it goes), `${1}`, `${name}`; `$$` is a dollar, and an unknown
/// name is empty.
fn expand(text: &str, source: &str, captures: &Captures) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let (name, after) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(split) => split,
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            out.push('$');
        }
        let span = match name.parse() {
            Ok(number) => captures.get_group(number),
            Err(_) => captures.get_group_by_name(name),
        };
        out.push_str(span.and_then(|span| source.get(span.range())).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}
