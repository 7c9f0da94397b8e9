//! Ids: words that end in random digits, such as trace ids. They are no words of the dictionary, which they would fill
//! without ever being alike; what is kept of each is a sample of its digits, from which it is found again.
//!
//! An id is the longest end of a word that is hexadecimal digits in small letters, when it has eight of them, letters
//! and decimals among them; what stands before it, as `tok_` does in `tok_03af91c2`, is a word of the dictionary.
//! Of an id are kept: its first six digits, as its head; the six digits from every sixth place on; and every six
//! decimals that begin at an even place, since people look for numbers. So eleven digits from anywhere, or seven
//! decimals, have a sample in them.

use super::grams::Key;

/// Digits of a sample, and places from one to the next.
pub(super) const GRAM: usize = 6;
/// Fewer digits are no id.
const MIN_ID: usize = 8;
/// Shorter beginnings of ids are too many to be looked for.
pub(super) const MIN_HEAD: usize = 4;
/// Decimals of a needle which are sure to have a sample in them.
const MIN_DECIMALS: usize = GRAM + 1;

/// What has to be among the samples of an id for a needle to be in it: one of these, of which all.
pub(super) type Wanted = Vec<Vec<Vec<Key>>>;

/// Whether a byte is a digit of ids.
pub(super) const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Cuts a word in front of the digits that it ends in.
pub(super) fn cut(word: &[u8]) -> (&[u8], &[u8]) {
    word.split_at(word.iter().rposition(|byte| !is_digit(*byte)).map_or(0, |last| last + 1))
}

/// A word that ends in an id: what stands before it, and the id.
#[inline]
pub(super) fn split(word: &[u8]) -> Option<(&[u8], &[u8])> {
    if word.len() < MIN_ID {
        return None;
    }
    let Some(Digits { all, decimals }) = Digits::of(word) else { return split_long(word) };
    let len = (all << (MAX_BITS - word.len())).leading_ones() as usize;
    if len < MIN_ID {
        return None;
    }
    let decimals = (decimals >> (word.len() - len)).count_ones() as usize;
    (0 < decimals && decimals < len).then(|| word.split_at(word.len() - len))
}

/// The same for words of any length.
fn split_long(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, id) = cut(word);
    let decimals = id.iter().filter(|digit| digit.is_ascii_digit()).count();
    (MIN_ID <= id.len() && 0 < decimals && decimals < id.len()).then_some((before, id))
}

/// Calls `found` with each sample of an id, in any order.
pub(super) fn samples(id: &[u8], mut found: impl FnMut(Key)) {
    for (nth, digits) in id.chunks_exact(GRAM).enumerate() {
        found(if nth == 0 { Key::head(digits) } else { Key::inner(digits) });
    }
    let mut decimals = |place: usize| {
        if !place.is_multiple_of(GRAM) {
            found(Key::inner(id.get(place..place + GRAM).unwrap_or_default()));
        }
    };
    let Some(Digits { decimals: ones, .. }) = Digits::of(id) else {
        let grams = id.windows(GRAM).enumerate().step_by(2);
        return grams.filter(|(_, gram)| gram.iter().all(u8::is_ascii_digit)).for_each(|(place, _)| decimals(place));
    };
    let pairs = ones & ones >> 1;
    let mut even = pairs & pairs >> 2 & pairs >> 4 & 0x5555_5555_5555_5555;
    while even != 0 {
        decimals(even.trailing_zeros() as usize);
        even &= even - 1;
    }
}

/// Which bytes of a word are digits of ids, and which of these decimals: a bit each, the first byte's the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Digits {
    all: u64,
    decimals: u64,
}

/// Longer words have no [`Digits`], nor do such as are shorter than an id.
const MAX_BITS: usize = 64;

impl Digits {
    #[inline]
    fn of(word: &[u8]) -> Option<Self> {
        let (eights, rest) = word.as_chunks::<MIN_ID>();
        if MAX_BITS < word.len() || eights.is_empty() {
            return None;
        }
        let mut found = Self { all: 0, decimals: 0 };
        let mut add = |eight: &[u8; 8], at: usize| {
            let (decimals, letters) = digits_of(u64::from_le_bytes(*eight));
            found.decimals |= decimals << at;
            found.all |= (decimals | letters) << at;
        };
        eights.iter().zip((0..).step_by(MIN_ID)).for_each(|(eight, at)| add(eight, at));
        // Some of the last eight may be there twice.
        if let (false, Some(last)) = (rest.is_empty(), word.last_chunk()) {
            add(last, word.len() - MIN_ID);
        }
        Some(found)
    }
}

/// Which of eight bytes are decimals, and which are letters that are digits: a bit each.
#[inline]
const fn digits_of(eight: u64) -> (u64, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    /// Brings the highest bit of byte n of eight bytes to bit 56 + n.
    const GATHER: u64 = 0x0002_0408_1020_4081;
    let (decimals, letters) = (eight ^ (0x30 * ONES), eight ^ (0x60 * ONES));
    let (decimal, letter) = (decimals & !HIGH, letters & !HIGH);
    // No sum goes beyond its byte: at most 9, and 1 to 6, do not reach the highest bit.
    let decimals = !((decimal + 0x76 * ONES) | decimals) & HIGH;
    let letters = !((letter + 0x79 * ONES) | letters) & (letter + 0x7f * ONES) & HIGH;
    (decimals.wrapping_mul(GATHER) >> 56, letters.wrapping_mul(GATHER) >> 56)
}

