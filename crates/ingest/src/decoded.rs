//! What a decoder hands back: the good part of a push, what was refused and why, or why the whole push is refused.

use std::fmt;

use logline::Stream;

use crate::Hits;

/// The part of a push that can be stored, and an account of the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Streams with at least one entry each; no two have the same labels.
    pub streams: Vec<Stream>,
    /// What was refused.
    pub rejected: Rejected,
    /// Personal data that was found.
    pub hits: Hits,
}

/// Why a push cannot be used at all. The text goes to the sender; it holds nothing of a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The body or its description is wrong: 400.
    #[error("{0}")]
    Invalid(String),
    /// The push is over a size limit: 413.
    #[error("{0}")]
    TooLarge(String),
    /// There is not one stream in it: 422.
    #[error("error at least one valid stream is required for ingestion")]
    NoStreams,
}

/// Refused entries, counted by reason; bounded in size whatever was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    lines: u64,
    reasons: Vec<(String, u64)>,
    more: u64,
}

const MAX_REASONS: usize = 10;
const MAX_REASON_BYTES: usize = 1024;

impl Rejected {
    /// Notes that `lines` entries were refused for `reason`; a stream without entries counts as none.
    pub(crate) fn add(&mut self, lines: u64, reason: &str) {
        self.lines += lines;
        let reason = clip(reason);
        if let Some((_, count)) = self.reasons.iter_mut().find(|(known, _)| *known == reason) {
            *count += 1;
        } else if self.reasons.len() < MAX_REASONS {
            self.reasons.push((reason.to_owned(), 1));
        } else {
            self.more += 1;
        }
    }

    /// Whether nothing was refused.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Entries that were refused.
    pub fn lines(&self) -> u64 {
        self.lines
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (reason, count)) in self.reasons.iter().enumerate() {
            let gap = if index == 0 { "" } else { "; " };
            match count {
                1 => write!(f, "{gap}{reason}")?,
                _ => write!(f, "{gap}{count} errors like: {reason}")?,
            }
        }
        if self.more > 0 {
            write!(f, "; and {} more errors", self.more)?;
        }
        Ok(())
    }
}

/// The beginning of a text that becomes part of a message.
pub(crate) fn clip(reason: &str) -> &str {
    clip_to(reason, MAX_REASON_BYTES)
}

/// The beginning of a text, of so many bytes at most.
pub(crate) fn clip_to(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_grouped_and_the_text_stays_short_whatever_is_refused() {
        let mut rejected = Rejected::default();
        rejected.add(1, "too new");
        rejected.add(1, "too new");
        rejected.add(3, "bad labels");
        assert_eq!(rejected.to_string(), "2 errors like: too new; bad labels");
        assert_eq!(rejected.lines(), 5);
        for n in 0..10_000 {
            rejected.add(1, &format!("{n} {}", "я".repeat(5_000)));
        }
        let text = rejected.to_string();
        assert!(text.len() < 12_000 && text.ends_with("; and 9992 more errors"), "{}", text.len());
    }
}
