//! One file compressed with gzip, which is read once from its start, or on from where an earlier run stopped.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use flate2::read::MultiGzDecoder;

use crate::cutter::Cutter;
use crate::intake::Take;
use crate::lines::Lines;
use crate::state::Marker;

/// Bytes that one turn reads.
const CHUNK: usize = 256 << 10;

/// A compressed file under reading.
#[derive(Debug)]
pub(crate) struct Archive {
    decoder: MultiGzDecoder<BufReader<File>>,
    cutter: Cutter,
    /// Bytes of the content that are still to be passed over.
    skip: u64,
    chunk: Vec<u8>,
}

impl Archive {
    /// Reads from an offset of the content.
    pub(crate) fn open(path: &Path, lines: Lines, offset: u64) -> io::Result<Self> {
        let decoder = decoder(path)?;
        Ok(Self { decoder, cutter: Cutter::new(lines, offset), skip: offset, chunk: vec![0; CHUNK] })
    }

    /// Moves lines into the batch; tells up to where the content is in batches, and whether that is all.
    pub(crate) fn read(&mut self, batch: &mut impl Take, now: Instant) -> io::Result<(u64, bool)> {
        let length = self.decoder.read(&mut self.chunk)?;
        if length == 0 {
            self.cutter.finish(now, batch);
            return Ok((self.cutter.take(batch), true));
        }
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(length);
        self.skip -= passed as u64;
        self.cutter.push(self.chunk.get(passed..length).unwrap_or_default(), now, batch);
        Ok((self.cutter.take(batch), false))
    }
}

fn decoder(path: &Path) -> io::Result<MultiGzDecoder<BufReader<File>>> {
    Ok(MultiGzDecoder::new(BufReader::with_capacity(64 << 10, File::open(path)?)))
}

/// The length of the content as the file's last four bytes tell it: modulo 4 GiB, and of its last member only.
pub(crate) fn told_length(path: &Path) -> io::Result<u32> {
    let file = File::open(path)?;
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, file.metadata()?.len().saturating_sub(4))?;
    Ok(u32::from_le_bytes(bytes))
}

/// The last of these places, sorted by offset, that is one in the content: what stands before it is the same.
pub(crate) fn find(path: &Path, places: &[(u64, Marker)]) -> io::Result<Option<usize>> {
    let mut decoder = decoder(path)?;
    let mut window = Vec::new();
    let (mut chunk, mut at, mut found) = (vec![0; CHUNK], 0_u64, None);
    for (index, (offset, marker)) in places.iter().enumerate() {
        while at < *offset {
            let wanted = usize::try_from(*offset - at).unwrap_or(CHUNK).min(CHUNK);
            let length = decoder.read(chunk.get_mut(..wanted).unwrap_or_default())?;
            if length == 0 {
                return Ok(found);
            }
            at += length as u64;
            window.extend_from_slice(chunk.get(..length).unwrap_or_default());
            window.drain(..window.len().saturating_sub(Marker::MAX));
        }
        if Marker::of(&window) == *marker {
            found = Some(index);
        }
    }
    Ok(found)
}
