//! The bounded writer: lines go to a queue and from there, in the background, to a file or stdout.
//!
//! A request never waits for the disk: when the queue is full the line is dropped and counted.

mod file;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Error;
use file::ReopenedFile;

/// How long dropping the last handle waits for what is queued.
const GRACE: Duration = Duration::from_secs(2);

/// How much may wait to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Lines.
    pub lines: usize,
    /// Bytes of these lines.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { lines: 16_384, bytes: 16 << 20 }
    }
}

/// A handle to the queue; clones share it. Dropping the last one writes what is queued, waiting up to two seconds.
#[derive(Clone, Debug)]
pub struct Writer(Arc<Handle>);

impl Writer {
    /// Appends to a file, which is opened anew when it was renamed or deleted, as log rotation does.
    pub fn file(path: impl AsRef<Path>, limits: QueueLimits) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = ReopenedFile::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        Self::to(file, limits)
    }

    /// Writes to the standard output.
    pub fn stdout(limits: QueueLimits) -> Result<Self, Error> {
        Self::to(io::stdout(), limits)
    }

    /// Writes to anything. Every write holds whole lines and is followed by a flush.
    pub fn to(target: impl Write + Send + 'static, limits: QueueLimits) -> Result<Self, Error> {
        let queue = Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), limits });
        let of_thread = Arc::clone(&queue);
        thread::Builder::new()
            .name("lapidary-log".to_owned())
            .spawn(move || write_all(&of_thread, target))
            .map_err(Error::Thread)?;
        Ok(Self(Arc::new(Handle(queue))))
    }

    /// Queues a line, given without its line break; or drops and counts it when the queue is full. Never waits for IO.
    pub fn write(&self, line: String) {
        let queue = &self.0.0;
        let mut state = queue.lock();
        let room = state.lines.len() < queue.limits.lines && state.bytes + line.len() <= queue.limits.bytes;
        if !room {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line);
        state.accepted += 1;
        drop(state);
        queue.changed.notify_all();
    }

    /// How many lines were lost so far: the queue was full, or the target refused them.
    pub fn dropped(&self) -> u64 {
        self.0.0.lock().dropped
    }

    /// Waits until all that is queued now is written; false if that took longer than `within`. Blocks the thread: call
    /// it when the service ends, in async code through `spawn_blocking`.
    pub fn flush(&self, within: Duration) -> bool {
        self.0.0.wait_until_written(within)
    }
}

/// Ends the thread when the last writer goes.
#[derive(Debug)]
struct Handle(Arc<Queue>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
        self.0.wait_until_written(GRACE);
    }
}

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    limits: QueueLimits,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines ever queued, and those of them that are written or lost since.
    accepted: u64,
    done: u64,
    dropped: u64,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_written(&self, within: Duration) -> bool {
        let state = self.lock();
        let wanted = state.accepted;
        let waited = self.changed.wait_timeout_while(state, within, |state| state.done < wanted);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    /// The next lines, all that wait; none once the writer is closed.
    fn take(&self) -> Option<VecDeque<String>> {
        let idle = |state: &mut State| state.lines.is_empty() && !state.closed;
        let mut state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        state.bytes = 0;
        let lines = std::mem::take(&mut state.lines);
        (!lines.is_empty()).then_some(lines)
    }

    fn finish(&self, lines: u64, written: bool) {
        let mut state = self.lock();
        state.done += lines;
        if !written {
            state.dropped += lines;
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// The thread: writes batch after batch. After a failed write the next one begins on a new line.
fn write_all(queue: &Queue, mut target: impl Write) {
    let mut text = Vec::new();
    let mut torn = false;
    while let Some(lines) = queue.take() {
        text.clear();
        if torn {
            text.push(b'\n');
        }
        for line in &lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        let written = target.write_all(&text).and_then(|()| target.flush()).is_ok();
        torn = !written;
        queue.finish(lines.len() as u64, written);
        text.shrink_to(1 << 20);
    }
}

#[cfg(test)]
mod tests;
