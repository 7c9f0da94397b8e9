//! How far one output has delivered the spool, on disk, so that a restart goes on there.
//!
//! The file has two slots, written in turn: whichever write a crash tears, the other slot stands. It is written after
//! every answer and synced now and then, so a killed agent repeats nothing; a power cut may take it back a little,
//! and what is sent again then is a repeat that Lapidary drops by its number.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::disk::{Fs, Handle, RealFs};

/// What an output has done, since it was first configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// The number of the last batch that is settled, together with all before it.
    pub sequence: u64,
    /// Lines of the spool up to it.
    pub lines_end: u64,
    /// Batches that were delivered, wholly or in part.
    pub batches: u64,
    /// Lines that were.
    pub lines: u64,
    /// Batches that the server refused, wholly or in part.
    pub refused_batches: u64,
    /// Lines of which the server said that it refuses them, and all of batches that it refused without telling which.
    pub refused_lines: u64,
    /// Lines that were dropped from a full spool, or damaged there, before they could be sent.
    pub lost_lines: u64,
    /// Attempts that failed and were repeated.
    pub retries: u64,
}

/// The progress of one output, on disk.
#[derive(Debug)]
pub(crate) struct Cursor {
    file: Arc<dyn Handle>,
    /// Counts the writes; the slot with the higher count holds.
    writes: u64,
    pub(crate) progress: Progress,
}

/// The folder of the cursors in the state folder.
pub(crate) const CURSORS: &str = "cursors";

impl Progress {
    /// What the outputs of an agent, running or not, have done, by their names.
    pub fn load(state_dir: &Path) -> io::Result<BTreeMap<String, Self>> {
        let dir = state_dir.join(CURSORS);
        let names = match RealFs.names(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        let load = |name: String| {
            let progress = read(&*RealFs.open(&dir.join(&name))?)?.map(|(_, progress)| progress);
            Ok((name, progress.unwrap_or_default()))
        };
        names.into_iter().map(load).collect()
    }
}

const FIELDS: usize = 9;
/// The fields and their checksum; the rest of the slot is free.
const SLOT: usize = 128;
const CRC_AT: usize = FIELDS * 8;

impl Cursor {
    /// Reads an output's progress, or begins it.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, name: &str) -> Result<Self, Error> {
        let path = dir.join(name);
        let failed = |source| Error::io("cannot use the cursor", &path, source);
        let file = match fs.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs.create(&path).and_then(|file| fs.sync_dir(dir).map(|()| file))
            }
            opened => opened,
        };
        let file = file.map_err(failed)?;
        let (writes, progress) = read(&*file).map_err(failed)?.unwrap_or_default();
        Ok(Self { file, writes, progress })
    }

    /// Writes the progress; it survives a crash of the agent.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        self.writes += 1;
        let slot = encode(self.writes, &self.progress);
        self.file.write_at(&slot, (self.writes % 2) * SLOT as u64)
    }

    /// On return, what was written survives a power cut.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

fn read(file: &dyn Handle) -> io::Result<Option<(u64, Progress)>> {
    let mut bytes = [0; 2 * SLOT];
    let got = file.read_at(&mut bytes, 0)?;
    let slots = bytes.get(..got).unwrap_or_default().chunks(SLOT).filter_map(decode);
    Ok(slots.max_by_key(|(writes, _)| *writes))
}

fn encode(writes: u64, progress: &Progress) -> [u8; SLOT] {
    let Progress { sequence, lines_end, batches, lines, refused_batches, refused_lines, lost_lines, retries } =
        *progress;
    let fields: [u64; FIELDS] =
        [writes, sequence, lines_end, batches, lines, refused_batches, refused_lines, lost_lines, retries];
    let mut out = [0; SLOT];
    for (place, field) in out.chunks_exact_mut(8).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    let crc = crc32fast::hash(&out[..CRC_AT]);
    out[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
    out
}

fn decode(slot: &[u8]) -> Option<(u64, Progress)> {
    let crc = slot.get(CRC_AT..CRC_AT + 4)?.try_into().ok().map(u32::from_le_bytes)?;
    let fields = slot.get(..CRC_AT)?;
    if crc != crc32fast::hash(fields) {
        return None;
    }
    let mut fields = fields.chunks_exact(8).filter_map(|field| field.try_into().ok().map(u64::from_le_bytes));
    let mut next = || fields.next();
    let writes = next()?;
    let progress = Progress {
        sequence: next()?,
        lines_end: next()?,
        batches: next()?,
        lines: next()?,
        refused_batches: next()?,
        refused_lines: next()?,
        lost_lines: next()?,
        retries: next()?,
    };
    Some((writes, progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_write_leaves_the_progress_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut cursor = Cursor::open(&RealFs, folder.path(), "main").unwrap();
        assert_eq!(cursor.progress, Progress::default());
        for sequence in 1..=3 {
            cursor.progress.sequence = sequence;
            cursor.write().unwrap();
        }
        assert_eq!(Cursor::open(&RealFs, folder.path(), "main").unwrap().progress.sequence, 3);
        cursor.file.write_at(&[7; 20], SLOT as u64).unwrap();
        let again = Cursor::open(&RealFs, folder.path(), "main").unwrap();
        assert_eq!((again.progress.sequence, again.writes), (2, 2));
    }
}
