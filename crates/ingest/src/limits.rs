//! What a push may contain; names and defaults are Loki's, but for the ingestion limits that are off and the line size.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use logline::Tenant;

/// Limits of one tenant. Sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request body as it arrives; beyond it 413.
    pub max_body_bytes: usize,
    /// How long a sender may take for its body; after that 408.
    pub max_body_wait: Duration,
    /// A body after decompression; beyond it 413, before anything is allocated for it.
    pub max_decoded_bytes: usize,
    /// Entries, metadata pairs and streams of one push together; beyond it 413. Bounds memory where the bytes do not.
    pub max_items: usize,
    /// Longer lines are cut or refused.
    pub max_line_size: usize,
    /// Whether a line over `max_line_size` is cut and marked; otherwise its entry is refused.
    pub max_line_size_truncate: bool,
    /// How far in the future an entry may be.
    pub creation_grace_period: Duration,
    /// How old an entry may be; `None` for any age, since retention is the limit.
    pub reject_old_samples: Option<Duration>,
    /// Labels of a stream, `service_name` not counted.
    pub max_label_names_per_series: usize,
    /// A label's name.
    pub max_label_name_length: usize,
    /// A label's value.
    pub max_label_value_length: usize,
    /// Names and values of an entry's structured metadata together.
    pub max_structured_metadata_size: usize,
    /// Pairs of structured metadata of an entry.
    pub max_structured_metadata_entries_count: usize,
    /// The first of these labels that is set becomes `service_name`; none: no `service_name` is added.
    pub discover_service_name: Vec<String>,
    /// Whether `detected_level` is added to the structured metadata.
    pub discover_log_levels: bool,
    /// Whether an entry with the time of the one before it in its stream, but another text, gets a nanosecond more.
    pub increment_duplicate_timestamp: bool,
    /// How much the tenant may send; `None` for any amount.
    pub ingestion_rate: Option<Rate>,
}

/// A pace in the long run, and how much may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Bytes a second, of lines and their metadata.
    pub bytes_per_second: u64,
    /// Bytes at once.
    pub burst: u64,
}

/// The limits of all tenants: general ones, and those of single tenants.
#[derive(Clone, Debug, Default)]
pub struct LimitsByTenant {
    /// Of every tenant that has none of its own.
    pub general: Arc<Limits>,
    /// Of single tenants, whole.
    pub tenants: BTreeMap<Tenant, Arc<Limits>>,
}

impl LimitsByTenant {
    /// Those that hold for a tenant.
    pub fn of(&self, tenant: &Tenant) -> &Arc<Limits> {
        self.tenants.get(tenant).unwrap_or(&self.general)
    }
}

const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            max_body_wait: Duration::from_secs(60),
            max_decoded_bytes: 64 << 20,
            max_items: 1_000_000,
            max_line_size: 1 << 20,
            max_line_size_truncate: true,
            creation_grace_period: Duration::from_secs(600),
            reject_old_samples: None,
            max_label_names_per_series: 15,
            max_label_name_length: 1024,
            max_label_value_length: 2048,
            max_structured_metadata_size: 64 << 10,
            max_structured_metadata_entries_count: 128,
            discover_service_name: SERVICE_LABELS.map(str::to_owned).to_vec(),
            discover_log_levels: true,
            increment_duplicate_timestamp: false,
            ingestion_rate: None,
        }
    }
}
