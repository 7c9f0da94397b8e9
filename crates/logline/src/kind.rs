//! The closed sets a record's head is made of: kind, direction, and the format a line was recognised as.

use std::fmt;

/// What happened: a request, its response, or a change of status inside a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A request was received or sent.
    Req,
    /// A request was answered.
    Resp,
    /// An object changed its status.
    Status,
}

impl Kind {
    /// The word in the second bracket.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Req => "REQ",
            Self::Resp => "RESP",
            Self::Status => "STATUS",
        }
    }

    /// Reads `REQ`, `RESP` or `STATUS` in any case; also `request` and `response`, which loggers of other formats write.
    pub fn parse(text: &str) -> Option<Self> {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if is("REQ") || is("REQUEST") {
            Some(Self::Req)
        } else if is("RESP") || is("RESPONSE") {
            Some(Self::Resp)
        } else {
            is("STATUS").then_some(Self::Status)
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which side of a call wrote the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The service was called.
    In,
    /// The service called `peer`.
    Out,
}

impl Direction {
    /// The value of `dir`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    /// Reads `in` or `out`; also `inbound` and `outbound`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "in" | "inbound" => Some(Self::In),
            "out" | "outbound" => Some(Self::Out),
            _ => None,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a line was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `[date-time][REQ|RESP|STATUS][endpoint] key=value …`
    House,
    /// One JSON object.
    Json,
    /// `key=value …`
    Logfmt,
    /// Free text of which a rule of the configuration knows what it tells.
    Extracted,
    /// Anything else; kept whole, and no error.
    Unknown,
}

impl Format {
    /// A stable name for counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::House => "house",
            Self::Json => "json",
            Self::Logfmt => "logfmt",
            Self::Extracted => "extracted",
            Self::Unknown => "unknown",
        }
    }
}
