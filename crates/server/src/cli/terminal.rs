//! What a terminal is given: colours or none, and nothing of others that would command it.

use std::borrow::Cow;
use std::io::IsTerminal as _;

use clap::ValueEnum;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// In a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also where nobody looks.
    Always,
    /// Not at all.
    Never,
}

impl Color {
    /// Whether to colour what goes to a stream.
    pub(super) fn is_wanted(self, is_terminal: bool) -> bool {
        // As no-color.org has it, an empty one says nothing.
        self.decided(is_terminal, std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()))
    }

    const fn decided(self, is_terminal: bool, no_color: bool) -> bool {
        match self {
            Self::Auto => is_terminal && !no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Whether the standard output is a terminal.
pub(super) fn is_seen() -> bool {
    std::io::stdout().is_terminal()
}

/// Text for a terminal: control characters stand as `\x1b`. Tabs and line breaks do no more than stand there.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    written(text, |c| c.is_control() && !matches!(c, '\t' | '\n'), |code| format!("\\x{code:02x}"))
}

/// Text for one row: tabs and line breaks stand as `\x09` and `\x0a` as well.
pub(super) fn row(text: &str) -> Cow<'_, str> {
    written(text, char::is_control, |code| format!("\\x{code:02x}"))
}

/// The same JSON for a terminal: it escapes the control characters that it may have as they are, which stand in texts
/// only.
pub(super) fn json(text: &str) -> Cow<'_, str> {
    written(text, |c| c.is_control() && c != '\n', |code| format!("\\u{code:04x}"))
}

fn written(text: &str, is_meant: impl Fn(char) -> bool, escape: impl Fn(u32) -> String) -> Cow<'_, str> {
    if !text.contains(&is_meant) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_meant(c) { out += &escape(u32::from(c)) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_unless_somebody_says_otherwise() {
        let decided = |color: Color| {
            [(true, false), (true, true), (false, false)].map(|(terminal, no_color)| color.decided(terminal, no_color))
        };
        assert_eq!(decided(Color::Auto), [true, false, false]);
        assert_eq!(decided(Color::Always), [true; 3], "a flag is said later than a variable");
        assert_eq!(decided(Color::Never), [false; 3]);
    }

    #[test]
    fn nothing_that_commands_a_terminal_is_left() {
        let hostile = "a\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{7f}\r\0b";
        let safe = r"a\x1b[2J\x1b]0;title\x07\x9b31m\x7f\x0d\x00b";
        assert_eq!(printable(hostile), safe);
        assert_eq!(row(hostile), safe);
        let lines = "\tat Shop.java:7\n\tat Main — привет 🙂";
        assert_eq!(printable(lines), lines);
        assert_eq!(row(lines), r"\x09at Shop.java:7\x0a\x09at Main — привет 🙂");
        for code in (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32) {
            assert!(!row(&code.to_string()).contains(code), "{code:?}");
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"line": "\u{1b}[2J \u{9b}\u{7f}\n\t", "n": 1});
        let text = serde_json::to_string_pretty(&value).unwrap();
        assert!(text.contains('\u{9b}'), "JSON has it as it is: {text}");
        let safe = json(&text);
        assert!(!safe.contains(|c: char| c.is_control() && c != '\n'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
