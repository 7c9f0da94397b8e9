//! Bytes that should be text.

use std::borrow::Cow;

/// As [`String::from_utf8_lossy`], which looks at each character; nearly all texts are whole, and told so many bytes at once.
#[must_use]
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
