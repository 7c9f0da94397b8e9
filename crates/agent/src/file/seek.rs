//! Where reading starts in a file that is there when its input is first seen: at its end, or at a time.

use std::io;

use logline::{Reader, Timestamp};

use super::{CHUNK, Tailed, read_full};

impl Tailed {
    /// Goes behind the last line end.
    pub(crate) fn skip_to_end(&mut self) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        self.seek(self.last_line_end(len)?)
    }

    fn last_line_end(&self, len: u64) -> io::Result<u64> {
        let mut end = len & !1;
        while end > 0 {
            let from = end.saturating_sub(CHUNK as u64);
            let mut bytes = vec![0; usize::try_from(len - from).unwrap_or(CHUNK).min(CHUNK + 1)];
            let data = read_full(&self.file, &mut bytes, from)?;
            if let Some(at) = self.lines.charset().last_line_end(data) {
                return Ok(from + at as u64);
            }
            end = from;
        }
        Ok(0)
    }

    /// Goes to the first line of that time or later; lines are taken to be in order. A file that was not changed since is
    /// skipped, one whose lines tell no times is read whole.
    pub(crate) fn skip_to_time(&mut self, time: Timestamp, reader: &Reader) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        if metadata.modified().is_ok_and(|modified| Timestamp::from(modified) < time) {
            return self.skip_to_end();
        }
        let mut buffer = vec![0; CHUNK];
        let (mut low, mut high) = (0, metadata.len());
        while high - low > CHUNK as u64 {
            let middle = (low + (high - low) / 2) & !1;
            match self.first_time(middle, |_| true, &mut buffer, reader)? {
                Some((at, found)) if found < time && at < high => low = at,
                _ => high = middle,
            }
        }
        let mut at = low;
        let mut has_times = false;
        while at < metadata.len() {
            let first = self.first_time(at, |found| found >= time, &mut buffer, reader)?;
            if let Some((place, _)) = first {
                return self.seek(place);
            }
            has_times |= self.first_time(at, |_| true, &mut buffer, reader)?.is_some();
            at += CHUNK as u64 / 2;
        }
        if has_times || low > 0 { self.skip_to_end() } else { self.seek(0) }
    }

    /// The first line with a time that is wanted, in the chunk at `from`; a line that begins before it does not count.
    fn first_time(
        &self,
        from: u64,
        is_wanted: impl Fn(Timestamp) -> bool,
        buffer: &mut [u8],
        reader: &Reader,
    ) -> io::Result<Option<(u64, Timestamp)>> {
        let charset = self.lines.charset();
        let data = read_full(&self.file, buffer, from)?;
        let mut start = 0;
        if from > 0 {
            let Some(end) = charset.line_end(data, 0) else { return Ok(None) };
            start = end + charset.width();
        }
        while let Some(end) = charset.line_end(data, start) {
            let line = data.get(start..end).unwrap_or_default();
            if let Some(time) = self.lines.time(line, reader).filter(|time| is_wanted(*time)) {
                return Ok(Some((from + start as u64, time)));
            }
            start = end + charset.width();
        }
        Ok(None)
    }
}
