//! Encodes rows of a file on a thread of its own, while the next ones are put in order and their words gathered: a flush is
//! the longest single piece of work there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::store::FileWriter;

/// Batches that may wait to be encoded, each of a block of rows at most.
const WAITING: usize = 2;

type Writer = ArrowWriter<Box<dyn FileWriter>>;

/// A file that is being encoded.
#[derive(Debug)]
pub(super) struct Encoder {
    rows: Option<SyncSender<RecordBatch>>,
    thread: Option<JoinHandle<Result<Writer, ParquetError>>>,
    /// Bytes of the file so far, more or less.
    bytes: Arc<AtomicUsize>,
}

impl Encoder {
    pub(super) fn start(writer: Writer) -> Result<Self, ParquetError> {
        let (rows, waiting) = sync_channel(WAITING);
        let bytes = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&bytes);
        let run = move || encode(writer, &waiting, &told);
        let thread = std::thread::Builder::new().name("encode".to_owned()).spawn(run)?;
        Ok(Self { rows: Some(rows), thread: Some(thread), bytes })
    }

    /// Hands rows over. Fails with what went wrong with these or with earlier ones.
    pub(super) fn write(&mut self, rows: RecordBatch) -> Result<(), ParquetError> {
        let taken = self.rows.as_ref().is_some_and(|to| to.send(rows).is_ok());
        if taken { Ok(()) } else { self.end().map(drop) }
    }

    /// Bytes of the file so far, more or less.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Waits until all rows are encoded.
    pub(super) fn end(&mut self) -> Result<Writer, ParquetError> {
        // Nothing more comes, which ends the thread.
        self.rows = None;
        let ended = self.thread.take().map(JoinHandle::join);
        let failed = || ParquetError::General("the thread that encodes a file has ended before".to_owned());
        ended.and_then(Result::ok).ok_or_else(failed)?
    }
}

impl Drop for Encoder {
    /// A file that is given up is removed next: nobody may write to it any more.
    fn drop(&mut self) {
        if self.thread.is_some() {
            drop(self.end());
        }
    }
}

fn encode(mut writer: Writer, rows: &Receiver<RecordBatch>, bytes: &AtomicUsize) -> Result<Writer, ParquetError> {
    for rows in rows {
        writer.write(&rows)?;
        bytes.store(writer.bytes_written() + writer.in_progress_size(), Ordering::Relaxed);
    }
    Ok(writer)
}
