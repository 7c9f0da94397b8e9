//! Why a text is no query, in Loki's words.

use std::fmt;

/// A query that cannot be understood or may not be asked; the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    position: Option<Position>,
    message: String,
}

/// Where a text went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Byte of the query text.
    pub offset: usize,
    /// Counted from 1; 0 where Loki prints 0, at operators of two characters, durations, sizes and flags.
    pub line: usize,
    /// Character in its line, counted from 1.
    pub column: usize,
}

impl Error {
    pub(crate) fn at(position: Position, message: impl Into<String>) -> Self {
        Self { position: Some(position), message: message.into() }
    }

    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { position: None, message: message.into() }
    }

    /// An error of one stage, which it names.
    pub(crate) fn stage(stage: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(format!("stage '{stage}' : {message}"))
    }

    /// Where the text went wrong; `None` when the text reads well but means nothing.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// What is wrong, without the position.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(Position { line, column, .. }) if (line, column) != (0, 0) => {
                write!(f, "parse error at line {line}, col {column}: {}", self.message)
            }
            _ => write!(f, "parse error : {}", self.message),
        }
    }
}
