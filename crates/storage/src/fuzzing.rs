//! For the package `fuzz-storage`: damaged files of every kind are opened as a server opens them. Damage must be told, or
//! the answers must be right; what breaks that panics.

mod file;
mod wal;

pub use self::file::{file, index};
pub use self::wal::{record, wal};

use crate::delta::fuzzed_entry;

/// Reads a commit entry of a Delta table. What it says is the same however often it is read.
pub fn commit(bytes: &[u8]) {
    assert_eq!(fuzzed_entry(bytes), fuzzed_entry(bytes), "an entry is read in two ways");
}

/// Changes `bytes` as the `script` says: four bytes a change, which are what is done, where (two bytes, from the end when
/// the first bit of what is done is set), and with what.
fn damage(bytes: &mut Vec<u8>, script: &[u8]) {
    for change in script.chunks_exact(4).take(16) {
        let [what, high, low, value] = *change else { return };
        if bytes.is_empty() {
            return;
        }
        let at = usize::from(u16::from_be_bytes([high, low])) % bytes.len();
        let at = if what < 0x80 { at } else { bytes.len() - 1 - at };
        let all = bytes.len();
        let end = |len: usize| (at + len).min(all);
        match what % 8 {
            0 => bytes[at] = value,
            1 => bytes[at] ^= 1 << (value % 8),
            2 => bytes.truncate(at),
            3 => bytes[at..end(64)].fill(0),
            4 => drop(bytes.splice(at..at, std::iter::repeat_n(value, 1 + usize::from(value % 4)))),
            5 => drop(bytes.drain(at..end(1 + usize::from(value)))),
            6 => {
                let to = usize::from(value) * bytes.len() / 256;
                let len = 64.min(bytes.len() - at.max(to));
                bytes.copy_within(at..at + len, to);
            }
            _ => bytes[at..end(8)].fill(value),
        }
    }
}