/// What an id has that begins with these digits, of which there are [`GRAM`] at least.
pub(super) fn beginning(digits: &[u8]) -> Vec<Key> {
    let grams = digits.chunks_exact(GRAM).enumerate();
    grams.map(|(at, gram)| if at == 0 { Key::head(gram) } else { Key::inner(gram) }).collect()
}

/// What an id has that has these digits somewhere in it. Of each list one alternative must hold; no list when nothing can
/// be told.
pub(super) fn inside(digits: &[u8]) -> Vec<Wanted> {
    // The first place of the digits may be the first of the id.
    let at = |place: usize, gram: &[u8]| {
        let head = (place == 0).then(|| Key::head(gram));
        head.into_iter().chain([Key::inner(gram)]).collect::<Vec<_>>()
    };
    let mut wanted = Vec::new();
    if 2 * GRAM - 1 <= digits.len() {
        let grams = |first: usize| -> Vec<Vec<Key>> {
            let rest = digits.get(first..).unwrap_or_default();
            rest.chunks_exact(GRAM).zip(0..).map(|(gram, nth)| at(first + nth * GRAM, gram)).collect()
        };
        wanted.push((0..GRAM).map(grams).collect());
    }
    let mut start = 0;
    for run in digits.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run.iter().all(u8::is_ascii_digit) && MIN_DECIMALS <= run.len() {
            let grams = |first: usize| -> Vec<Vec<Key>> {
                run.windows(GRAM).enumerate().skip(first).step_by(2).map(|(nth, gram)| at(start + nth, gram)).collect()
            };
            wanted.push((0..2).map(grams).collect());
        }
        start += run.len();
    }
    wanted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn short_words_are_read_as_long_ones_are(before in "[a-z_0-9]{0,9}", id in "[0-9a-f]{6,70}|[0-9]{4,9}[a-f][0-9]{2,60}") {
            let word = before + &id;
            prop_assert_eq!(split(word.as_bytes()), split_long(word.as_bytes()));
            let (mut all, mut plain) = (Vec::new(), Vec::new());
            samples(id.as_bytes(), |key| all.push(key));
            for (place, digits) in id.as_bytes().windows(GRAM).enumerate().step_by(2) {
                if place == 0 {
                    plain.push(Key::head(digits));
                } else if place.is_multiple_of(GRAM) || digits.iter().all(u8::is_ascii_digit) {
                    plain.push(Key::inner(digits));
                }
            }
            all.sort_unstable();
            plain.sort_unstable();
            prop_assert_eq!(all, plain);
        }
    }

    fn text((before, id): (&[u8], &[u8])) -> (String, String) {
        (String::from_utf8_lossy(before).into_owned(), String::from_utf8_lossy(id).into_owned())
    }

    #[test]
    fn an_id_is_the_end_of_a_word_that_looks_drawn_by_lot() {
        let found = |word: &str| split(word.as_bytes()).map(text);
        let id = |before: &str, id: &str| Some((before.to_owned(), id.to_owned()));
        assert_eq!(found("03af91c2"), id("", "03af91c2"));
        assert_eq!(found("tok_03af91c2"), id("tok_", "03af91c2"));
        assert_eq!(found("0xffff8881"), id("0x", "ffff8881"));
        for word in ["", "03af91c", "12345678", "deadbeef", "03AF91C2", "03af91c2_x", "order_id", "20260921", "x1"] {
            assert_eq!(found(word), None, "{word}");
        }
    }

    #[test]
    fn digits_are_told_apart_eight_at_a_time() {
        for byte in 0..=u8::MAX {
            for (len, at) in [(8, 0), (9, 8), (12, 7), (15, 14), (64, 63)] {
                let mut word = vec![b'x'; len];
                word[at] = byte;
                let bit = |is: bool| u64::from(is) << at;
                let expected = Digits { all: bit(is_digit(byte)), decimals: bit(byte.is_ascii_digit()) };
                assert_eq!(Digits::of(&word), Some(expected), "{byte} at {at}");
            }
        }
        assert_eq!([7, 65].map(|len| Digits::of(&vec![b'0'; len])), [None, None]);
    }

    #[test]
    fn any_eleven_digits_and_any_seven_decimals_of_an_id_have_a_sample() {
        for number in 0..200_u32 {
            let id = blake3::hash(&number.to_le_bytes()).to_hex().to_string();
            let id = id.get(..8 + number as usize % 40).unwrap_or_default();
            let mut kept = std::collections::HashSet::new();
            samples(id.as_bytes(), |key| kept.extend([key]));
            let holds = |wanted: &Wanted| {
                wanted.iter().any(|all| all.iter().all(|one_of| one_of.iter().any(|key| kept.contains(key))))
            };
            for start in 0..id.len() {
                for end in start + 1..=id.len() {
                    let needle = &id.as_bytes()[start..end];
                    let wanted = inside(needle);
                    assert!(wanted.iter().all(holds), "{start} to {end} of {id}");
                    let decimals = needle.len() >= 7 && needle.iter().all(u8::is_ascii_digit);
                    assert!(!wanted.is_empty() || needle.len() < 11 && !decimals, "{start} to {end} of {id}");
                    let whole = start > 0 || needle.len() < GRAM;
                    assert!(whole || beginning(needle).iter().all(|key| kept.contains(key)), "{end} of {id}");
                }
            }
        }
    }
}
