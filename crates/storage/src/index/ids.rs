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
    let (before, id) = cut(word);
    let decimals = id.iter().filter(|digit| digit.is_ascii_digit()).count();
    (MIN_ID <= id.len() && 0 < decimals && decimals < id.len()).then_some((before, id))
}

/// Calls `found` with each sample of an id.
pub(super) fn samples(id: &[u8], mut found: impl FnMut(Key)) {
    for (place, digits) in id.windows(GRAM).enumerate().step_by(2) {
        if place == 0 {
            found(Key::head(digits));
        } else if place % GRAM == 0 || digits.iter().all(u8::is_ascii_digit) {
            found(Key::inner(digits));
        }
    }
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
    use super::*;

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
