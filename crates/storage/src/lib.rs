//! Keeps batches: write-ahead log, head in memory, Parquet files in a Delta table; answers [`Storage::scan`].

mod budget;
mod config;
mod deletes;
mod delta;
mod derive;
mod error;
pub mod exchange;
mod files;
mod filter;
pub mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod health;
mod ids;
mod index;
mod jobs;
pub mod logs;
mod merge;
mod metrics;
mod paths;
mod pattern;
mod predicate;
mod read;
mod rows;
mod scan;
mod seen;
mod shared;
mod snapshot;
mod spec;
mod status;
mod storage;
mod store;
mod stretches;
mod table;
mod veil;
mod visibility;
mod wal;
mod writer;

pub use config::{
    AckLevel, BucketConfig, BucketUrl, Components, Config, Encryption, Keys, Lifecycle, Retention, StreamRetention,
};
pub use deletes::{Delete, DeleteState, NewDelete};
pub use derive::Derive;
pub use error::{Error, Kind};
pub use health::{Affected, Trouble};
pub use jobs::{Job, JobKind, JobState};
pub use logs::LOGS;
pub use metrics::Metrics;
pub use predicate::{Predicate, TextMatch, TimeRange};
pub use scan::{FileRef, Scan, ScanStats, SharedStats, Source};
pub use snapshot::{At, Snapshot};
pub use spec::TableSpec;
pub use status::{Status, TableStatus};
pub use storage::Storage;
pub use stretches::Stretches;
pub use table::{Appended, Table};
pub use veil::Veil;
pub use visibility::{ColumnMask, Visibility};
