//! A log in memory with a clock that ticks a millisecond a look, and ids that count up.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

use crate::{Log, QueueLimits, Settings, Writer};

/// What was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The lines so far, without their date-time.
    pub(crate) fn of(&self, log: &Log) -> Vec<String> {
        assert!(log.flush(Duration::from_secs(30)), "not written in time");
        self.text().lines().map(|line| line.split_once(']').unwrap().1.to_owned()).collect()
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

pub(crate) fn log() -> (Log, Lines) {
    log_with(Settings::default())
}

pub(crate) fn log_with(settings: Settings) -> (Log, Lines) {
    let lines = Lines::default();
    let writer = Writer::to(lines.clone(), QueueLimits::default()).unwrap();
    let (ticks, ids) = (AtomicU64::new(0), AtomicU64::new(0));
    let clock = move || UNIX_EPOCH + Duration::from_millis(ticks.fetch_add(1, Ordering::Relaxed));
    let log = Log::with_random(writer, settings, clock, move || ids.fetch_add(1, Ordering::Relaxed) + 1).unwrap();
    (log, lines)
}

/// A request with a body.
pub(crate) fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post(path).body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

/// The whole body as text.
pub(crate) async fn read<B>(response: Response<B>) -> String
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
