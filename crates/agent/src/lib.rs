//! Finds files, tails, masks and ships; never loses or repeats beyond its contract.
//!
//! One task reads and fills batches, one ships them; between them waits at most one batch. A place in a file counts as
//! delivered only after the server's answer, and raw text leaves the process by no way. `docs/agent.md` states the contract.

mod agent;
mod batch;
mod config;
mod error;
mod file;
mod glob;
mod ship;
mod state;
mod store;
mod tail;

pub use agent::Agent;
pub use config::{Config, ENVIRONMENT_PREFIX};
pub use error::Error;
pub use state::{FileId, InFlight, Marker, Part, Position, State, Totals};
