//! From a request's headers and body to streams. No IO, no clock, no panic; memory is bounded by the limits.

use std::borrow::Cow;

use super::{json, wire};
use crate::assemble::Assembler;
pub use crate::assemble::Context;
use crate::decoded::clip;
use crate::inflate::{gunzip, inflate, unsnap};
use crate::{DecodeError, Decoded};

/// Which form of JSON a route takes. Protobuf is the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `/loki/api/v1/push`: `{"streams":[{"stream":{…},"values":[["<ns>","line",{…}]]}]}`.
    V1,
    /// `/api/prom/push`: `{"streams":[{"labels":"{…}","entries":[{"ts":"<RFC 3339>","line":"…"}]}]}`.
    V0,
}

/// Decodes a push. Entries and streams that break a rule are left out and accounted for in [`Decoded::rejected`];
/// an error means that nothing can be used.
pub fn decode(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    body: &[u8],
    version: Version,
    context: &Context<'_>,
) -> Result<Decoded, DecodeError> {
    let is_json = media_type(content_type.unwrap_or_default())? == "application/json";
    let max = context.limits.max_decoded_bytes;
    let body = match content_encoding.unwrap_or_default().trim() {
        // A body of protobuf is snappy whether this is said or not.
        "" | "identity" | "snappy" => Cow::Borrowed(body),
        "gzip" => gunzip(body, max)?,
        "deflate" => inflate(body, max)?,
        other => return Err(DecodeError::Invalid(format!("Content-Encoding {:?} not supported", clip(other)))),
    };
    let mut assembler = Assembler::new(*context);
    if is_json {
        json::read(&body, version, &mut assembler)?;
    } else {
        let read = unsnap(&body, max).and_then(|raw| wire::read(&raw, &mut assembler));
        read.map_err(
            |error| if body.trim_ascii_start().starts_with(b"{") { taken_for_protobuf(error) } else { error },
        )?;
    }
    assembler.finish()
}

/// What curl sends without a header is the most common mistake.
fn taken_for_protobuf(error: DecodeError) -> DecodeError {
    match error {
        DecodeError::Invalid(text) => DecodeError::Invalid(format!(
            "{text} (the body looks like JSON, but was read as protobuf: JSON needs `Content-Type: application/json`)"
        )),
        other => other,
    }
}

/// The type without its parameters, in small letters, if it is one; the messages are those of Go's parser.
fn media_type(text: &str) -> Result<String, DecodeError> {
    let invalid = |reason: &str| Err(DecodeError::Invalid(format!("mime: {reason}")));
    let base = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
    };
    if base.is_empty() {
        return invalid("no media type");
    }
    match base.split_once('/') {
        Some((_, "")) => invalid("expected token after slash"),
        Some((kind, subtype)) if token(kind) && token(subtype) => Ok(base),
        Some(_) => invalid("unexpected content after media subtype"),
        None if token(&base) => Ok(base),
        None => invalid("expected slash after first token"),
    }
}

#[cfg(test)]
mod tests;
