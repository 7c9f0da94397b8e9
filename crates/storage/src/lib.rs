//! Keeps batches: write-ahead log, head in memory, Parquet files in a Delta table; answers [`Storage::scan`].

mod config;
mod derive;
mod error;
pub mod logs;
mod metrics;
mod predicate;
mod scan;
mod snapshot;
mod spec;
mod status;
mod storage;
mod table;
mod visibility;

pub use config::{AckLevel, Components, Config};
pub use derive::Derive;
pub use error::{Error, Kind};
pub use logs::LOGS;
pub use metrics::Metrics;
pub use predicate::{Predicate, TextMatch, TimeRange};
pub use scan::{FileRef, Scan, ScanStats, SharedStats, Source};
pub use snapshot::Snapshot;
pub use spec::TableSpec;
pub use status::{Status, TableStatus};
pub use storage::Storage;
pub use table::{Appended, Table};
pub use visibility::{ColumnMask, Visibility};
