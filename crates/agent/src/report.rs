//! What an agent has done and what waits: for `status` and for `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use stdx::Language;

use crate::Error;
use crate::archive::Gzip;
use crate::cursor::Progress;
use crate::file::locate;
use crate::spool::format::first_of;
use crate::state::{Position, State, Totals};

/// The whole picture.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The agent's id.
    pub agent: String,
    /// What went into the spool since the first start.
    pub totals: Totals,
    /// What is in the spool.
    pub spool: Waiting,
    /// Each output by its name.
    pub outputs: BTreeMap<String, OutputReport>,
    /// Each file that is known.
    pub files: Vec<FileReport>,
    /// How far inputs without files are read, in their own words.
    pub cursors: BTreeMap<String, String>,
}

/// The spool.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Waiting {
    /// Bytes on disk.
    pub bytes: u64,
    /// Segments.
    pub segments: u64,
    /// The number of the last batch.
    pub last: u64,
}

/// One output.
#[derive(Clone, Debug, Serialize)]
pub struct OutputReport {
    /// What it has done.
    #[serde(flatten)]
    pub progress: Progress,
    /// Batches in the spool that it has not delivered.
    pub waiting_batches: u64,
    /// Lines in them.
    pub waiting_lines: u64,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Where it is, or was last seen.
    pub path: PathBuf,
    /// Bytes that are in the spool.
    pub offset: u64,
    /// Its size, while it is in the folder where it was last seen; of a compressed one that of its content, at least.
    pub size: Option<u64>,
    /// Bytes that are not read yet; of a compressed file bytes of its content, at least.
    pub lag_bytes: u64,
    /// Seconds since bytes were written that are not read yet, at least; 0 if there are none.
    pub lag_seconds: u64,
}

impl Report {
    /// The picture from the state folder of an agent that runs or not, up to a second old; `None` if none ever ran.
    pub fn load(state_dir: &Path, now: SystemTime) -> Result<Option<Self>, Error> {
        let Some(state) = State::load(state_dir)? else { return Ok(None) };
        let failed = |source| Error::io("cannot read", state_dir, source);
        let progress = Progress::load(state_dir).map_err(failed)?;
        let mut spool = Waiting { last: state.sequence, ..Waiting::default() };
        for entry in fs::read_dir(state_dir.join("spool")).into_iter().flatten().filter_map(Result::ok) {
            if first_of(&entry.file_name().to_string_lossy()).is_some() {
                spool.segments += 1;
                spool.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
            }
        }
        Ok(Some(Self::new(&state, progress, spool, now)))
    }

    pub(crate) fn new(state: &State, progress: BTreeMap<String, Progress>, spool: Waiting, now: SystemTime) -> Self {
        let (last, lines) = (spool.last.max(state.sequence), state.totals.lines);
        let output = |progress: Progress| OutputReport {
            waiting_batches: last.saturating_sub(progress.sequence),
            waiting_lines: lines.saturating_sub(progress.lines_end),
            progress,
        };
        Self {
            agent: state.agent.clone(),
            totals: state.totals.clone(),
            spool,
            outputs: progress.into_iter().map(|(name, progress)| (name, output(progress))).collect(),
            files: state.files.values().map(|position| file(position, now)).collect(),
            cursors: state.cursors.clone(),
        }
    }

    /// As text for a terminal.
    pub fn table(&self, language: Language) -> String {
        let mut out = String::new();
        self.write_table(&mut out, language).expect("memory takes everything");
        out
    }

    fn write_table(&self, out: &mut String, language: Language) -> std::fmt::Result {
        let word = |english, russian| language.pick(english, russian);
        self.write_totals(out, language)?;
        for (counts, what) in [
            (&self.totals.masked, word("masked", "замаскировано")),
            (&self.totals.dropped, word("dropped by rule", "отброшено правилом")),
        ] {
            if !counts.is_empty() {
                writeln!(out, "\n{:>14}  {what}", word("count", "число"))?;
            }
            for (rule, count) in counts {
                writeln!(out, "{count:>14}  {rule}")?;
            }
        }
        writeln!(
            out,
            "\n{:>14} {:>14} {:>10} {:>10} {:>10}  {}",
            word("lines", "строк"),
            word("waiting", "ждёт"),
            word("refused", "отвергнуто"),
            word("lost", "потеряно"),
            word("retries", "повторов"),
            word("output", "приёмник"),
        )?;
        for (name, output) in &self.outputs {
            let Progress { lines, refused_lines, lost_lines, retries, .. } = output.progress;
            let waiting = output.waiting_lines;
            writeln!(out, "{lines:>14} {waiting:>14} {refused_lines:>10} {lost_lines:>10} {retries:>10}  {name}")?;
        }
        writeln!(
            out,
            "\n{:>14} {:>14} {:>12} {:>10}  {}",
            word("read", "прочитано"),
            word("of bytes", "из байт"),
            word("lag bytes", "отстаёт, Б"),
            word("lag s", "на, с"),
            word("file", "файл"),
        )?;
        for file in &self.files {
            let size = file.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
            let FileReport { offset, lag_bytes, lag_seconds, path, .. } = file;
            writeln!(out, "{offset:>14} {size:>14} {lag_bytes:>12} {lag_seconds:>10}  {}", path.display())?;
        }
        Ok(())
    }

