//! Texts that are too long for a record: head and tail are kept, and a hash of the whole, so that padding hides nothing
//! unseen.

use std::borrow::Cow;

/// A tail that begins in the middle of a word may be the rest of a secret; the word is left out unless it is longer.
const WORD: usize = 256;

/// A text of at most about `most` bytes. Of a longer one it has head and tail, and between them its length and hash.
pub fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let tail = most / 4;
    let head = text.get(..text.floor_char_boundary(most - tail)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - tail)..).unwrap_or_default();
    let word = tail.find(char::is_whitespace).filter(|end| *end < WORD).unwrap_or_default();
    let (tail, hash) = (tail.get(word..).unwrap_or_default(), blake3::hash(text.as_bytes()).to_hex());
    Cow::Owned(format!("{head}…[{} bytes, blake3 {}]…{tail}", text.len(), hash.get(..32).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_head_and_tail_are_kept_and_the_whole_has_a_hash() {
        assert_eq!(shorten("short", 5), "short");
        let long = format!("{{a=\"b\"}} {}=s3cret |= \"evaded\"", "ä".repeat(500));
        let short = shorten(&long, 64);
        assert!(short.starts_with("{a=\"b\"} ä") && short.ends_with("]… |= \"evaded\""), "{short}");
        assert!(short.contains(&format!("[{} bytes, blake3 ", long.len())) && short.len() < 160, "{short}");
        let other = long.replacen('ä', "ö", 400);
        assert_ne!(shorten(&other, 64).split_once("blake3"), short.split_once("blake3"));
    }
}
