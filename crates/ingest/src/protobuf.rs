//! Writes protobuf without structures in between: what our encoders need of it.

use prost::encoding::{encode_varint, encoded_len_varint};

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
