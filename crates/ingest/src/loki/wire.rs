//! Loki's `PushRequest` in protobuf, read without a copy and without trusting a length.
//!
//! `PushRequest { 1: streams }`, `Stream { 1: labels, 2: entries }`, `Entry { 1: Timestamp { 1: seconds, 2: nanos },
//! 2: line, 3: metadata }`, `Pair { 1: name, 2: value }`. Other fields are skipped.

use std::borrow::Cow;
use std::collections::HashMap;

use logline::{Labels, Timestamp};
use stdx::lossy;

use crate::DecodeError;
use crate::assemble::{Assembler, Pair, RawEntry, Target};
use crate::protobuf::{Fields, Value};

/// Reads a `PushRequest` into `out`.
pub(super) fn read(body: &[u8], out: &mut Assembler<'_>) -> Result<(), DecodeError> {
    // Many shippers send one stream object per entry, each with the same labels.
    let mut known: HashMap<Cow<'_, str>, Target> = HashMap::new();
    for field in Fields(body) {
        let (1, Value::Bytes(stream)) = field? else { continue };
        let text = labels(stream)?;
        let target = match known.get(&text) {
            Some(target) => target.clone(),
            None => {
                let target = out.stream(Labels::parse(&text), &text);
                known.insert(text, target.clone());
                target
            }
        };
        let entries = entries(stream, &target, out)?;
        out.take_items(1)?;
        out.close(&target, entries);
    }
    Ok(())
}

/// The labels may stand behind the entries, so they are looked for first.
fn labels(stream: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
    let mut labels = Cow::Borrowed("");
    for field in Fields(stream) {
        if let (1, Value::Bytes(text)) = field? {
            labels = lossy(text);
        }
    }
    Ok(labels)
}

fn entries(stream: &[u8], target: &Target, out: &mut Assembler<'_>) -> Result<usize, DecodeError> {
    let mut count = 0;
    for field in Fields(stream) {
        if let (2, Value::Bytes(bytes)) = field? {
            count += 1;
            let entry = entry(bytes, out)?;
            out.entry(target, entry);
        }
    }
    Ok(count)
}

fn entry<'a>(bytes: &'a [u8], out: &mut Assembler<'_>) -> Result<RawEntry<'a>, DecodeError> {
    out.take_items(1)?;
    let mut entry = RawEntry { timestamp: Some(Timestamp(0)), line: Cow::Borrowed(""), metadata: Vec::new() };
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(time)) => entry.timestamp = timestamp(time)?,
            (2, Value::Bytes(line)) => entry.line = lossy(line),
            (3, Value::Bytes(bytes)) => {
                out.take_items(1)?;
                entry.metadata.push(pair(bytes)?);
            }
            _ => {}
        }
    }
    Ok(entry)
}

fn timestamp(bytes: &[u8]) -> Result<Option<Timestamp>, DecodeError> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    for field in Fields(bytes) {
        match field? {
            // Negative numbers travel as their two's complement.
            (1, Value::Varint(value)) => seconds = value.cast_signed(),
            (2, Value::Varint(value)) => nanos = value.cast_signed(),
            _ => {}
        }
    }
    Ok(seconds.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanos)).map(Timestamp))
}

fn pair(bytes: &[u8]) -> Result<Pair<'_>, DecodeError> {
    let mut pair = (Cow::Borrowed(""), Cow::Borrowed(""));
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(name)) => pair.0 = lossy(name),
            (2, Value::Bytes(value)) => pair.1 = lossy(value),
            _ => {}
        }
    }
    Ok(pair)
}
