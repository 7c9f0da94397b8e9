//! `| decolorize`: takes the terminal's colour codes out of the line.

use std::borrow::Cow;

use regex_automata::meta::Regex;

use super::{Row, Stage};

/// Control sequences (`ESC [ 3 1 m`), operating system commands (`ESC ] … BEL`) and two-byte escapes.
const ESCAPES: &str = r"(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]";

/// Removes escape sequences.
#[derive(Debug)]
pub(crate) struct Decolorize {
    escapes: Regex,
}

impl Decolorize {
    pub(crate) fn new() -> Self {
        Self { escapes: Regex::new(ESCAPES).expect("the expression is valid") }
    }
}

impl Stage for Decolorize {
    fn apply(&mut self, row: &mut Row<'_>) -> bool {
        let is_plain = !row.line.contains(['\u{1b}', '\u{9b}']);
        if is_plain {
            return true;
        }
        let mut plain = String::with_capacity(row.line.len());
        let mut end = 0;
        for found in self.escapes.find_iter(row.line.as_bytes()) {
            plain.push_str(row.line.get(end..found.start()).unwrap_or_default());
            end = found.end();
        }
        plain.push_str(row.line.get(end..).unwrap_or_default());
        row.line = Cow::Owned(plain);
        true
    }
}

#[cfg(test)]
mod tests {
    use logline::Labels;

    use super::*;

    #[test]
    fn colours_go_and_text_stays() {
        let check = |line: &str, want: &str| {
            let labels = Labels::default();
            let mut row = Row { line: Cow::Borrowed(line), ..Row::new(&labels, 0) };
            assert!(Decolorize::new().apply(&mut row));
            assert_eq!(row.line, want);
        };
        check("\u{1b}[31mred\u{1b}[0m", "red");
        check("\u{1b}[1;38;5;196mбольшой\u{1b}[m [0]", "большой [0]");
        check("\u{1b}]0;title\u{7}x", "x");
        check("plain", "plain");
    }
}
