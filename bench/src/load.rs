//! Pushes all bodies over several connections, and measures until everything has settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use stdx::{Clock as _, SystemClock};
use tokio::task::JoinSet;

use crate::bodies::Bodies;
use crate::process;
use crate::results::Ingest;
use crate::system::System;

/// Settling may not take longer.
const SETTLE_LIMIT: Duration = Duration::from_secs(1_800);

/// How to load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections that push at once.
    pub connections: usize,
    /// How long the process must be idle to count as settled.
    pub quiet: Duration,
    /// Bytes of text a second that are pushed at most.
    pub rate: Option<u64>,
}

impl Load {
    /// Pushes everything; the bodies are taken in their order by whichever connection is free.
    pub async fn run(self, system: &Arc<System>, bodies: &Arc<Bodies>) -> Result<Ingest> {
        let process = system.process();
        if let Some(process) = process {
            process.reset_peak();
        }
        let cpu = || process.map(|process| process.cpu()).transpose();
        let (before, begun) = (cpu()?, SystemClock.instant());
        let next = Arc::new(AtomicUsize::new(0));
        // A body is due at its place in time, however long those before it took.
        let per_body = bodies.account.text_bytes as f64 / bodies.len().max(1) as f64;
        let every = self.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(per_body / rate.max(1) as f64));
        let mut pushers = JoinSet::new();
        for _ in 0..self.connections.max(1) {
            pushers.spawn(push(Arc::clone(system), Arc::clone(bodies), Arc::clone(&next), (begun, every)));
        }
        let mut waits = Vec::new();
        while let Some(done) = pushers.join_next().await {
            waits.extend(done??);
        }
        let loaded = SystemClock.instant() - begun;
        let loading_cpu = cpu()?;
        system.flush().await?;
        let flushed = SystemClock.instant() - begun;
        system.settle(self.quiet, SETTLE_LIMIT).await?;
        waits.sort();
        let at = |percent: usize| {
            let place = (waits.len().max(1) - 1) * percent / 100;
            waits.get(place).map_or(0.0, Duration::as_secs_f64) * 1e3
        };
        let gigabytes = bodies.account.text_bytes as f64 / 1e9;
        let per_gigabyte = |until: Option<Duration>| {
            until.zip(before).map(|(until, before)| (until - before).as_secs_f64() / gigabytes)
        };
        let disk = |folder: &str| {
            let folder = system.data()?.join(folder);
            folder.is_dir().then(|| process::disk(&folder).ok())?
        };
        let live = system.live().await;
        Ok(Ingest {
            seconds: loaded.as_secs_f64(),
            seconds_flushed: flushed.as_secs_f64(),
            mb_per_second: gigabytes * 1e3 / loaded.as_secs_f64(),
            cpu_seconds_per_gb: per_gigabyte(cpu()?),
            cpu_seconds_per_gb_loading: per_gigabyte(loading_cpu),
            ack_p50_ms: at(50),
            ack_p99_ms: at(99),
            peak_rss_mb: process.map(|process| process.peak_rss()).transpose()?.map(|bytes| bytes as f64 / 1e6),
            disk_bytes: disk(""),
            lines_table_bytes: disk("tables/logs"),
            live_bytes: live.map(|(all, _)| all),
            lines_live_bytes: live.map(|(_, lines)| lines),
        })
    }
}

async fn push(
    system: Arc<System>,
    bodies: Arc<Bodies>,
    next: Arc<AtomicUsize>,
    (start, every): (Instant, Duration),
) -> Result<Vec<Duration>> {
    let mut waits = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(body) = bodies.get(index)? else { break };
        let due = start + every * u32::try_from(index)?;
        tokio::time::sleep(due.saturating_duration_since(SystemClock.instant())).await;
        let begun = if every.is_zero() { SystemClock.instant() } else { due };
        system.push(body).await?;
        waits.push(SystemClock.instant() - begun);
    }
    Ok(waits)
}
