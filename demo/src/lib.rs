//! Three simulated services that speak HTTP to each other, their customers and their history.

pub mod crowd;
mod error;
pub mod faults;
pub mod history;
pub mod lines;
pub mod services;
pub mod state;
pub mod world;

pub use error::Error;
