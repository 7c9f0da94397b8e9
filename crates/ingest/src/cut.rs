//! Cuts a line that is longer than allowed and says so in the line itself.

use std::borrow::Cow;

/// `line` if it has at most `max` bytes; otherwise its beginning and ` [cut N bytes]`, together at most `max` bytes
/// (or just the mark, where `max` has no room for it). `total` is the line's length where more of it existed than is given.
pub fn cut(line: Cow<'_, str>, max: usize, total: Option<usize>) -> Cow<'_, str> {
    let total = total.unwrap_or(line.len()).max(line.len());
    if total <= max {
        return line;
    }
    // The mark for the whole length is at least as long as the one that is written.
    let room = max.saturating_sub(mark(total).len()).min(line.len());
    let kept = line.floor_char_boundary(room);
    let head = line.get(..kept).unwrap_or_default();
    Cow::Owned(format!("{head}{}", mark(total - kept)))
}

fn mark(bytes: usize) -> String {
    format!(" [cut {bytes} bytes]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_beginning_within_the_limit_and_tells_what_is_missing() {
        let line = "я".repeat(100);
        let short = cut(line.as_str().into(), 60, None);
        assert!(short.len() <= 60, "{}", short.len());
        let kept = short.chars().filter(|c| *c == 'я').count();
        assert_eq!(short, format!("{} [cut {} bytes]", "я".repeat(kept), 200 - 2 * kept));
        assert!(kept > 15);
    }

    #[test]
    fn a_line_within_the_limit_is_not_copied_and_a_known_total_is_told() {
        assert!(matches!(cut("short".into(), 5, None), Cow::Borrowed("short")));
        assert_eq!(cut("0123456789".into(), 24, Some(5000)), "0123456 [cut 4993 bytes]");
        assert_eq!(cut("abc".into(), 2, None), " [cut 3 bytes]");
    }
}
