//! `| pattern "<a> … <_>"` and the line filter `|> "…"`.

use logql::PatternPart;

use super::{Row, Stage, Wanted};

/// Extracts what stands between the literals. The line must begin as the pattern does; where a literal is missing
/// the capture before it takes the rest of the line.
#[derive(Debug)]
pub(crate) struct Pattern {
    parts: Vec<PatternPart>,
    wanted: Wanted,
}

impl Pattern {
    pub(crate) fn new(pattern: &logql::Pattern, wanted: Wanted) -> Self {
        Self { parts: pattern.parts().to_vec(), wanted }
    }
}

impl Stage for Pattern {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        let mut rest: &str = &row.line;
        let mut parts = self.parts.as_slice();
        if let Some((PatternPart::Literal(literal), others)) = parts.split_first() {
            let Some(after) = rest.strip_prefix(literal.as_str()) else { return true };
            (rest, parts) = (after, others);
        }
        while let Some((PatternPart::Capture(name), others)) = parts.split_first() {
            let (value, after) = match others.first() {
                Some(PatternPart::Literal(literal)) => match rest.split_once(literal.as_str()) {
                    Some((value, after)) => (value, Some(after)),
                    None => (rest, None),
                },
                _ => (rest, None),
            };
            if let Some(name) = name.as_ref().filter(|name| self.wanted.has(name)) {
                row.labels.extract(name, value);
            }
            let Some(after) = after else { return true };
            rest = after;
            parts = others.get(1..).unwrap_or_default();
        }
        true
    }
}

/// Whether the line matches the pattern of a line filter: its literals stand in this order with at least one byte
/// where a capture is; the end is anchored, the start only by a capture.
pub(super) fn matches(parts: &[PatternPart], line: &str) -> bool {
    if parts.is_empty() || line.is_empty() {
        return parts.is_empty() && line.is_empty();
    }
    let mut rest = line;
    for (index, part) in parts.iter().enumerate() {
        let PatternPart::Literal(literal) = part else { continue };
        match rest.split_once(literal.as_str()) {
            Some(("", _)) if index > 0 => return false,
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    let ends_in_capture = matches!(parts.last(), Some(PatternPart::Capture(_)));
    ends_in_capture != rest.is_empty()
}

#[cfg(test)]
mod tests;
