//! How much of an archive's content was read before it was compressed, by this run or an earlier one.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::{Original, Stage};
use crate::archive::Gzip;
use crate::file::Tailed;
use crate::state::{FileId, Marker, Position};
use crate::tail::{Tail, copies};

/// What is known of an archive's content.
pub(super) enum Before {
    Nothing,
    /// So many bytes of it were read.
    Read(u64),
    /// An open file has it, of which not all is in batches.
    Waits(Original),
    /// A copy of it is not read to its end yet.
    Later,
    /// It cannot be read to its end, so it may still be written; else so much was read of it.
    Unclear(u64),
}

/// A place in a file that was cut or is gone; with the file, if it is open and its next read will find the cut.
struct Place {
    offset: u64,
    marker: Marker,
    cut: Option<(FileId, Vec<u8>)>,
}

/// Whether it is time to look at the archive again: all that it holds is in batches, or the file holds something else.
pub(super) fn is_settled(file: &Tailed, original: &Original) -> bool {
    let is_cut = file.is_cut().unwrap_or(true);
    let holds = file.holds(original.length, &original.tail).unwrap_or(true);
    !is_cut && (!holds || file.covered() >= original.length)
}

/// Whether a file of this name is compressed.
pub(in crate::tail) fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "gz")
}

impl Tail {
    pub(super) fn read_before(&self, path: &Path, id: FileId, gzip: &Gzip) -> io::Result<Before> {
        if let Some(before) = self.read_as_copy(path, id, &gzip.marker()?) {
            return Ok(before);
        }
        let plain = path.with_extension("");
        let may_be = |original: &Path| {
            !is_archive(original)
                && (original.parent() == path.parent()
                    || original.file_name() == plain.file_name()
                    || copies::is_name_of_copy(&plain, original))
        };
        let gone = self.gone().filter(|position| may_be(&position.path));
        let gone = gone.map(|known| Place { offset: known.offset, marker: known.marker.clone(), cut: None });
        let mut places: Vec<_> = gone.collect();
        let (mut whole, mut most) = (Vec::new(), 0);
        for file in self.files.values().filter(|file| may_be(&file.path)) {
            if file.is_cut()? {
                let (offset, tail) = file.place();
                places.push(Place { offset, marker: Marker::of(tail), cut: Some((file.id, tail.to_owned())) });
            } else {
                most = file.len()?.max(most);
                whole.push(file);
            }
        }
        places.retain(|place| place.offset > 0);
        places.sort_by_key(|place| place.offset);
        if places.is_empty() && most == 0 {
            return Ok(Before::Nothing);
        }
        compare(gzip, places, &whole, most)
    }

    /// How far files were read that are gone or were cut, as far as that is known; at the start, files of an earlier run
    /// too that nobody has found yet.
    pub(in crate::tail) fn gone(&self) -> impl Iterator<Item = &Position> {
        self.ended.iter().rev().chain(self.starts.values())
    }

    /// The same of an archive that is a copy of another one: under its name in another folder, or under one that differs
    /// in its digits, with the same end.
    fn read_as_copy(&self, path: &Path, id: FileId, marker: &Marker) -> Option<Before> {
        let is_it = |known: &Position| {
            known.file != id
                && known.marker == *marker
                && is_archive(&known.path)
                && without_digits(&known.path) == without_digits(path)
        };
        if marker.len < Marker::MAX as u64 {
            return None;
        }
        for known in self.archives.known.values() {
            if known.position().is_some_and(is_it) {
                return Some(match &known.stage {
                    Stage::Done(position) => Before::Read(position.offset),
                    _ => Before::Later,
                });
            }
        }
        self.gone().find(|known| is_it(known)).map(|known| Before::Read(known.offset))
    }
}

/// Looks for these places and for the end of an archive in the content; `whole` are open files of which one may be it, of
/// `most` bytes at most.
fn compare(gzip: &Gzip, places: Vec<Place>, whole: &[&Tailed], most: u64) -> io::Result<Before> {
    let marked: Vec<_> = places.iter().map(|place| (place.offset, place.marker.clone())).collect();
    let content = gzip.look_through(&marked, most)?;
    if let Some((length, tail)) = content.end.filter(|(length, _)| *length > 0) {
        let same = whole.iter().filter(|file| file.holds(length, &tail).unwrap_or(false));
        if let Some(file) = same.max_by_key(|file| file.covered()) {
            let is_read = file.covered() >= length;
            let original = Original { file: file.id, length, tail };
            return Ok(if is_read { Before::Read(length) } else { Before::Waits(original) });
        }
    }
    let place = content.place.and_then(|index| places.into_iter().nth(index));
    Ok(match place {
        _ if content.damage.is_some() => Before::Unclear(place.map_or(0, |place| place.offset)),
        Some(Place { offset: length, cut: Some((file, tail)), .. }) => Before::Waits(Original { file, length, tail }),
        Some(Place { offset, .. }) => Before::Read(offset),
        None => Before::Nothing,
    })
}

fn without_digits(path: &Path) -> Vec<u8> {
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    name.iter().copied().filter(|byte| !byte.is_ascii_digit()).collect()
}
