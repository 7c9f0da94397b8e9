//! What this machine can do with these bytes at best, measured in the same run: figures drift, ratios do not.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use stdx::{Clock as _, SystemClock};

/// Blocks as Parquet's pages: this much text is compressed at once.
const BLOCK_BYTES: usize = 1 << 20;
const ROUNDS: usize = 5;
const SYNCS: usize = 200;

/// Rates of one core on the sample of text.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Bounds {
    /// zstd level 1, compression, GB of text a second.
    pub zstd1_encode_gb_s: f64,
    /// zstd level 1, decompression.
    pub zstd1_decode_gb_s: f64,
    /// Looking for an absent literal.
    pub memmem_gb_s: f64,
    /// Compressed bytes per byte of text, the sample stream by stream.
    pub zstd1_ratio: f64,
    /// Milliseconds for 64 KiB to reach the disk.
    pub fdatasync_p50_ms: f64,
}

impl Bounds {
    /// Measures on `text` and in `folder`.
    pub fn measure(text: &[u8], folder: &Path) -> Result<Self> {
        let gigabytes = text.len() as f64 / 1e9;
        let rate = |took: Duration| gigabytes / took.as_secs_f64().max(1e-9);
        let blocks: Vec<Vec<u8>> =
            text.chunks(BLOCK_BYTES).map(|block| zstd::bulk::compress(block, 1)).collect::<Result<_, _>>()?;
        let compressed: usize = blocks.iter().map(Vec::len).sum();
        let encode = median(ROUNDS, || {
            let mut encoder = zstd::bulk::Compressor::new(1)?;
            text.chunks(BLOCK_BYTES).try_for_each(|block| encoder.compress(block).map(drop))
        })?;
        let mut plain = Vec::with_capacity(BLOCK_BYTES);
        let decode = median(ROUNDS, || {
            let mut decoder = zstd::bulk::Decompressor::new()?;
            blocks.iter().try_for_each(|block| {
                plain.clear();
                decoder.decompress_to_buffer(block, &mut plain).map(drop)
            })
        })?;
        let mut found = 0;
        let find = median(ROUNDS, || {
            found += memmem::find_iter(text, "nosuchword").count();
            Ok(())
        })?;
        anyhow::ensure!(found == 0, "the sample holds a word that should be absent");
        Ok(Self {
            zstd1_encode_gb_s: rate(encode),
            zstd1_decode_gb_s: rate(decode),
            memmem_gb_s: rate(find),
            zstd1_ratio: compressed as f64 / text.len().max(1) as f64,
            fdatasync_p50_ms: fdatasync(folder)?.as_secs_f64() * 1e3,
        })
    }
}

fn median(rounds: usize, mut work: impl FnMut() -> std::io::Result<()>) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begun = SystemClock.instant();
        work()?;
        times.push(SystemClock.instant() - begun);
    }
    times.sort();
    times.get(rounds / 2).copied().context("no rounds")
}

fn fdatasync(folder: &Path) -> Result<Duration> {
    let path = folder.join("fdatasync.probe");
    let mut file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    let block = vec![7_u8; 64 << 10];
    let took = median(SYNCS, || file.write_all(&block).and_then(|()| file.sync_data()));
    std::fs::remove_file(&path)?;
    took
}
