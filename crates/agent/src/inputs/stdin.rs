//! The standard input. Nothing of it can be read twice, so an agent that leaves keeps all that is not in the spool for the
//! next one in the same process: the read under way, the line under way, and what was handed in.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use tracing::{info, warn};

use super::{Door, stream};
use crate::cutter::Cutter;
use crate::intake::{OwnedLine, Receipt, Stopped};
use crate::lines::{Lines, Source};

/// The standard input of this process, once one agent has read it.
pub(crate) type Shared = Arc<Mutex<Option<Stdin>>>;

/// What its task needs beside the door.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) shared: Shared,
    /// Whether another agent goes on when this one stops.
    pub(crate) leaving: Arc<AtomicBool>,
}

/// The standard input under reading.
#[derive(Debug)]
pub(crate) struct Stdin {
    input: tokio::fs::File,
    cutter: Cutter,
    /// What may not be in the spool yet. There is never more than the agent holds on its way there.
    parts: VecDeque<Part>,
}

/// Lines that were read together.
#[derive(Debug)]
struct Part {
    source: Arc<Source>,
    lines: Vec<OwnedLine>,
    /// `None` until it is handed in.
    receipt: Option<Receipt>,
}

/// Reads the standard input until it ends or a stop is asked for.
pub(super) async fn run(door: Door, kept: Kept) {
    let mut shared = kept.shared.lock().await;
    if shared.is_none() {
        match Stdin::open(&door) {
            Ok(stdin) => *shared = Some(stdin),
            Err(error) => return warn!(%error, "there is no standard input"),
        }
    }
    let Some(stdin) = shared.as_mut() else { return };
    stdin.take_over(&door);
    match stdin.read(&door, &kept.leaving).await {
        Ok(Ok(())) => info!("the standard input has ended"),
        Ok(Err(error)) => warn!(%error, "cannot read the standard input"),
        Err(Stopped) => {}
    }
}

impl Stdin {
    fn open(door: &Door) -> io::Result<Self> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let input = tokio::fs::File::from_std(input.into());
        let cutter = Cutter::new(Lines::new(Arc::clone(&door.source), 0), 0);
        Ok(Self { input, cutter, parts: VecDeque::new() })
    }

    /// Goes on for an agent whose settings may be others.
    fn take_over(&mut self, door: &Door) {
        self.cutter.lines = Lines::new(Arc::clone(&door.source), 0);
        self.forget_stored();
        for part in &mut self.parts {
            part.receipt = None;
        }
    }

    async fn read(&mut self, door: &Door, leaving: &AtomicBool) -> Result<io::Result<()>, Stopped> {
        let mut chunk = vec![0; stream::CHUNK];
        loop {
            self.hand_in(door).await?;
            let mut lines = Vec::new();
            let end = stream::step(door, &mut self.input, &mut chunk, &mut self.cutter, &mut lines).await;
            if end.is_some() {
                if door.shutdown.is_asked() && leaving.load(Ordering::Relaxed) {
                    // The line under way stays.
                    self.cutter.lines.finish();
                } else {
                    self.cutter.finish(door.clock.instant(), &mut lines);
                }
            }
            self.cutter.take(&mut lines);
            if !lines.is_empty() {
                self.parts.push_back(Part { source: Arc::clone(&door.source), lines, receipt: None });
            }
            if let Some(end) = end {
                self.hand_in(door).await?;
                return if door.shutdown.is_asked() { Err(Stopped) } else { Ok(end) };
            }
        }
    }

    /// Hands in what is not on its way yet.
    async fn hand_in(&mut self, door: &Door) -> Result<(), Stopped> {
        self.forget_stored();
        for part in self.parts.iter_mut().filter(|part| part.receipt.is_none()) {
            let (source, lines) = (Arc::clone(&part.source), part.lines.clone());
            part.receipt = Some(door.feed.hand_in(source, 0, lines, None).await?);
        }
        Ok(())
    }

    fn forget_stored(&mut self) {
        let is_stored = |part: &mut Part| part.receipt.as_mut().is_some_and(Receipt::is_stored);
        while self.parts.pop_front_if(is_stored).is_some() {}
    }
}
