//! What can be wrong with a line; a value to count, never a reason to lose the line.

use std::fmt;

/// One way in which a line breaks the rules of `docs/log-lines.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Defect {
    /// The date-time cannot be read, or a house line has none.
    BadTime,
    /// The date-time has no zone: the source's `timezone` was taken, or UTC.
    NoZone,
    /// The second bracket is none of REQ, RESP, STATUS.
    UnknownKind,
    /// The third bracket is missing or empty.
    NoEndpoint,
    /// A line about an order that does not say the order's status.
    NoStatus,
    /// A status that the object's vocabulary does not have.
    UnknownStatus,
    /// A STATUS line that does not name its object.
    NoObject,
    /// A word that is not `key=value`, or text right after a closed value.
    BrokenField,
    /// A quoted value without its closing quote; it takes the rest of the line.
    UnterminatedQuote,
    /// JSON whose brackets do not close in order; it takes the rest of the line.
    UnterminatedJson,
    /// An escape that the grammar does not have; kept as it stands.
    BadEscape,
    /// A reserved key whose value is not of its type, such as `http_status=ok`.
    BadValue,
    /// A reserved key that stands twice; the first counts.
    DuplicateKey,
    /// Text after a line break: an event is one physical line.
    MultiLine,
    /// JSON nested deeper than the limit; it takes the rest of the line.
    TooDeep,
    /// More fields than the limit.
    TooManyFields,
    /// More bytes than the limit.
    TooLong,
}

impl Defect {
    /// Every defect, in the order of its declaration.
    pub const ALL: [Self; 17] = [
        Self::BadTime,
        Self::NoZone,
        Self::UnknownKind,
        Self::NoEndpoint,
        Self::NoStatus,
        Self::UnknownStatus,
        Self::NoObject,
        Self::BrokenField,
        Self::UnterminatedQuote,
        Self::UnterminatedJson,
        Self::BadEscape,
        Self::BadValue,
        Self::DuplicateKey,
        Self::MultiLine,
        Self::TooDeep,
        Self::TooManyFields,
        Self::TooLong,
    ];

    /// A stable name for counters and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadTime => "bad_time",
            Self::NoZone => "no_zone",
            Self::UnknownKind => "unknown_kind",
            Self::NoEndpoint => "no_endpoint",
            Self::NoStatus => "no_status",
            Self::UnknownStatus => "unknown_status",
            Self::NoObject => "no_object",
            Self::BrokenField => "broken_field",
            Self::UnterminatedQuote => "unterminated_quote",
            Self::UnterminatedJson => "unterminated_json",
            Self::BadEscape => "bad_escape",
            Self::BadValue => "bad_value",
            Self::DuplicateKey => "duplicate_key",
            Self::MultiLine => "multi_line",
            Self::TooDeep => "too_deep",
            Self::TooManyFields => "too_many_fields",
            Self::TooLong => "too_long",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The defects of one line: a set, cheap to copy.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Defects(u32);

impl Defects {
    /// Nothing wrong.
    pub const NONE: Self = Self(0);

    /// Adds a defect; a second time changes nothing.
    pub fn add(&mut self, defect: Defect) {
        self.0 |= 1 << defect as u8;
    }

    /// Whether the line has this defect.
    pub const fn has(self, defect: Defect) -> bool {
        self.0 & (1 << defect as u8) != 0
    }

    /// Whether nothing is wrong.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The defects in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Defect> {
        Defect::ALL.into_iter().filter(move |defect| self.has(*defect))
    }
}

impl fmt::Debug for Defects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
