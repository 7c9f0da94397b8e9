//! The whole system under load: seeded lines, a loader that speaks Loki push, questions with known answers, and what
//! each system under test paid for them.

pub mod answer;
pub mod bodies;
pub mod bounds;
pub mod chart;
pub mod load;
pub mod process;
pub mod questions;
pub mod results;
pub mod run;
pub mod system;
pub mod truth;
pub mod world;

/// Writes a line for whoever watches.
#[expect(clippy::print_stdout, reason = "this is a program for people")]
pub fn say(text: &str) {
    println!("{text}");
}
