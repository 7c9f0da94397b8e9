//! One file compressed with gzip, which is read once from its start, or on from where an earlier run stopped.
//!
//! It is opened once, and everything is asked of what was opened: its name may be that of another file a moment later.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::{FileExt, OpenOptionsExt as _};
use std::path::Path;
use std::time::Instant;

use flate2::read::MultiGzDecoder;

use crate::cutter::Cutter;
use crate::intake::Take;
use crate::lines::Lines;
use crate::state::Marker;

/// Bytes that one turn reads.
const CHUNK: usize = 256 << 10;

/// A compressed file that is open.
#[derive(Debug)]
pub(crate) struct Gzip(File);

/// What a look through the content has shown.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The last of the places that is one in it: what stands before it is the same.
    pub(crate) place: Option<usize>,
    /// Its length and its last bytes, if it was looked through to its end.
    pub(crate) end: Option<(u64, Vec<u8>)>,
    /// Why it cannot be read on.
    pub(crate) damage: Option<io::Error>,
}

/// A compressed file under reading.
#[derive(Debug)]
pub(crate) struct Archive {
    gzip: Gzip,
    /// Many may wait for their turn, so one takes no room before it.
    open: Option<Box<Open>>,
    cutter: Cutter,
    /// Bytes of the content that are still to be passed over.
    skip: u64,
}

#[derive(Debug)]
struct Open {
    decoder: MultiGzDecoder<BufReader<File>>,
    chunk: Vec<u8>,
}

impl Gzip {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let not_waiting = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        Ok(Self(File::options().read(true).custom_flags(not_waiting).open(path)?))
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }

    /// The length of the content as the file's last four bytes tell it: modulo 4 GiB, and of its last member only.
    pub(crate) fn told_length(&self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.0.read_exact_at(&mut bytes, self.metadata()?.len().saturating_sub(4))?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// What a copy of it has too: a marker of its end as it is on disk, where the checksum and the length of the content
    /// stand.
    pub(crate) fn marker(&self) -> io::Result<Marker> {
        let length = self.metadata()?.len();
        let from = length.saturating_sub(Marker::MAX as u64);
        let mut bytes = vec![0; usize::try_from(length - from).unwrap_or(Marker::MAX)];
        self.0.read_exact_at(&mut bytes, from)?;
        Ok(Marker::of(&bytes))
    }

    /// Looks through the content for these places, sorted by offset, and for its end, as far as that is not beyond `most`
    /// bytes.
    pub(crate) fn look_through(&self, places: &[(u64, Marker)], most: u64) -> io::Result<Content> {
        let mut file = &self.0;
        file.rewind()?;
        let mut content = Content::default();
        content.damage = content.look(&mut MultiGzDecoder::new(BufReader::new(file)), places, most).err();
        Ok(content)
    }

    fn begin(&self) -> io::Result<Open> {
        let mut file = self.0.try_clone()?;
        file.rewind()?;
        Ok(Open { decoder: MultiGzDecoder::new(BufReader::with_capacity(64 << 10, file)), chunk: vec![0; CHUNK] })
    }
}

impl Content {
    fn look(&mut self, decoder: &mut impl Read, places: &[(u64, Marker)], most: u64) -> io::Result<()> {
        let mut tail = Vec::new();
        let (mut chunk, mut at) = (vec![0; CHUNK], 0_u64);
        // Behind the last place comes the end, one byte beyond what it may have.
        let stops = places.iter().map(|(offset, _)| *offset).chain([most.saturating_add(1)]);
        for (index, stop) in stops.enumerate() {
            while at < stop {
                let wanted = usize::try_from(stop - at).unwrap_or(CHUNK).min(CHUNK);
                let length = decoder.read(chunk.get_mut(..wanted).unwrap_or_default())?;
                if length == 0 {
                    self.end = Some((at, tail));
                    return Ok(());
                }
                at += length as u64;
                tail.extend_from_slice(chunk.get(..length).unwrap_or_default());
                tail.drain(..tail.len().saturating_sub(Marker::MAX));
            }
            if places.get(index).is_some_and(|(_, marker)| Marker::of(&tail) == *marker) {
                self.place = Some(index);
            }
        }
        Ok(())
    }
}

impl Archive {
    /// Reads from an offset of the content.
    pub(crate) fn new(gzip: Gzip, lines: Lines, offset: u64) -> Self {
        Self { gzip, open: None, cutter: Cutter::new(lines, offset), skip: offset }
    }

    /// Moves lines into the batch; tells up to where the content is in batches, and whether that is all.
    pub(crate) fn read(&mut self, batch: &mut impl Take, now: Instant) -> io::Result<(u64, bool)> {
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(Box::new(self.gzip.begin()?)),
        };
        let length = open.decoder.read(&mut open.chunk)?;
        if length == 0 {
            self.cutter.finish(now, batch);
            return Ok((self.cutter.take(batch), true));
        }
        let passed = usize::try_from(self.skip).unwrap_or(usize::MAX).min(length);
        self.skip -= passed as u64;
        self.cutter.push(open.chunk.get(passed..length).unwrap_or_default(), now, batch);
        Ok((self.cutter.take(batch), false))
    }
}
