//! The header by which our agent numbers its batches, so that a repeat is recognised.

use logline::BatchId;

/// Carries `<agent uuid>/<sequence>`.
pub const BATCH_HEADER: &str = "x-lapidary-batch";

/// The header is not `<uuid>/<sequence>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("header X-Lapidary-Batch is not `<uuid>/<sequence>`")]
pub struct InvalidBatchId;

/// Reads the header's value.
pub fn parse_batch_id(text: &str) -> Result<BatchId, InvalidBatchId> {
    let (uuid, sequence) = text.split_once('/').ok_or(InvalidBatchId)?;
    let digits: String = uuid.chars().filter(|c| *c != '-').collect();
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit());
    if digits.len() != 32 || !plain(&digits) || !plain(sequence) {
        return Err(InvalidBatchId);
    }
    let agent = u128::from_str_radix(&digits, 16).map_err(|_| InvalidBatchId)?;
    let sequence = sequence.parse().map_err(|_| InvalidBatchId)?;
    Ok(BatchId { agent, sequence })
}

/// Writes the header's value.
pub fn format_batch_id(id: BatchId) -> String {
    let hex = format!("{:032x}", id.agent);
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
    format!("{}/{}", groups.join("-"), id.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_read_as_it_was_written() {
        let id = BatchId { agent: 0x0123_4567_89ab_cdef_0011_2233_4455_6677, sequence: 42 };
        assert_eq!(format_batch_id(id), "01234567-89ab-cdef-0011-223344556677/42");
        assert_eq!(parse_batch_id(&format_batch_id(id)), Ok(id));
    }

    #[test]
    fn anything_else_in_the_header_is_refused() {
        for text in
            ["", "/", "01234567-89ab-cdef-0011-223344556677", "0123/1", "01234567-89ab-cdef-0011-223344556677/-1"]
        {
            assert_eq!(parse_batch_id(text), Err(InvalidBatchId), "{text}");
        }
        assert!(parse_batch_id("+1234567-89ab-cdef-0011-223344556677/1").is_err());
        assert!(parse_batch_id("01234567-89ab-cdef-0011-223344556677/99999999999999999999").is_err());
    }
}
