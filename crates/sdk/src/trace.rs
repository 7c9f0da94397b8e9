//! W3C trace context: read from a caller, carried on, or begun here.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// The header that carries it.
pub const TRACEPARENT: &str = "traceparent";

/// Where a call stands in its trace: the trace, this step, and the step that caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    parent: Option<u64>,
    flags: u8,
}

impl TraceContext {
    /// Begins a trace. `random` gives 64 random bits at a time.
    pub fn begin(random: impl Fn() -> u64) -> Self {
        let trace = u128::from(not_zero(&random)) << 64 | u128::from(random());
        Self { trace, span: not_zero(&random), parent: None, flags: 1 }
    }

    /// Reads a `traceparent` header as the context of the caller. None if it is not well formed.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex(version, 2)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?);
        let flags = u8::try_from(hex(flags, 2)?).ok()?;
        (trace != 0 && span != 0).then_some(Self { trace, span, parent: None, flags: flags & 1 })
    }

    /// The next step of the trace, caused by this one.
    #[must_use]
    pub fn child(&self, random: impl Fn() -> u64) -> Self {
        Self { span: not_zero(&random), parent: Some(self.span), ..*self }
    }

    /// `trace_id`, 32 hex digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// `span_id`, 16 hex digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// The `span_id` of the step that caused this one.
    pub fn parent_span_id(&self) -> Option<String> {
        self.parent.map(|span| format!("{span:016x}"))
    }
}

/// As the `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

/// 64 bits that no other call of this function gives: keys that the system made random, hashed.
pub(crate) fn system_random() -> u64 {
    RandomState::new().hash_one(0_u8)
}

fn not_zero(random: impl Fn() -> u64) -> u64 {
    random().max(1)
}

/// Exactly `digits` hex digits in small letters.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let fine = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fine.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
