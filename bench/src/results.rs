//! Results of a run, kept as a file of JSON.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::bounds::Bounds;

/// One run: the same lines and questions for every system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The day, UTC.
    pub date: String,
    /// Processor and number of cores.
    pub machine: String,
    /// What was asked of the run: lines, seed, rounds.
    pub workload: Workload,
    /// What the machine can do at best; `None` for figures taken elsewhere.
    pub bounds: Option<Bounds>,
    /// One entry a system.
    pub systems: Vec<Measured>,
}

/// What was pushed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Workload {
    /// Seed of the lines.
    pub seed: u64,
    /// Lines.
    pub lines: u64,
    /// Bytes of their text.
    pub text_bytes: u64,
    /// Random bits of a line, on average.
    pub bits_per_line: f64,
    /// No lossless form is smaller than this part of the text.
    pub entropy_bound: f64,
    /// Connections that pushed.
    pub connections: usize,
    /// Lines of a push.
    pub batch: u64,
}

/// What one system did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How its program was built.
    pub profile: Option<String>,
    /// What an acknowledged push may rely on.
    pub ack: String,
    /// Loading.
    pub ingest: Option<Ingest>,
    /// Most memory while it was asked, in MB.
    pub query_peak_rss_mb: Option<f64>,
    /// One entry a question.
    pub questions: Vec<Asked>,
}

/// What loading cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ingest {
    /// Until the last push was acknowledged.
    pub seconds: f64,
    /// Until the flush that followed was done.
    pub seconds_flushed: f64,
    /// MB of text a second, until the last acknowledgement.
    pub mb_per_second: f64,
    /// CPU seconds per GB of text: flushed, compacted, settled.
    pub cpu_seconds_per_gb: Option<f64>,
    /// Of these, until the last acknowledgement.
    pub cpu_seconds_per_gb_loading: Option<f64>,
    /// Half of the pushes were acknowledged within this.
    pub ack_p50_ms: f64,
    /// 99 of 100.
    pub ack_p99_ms: f64,
    /// Most memory, in MB.
    pub peak_rss_mb: Option<f64>,
    /// Bytes of the whole data folder, settled; files that compaction replaced and vacuum has not removed yet included.
    pub disk_bytes: Option<u64>,
    /// Of these, the table of lines: text, ids as columns, index; not what is derived from them.
    pub lines_table_bytes: Option<u64>,
    /// Bytes of the live files of all tables, as the system tells.
    #[serde(default)]
    pub live_bytes: Option<u64>,
    /// Of these, the table of lines.
    #[serde(default)]
    pub lines_live_bytes: Option<u64>,
}

/// What one question cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// Median after a restart with an empty page cache, the first thing asked; only where we may restart.
    pub cold_ms: Option<f64>,
    /// Median of the rounds.
    pub warm_ms: f64,
    /// CPU of the server's process for one, on average over the rounds.
    pub cpu_ms: Option<f64>,
    /// The answer, in brief.
    pub answer: String,
    /// Whether it was right.
    pub right: bool,
}

impl Results {
    /// Reads a file of results.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a file of results", path.display()))
    }

    /// Writes a file of results.
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Wrong answers: system, question, answer. Any of them voids the run.
    pub fn wrong(&self) -> Vec<String> {
        let wrong = |system: &Measured| {
            let asked = system.questions.iter().filter(|asked| !asked.right);
            asked.map(|asked| format!("{}: {}: {}", system.name, asked.name, asked.answer)).collect::<Vec<_>>()
        };
        self.systems.iter().flat_map(wrong).collect()
    }
}

/// The processor's name and how many cores there are.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{} cores, {}", cores, model.unwrap_or_else(|| std::env::consts::ARCH.to_owned()))
}
