//! Values that the name of an element tells: `<password>X</password>`, `<ns:Password type="a">X</ns:Password>`.

use std::ops::Range;

use super::Scan;
use super::key::{Key, MAX_KEY_BYTES, is_key};
use super::value::{Form, Value};

/// An element with more bytes is not looked for.
const MAX_ELEMENT_BYTES: usize = 4096;
/// Bytes of a tag before a number that are looked at.
const MAX_TAG_BYTES: usize = 512;
const CDATA: (&str, &str) = ("<![CDATA[", "]]>");

impl Scan<'_> {
    /// Reads around a `<` that begins no marker.
    #[inline(never)]
    pub(super) fn tag(&mut self, at: usize) {
        let found = if self.byte(at + 1) == Some(b'/') { self.element_before(at) } else { self.element_cut_off(at) };
        if let Some((key, content)) = found
            && let Some(class) = self.telling_class(&key)
        {
            self.take(class, &key, &Value { span: content, quote: None, form: Form::Quoted });
        }
        self.at = at + 1;
    }

    /// The element that the tag at `at` ends, if its name may tell: the name in the tag that begins it, and what it holds.
    fn element_before(&self, at: usize) -> Option<(Key, Range<usize>)> {
        let name = at + 2..self.skip_while(at + 2, is_name);
        let local = self.local(&name);
        self.telling_class(&Key { span: local.clone(), quote: None })?;
        let floor = self.text.ceil_char_boundary(at.saturating_sub(MAX_ELEMENT_BYTES));
        let begins = |start: usize| {
            let end = start + name.len();
            let is_whole = self.byte(end).is_some_and(|byte| matches!(byte, b'>' | b'+') || byte.is_ascii_whitespace());
            let is_tag = is_whole && self.bytes[..start].ends_with(b"<");
            let tag = is_tag.then(|| self.tag_end(end)).flatten().filter(|tag| *tag <= at)?;
            Some((Key { span: end - local.len()..end, quote: None }, self.inner(tag..at)))
        };
        let mut names = self.slice(floor..at).rmatch_indices(self.slice(name.clone()));
        names.find_map(|(start, _)| begins(floor + start))
    }

    /// An element that begins at `at` and holds one word, to the end of the text.
    fn element_cut_off(&self, at: usize) -> Option<(Key, Range<usize>)> {
        let name = at + 1..self.skip_while(at + 1, is_name);
        let local = self.local(&name);
        let key = Key { span: local, quote: None };
        self.telling_class(&key)?;
        let start = self.tag_end(name.end)?;
        let is_word = |byte: u8| !byte.is_ascii_whitespace() && !matches!(byte, b'<' | b'"');
        let begins = self.byte(start).is_some_and(|byte| byte.is_ascii_alphanumeric() || 0x80 <= byte);
        (begins && self.skip_while(start, is_word) == self.bytes.len()).then_some((key, start..self.bytes.len()))
    }

    /// The key that is the name of the tag that ends with the `>` at `end`.
    pub(super) fn key_of_tag(&self, end: usize) -> Option<Key> {
        let floor = end.saturating_sub(MAX_TAG_BYTES);
        let start = floor + self.bytes[floor..end].iter().rposition(|byte| *byte == b'<')? + 1;
        let span = self.local(&(start..self.skip_while(start, is_name)));
        (!span.is_empty() && self.tag_end(span.end)? == end + 1).then_some(Key { span, quote: None })
    }

    /// Whether the number from `start` on is all that is left of what an element holds; a marker is no tag.
    pub(super) fn ends_element(&self, start: usize) -> bool {
        let of_number =
            |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'\r' | b'\n');
        let end = self.skip_while(start, of_number);
        self.bytes.get(end..).is_some_and(|rest| rest.starts_with(b"</"))
    }

    /// A name without what stands before its colon.
    fn local(&self, name: &Range<usize>) -> Range<usize> {
        let text = self.slice(name.clone());
        let local = text.rsplit(':').next().unwrap_or_default().len().min(MAX_KEY_BYTES);
        name.end - local..name.end
    }

    /// Where the tag ends whose name ends at `end`, unless it holds nothing.
    fn tag_end(&self, end: usize) -> Option<usize> {
        let close = self.skip_while(end, |byte| !matches!(byte, b'<' | b'>'));
        (self.byte(close) == Some(b'>') && self.bytes[close - 1] != b'/').then_some(close + 1)
    }

    /// What an element holds, without blanks around it and without the marks of raw text.
    fn inner(&self, span: Range<usize>) -> Range<usize> {
        let text = self.slice(span.clone()).trim_end();
        let start = span.start + text.len() - text.trim_start().len();
        let text = text.trim_start();
        match text.strip_prefix(CDATA.0).and_then(|text| text.strip_suffix(CDATA.1)) {
            Some(raw) => start + CDATA.0.len()..start + CDATA.0.len() + raw.len(),
            None => start..start + text.len(),
        }
    }
}

fn is_name(byte: u8) -> bool {
    is_key(byte) || byte == b':'
}
