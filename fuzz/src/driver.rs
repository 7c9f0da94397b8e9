//! The loop: every input of the corpus, then mutations of them until the budget is spent or a law is broken.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stdx::{Clock as _, Rng, SystemClock};

use crate::Target;
use crate::mutate::mutate;

/// How long to go on after the corpus.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// So many mutations.
    Inputs(u64),
    /// So long.
    Time(Duration),
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Inputs that were tried, the corpus included.
    pub inputs: u64,
}

/// An input that broke a law, and what the target said.
#[derive(Clone, Debug)]
pub struct Crash {
    /// The input.
    pub input: Vec<u8>,
    /// The message of the panic.
    pub message: String,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nthe input: {:?}", self.message, String::from_utf8_lossy(&self.input))
    }
}

/// What a run works on now, for whoever watches that it does not hang.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<(u64, Vec<u8>)>);

impl Progress {
    /// How many inputs were begun, and the last of them.
    pub(crate) fn now(&self) -> (u64, Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, input: &[u8]) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.0 += 1;
        now.1.clear();
        now.1.extend_from_slice(input);
    }
}

/// Tries the corpus and then mutations of it; the same seed makes the same mutations.
pub fn run(target: &Target, corpus: &[Vec<u8>], seed: u64, budget: Budget) -> Result<Report, Crash> {
    watched(target, corpus, seed, budget, &Progress::default())
}

/// For tests: every target on its corpus in `folder`, with a fixed number of mutations; panics at the first broken law.
pub fn replay(targets: &[Target], folder: &Path, mutations: u64) {
    for target in targets {
        let corpus = crate::load(folder, target.name).unwrap_or_default();
        assert!(!corpus.is_empty(), "target `{}` has no corpus in {}", target.name, folder.display());
        let crash = run(target, &corpus, 1, Budget::Inputs(mutations)).err();
        assert!(
            crash.is_none(),
            "target `{}` breaks a law: {}",
            target.name,
            crash.map_or_else(String::new, |crash| crash.to_string())
        );
    }
}

pub(crate) fn watched(
    target: &Target,
    corpus: &[Vec<u8>],
    seed: u64,
    budget: Budget,
    progress: &Progress,
) -> Result<Report, Crash> {
    let mut report = Report::default();
    let mut attempt = |input: &[u8]| {
        report.inputs += 1;
        progress.begin(input);
        attempt(target, input)
    };
    for input in corpus {
        attempt(input)?;
    }
    let mut rng = Rng::seeded(seed);
    let begun = SystemClock.instant();
    let mut done = 0;
    while match budget {
        Budget::Inputs(inputs) => done < inputs,
        Budget::Time(time) => begun.elapsed() < time,
    } {
        done += 1;
        attempt(&mutate(corpus, target.words, &mut rng))?;
    }
    Ok(report)
}

/// Runs the target once.
pub(crate) fn attempt(target: &Target, input: &[u8]) -> Result<(), Crash> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_err(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Crash { input: input.to_vec(), message: message.unwrap_or_else(|| "a panic without a text".to_owned()) }
    })
}
