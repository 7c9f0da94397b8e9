//! Three simulated services that speak HTTP to each other, their customers and their history.

pub mod children;
pub mod control;
pub mod crowd;
mod error;
pub mod faults;
pub mod folder;
pub mod history;
pub mod lines;
pub mod live;
pub mod report;
pub mod services;
pub mod state;
pub mod world;

pub use error::Error;