    fn write_totals(&self, out: &mut String, language: Language) -> std::fmt::Result {
        let Totals { batches, lines, bytes, cut_lines, mask_errors, .. } = &self.totals;
        let (agent, Waiting { bytes: spooled, segments, .. }) = (&self.agent, self.spool);
        match language {
            Language::English => {
                writeln!(out, "agent     {agent}\nbatches   {batches}")?;
                writeln!(out, "lines     {lines} ({bytes} bytes), {cut_lines} cut")?;
                if *mask_errors > 0 {
                    writeln!(out, "defects   {mask_errors} lines not masked and so replaced")?;
                }
                writeln!(out, "spool     {spooled} bytes in {segments} segments")
            }
            Language::Russian => {
                writeln!(out, "агент     {agent}\nпартий    {batches}")?;
                writeln!(out, "строк     {lines} ({bytes} байт), обрезано: {cut_lines}")?;
                if *mask_errors > 0 {
                    writeln!(out, "ошибки    не замаскировано и заменено строк: {mask_errors}")?;
                }
                writeln!(out, "очередь   {spooled} байт, сегментов: {segments}")
            }
        }
    }

    /// As Prometheus reads it. Paths are left out: they may name people, and there may be thousands.
    pub fn metrics(&self) -> String {
        let mut out = String::new();
        self.write_metrics(&mut out).expect("memory takes everything");
        out
    }

    fn write_metrics(&self, out: &mut String) -> std::fmt::Result {
        let totals = &self.totals;
        one(out, "lines_total", "counter", "Lines that went into the spool", totals.lines)?;
        one(out, "read_bytes_total", "counter", "Their bytes in the sources", totals.bytes)?;
        one(out, "cut_lines_total", "counter", "Lines over the size limit", totals.cut_lines)?;
        one(out, "mask_errors_total", "counter", "Lines replaced because masking failed", totals.mask_errors)?;
        by_rule(out, "masked_total", "Personal data replaced, by rule", &totals.masked)?;
        by_rule(out, "dropped_total", "Lines that a rule left out, by rule", &totals.dropped)?;
        let lag = self.files.iter().map(|file| file.lag_bytes).sum();
        let oldest = self.files.iter().map(|file| file.lag_seconds).max().unwrap_or(0);
        one(out, "files", "gauge", "Files that are known", self.files.len() as u64)?;
        one(out, "lag_bytes", "gauge", "Bytes of files that are not read yet", lag)?;
        one(out, "lag_seconds", "gauge", "Longest time that bytes of a file wait, at least", oldest)?;
        one(out, "spool_bytes", "gauge", "Bytes in the spool", self.spool.bytes)?;
        one(out, "spool_segments", "gauge", "Segments of the spool", self.spool.segments)?;
        type Field = (&'static str, &'static str, &'static str, fn(&OutputReport) -> u64);
        let fields: [Field; 7] = [
            ("output_lines_total", "counter", "Lines delivered", |output| output.progress.lines),
            ("output_batches_total", "counter", "Batches delivered", |output| output.progress.batches),
            ("output_retries_total", "counter", "Attempts repeated", |output| output.progress.retries),
            ("output_refused_batches_total", "counter", "Batches refused, wholly or in part", |output| {
                output.progress.refused_batches
            }),
            ("output_refused_lines_total", "counter", "Lines refused", |output| output.progress.refused_lines),
            ("output_lost_lines_total", "counter", "Lines dropped from a full spool, or damaged there", |output| {
                output.progress.lost_lines
            }),
            ("output_waiting_lines", "gauge", "Lines in the spool, not delivered yet", |output| output.waiting_lines),
        ];
        for (name, kind, help, field) in fields {
            head(out, name, kind, help)?;
            for (output, report) in &self.outputs {
                writeln!(out, "lapidary_agent_{name}{{output=\"{output}\"}} {}", field(report))?;
            }
        }
        Ok(())
    }
}

/// What is known of a file, whatever its name is by now; another one that has its old name is not it.
fn file(position: &Position, now: SystemTime) -> FileReport {
    let (path, metadata) = locate(&position.path, position.file).unzip();
    let (path, offset) = (path.unwrap_or_else(|| position.path.clone()), position.offset);
    let size = metadata.as_ref().map(|metadata| content_size(&path, metadata.len(), offset));
    let lag_bytes = size.unwrap_or(0).saturating_sub(offset);
    let written = metadata.and_then(|metadata| metadata.modified().ok());
    let lag = written.and_then(|written| now.duration_since(written).ok()).filter(|_| lag_bytes > 0);
    FileReport { path, offset, size, lag_bytes, lag_seconds: lag.map_or(0, |lag| lag.as_secs()) }
}

/// Bytes that a file of this size holds, of which so many are read. Gzip tells the length of the content modulo 4 GiB, and
/// of the last of its members only, so there may be more; but seldom less than the file itself has.
fn content_size(path: &Path, size: u64, read: u64) -> u64 {
    if path.extension().is_none_or(|end| end != "gz") {
        return size;
    }
    match Gzip::open(path).and_then(|gzip| gzip.told_length()).map(u64::from) {
        Ok(told) if read % (1 << 32) == told => read,
        Ok(told) => told.max(size),
        Err(_) => read,
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP lapidary_agent_{name} {help}.\n# TYPE lapidary_agent_{name} {kind}")
}

fn by_rule(out: &mut String, name: &str, help: &str, counts: &BTreeMap<String, u64>) -> std::fmt::Result {
    head(out, name, "counter", help)?;
    for (rule, count) in counts {
        let rule = rule.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
        writeln!(out, "lapidary_agent_{name}{{rule=\"{rule}\"}} {count}")?;
    }
    Ok(())
}

fn one(out: &mut String, name: &str, kind: &str, help: &str, value: u64) -> std::fmt::Result {
    head(out, name, kind, help)?;
    writeln!(out, "lapidary_agent_{name} {value}")
}

#[cfg(test)]
mod tests;
