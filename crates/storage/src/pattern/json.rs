//! A line in the place of all lines of a pattern, for a reader who looks at some fields of JSON only.
//!
//! Where a pattern is JSON whatever its marks stand for, all its lines have the same members; and where no mark is part
//! of a member that is wanted, all of them say the same.

use std::sync::Arc;

use arrow::array::StringArray;
use serde::de::IgnoredAny;

use super::{Known, Mark, REST, parts};

/// The lines that stand for the patterns of one reader's files.
#[derive(Debug, Default)]
pub(crate) struct StandIns(Known<Option<Arc<str>>>);

impl StandIns {
    /// A line that says the same as each line of the pattern at this place, under names that end as any of `names` does.
    pub(crate) fn of(&mut self, names: &[String], patterns: &StringArray, key: usize) -> Option<Arc<str>> {
        self.0.get(patterns, key, |pattern| stand_in(names, pattern).map(Arc::from))?.clone()
    }
}

fn stand_in(names: &[String], pattern: &str) -> Option<String> {
    if !pattern.starts_with('{') || pattern.ends_with(REST) {
        return None;
    }
    let mut line = String::with_capacity(pattern.len());
    let mut reader = Members::default();
    for (mark, text) in parts(pattern) {
        if let Some(mark) = mark {
            line.push_str(if mark == Mark::Number { "1" } else { "_" });
            reader.mark(names)?;
        }
        line.push_str(text);
        reader.text(text)?;
    }
    // Members are told apart by their quotes and colons only, which holds for what is JSON.
    serde_json::from_str::<IgnoredAny>(&line).is_ok().then_some(line)
}

/// Follows the members of an object through its text, as far as marks need it.
#[derive(Debug, Default)]
struct Members {
    is_text: bool,
    is_escape: bool,
    /// The text that is being read, or was read last, without marks.
    last: String,
    /// Whether a mark is part of it.
    is_marked: bool,
    /// The name of the member that is being read.
    name: String,
}

impl Members {
    /// Past a text between marks; `None` where the name of a member has a mark, or a list begins.
    fn text(&mut self, text: &str) -> Option<()> {
        for c in text.chars() {
            match c {
                _ if self.is_escape => {
                    self.is_escape = false;
                    self.last.push(c);
                }
                '\\' if self.is_text => {
                    self.is_escape = true;
                    self.last.push(c);
                }
                '"' => {
                    self.is_text = !self.is_text;
                    if self.is_text {
                        self.last.clear();
                        self.is_marked = false;
                    }
                }
                _ if self.is_text => self.last.push(c),
                ':' if self.is_marked => return None,
                ':' => self.name.clone_from(&self.last),
                // Members of lists have names of their own.
                '[' => return None,
                _ => {}
            }
        }
        Some(())
    }

    /// Past a mark; `None` where it may be part of what is wanted, or of an escape.
    fn mark(&mut self, names: &[String]) -> Option<()> {
        if self.is_escape {
            return None;
        }
        self.is_marked |= self.is_text;
        // A text that turns out to be a name ends the search; as a value it belongs to the name before it.
        let name = plain(self.name.trim());
        (!self.name.contains('\\') && !names.iter().any(|wanted| plain(wanted).ends_with(&name))).then_some(())
    }
}

/// A name with `_` for all that may become one in the name of a label.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str, names: &[&str]) -> Option<String> {
        stand_in(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), pattern)
    }

    #[test]
    fn a_line_stands_for_a_pattern_whose_marks_are_no_part_of_what_is_wanted() {
        let pattern = r#"{"at":"<_>:<_>","order":{"id":<#>,"sum":-<#>.<#>},"to":"PAID","note":"a \"<_>\" b"}"#;
        let line = r#"{"at":"_:_","order":{"id":1,"sum":-1.1},"to":"PAID","note":"a \"_\" b"}"#;
        assert_eq!(of(pattern, &["to"]).as_deref(), Some(line));
        assert_eq!(of(pattern, &["to", "from"]).as_deref(), Some(line));
        for wanted in ["at", "id", "order_id", "sum", "note"] {
            assert_eq!(of(pattern, &["to", wanted]), None, "{wanted}");
        }
    }

    #[test]
    fn nothing_stands_for_what_may_be_no_json_or_have_other_members() {
        for pattern in [
            r#"{"a":<_>,"to":"x"}"#,
            r#"{"a":"<_>","to":"x"} <_>"#,
            r#"{"<_>":"v","to":"x"}"#,
            r#"{"a":{"b<_>" : 1},"to":"x"}"#,
            r#"{"a":["<_>"],"to":"x"}"#,
            r#"{"a":"\<_>","to":"x"}"#,
            r#"{"a":<#>.<_>,"to":"x"}"#,
            r#"{"a":<#>e<_>,"to":"x"}"#,
            r#"{"a":0<#>,"to":"x"}"#,
            r#"{"to":"x","a":"b<...>"#,
            r#"{"t\u006f":"<_>","to":"x"}"#,
            r#"{"":"<_>","to":"x"}"#,
            r#"["<_>"]"#,
            r#""<_>""#,
            "<_>",
            "",
        ] {
            assert_eq!(of(pattern, &["to"]), None, "{pattern}");
        }
    }
}
