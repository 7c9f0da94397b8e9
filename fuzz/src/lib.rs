//! Hostile input for everything that reads foreign bytes.
//!
//! A [`Target`] is a plain function that panics when a law is broken. Its corpus is `fuzz/corpus/NAME/`, a file an input.
//! A test replays the corpus with some thousand seeded mutations of it; `cargo xtask fuzz NAME --for 10m` goes on for
//! longer. An input that breaks a law is made small and saved into the corpus, and so is a test from then on.
//!
//! To add a target: a file with its function, a line in [`TARGETS`], some inputs in its folder. Targets of crates
//! with heavy dependencies belong in a package of their own, as `fuzz/storage`, which hands its targets to [`program()`] and [`replay`].

mod corpus;
mod driver;
mod events;
mod logql;
mod mask;
mod mutate;
mod program;
mod protocols;
mod spool;

pub use corpus::{folder, load};
pub use driver::{Budget, Crash, Report, replay, run};
pub use program::program;

/// Something that reads bytes it did not write.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Reads the bytes; panics when a law is broken.
    pub run: fn(&[u8]),
    /// Pieces that mean something to it, for the mutator to insert.
    pub words: &'static [&'static str],
}

/// The targets of light crates.
pub const TARGETS: &[Target] = &[
    mask::TARGET,
    events::TARGET,
    protocols::FORWARD,
    protocols::SYSLOG,
    protocols::JOURNAL,
    protocols::PUSH,
    protocols::OTLP,
    spool::TARGET,
    logql::QUERY,
    logql::TEMPLATE,
];
