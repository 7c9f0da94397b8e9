//! The paths of objects that are no longer followed, packed into segments of memory within a bound.
//!
//! A path that changes after all is appended again and its old place marked; segments with much waste are written anew.
//! When there are too many bytes the oldest segment goes: analysis then reaches less far back, and says so.

use std::collections::HashMap;
use std::sync::Arc;

use logline::Timestamp;

use crate::trail::Trail;

/// Bytes of a segment; what is being read is never copied but when its segment changes.
const SEGMENT: usize = 1 << 20;
const LIVE: u8 = 1;
const DEAD: u8 = 0;

/// Packed paths of one object type, found by the hash of their id.
#[derive(Debug, Default)]
pub(crate) struct History {
    segments: std::collections::VecDeque<Segment>,
    /// Number of the first segment: it counts up as segments go.
    first: u32,
    index: HashMap<u64, Place>,
    bytes: usize,
    /// Objects that had to go.
    dropped: u64,
    /// The newest beginning of an object that had to go.
    since: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    bytes: Arc<Vec<u8>>,
    wasted: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    segment: u32,
    offset: u32,
}

impl History {
    /// Keeps the path of an object, in the place of an older one of the same object.
    pub(crate) fn put(&mut self, hash: u64, trail: &Trail, scratch: &mut Vec<u8>) {
        self.remove(hash);
        scratch.clear();
        scratch.push(LIVE);
        scratch.extend_from_slice(&hash.to_le_bytes());
        trail.pack(scratch);
        if self.segments.back().is_none_or(|last| SEGMENT < last.bytes.len() + scratch.len()) {
            self.segments
                .push_back(Segment { bytes: Arc::new(Vec::with_capacity(SEGMENT.max(scratch.len()))), wasted: 0 });
        }
        let Some(last) = self.segments.back_mut() else { return };
        let bytes = Arc::make_mut(&mut last.bytes);
        let Ok(offset) = u32::try_from(bytes.len()) else { return };
        bytes.extend_from_slice(scratch);
        self.bytes += scratch.len();
        let segment = self.first.wrapping_add(u32::try_from(self.segments.len() - 1).unwrap_or(u32::MAX));
        self.index.insert(hash, Place { segment, offset });
    }

    /// Changes the path of an object, should it be here.
    pub(crate) fn change(&mut self, hash: u64, with: impl FnOnce(&mut Trail)) {
        let mut trail = Trail::default();
        let Some(place) = self.index.get(&hash).copied() else { return };
        if self.read(place, &mut trail).is_some() {
            with(&mut trail);
            self.put(hash, &trail, &mut Vec::new());
        }
    }

    /// Whether the path of an object is here.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.index.contains_key(&hash)
    }

    /// Forgets the path of an object.
    pub(crate) fn remove(&mut self, hash: u64) {
        let Some(place) = self.index.remove(&hash) else { return };
        let length = self.read(place, &mut Trail::default()).unwrap_or(0);
        let Some(segment) = self.segments.get_mut(place.segment.wrapping_sub(self.first) as usize) else { return };
        if let Some(flag) = Arc::make_mut(&mut segment.bytes).get_mut(place.offset as usize) {
            *flag = DEAD;
        }
        segment.wasted += length;
        if segment.bytes.len() / 2 < segment.wasted {
            self.tidy(place.segment);
        }
    }

    /// Lets the oldest segments go until there are no more than `most` bytes.
    pub(crate) fn shrink(&mut self, most: usize) {
        while most < self.bytes && 1 < self.segments.len() {
            let Some(gone) = self.segments.pop_front() else { return };
            self.first = self.first.wrapping_add(1);
            self.bytes -= gone.bytes.len();
            let mut trail = Trail::default();
            each(&gone.bytes, &mut trail, |hash, trail| {
                self.index.remove(&hash);
                self.dropped += 1;
                self.since = self.since.max(Some(trail.began()));
            });
        }
    }

    /// Objects whose paths are here.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes taken, index included, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.index.capacity() * (size_of::<(u64, Place)>() + 1)
    }

    /// How many objects had to go, and the newest beginning among them.
    pub(crate) const fn dropped(&self) -> (u64, Option<Timestamp>) {
        (self.dropped, self.since)
    }

    /// The segments as they are now: they stay so for whoever holds them.
    pub(crate) fn segments(&self) -> Vec<Arc<Vec<u8>>> {
        self.segments.iter().map(|segment| Arc::clone(&segment.bytes)).collect()
    }

    /// Reads the path at a place; gives how many bytes it takes.
    fn read(&self, place: Place, trail: &mut Trail) -> Option<usize> {
        let segment = self.segments.get(place.segment.wrapping_sub(self.first) as usize)?;
        let (_, length) = entry(segment.bytes.get(place.offset as usize..)?, trail)?;
        Some(length)
    }

    /// Writes a segment anew without what is marked.
    fn tidy(&mut self, number: u32) {
        let Some(segment) = self.segments.get_mut(number.wrapping_sub(self.first) as usize) else { return };
        let (old, mut new) = (Arc::clone(&segment.bytes), Vec::with_capacity(SEGMENT));
        each_entry(&old, &mut Trail::default(), |hash, _, bytes| {
            let offset = u32::try_from(new.len()).unwrap_or(u32::MAX);
            self.index.insert(hash, Place { segment: number, offset });
            new.extend_from_slice(bytes);
        });
        self.bytes = self.bytes - old.len() + new.len();
        *segment = Segment { bytes: Arc::new(new), wasted: 0 };
    }
}

/// Reads every path of a segment that is not marked, into the same memory one after the other.
pub(crate) fn each(segment: &[u8], trail: &mut Trail, mut with: impl FnMut(u64, &Trail)) {
    each_entry(segment, trail, |hash, trail, _| with(hash, trail));
}

fn each_entry(segment: &[u8], trail: &mut Trail, mut with: impl FnMut(u64, &Trail, &[u8])) {
    let mut rest = segment;
    while let Some((hash, length)) = entry(rest, trail) {
        let (bytes, after) = rest.split_at(length);
        if bytes.first() == Some(&LIVE) {
            with(hash, trail, bytes);
        }
        rest = after;
    }
}

/// The first entry of some bytes: hash and length.
fn entry(bytes: &[u8], trail: &mut Trail) -> Option<(u64, usize)> {
    let hash = bytes.get(1..9)?.try_into().ok().map(u64::from_le_bytes)?;
    let rest = trail.unpack(bytes.get(9..)?)?;
    Some((hash, bytes.len() - rest.len()))
}

#[cfg(test)]
mod tests;
