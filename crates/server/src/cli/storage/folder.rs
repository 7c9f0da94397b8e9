//! What was found in a data folder, drawn for people.

use std::fmt::Write as _;

use logline::Timestamp;
use storage::folder::{Backup, Damage, Inspection, TableInspection, Verified};

use crate::cli::Failure;

pub(super) fn inspection(found: &Inspection) -> String {
    let mut out = String::new();
    for table in &found.tables {
        draw_table(&mut out, table);
    }
    let wal = &found.wal;
    let state = if found.in_use { "in use by a server" } else { "at rest" };
    let last = if wal.records == 0 { String::new() } else { format!(", the last is {}", wal.last_position) };
    put(
        &mut out,
        format_args!(
            "write-ahead log   {} segments, {}, {} records{last}\n",
            wal.segments,
            size(wal.bytes),
            wal.records
        ),
    );
    put(&mut out, format_args!("folder            {state}\n"));
    out
}

fn draw_table(out: &mut String, table: &TableInspection) {
    put(out, format_args!("table {}\n", table.name));
    let covered: Vec<String> = table.covered.iter().map(|(node, position)| format!("{position} ({node})")).collect();
    put(out, format_args!("  version         {}, {} files of the commit log\n", table.version, table.log_files));
    put(
        out,
        format_args!(
            "  covers the log  up to {}\n",
            if covered.is_empty() { "-".to_owned() } else { covered.join(", ") }
        ),
    );
    let sizes =
        table.file_sizes.map_or_else(String::new, |(least, most)| format!(", {} to {}", size(least), size(most)));
    put(out, format_args!("  files           {}, {} rows, {}{sizes}\n", table.files, table.rows, size(table.bytes)));
    if let Some(streams) = table.streams {
        put(out, format_args!("  streams         {streams}\n"));
    }
    let share = |bytes: u64| 100.0 * bytes as f64 / table.bytes.max(1) as f64;
    for column in &table.columns {
        let (name, plain) = (&column.name, size(column.plain_bytes));
        put(
            out,
            format_args!(
                "  column {name:<18} {:>10} {:>5.1} %  from {plain}\n",
                size(column.bytes),
                share(column.bytes)
            ),
        );
    }
    for (what, bytes) in [("index of words", table.index_bytes), ("footers", table.other_bytes)] {
        put(out, format_args!("  {what:<25} {:>10} {:>5.1} %\n", size(bytes), share(bytes)));
    }
    for tenant in &table.tenants {
        let (first, last) = (time(tenant.first), time(tenant.last));
        let (name, files, rows) = (&tenant.tenant, tenant.files, tenant.rows);
        put(
            out,
            format_args!("  tenant {name}  {files} files, {rows} rows, {}, {first} to {last}\n", size(tenant.bytes)),
        );
    }
    out.push('\n');
}

pub(super) fn verified(found: &Verified) -> String {
    let mut out = damages(&found.damages);
    let Verified { files, without_checksum, bytes, records, torn_bytes, .. } = found;
    put(&mut out, format_args!("{files} files and {records} records of the write-ahead log, {}\n", size(*bytes)));
    if *without_checksum > 0 {
        put(
            &mut out,
            format_args!("{without_checksum} files have no checksum in the commit log and were decoded instead\n"),
        );
    }
    if *torn_bytes > 0 {
        put(&mut out, format_args!("{torn_bytes} bytes at the end of the write-ahead log were never acknowledged\n"));
    }
    out
}

pub(super) fn damages(damages: &[Damage]) -> String {
    damages.iter().map(|damage| format!("{}: {}\n", damage.place.display(), damage.reason)).collect()
}

/// The exit code tells, too.
pub(super) fn sound(damages: &[Damage]) -> Result<(), Failure> {
    if damages.is_empty() {
        super::say("no damage found\n");
        return Ok(());
    }
    let count = damages.len();
    Err(Failure::Failed(format!("{count} damaged; restore from a backup, or leave the damaged files out of the table")))
}

pub(super) fn backups(all: &[Backup]) -> String {
    let mut out = String::from("ID                    FILES       BYTES    NEW BYTES  ROWS OF LINES\n");
    for backup in all {
        let rows = backup.tables.iter().find(|table| table.name == storage::LOGS).map_or(0, |table| table.rows);
        let (id, files) = (&backup.id, backup.file_count());
        put(
            &mut out,
            format_args!("{id:<20} {files:>6} {:>11} {:>12} {rows:>14}\n", size(backup.bytes), size(backup.new_bytes)),
        );
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).unwrap_or_default();
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

fn time(time: Timestamp) -> String {
    jiff::Timestamp::from(time).to_string()
}
