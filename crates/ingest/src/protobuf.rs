//! Reads and writes protobuf without structures in between: what our decoders and encoders need of it.

use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_varint, encoded_len_varint, skip_field,
};

use crate::DecodeError;

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;

/// Appends a number.
pub fn varint_field(out: &mut Vec<u8>, tag: u64, value: u64) {
    encode_varint(tag << 3 | VARINT, out);
    encode_varint(value, out);
}

/// Appends a number of eight bytes.
pub fn fixed64_field(out: &mut Vec<u8>, tag: u64, value: i64) {
    encode_varint(tag << 3 | FIXED64, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends bytes, a text or a message.
pub fn field(out: &mut Vec<u8>, tag: u64, bytes: &[u8]) {
    head(out, tag, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends what stands before `len` bytes of a field.
pub fn head(out: &mut Vec<u8>, tag: u64, len: usize) {
    encode_varint(tag << 3 | LENGTH_DELIMITED, out);
    encode_varint(len as u64, out);
}

/// Bytes that a field of `len` bytes takes, with its head; for tags below 16.
pub fn field_len(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

/// The fields of one message, in order; ends after the first broken one. No length is trusted.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

/// The value of a field.
pub(crate) enum Value<'a> {
    /// Any number of variable length, a boolean, an enumeration.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
    /// A group, which nobody writes any more.
    Group,
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u32, Value<'a>), DecodeError> {
        let broken = |_| malformed();
        let (tag, wire_type) = decode_key(&mut self.0).map_err(broken)?;
        let value = match wire_type {
            WireType::Varint => Value::Varint(decode_varint(&mut self.0).map_err(broken)?),
            WireType::SixtyFourBit => Value::Fixed64(u64::from_le_bytes(self.take()?)),
            WireType::ThirtyTwoBit => Value::Fixed32(u32::from_le_bytes(self.take()?)),
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut self.0).map_err(broken)?).map_err(|_| malformed())?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(malformed)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            WireType::StartGroup | WireType::EndGroup => {
                skip_field(wire_type, tag, &mut self.0, DecodeContext::default()).map_err(broken)?;
                Value::Group
            }
        };
        Ok((tag, value))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn malformed() -> DecodeError {
    DecodeError::Invalid("the body is not a protobuf push request".to_owned())
}
