//! The likeliest lines behind an alert: found under the rights of whoever is told, masked before they are kept.

use logline::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};

use crate::LinesQuery;

/// A line that may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Of the entry.
    pub time: Timestamp,
    /// The service it is from.
    pub service: String,
    /// Its text, masked and cut.
    pub text: String,
}

/// Finds lines. The server's implementation asks the query engine under a scope of these services only.
#[async_trait::async_trait]
pub trait Lines: Send + Sync + std::fmt::Debug {
    /// At most `limit` lines of these services (`*` for all), the likeliest first; none when they cannot be had in time.
    async fn likeliest(&self, tenant: &Tenant, services: &[String], query: &LinesQuery, limit: usize) -> Vec<Line>;
}
