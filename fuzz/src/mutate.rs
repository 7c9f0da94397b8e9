//! New inputs from old ones: a few random changes, and pieces that mean something to the target.

use stdx::Rng;

/// Longer inputs find nothing that shorter ones do not.
const MAX_BYTES: usize = 4 << 10;
const MAX_CHANGES: u64 = 6;
/// Bytes that often stand at a border of meaning.
const BORDERS: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'\\', b'%', b'{', b'0', b' '];

/// One input of the corpus with one to six changes.
pub(crate) fn mutate(corpus: &[Vec<u8>], words: &[&str], rng: &mut Rng) -> Vec<u8> {
    let mut input = rng.pick(corpus).cloned().unwrap_or_default();
    for _ in 0..=rng.below(MAX_CHANGES) {
        change(&mut input, corpus, words, rng);
        input.truncate(MAX_BYTES);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], rng: &mut Rng) {
    let at = index(rng, input.len() + 1);
    match rng.below(9) {
        0 => flip(input, at, rng),
        1 => set(input, at, rng),
        2 => drop(input.drain(at..(at + 1 + index(rng, 16)).min(input.len()).max(at))),
        3 => insert(input, at, &[BORDERS[index(rng, BORDERS.len())]]),
        4 | 5 => insert(input, at, rng.pick(words).copied().unwrap_or_default().as_bytes()),
        6 => {
            let other = rng.pick(corpus).map(Vec::as_slice).unwrap_or_default();
            let piece = piece(other, rng).to_vec();
            insert(input, at, &piece);
        }
        7 => {
            let piece = piece(input, rng).to_vec();
            insert(input, at, &piece);
        }
        _ => input.truncate(at),
    }
}

fn flip(input: &mut [u8], at: usize, rng: &mut Rng) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
}

/// Another byte, of the same kind more often than not: a digit stays a digit.
fn set(input: &mut [u8], at: usize, rng: &mut Rng) {
    let Some(byte) = input.get_mut(at) else { return };
    let [random, ..] = rng.bits().to_le_bytes();
    *byte = match *byte {
        b'0'..=b'9' => b'0' + random % 10,
        b'a'..=b'z' => b'a' + random % 26,
        _ => random,
    };
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(input.splice(at..at, piece.iter().copied()));
}

fn piece<'a>(input: &'a [u8], rng: &mut Rng) -> &'a [u8] {
    let start = index(rng, input.len());
    let end = (start + index(rng, 64)).min(input.len());
    input.get(start..end).unwrap_or_default()
}

fn index(rng: &mut Rng, below: usize) -> usize {
    usize::try_from(rng.below(below as u64)).unwrap_or_default()
}
