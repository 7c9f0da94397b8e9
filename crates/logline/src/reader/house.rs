//! Reads `[date-time][kind][endpoint] key=value …`.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::{Context, Reader, value};
use crate::scan::{self, Fields, Token, cut};
use crate::{Defect, Format, Kind, LineTime, Record, time};

/// The three brackets of a house line, and what follows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    time: &'a str,
    kind: &'a str,
    endpoint: &'a str,
    /// The fields.
    pub(crate) rest: &'a str,
}

impl<'a> Head<'a> {
    /// Takes a line for one of ours if it has three brackets and a known kind; or something like a time, any word in
    /// capitals for a kind, and fields.
    pub(crate) fn of(line: &'a str) -> Option<Self> {
        let (time, rest) = bracket(line.trim_ascii_start())?;
        let (kind, rest) = bracket(rest)?;
        let known = Kind::parse(kind).is_some();
        let likely = is_like_time(time) && kind.bytes().all(|byte| byte.is_ascii_uppercase());
        if !known && !likely {
            return None;
        }
        let (endpoint, rest) = endpoint(rest).or_else(|| known.then_some(("", rest)))?;
        let fields = || matches!(Fields::new(rest, 1).next(), None | Some(Token::Field(..)));
        (known || fields()).then_some(Self { time, kind, endpoint, rest })
    }

    pub(super) fn time(self, context: &Context) -> Option<LineTime> {
        time::parse(self.time, &context.timezone)
    }
}

fn bracket(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('[')?;
    let end = memchr(b']', text.as_bytes())?;
    Some((cut(text, 0, end), cut(text, end + 1, text.len()).trim_ascii_start()))
}

/// As [`bracket`], for the one in which a backslash escapes.
fn endpoint(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('[')?;
    let mut end = 0;
    loop {
        end += memchr2(b']', b'\\', text.as_bytes().get(end..)?)?;
        match text.as_bytes().get(end) {
            Some(b'\\') => end += 2,
            _ => return Some((cut(text, 0, end), cut(text, end + 1, text.len()))),
        }
    }
}

fn is_like_time(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', ..])
}

impl Reader {
    pub(super) fn house<'a>(&self, line: &'a str, context: &Context) -> Option<Record<'a>> {
        let head = Head::of(line)?;
        let limits = self.config.limits;
        let mut record = Record::empty(Format::House);
        record.time = head.time(context);
        record.kind = Kind::parse(head.kind);
        for token in Fields::new(head.rest, limits.depth) {
            match token {
                Token::Field(..) if limits.fields <= record.fields.len() => {
                    record.defects.add(Defect::TooManyFields);
                    break;
                }
                Token::Field(key, raw) => {
                    let value = value(raw, &mut record.defects);
                    record.push(Cow::Borrowed(key), value);
                }
                Token::Broken(defect) => record.defects.add(defect),
            }
        }
        let (endpoint, good) = scan::unescape(head.endpoint);
        if !good {
            record.defects.add(Defect::BadEscape);
        }
        record.set_endpoint(endpoint);
        self.judge(&mut record);
        Some(record)
    }
}
