//! What pushes may hold, in Loki's words: for all tenants, and for single ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ingest::{Limits, LimitsByTenant, Rate};
use logline::Tenant;
use stdx::{ByteSize, Settings};

use super::count;

/// How old lines may be where old ones are refused and nobody says how old, which is Loki's word.
const OLDEST: Duration = Duration::from_secs(7 * 86_400);

/// Reads what pushes may hold; `patience` is how long a body may take.
pub(super) fn read(settings: &mut Settings, patience: Duration) -> LimitsByTenant {
    let general = limits(settings, "limits", &Limits { max_body_wait: patience, ..Limits::default() });
    let mut tenants = BTreeMap::new();
    for prefix in settings.tables("limits.override") {
        let own = limits(settings, &prefix, &general);
        let name: Option<String> = settings.optional(&format!("{prefix}.tenant"), "");
        // A name that is missing or wrong is reported where retention is read.
        if let Some(tenant) = name.and_then(|name| Tenant::new(&name).ok()) {
            tenants.insert(tenant, Arc::new(own));
        }
    }
    LimitsByTenant { general: Arc::new(general), tenants }
}

fn limits(settings: &mut Settings, prefix: &str, default: &Limits) -> Limits {
    let key = |name: &str| format!("{prefix}.{name}");
    let line = settings.or(&key("max_line_size"), ByteSize(default.max_line_size as u64), "Longest line.");
    let doc = "Cuts longer lines and marks them; else they are refused.";
    let truncate = settings.or(&key("max_line_size_truncate"), default.max_line_size_truncate, doc);
    let doc = "How far in the future a timestamp may lie.";
    let grace = settings.or(&key("creation_grace_period"), default.creation_grace_period, doc);
    let doc = "Whether lines older than `reject_old_samples_max_age` are refused.";
    let is_old_refused = settings.or(&key("reject_old_samples"), default.reject_old_samples.is_some(), doc);
    let doc = "How old a line may be where old ones are refused.";
    let oldest = settings.or(&key("reject_old_samples_max_age"), default.reject_old_samples.unwrap_or(OLDEST), doc);
    let doc = "Bytes of names and values of a line's structured metadata.";
    let metadata = ByteSize(default.max_structured_metadata_size as u64);
    let metadata = settings.or(&key("max_structured_metadata_size"), metadata, doc);
    let doc = "The first of these labels that a stream has becomes its `service_name`; none for no such label.";
    let services = settings.or(&key("discover_service_name"), default.discover_service_name.clone(), doc);
    let doc = "Whether the level of each line is found and kept as `detected_level`.";
    let levels = settings.or(&key("discover_log_levels"), default.discover_log_levels, doc);
    let doc = "Gives a line that has the time of the one before it in its stream, but another text, a nanosecond more.";
    let increment = settings.or(&key("increment_duplicate_timestamp"), default.increment_duplicate_timestamp, doc);
    Limits {
        max_line_size: line.as_usize(),
        max_line_size_truncate: truncate,
        creation_grace_period: grace,
        reject_old_samples: is_old_refused.then_some(oldest),
        max_structured_metadata_size: metadata.as_usize(),
        discover_service_name: services,
        discover_log_levels: levels,
        increment_duplicate_timestamp: increment,
        ingestion_rate: rate(settings, prefix, default.ingestion_rate),
        ..counts(settings, prefix, default)
    }
}

fn counts(settings: &mut Settings, prefix: &str, default: &Limits) -> Limits {
    let mut limit = |name: &str, default, doc| count(settings, &format!("{prefix}.{name}"), default, doc);
    let (names, name, value, pairs) = (
        default.max_label_names_per_series,
        default.max_label_name_length,
        default.max_label_value_length,
        default.max_structured_metadata_entries_count,
    );
    Limits {
        max_label_names_per_series: limit("max_label_names_per_series", names, "Most labels of a stream."),
        max_label_name_length: limit("max_label_name_length", name, "Longest name of a label, in bytes."),
        max_label_value_length: limit("max_label_value_length", value, "Longest value of a label, in bytes."),
        max_structured_metadata_entries_count: limit(
            "max_structured_metadata_entries_count",
            pairs,
            "Most names in a line's structured metadata.",
        ),
        ..default.clone()
    }
}

fn rate(settings: &mut Settings, prefix: &str, default: Option<Rate>) -> Option<Rate> {
    let megabytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let key = format!("{prefix}.ingestion_rate_mb");
    let doc =
        "Most MiB a second that a tenant may send; 0 is no limit. More is answered by 429, and the sender tries again.";
    let rate = settings.or(&key, default.map_or(0.0, |rate| megabytes(rate.bytes_per_second)), doc);
    let burst_key = format!("{prefix}.ingestion_burst_size_mb");
    let doc = "How many MiB of them may come at once; more than a push has.";
    let burst = settings.or(&burst_key, default.map_or(6.0, |rate| megabytes(rate.burst)), doc);
    let mut bytes = |key: &str, value: f64| {
        let is_size = (0.0..1e9).contains(&value);
        if !is_size {
            settings.problem(key, "must be 0 to 1000000000");
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of a known range")]
        let bytes = if is_size { (value * f64::from(1 << 20)) as u64 } else { 0 };
        bytes
    };
    let (bytes_per_second, burst) = (bytes(&key, rate), bytes(&burst_key, burst));
    (bytes_per_second > 0).then_some(Rate { bytes_per_second, burst })
}
