//! Finds files, tails, masks and ships; never loses or repeats beyond its contract.
//!
//! One loop reads, masks and closes batches; a writer puts them into the spool on disk; each output ships from there. A
//! place in a source is saved in the same record as its lines, and raw text leaves the process by no way. `docs/agent.md`
//! states the contract.

mod agent;
mod archive;
mod batch;
mod charset;
mod config;
mod cursor;
mod cutter;
mod disk;
mod error;
mod file;
mod find;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod glob;
mod inputs;
mod intake;
mod join;
mod lines;
mod listen;
mod output;
mod present;
mod report;
mod settled;
mod shape;
mod ship;
mod spool;
mod state;
mod store;
mod tail;
mod transport;
mod watch;
mod writer;

pub use agent::{Agent, Left, Running};
pub use config::{Config, ENVIRONMENT_PREFIX};
pub use cursor::Progress;
pub use error::Error;
pub use report::{FileReport, OutputReport, Report, Waiting};
pub use state::{FileId, Marker, Position, State, Totals};
