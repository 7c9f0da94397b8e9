//! Opens SQLite or PostgreSQL: ordered migrations, typed repositories, leases.
//!
//! One file a domain, one struct a repository, reached through a method of [`State`]. To add one: a file like
//! `leases.rs` and a numbered file in `migrations/`, named in `migrations.rs`. Statements are portable: `$1` for
//! arguments, `TEXT`, `BIGINT` and `DOUBLE PRECISION` for columns, times as milliseconds (`time.rs`), lists as JSON.
//! No other crate names sqlx.

mod alert_states;
mod anchors;
mod audit_sent;
mod changes;
mod database;
mod documents;
mod error;
mod json;
mod leases;
mod location;
mod migrations;
mod notices;
mod outbox;
mod sessions;
#[cfg(test)]
mod testing;
mod time;
mod tokens;
mod users;

pub use alert_states::{AlertState, AlertStates};
pub use anchors::{Anchor, Anchors};
pub use audit_sent::AuditSent;
pub use changes::Changes;
pub use database::State;
pub use documents::{Document, Documents};
pub use error::{Error, Kind};
pub use json::encode;
pub use leases::{Lease, Leases};
pub use location::Location;
pub use notices::{IncidentRow, NoticeChange, Notices};
pub use outbox::{NewParcel, Outbox, Parcel, ParcelEnd, ParcelStatus};
pub use sessions::{Session, Sessions};
pub use tokens::{Token, Tokens};
pub use users::{User, Users};

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
