//! How bad a line is: Loki's `detected_level`.

use std::fmt;

use crate::Limits;
use crate::json::Members;
use crate::reader::{Head, is_logfmt};
use crate::record::http_status;
use crate::scan::{Fields, Raw, Token, cut};

/// How much of a text without structure is searched for a level.
const WORDS_BYTES: usize = 1024;

/// A level, in rising order of gravity after `Unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The line does not tell.
    #[default]
    Unknown,
    /// Finer than debug.
    Trace,
    /// For whoever writes the service.
    Debug,
    /// The normal course.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
    /// Something failed that others depend on.
    Critical,
    /// The program ended.
    Fatal,
}

impl Level {
    /// Loki's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
        }
    }

    /// Reads the word a logger writes, in any case, or the number that pino and bunyan write (30 is info);
    /// [`Level::Unknown`] for anything else.
    pub fn parse(text: &str) -> Self {
        let mut word = [0; 11];
        let Some(word) = word.get_mut(..text.len()) else { return Self::Unknown };
        word.copy_from_slice(text.as_bytes());
        word.make_ascii_lowercase();
        match &*word {
            b"trace" | b"trc" | b"verbose" | b"10" => Self::Trace,
            b"debug" | b"dbg" | b"20" => Self::Debug,
            b"info" | b"inf" | b"information" | b"notice" | b"30" => Self::Info,
            b"warn" | b"wrn" | b"warning" | b"40" => Self::Warn,
            b"error" | b"err" | b"50" => Self::Error,
            b"critical" | b"crit" | b"alert" => Self::Critical,
            b"fatal" | b"ftl" | b"emergency" | b"emerg" | b"panic" | b"60" => Self::Fatal,
            _ => Self::Unknown,
        }
    }

    /// OpenTelemetry's severity number, 1 to 24.
    fn of_severity_number(text: &str) -> Self {
        match text.parse().unwrap_or(0) {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            0 | 25_u8.. => Self::Unknown,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The level of any line: by its metadata, else by the rule of the house format, else by a JSON or logfmt field named
/// like a level, else by the first word in it that is a level. Copies nothing; meant to be run on every line.
pub fn level_of(line: &str, metadata: &[(String, String)]) -> Level {
    let stated = metadata.iter().map(|(name, value)| of_field(name, value)).find(|level| *level != Level::Unknown);
    let depth = Limits::default().depth;
    stated.unwrap_or_else(|| {
        if let Some(head) = Head::of(line) {
            return of_house(Fields::new(head.rest, depth));
        }
        let by_field = match Members::new(line, depth) {
            Some(members) => of_tokens(members),
            None if is_logfmt(line) => of_tokens(Fields::new(line, depth)),
            None => Level::Unknown,
        };
        if by_field == Level::Unknown { of_words(line) } else { by_field }
    })
}

/// The rule of the house format: the level it states, else error for a failure, else info.
fn of_house<'a>(fields: impl Iterator<Item = Token<'a>>) -> Level {
    let mut otherwise = Level::Info;
    for token in fields {
        match token {
            Token::Field("level", raw) if Level::parse(raw.as_str()) != Level::Unknown => {
                return Level::parse(raw.as_str());
            }
            Token::Field("http_status", raw) if http_status(raw.as_str()).is_some_and(|code| 500 <= code) => {
                otherwise = Level::Error;
            }
            Token::Field("error", raw) if is_error(raw.as_str()) => otherwise = Level::Error,
            Token::Field(..) | Token::Broken(_) => {}
        }
    }
    otherwise
}

/// Whether the value of `error` says that there was one.
pub(crate) fn is_error(text: &str) -> bool {
    !matches!(text, "" | "null" | "false")
}

fn of_tokens<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Level {
    let level = |token| match token {
        Token::Field(name, Raw::Bare(text) | Raw::Plain(text)) => of_field(name, text),
        Token::Field(..) | Token::Broken(_) => Level::Unknown,
    };
    tokens.map(level).find(|level| *level != Level::Unknown).unwrap_or_default()
}

/// The level that a field states, if its name is one for levels.
fn of_field(name: &str, value: &str) -> Level {
    const NAMES: [&str; 11] = [
        "level",
        "lvl",
        "severity",
        "@l",
        "log.level",
        "log_level",
        "loglevel",
        "levelname",
        "level_name",
        "severity_text",
        "detected_level",
    ];
    if !matches!(name.as_bytes().first(), Some(b'l' | b'L' | b's' | b'S' | b'@' | b'd')) {
        Level::Unknown
    } else if NAMES.iter().any(|one| name.eq_ignore_ascii_case(one)) || name == "SeverityText" {
        Level::parse(value)
    } else if name.eq_ignore_ascii_case("severity_number") || name == "SeverityNumber" {
        Level::of_severity_number(value)
    } else {
        Level::Unknown
    }
}

/// The first word that is a level and not the name of a field. `trace` counts only in capitals: it is a common word.
pub(crate) fn of_words(line: &str) -> Level {
    let text = cut(line, 0, line.floor_char_boundary(WORDS_BYTES));
    let mut before = 0;
    for (at, byte) in text.bytes().enumerate() {
        let class = CLASS[usize::from(byte)];
        if before == 0 && class == FIRST {
            let rest = cut(text, at, text.len());
            let len = rest.bytes().position(|byte| CLASS[usize::from(byte)] == 0).unwrap_or(rest.len());
            let (word, tail) = (cut(rest, 0, len), cut(rest, len, rest.len()));
            let named = tail.starts_with('=') || tail.starts_with("\":");
            let level = of_word(word);
            if level != Level::Unknown && !named {
                return level;
            }
        }
        before = class;
    }
    Level::Unknown
}

/// Part of a word.
const WORD: u8 = 1;
/// Part of a word, and the first letter of some level.
const FIRST: u8 = 2;

/// What each byte is to a word; 0 for what stands between words.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        class[byte as usize] = match byte.to_ascii_lowercase() {
            b't' | b'd' | b'i' | b'w' | b'e' | b'c' | b'f' => FIRST,
            lower if lower.is_ascii_alphanumeric() || lower == b'_' || !lower.is_ascii() => WORD,
            _ => 0,
        };
        byte += 1;
    }
    class
};

fn of_word(word: &str) -> Level {
    let level = Level::parse(word);
    let upper = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let lower = |word: &str| word.bytes().skip(1).all(|byte| byte.is_ascii_lowercase());
    let meant = level != Level::Trace && lower(word) || upper(word);
    if meant { level } else { Level::Unknown }
}

#[cfg(test)]
mod tests;
