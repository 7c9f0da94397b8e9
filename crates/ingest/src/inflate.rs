//! Undoes a body's `Content-Encoding` within a bound on the result.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::DecodeError;

/// gzip, possibly of several members.
pub(crate) fn gunzip(body: &[u8], max: usize) -> Result<Cow<'static, [u8]>, DecodeError> {
    read(MultiGzDecoder::new(body), max, "gzip")
}

/// zstd, possibly of several frames. A frame may ask for a window of 8 MiB, as the highest usual level does.
pub(crate) fn unzstd(body: &[u8], max: usize) -> Result<Cow<'static, [u8]>, DecodeError> {
    let corrupt = |_| DecodeError::Invalid("zstd: corrupt input".to_owned());
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(corrupt)?;
    decoder.window_log_max(23).map_err(corrupt)?;
    read(decoder, max, "zstd")
}

/// Raw DEFLATE, which is what Loki means by `deflate`; with a zlib header, which is what HTTP means by it, too.
pub(crate) fn inflate(body: &[u8], max: usize) -> Result<Cow<'static, [u8]>, DecodeError> {
    match body {
        [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0 => {
            read(ZlibDecoder::new(body), max, "deflate")
        }
        _ => read(DeflateDecoder::new(body), max, "deflate"),
    }
}

/// One block of snappy, without framing. What its header claims is checked before it is believed.
pub(crate) fn unsnap(body: &[u8], max: usize) -> Result<Vec<u8>, DecodeError> {
    let corrupt = || DecodeError::Invalid("snappy: corrupt input".to_owned());
    let claimed = snap::raw::decompress_len(body).map_err(|_| corrupt())?;
    if claimed > max {
        return Err(too_large(max));
    }
    // Three bytes can stand for 64 at most.
    if claimed > body.len().saturating_mul(22) {
        return Err(corrupt());
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(|_| corrupt())
}

fn read(decoder: impl Read, max: usize, name: &str) -> Result<Cow<'static, [u8]>, DecodeError> {
    let mut out = Vec::new();
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    match decoder.take(bound).read_to_end(&mut out) {
        Err(_) => Err(DecodeError::Invalid(format!("{name}: corrupt input"))),
        Ok(_) if out.len() > max => Err(too_large(max)),
        Ok(_) => Ok(Cow::Owned(out)),
    }
}

fn too_large(max: usize) -> DecodeError {
    DecodeError::TooLarge(format!("decompressed request body is larger than the limit of {max} bytes"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_encoding_is_undone() {
        let data = b"the same text, the same text, the same text".as_slice();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(data).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(data).unwrap();
        assert_eq!(inflate(&raw.finish().unwrap(), 100).unwrap(), data);
        assert_eq!(inflate(&zlib.finish().unwrap(), 100).unwrap(), data);
        assert_eq!(gunzip(&gzip(data), 100).unwrap(), data);
        assert_eq!(gunzip(&[gzip(b"a"), gzip(b"b")].concat(), 100).unwrap(), b"ab".as_slice());
        let two = [zstd::encode_all(data, 19).unwrap(), zstd::encode_all(data, 1).unwrap()].concat();
        assert_eq!(unzstd(&two, 100).unwrap(), [data, data].concat());
        assert_eq!(unsnap(&snap::raw::Encoder::new().compress_vec(data).unwrap(), 100).unwrap(), data);
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 10 << 20]);
        assert!(bomb.len() < 5 << 20);
        assert!(matches!(gunzip(&bomb, 1 << 20), Err(DecodeError::TooLarge(_))));
        assert!(gunzip(&bomb, 10 << 20).is_ok());
        let bomb = zstd::encode_all(vec![0; 10 << 20].as_slice(), 1).unwrap();
        assert!(matches!(unzstd(&bomb, 1 << 20), Err(DecodeError::TooLarge(_))));
    }

    #[test]
    fn a_snappy_header_is_not_believed() {
        // Claims 4 GiB less one byte; then 16 MiB out of nine bytes.
        assert!(matches!(unsnap(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], 64 << 20), Err(DecodeError::TooLarge(_))));
        let corrupt = Err(DecodeError::Invalid("snappy: corrupt input".to_owned()));
        assert_eq!(unsnap(&[0x80, 0x80, 0x80, 0x08, 1, 2, 3, 4, 5], 64 << 20), corrupt);
        assert_eq!(unsnap(&[], 100), corrupt);
        assert_eq!(unsnap(b"not snappy at all", 1 << 30), corrupt);
    }

    #[test]
    fn the_highest_ratio_of_snappy_is_let_through() {
        let data = vec![b'x'; 1 << 20];
        let body = snap::raw::Encoder::new().compress_vec(&data).unwrap();
        assert_eq!(unsnap(&body, 1 << 20).unwrap(), data);
    }

    #[test]
    fn corrupt_input_is_told_from_large_input() {
        assert_eq!(unzstd(b"plain", 100), Err(DecodeError::Invalid("zstd: corrupt input".to_owned())));
        assert_eq!(gunzip(b"plain", 100), Err(DecodeError::Invalid("gzip: corrupt input".to_owned())));
        assert!(matches!(inflate(&[0xff; 20], 100), Err(DecodeError::Invalid(_))));
    }
}
