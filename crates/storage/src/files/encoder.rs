//! Encodes rows of a file: where they come, or, in a flush, on a thread of its own, while the next ones are put in order and
//! their words gathered. A flush is the longest single piece of work there is; background jobs keep to one thread, whose
//! time their pace goes by.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;

use crate::store::FileWriter;

/// Batches that may wait to be encoded; each holds on to the rows that it was cut from.
const WAITING: usize = 2;

type Writer = ArrowWriter<Box<dyn FileWriter>>;

/// A file that is being encoded.
#[derive(Debug)]
pub(super) enum Encoder {
    Here(Box<Writer>),
    Beside(Beside),
}

/// A thread that encodes.
#[derive(Debug)]
pub(super) struct Beside {
    rows: Option<SyncSender<RecordBatch>>,
    thread: Option<JoinHandle<Result<Writer, ParquetError>>>,
    bytes: Arc<AtomicUsize>,
}

impl Encoder {
    /// Encodes into a writer, on a thread of its own if wanted.
    pub(super) fn new(writer: Writer, beside: bool) -> Result<Self, ParquetError> {
        Ok(if beside { Self::Beside(Beside::start(writer)?) } else { Self::Here(Box::new(writer)) })
    }

    /// Takes rows. Fails with what went wrong with these or with earlier ones.
    pub(super) fn write(&mut self, rows: RecordBatch) -> Result<(), ParquetError> {
        match self {
            Self::Here(writer) => writer.write(&rows),
            Self::Beside(beside) => beside.write(rows),
        }
    }

    /// Bytes of the file so far, more or less.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Here(writer) => bytes(writer),
            Self::Beside(beside) => beside.bytes.load(Ordering::Relaxed),
        }
    }

    /// The writer, once it has all rows.
    pub(super) fn end(self) -> Result<Writer, ParquetError> {
        match self {
            Self::Here(writer) => Ok(*writer),
            Self::Beside(mut beside) => beside.end(),
        }
    }
}

impl Beside {
    fn start(writer: Writer) -> Result<Self, ParquetError> {
        let (rows, waiting) = sync_channel(WAITING);
        let bytes = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&bytes);
        let run = move || encode(writer, &waiting, &told);
        let thread = std::thread::Builder::new().name("encode".to_owned()).spawn(run)?;
        Ok(Self { rows: Some(rows), thread: Some(thread), bytes })
    }

    fn write(&mut self, rows: RecordBatch) -> Result<(), ParquetError> {
        let taken = self.rows.as_ref().is_some_and(|to| to.send(rows).is_ok());
        if taken { Ok(()) } else { self.end().map(drop) }
    }

    fn end(&mut self) -> Result<Writer, ParquetError> {
        // Nothing more comes, which ends the thread.
        self.rows = None;
        let ended = self.thread.take().map(JoinHandle::join);
        let failed = || ParquetError::General("the thread that encodes a file has panicked or ended before".to_owned());
        ended.and_then(Result::ok).ok_or_else(failed)?
    }
}

impl Drop for Beside {
    /// A file that is given up is removed next: nobody may write to it any more.
    fn drop(&mut self) {
        if self.thread.is_some() {
            drop(self.end());
        }
    }
}

fn encode(mut writer: Writer, rows: &Receiver<RecordBatch>, told: &AtomicUsize) -> Result<Writer, ParquetError> {
    for rows in rows {
        writer.write(&rows)?;
        told.store(bytes(&writer), Ordering::Relaxed);
    }
    Ok(writer)
}

fn bytes(writer: &Writer) -> usize {
    writer.bytes_written() + writer.in_progress_size()
}
