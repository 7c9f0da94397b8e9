//! How inputs hand their lines in: what a line is, and the door for inputs that are told lines.
//!
//! There are two kinds of input, and one loop that masks and batches for both:
//!
//! - Inputs that can read again (files) are asked: [`Tail::fill`](crate::tail::Tail::fill) gets the batch under
//!   construction, adds lines with [`Batch::line`](crate::batch::Batch::line) and says with
//!   [`Batch::cover`](crate::batch::Batch::cover) how far the file is read thereby. Lines and place go into one record
//!   of the spool, so after a restart reading goes on exactly behind the last line that is on disk.
//! - Inputs that are told lines (stdin, a command, the journal, listeners) run as tasks of their own and own a
//!   [`Feed`]. [`Feed::hand_in`] waits while the agent cannot take more, which is the back-pressure, and gives a
//!   [`Receipt`], which resolves when the lines are synced in the spool: then, and not before, a listener answers its
//!   sender. An input that can name its place (a journal's cursor) gives it as `cursor`: it is saved in the same record
//!   as the lines and found again in `State::cursors` after a restart.
//!
//! Bytes are raw: decoding, times, masking and cutting happen behind this door, and nothing unmasked is kept.

use std::sync::Arc;

use logline::{Labels, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::lines::Source;

/// How many hand-overs wait at most; each should be a few hundred KiB at most.
const WAITING: usize = 8;

/// One line for [`Batch::line`](crate::batch::Batch::line).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line<'a> {
    /// Which file or connection it comes from: a line without a time takes that of the line before it from there.
    pub(crate) origin: u64,
    /// The text, raw, without its end.
    pub(crate) bytes: &'a [u8],
    /// Its length, where `bytes` is only its beginning.
    pub(crate) total: Option<usize>,
    /// When its input saw it; counts where the text has no time of its own.
    pub(crate) time: Option<Timestamp>,
    /// Its labels, raw, where they are not those of its source.
    pub(crate) labels: Option<&'a Labels>,
    /// Structured metadata, raw.
    pub(crate) metadata: &'a [(String, String)],
}

/// One line of a [`Handed`].
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnedLine {
    pub(crate) bytes: Vec<u8>,
    /// See [`Line::total`].
    pub(crate) total: Option<usize>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) labels: Option<Labels>,
    pub(crate) metadata: Vec<(String, String)>,
}

/// What lines go into: a batch, or a hand-over.
pub(crate) trait Take {
    /// Adds a line.
    fn line(&mut self, source: &Source, line: &Line<'_>);
}

impl Take for Vec<OwnedLine> {
    fn line(&mut self, _: &Source, line: &Line<'_>) {
        if !line.bytes.is_empty() {
            self.push(OwnedLine {
                bytes: line.bytes.to_vec(),
                total: line.total,
                time: line.time,
                labels: line.labels.cloned(),
                metadata: line.metadata.to_vec(),
            });
        }
    }
}

/// Lines on their way from a task to the loop. They go into one batch together.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) source: Arc<Source>,
    /// See [`Line::origin`].
    pub(crate) origin: u64,
    pub(crate) lines: Vec<OwnedLine>,
    /// The input's name, and where it would go on behind these lines.
    pub(crate) cursor: Option<(String, String)>,
    /// Told when the lines are in the spool.
    pub(crate) receipt: oneshot::Sender<()>,
}

/// The door; each input that is told lines has one.
#[derive(Clone, Debug)]
pub(crate) struct Feed(mpsc::Sender<Handed>);

/// Resolves when lines are in the spool.
#[derive(Debug)]
pub(crate) struct Receipt(oneshot::Receiver<()>);

/// The agent stops: the lines may not be in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the agent stops")]
pub(crate) struct Stopped;

/// A door and what comes in by it.
pub(crate) fn feed() -> (Feed, mpsc::Receiver<Handed>) {
    let (door, handed) = mpsc::channel(WAITING);
    (Feed(door), handed)
}

impl Feed {
    /// Waits until the loop has room, then hands lines in. Cancelled before it is done, nothing is handed in.
    pub(crate) async fn hand_in(
        &self,
        source: Arc<Source>,
        origin: u64,
        lines: Vec<OwnedLine>,
        cursor: Option<(String, String)>,
    ) -> Result<Receipt, Stopped> {
        let (receipt, received) = oneshot::channel();
        self.0.send(Handed { source, origin, lines, cursor, receipt }).await.map_err(|_| Stopped)?;
        Ok(Receipt(received))
    }
}

impl Receipt {
    /// Waits until the lines are synced in the spool.
    pub(crate) async fn stored(self) -> Result<(), Stopped> {
        self.0.await.map_err(|_| Stopped)
    }

    /// Whether the lines are synced in the spool by now; asked again after a yes, it says no.
    pub(crate) fn is_stored(&mut self) -> bool {
        self.0.try_recv().is_ok()
    }
}
