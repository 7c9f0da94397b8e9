//! Encodings of files: where a line ends in their bytes, and how the bytes become text.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// How the bytes of an input are text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8; what is not becomes `U+FFFD`.
    #[default]
    Utf8,
    /// Two or four bytes a character, the lower byte first.
    Utf16Le,
    /// Two or four bytes a character, the higher byte first.
    Utf16Be,
    /// One byte a character, the lower half ASCII.
    Single(&'static Encoding),
}

impl Charset {
    /// Names in the settings.
    pub(crate) const ALL: [(&'static str, Self); 6] = [
        ("utf-8", Self::Utf8),
        ("utf-16le", Self::Utf16Le),
        ("utf-16be", Self::Utf16Be),
        ("windows-1251", Self::Single(encoding_rs::WINDOWS_1251)),
        ("koi8-r", Self::Single(encoding_rs::KOI8_R)),
        ("cp866", Self::Single(encoding_rs::IBM866)),
    ];

    /// Bytes of a line end.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Utf16Le | Self::Utf16Be => 2,
            Self::Utf8 | Self::Single(_) => 1,
        }
    }

    /// Where the first line end at or behind `from` begins. `data` begins with a whole character.
    pub(crate) fn line_end(self, data: &[u8], from: usize) -> Option<usize> {
        let unit = match self {
            Self::Utf8 | Self::Single(_) => {
                return memchr::memchr(b'\n', data.get(from..)?).map(|at| from + at);
            }
            Self::Utf16Le => [b'\n', 0],
            Self::Utf16Be => [0, b'\n'],
        };
        let from = from & !1;
        data.get(from..)?.chunks_exact(2).position(|pair| pair == unit).map(|at| from + 2 * at)
    }

    /// Where what stands behind the last line end begins. `data` begins with a whole character.
    pub(crate) fn last_line_end(self, data: &[u8]) -> Option<usize> {
        let unit = match self {
            Self::Utf8 | Self::Single(_) => return memchr::memrchr(b'\n', data).map(|at| at + 1),
            Self::Utf16Le => [b'\n', 0],
            Self::Utf16Be => [0, b'\n'],
        };
        data.chunks_exact(2).rposition(|pair| pair == unit).map(|at| 2 * at + 2)
    }

    /// Bytes at the begin of `data` that are no text: a byte order mark at the begin of a file, zeros that a cut leaves.
    pub(crate) fn blank(self, data: &[u8], is_begin: bool) -> usize {
        let zeros = data.iter().take_while(|byte| **byte == 0).count();
        let bom: &[u8] = match self {
            Self::Utf8 => b"\xef\xbb\xbf",
            Self::Utf16Le => b"\xff\xfe",
            Self::Utf16Be => b"\xfe\xff",
            Self::Single(_) => b"",
        };
        if is_begin && !bom.is_empty() && data.starts_with(bom) {
            bom.len()
        } else {
            zeros / self.width() * self.width()
        }
    }

    /// The text, without a byte order mark.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => stdx::lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
            Self::Utf16Le => encoding_rs::UTF_16LE.decode_with_bom_removal(bytes).0,
            Self::Utf16Be => encoding_rs::UTF_16BE.decode_with_bom_removal(bytes).0,
            Self::Single(encoding) => encoding.decode_without_bom_handling(bytes).0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn lines_end_at_whole_characters_only() {
        // U+0A0A and U+000A beside each other.
        let le = utf16("ਊ\n\u{a00}x\n", u16::to_le_bytes);
        assert_eq!(Charset::Utf16Le.line_end(&le, 0), Some(2));
        assert_eq!(Charset::Utf16Le.line_end(&le, 4), Some(8));
        let be = utf16("ਊ\n\u{a00}x\n", u16::to_be_bytes);
        assert_eq!(Charset::Utf16Be.line_end(&be, 0), Some(2));
        assert_eq!(Charset::Utf8.line_end(b"ab\ncd\n", 3), Some(5));
        assert_eq!(Charset::Utf8.line_end(b"ab", 0), None);
        assert_eq!(Charset::Utf8.line_end(b"ab", 5), None);
        assert_eq!((Charset::Utf16Le.last_line_end(&le), Charset::Utf16Be.last_line_end(&be)), (Some(10), Some(10)));
        assert_eq!((Charset::Utf8.last_line_end(b"a\nb"), Charset::Utf16Be.last_line_end(b"\na")), (Some(2), None));
    }

    #[test]
    fn marks_and_holes_are_no_text() {
        assert_eq!(Charset::Utf8.blank(b"\xef\xbb\xbfa", true), 3);
        assert_eq!(Charset::Utf8.blank(b"\xef\xbb\xbfa", false), 0);
        assert_eq!(Charset::Utf8.blank(b"\0\0\0a", false), 3);
        assert_eq!(Charset::Utf16Be.blank(b"\0\0\0a", false), 2);
        assert_eq!(Charset::Utf16Be.blank(b"\xfe\xff\0a", true), 2);
    }

    #[test]
    fn each_encoding_becomes_text() {
        let check = |name: &str, bytes: &[u8]| {
            let charset = Charset::ALL.into_iter().find(|(known, _)| *known == name).unwrap().1;
            assert_eq!(charset.decode(bytes), "ошибка", "{name}");
        };
        check("utf-8", "\u{feff}ошибка".as_bytes());
        check("utf-16le", &utf16("\u{feff}ошибка", u16::to_le_bytes));
        check("utf-16be", &utf16("ошибка", u16::to_be_bytes));
        check("windows-1251", b"\xee\xf8\xe8\xe1\xea\xe0");
        check("koi8-r", b"\xcf\xdb\xc9\xc2\xcb\xc1");
        check("cp866", b"\xae\xe8\xa8\xa1\xaa\xa0");
        assert_eq!(Charset::Utf8.decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(Charset::Utf16Le.decode(b"a\0\0\xd8"), "a\u{fffd}");
    }
}
